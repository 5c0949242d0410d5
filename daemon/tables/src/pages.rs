//! Headers of Parquet pages, looked at before a page is unpacked: its size there is what the
//! reader allocates, and how many values it has is what it decodes.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::basic::Type;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, Length};
use parquet::schema::types::ColumnDescriptor;

use crate::footer;
use crate::limits::{FOOTER_BYTES, UNPACKED_VALUES};
use crate::source::{Pieces, Source};

/// Longest header of a page.
const HEADER_BYTES: usize = 16 << 10;
/// What the length of a value takes where it stands apart, twice.
const LENGTH_BYTES: u64 = 8;

/// The encodings that are [`deltas`](crate::deltas).
const DELTAS: [i32; 2] = [6, 7];
/// The kind of a page that is a dictionary.
const DICTIONARY: i64 = 2;

/// What a page says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Header {
    unpacked: u64,
    packed: u64,
    values: u64,
    is_dictionary: bool,
    /// Whether values are written as [deltas](crate::deltas).
    has_deltas: bool,
}

/// A source as the Parquet reader wants it; refuses pages that would take too much memory, those
/// together among them that a batch of rows is decoded from.
#[derive(Clone, Debug)]
pub(crate) struct Guarded {
    source: Arc<dyn Source>,
    chunks: Arc<Chunks>,
}

/// The column chunks of the row groups that are read.
#[derive(Debug, Default)]
struct Chunks {
    /// Their ranges by where they begin, with the number of the column.
    ranges: Vec<(u64, u64, usize)>,
    /// Where pages begin, as far as it is known beforehand.
    starts: HashSet<u64>,
    columns: Vec<Cost>,
    /// How many times as long as a page its values are, of columns that may be written as deltas.
    deltas: HashMap<usize, u64>,
    /// Most bytes that a batch takes.
    limit: u64,
    taken: Mutex<Taken>,
}

/// What the values of a column cost.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    /// What a value takes where a row has several, as all are decoded with it.
    value_bytes: u64,
    /// Whether values are views into their page, which stays for as long as the batch.
    is_viewed: bool,
    /// What a value takes at least where it is plain.
    least_bytes: u64,
}

impl Cost {
    fn of(column: &ColumnDescriptor) -> Cost {
        Cost {
            value_bytes: match column.max_rep_level() {
                0 => 0,
                _ => LEVEL_BYTES + value_bytes(column),
            },
            is_viewed: column.physical_type() == Type::BYTE_ARRAY,
            least_bytes: match column.physical_type() {
                Type::BOOLEAN => 1,
                Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 4,
                Type::INT64 | Type::DOUBLE => 8,
                Type::INT96 => 12,
                Type::FIXED_LEN_BYTE_ARRAY => {
                    u64::try_from(column.type_length()).unwrap_or_default().max(1)
                }
            },
        }
    }
}

/// What the pages take from which the batch at hand is decoded.
#[derive(Debug, Default)]
struct Taken {
    columns: HashMap<usize, Pages>,
    /// The size of what was refused.
    refused: Option<u64>,
}

#[derive(Debug, Default)]
struct Pages {
    /// The headers that were looked at last: what a header is and what the beginning of a page's
    /// bytes is not told apart before the page is read.
    headers: [Option<(u64, Header)>; 2],
    /// What the dictionary and the page at hand take, and how much of it stays once they are read.
    dictionary: (u64, u64),
    last: (u64, u64),
    /// What stays of those that were read for this batch.
    stays: u64,
}

impl Guarded {
    /// Makes one for the footer, in which there are no pages.
    pub(crate) fn new(source: Arc<dyn Source>) -> Guarded {
        Guarded { source, chunks: Arc::default() }
    }

    /// Makes one for some row groups, of which a batch may take so many bytes.
    pub(crate) fn for_groups(
        &self,
        metadata: &ParquetMetaData,
        groups: &[usize],
        limit: u64,
        deltas: HashMap<usize, u64>,
    ) -> Guarded {
        let described = metadata.file_metadata().schema_descr().columns();
        let columns = described.iter().map(|column| Cost::of(column)).collect();
        let mut chunks = Chunks { limit, columns, deltas, ..Chunks::default() };
        for &group in groups {
            let pages = metadata.page_index_for_row_group(group);
            for (column, chunk) in metadata.row_group(group).columns().iter().enumerate() {
                let (start, length) = chunk.byte_range();
                chunks.ranges.push((start, start.saturating_add(length), column));
                chunks.starts.insert(start);
                let located = pages.page_locations(column).into_iter().flatten();
                chunks.starts.extend(located.map(|page| page.offset as u64));
            }
        }
        chunks.ranges.sort_unstable();
        Guarded { source: Arc::clone(&self.source), chunks: Arc::new(chunks) }
    }

