//! The bytes of blobs: uploaded, and read by hash or by reference.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use dsp_protocol::api::{BlobPut, FileInfo, Problem, ProblemCode};
use dsp_protocol::id::BlobHash;
use dsp_protocol::name::AttachmentPath;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _, TryStreamExt as _};

use super::problem::bad_request;
use super::{Ops, time};
use crate::blobs::{GROUP_BYTES, Keep, ReadError, Status};

/// Blobs up to this size are read and checked whole before the first byte is answered.
const WHOLE_BYTES: u64 = 1 << 20;
/// As much of a larger one is answered at once, as far as it is right.
const JOINED_BYTES: usize = 256 << 10;
/// How often an upload looks whether there is room, in bytes: a small part of what stays free
/// whatever the settings say.
const ROOM_BYTES: u64 = 1 << 20;
/// How long an upload waits for the frame that names it, in milliseconds.
const UPLOAD_MS: i64 = 3_600_000;
/// Most uploads that wait; the oldest gives way.
const UPLOADS: usize = 10_000;

/// Uploads.
#[derive(Debug, Default)]
pub(crate) struct Uploads {
    /// Those that no frame names yet, kept from the collector.
    waiting: Mutex<BTreeMap<BlobHash, (i64, Keep)>>,
    /// How many are under way.
    running: Arc<AtomicU64>,
}

/// An upload under way, which looks now and then whether there is room.
#[derive(Debug)]
struct Upload {
    running: Arc<AtomicU64>,
    unchecked: u64,
}

impl Upload {
    fn begin(running: &Arc<AtomicU64>) -> Upload {
        running.fetch_add(1, Ordering::Relaxed);
        Upload { running: Arc::clone(running), unchecked: 0 }
    }

    /// Counts bytes; returns what has to fit when it is time to look: as much as all uploads
    /// under way may take before they look again.
    fn took(&mut self, bytes: u64) -> Option<u64> {
        self.unchecked += bytes;
        if self.unchecked < ROOM_BYTES {
            return None;
        }
        self.unchecked = 0;
        Some(self.running.load(Ordering::Relaxed) * ROOM_BYTES)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Uploads {
    /// Lets go of those that no frame named in time.
    pub(crate) fn forget_old(&self, now: i64) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, (since, _)| *since > now - UPLOAD_MS);
    }

    fn put(&self, hash: BlobHash, keep: Keep, now: i64) {
        self.forget_old(now);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= UPLOADS {
            let oldest = waiting.iter().min_by_key(|(_, (since, _))| *since);
            if let Some(oldest) = oldest.map(|(hash, _)| *hash) {
                waiting.remove(&oldest);
            }
        }
        waiting.insert(hash, (now, keep));
    }
}

/// A blob that is here, to be read.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its hash.
    pub hash: BlobHash,
    /// Its size in bytes.
    pub size: u64,
    /// The media type its author gave it, where it was found by reference.
    pub media: Option<String>,
    /// The path its author gave it, where it was found by reference.
    pub path: Option<AttachmentPath>,
}

impl Ops {
    /// Takes bytes in. Where the caller says what their hash is, they must have it.
    ///
    /// # Errors
    /// The disk is full, the stream broke, or the hash is another one.
    pub async fn put_blob(
        &self,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static,
        length: Option<u64>,
        expected: Option<BlobHash>,
    ) -> Result<BlobPut, Problem> {
        let under_way = self.uploads.running.load(Ordering::Relaxed) * ROOM_BYTES;
        self.room_for(length.unwrap_or(ROOM_BYTES).saturating_add(under_way)).await?;
        let imported = match self.blobs.import_stream(self.while_room(bytes)).await {
            Ok(imported) => imported,
            Err(error) => {
                // The disk is the better answer where it is why the stream was cut.
                self.room_for(0).await?;
                return Err(error.into());
            }
        };
        if let Some(expected) = expected.filter(|expected| *expected != imported.hash) {
            let actual = imported.hash;
            return Err(bad_request(format!("the bytes hash to {actual}, not to {expected}")));
        }
        self.blobs.sync([&imported.keep]).await?;
        self.uploads.put(imported.hash, imported.keep, time::now());
        Ok(BlobPut { hash: imported.hash, size: imported.size })
    }

