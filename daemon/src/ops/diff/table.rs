//! Rows and columns of two tables, CSV or TSV with a header.
//!
//! Of each row a hash is kept, so that memory is bounded by the number of rows and not by their
//! length. Rows are compared by the columns that both tables have, whatever their order. Where a
//! column, the first one that does, holds a different value in every row of both tables, it says which
//! rows are the same one; else rows only come and go.

use std::collections::HashMap;

use csv::{ByteRecord, Reader, ReaderBuilder};
use dsp_protocol::api::{ColumnChange, TableDiff};

/// Most rows of a table: about 50 MB of hashes.
const ROWS: usize = 400_000;
/// Most columns of a table.
const COLUMNS: usize = 2000;
/// How many columns are tried as the key: each that is takes its hashes.
const KEYS: usize = 3;

/// Half a BLAKE3 hash: of a row, or of a value.
type Hash = [u8; 16];

/// Tells how a table is written whose file is called so; nothing where it is none.
pub(super) fn delimiter(path: &str) -> Option<u8> {
    let (_, suffix) = path.rsplit_once('.')?;
    match suffix.to_ascii_lowercase().as_str() {
        "csv" => Some(b','),
        "tsv" | "tab" => Some(b'\t'),
        _ => None,
    }
}

/// Compares two tables.
///
/// # Errors
/// Says why one of them is none, or is too large.
pub(super) fn compare(old: &[u8], new: &[u8], delimiter: u8) -> Result<TableDiff, String> {
    let (old_delimiter, new_delimiter) = (between(old, delimiter), between(new, delimiter));
    let (old_names, new_names) = (header(old, old_delimiter)?, header(new, new_delimiter)?);
    let common: Vec<&String> = old_names.iter().filter(|name| new_names.contains(name)).collect();
    let old = read(old, old_delimiter, &old_names, &common)?;
    let new = read(new, new_delimiter, &new_names, &common)?;
    let key = (0..common.len().min(KEYS)).find(|at| old.is_key(*at) && new.is_key(*at));
    let (added, removed, changed) = match key {
        Some(at) => by_key(&old, &new, at),
        None => by_row(&old, &new),
    };
    Ok(TableDiff {
        rows_from: old.rows.len() as u64,
        rows_to: new.rows.len() as u64,
        added,
        removed,
        changed,
        key: key.map(|at| common[at].clone()),
        columns: columns(&old_names, &old.kinds, &new_names, &new.kinds),
    })
}

/// Returns what stands between the fields: of the four signs the one that is most frequent in the
/// first line, and the one that the name of the file tells where none is more so.
fn between(bytes: &[u8], told: u8) -> u8 {
    let line = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    let count = |sign: u8| line.iter().filter(|byte| **byte == sign).count();
    let most = b",;\t|".iter().copied().max_by_key(|sign| (count(*sign), *sign == told));
    most.unwrap_or(told)
}

/// A table as far as it is compared.
struct Table {
    /// The hash of each row, of the common columns.
    rows: Vec<Hash>,
    /// For each of the first common columns, the hash of its value in each row.
    keys: Vec<Vec<Hash>>,
    /// What the values of each column are.
    kinds: Vec<Kind>,
}

impl Table {
    /// Tells whether a column holds a different value in every row.
    fn is_key(&self, at: usize) -> bool {
        let mut values = self.keys[at].clone();
        values.sort_unstable();
        !values.is_empty() && values.windows(2).all(|two| two[0] != two[1])
    }
}

/// What the values of a column are; of two kinds the one that fits both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Empty,
    /// Missing, unless the column is text.
    Na,
    Bool,
    Int,
    Float,
    Date,
    Text,
}

impl Kind {
    fn of(value: &[u8]) -> Kind {
        let Ok(text) = std::str::from_utf8(value) else { return Kind::Text };
        let date = || {
            let bytes = text.as_bytes();
            let digit = |at: usize| bytes[at].is_ascii_digit();
            bytes.len() >= 10
                && [0, 1, 2, 3, 5, 6, 8, 9].into_iter().all(digit)
                && bytes[4] == b'-'
                && bytes[7] == b'-'
                && matches!(bytes.get(10), None | Some(b'T' | b' '))
        };
        match text.trim() {
            "" => Kind::Empty,
            "NA" => Kind::Na,
            "true" | "false" | "True" | "False" | "TRUE" | "FALSE" => Kind::Bool,
            text if text.parse::<i64>().is_ok() => Kind::Int,
            text if text.parse::<f64>().is_ok() => Kind::Float,
            _ if date() => Kind::Date,
            _ => Kind::Text,
        }
    }