    /// Lets go of the pages of the batch before, but for those that it ended in.
    pub(crate) fn next_batch(&self) {
        for pages in self.chunks.lock().columns.values_mut() {
            pages.stays = 0;
        }
    }

    /// Returns the size of what was refused as too large.
    pub(crate) fn refused(&self) -> Option<u64> {
        self.chunks.lock().refused
    }

    /// Returns how many bytes a batch may take.
    pub(crate) fn limit(&self) -> u64 {
        self.chunks.limit
    }

    /// Finds the column whose bytes are at an offset.
    fn column(&self, at: u64) -> Option<usize> {
        let ranges = &self.chunks.ranges;
        let place = ranges.partition_point(|(from, ..)| *from <= at).checked_sub(1);
        let (_, end, column) = *ranges.get(place?)?;
        (at < end).then_some(column)
    }
}

impl Chunks {
    fn lock(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what a page is said to be, wherever it begins.
    fn note(&self, column: usize, start: u64, bytes: &[u8]) {
        if let Some(header) = header(bytes) {
            let mut taken = self.lock();
            let pages = taken.columns.entry(column).or_default();
            pages.headers = [Some((start, header)), pages.headers[0]];
        }
    }

    /// Counts a page of so many packed bytes; refuses it where it is too large.
    fn count(&self, column: usize, header: Header, packed: u64) -> Result<()> {
        if header.values > UNPACKED_VALUES {
            return Err(too_large("has", header.values, "values", UNPACKED_VALUES));
        }
        let cost = self.columns.get(column).copied().unwrap_or_default();
        // Room is made for as many as it says.
        let least = header.values.saturating_mul(cost.least_bytes);
        if header.is_dictionary && least > header.unpacked {
            return Err(too_large("has", header.values, "values", header.unpacked));
        }
        let mut values = header.values.saturating_mul(cost.value_bytes);
        let mut unpacked = header.unpacked;
        if header.has_deltas {
            let times = self.deltas.get(&column).ok_or_else(|| {
                let why = "a page is written otherwise than the footer says";
                ParquetError::General(why.into())
            })?;
            values = values.saturating_add(header.values.saturating_mul(LENGTH_BYTES));
            unpacked = unpacked.saturating_mul(*times);
        }
        let bytes = unpacked.saturating_add(packed).saturating_add(values);
        let stays = values.saturating_add(if cost.is_viewed { unpacked } else { 0 });
        let mut taken = self.lock();
        let pages = taken.columns.entry(column).or_default();
        let place = match header.is_dictionary {
            true => &mut pages.dictionary,
            false => &mut pages.last,
        };
        let before = std::mem::replace(place, (bytes, stays));
        pages.stays = pages.stays.saturating_add(before.1);
        let of = |pages: &Pages| {
            let read = pages.dictionary.0.saturating_add(pages.last.0);
            read.saturating_add(pages.stays)
        };
        let sum = taken.columns.values().map(of).fold(0, u64::saturating_add);
        if sum > self.limit {
            taken.refused = Some(sum);
            return Err(too_large("takes, with those beside it,", sum, "bytes", self.limit));
        }
        Ok(())
    }

    /// Counts the page whose packed bytes are at an offset, from the header that was read before.
    fn count_noted(&self, column: usize, at: u64, length: u64) -> Result<()> {
        let noted = {
            let mut taken = self.lock();
            std::mem::take(&mut taken.columns.entry(column).or_default().headers)
        };
        let noted = noted.into_iter().flatten();
        let fits = noted.filter(|(start, header)| *start < at && header.packed == length);
        // Several only where bytes were made to look like a header: then it is the worse one.
        let header = fits.map(|(_, header)| header).max_by_key(|h| (h.unpacked, h.values));
        let header = header.ok_or_else(|| {
            ParquetError::General("the header of a page is not written as it has to be".into())
        })?;
        self.count(column, header, length)
    }
}

/// Bytes of the two levels of a value.
const LEVEL_BYTES: u64 = 4;

/// Returns what a value of a column takes once it is decoded, in bytes.
pub(crate) fn value_bytes(column: &ColumnDescriptor) -> u64 {
    match column.physical_type() {
        // A text is a view into the page that holds it.
        Type::BYTE_ARRAY => 16,
        Type::FIXED_LEN_BYTE_ARRAY => {
            u64::try_from(column.type_length()).unwrap_or_default().max(16)
        }
        _ => 16,
    }
}

fn too_large(does: &str, size: u64, unit: &str, limit: u64) -> ParquetError {
    ParquetError::General(format!("a page {does} {size} {unit}; at most {limit} are read"))
}

impl Length for Guarded {
    fn len(&self) -> u64 {
        self.source.size()
    }
}

impl ChunkReader for Guarded {
    type T = std::io::BufReader<Pieces>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        use std::io::BufRead as _;
        let pieces = Pieces::new(Arc::clone(&self.source), start);
        let mut read = std::io::BufReader::with_capacity(16 << 10, pieces);
        if let Some(column) = self.column(start) {
            let seen = read.fill_buf()?;
            self.chunks.note(column, start, &seen[..seen.len().min(HEADER_BYTES)]);
        }
        Ok(read)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let column = self.column(start);
        // Before it is read: lengths are what the file says, and it may be as large as a disk.
        let limit = if column.is_some() { self.chunks.limit } else { FOOTER_BYTES };
        if length as u64 > limit {
            if column.is_some() {
                self.chunks.lock().refused = Some(length as u64);
            }
            return Err(too_large("is read of", length as u64, "bytes", limit));
        }
        let Some(column) = column else { return Ok(self.source.read_at(start, length)?) };
        if !self.chunks.starts.contains(&start) {
            self.chunks.count_noted(column, start, length as u64)?;
            return Ok(self.source.read_at(start, length)?);
        }
        let bytes = self.source.read_at(start, length)?;
        let header = header(&bytes[..bytes.len().min(HEADER_BYTES)]).ok_or_else(|| {
            ParquetError::General("the header of a page is not written as it has to be".into())
        })?;
        self.chunks.count(column, header, length as u64)?;
        Ok(bytes)
    }
}

