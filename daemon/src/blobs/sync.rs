//! Making files durable, and what a sync that failed leaves behind.
//!
//! A sync of all files that fails loses what was not written of any of them, whoever brought it: the
//! next one succeeds and does nothing for it. So one runs at a time, a failure counts for all that
//! came before it, and what was written since the last success is written again before the next.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use tokio::sync::Mutex;

use super::doubt;
use crate::files;

/// The syncs of the files of a store.
#[derive(Debug, Default)]
pub(super) struct Syncing {
    /// Held while one runs; true once one failed and none succeeded since.
    failed: Mutex<bool>,
    failures: AtomicU64,
    /// Whether the disk refuses the next one.
    #[cfg(test)]
    pub(super) breaks: std::sync::atomic::AtomicBool,
}

impl Syncing {
    /// Returns how many failed.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Acquire)
    }
}

/// Syncs the files of the store in `dir` when it is the caller's turn.
///
/// # Errors
/// The disk refused: nothing that was brought before is known to be durable.
pub(super) async fn files_in_turn(dir: Arc<Path>, syncing: Arc<Syncing>) -> io::Result<()> {
    let mut failed = syncing.failed.lock().await;
    let again = *failed;
    #[cfg(test)]
    let breaks = syncing.breaks.swap(false, Ordering::AcqRel);
    let synced = tokio::task::spawn_blocking(move || {
        let began = SystemTime::now();
        if again {
            doubt::write_newer_again(&dir)?;
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
    if synced.is_err() {
        syncing.failures.fetch_add(1, Ordering::Release);
    }
    synced
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
/// file system.
fn sync_each(dir: &Path) -> io::Result<()> {
    let data = dir.join("data");
    for entry in std::fs::read_dir(&data)? {
        match std::fs::OpenOptions::new().write(true).open(entry?.path()) {
            Ok(file) => file.sync_all()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    for folder in [&data, dir].into_iter().chain(dir.parent()) {
        files::sync_folder(folder).map_err(|error| error.source)?;
    }
    Ok(())
}
