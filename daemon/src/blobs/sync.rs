//! Making files durable, and what a sync that failed leaves behind.
//!
//! A sync of all files that fails loses what was not written of any of them, whoever brought it: the
//! next one succeeds and does nothing for it, while readers still see it. So one runs at a time, a
//! failure counts for all that came before it, and what may be unwritten is written again before a
//! later one: what was written since the last success, and what was on its way in. A blob that is not
//! whole waits until it is, for whoever fetches it writes to its file.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use dsp_protocol::id::BlobHash;
use tokio::sync::Mutex;

use super::{Blobs, Status, doubt};
use crate::files;

/// The syncs of the files of a store.
#[derive(Debug, Default)]
pub(super) struct Syncing {
    /// Held while one runs; true once one failed and none succeeded since.
    failed: Mutex<bool>,
    failures: AtomicU64,
    /// Blobs whose files say that they are written, and are perhaps not.
    unwritten: StdMutex<BTreeSet<BlobHash>>,
    /// Whether the disk refuses the next one.
    #[cfg(test)]
    pub(super) breaks: std::sync::atomic::AtomicBool,
}

impl Syncing {
    /// Returns how many failed.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Acquire)
    }

    /// Has a blob written again before the next sync, if one failed since the store was opened: it
    /// may be from before.
    pub(super) fn about(&self, hash: BlobHash) {
        if self.failures() > 0 {
            self.unwritten().insert(hash);
        }
    }

    pub(super) fn unwritten(&self) -> MutexGuard<'_, BTreeSet<BlobHash>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Syncs the files of a store when it is the caller's turn.
///
/// # Errors
/// The disk refused: nothing that was brought before is known to be durable.
pub(super) async fn files_in_turn(blobs: Blobs) -> io::Result<()> {
    let syncing = &blobs.syncing;
    let mut failed = syncing.failed.lock().await;
    if *failed {
        let dir = blobs.dir.clone();
        let newer = tokio::task::spawn_blocking(move || doubt::newer(&dir)).await;
        let newer = newer.unwrap_or_else(|panic| Err(io::Error::other(panic)))?;
        syncing.unwritten().extend(newer);
    }
    let whole = whole(&blobs).await;
    #[cfg(test)]
    let breaks = syncing.breaks.swap(false, Ordering::AcqRel);
    let (dir, again) = (blobs.dir.clone(), whole.clone());
    let synced = tokio::task::spawn_blocking(move || {
        let began = SystemTime::now();
        for hash in again {
            for kind in ["data", "obao4"] {
                write_again(&dir.join("data").join(format!("{hash}.{kind}")))?;
            }
        }
        sync_files(&dir)?;
        #[cfg(test)]
        if breaks {
            return Err(io::Error::other("a test"));
        }
        if let Err(error) = doubt::remember_sync(&dir, began) {
            tracing::warn!(%error, "it is not noted that blobs were synced");
        }
        Ok(())
    });
    let synced = synced.await.unwrap_or_else(|panic| Err(io::Error::other(panic)));
    *failed = synced.is_err();
    match synced {
        Ok(()) => syncing.unwritten().retain(|hash| !whole.contains(hash)),
        Err(_) => drop(syncing.failures.fetch_add(1, Ordering::Release)),
    }
    synced
}

/// Returns the blobs to be written again that are whole; those that are gone are forgotten.
async fn whole(blobs: &Blobs) -> Vec<BlobHash> {
    let unwritten: Vec<BlobHash> = blobs.syncing.unwritten().iter().copied().collect();
    let mut whole = Vec::new();
    for hash in unwritten {
        match blobs.booked(hash).await {
            Ok(Status::Complete { .. }) => whole.push(hash),
            Ok(Status::Missing) if !blobs.data_path(hash).exists() => {
                blobs.syncing.unwritten().remove(&hash);
            }
            _ => {}
        }
    }
    whole
}

/// Writes a file again, if it is there.
fn write_again(path: &Path) -> io::Result<()> {
    match files::write_again(path).map_err(|error| error.source) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What Linux calls a file system that a program serves (`FUSE_SUPER_MAGIC`).
#[cfg(target_os = "linux")]
const FUSE: u64 = 0x6573_5546;

/// Makes the files of the store and their names durable.
#[cfg(target_os = "linux")]
fn sync_files(dir: &Path) -> io::Result<()> {
    let folder = std::fs::File::open(dir)?;
    // Whoever serves the file system is not told of the call, which then succeeds and does nothing.
    if rustix::fs::fstatfs(&folder)?.f_type as u64 == FUSE {
        return sync_each(dir);
    }
    Ok(rustix::fs::syncfs(folder)?)
}

/// Makes the files of the store and their names durable.
#[cfg(not(target_os = "linux"))]
fn sync_files(dir: &Path) -> io::Result<()> {
    sync_each(dir)
}

/// Syncs every file of the store, and the folders above: what to do without a call that syncs one
/// file system. Those on their way in are among them, as a sync of the file system has them too.
fn sync_each(dir: &Path) -> io::Result<()> {
    let data = dir.join("data");
    for folder in [&dir.join("temp"), &data] {
        for entry in std::fs::read_dir(folder)? {
            match std::fs::OpenOptions::new().write(true).open(entry?.path()) {
                Ok(file) => file.sync_all()?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    for folder in [&data, dir].into_iter().chain(dir.parent()) {
        files::sync_folder(folder).map_err(|error| error.source)?;
    }
    Ok(())
}