/// Reads what matters of a page header, in the compact protocol of Thrift; none where the bytes
/// are none, which is left to the reader to say. Fields come in their order, so that none is there
/// twice: the reader would take the second one.
fn header(bytes: &[u8]) -> Option<Header> {
    let mut read = Compact::new(bytes);
    let mut header = Header::default();
    let mut sizes = 0;
    while let Some((id, of)) = read.field_in_order()? {
        match (id, of) {
            (1, 5) => {
                let kind = read.int().filter(|kind| (0..=3).contains(kind))?;
                header.is_dictionary = kind == DICTIONARY;
            }
            (2, 5) => {
                header.unpacked = u64::try_from(read.int()?).ok()?;
                sizes += 1;
            }
            (3, 5) => {
                header.packed = u64::try_from(read.int()?).ok()?;
                sizes += 1;
            }
            (4, 5) => drop(read.int()?),
            (5 | 7 | 8, 12) => within(&mut read, id, &mut header)?,
            _ => return None,
        }
    }
    (sizes == 2).then_some(header)
}

/// Reads what a header says of a page of data, a dictionary, or a page of data of version 2.
fn within(read: &mut Compact<'_>, page: i64, header: &mut Header) -> Option<()> {
    let outer = read.begin();
    while let Some((id, of)) = read.field_in_order()? {
        match (page, id, of) {
            (_, 1, 5) => header.values = u64::try_from(read.int()?).ok()?,
            (5, 2, 5) | (8, 4, 5) => {
                let encoding = i32::try_from(read.int()?).ok()?;
                header.has_deltas = DELTAS.contains(&encoding);
            }
            (5, 3 | 4, 5) | (7, 2, 5) | (8, 2 | 3 | 5 | 6, 5) => drop(read.int()?),
            (7, 3, 1 | 2) | (8, 7, 1 | 2) => {}
            (5, 5, 12) | (8, 8, 12) => footer::skip(read, of, 0)?,
            _ => return None,
        }
    }
    read.end(outer);
    Some(())
}

