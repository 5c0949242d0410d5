//! Making files durable, and what a sync that failed leaves behind.
//!
//! A sync of all files that fails loses what was not written of any of them, whoever brought it: the
//! next one succeeds and does nothing for it, while readers still see it. So one runs at a time, a
//! failure counts for all that came before it, and what may be unwritten is written again before a
//! later one: what was written since the last success, and what was on its way in. A blob that is not
//! whole waits until it is, for whoever fetches it writes to its file, and is read before it counts.
//!
//! A failure outlives the process, as the cache does. So a store that was not closed, or was closed
//! while something was unwritten, begins as after a failure.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use dsp_protocol::id::BlobHash;
use tokio::sync::Mutex;

use super::keep::{Busy, Keep};
use super::{Blobs, Status, doubt};
use crate::files;

/// The file that is there while the store is closed and nothing in it is unwritten.
const SETTLED: &str = "settled";

/// The syncs of the files of a store.
#[derive(Debug)]
pub(super) struct Syncing {
    /// The folder of the store, opened once: what the disk refused is told once to each who holds
    /// it open, and perhaps never to who opens it later.
    folder: Arc<File>,
    /// Held while one runs; true once one failed and none succeeded since.
    failed: Mutex<bool>,
    failures: AtomicU64,
    /// Blobs whose files say that they are written, and are perhaps not.
    unwritten: StdMutex<BTreeSet<BlobHash>>,
    /// Those of them that could not be written again; tried anew only while somebody holds them.
    refused: StdMutex<BTreeSet<BlobHash>>,
    /// Whether the disk refuses the next one.
    #[cfg(test)]
    pub(super) breaks: std::sync::atomic::AtomicBool,
}

