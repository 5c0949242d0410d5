//! Freeing the bytes that nothing here names any more.

use std::sync::Arc;
use std::time::Duration;

use dsp_protocol::api::Problem;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{Ops, internal};
use crate::blobs::GcReport;

/// When the first collection runs: what a crash or a forgotten context left behind goes then, and
/// the start is over.
pub(crate) const FIRST: Duration = Duration::from_secs(120);
/// How often one runs after that.
const EVERY: Duration = Duration::from_secs(3600);

impl Ops {
    /// Removes the blobs that no context names and nobody waits for. What pushes, uploads and
    /// fetches under way hold stays, and the collection waits for imports.
    ///
    /// # Errors
    /// The database or the blob store failed; then everything was kept.
    pub(crate) async fn collect(&self) -> Result<GcReport, Problem> {
        self.trees.forget_here();
        self.uploads.forget_old(super::time::now());
        let report = self.blobs.gc().await.map_err(|error| internal(&error))?;
        if report.removed > 0 {
            let GcReport { removed, removed_bytes, kept } = report;
            tracing::info!(removed, removed_bytes, kept, "blobs that nothing names were removed");
        }
        Ok(report)
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
        // A failure was logged where it became a problem, and the next time may do better.
        let _ = ops.collect().await;
    }
}
