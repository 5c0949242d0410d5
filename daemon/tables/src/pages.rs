//! Headers of Parquet pages, looked at before a page is unpacked: its size there is what the
//! reader allocates, and how many values it has is what it decodes.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, Length};

use crate::limits::{UNPACKED_BYTES, UNPACKED_SUM_BYTES, UNPACKED_VALUES};
use crate::source::{Pieces, Source};

/// Bytes at the start of a page that are enough for what is looked at.
const HEADER_BYTES: usize = 256;

/// What a page says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Header {
    unpacked: u64,
    values: u64,
}

/// A source as the Parquet reader wants it; refuses pages that would unpack to too much.
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
    /// The largest page of each column so far.
    largest: Mutex<HashMap<usize, u64>>,
}

impl Guarded {
    /// Makes one for the footer, in which there are no pages.
    pub(crate) fn new(source: Arc<dyn Source>) -> Guarded {
        Guarded { source, chunks: Arc::default() }
    }

    /// Makes one for some row groups.
    pub(crate) fn for_groups(&self, metadata: &ParquetMetaData, groups: &[usize]) -> Guarded {
        let mut chunks = Chunks::default();
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

    fn check(&self, start: u64, bytes: &[u8]) -> Result<()> {
        let ranges = &self.chunks.ranges;
        let at = ranges.partition_point(|(from, ..)| *from <= start).checked_sub(1);
        let Some(&(_, end, column)) = at.and_then(|at| ranges.get(at)) else { return Ok(()) };
        let Some(header) = header(bytes).filter(|_| start < end) else { return Ok(()) };
        if header.unpacked > UNPACKED_BYTES {
            return Err(too_large("unpacks to", header.unpacked, "bytes", UNPACKED_BYTES));
        }
        if header.values > UNPACKED_VALUES {
            return Err(too_large("has", header.values, "values", UNPACKED_VALUES));
        }
        let mut largest = self.chunks.largest.lock().unwrap_or_else(PoisonError::into_inner);
        let known = largest.entry(column).or_default();
        *known = (*known).max(header.unpacked);
        let sum = largest.values().sum();
        match sum > UNPACKED_SUM_BYTES {
            true => Err(too_large(
                "unpacks, with those beside it, to",
                sum,
                "bytes",
                UNPACKED_SUM_BYTES,
            )),
            false => Ok(()),
        }
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
        let seen = read.fill_buf()?;
        self.check(start, &seen[..seen.len().min(HEADER_BYTES)])?;
        Ok(read)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = self.source.read_at(start, length)?;
        if self.chunks.starts.contains(&start) {
            self.check(start, &bytes[..bytes.len().min(HEADER_BYTES)])?;
        }
        Ok(bytes)
    }
}

/// Reads what matters of a page header, in the compact protocol of Thrift; none where the bytes
/// are none, which is left to the reader to say.
fn header(bytes: &[u8]) -> Option<Header> {
    let mut read = Compact { bytes, last: 0 };
    let mut header = Header::default();
    let mut sizes = 0;
    while let Some((id, kind)) = read.field()? {
        match (id, kind) {
            (1, 5) => drop(read.int().filter(|kind| (0..=3).contains(kind))?),
            (2, 5) => {
                header.unpacked = u64::try_from(read.int()?).ok()?;
                sizes += 1;
            }
            (3, 5) => {
                read.int()?;
                sizes += 1;
            }
            (4, 5) => drop(read.int()?),
            // Of data pages and of dictionaries, the first field is how many values there are;
            // nothing behind them matters.
            (5 | 7 | 8, 12) => {
                read.last = 0;
                if let Some((1, 5)) = read.field()? {
                    header.values = u64::try_from(read.int()?).ok()?;
                }
                return (sizes == 2).then_some(header);
            }
            _ => return (sizes == 2).then_some(header),
        }
    }
    (sizes == 2).then_some(header)
}

struct Compact<'a> {
    bytes: &'a [u8],
    last: i64,
}

impl Compact<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn int(&mut self) -> Option<i64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        None
    }

    /// Returns the number and the kind of the next field; within, none at the end of a struct.
    fn field(&mut self) -> Option<Option<(i64, u8)>> {
        let byte = self.byte()?;
        if byte == 0 {
            return Some(None);
        }
        self.last = match byte >> 4 {
            0 => self.int()?,
            delta => self.last + i64::from(delta),
        };
        Some(Some((self.last, byte & 0x0f)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read() {
        // A data page: type 0, 100 bytes unpacked, 50 packed, 7 values.
        let bytes = [0x15, 0x00, 0x15, 0xc8, 0x01, 0x15, 0x64, 0x2c, 0x15, 0x0e, 0x15];
        assert_eq!(header(&bytes), Some(Header { unpacked: 100, values: 7 }));
        assert_eq!(header(&bytes[..6]), None);
        assert_eq!(header(b"PAR1 and other bytes"), None);
        assert_eq!(header(&[0x15, 0x0e, 0x15, 0xc8, 0x01, 0x15, 0x64, 0x00]), None);
    }
}
