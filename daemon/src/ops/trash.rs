//! The trash: what nothing names stays for a time, so that what was done can be undone.
//!
//! One number decides what goes: a cut-off, in milliseconds since 1970. What is in the trash since
//! then or longer is freed. By itself it is `trash.keep` before now; where the disk is full it comes
//! nearer, just so far that there is room, so that the oldest goes first.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use dsp_protocol::api::{Event, Freed, Problem, TrashInfo};
use dsp_protocol::id::{BlobHash, ContextId};
use dsp_protocol::sync::Command;
use futures::future::BoxFuture;

use super::{Ops, internal};
use crate::blobs::GcReport;
use crate::node::RunError;

/// What of the blobs that nothing names is freed.
#[derive(Debug)]
pub(crate) struct Over {
    /// Those that are in the trash since then or longer, in milliseconds since 1970.
    cutoff: i64,
    /// Those that do not go into the trash.
    at_once: HashSet<BlobHash>,
}

impl Over {
    /// What is in the trash since `cutoff` or longer.
    pub(crate) fn since(cutoff: i64) -> Self {
        Over { cutoff, at_once: HashSet::new() }
    }
}

impl Ops {
    /// Returns the cut-off of now: what is in the trash for longer is over. Without a time to stay
    /// everything is, also what comes while a collection runs.
    pub(crate) fn trash_cutoff(&self) -> i64 {
        match self.trash_keep_ms() {
            0 => i64::MAX,
            keep => super::time::now() - keep,
        }
    }

    /// Returns what is over now, and `at_once` besides where nothing names it.
    pub(crate) fn over_with(&self, at_once: HashSet<BlobHash>) -> Over {
        Over { cutoff: self.trash_cutoff(), at_once }
    }

    /// Returns how long something stays in the trash.
    pub(crate) fn trash_keep_ms(&self) -> i64 {
        i64::try_from(self.settings.config().trash_keep.as_millis()).unwrap_or(i64::MAX)
    }

    /// Tells how much is in the trash.
    ///
    /// # Errors
    /// The database fails.
    pub async fn trash(&self) -> Result<TrashInfo, Problem> {
        let sum = self.store.trash_sum().await?;
        let keep_seconds = self.settings.config().trash_keep.as_secs();
        Ok(TrashInfo { blobs: sum.blobs, bytes: sum.bytes, keep_seconds })
    }

    /// Frees what is in the trash, all of it; what takes its bytes cannot be undone after that.
    ///
    /// # Errors
    /// The database fails.
    pub async fn empty_trash(self: &Arc<Self>) -> Result<Freed, Problem> {
        self.collect_soon_of(Over::since(i64::MAX)).await
    }

    /// Removes the blobs that no context names and nobody waits for, and whose time in the trash is
    /// over. What pushes, uploads and fetches under way hold stays, and so does what is spared; the
    /// collection waits for imports.
    ///
    /// # Errors
    /// The database or the blob store failed; then everything was kept.
    pub(crate) async fn collect_of(&self, over: Over) -> Result<GcReport, Problem> {
        let Over { cutoff, at_once } = over;
        self.forget_dropped(cutoff).await?;
        self.trees.forget_here();
        let now = super::time::now();
        self.uploads.forget_old(now);
        let store = self.store.clone();
        let sort = Box::new(move |mut unnamed: Vec<(BlobHash, u64)>| -> BoxFuture<'static, _> {
            unnamed.retain(|(hash, _)| !at_once.contains(hash));
            Box::pin(async move { Ok(store.sort_trash(unnamed, now, cutoff).await?) })
        });
        let report = self.blobs.gc_but(sort).await.map_err(|error| internal(&error))?;
        if report.removed > 0 {
            let GcReport { removed, removed_bytes, kept, unnamed, unnamed_bytes } = report;
            tracing::info!(
                removed,
                removed_bytes,
                kept,
                in_trash = unnamed,
                in_trash_bytes = unnamed_bytes,
                "blobs that nothing names were removed"
            );
        }
        #[cfg(feature = "tables")]
        self.forget_derived().await;
        Ok(report)
    }

    /// Forgets the contexts that were dropped at `cutoff` or before.
    async fn forget_dropped(&self, cutoff: i64) -> Result<(), Problem> {
        let over = self.store.dropped_contexts().await?;
        for (context, _) in over.into_iter().filter(|(_, at)| *at <= cutoff) {
            // It may be back by now.
            let _no_return = self.returning.lock().await;
            let dropped = self.store.dropped_contexts().await?;
            if !dropped.iter().any(|(id, _)| *id == context) {
                continue;
            }
            match self.node.run(Command::Forget { context }).await {
                Ok(_) => {
                    tracing::info!(context = %context.short(), "a dropped context is forgotten")
                }
                // It went in another way.
                Err(RunError::Refused(dsp_protocol::sync::CommandError::NoContext(_))) => {
                    self.store.undrop_context(context).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Frees of the trash what it takes until `bytes` more may be written, the oldest first, and
    /// tells how many bytes that were.
    ///
    /// # Errors
    /// The database or the blob store failed.
    pub(crate) async fn free_early(&self, bytes: u64) -> Result<u64, Problem> {
        let _one_at_a_time = self.freeing.lock().await;
        let short = match self.blobs.room_for(bytes) {
            Ok(()) => return Ok(0),
            Err(crate::blobs::RoomError::Full { bytes, free, spare }) => {
                bytes.saturating_add(spare).saturating_sub(free)
            }
            Err(error) => return Err(error.into()),
        };
        // Not for what would not fit all the same.
        if bytes > 0 && self.store.trash_sum().await?.bytes < short {
            return Ok(0);
        }
        self.free_oldest(short).await
    }

    /// Frees of the trash the oldest, `short` bytes or more as far as they are there.
    ///
    /// # Errors
    /// The database or the blob store failed.
    pub(crate) async fn free_oldest(&self, short: u64) -> Result<u64, Problem> {
        if self.are_collections_held() {
            return Ok(0);
        }
        let Some(cutoff) = self.store.trash_cutoff(short).await? else { return Ok(0) };
        let cutoff = cutoff.max(self.trash_cutoff());
        let freed = self.collect_of(Over::since(cutoff)).await?.removed_bytes;
        let until = super::time::rfc3339(cutoff);
        tracing::warn!(
            freed,
            until,
            "the disk is full: the oldest of the trash was freed before its time"
        );
        if freed > 0 {
            let text = format!(
                "the disk is full: {freed} bytes of the trash were freed before their time, and what \
                 was dropped until {until} cannot be undone any more"
            );
            self.feed.push(Event::Notice { text });
        }
        Ok(freed)
    }

    /// Returns the contexts in the trash, which nobody sees.
    pub(crate) async fn dropped(&self) -> Result<BTreeMap<ContextId, i64>, Problem> {
        Ok(self.store.dropped_contexts().await?)
    }
}
