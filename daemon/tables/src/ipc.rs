//! Arrow IPC, as a stream and as a file: what a file has between its marks is a stream, too.
//! Every message is looked at before it is decoded, for what it would take in memory.

use std::io::Write;
use std::sync::Arc;

use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::{Message, RecordBatch};
use arrow_schema::SchemaRef;

use crate::TableError;
use crate::convert::Sink;
use crate::limits::{ARROW_BYTES, FOOTER_BYTES, GLANCE_BYTES, UNPACKED_VALUES};
use crate::source::Source;

/// What a file begins and ends with.
const MARK: &[u8] = b"ARROW1";
/// Where the stream in a file begins, at the earliest and at the latest.
const FILE_START: u64 = 8;
const FILE_PADDED: u64 = 64;
/// What stands before the length of a message, in all but old streams.
const CONTINUATION: u32 = u32::MAX;
/// The length of a compressed buffer that is not compressed after all.
const PLAIN: i64 = -1;

pub(crate) fn file_to_parquet(
    source: &Arc<dyn Source>,
    out: impl Write + Send,
) -> Result<(), TableError> {
    convert(source, stream_in(source)?, out)
}

/// Finds where the stream in a file begins.
fn stream_in(source: &Arc<dyn Source>) -> Result<u64, TableError> {
    let size = source.size();
    let mark = MARK.len();
    let ends = size >= FILE_START + mark as u64
        && source.read_at(0, mark)? == MARK
        && source.read_at(size - mark as u64, mark)? == MARK;
    if !ends {
        return Err(TableError::arrow("its footer is not where it has to be"));
    }
    // The stream begins at the next multiple of 8 bytes, or of up to 64, with zeros before it.
    let mut start = FILE_START;
    while start < FILE_PADDED.min(size - 8) && source.read_at(start, 8)?[..] == [0; 8] {
        start += 8;
    }
    Ok(start)
}

/// Reads the schema of a file.
pub(crate) fn file_schema(source: &Arc<dyn Source>) -> Result<SchemaRef, TableError> {
    schema(source, stream_in(source)?, GLANCE_BYTES)
}

/// Reads the schema of a stream.
pub(crate) fn stream_schema(source: &Arc<dyn Source>) -> Result<SchemaRef, TableError> {
    schema(source, 0, GLANCE_BYTES)
}

/// Reads the first message of a stream, which is its schema and has no body.
fn schema(source: &Arc<dyn Source>, start: u64, limit: u64) -> Result<SchemaRef, TableError> {
    let none = || TableError::arrow("it has no schema");
    let head = Messages { source, at: start, dictionaries: 0 }.head()?.ok_or_else(none)?;
    let header = head.header(source, limit)?;
    let message = arrow_ipc::root_as_message(&header).map_err(TableError::arrow)?;
    let schema = message.header_as_schema().ok_or_else(none)?;
    Ok(Arc::new(arrow_ipc::convert::try_fb_to_schema(schema).map_err(TableError::arrow)?))
}

pub(crate) fn stream_to_parquet(
    source: &Arc<dyn Source>,
    out: impl Write + Send,
) -> Result<(), TableError> {
    convert(source, 0, out)
}

fn convert(source: &Arc<dyn Source>, start: u64, out: impl Write + Send) -> Result<(), TableError> {
    let mut out = Some(out);
    let mut sink = None;
    decode(source, start, |schema, batch| {
        if let (None, Some(out)) = (&sink, out.take()) {
            sink = Some(Sink::new(out, schema)?);
        }
        match (&mut sink, batch) {
            (Some(sink), Some(batch)) => sink.write(&batch),
            _ => Ok(()),
        }
    })?;
    match sink {
        Some(sink) => sink.end(),
        None => Err(TableError::arrow("it has no schema")),
    }
}

/// Reads the batches of a stream.
pub(crate) fn read(
    source: &Arc<dyn Source>,
    start: u64,
    mut each: impl FnMut(&arrow_array::RecordBatch) -> Result<(), TableError>,
) -> Result<(), TableError> {
    decode(source, start, |_, batch| batch.map_or(Ok(()), |batch| each(&batch)))
}

/// Decodes a stream, and tells of its schema and of each batch.
fn decode(
    source: &Arc<dyn Source>,
    start: u64,
    mut each: impl FnMut(SchemaRef, Option<arrow_array::RecordBatch>) -> Result<(), TableError>,
) -> Result<(), TableError> {
    // The decoder would wait for a schema that comes later.
    schema(source, start, FOOTER_BYTES)?;
    let mut messages = Messages { source, at: start, dictionaries: 0 };
    let mut decoder = StreamDecoder::new();
    while let Some(bytes) = messages.next()? {
        let mut buffer = Buffer::from(bytes);
        while !buffer.is_empty() {
            let batch = decoder.decode(&mut buffer).map_err(TableError::arrow)?;
            if let Some(schema) = decoder.schema() {
                each(schema, batch)?;
            }
        }
    }
    Ok(())
}

