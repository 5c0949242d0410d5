//! Reading: every byte is checked against the blob's hash on its way from the disk, so damage
//! is an error and never wrong bytes.

use std::ops::Range;

use bao_tree::ChunkRanges;
use bao_tree::io::mixed::EncodedItem;
use bytes::{Bytes, BytesMut};
use dsp_protocol::id::BlobHash;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use iroh_blobs::protocol::ChunkRangesExt;

use super::error::ReadError;
use super::{Blobs, Status, to_hash};

impl Blobs {
    /// Reads the bytes in `range` of a blob, in order, in pieces of at most 16 KiB. About
    /// 0.5 MiB is read ahead, whatever the size of the blob; dropping the stream ends the
    /// reading.
    ///
    /// Convert with [`tokio_util::io::StreamReader`] where an `AsyncRead` is wanted.
    ///
    /// # Errors
    /// Each item: the blob is not here or only in part, the range reaches outside it, or its
    /// bytes are damaged or unreadable. Bytes that came before an error are right.
    pub fn reader(
        &self,
        hash: BlobHash,
        range: Range<u64>,
    ) -> BoxStream<'static, Result<Bytes, ReadError>> {
        let blobs = self.clone();
        let opened = async move {
            let size = blobs.complete_size(hash).await?;
            let Range { start, end } = range;
            if start > end || end > size {
                return Err(ReadError::Range { hash, start, end, size });
            }
            Ok(blobs.checked(hash, start..end))
        };
        futures::stream::once(opened).try_flatten().boxed()
    }

    /// Reads a whole blob into memory.
    ///
    /// # Errors
    /// It has more than `limit_bytes`, or as [`reader`](Self::reader).
    pub async fn read_all(&self, hash: BlobHash, limit_bytes: u64) -> Result<Bytes, ReadError> {
        let size = self.complete_size(hash).await?;
        if size > limit_bytes {
            return Err(ReadError::TooLarge { hash, size, limit: limit_bytes });
        }
        let mut bytes = BytesMut::new();
        let mut pieces = self.checked(hash, 0..size);
        while let Some(piece) = pieces.try_next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes.freeze())
    }

    /// Reads a whole blob and returns its size where every byte is right.
    ///
    /// # Errors
    /// As [`reader`](Self::reader); [`ReadError::Corrupt`] says where.
    pub async fn verify(&self, hash: BlobHash) -> Result<u64, ReadError> {
        let size = complete(hash, self.booked(hash).await?)?;
        let mut pieces = self.checked(hash, 0..size);
        while pieces.try_next().await?.is_some() {}
        self.doubts.settle(hash);
        Ok(size)
    }

    /// Returns the size of a blob that is all here.
    pub(super) async fn complete_size(&self, hash: BlobHash) -> Result<u64, ReadError> {
        complete(hash, self.status(hash).await?)
    }

    /// Streams the bytes of `range`, which lies in the complete blob `hash`.
    fn checked(
        &self,
        hash: BlobHash,
        range: Range<u64>,
    ) -> BoxStream<'static, Result<Bytes, ReadError>> {
        let chunks = ChunkRanges::bytes(range.clone());
        let items = Box::pin(self.store().export_bao(to_hash(hash), chunks).stream());
        let state = (items, range.start, range.end);
        futures::stream::try_unfold(state, move |(mut items, at, end)| async move {
            if at >= end {
                return Ok(None);
            }
            loop {
                let leaf = match items.next().await {
                    Some(EncodedItem::Leaf(leaf)) => leaf,
                    Some(EncodedItem::Size(_) | EncodedItem::Parent(_)) => continue,
                    Some(EncodedItem::Error(error)) => {
                        return Err(ReadError::from_encode(hash, error));
                    }
                    Some(EncodedItem::Done) | None => {
                        return Err(ReadError::Corrupt { hash, offset: at });
                    }
                };
                let leaf_end = leaf.offset + leaf.data.len() as u64;
                if leaf.offset > at {
                    return Err(ReadError::Corrupt { hash, offset: at });
                }
                if leaf_end <= at {
                    continue;
                }
                let from = (at - leaf.offset) as usize;
                let to = (end.min(leaf_end) - leaf.offset) as usize;
                return Ok(Some((leaf.data.slice(from..to), (items, end.min(leaf_end), end))));
            }
        })
        .boxed()
    }
}

fn complete(hash: BlobHash, status: Status) -> Result<u64, ReadError> {
    match status {
        Status::Complete { size } => Ok(size),
        Status::Partial { have, .. } => Err(ReadError::Partial { hash, have }),
        Status::Missing => Err(ReadError::Missing(hash)),
    }
}
