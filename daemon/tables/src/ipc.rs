//! Arrow IPC, as a stream and as a file, whose footer says where its messages are.
//!
//! Every message is looked at before it is decoded, for what it would take in memory; a batch that
//! would take too much is decoded some rows at a time.

mod unpack;
mod wide;

use std::io::Write;
use std::sync::Arc;

use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::FileDecoder;
use arrow_ipc::{Block, Message, MetadataVersion, RecordBatch};
use arrow_schema::SchemaRef;

use self::unpack::unpack;
use self::wide::Wide;
use crate::TableError;
use crate::convert::Sink;
use crate::limits::{ARROW_BYTES, CONVERTED_BYTES, FOOTER_BYTES, UNPACKED_VALUES};
use crate::scratch::Scratch;
use crate::source::Source;

/// What a file begins and ends with.
const MARK: &[u8] = b"ARROW1";
/// What a file ends with: the length of its footer, and the mark.
const TAIL_BYTES: u64 = 10;
/// What stands before the length of a message, in all but old streams.
const CONTINUATION: u32 = u32::MAX;
/// The length of a compressed buffer that is not compressed after all.
const PLAIN: i64 = -1;
/// Bytes at the beginning of a packed buffer that say to how many it unpacks.
const SIZE_BYTES: u64 = 8;

/// Where bytes are.
#[derive(Clone, Copy, Debug)]
struct Span {
    offset: u64,
    length: u64,
}

pub(crate) fn file_to_parquet(
    source: &Arc<dyn Source>,
    out: impl Write + Send,
    scratch: Scratch<'_>,
) -> Result<(), TableError> {
    convert(Messages::of_file(source)?, out, scratch)
}

pub(crate) fn stream_to_parquet(
    source: &Arc<dyn Source>,
    out: impl Write + Send,
    scratch: Scratch<'_>,
) -> Result<(), TableError> {
    convert(Messages::of_stream(source)?, out, scratch)
}

/// Reads the schema of a file.
pub(crate) fn file_schema(source: &Arc<dyn Source>) -> Result<SchemaRef, TableError> {
    Ok(Messages::of_file(source)?.schema)
}

/// Reads the schema of a stream.
pub(crate) fn stream_schema(source: &Arc<dyn Source>) -> Result<SchemaRef, TableError> {
    Ok(Messages::of_stream(source)?.schema)
}

fn convert(
    messages: Messages<'_>,
    out: impl Write + Send,
    scratch: Scratch<'_>,
) -> Result<(), TableError> {
    let mut sink = Sink::new(out, Arc::clone(&messages.schema))?;
    decode(messages, scratch, |batch| sink.write(batch))?;
    sink.end()
}

/// Reads the batches of a stream.
pub(crate) fn read(
    source: &Arc<dyn Source>,
    each: impl FnMut(&arrow_array::RecordBatch) -> Result<(), TableError>,
) -> Result<(), TableError> {
    decode(Messages::of_stream(source)?, Scratch::NONE, each)
}

/// Decodes messages, and tells of each batch.
fn decode(
    mut messages: Messages<'_>,
    scratch: Scratch<'_>,
    mut each: impl FnMut(&arrow_array::RecordBatch) -> Result<(), TableError>,
) -> Result<(), TableError> {
    // The first version stands for any.
    let mut decoder = FileDecoder::new(Arc::clone(&messages.schema), MetadataVersion::V1);
    while let Some(next) = messages.next(scratch)? {
        let mut batch = |(block, bytes): (Block, Buffer)| {
            let batch = decoder.read_record_batch(&block, &bytes).map_err(TableError::arrow)?;
            batch.map_or(Ok(()), |batch| each(&batch))
        };
        match next {
            Next::Batch(whole) => batch(whole)?,
            Next::Wide(wide) => wide.each(batch)?,
            Next::Dictionary((block, bytes)) => {
                decoder.read_dictionary(&block, &bytes).map_err(TableError::arrow)?;
            }
        }
    }
    Ok(())
}

/// What comes next.
enum Next {
    /// A batch, with its header and the length of that before it.
    Batch((Block, Buffer)),
    /// One that is too large to be decoded at once.
    Wide(Wide),
    Dictionary((Block, Buffer)),
}

/// The messages behind the schema.
struct Messages<'a> {
    source: &'a Arc<dyn Source>,
    schema: SchemaRef,
    rest: Rest,
    /// What the dictionaries so far take.
    dictionaries: u64,
    /// What the batches so far took, once unpacked; a row takes a byte at least.
    batches: u64,
}

/// Where the messages are that were not read yet.
enum Rest {
    /// The next one begins here.
    Stream(u64),
    /// Where the footer says that their headers are, in their order.
    Named(std::vec::IntoIter<Span>),
}

