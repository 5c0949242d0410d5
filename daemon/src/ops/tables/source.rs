//! A blob as the bytes of a table.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use dsp_protocol::api::Problem;
use dsp_protocol::id::BlobHash;
use dsp_tables::Source;
use futures::TryStreamExt as _;
use tokio::runtime::Handle;

use super::recent::Recent;
use crate::blobs::{Blobs, ReadError};
use crate::ops::Opened;

/// Reads a blob, every byte checked; for threads that may block.
#[derive(Debug)]
pub(in crate::ops) struct BlobSource {
    blobs: Blobs,
    hash: BlobHash,
    size: u64,
    runtime: Handle,
    recent: Arc<Recent>,
    /// Why bytes could not be read, which says more than what a reader makes of it.
    fault: Mutex<Option<ReadError>>,
}

impl BlobSource {
    pub(in crate::ops) fn new(blobs: Blobs, opened: &Opened, recent: Arc<Recent>) -> BlobSource {
        let (hash, size) = (opened.hash, opened.size);
        let fault = Mutex::default();
        BlobSource { blobs, hash, size, runtime: Handle::current(), recent, fault }
    }

    /// Returns why bytes could not be read since it was asked last.
    pub(in crate::ops) fn fault(&self) -> Option<Problem> {
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner).take();
        fault.map(Problem::from)
    }
}

impl Source for BlobSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        // Looked at before anything of that length is allocated: a file says it of itself.
        let end = offset.checked_add(length as u64).filter(|end| *end <= self.size);
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        if let Some(known) = self.recent.get(self.hash, offset, length) {
            return Ok(known);
        }
        let read = async {
            let mut pieces = self.blobs.reader(self.hash, offset..end);
            let mut bytes = BytesMut::with_capacity(length);
            while let Some(piece) = pieces.try_next().await? {
                bytes.extend_from_slice(&piece);
            }
            Ok(bytes.freeze())
        };
        let read = self.runtime.block_on(read).map_err(|error: ReadError| {
            let text = error.to_string();
            *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            io::Error::other(text)
        });
        if let Ok(bytes) = &read {
            self.recent.keep(self.hash, offset, bytes);
        }
        read
    }
}
