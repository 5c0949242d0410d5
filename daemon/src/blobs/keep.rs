//! Holding blobs while nothing else does yet.
//!
//! Between the moment bytes arrive and the moment the index names them, only a [`Keep`] stands
//! between them and the collector. Keeps are counted here and not in the store, so that they
//! outlive a store that is opened anew. Three gaps are closed:
//!
//! - A blob indexed *after* the collector read the index, and let go *before* the collector
//!   looked at what is held, would be lost. The collector therefore looks at that first.
//! - A blob that was found to be here could be swept between the look-up and the keep. A new keep
//!   therefore waits until a running collection has ended.
//! - A blob imported again while its old bytes are swept would lose its new file. An import and
//!   a collection therefore exclude each other: an import of a file from when it is hashed, one of
//!   a stream from its end on. The collection is the one that waits, without holding up other imports, so
//!   many long imports may delay it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dsp_protocol::id::BlobHash;
use tokio::sync::Notify;

/// Holds one blob, whole or in part, against the collector until it is dropped.
///
/// Hold it until the index that answers [`Protect`](super::Protect) names the blob and that is
/// committed.
#[derive(Debug)]
pub struct Keep {
    hash: BlobHash,
    /// The life of the store that had the bytes, or was about to be asked.
    life: u64,
    keeper: Arc<Keeper>,
}

impl Keep {
    pub(super) fn hash(&self) -> BlobHash {
        self.hash
    }

    /// Returns in which life of the store it was made.
    pub(super) fn life(&self) -> u64 {
        self.life
    }
}

impl Drop for Keep {
    fn drop(&mut self) {
        self.keeper.release(self.hash);
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
    /// How many keeps hold a blob.
    held: HashMap<BlobHash, usize>,
}

/// No collection runs while this is held.
#[derive(Debug)]
pub(super) struct Busy(Arc<Keeper>);

impl Drop for Busy {
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
        self.0.lock().collecting = false;
        self.0.changed.notify_waiters();
    }
}

impl Keeper {
    /// Holds `hash`, once no collection runs; what a look-up says after that stays true while the
    /// store's `life` lasts.
    pub(super) async fn keep(self: &Arc<Self>, hash: BlobHash, life: u64) -> Keep {
        let busy = self.busy().await;
        self.hold(hash, life, &busy)
    }

    /// Holds `hash` while collections are kept out.
    pub(super) fn hold(self: &Arc<Self>, hash: BlobHash, life: u64, _busy: &Busy) -> Keep {
        *self.lock().held.entry(hash).or_default() += 1;
        Keep { hash, life, keeper: Arc::clone(self) }
    }

    /// Returns what is held now.
    pub(super) fn held(&self) -> Vec<BlobHash> {
        self.lock().held.keys().copied().collect()
    }

    /// Tells whether a keep holds `hash`.
    pub(super) fn holds(&self, hash: BlobHash) -> bool {
        self.lock().held.contains_key(&hash)
    }

    /// Waits for the end of a running collection, and keeps others out while the result lives.
    pub(super) async fn busy(self: &Arc<Self>) -> Busy {
        self.when(|state| {
            let free = !state.collecting;
            state.busy += usize::from(free);
            free
        })
        .await;
        Busy(Arc::clone(self))
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

    fn release(&self, hash: BlobHash) {
        let mut state = self.lock();
        if let Some(keeps) = state.held.get_mut(&hash) {
            *keeps -= 1;
            if *keeps == 0 {
                state.held.remove(&hash);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
