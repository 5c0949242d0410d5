//! Where the bytes of a table come from.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;

/// Bytes of known size, read in ranges. The daemon reads blobs through it, every byte checked.
pub trait Source: Send + Sync {
    /// Returns the size in bytes, which never changes.
    fn size(&self) -> u64;

    /// Reads exactly `length` bytes from `offset`.
    ///
    /// # Errors
    /// The range lies outside, or the bytes cannot be read.
    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes>;
}

impl fmt::Debug for dyn Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.size())
    }
}

impl Source for Bytes {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let range = range(self.size(), offset, length)?;
        Ok(self.slice(range.0 as usize..range.1 as usize))
    }
}

impl Source for File {
    fn size(&self) -> u64 {
        self.metadata().map_or(0, |metadata| metadata.len())
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        use std::os::unix::fs::FileExt as _;
        range(self.size(), offset, length)?;
        let mut bytes = vec![0; length];
        self.read_exact_at(&mut bytes, offset)?;
        Ok(bytes.into())
    }

    #[cfg(not(unix))]
    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        use std::io::{Read as _, Seek as _, SeekFrom};
        range(self.size(), offset, length)?;
        let mut bytes = vec![0; length];
        let mut file = self.try_clone()?;
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// Returns the range that is meant where it lies inside: before anything of its size is
/// allocated, as it is the file that names offsets and lengths.
fn range(size: u64, offset: u64, length: usize) -> io::Result<(u64, u64)> {
    match offset.checked_add(length as u64) {
        Some(end) if end <= size => Ok((offset, end)),
        _ => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("{length} bytes at {offset} lie outside of {size} bytes"),
        )),
    }
}

/// Reads a source from an offset on, in pieces.
#[derive(Debug)]
pub(crate) struct Pieces {
    source: Arc<dyn Source>,
    at: u64,
    piece: Bytes,
    next: usize,
}

/// The first piece that is read, and the largest, in bytes.
const PIECES: (usize, usize) = (16 << 10, 1 << 20);

impl Pieces {
    pub(crate) fn new(source: Arc<dyn Source>, at: u64) -> Pieces {
        Pieces { source, at, piece: Bytes::new(), next: PIECES.0 }
    }
}

impl io::Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            let left = self.source.size().saturating_sub(self.at);
            let length = left.min(self.next as u64) as usize;
            self.piece = self.source.read_at(self.at, length)?;
            self.at += length as u64;
            self.next = (self.next * 2).min(PIECES.1);
        }
        let length = into.len().min(self.piece.len());
        into[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}