/// Where the header of a message is, and how long in bytes.
struct Head {
    at: u64,
    length: u32,
}

impl Head {
    fn header(&self, source: &Arc<dyn Source>, limit: u64) -> Result<bytes::Bytes, TableError> {
        if u64::from(self.length) > limit {
            let what = "the header of a message".to_owned();
            return Err(TableError::TooLarge { what, size: self.length.into(), limit });
        }
        Ok(source.read_at(self.at, self.length as usize)?)
    }
}

/// The messages of a stream.
struct Messages<'a> {
    source: &'a Arc<dyn Source>,
    at: u64,
    /// What the dictionaries so far take.
    dictionaries: u64,
}

impl Messages<'_> {
    /// Returns the bytes of the next message with its length before them and its body behind.
    fn next(&mut self) -> Result<Option<bytes::Bytes>, TableError> {
        let start = self.at;
        let Some(head) = self.head()? else { return Ok(None) };
        let header = head.header(self.source, FOOTER_BYTES)?;
        let message = arrow_ipc::root_as_message(&header).map_err(TableError::arrow)?;
        let body = u64::try_from(message.bodyLength()).map_err(TableError::arrow)?;
        let body_at = head.at + u64::from(head.length);
        if body > self.source.size() - body_at {
            return Err(TableError::arrow("a message reaches behind the end"));
        }
        if body > ARROW_BYTES {
            let what = "a message".to_owned();
            return Err(TableError::TooLarge { what, size: body, limit: ARROW_BYTES });
        }
        let bytes = self.check(&message, body_at, body)?;
        if message.header_as_dictionary_batch().is_some() {
            // One replaces another, and both may be in use.
            self.dictionaries = self.dictionaries.saturating_add(bytes);
            if self.dictionaries > ARROW_BYTES {
                let what = "the dictionaries together, in bytes,".to_owned();
                let size = self.dictionaries;
                return Err(TableError::TooLarge { what, size, limit: ARROW_BYTES });
            }
        }
        self.at = body_at + body;
        let whole = usize::try_from(self.at - start).map_err(TableError::arrow)?;
        Ok(Some(self.source.read_at(start, whole)?))
    }

    /// Finds the header of the next message; none at the end.
    fn head(&self) -> Result<Option<Head>, TableError> {
        // A stream may end without a word.
        if self.at == self.source.size() {
            return Ok(None);
        }
        let mut head = Head { at: self.at + 4, length: self.number(self.at)? };
        if head.length == CONTINUATION {
            head = Head { at: self.at + 8, length: self.number(self.at + 4)? };
        }
        Ok(Some(head).filter(|head| head.length > 0))
    }

    fn number(&self, at: u64) -> Result<u32, TableError> {
        let bytes = self.source.read_at(at, 4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// Returns what a message takes.
    fn check(&self, message: &Message<'_>, body_at: u64, body: u64) -> Result<u64, TableError> {
        let batch = message.header_as_record_batch();
        let batch = batch.or_else(|| message.header_as_dictionary_batch()?.data());
        let Some(batch) = batch else { return Ok(body) };
        let nodes = batch.nodes().into_iter().flatten().map(|node| node.length());
        let most = nodes.chain([batch.length()]).map(i64::unsigned_abs).max().unwrap_or_default();
        if most > UNPACKED_VALUES {
            let what = "the number of values in a batch".to_owned();
            return Err(TableError::TooLarge { what, size: most, limit: UNPACKED_VALUES });
        }
        let unpacked = body.saturating_add(self.unpacked(&batch, body_at, body)?);
        if unpacked > ARROW_BYTES {
            let what = "a batch, once unpacked,".to_owned();
            return Err(TableError::TooLarge { what, size: unpacked, limit: ARROW_BYTES });
        }
        Ok(unpacked)
    }

    /// Adds up what the buffers of a batch say that they unpack to.
    fn unpacked(
        &self,
        batch: &RecordBatch<'_>,
        body_at: u64,
        body: u64,
    ) -> Result<u64, TableError> {
        if batch.compression().is_none() {
            return Ok(0);
        }
        let mut sum = 0u64;
        for buffer in batch.buffers().into_iter().flatten() {
            let (offset, length) = (buffer.offset(), buffer.length());
            let offset = u64::try_from(offset).map_err(TableError::arrow)?;
            if length == 0 {
                continue;
            }
            if length < 8 || offset.checked_add(length as u64).is_none_or(|end| end > body) {
                return Err(TableError::arrow("a buffer lies outside of its message"));
            }
            let bytes = self.source.read_at(body_at + offset, 8)?;
            let size = i64::from_le_bytes(bytes[..].try_into().map_err(TableError::arrow)?);
            if size != PLAIN {
                sum = sum.saturating_add(u64::try_from(size).unwrap_or(u64::MAX));
            }
        }
        Ok(sum)
    }
}
