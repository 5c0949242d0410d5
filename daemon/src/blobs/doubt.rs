//! Blobs in doubt: their rows were committed, and nobody knows whether their bytes were synced.
//!
//! The store commits the row of a blob before [`Blobs::sync`] synced its files. After a loss of
//! power such a row can stand over wrong bytes, as can a part that was resumed since. What the
//! index names as earned was synced before, unless the same bytes were imported again since because
//! they were damaged: such an import puts its new file in the place of the old one. Earned blobs
//! whose file was written after the last sync began, and everything that is here and not earned,
//! are in doubt after an unclean stop until all their bytes were read and right, and do not count
//! as here before.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use dsp_protocol::id::BlobHash;

use super::error::{GcError, ReadError, StatusError};
use super::{Blobs, Status, from_hash};

/// The file that was last changed when the last sync began.
const SYNCED: &str = "synced";
/// How much earlier than the clock says a file system may write down that a file was changed.
const SLACK: Duration = Duration::from_secs(2);

/// What is in doubt.
#[derive(Debug, Default)]
pub(super) struct Doubts(Mutex<HashSet<BlobHash>>);

impl Doubts {
    pub(super) fn about(&self, hash: BlobHash) -> bool {
        self.lock().contains(&hash)
    }

    pub(super) fn settle(&self, hash: BlobHash) {
        self.lock().remove(&hash);
    }

    pub(super) fn add(&self, more: impl IntoIterator<Item = BlobHash>) {
        self.lock().extend(more);
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<BlobHash>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blobs {
    /// Takes everything that is here for doubtful, apart from what is `earned` anywhere and was
    /// not written since it was synced. Call it after an unclean stop, before anything is done
    /// with the blobs. Returns what is in doubt.
    ///
    /// # Errors
    /// The store cannot list what it has.
    pub async fn doubt(&self, earned: &HashSet<BlobHash>) -> Result<Vec<BlobHash>, GcError> {
        let here = self.list().await?.into_iter().map(from_hash);
        let blobs = self.clone();
        let earned = earned.clone();
        let looking = tokio::task::spawn_blocking(move || {
            let synced = synced(&blobs.dir);
            let is_safe = |hash: &BlobHash| {
                earned.contains(hash) && !is_newer(&blobs.data_path(*hash), synced)
            };
            here.filter(|hash| !is_safe(hash)).collect()
        });
        let doubtful: Vec<BlobHash> = looking.await.map_err(|_| GcError::Stopped)?;
        self.doubts.lock().extend(&doubtful);
        Ok(doubtful)
    }

    /// Reads all of the blobs in doubt that are complete, and removes those that are damaged.
    /// Takes as long as the disk takes for their bytes.
    pub async fn settle_doubts(&self, doubtful: Vec<BlobHash>) {
        for hash in doubtful {
            // A part is looked at when it is whole.
            let Ok(Status::Complete { .. }) = self.booked(hash).await else { continue };
            if !self.doubts.about(hash) {
                continue;
            }
            match self.forget_corrupt(hash).await {
                Ok(forgotten) => tracing::debug!(blob = %hash.short(), ?forgotten, "looked at"),
                Err(error) => tracing::warn!(blob = %hash.short(), %error, "not looked at"),
            }
        }
    }

    /// Tells whether the bytes of a complete blob are beyond doubt, and reads them if need be.
    pub(super) async fn is_certain(&self, hash: BlobHash) -> Result<bool, StatusError> {
        if !self.doubts.about(hash) {
            return Ok(true);
        }
        match self.verify(hash).await {
            Ok(_) => Ok(true),
            Err(ReadError::Io { hash, source }) => Err(StatusError { hash, source }),
            Err(error) => {
                tracing::warn!(blob = %hash.short(), %error, "damaged, which does not count");
                Ok(false)
            }
        }
    }
}

/// Remembers when a sync that succeeded began. Best effort: without, more is in doubt.
pub(super) fn remember_sync(dir: &Path, began: SystemTime) -> io::Result<()> {
    let file = File::options().create(true).truncate(false).write(true).open(dir.join(SYNCED))?;
    file.set_modified(began)
}

/// Returns the blobs with a file that was written since the last sync that succeeded.
pub(super) fn newer(dir: &Path) -> io::Result<BTreeSet<BlobHash>> {
    let synced = synced(dir);
    let mut newer = BTreeSet::new();
    let entries = match std::fs::read_dir(dir.join("data")) {
        Ok(entries) => entries,
        // A store that was never opened.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(newer),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        let hash = path.file_stem().and_then(|name| name.to_str()?.parse().ok());
        if let Some(hash) = hash.filter(|_| is_newer(&path, synced)) {
            newer.insert(hash);
        }
    }
    Ok(newer)
}

/// Returns when the last sync that is known of began.
fn synced(dir: &Path) -> Option<SystemTime> {
    std::fs::metadata(dir.join(SYNCED)).and_then(|file| file.modified()).ok()
}

/// Tells whether a file was written after a sync began, or when is not known; what stands in no
/// file was not, as the database syncs itself.
fn is_newer(path: &Path, synced: Option<SystemTime>) -> bool {
    let written = std::fs::metadata(path).and_then(|file| file.modified());
    match (written, synced) {
        (Ok(written), Some(synced)) => written + SLACK >= synced,
        (Ok(_), None) => true,
        (Err(_), _) => false,
    }
}
