//! Freeing what nothing keeps.
//!
//! The store collects by a timer only and has no public way to remove one blob. Its timer calls
//! back for the hashes to keep; here that call waits until somebody wants a collection, so that
//! the store collects exactly when [`Blobs::gc`] asks, and the next call tells that it has
//! ended. The removal of one damaged blob is a collection that keeps everything else.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use dsp_protocol::id::BlobHash;
use iroh_blobs::Hash;
use iroh_blobs::store::fs::FsStore;
use iroh_blobs::store::{GcConfig, ProtectCb, ProtectOutcome};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::error::{ForgetError, GcError, ReadError, StatusError};
use super::{Blobs, GROUP_BYTES, Status, from_hash, to_hash};

/// The pause between two collections: the store sleeps before each.
const PAUSE: Duration = Duration::from_millis(5);
/// Data and outboards up to this size stand in the store's database, larger ones in files.
const INLINE_BYTES: u64 = 16 * 1024;
/// Two hashes, for each inner node of a hash tree over groups.
const HASH_PAIR_BYTES: u64 = 64;

/// Why the index cannot say what to keep.
pub type ProtectError = Box<dyn std::error::Error + Send + Sync>;

/// Answers for our index what a collection must keep.
pub trait Protect: Send + Sync + 'static {
    /// Hands every hash that must live to `keep`: of frames, attachments, pins, and of blobs
    /// still wanted, whose parts are here. Runs on a thread where it may block.
    ///
    /// # Errors
    /// Any error ends the collection before anything is removed.
    fn protected(&self, keep: &mut dyn FnMut(BlobHash)) -> Result<(), ProtectError>;
}

/// What a collection freed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GcReport {
    /// Blobs removed.
    pub removed: u64,
    /// Their bytes; the database of small blobs does not shrink at once.
    pub removed_bytes: u64,
    /// Blobs that stay.
    pub kept: u64,
}

/// What became of a blob thought to be damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgotten {
    /// It was damaged, or only in part here, and is gone; fetch it again.
    Removed,
    /// It is sound after all, and stays.
    Sound,
    /// It was not here.
    Missing,
}

/// Starts the store's collections.
#[derive(Debug)]
pub(super) struct Collector {
    runs: mpsc::Sender<Run>,
}

/// Whoever answers for our index.
#[derive(Clone)]
pub(super) struct Protector(pub(super) Arc<dyn Protect>);

impl std::fmt::Debug for Protector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Protector")
    }
}

/// One collection that keeps `live`.
#[derive(Debug)]
struct Run {
    live: HashSet<Hash>,
    ended: oneshot::Sender<()>,
}

impl Collector {
    /// Returns the collector and what the store has to be opened with.
    pub(super) fn new() -> (Collector, GcConfig) {
        let (runs, requests) = mpsc::channel::<Run>(1);
        let waiting = Arc::new(Mutex::new((requests, None::<oneshot::Sender<()>>)));
        let callback: ProtectCb = Arc::new(move |live: &mut HashSet<Hash>| {
            let waiting = Arc::clone(&waiting);
            Box::pin(async move {
                let mut waiting = waiting.lock().await;
                let (requests, running) = &mut *waiting;
                if let Some(ended) = running.take() {
                    // Whoever asked may have gone.
                    let _ = ended.send(());
                }
                match requests.recv().await {
                    Some(run) => {
                        *live = run.live;
                        *running = Some(run.ended);
                        ProtectOutcome::Continue
                    }
                    // The last handle is gone without a word; collecting now would keep nothing.
                    None => std::future::pending().await,
                }
            })
        });
        let config = GcConfig { interval: PAUSE, add_protected: Some(callback) };
        (Collector { runs }, config)
    }

    /// Lets the store's timer go, which otherwise keeps the threads of a closed store alive: it
    /// only ends at an error. `store` must be closed, as this collection would keep nothing.
    pub(super) async fn end(&self, store: &FsStore) {
        if store.list().hashes().await.is_err() {
            let _ = self.run(HashSet::new()).await;
        }
    }

    /// Runs one collection to its end.
    async fn run(&self, live: HashSet<Hash>) -> Result<(), GcError> {
        let (ended, end) = oneshot::channel();
        self.runs.send(Run { live, ended }).await.map_err(|_| GcError::Stopped)?;
        end.await.map_err(|_| GcError::Stopped)
    }
}

impl Protector {
    /// Asks the index.
    async fn protected(&self) -> Result<HashSet<Hash>, GcError> {
        let Protector(protect) = self.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let mut live = HashSet::new();
            protect.protected(&mut |hash| {
                live.insert(to_hash(hash));
            })?;
            Ok(live)
        });
        let asked = asked.await.unwrap_or_else(|e| Err(ProtectError::from(e)));
        asked.map_err(|e| GcError::Protect(e.to_string()))
    }
}

