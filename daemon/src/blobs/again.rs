//! Bytes that are taken in, and are here already.
//!
//! The store puts the file of an import in the place of the one that it has. That one was synced,
//! and somebody was perhaps told so; the new one is durable only after the next sync, and where
//! that fails and the power goes, neither is left. So what is here and right stays as it is, and
//! only what is not is taken in: bytes are hashed before the store may name them, and one import at
//! a time names the same.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::sync::{Arc, Mutex, PoisonError};

use blake3::Hasher;
use dsp_protocol::id::BlobHash;
use tokio::sync::Notify;

use super::error::ReadError;
use super::import::Imported;
use super::keep::Busy;
use super::{Blobs, GROUP_BYTES, Status};

/// Read at once to be hashed.
const PIECE_BYTES: u64 = 4 << 20;

/// The blobs that imports are about to name.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: Mutex<HashSet<BlobHash>>,
    freed: Notify,
}

/// No other import names this blob while it is held.
#[derive(Debug)]
pub(super) struct Name {
    hash: BlobHash,
    names: Arc<Names>,
}

impl Names {
    /// Waits until no other import is about to name a blob.
    pub(super) async fn take(self: &Arc<Self>, hash: BlobHash) -> Name {
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            if self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(hash) {
                return Name { hash, names: Arc::clone(self) };
            }
            freed.await;
        }
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        self.names.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.hash);
        self.names.freed.notify_waiters();
    }
}

impl Blobs {
    /// Tells whether a blob of this size has a file of its own. Smaller ones stand in the store's
    /// database, which replaces nothing before it is durable.
    pub(super) fn has_file(size: u64) -> bool {
        size > GROUP_BYTES
    }

    /// Holds a blob that is here, if all its bytes are right; reads them all to know. Those of one
    /// that is damaged are to be replaced.
    ///
    /// # Errors
    /// The store cannot tell. What it has must not be replaced then: it is perhaps right, and what
    /// would come in its place perhaps never durable.
    pub(super) async fn here_already(
        &self,
        hash: BlobHash,
        busy: &Busy,
    ) -> io::Result<Option<Imported>> {
        let keep = self.keeper.hold(hash, self.life_of(&self.live.now()), busy);
        match self.booked(hash).await.map_err(|error| error.source)? {
            Status::Complete { .. } => {}
            Status::Missing | Status::Partial { .. } => return Ok(None),
        }
        self.syncing.about(hash);
        match self.verify(hash).await {
            Ok(size) => Ok(Some(Imported { hash, size, keep })),
            Err(error) if tells_of_damage(&error) => {
                tracing::warn!(blob = %hash.short(), %error, "damaged, taken in anew");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Tells whether it is the blob that is damaged, and not the store that cannot read for now.
pub(super) fn tells_of_damage(error: &ReadError) -> bool {
    match error {
        ReadError::Corrupt { .. } | ReadError::Missing(_) | ReadError::Partial { .. } => true,
        // What no system call says is said by the store, whose database is gone.
        ReadError::Io { source, .. } => source.raw_os_error().is_some() && !is_scarcity(source),
        ReadError::Range { .. } | ReadError::TooLarge { .. } => false,
    }
}

/// Tells whether a system call failed for want of files or memory.
#[cfg(unix)]
fn is_scarcity(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM))
}

/// Tells whether a system call failed for want of memory.
#[cfg(not(unix))]
fn is_scarcity(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::OutOfMemory
}

/// Hashes `size` bytes of an open file from where it is read next: one that others write to may never
/// end. `progress` gets the bytes done.
pub(super) async fn hash_file(
    file: File,
    size: u64,
    mut progress: impl FnMut(u64) + Send,
) -> io::Result<BlobHash> {
    let (mut state, mut done) = ((file, Hasher::new()), 0);
    while done < size {
        let piece = PIECE_BYTES.min(size - done);
        let hashing = tokio::task::spawn_blocking(move || {
            let (file, mut hasher) = state;
            let count = hasher.update_reader((&file).take(piece))?.count();
            Ok::<_, io::Error>((count, (file, hasher)))
        });
        let (count, next) = hashing.await.map_err(io::Error::other)??;
        state = next;
        if count == done {
            break;
        }
        done = count;
        progress(done);
    }
    Ok(BlobHash::from_bytes(state.1.finalize().into()))
}
