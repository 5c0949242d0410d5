//! How much may come by policy: the quotas of contexts and of the whole store.
//!
//! What the user asks for comes whatever they say. What of a policy does not fit is not fetched,
//! counts as what nobody gave, and is asked for again later.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dsp_protocol::id::{BlobHash, ContextId};
use dsp_protocol::sync::BlobWant;
use tokio::sync::Mutex;

use crate::blobs::Blobs;
use crate::store::{ReadError, Store};

/// How long what came may take to be counted by the store.
const SETTLING: Duration = Duration::from_secs(60);

/// Decides what of a fetch fits, for all fetches of a node.
#[derive(Clone, Debug)]
pub(super) struct Quotas {
    store: Store,
    blobs: Blobs,
    /// What is on its way and not counted by the store yet.
    promised: Arc<Mutex<Promises>>,
}

/// Bytes that were admitted and are not counted by the store yet.
#[derive(Debug, Default)]
struct Promises(BTreeMap<(ContextId, BlobHash), Promise>);

#[derive(Debug)]
struct Promise {
    size: u64,
    /// Since when its fetch has ended; what came is counted soon after, or never.
    ended: Option<Instant>,
}

impl Promises {
    fn add(&mut self, context: ContextId, want: &BlobWant) {
        self.0.insert((context, want.hash), Promise { size: want.size, ended: None });
    }

    /// Forgets what came to nothing after its fetch.
    fn settle(&mut self, now: Instant) {
        self.0.retain(|_, promise| {
            promise.ended.is_none_or(|ended| now.duration_since(ended) < SETTLING)
        });
    }

    /// Notes that a fetch ended which was to bring some blobs, and did not bring others.
    fn end(&mut self, context: ContextId, wants: &[BlobWant], failed: &[BlobHash], now: Instant) {
        for want in wants {
            if let Some(promise) = self.0.get_mut(&(context, want.hash)) {
                promise.ended = Some(now);
            }
        }
        for hash in failed {
            self.0.remove(&(context, *hash));
        }
    }

    /// Returns the bytes that are on their way: into one context, or anywhere.
    fn coming(&self, of: Option<ContextId>) -> u64 {
        let of_it = self.0.iter().filter(|((context, _), _)| of.is_none_or(|of| of == *context));
        of_it.map(|(_, promise)| promise.size).sum()
    }
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
            promised.0.clear();
            return Ok(Admitted { wants, over: Vec::new() });
        }
        let mut by_context: BTreeMap<ContextId, Vec<BlobHash>> = BTreeMap::new();
        promised.settle(Instant::now());
        for (of, hash) in promised.0.keys() {
            by_context.entry(*of).or_default().push(*hash);
        }
        for (of, hashes) in by_context {
            let counted = self.store.earned_set(of, hashes).await?;
            promised.0.retain(|(context, hash), _| *context != of || !counted.contains_key(hash));
        }
        let used = self.store.used(Some(context)).await?;
        let coming = (promised.coming(Some(context)), promised.coming(None));
        let mut room = Room {
            context: of_context.map(|q| q.saturating_sub(used.context.saturating_add(coming.0))),
            all: of_all.map(|q| q.saturating_sub(used.all.saturating_add(coming.1))),
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
                promised.add(context, &want);
            }
            admitted.wants.push(want);
        }
        Ok(admitted)
    }

    /// Gives back the room of what did not come in a fetch that ended. What did come is counted by
    /// the store soon, and for so long here.
    pub(super) async fn ended(&self, context: ContextId, wants: &[BlobWant], failed: &[BlobHash]) {
        self.promised.lock().await.end(context, wants, failed, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use dsp_protocol::sync::BlobKind;

    use super::*;

    #[test]
    fn a_promise_that_nobody_keeps_is_forgotten() {
        let (mut promises, start) = (Promises::default(), Instant::now());
        let context = ContextId::from_bytes([1; 32]);
        let wants = [1, 2, 3].map(|n| BlobWant {
            hash: BlobHash::from_bytes([n; 32]),
            size: 10,
            kind: BlobKind::Data,
        });
        wants.iter().for_each(|want| promises.add(context, want));
        promises.settle(start + SETTLING);
        assert_eq!(promises.coming(None), 30, "the fetch goes on");
        promises.end(context, &wants[..2], &[wants[0].hash], start);
        assert_eq!(promises.coming(Some(context)), 20, "what did not come takes no room");
        promises.settle(start + SETTLING / 2);
        assert_eq!(promises.coming(Some(context)), 20, "what came is being stored");
        promises.settle(start + SETTLING);
        assert_eq!(promises.coming(Some(context)), 10);
        assert_eq!(promises.coming(Some(ContextId::from_bytes([2; 32]))), 0);
    }
}
