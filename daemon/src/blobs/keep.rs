//! Holding blobs while nothing else does yet.
//!
//! Between the moment bytes arrive and the moment the index names them, only a [`Keep`] stands
//! between them and the collector. The store's own temporary tags leave gaps, closed here:
//!
//! - A blob indexed *after* the collector read the index, whose tag is dropped *before* the
//!   collector reads the tags, would be lost. Tags dropped during a collection are therefore
//!   released after it.
//! - A blob that was found to be here could be swept between the look-up and the tag. A new keep
//!   therefore waits until a running collection has ended.
//! - A blob imported again while its old bytes are swept would lose its new file. An import and
//!   a collection therefore exclude each other; the collection is the one that waits, without
//!   holding up other imports, so many long imports may delay it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dsp_protocol::id::BlobHash;
use iroh_blobs::api::{Store, TempTag};
use iroh_blobs::{BlobFormat, HashAndFormat};
use tokio::sync::Notify;

use super::error::{StatusError, store_error};
use super::to_hash;

/// Holds one blob, whole or in part, against the collector until it is dropped.
///
/// Hold it until the index that answers [`Protect`](super::Protect) names the blob and that is
/// committed.
#[derive(Debug)]
pub struct Keep {
    tag: Option<TempTag>,
    keeper: Arc<Keeper>,
}

impl Drop for Keep {
    fn drop(&mut self) {
        if let Some(tag) = self.tag.take() {
            self.keeper.release(tag);
        }
    }
}

/// Orders keeps, imports and collections.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    collecting: bool,
    /// Imports, and keeps in the making.
    busy: usize,
    /// Tags dropped since the collection began.
    deferred: Vec<TempTag>,
}

/// No collection runs while this is held.
#[derive(Debug)]
pub(super) struct Busy<'a>(&'a Keeper);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.lock().busy -= 1;
        self.0.changed.notify_waiters();
    }
}

/// A collection may run while this is held.
#[derive(Debug)]
pub(super) struct Collecting(Arc<Keeper>);

impl Drop for Collecting {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.collecting = false;
        let deferred = std::mem::take(&mut state.deferred);
        drop(state);
        drop(deferred);
        self.0.changed.notify_waiters();
    }
}

impl Keeper {
    /// Holds `hash`, once no collection runs; what a look-up says after that stays true.
    pub(super) async fn keep(
        self: &Arc<Self>,
        store: &Store,
        hash: BlobHash,
    ) -> Result<Keep, StatusError> {
        let _busy = self.busy().await;
        let value = HashAndFormat { hash: to_hash(hash), format: BlobFormat::Raw };
        let tag = store.tags().temp_tag(value).await;
        let tag = tag.map_err(|e| StatusError { hash, source: store_error(e) })?;
        Ok(self.adopt(tag))
    }

    /// Takes over a tag that the store made at an import.
    pub(super) fn adopt(self: &Arc<Self>, tag: TempTag) -> Keep {
        Keep { tag: Some(tag), keeper: Arc::clone(self) }
    }

    /// Waits for the end of a running collection, and keeps others out while the result lives.
    pub(super) async fn busy(&self) -> Busy<'_> {
        self.when(|state| {
            let free = !state.collecting;
            state.busy += usize::from(free);
            free
        })
        .await;
        Busy(self)
    }

    /// Waits until nobody is busy, and keeps everybody else out while the result lives.
    pub(super) async fn collect(self: &Arc<Self>) -> Collecting {
        self.when(|state| {
            let free = !state.collecting && state.busy == 0;
            state.collecting |= free;
            free
        })
        .await;
        Collecting(Arc::clone(self))
    }

    /// Waits until `enter` says yes; it is asked again after every change.
    async fn when(&self, mut enter: impl FnMut(&mut State) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if enter(&mut self.lock()) {
                return;
            }
            changed.await;
        }
    }

    fn release(&self, tag: TempTag) {
        let mut state = self.lock();
        if state.collecting {
            state.deferred.push(tag);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