impl Syncing {
    /// Begins for the store in `dir`. Reads the dates of its files where it was not closed.
    ///
    /// # Errors
    /// The folder cannot be read, or what says that the store is closed not removed.
    pub(super) fn open(dir: &Path) -> io::Result<Syncing> {
        let unwritten = match std::fs::remove_file(dir.join(SETTLED)) {
            Ok(()) => {
                files::sync_folder(dir).map_err(|error| error.source)?;
                BTreeSet::new()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => doubt::newer(dir)?,
            Err(error) => return Err(error),
        };
        Ok(Syncing {
            folder: Arc::new(File::open(dir)?),
            failed: Mutex::default(),
            failures: AtomicU64::default(),
            unwritten: StdMutex::new(unwritten),
            refused: StdMutex::default(),
            #[cfg(test)]
            breaks: false.into(),
        })
    }

    /// Notes for the next start that nothing is unwritten, where that is so. Best effort: without,
    /// more is written again.
    pub(super) async fn close(&self, dir: &Path) {
        if *self.failed.lock().await || !self.unwritten().is_empty() {
            return;
        }
        if let Err(error) = files::write_new(&dir.join(SETTLED), b"") {
            tracing::warn!(%error, "it is not noted that all blobs are written");
        }
    }

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

    fn refused(&self) -> MutexGuard<'_, BTreeSet<BlobHash>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn unwritten(&self) -> MutexGuard<'_, BTreeSet<BlobHash>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Syncs the files of a store when it is the caller's turn. Returns the blobs that could not be
/// written again, which are not known to be durable.
///
/// # Errors
/// The disk refused: nothing that was brought before is known to be durable.
pub(super) async fn files_in_turn(blobs: Blobs) -> io::Result<BTreeSet<BlobHash>> {
    let syncing = &blobs.syncing;
    // Before the turn, so that nobody waits in it for the end of a collection.
    let busy = blobs.keeper.busy().await;
    let mut failed = syncing.failed.lock().await;
    if *failed {
        let dir = blobs.dir.clone();
        let newer = tokio::task::spawn_blocking(move || doubt::newer(&dir)).await;
        let newer = newer.unwrap_or_else(|panic| Err(io::Error::other(panic)))?;
        syncing.unwritten().extend(newer);
    }
    let whole = whole(&blobs, &busy).await;
    if *failed {
        let of_whole: BTreeSet<BlobHash> = whole.iter().map(Keep::hash).collect();
        let parts: Vec<BlobHash> = syncing.unwritten().difference(&of_whole).copied().collect();
        blobs.doubts.add(parts);
    }
    drop(busy);
    #[cfg(test)]
    let breaks = syncing.breaks.swap(false, Ordering::AcqRel);
    let (dir, folder) = (blobs.dir.clone(), Arc::clone(&syncing.folder));
    let again: Vec<BlobHash> = whole.iter().map(Keep::hash).collect();
    let unwritten = syncing.unwritten().clone();
    let synced = tokio::task::spawn_blocking(move || {
        let began = SystemTime::now();
        let written = write_blobs_again(&dir, &again);
        sync_files(&dir, &folder)?;
        #[cfg(test)]
        if breaks {
            return Err(io::Error::other("a test"));
        }
        // Without the note those that are left are found by a restart: refused before or now, or
        // not whole yet.
        if unwritten.is_subset(&written.written)
            && let Err(error) = doubt::remember_sync(&dir, began)
        {
            tracing::warn!(%error, "it is not noted that blobs were synced");
        }
        Ok(written)
    });
    let synced = synced.await.unwrap_or_else(|panic| Err(io::Error::other(panic)));
    *failed = synced.is_err();
    let Written { written, refused } = synced.inspect_err(|_| {
        syncing.failures.fetch_add(1, Ordering::Release);
    })?;
    syncing.unwritten().retain(|hash| !written.contains(hash));
    let mut all_refused = syncing.refused();
    all_refused.retain(|hash| !written.contains(hash));
    all_refused.extend(refused);
    Ok(all_refused.clone())
}

/// What became of the blobs that were to be written again.
#[derive(Debug, Default)]
struct Written {
    written: BTreeSet<BlobHash>,
    refused: BTreeSet<BlobHash>,
}

/// Writes the files of blobs again, those that the disk does not refuse.
fn write_blobs_again(dir: &Path, hashes: &[BlobHash]) -> Written {
    let mut all = Written::default();
    for hash in hashes {
        let path = |kind| dir.join("data").join(format!("{hash}.{kind}"));
        match write_again(&path("data")).and_then(|()| write_again(&path("obao4"))) {
            Ok(()) => all.written.insert(*hash),
            Err(error) => {
                tracing::warn!(blob = %hash.short(), %error, "cannot be written again");
                all.refused.insert(*hash)
            }
        };
    }
    all
}

/// Holds the blobs to be written again that are whole: while one is, nobody else writes to its
/// files. Those that are gone are forgotten.
async fn whole(blobs: &Blobs, busy: &Busy) -> Vec<Keep> {
    let unwritten: Vec<BlobHash> = blobs.syncing.unwritten().iter().copied().collect();
    let life = blobs.life_of(&blobs.live.now());
    let mut whole = Vec::new();
    for hash in unwritten {
        if blobs.syncing.refused().contains(&hash) && !blobs.keeper.holds(hash) {
            continue;
        }
        let keep = blobs.keeper.hold(hash, life, busy);
        match blobs.booked(hash).await {
            Ok(Status::Complete { .. }) => whole.push(keep),
            Ok(Status::Missing) if !blobs.data_path(hash).exists() => {
                blobs.syncing.unwritten().remove(&hash);
                blobs.syncing.refused().remove(&hash);
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
fn sync_files(dir: &Path, folder: &File) -> io::Result<()> {
    // Whoever serves the file system is not told of the call, which then succeeds and does nothing.
    if rustix::fs::fstatfs(folder)?.f_type as u64 == FUSE {
        return sync_each(dir);
    }
    Ok(rustix::fs::syncfs(folder)?)
}

/// Makes the files of the store and their names durable.
#[cfg(not(target_os = "linux"))]
fn sync_files(dir: &Path, _folder: &File) -> io::Result<()> {
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
