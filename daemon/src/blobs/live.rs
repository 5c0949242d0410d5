//! The store that is open, and a new one in its place when it failed.
//!
//! The task behind the store's database ends at the first read or commit that fails, at a full
//! disk for one, and from then on every call fails. Whoever meets a failure says so; where the
//! task is gone, the store is closed and opened anew behind the handle that everybody holds.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use iroh_blobs::store::fs::FsStore;
use iroh_blobs::store::fs::options::Options;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::error::{OpenError, store_error};
use super::gc::{Collector, Protector};
use crate::files;

/// The wait after an attempt to open the store anew that failed.
const AGAIN: Duration = Duration::from_secs(5);

/// How long a store may take to close: it writes what is pending.
const CLOSE: Duration = Duration::from_secs(15);

/// A store and what collects in it.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) store: FsStore,
    pub(super) collector: Collector,
    /// Counts the stores that were open here: what one took in and did not commit, the next one
    /// does not have.
    pub(super) life: u64,
}

/// Whichever store is open now.
#[derive(Debug)]
pub(super) struct Live {
    dir: Arc<Path>,
    pub(super) protect: Protector,
    now: RwLock<Arc<Open>>,
    /// Held while the store is closed or opened anew; true once it is closed for good.
    closed: Mutex<bool>,
    reviving: AtomicBool,
}

impl Open {
    async fn load(dir: &Path, life: u64) -> Result<Open, OpenError> {
        let (collector, gc) = Collector::new();
        let mut options = Options::new(dir);
        options.gc = Some(gc);
        let store = FsStore::load_with_opts(dir.join("blobs.db"), options).await;
        let store = store
            .map_err(|e| OpenError::Store { path: dir.to_owned(), reason: format!("{e:#}") })?;
        Ok(Open { store, collector, life })
    }

    async fn end(&self) {
        match timeout(CLOSE, self.store.shutdown()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the blob store is closed already"),
            // What was acknowledged is synced: the next start finds it, and checks the rest.
            Err(_) => tracing::error!("the blob store does not close"),
        }
        self.collector.end(&self.store).await;
    }
}

impl Live {
    /// Opens the store in `dir`.
    pub(super) async fn open(dir: Arc<Path>, protect: Protector) -> Result<Live, OpenError> {
        let now = RwLock::new(Arc::new(Open::load(&dir, 0).await?));
        Ok(Live { dir, protect, now, closed: Mutex::default(), reviving: AtomicBool::default() })
    }

    /// Returns the store that is open now.
    pub(super) fn now(&self) -> Arc<Open> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes note of a failure, and has the store opened anew where that is what it takes.
    pub(super) fn failed(self: &Arc<Self>, error: impl Into<iroh_blobs::api::Error>) -> io::Error {
        if !self.reviving.swap(true, Ordering::AcqRel) {
            let live = Arc::clone(self);
            tokio::spawn(async move {
                while let Err(error) = live.revive().await {
                    tracing::error!(%error, "the blob store is not opened anew");
                    tokio::time::sleep(AGAIN).await;
                }
                live.reviving.store(false, Ordering::Release);
            });
        }
        store_error(error)
    }

    /// Closes the store for good.
    pub(super) async fn close(&self) {
        let mut closed = self.closed.lock().await;
        *closed = true;
        self.now().end().await;
    }

    async fn revive(&self) -> Result<(), OpenError> {
        let closed = self.closed.lock().await;
        let old = self.now();
        // Most failures are not of this kind: the database answers.
        if *closed || old.store.sync_db().await.is_ok() {
            return Ok(());
        }
        tracing::warn!("the blob store failed, opening it anew");
        old.end().await;
        // What a failed commit left in the cache of the system would be built upon, and is perhaps
        // never written by a later one.
        let database = self.dir.join("blobs.db");
        let again = tokio::task::spawn_blocking(move || files::write_again(&database)).await;
        again
            .map_err(|panic| panic.to_string())
            .and_then(|done| done.map_err(|e| e.to_string()))
            .map_err(|reason| OpenError::Store { path: self.dir.to_path_buf(), reason })?;
        let new = Arc::new(Open::load(&self.dir, old.life + 1).await?);
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }
}