    /// Ends a stream of unknown length with an error once the disk is full.
    pub(crate) fn while_room(
        &self,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static {
        let blobs = self.blobs.clone();
        let mut upload = Upload::begin(&self.uploads.running);
        bytes.map(move |piece| {
            let piece = piece?;
            if let Some(bytes) = upload.took(piece.len() as u64) {
                blobs.room_for(bytes).map_err(|_| io::ErrorKind::StorageFull)?;
            }
            Ok(piece)
        })
    }

    /// Finds a blob by its hash.
    ///
    /// # Errors
    /// It is not here, or not all of it.
    pub async fn open_blob(&self, hash: BlobHash) -> Result<Opened, Problem> {
        match self.blobs.status(hash).await? {
            Status::Complete { size } => Ok(Opened { hash, size, media: None, path: None }),
            Status::Partial { have, .. } => Err(ReadError::Partial { hash, have }.into()),
            Status::Missing => Err(ReadError::Missing(hash).into()),
        }
    }

    /// Finds the bytes of the attachment that a reference means.
    ///
    /// # Errors
    /// There is none, several fit, or its bytes are not here.
    pub async fn open_content(&self, reference: &str) -> Result<Opened, Problem> {
        let (_, file) = self.file(reference).await?;
        self.open_file(file).await
    }

    /// Finds the bytes of a file of a frame.
    ///
    /// # Errors
    /// They are not here.
    pub(crate) async fn open_file(&self, file: FileInfo) -> Result<Opened, Problem> {
        let opened = self.open_blob(file.hash).await?;
        // Bytes that another context has, or the trash, are none of this frame's.
        if !file.here {
            return Err(ReadError::Missing(file.hash).into());
        }
        let path = file.path.parse().map_err(bad_request)?;
        Ok(Opened { media: Some(file.media), path: Some(path), ..opened })
    }

    /// Reads a part of a blob. Up to 1 MiB is read and checked before this returns, so that
    /// damage is a problem and not a broken answer.
    ///
    /// # Errors
    /// The range lies outside, or the bytes are damaged.
    pub async fn read_blob(
        &self,
        opened: &Opened,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, ReadError>>, Problem> {
        let hash = opened.hash;
        self.uses.touch(hash);
        let pieces = self.blobs.reader(hash, range.clone()).inspect_err(move |error| {
            tracing::warn!(blob = %hash.short(), %error, "a blob cannot be read to its end");
        });
        let mut pieces = pieces.boxed();
        if range.end.saturating_sub(range.start) > WHOLE_BYTES {
            return Ok(joined(pieces).boxed());
        }
        let mut read = Vec::new();
        while let Some(piece) = pieces.next().await {
            read.push(Ok(piece.map_err(|error| damaged(error, opened))?));
        }
        Ok(futures::stream::iter(read).boxed())
    }
}

/// Joins pieces: each alone costs a call to send it, and one to wake up who takes it. What came before
/// an error comes before it still.
fn joined<E: Send>(
    pieces: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
) -> impl Stream<Item = Result<Bytes, E>> + Send {
    futures::stream::unfold((pieces, None), |(mut pieces, error)| async move {
        if let Some(error) = error {
            return Some((Err(error), (pieces, None)));
        }
        let mut joined = BytesMut::with_capacity(JOINED_BYTES + GROUP_BYTES as usize);
        let mut broken = None;
        while joined.len() < JOINED_BYTES && broken.is_none() {
            match pieces.next().await {
                Some(Ok(piece)) => joined.extend_from_slice(&piece),
                Some(Err(error)) => broken = Some(error),
                None => break,
            }
        }
        match (joined.is_empty(), broken) {
            (true, None) => None,
            (true, Some(error)) => Some((Err(error), (pieces, None))),
            (false, broken) => Some((Ok(joined.freeze()), (pieces, broken))),
        }
    })
}

fn damaged(error: ReadError, opened: &Opened) -> Problem {
    let problem = Problem::from(error);
    match (problem.code, &opened.path) {
        (ProblemCode::Corrupt, Some(path)) => {
            let detail = format!("`{path}` is damaged here: {}", problem.detail);
            Problem { detail, ..problem }
        }
        _ => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_are_joined_and_what_came_before_an_error_comes_before_it() {
        let piece = Bytes::from(vec![7; 100 << 10]);
        let come = |pieces: Vec<Result<Bytes, &'static str>>| async move {
            let joined = joined(futures::stream::iter(pieces));
            let length = |piece: Result<Bytes, _>| piece.map(|bytes| bytes.len() >> 10);
            joined.map(length).collect::<Vec<_>>().await
        };
        let whole = vec![Ok(piece.clone()); 4];
        assert_eq!(come(whole.clone()).await, [Ok(300), Ok(100)]);
        let broken = whole.into_iter().chain([Err("damaged")]).collect();
        assert_eq!(come(broken).await, [Ok(300), Ok(100), Err("damaged")]);
        assert_eq!(come(vec![Err("damaged")]).await, [Err("damaged")]);
        assert_eq!(come(Vec::new()).await, []);
    }

    #[test]
    fn uploads_look_often_and_at_each_other() {
        let running = Arc::default();
        let mut first = Upload::begin(&running);
        assert_eq!(first.took(ROOM_BYTES - 1), None);
        assert_eq!(first.took(1), Some(ROOM_BYTES));
        let second = Upload::begin(&running);
        assert_eq!(first.took(ROOM_BYTES), Some(2 * ROOM_BYTES));
        drop(second);
        assert_eq!(first.took(2 * ROOM_BYTES), Some(ROOM_BYTES));
    }
}
