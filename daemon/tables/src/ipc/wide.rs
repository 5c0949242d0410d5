//! Batches that are too large to be decoded at once: some of their rows at a time, each part as a
//! message of its own. Many programs write a whole table as one batch.
//!
//! What a part takes is added up before it is read, so that a part with wide rows has fewer of them.

use std::sync::Arc;

use arrow_buffer::Buffer;
use arrow_ipc::{
    Block, FieldNode, MessageBuilder, MessageHeader, MetadataVersion, RecordBatchBuilder,
};
use arrow_schema::{DataType, SchemaRef};
use bytes::Bytes;
use flatbuffers::FlatBufferBuilder;

use super::{CONTINUATION, Span};
use crate::TableError;
use crate::limits::{ARROW_BYTES, BATCH};
use crate::source::Source;

/// What lies between two texts that are read together, at most, in bytes.
const GAP: u64 = 4 << 10;
/// Bytes of a view of a text, and of a text that stands in its view.
const VIEW: usize = 16;
const INLINE: usize = 12;
/// Buffers of a message begin at multiples of so many bytes.
const ALIGNED: usize = 8;

/// A batch, of which some rows are read at a time.
pub(super) struct Wide {
    pub(super) source: Arc<dyn Source>,
    pub(super) schema: SchemaRef,
    pub(super) version: MetadataVersion,
    pub(super) rows: u64,
    /// How many values each array has, in the order of the schema.
    pub(super) nodes: Vec<u64>,
    /// Where the buffers of these are, unpacked.
    pub(super) buffers: Vec<Span>,
    /// How many buffers with texts each array of views has.
    pub(super) variadic: Vec<u64>,
}

/// Why a part was not read.
enum Stop {
    /// It would take more than it may.
    Full,
    Failed(TableError),
}

impl<E: Into<TableError>> From<E> for Stop {
    fn from(error: E) -> Stop {
        Stop::Failed(error.into())
    }
}

