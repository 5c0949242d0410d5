//! Freeing what nothing keeps.
//!
//! The store collects by a timer only and has no public way to remove one blob. Its timer calls
//! back for the hashes to keep; here that call waits until somebody wants a collection, so that
//! the store collects exactly when [`Blobs::gc`] asks, and the next call tells that it has
//! ended. The removal of one damaged blob is a collection that keeps everything else.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use dsp_protocol::id::BlobHash;
use futures::future::BoxFuture;
use iroh_blobs::Hash;
use iroh_blobs::store::fs::FsStore;
use iroh_blobs::store::{GcConfig, ProtectCb, ProtectOutcome};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;

use super::error::{GcError, StatusError};
use super::{Blobs, from_hash, to_hash};

/// The pause between two collections: the store sleeps before each.
const PAUSE: Duration = Duration::from_millis(5);

/// How long a store that was closed may take to say so.
const LAST_ANSWER: Duration = Duration::from_secs(1);

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
    /// Those of them that nothing names.
    pub unnamed: u64,
    /// The bytes of those.
    pub unnamed_bytes: u64,
}

/// Says which of the blobs that nothing names, told with their bytes, stay all the same.
pub type Sparing = Box<
    dyn FnOnce(Vec<(BlobHash, u64)>) -> BoxFuture<'static, Result<HashSet<BlobHash>, ProtectError>>
        + Send,
>;

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
    /// only ends at an error. Nobody waits for that.
    pub(super) async fn end(&self, store: &FsStore) {
        // A collection of a store that is not closed would keep nothing. One that is closed may
        // also never answer: a question that comes as its task ends is lost.
        if let Ok(Err(_)) = timeout(LAST_ANSWER, store.sync_db()).await {
            let (ended, _) = oneshot::channel();
            let _ = self.runs.try_send(Run { live: HashSet::new(), ended });
        }
    }

    /// Runs one collection to its end.
    pub(super) async fn run(&self, live: HashSet<Hash>) -> Result<(), GcError> {
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
    /// Removes what neither the index nor a [`Keep`](super::Keep) holds, and nothing that is
    /// [spared](Self::spare_all_here). Waits for running
    /// imports; imports and new keeps wait for it. Goes on when the future is dropped.
    ///
    /// # Errors
    /// The index failed, and everything was kept; or the store failed.
    pub async fn gc(&self) -> Result<GcReport, GcError> {
        self.gc_but(Box::new(|_| Box::pin(std::future::ready(Ok(HashSet::new()))))).await
    }

    /// As [`gc`](Self::gc), and `sparing` says what of the rest stays.
    ///
    /// # Errors
    /// The index or `sparing` failed, and everything was kept; or the store failed.
    pub async fn gc_but(&self, sparing: Sparing) -> Result<GcReport, GcError> {
        let blobs = self.clone();
        let task = tokio::spawn(async move {
            let _collecting = blobs.keeper.collect().await;
            let mut live = blobs.named().await?;
            live.extend(blobs.spared.all());
            let doomed = blobs.doomed(&live).await?;
            let spared = sparing(doomed.clone()).await;
            let spared = spared.map_err(|e| GcError::Protect(e.to_string()))?;
            live.extend(spared.iter().copied().map(to_hash));
            blobs.live.now().collector.run(live).await?;
            let after: HashSet<Hash> = blobs.list().await?.into_iter().collect();
            let mut report = GcReport { kept: after.len() as u64, ..GcReport::default() };
            for (hash, bytes) in doomed {
                if !after.contains(&to_hash(hash)) {
                    report.removed += 1;
                    report.removed_bytes += bytes;
                } else if spared.contains(&hash) {
                    report.unnamed += 1;
                    report.unnamed_bytes += bytes;
                }
            }
            Ok(report)
        });
        task.await.unwrap_or(Err(GcError::Stopped))
    }

    /// Returns what nothing names or holds, with its bytes: what a collection would remove, were
    /// nothing spared.
    ///
    /// # Errors
    /// The index or the store failed.
    pub async fn waste(&self) -> Result<Vec<(BlobHash, u64)>, GcError> {
        let live = self.named().await?;
        self.doomed(&live).await
    }

    /// Returns what the index names or a keep holds.
    async fn named(&self) -> Result<HashSet<Hash>, GcError> {
        // First: what is let go while the index is read may be in it by now.
        let held = self.keeper.held();
        let mut live = self.live.protect.protected().await?;
        live.extend(held.into_iter().map(to_hash));
        Ok(live)
    }

    /// Returns what is here and not among `live`, with its bytes.
    async fn doomed(&self, live: &HashSet<Hash>) -> Result<Vec<(BlobHash, u64)>, GcError> {
        let mut doomed = Vec::new();
        for hash in self.list().await?.into_iter().filter(|hash| !live.contains(hash)) {
            let hash = from_hash(hash);
            doomed.push((hash, self.bytes_here(hash).await?));
        }
        Ok(doomed)
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
}
