//! Buffers of a packed batch, unpacked into a file: one after the other, in constant memory.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::sync::Arc;

use arrow_ipc::CompressionType;

use super::{PLAIN, SIZE_BYTES, Span};
use crate::TableError;
use crate::scratch::Scratch;
use crate::source::{Pieces, Source};

/// Most bytes that zstd keeps of what it unpacked, as a power of two: what its highest ordinary level
/// writes needs no more.
const WINDOW_LOG: u32 = 23;

/// Unpacks buffers; returns the file and where each is there.
pub(super) fn unpack(
    source: &Arc<dyn Source>,
    buffers: &[Span],
    codec: CompressionType,
    scratch: Scratch<'_>,
) -> Result<Option<(File, Vec<Span>)>, TableError> {
    let Some(file) = scratch.file()? else { return Ok(None) };
    let mut out = io::BufWriter::new(file);
    let mut unpacked = Vec::with_capacity(buffers.len());
    let mut at = 0;
    for &Span { offset, length } in buffers {
        let size = match length {
            0 => 0,
            _ => {
                let head = source.read_at(offset, SIZE_BYTES as usize)?;
                let said = i64::from_le_bytes(head[..].try_into().map_err(TableError::arrow)?);
                let packed =
                    Pieces::new(Arc::clone(source), offset + SIZE_BYTES).take(length - SIZE_BYTES);
                let size = if said == PLAIN { length - SIZE_BYTES } else { said.unsigned_abs() };
                if size > scratch.most().saturating_sub(at) {
                    let what = "a batch, once unpacked,".to_owned();
                    let size = at.saturating_add(size);
                    return Err(TableError::TooLarge { what, size, limit: scratch.most() });
                }
                let copied = match (said, codec) {
                    (PLAIN, _) => copy(packed, size, &mut out)?,
                    (_, CompressionType::LZ4_FRAME) => {
                        copy(lz4_flex::frame::FrameDecoder::new(packed), size, &mut out)?
                    }
                    (_, CompressionType::ZSTD) => {
                        let mut decoder = zstd::stream::read::Decoder::new(packed)?;
                        decoder.window_log_max(WINDOW_LOG)?;
                        copy(decoder, size, &mut out)?
                    }
                    (_, other) => {
                        let what = format!("buffers packed with {other:?}");
                        return Err(TableError::Unsupported(what));
                    }
                };
                if copied != size {
                    let why = format!("a buffer unpacks to {copied} bytes and more, not {size}");
                    return Err(TableError::arrow(why));
                }
                size
            }
        };
        unpacked.push(Span { offset: at, length: size });
        at += size;
    }
    out.flush()?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(Some((file, unpacked)))
}

/// Copies as many bytes, and one more where there are more; returns how many these were.
fn copy(from: impl Read, size: u64, to: &mut impl io::Write) -> Result<u64, TableError> {
    let mut left = from.take(size.saturating_add(1));
    let mut piece = vec![0; 64 << 10];
    let mut copied = 0;
    loop {
        // What cannot be unpacked is damaged; what cannot be written is not.
        match left.read(&mut piece).map_err(TableError::arrow)? {
            0 => return Ok(copied),
            more => {
                to.write_all(&piece[..more])?;
                copied += more as u64;
            }
        }
    }
}