impl Blobs {
    /// Removes what neither the index nor a [`Keep`](super::Keep) holds. Waits for running
    /// imports; imports and new keeps wait for it. Goes on when the future is dropped.
    ///
    /// # Errors
    /// The index failed, and everything was kept; or the store failed.
    pub async fn gc(&self) -> Result<GcReport, GcError> {
        let blobs = self.clone();
        let task = tokio::spawn(async move {
            let _collecting = blobs.keeper.collect().await;
            // First: what is let go while the index is read may be in it by now.
            let held = blobs.keeper.held();
            let mut live = blobs.live.protect.protected().await?;
            live.extend(held.into_iter().map(to_hash));
            let before = blobs.list().await?;
            let mut doomed = Vec::new();
            for hash in before.into_iter().filter(|hash| !live.contains(hash)) {
                let hash = from_hash(hash);
                doomed.push((hash, blobs.bytes_here(hash).await?));
            }
            blobs.live.now().collector.run(live).await?;
            let after: HashSet<Hash> = blobs.list().await?.into_iter().collect();
            let mut report = GcReport { kept: after.len() as u64, ..GcReport::default() };
            for (hash, bytes) in doomed {
                if !after.contains(&to_hash(hash)) {
                    report.removed += 1;
                    report.removed_bytes += bytes;
                }
            }
            Ok(report)
        });
        task.await.unwrap_or(Err(GcError::Stopped))
    }

    /// Removes a blob whose bytes on this disk are not right, so that it can be fetched again.
    /// Goes on when the future is dropped.
    ///
    /// # Errors
    /// It is held by a [`Keep`](super::Keep), or unreadable for a reason that may pass.
    pub async fn forget_corrupt(&self, hash: BlobHash) -> Result<Forgotten, ForgetError> {
        match self.verify(hash).await {
            Ok(_) => return Ok(Forgotten::Sound),
            Err(ReadError::Missing(_)) => return Ok(Forgotten::Missing),
            Err(ReadError::Corrupt { .. } | ReadError::Partial { .. }) => {}
            Err(error) if self.file_is_gone(hash).await => {
                tracing::debug!(hash = %hash.short(), %error, "a file of the blob is gone");
            }
            Err(error) => return Err(ForgetError::Read(error)),
        }
        let blobs = self.clone();
        let task = tokio::spawn(async move {
            let _collecting = blobs.keeper.collect().await;
            if blobs.keeper.holds(hash) {
                return Err(ForgetError::InUse(hash));
            }
            let mut live: HashSet<Hash> = blobs.list().await?.into_iter().collect();
            live.remove(&to_hash(hash));
            blobs.live.now().collector.run(live).await?;
            match blobs.booked(hash).await? {
                Status::Missing => {
                    blobs.doubts.settle(hash);
                    Ok(Forgotten::Removed)
                }
                Status::Partial { .. } | Status::Complete { .. } => Err(ForgetError::InUse(hash)),
            }
        });
        task.await.unwrap_or(Err(ForgetError::Gc(GcError::Stopped)))
    }

    pub(super) async fn list(&self) -> Result<Vec<Hash>, GcError> {
        self.store().list().hashes().await.map_err(|e| GcError::List(self.live.failed(e)))
    }

    /// Tells what stands on the disk, without opening partial blobs.
    async fn bytes_here(&self, hash: BlobHash) -> Result<u64, StatusError> {
        use iroh_blobs::api::blobs::BlobStatus;
        let status = self.store().status(to_hash(hash)).await;
        match status.map_err(|e| StatusError { hash, source: self.live.failed(e) })? {
            BlobStatus::NotFound => Ok(0),
            BlobStatus::Complete { size } => Ok(size),
            BlobStatus::Partial { .. } => {
                // Sparse: holes count, blocks would be exact and are not portable.
                let file = tokio::fs::metadata(self.data_path(hash)).await;
                Ok(file.map_or(0, |file| file.len()))
            }
        }
    }

    /// Tells whether a file of a complete blob is certainly not there; other trouble may pass.
    pub(crate) async fn file_is_gone(&self, hash: BlobHash) -> bool {
        let Ok(Status::Complete { size }) = self.booked(hash).await else { return false };
        let data = self.data_path(hash);
        let outboard = data.with_extension("obao4");
        let outboard_bytes = size.div_ceil(GROUP_BYTES).saturating_sub(1) * HASH_PAIR_BYTES;
        let files = [(data, size), (outboard, outboard_bytes)];
        for (path, _) in files.into_iter().filter(|(_, bytes)| *bytes > INLINE_BYTES) {
            let file = tokio::fs::metadata(path).await;
            if file.is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
                return true;
            }
        }
        false
    }
}
