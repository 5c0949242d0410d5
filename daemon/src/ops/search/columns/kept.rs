//! The file in which columns are kept: a JSON object on each line, one a table. What cannot be read
//! of it is passed over: it is only a cache.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use dsp_protocol::id::BlobHash;
use dsp_tables::Format;
use serde::{Deserialize, Serialize};

use super::super::query::Named;
use super::{Key, REMEMBERED};
use crate::files;

/// The name of the file, which counts up when what is in it changes.
pub(super) const NAME: &str = "columns.2.jsonl";
/// Most bytes that are read of it.
const BYTES: u64 = 2 * REMEMBERED as u64;

/// The columns of a table.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) key: Key,
    pub(super) columns: Vec<Named>,
}

#[derive(Deserialize, Serialize)]
struct Line {
    hash: BlobHash,
    format: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<BlobHash>,
    /// Name, type and kind of each.
    columns: Vec<(String, String, String)>,
}

/// Writes the columns of a table as a line.
pub(super) fn line(key: Key, columns: &Arc<[Named]>) -> String {
    let parts = |column: &Named| {
        (column.name.to_string(), column.type_name.to_string(), column.kind.to_string())
    };
    let line = Line {
        hash: key.hash,
        format: key.format.as_str().to_owned(),
        note: key.note,
        columns: columns.iter().map(parts).collect(),
    };
    serde_json::to_string(&line).map_or_else(|_| String::new(), |text| text + "\n")
}

/// Reads what was kept, up to a bound.
pub(super) fn load(path: &Path) -> Vec<Kept> {
    let Ok(file) = File::open(path) else { return Vec::new() };
    let lines = BufReader::new(file.take(BYTES)).lines().map_while(Result::ok);
    lines.filter_map(|line| kept(&line)).collect()
}

fn kept(line: &str) -> Option<Kept> {
    let line: Line = serde_json::from_str(line).ok()?;
    let key = Key { hash: line.hash, format: Format::from_word(&line.format)?, note: line.note };
    let named = |(name, of, kind): (String, String, String)| Named::new(&name, &of, &kind);
    Some(Kept { key, columns: line.columns.into_iter().map(named).collect() })
}

/// Adds lines. A line that a crash left half written ends before them.
pub(super) fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut file = files::private_options().append(true).create(true).open(path)?;
    if file.metadata()?.len() + text.len() as u64 > BYTES {
        file.set_len(0)?;
    }
    file.write_all(format!("\n{text}").as_bytes())
}

/// Puts other lines in place of all.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), files::FileError> {
    files::replace(path, text.as_bytes())
}