    fn and(self, other: Kind) -> Kind {
        match (self, other) {
            (Kind::Empty, kind) | (kind, Kind::Empty) => kind,
            (Kind::Na, kind) | (kind, Kind::Na) => kind,
            (one, other) if one == other => one,
            (Kind::Int, Kind::Float) | (Kind::Float, Kind::Int) => Kind::Float,
            _ => Kind::Text,
        }
    }

    fn word(self) -> String {
        let word = match self {
            Kind::Empty => "empty",
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Float => "float",
            Kind::Date => "date",
            Kind::Na | Kind::Text => "text",
        };
        word.to_owned()
    }
}

fn reader(bytes: &[u8], delimiter: u8) -> Reader<&[u8]> {
    ReaderBuilder::new().delimiter(delimiter).from_reader(bytes)
}

/// Reads the names of the columns.
fn header(bytes: &[u8], delimiter: u8) -> Result<Vec<String>, String> {
    let mut reader = reader(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes), delimiter);
    let header = reader.byte_headers().map_err(|error| error.to_string())?;
    if header.len() > COLUMNS {
        return Err(format!("{} columns are more than {COLUMNS}", header.len()));
    }
    let names: Vec<String> =
        header.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|two| two[0] == two[1]) {
        Some(twice) => Err(format!("two columns are called `{}`", twice[0])),
        None => Ok(names),
    }
}

fn read(
    bytes: &[u8],
    delimiter: u8,
    names: &[String],
    common: &[&String],
) -> Result<Table, String> {
    let places: Vec<usize> =
        common.iter().filter_map(|name| names.iter().position(|other| other == *name)).collect();
    let mut table = Table {
        rows: Vec::new(),
        keys: vec![Vec::new(); places.len().min(KEYS)],
        kinds: vec![Kind::Empty; names.len()],
    };
    let mut reader = reader(bytes, delimiter);
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(|error| error.to_string())? {
        if table.rows.len() == ROWS {
            return Err(format!("a table has more than {ROWS} rows"));
        }
        for (kind, value) in table.kinds.iter_mut().zip(&record) {
            *kind = kind.and(Kind::of(value));
        }
        let mut hasher = blake3::Hasher::new();
        for (at, place) in places.iter().enumerate() {
            let value = &record[*place];
            // With its length, so that no two rows are written alike.
            hasher.update(&(value.len() as u64).to_le_bytes()).update(value);
            if let Some(values) = table.keys.get_mut(at) {
                values.push(half(blake3::hash(value)));
            }
        }
        table.rows.push(half(hasher.finalize()));
    }
    // Of a column that holds nothing else nobody knows what is missing in it.
    for kind in table.kinds.iter_mut().filter(|kind| **kind == Kind::Na) {
        *kind = Kind::Text;
    }
    Ok(table)
}

fn half(hash: blake3::Hash) -> Hash {
    hash.as_bytes()[..16].try_into().expect("sixteen bytes")
}

/// Counts rows that came, went and changed, by the value of a column.
fn by_key(old: &Table, new: &Table, at: usize) -> (u64, u64, u64) {
    let before: HashMap<&Hash, &Hash> = old.keys[at].iter().zip(&old.rows).collect();
    let (mut added, mut changed, mut same) = (0, 0, 0);
    for (key, row) in new.keys[at].iter().zip(&new.rows) {
        match before.get(key) {
            None => added += 1,
            Some(other) if *other == row => same += 1,
            Some(_) => changed += 1,
        }
    }
    (added, before.len() as u64 - changed - same, changed)
}

/// Counts rows that came and went; equal rows count as often as they stand there.
fn by_row(old: &Table, new: &Table) -> (u64, u64, u64) {
    let mut more: HashMap<&Hash, i64> = HashMap::new();
    for row in &old.rows {
        *more.entry(row).or_default() -= 1;
    }
    for row in &new.rows {
        *more.entry(row).or_default() += 1;
    }
    let sum = |sign: i64| more.values().map(|n| (n * sign).max(0).unsigned_abs()).sum();
    (sum(1), sum(-1), 0)
}

fn columns(
    old_names: &[String],
    old_kinds: &[Kind],
    new_names: &[String],
    new_kinds: &[Kind],
) -> Vec<ColumnChange> {
    let kind = |names: &[String], kinds: &[Kind], name: &String| {
        names.iter().position(|other| other == name).map(|at| kinds[at])
    };
    let new_only = new_names.iter().filter(|name| !old_names.contains(name));
    let all = old_names.iter().chain(new_only);
    let changes = all.filter_map(|name| {
        let from = kind(old_names, old_kinds, name);
        let to = kind(new_names, new_kinds, name);
        (from != to).then(|| ColumnChange {
            name: name.clone(),
            from: from.map(Kind::word),
            to: to.map(Kind::word),
        })
    });
    changes.collect()
}