/// Reads structs in the compact protocol of Thrift.
pub(crate) struct Compact<'a> {
    bytes: &'a [u8],
    /// The number of the last field of the struct at hand.
    last: i64,
}

impl<'a> Compact<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Compact<'a> {
        Compact { bytes, last: 0 }
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    /// Passes over some bytes.
    pub(crate) fn pass(&mut self, length: usize) -> Option<()> {
        self.bytes = self.bytes.get(length..)?;
        Some(())
    }

    pub(crate) fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub(crate) fn int(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// Begins a struct within, and returns what [`end`](Self::end) wants to go on with the outer.
    pub(crate) fn begin(&mut self) -> i64 {
        std::mem::take(&mut self.last)
    }

    pub(crate) fn end(&mut self, outer: i64) {
        self.last = outer;
    }

    /// Returns the number and the kind of the next field; within, none at the end of a struct.
    pub(crate) fn field(&mut self) -> Option<Option<(i64, u8)>> {
        let byte = self.byte()?;
        if byte & 0x0f == 0 {
            return Some(None);
        }
        let number = match byte >> 4 {
            0 => self.int()?,
            delta => self.last + i64::from(delta),
        };
        // Numbers have 16 bits.
        self.last = i16::try_from(number).ok()?.into();
        Some(Some((self.last, byte & 0x0f)))
    }

    /// Does the same; none where the field does not come behind the one before.
    fn field_in_order(&mut self) -> Option<Option<(i64, u8)>> {
        let before = self.last;
        self.field().filter(|field| field.is_none_or(|(number, _)| number > before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read() {
        // A data page: type 0, 100 bytes unpacked, 50 packed, 7 values, plain.
        let bytes = [
            0x15, 0x00, 0x15, 0xc8, 0x01, 0x15, 0x64, 0x2c, 0x15, 0x0e, 0x15, 0x00, 0x15, 0x06,
            0x15, 0x06, 0x00, 0x00,
        ];
        let plain = Header {
            unpacked: 100,
            packed: 50,
            values: 7,
            is_dictionary: false,
            has_deltas: false,
        };
        assert_eq!(header(&bytes), Some(plain));
        for cut in 0..bytes.len() {
            assert_eq!(header(&bytes[..cut]), None, "{cut} bytes");
        }
        let mut deltas = bytes;
        deltas[11] = 0x0e;
        assert_eq!(header(&deltas), Some(Header { has_deltas: true, ..plain }));
        // The encoding once more, by its number.
        let twice = [&bytes[..16], &[0x05, 0x04, 0x0e, 0x00, 0x00]].concat();
        assert_eq!(header(&twice), None);
        assert_eq!(header(b"PAR1 and other bytes"), None);
        assert_eq!(header(&[0x15, 0x0e, 0x15, 0xc8, 0x01, 0x15, 0x64, 0x00]), None);
    }

    /// Returns one column whose values take 4 bytes at least.
    fn chunks(deltas: HashMap<usize, u64>) -> Chunks {
        let cost = Cost { value_bytes: 0, is_viewed: true, least_bytes: 4 };
        Chunks { columns: vec![cost], limit: 10_000, deltas, ..Chunks::default() }
    }

    #[test]
    fn a_dictionary_has_no_more_values_than_bytes_for_them() {
        let dictionary =
            Header { unpacked: 40, values: 10, is_dictionary: true, ..Header::default() };
        chunks(HashMap::new()).count(0, dictionary, 40).unwrap();
        let error = chunks(HashMap::new()).count(0, Header { values: 11, ..dictionary }, 40);
        assert!(error.unwrap_err().to_string().contains("a page has 11 values"));
    }

    #[test]
    fn deltas_are_counted_as_what_they_become() {
        let page = Header { unpacked: 100, values: 10, has_deltas: true, ..Header::default() };
        assert!(chunks(HashMap::new()).count(0, page, 100).is_err());
        chunks(HashMap::from([(0, 98)])).count(0, page, 100).unwrap();
        let error = chunks(HashMap::from([(0, 99)])).count(0, page, 100).unwrap_err().to_string();
        assert!(error.contains("takes, with those beside it, 10080 bytes"), "{error}");
    }
}