impl Wide {
    /// Hands out messages of some rows each, all rows in their order.
    pub(super) fn each(
        &self,
        mut with: impl FnMut((Block, Buffer)) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let (mut at, mut many) = (0, BATCH.0 as u64);
        while at < self.rows {
            let count = many.min(self.rows - at);
            // A row is read however wide it is, up to what a batch may take with its copy.
            let room = if count == 1 { ARROW_BYTES / 2 } else { BATCH.1 as u64 };
            match self.part(at, count, room) {
                Ok(message) => {
                    with(message)?;
                    at += count;
                    many = (many * 2).min(BATCH.0 as u64);
                }
                Err(Stop::Full) if count > 1 => many = count / 2,
                Err(Stop::Full) => {
                    let what = format!("row {at} of a batch, in bytes,");
                    return Err(TableError::TooLarge { what, size: room + 1, limit: room });
                }
                Err(Stop::Failed(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// Makes a message of some rows.
    fn part(&self, start: u64, rows: u64, room: u64) -> Result<(Block, Buffer), Stop> {
        let mut part = Part {
            of: self,
            seen: [0; 3],
            nodes: Vec::new(),
            buffers: Vec::new(),
            variadic: Vec::new(),
            body: Vec::new(),
            room,
            values: 0,
        };
        for field in self.schema.fields() {
            part.field(field.data_type(), start, rows)?;
        }
        Ok(part.message(rows))
    }
}

/// Some rows of a batch, as they are gathered.
struct Part<'a> {
    of: &'a Wide,
    /// How many nodes, buffers and counts of the batch were gone through.
    seen: [usize; 3],
    nodes: Vec<FieldNode>,
    buffers: Vec<arrow_ipc::Buffer>,
    variadic: Vec<i64>,
    body: Vec<u8>,
    /// Most bytes of the body, and most values.
    room: u64,
    values: u64,
}

impl Part<'_> {
    /// Adds some values of the next array.
    fn field(&mut self, of: &DataType, start: u64, rows: u64) -> Result<(), Stop> {
        let length = *self.of.nodes.get(self.seen[0]).ok_or_else(missing)?;
        self.seen[0] += 1;
        if start.checked_add(rows).is_none_or(|end| end > length) {
            return Err(TableError::arrow("a column has fewer values than its batch").into());
        }
        // Those that take no bytes take time.
        self.values = self.values.saturating_add(rows);
        if self.values > self.room {
            return Err(Stop::Full);
        }
        let place = self.nodes.len();
        self.nodes.push(FieldNode::new(rows as i64, rows as i64));
        if *of == DataType::Null {
            return Ok(());
        }
        let valid = self.validity(start, rows)?;
        let nulls = valid.as_ref().map_or(0, |bits| rows - ones(bits, rows));
        self.nodes[place] = FieldNode::new(rows as i64, nulls as i64);
        match of {
            DataType::Boolean => {
                let span = self.next()?;
                let bits = self.bits(span, start, rows)?;
                self.put(&bits)
            }
            DataType::Utf8 | DataType::Binary => self.texts(4, start, rows),
            DataType::LargeUtf8 | DataType::LargeBinary => self.texts(8, start, rows),
            DataType::Utf8View | DataType::BinaryView => self.views(valid, start, rows),
            DataType::List(item) | DataType::Map(item, _) => {
                let (first, count) = self.offsets(4, start, rows)?;
                self.field(item.data_type(), first, count)
            }
            DataType::LargeList(item) => {
                let (first, count) = self.offsets(8, start, rows)?;
                self.field(item.data_type(), first, count)
            }
            DataType::FixedSizeList(item, width) => {
                let width = u64::try_from(*width).map_err(TableError::arrow)?;
                let (first, count) = (start.checked_mul(width), rows.checked_mul(width));
                let (first, count) = first.zip(count).ok_or(Stop::Full)?;
                self.field(item.data_type(), first, count)
            }
            DataType::Struct(fields) => {
                fields.iter().try_for_each(|field| self.field(field.data_type(), start, rows))
            }
            DataType::Dictionary(keys, _) => self.fixed(keys.primitive_width(), start, rows),
            DataType::FixedSizeBinary(width) => {
                self.fixed(usize::try_from(*width).ok(), start, rows)
            }
            other => self.fixed(other.primitive_width(), start, rows),
        }
    }

    /// Adds the bits that say which values are there; returns them where they are told.
    fn validity(&mut self, start: u64, rows: u64) -> Result<Option<Vec<u8>>, Stop> {
        let span = self.next()?;
        if span.length == 0 {
            self.put(&[])?;
            return Ok(None);
        }
        let bits = self.bits(span, start, rows)?;
        self.put(&bits)?;
        Ok(Some(bits))
    }

    /// Reads bits, so that the first of them is the first of a byte.
    fn bits(&self, span: Span, start: u64, rows: u64) -> Result<Vec<u8>, Stop> {
        if rows == 0 {
            return Ok(Vec::new());
        }
        let (from, shift) = (start / 8, (start % 8) as u32);
        let to = (start + rows).div_ceil(8);
        let bytes = self.read(span, from, to - from)?;
        let bits = bytes.iter().enumerate().map(|(at, byte)| {
            let next = bytes.get(at + 1).copied().unwrap_or_default();
            ((u16::from(next) << 8 | u16::from(*byte)) >> shift) as u8
        });
        Ok(bits.take(rows.div_ceil(8) as usize).collect())
    }

    /// Adds values of so many bytes each.
    fn fixed(&mut self, width: Option<usize>, start: u64, rows: u64) -> Result<(), Stop> {
        let Some(width) = width else {
            let why = "a batch of this size has a column of a type that is not read of such";
            return Err(TableError::Unsupported(why.to_owned()).into());
        };
        let width = width as u64;
        let span = self.next()?;
        let (from, length) = (start.checked_mul(width), rows.checked_mul(width));
        let (from, length) = from.zip(length).ok_or(Stop::Full)?;
        let bytes = self.read(span, from, length)?;
        self.put(&bytes)
    }

    /// Adds offsets of so many bytes each, from 0 on; returns the first and how many values there
    /// are behind them.
    fn offsets(&mut self, width: u64, start: u64, rows: u64) -> Result<(u64, u64), Stop> {
        let span = self.next()?;
        if rows == 0 {
            self.put(&0u64.to_le_bytes()[..width as usize])?;
            return Ok((0, 0));
        }
        let length = rows.saturating_add(1).saturating_mul(width);
        let bytes = self.read(span, start.saturating_mul(width), length)?;
        let number = |bytes: &[u8]| match bytes.try_into() {
            Ok(four) => i64::from(i32::from_le_bytes(four)),
            Err(_) => bytes.try_into().map_or(-1, i64::from_le_bytes),
        };
        let numbers: Vec<i64> = bytes.chunks_exact(width as usize).map(number).collect();
        let rising = numbers.windows(2).all(|pair| pair[0] <= pair[1]);
        let (Some(&first), Some(&last)) = (numbers.first(), numbers.last()) else {
            return Err(missing().into());
        };
        if first < 0 || !rising {
            return Err(TableError::arrow("the offsets of a column do not rise").into());
        }
        let from_zero = numbers.iter().flat_map(|number| (number - first).to_le_bytes());
        let from_zero: Vec<u8> = match width {
            8 => from_zero.collect(),
            // The others are zero: the differences of two numbers of four bytes.
            _ => {
                let all: Vec<u8> = from_zero.collect();
                all.chunks_exact(8).flat_map(|eight| eight[..4].iter().copied()).collect()
            }
        };
        self.put(&from_zero)?;
        Ok((first.unsigned_abs(), (last - first).unsigned_abs()))
    }

    fn texts(&mut self, width: u64, start: u64, rows: u64) -> Result<(), Stop> {
        let (first, length) = self.offsets(width, start, rows)?;
        let span = self.next()?;
        let bytes = self.read(span, first, length)?;
        self.put(&bytes)
    }

    /// Adds views, and the texts that they are of.
    fn views(&mut self, valid: Option<Vec<u8>>, start: u64, rows: u64) -> Result<(), Stop> {
        let span = self.next()?;
        let count = *self.of.variadic.get(self.seen[2]).ok_or_else(missing)?;
        self.seen[2] += 1;
        let first = self.seen[1];
        let buffers = usize::try_from(count).ok().and_then(|count| first.checked_add(count));
        let buffers = buffers.and_then(|end| self.of.buffers.get(first..end));
        let buffers = buffers.ok_or_else(missing)?;
        self.seen[1] += buffers.len();
        let size = VIEW as u64;
        let length = rows.saturating_mul(size);
        let mut views = self.read(span, start.saturating_mul(size), length)?.to_vec();
        let is_there =
            |row: usize| valid.as_ref().is_none_or(|bits| bits[row / 8] >> (row % 8) & 1 == 1);
        let mut places = Vec::new();
        for (row, view) in views.chunks_exact_mut(VIEW).enumerate() {
            match is_there(row) {
                true => places.extend(long(view)?),
                // Whatever stands in the place of a value that is missing.
                false => view.fill(0),
            }
        }
        places.sort_unstable();
        let mut read: Vec<(Place, u64)> = Vec::new();
        let mut sum = 0;
        for place in places {
            match read.last_mut() {
                Some((last, _)) if last.buffer == place.buffer && place.start <= last.end + GAP => {
                    sum += place.end.saturating_sub(last.end);
                    last.end = last.end.max(place.end);
                }
                _ => {
                    read.push((place, sum));
                    sum += place.end - place.start;
                }
            }
        }
        if sum > self.room.saturating_sub(self.body.len() as u64) {
            return Err(Stop::Full);
        }
        let mut texts = Vec::with_capacity(sum as usize);
        for (place, _) in &read {
            let span = *buffers.get(place.buffer as usize).ok_or_else(missing)?;
            texts.extend_from_slice(&self.read(span, place.start, place.end - place.start)?);
        }
        for view in views.chunks_exact_mut(VIEW) {
            let Some(place) = long(view)? else { continue };
            let key = |place: &Place| (place.buffer, place.start);
            let behind = read.partition_point(|(other, _)| key(other) <= key(&place));
            let at = behind.saturating_sub(1);
            let within = read.get(at).map(|(other, to)| to + (place.start - other.start));
            let within = within.and_then(|at| i32::try_from(at).ok()).ok_or_else(missing)?;
            view[8..12].fill(0);
            view[12..].copy_from_slice(&within.to_le_bytes());
        }
        self.put(&views)?;
        let filled = !texts.is_empty();
        if filled {
            self.put(&texts)?;
        }
        self.variadic.push(i64::from(filled));
        Ok(())
    }

    /// Returns where the next buffer is.
    fn next(&mut self) -> Result<Span, Stop> {
        let span = *self.of.buffers.get(self.seen[1]).ok_or_else(missing)?;
        self.seen[1] += 1;
        Ok(span)
    }

    /// Reads a part of a buffer, if there is room for it.
    fn read(&self, span: Span, from: u64, length: u64) -> Result<Bytes, Stop> {
        if length > self.room.saturating_sub(self.body.len() as u64) {
            return Err(Stop::Full);
        }
        if length == 0 {
            return Ok(Bytes::new());
        }
        if from.checked_add(length).is_none_or(|end| end > span.length) {
            return Err(TableError::arrow("a buffer has fewer bytes than its values").into());
        }
        Ok(self.of.source.read_at(span.offset + from, length as usize)?)
    }

    /// Adds a buffer to the body.
    fn put(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        if self.body.len() + bytes.len() > self.room as usize {
            return Err(Stop::Full);
        }
        self.buffers.push(arrow_ipc::Buffer::new(self.body.len() as i64, bytes.len() as i64));
        self.body.extend_from_slice(bytes);
        self.body.resize(self.body.len().next_multiple_of(ALIGNED), 0);
        Ok(())
    }

    /// Writes the message, with its length before it.
    fn message(self, rows: u64) -> (Block, Buffer) {
        let mut flat = FlatBufferBuilder::new();
        let nodes = flat.create_vector(&self.nodes);
        let buffers = flat.create_vector(&self.buffers);
        let variadic = flat.create_vector(&self.variadic);
        let mut batch = RecordBatchBuilder::new(&mut flat);
        batch.add_length(rows as i64);
        batch.add_nodes(nodes);
        batch.add_buffers(buffers);
        batch.add_variadicBufferCounts(variadic);
        let batch = batch.finish();
        let mut message = MessageBuilder::new(&mut flat);
        message.add_version(self.of.version);
        message.add_header_type(MessageHeader::RecordBatch);
        message.add_header(batch.as_union_value());
        message.add_bodyLength(self.body.len() as i64);
        let message = message.finish();
        flat.finish(message, None);
        let head = flat.finished_data();
        let length = head.len().next_multiple_of(ALIGNED);
        let mut bytes = Vec::with_capacity(8 + length + self.body.len());
        bytes.extend_from_slice(&CONTINUATION.to_le_bytes());
        bytes.extend_from_slice(&(length as u32).to_le_bytes());
        bytes.extend_from_slice(head);
        bytes.resize(8 + length, 0);
        bytes.extend_from_slice(&self.body);
        let block = Block::new(0, (8 + length) as i32, self.body.len() as i64);
        (block, Buffer::from(bytes))
    }
}

/// Where a text is that does not stand in its view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    buffer: u32,
    start: u64,
    end: u64,
}

/// Returns where the text of a view is; none where it stands in the view.
fn long(view: &[u8]) -> Result<Option<Place>, Stop> {
    let number = |at: usize| {
        let four = view[at..at + 4].try_into().map_err(TableError::arrow)?;
        u32::try_from(i32::from_le_bytes(four)).map_err(TableError::arrow)
    };
    let length = number(0)?;
    if length as usize <= INLINE {
        return Ok(None);
    }
    let (buffer, start) = (number(8)?, u64::from(number(12)?));
    Ok(Some(Place { buffer, start, end: start + u64::from(length) }))
}

/// Counts the bits that are set among so many.
fn ones(bits: &[u8], rows: u64) -> u64 {
    let set = |row: u64| bits[(row / 8) as usize] >> (row % 8) & 1 == 1;
    (0..rows).filter(|row| set(*row)).count() as u64
}

fn missing() -> TableError {
    TableError::arrow("a batch has fewer columns than its schema")
}
