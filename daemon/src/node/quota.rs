//! How much may come by policy: the quotas of contexts and of the whole store.
//!
//! What the user asks for comes whatever they say. What of a policy does not fit is not fetched,
//! counts as what nobody gave, and is asked for again later.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dsp_protocol::id::{BlobHash, ContextId};
use dsp_protocol::sync::BlobWant;
use tokio::sync::Mutex;

use crate::blobs::Blobs;
use crate::store::{ReadError, Store};

/// Decides what of a fetch fits, for all fetches of a node.
#[derive(Clone, Debug)]
pub(super) struct Quotas {
    store: Store,
    blobs: Blobs,
    /// What is on its way and not counted by the store yet.
    promised: Arc<Mutex<BTreeMap<(ContextId, BlobHash), u64>>>,
}

/// What of a fetch fits.
#[derive(Debug, Default)]
pub(super) struct Admitted {
    /// What is fetched.
    pub wants: Vec<BlobWant>,
    /// What is over a quota.
    pub over: Vec<BlobHash>,
}

/// Bytes that may still come; none where there is no bound.
#[derive(Clone, Copy, Debug)]
struct Room {
    context: Option<u64>,
    all: Option<u64>,
}

impl Room {
    /// Takes bytes of it, if there are so many.
    fn take(&mut self, context: u64, all: u64) -> bool {
        let fits = |room: Option<u64>, bytes| room.is_none_or(|room| bytes <= room);
        if !fits(self.context, context) || !fits(self.all, all) {
            return false;
        }
        self.context = self.context.map(|room| room - context);
        self.all = self.all.map(|room| room - all);
        true
    }
}

impl Quotas {
    pub(super) fn new(store: Store, blobs: Blobs) -> Quotas {
        Quotas { store, blobs, promised: Arc::default() }
    }

    /// Parts what fits from what does not. What is earned in the context already takes no room.
    ///
    /// # Errors
    /// The database fails; then nothing may be fetched by policy.
    pub(super) async fn admit(
        &self,
        context: ContextId,
        wants: Vec<BlobWant>,
        asked: &BTreeSet<BlobHash>,
    ) -> Result<Admitted, ReadError> {
        let mut promised = self.promised.lock().await;
        let of_context = self.store.quotas().await?.get(&context).copied();
        let of_all = Some(self.blobs.quota()).filter(|bytes| *bytes > 0);
        if of_context.is_none() && of_all.is_none() {
            promised.clear();
            return Ok(Admitted { wants, over: Vec::new() });
        }
        let mut by_context: BTreeMap<ContextId, Vec<BlobHash>> = BTreeMap::new();
        for (of, hash) in promised.keys() {
            by_context.entry(*of).or_default().push(*hash);
        }
        for (of, hashes) in by_context {
            let counted = self.store.earned_set(of, hashes).await?;
            promised.retain(|(context, hash), _| *context != of || !counted.contains_key(hash));
        }
        let used = self.store.used(Some(context)).await?;
        let coming = |of: Option<ContextId>| -> u64 {
            let of_it = promised.iter().filter(|((c, _), _)| of.is_none_or(|of| of == *c));
            of_it.map(|(_, size)| size).sum()
        };
        let mut room = Room {
            context: of_context.map(|q| q.saturating_sub(used.context + coming(Some(context)))),
            all: of_all.map(|q| q.saturating_sub(used.all + coming(None))),
        };
        let here = self.store.earned_set(context, wants.iter().map(|w| w.hash).collect()).await?;
        let mut admitted = Admitted::default();
        for want in wants {
            let counted = here.contains_key(&want.hash);
            let elsewhere = match counted {
                true => true,
                false => !self.store.contexts_of_blob(want.hash).await?.is_empty(),
            };
            let of_context = if counted { 0 } else { want.size };
            let of_all = if elsewhere { 0 } else { want.size };
            let fits = room.take(of_context, of_all);
            if !fits && !asked.contains(&want.hash) {
                admitted.over.push(want.hash);
                continue;
            }
            if !counted {
                promised.insert((context, want.hash), want.size);
            }
            admitted.wants.push(want);
        }
        Ok(admitted)
    }

    /// Gives back the room of what did not come.
    pub(super) async fn did_not_come(&self, context: ContextId, hashes: &[BlobHash]) {
        let mut promised = self.promised.lock().await;
        for hash in hashes {
            promised.remove(&(context, *hash));
        }
    }
}
