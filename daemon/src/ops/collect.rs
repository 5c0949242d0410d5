//! Freeing the bytes that nothing here names any more.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dsp_protocol::api::{Freed, Problem};
use dsp_protocol::id::BlobHash;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::Ops;
use super::trash::Over;
use crate::blobs::GcReport;
use crate::store::Slot;

/// When the first collection runs: what a crash or a forgotten context left behind goes then, and
/// the start is over.
pub(crate) const FIRST: Duration = Duration::from_secs(120);
/// How often one runs after that.
const EVERY: Duration = Duration::from_secs(3600);
/// How long a caller waits until the bytes are freed: imports under way come first.
const FREE_WAIT: Duration = Duration::from_secs(30);

/// Whether blobs are collected by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collections {
    /// Soon after the start, and every hour.
    Running,
    /// Not before [`Ops::free`]: there may be blobs that the database does not know of.
    Held,
}

impl Ops {
    /// Frees the bytes that nothing here names, what was spared until now and all of the trash among
    /// them, and those of what its author removed; from now on the former are freed by themselves.
    ///
    /// # Errors
    /// The database fails.
    pub async fn free(self: &Arc<Self>) -> Result<Freed, Problem> {
        if self.are_collections_held() {
            self.store.unset(Slot::COLLECTIONS_HELD).await?;
            self.blobs.spare_nothing();
            self.collections_held.store(false, Ordering::Release);
            tracing::info!("blobs that nothing names are removed by themselves again");
        }
        self.let_leftovers_go().await?;
        self.collect_soon_of(Over::since(i64::MAX)).await
    }

    /// Tells whether nothing is freed before it is asked for.
    pub(crate) fn are_collections_held(&self) -> bool {
        self.collections_held.load(Ordering::Acquire)
    }

    /// Collects, and tells what was freed where that is over soon. It comes to its end whoever
    /// waits for it.
    pub(crate) async fn collect_soon(self: &Arc<Self>) -> Freed {
        self.collect_soon_with(HashSet::new()).await
    }

    /// As [`collect_soon`](Self::collect_soon), and `at_once` does not go into the trash.
    pub(crate) async fn collect_soon_with(self: &Arc<Self>, at_once: HashSet<BlobHash>) -> Freed {
        let over = self.over_with(at_once);
        // Failed and logged: another collection comes within the hour.
        let later = Freed { blobs: 0, bytes: 0, trashed: 0, trashed_bytes: 0, pending: true };
        self.collect_soon_of(over).await.unwrap_or(later)
    }

    /// As [`collect_soon`](Self::collect_soon), of what is told.
    ///
    /// # Errors
    /// The database or the blob store failed; then everything was kept.
    pub(crate) async fn collect_soon_of(self: &Arc<Self>, over: Over) -> Result<Freed, Problem> {
        let ops = Arc::clone(self);
        let collection = tokio::spawn(async move { ops.collect_of(over).await });
        match timeout(FREE_WAIT, collection).await {
            Ok(Ok(report)) => {
                let report = report?;
                Ok(Freed {
                    blobs: report.removed,
                    bytes: report.removed_bytes,
                    trashed: report.unnamed,
                    trashed_bytes: report.unnamed_bytes,
                    pending: false,
                })
            }
            // Late: it comes to its end.
            Ok(Err(_)) | Err(_) => {
                Ok(Freed { blobs: 0, bytes: 0, trashed: 0, trashed_bytes: 0, pending: true })
            }
        }
    }

    /// Collects unless that has to be asked for.
    pub(crate) async fn collect_by_itself(&self) {
        if self.are_collections_held() {
            self.trees.forget_here();
            self.uploads.forget_old(super::time::now());
            return;
        }
        // A failure was logged where it became a problem, and the next time may do better.
        let _ = self.collect().await;
        let _ = self.free_early(0).await;
    }

    /// Removes what nothing names and what is in the trash for its time.
    ///
    /// # Errors
    /// The database or the blob store failed; then everything was kept.
    pub(crate) async fn collect(&self) -> Result<GcReport, Problem> {
        self.collect_of(self.over_with(HashSet::new())).await
    }
}

/// Collects when `first` is over and now and then after that, until the daemon stops.
pub(crate) async fn run(ops: Arc<Ops>, first: Duration) {
    let mut times = interval_at(Instant::now() + first, EVERY);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = ops.stop.cancelled() => return,
            _ = times.tick() => {}
        }
        ops.collect_by_itself().await;
    }
}
