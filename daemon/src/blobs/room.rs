//! Room on the disk. Blobs leave some of it free: heads and frames must be stored even when no
//! blob is any more, and the store ends where a commit of it meets a full disk.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::Blobs;
use crate::files;

/// What stays free whatever the settings say, in bytes: room for the commits of both databases.
const LEAST_BYTES: u64 = 8 << 20;

/// Why bytes may not be written.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// There is not enough of it.
    #[error("{bytes} bytes do not fit: {free} are free, and {spare} stay free")]
    Full {
        /// Bytes to write.
        bytes: u64,
        /// Bytes that are free.
        free: u64,
        /// Bytes that stay free.
        spare: u64,
    },
    /// The system does not tell how much there is.
    #[error("cannot tell how much room is on the disk of {}", path.display())]
    Unknown {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What of the disk blobs leave free.
#[derive(Debug)]
pub(super) struct Room {
    spare: AtomicU64,
    quota: AtomicU64,
}

impl Default for Room {
    fn default() -> Self {
        Room { spare: AtomicU64::new(LEAST_BYTES), quota: AtomicU64::new(0) }
    }
}

impl Blobs {
    /// Sets how many bytes of the disk blobs leave free; 8 MiB at least.
    pub fn set_spare(&self, bytes: u64) {
        self.room.spare.store(bytes.max(LEAST_BYTES), Ordering::Relaxed);
    }

    /// Returns how many bytes of the disk blobs leave free.
    pub fn spare(&self) -> u64 {
        self.room.spare.load(Ordering::Relaxed)
    }

    /// Sets how many bytes of blobs there may be here; as many as fit where it is 0.
    pub fn set_quota(&self, bytes: u64) {
        self.room.quota.store(bytes, Ordering::Relaxed);
    }

    /// Returns how many bytes of blobs there may be here; 0 where there is no bound.
    pub fn quota(&self) -> u64 {
        self.room.quota.load(Ordering::Relaxed)
    }

    /// Makes sure that `bytes` more may be written.
    ///
    /// # Errors
    /// They would take what stays free, or the system does not tell what is.
    pub fn room_for(&self, bytes: u64) -> Result<(), RoomError> {
        let (free, spare) = (free(&self.dir)?, self.spare());
        match free.checked_sub(bytes).is_some_and(|left| left >= spare) {
            true => Ok(()),
            false => Err(RoomError::Full { bytes, free, spare }),
        }
    }

    /// Returns how many bytes may be written; all there are where the system does not tell.
    pub(super) async fn room_bytes(&self) -> u64 {
        let dir = std::sync::Arc::clone(&self.dir);
        match tokio::task::spawn_blocking(move || free(&dir)).await {
            Ok(Ok(free)) => free.saturating_sub(self.spare()),
            Ok(Err(error)) => {
                tracing::debug!(%error, "the room on the disk is not known");
                u64::MAX
            }
            Err(_) => u64::MAX,
        }
    }

    /// Tells whether `bytes` more may be written.
    pub(super) async fn has_room(&self, bytes: u64) -> bool {
        bytes <= self.room_bytes().await
    }

    /// Makes sure that a commit does not meet a full disk.
    pub(super) fn room_to_commit(&self) -> io::Result<()> {
        match free(&self.dir) {
            // Half of what stays free, as what was checked before takes a little more than it said.
            Ok(free) if free < LEAST_BYTES / 2 => Err(io::ErrorKind::StorageFull.into()),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

fn free(dir: &Path) -> Result<u64, RoomError> {
    files::free_bytes(dir).map_err(|source| RoomError::Unknown { path: dir.to_owned(), source })
}