/// Finds the header of the message at some place of a stream, with the length before it; none at the
/// end.
fn head(source: &Arc<dyn Source>, at: u64) -> Result<Option<Span>, TableError> {
    // A stream may end without a word.
    if at == source.size() {
        return Ok(None);
    }
    let number = |at: u64| -> Result<u32, TableError> {
        let bytes = source.read_at(at, 4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    };
    let (before, length) = match number(at)? {
        CONTINUATION => (8, number(at + 4)?),
        length => (4, length),
    };
    Ok((length > 0).then(|| Span { offset: at, length: before + u64::from(length) }))
}

/// Reads a header; returns it with the number of bytes before it.
fn header(source: &Arc<dyn Source>, at: Span) -> Result<(bytes::Bytes, usize), TableError> {
    within("the header of a message", at.length, FOOTER_BYTES)?;
    let bytes = source.read_at(at.offset, at.length as usize)?;
    let before = if bytes.starts_with(&CONTINUATION.to_le_bytes()) { 8 } else { 4 };
    match bytes.len() > before {
        true => Ok((bytes, before)),
        false => Err(TableError::arrow("a message has no header")),
    }
}

impl<'a> Messages<'a> {
    fn new(source: &'a Arc<dyn Source>, schema: SchemaRef, rest: Rest) -> Messages<'a> {
        Messages { source, schema, rest, dictionaries: 0, batches: 0 }
    }

    /// Reads the first message of a stream, which is its schema and has no body.
    fn of_stream(source: &'a Arc<dyn Source>) -> Result<Messages<'a>, TableError> {
        let none = || TableError::arrow("it has no schema");
        let at = head(source, 0)?.ok_or_else(none)?;
        let (bytes, before) = header(source, at)?;
        let message = arrow_ipc::root_as_message(&bytes[before..]).map_err(TableError::arrow)?;
        let schema = message.header_as_schema().ok_or_else(none)?;
        let schema = try_fb_to_schema(schema).map_err(TableError::arrow)?;
        Ok(Messages::new(source, Arc::new(schema), Rest::Stream(at.offset + at.length)))
    }

    /// Reads the footer of a file, which says where everything is. What stands between the marks is
    /// a stream as well, but not in files of every program.
    fn of_file(source: &'a Arc<dyn Source>) -> Result<Messages<'a>, TableError> {
        let wrong = || TableError::arrow("its footer is not where it has to be");
        let size = source.size();
        let end = size.checked_sub(TAIL_BYTES).ok_or_else(wrong)?;
        let tail = source.read_at(end, TAIL_BYTES as usize)?;
        if !tail.ends_with(MARK) || source.read_at(0, MARK.len())? != MARK {
            return Err(wrong());
        }
        let length = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
        within("the footer in bytes", length, FOOTER_BYTES)?;
        let at = end.checked_sub(length).ok_or_else(wrong)?;
        let footer = source.read_at(at, length as usize)?;
        let footer = arrow_ipc::root_as_footer(&footer).map_err(TableError::arrow)?;
        let schema = footer.schema().ok_or_else(|| TableError::arrow("it has no schema"))?;
        let schema = try_fb_to_schema(schema).map_err(TableError::arrow)?;
        let blocks = [footer.dictionaries(), footer.recordBatches()].into_iter().flatten();
        let place = |block: &Block| {
            let offset = u64::try_from(block.offset()).ok()?;
            let length = u64::try_from(block.metaDataLength()).ok()?;
            offset.checked_add(length).filter(|end| *end <= size)?;
            Some(Span { offset, length })
        };
        let places: Option<Vec<Span>> = blocks.flatten().map(place).collect();
        let places =
            places.ok_or_else(|| TableError::arrow("its footer names what is outside of it"))?;
        Ok(Messages::new(source, Arc::new(schema), Rest::Named(places.into_iter())))
    }

    /// Returns the next message. A batch that is too large needs a file to unpack it into where it
    /// is packed.
    fn next(&mut self, scratch: Scratch<'_>) -> Result<Option<Next>, TableError> {
        let at = match &mut self.rest {
            Rest::Stream(at) => head(self.source, *at)?,
            Rest::Named(places) => places.next(),
        };
        let Some(at) = at else { return Ok(None) };
        let (bytes, before) = header(self.source, at)?;
        let message = arrow_ipc::root_as_message(&bytes[before..]).map_err(TableError::arrow)?;
        let offset = at.offset + at.length;
        let length = u64::try_from(message.bodyLength()).map_err(TableError::arrow)?;
        if length > self.source.size() - offset {
            return Err(TableError::arrow("a message reaches behind the end"));
        }
        let body = Span { offset, length };
        if let Rest::Stream(at) = &mut self.rest {
            *at = offset + length;
        }
        let rows = message.header_as_record_batch();
        let dictionary = message.header_as_dictionary_batch().and_then(|batch| batch.data());
        let Some(batch) = rows.or(dictionary) else {
            return Err(TableError::arrow("a message is neither a batch nor a dictionary"));
        };
        let bytes = length.saturating_add(self.unpacked(&batch, body)?);
        if rows.is_some() {
            let count = u64::try_from(batch.length()).map_err(TableError::arrow)?;
            self.batches = self.batches.saturating_add(bytes.max(count));
            within("the batches together, once unpacked,", self.batches, CONVERTED_BYTES)?;
            if bytes > ARROW_BYTES
                && let Some(wide) = self.wide(&message, &batch, body, scratch)?
            {
                return Ok(Some(Next::Wide(wide)));
            }
        }
        let nodes = batch.nodes().into_iter().flatten().map(|node| node.length());
        let most = nodes.chain([batch.length()]).map(i64::unsigned_abs).max().unwrap_or_default();
        within("the number of values in a batch", most, UNPACKED_VALUES)?;
        within("a batch, once unpacked,", bytes, ARROW_BYTES)?;
        let whole = self.source.read_at(at.offset, (at.length + length) as usize)?;
        let block = Block::new(0, at.length as i32, length as i64);
        let whole = (block, Buffer::from(whole));
        if rows.is_some() {
            return Ok(Some(Next::Batch(whole)));
        }
        // One replaces another, and both may be in use.
        self.dictionaries = self.dictionaries.saturating_add(bytes);
        within("the dictionaries together, in bytes,", self.dictionaries, ARROW_BYTES)?;
        Ok(Some(Next::Dictionary(whole)))
    }

    /// Returns a batch of which some rows are read at a time; none where it is packed and there is
    /// nowhere to unpack it.
    fn wide(
        &self,
        message: &Message<'_>,
        batch: &RecordBatch<'_>,
        body: Span,
        scratch: Scratch<'_>,
    ) -> Result<Option<Wide>, TableError> {
        let spans = batch.buffers().into_iter().flatten().map(|buffer| span(buffer, body));
        let spans = spans.collect::<Result<Vec<_>, TableError>>()?;
        let number = |number: i64| u64::try_from(number).map_err(TableError::arrow);
        let nodes = batch.nodes().into_iter().flatten().map(|node| number(node.length()));
        let variadic = batch.variadicBufferCounts().into_iter().flatten().map(number);
        let (source, buffers): (Arc<dyn Source>, _) = match batch.compression() {
            None => (Arc::clone(self.source), spans),
            Some(packed) => match unpack(self.source, &spans, packed.codec(), scratch)? {
                Some((file, spans)) => (Arc::new(file), spans),
                None => return Ok(None),
            },
        };
        Ok(Some(Wide {
            source,
            schema: Arc::clone(&self.schema),
            version: message.version(),
            rows: number(batch.length())?,
            nodes: nodes.collect::<Result<_, TableError>>()?,
            buffers,
            variadic: variadic.collect::<Result<_, TableError>>()?,
        }))
    }

    /// Adds up what the buffers of a batch say that they unpack to.
    fn unpacked(&self, batch: &RecordBatch<'_>, body: Span) -> Result<u64, TableError> {
        if batch.compression().is_none() {
            return Ok(0);
        }
        let mut sum = 0u64;
        for buffer in batch.buffers().into_iter().flatten() {
            let span = span(buffer, body)?;
            if span.length == 0 {
                continue;
            }
            if span.length < SIZE_BYTES {
                return Err(TableError::arrow("a packed buffer does not say its size"));
            }
            let bytes = self.source.read_at(span.offset, SIZE_BYTES as usize)?;
            let size = i64::from_le_bytes(bytes[..].try_into().map_err(TableError::arrow)?);
            if size != PLAIN {
                sum = sum.saturating_add(u64::try_from(size).unwrap_or(u64::MAX));
            }
        }
        Ok(sum)
    }
}

/// Returns where a buffer of a body is.
fn span(buffer: &arrow_ipc::Buffer, body: Span) -> Result<Span, TableError> {
    let outside = || TableError::arrow("a buffer lies outside of its message");
    let offset = u64::try_from(buffer.offset()).map_err(|_| outside())?;
    let length = u64::try_from(buffer.length()).map_err(|_| outside())?;
    match offset.checked_add(length) {
        Some(end) if end <= body.length => Ok(Span { offset: body.offset + offset, length }),
        _ => Err(outside()),
    }
}

/// Makes sure that something is not larger than it may be.
fn within(what: &str, size: u64, limit: u64) -> Result<(), TableError> {
    match size > limit {
        true => Err(TableError::TooLarge { what: what.to_owned(), size, limit }),
        false => Ok(()),
    }
}
