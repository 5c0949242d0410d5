//! Making room under a quota: what others wrote and still hold gives way to their newer heads.
//!
//! Only where a quota held back bytes of a current head, and only in contexts where I do nothing
//! but read. What no current head names goes, the least recently read first, as far as somebody
//! just proved to hold it; never what is pinned. What was read is known since the daemon started,
//! before that the oldest frame counts as the least recent. What went does not come back by policy.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use dsp_protocol::api::{Policy, Problem};
use dsp_protocol::id::{BlobHash, ContextId, FrameId};
use dsp_protocol::statement::Role;
use dsp_protocol::sync::Command;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::Ops;
use super::reach::Named;
use super::time::now;
use crate::node::{NodeEvent, confirm};

/// Most blobs of which it is known when they were read last: about 5 MB.
const READ: usize = 1 << 16;

/// When blobs were read last, in milliseconds since 1970.
#[derive(Debug, Default)]
pub(super) struct Uses(Mutex<HashMap<BlobHash, i64>>);

impl Uses {
    /// Takes note that a blob is being read.
    pub(super) fn touch(&self, hash: BlobHash) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() >= READ && !uses.contains_key(&hash) {
            // The older half gives way.
            let mut times: Vec<i64> = uses.values().copied().collect();
            times.sort_unstable();
            let middle = times[times.len() / 2];
            uses.retain(|_, time| *time > middle);
        }
        uses.insert(hash, now());
    }

    fn last(&self, hash: BlobHash) -> i64 {
        let uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uses.get(&hash).copied().unwrap_or_default()
    }
}

impl Ops {
    /// Lets older bytes of a context go where those of its current heads do not fit its quota, and
    /// asks for these again. Returns which blobs went.
    async fn make_room(&self, id: ContextId) -> Result<HashSet<BlobHash>, Problem> {
        let _keeping = self.keeping.lock().await;
        let scene = self.scene().await?;
        let Some(context) = scene.contexts.get(&id) else { return Ok(HashSet::new()) };
        let policy = &context.policy;
        if context.my_role > Role::Reader || policy.which() == Policy::Lazy {
            return Ok(HashSet::new());
        }
        let mut heads: BTreeMap<FrameId, bool> = BTreeMap::new();
        for stack in context.live() {
            for head in &stack.heads {
                *heads.entry(head.frame).or_default() |= policy.takes_stack(&stack.name);
            }
        }
        let named = |take: bool| {
            let heads = heads.iter().filter(move |(_, taken)| !take || **taken);
            heads.map(|(frame, _)| (*frame, String::new())).collect::<Vec<_>>()
        };
        let current = self.reach(id, named(false)).await?;
        let coming = self.reach(id, named(true)).await?;
        let hashes = coming.files.keys().copied().collect();
        let here = self.store.earned_set(id, hashes).await?;
        // What the user let go does not come by policy, and needs no room.
        let gone = self.store.let_go_among(id, coming.files.keys().copied().collect()).await?;
        let missing = |(hash, file): &(&BlobHash, &Named)| {
            !here.contains_key(hash) && !gone.contains_key(hash) && policy.takes_size(file.size)
        };
        let missing = coming.files.iter().filter(missing).map(|(_, file)| file.size);
        let missing = missing.fold(0, u64::saturating_add);
        let needed = self.lacking(id, missing).await?;
        if needed == 0 {
            return Ok(HashSet::new());
        }
        let older = self.older_bytes(id, &current.files).await?;
        let (mut sum, mut goes) = (0, BTreeMap::new());
        for (hash, size) in older {
            if sum >= needed {
                break;
            }
            sum = size.saturating_add(sum);
            goes.insert(hash, size);
        }
        if sum < needed {
            // It would not fit all the same.
            return Ok(HashSet::new());
        }
        let hashes: Vec<BlobHash> = goes.keys().copied().collect();
        let _withheld = self.blobs.withhold(hashes.clone());
        let confirmed = confirm(&self.node, &self.net, &self.blobs, id, hashes, |_| {}).await?;
        self.note_holders(&confirmed).await?;
        goes.retain(|hash, _| confirmed.holders.contains_key(hash));
        let went: HashSet<BlobHash> = goes.keys().copied().collect();
        if !went.is_empty() {
            let blobs = goes.into_iter().collect();
            self.node.run(Command::Drop { context: id, blobs }).await?;
            self.trees.forget_here();
        }
        Ok(went)
    }

    /// Returns how many bytes are lacking for so many more of a context.
    async fn lacking(&self, context: ContextId, more: u64) -> Result<u64, Problem> {
        let used = self.store.used(Some(context)).await?;
        let over = |used: u64, quota: u64| used.saturating_add(more).saturating_sub(quota);
        let quota = self.store.quotas().await?.get(&context).copied();
        let of_context = quota.map_or(0, |quota| over(used.context, quota));
        let of_all = match self.blobs.quota() {
            0 => 0,
            quota => over(used.all, quota),
        };
        Ok(if more == 0 { 0 } else { of_context.max(of_all) })
    }

    /// Returns the blobs of a context that may give way, the least recently used first.
    async fn older_bytes(
        &self,
        id: ContextId,
        current: &BTreeMap<BlobHash, Named>,
    ) -> Result<Vec<(BlobHash, u64)>, Problem> {
        let frames: Vec<FrameId> = self
            .node
            .query(move |engine| {
                engine
                    .context(id)
                    .map(|c| c.frames().map(|(id, _)| id).collect())
                    .unwrap_or_default()
            })
            .await?;
        self.refresh_pinned(id).await?;
        let pinned = self.store.pinned(None).await?;
        let mut ages: BTreeMap<BlobHash, (i64, u64)> = BTreeMap::new();
        for frame in frames {
            let Some(decoded) = self.stored_frame(id, frame).await? else { continue };
            let mut reach = super::reach::Reach::default();
            reach.add(self, "", &decoded).await?;
            for (hash, file) in reach.files {
                if current.contains_key(&hash) || pinned.contains(&hash) {
                    continue;
                }
                let (age, _) = ages.entry(hash).or_insert((i64::MIN, file.size));
                *age = (*age).max(decoded.time);
            }
        }
        let here = self.store.earned_set(id, ages.keys().copied().collect()).await?;
        let mut order: Vec<(i64, i64, BlobHash, u64)> = Vec::new();
        for (hash, (time, size)) in ages.into_iter().filter(|(hash, _)| here.contains_key(hash)) {
            if self.store.contexts_of_blob(hash).await?.len() == 1 {
                order.push((self.uses.last(hash), time, hash, size));
            }
        }
        order.sort_unstable();
        Ok(order.into_iter().map(|(_, _, hash, size)| (hash, size)).collect())
    }
}

/// Makes room where a quota held something back, until the daemon stops.
pub(crate) async fn run(ops: Arc<Ops>) {
    let mut events = ops.node.subscribe();
    loop {
        let first = tokio::select! {
            () = ops.stop.cancelled() => return,
            event = events.recv() => event,
        };
        let mut due: BTreeSet<ContextId> = BTreeSet::new();
        match first {
            Ok(event) => due.extend(held_back(&event)),
            Err(RecvError::Closed) => return,
            // What was held back is tried again later, and then heard of again.
            Err(RecvError::Lagged(_)) => {}
        }
        loop {
            match events.try_recv() {
                Ok(event) => due.extend(held_back(&event)),
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        for context in due {
            match ops.make_room(context).await {
                Ok(went) if went.is_empty() => {}
                Ok(went) => {
                    let blobs = went.len();
                    tracing::info!(context = %context.short(), blobs, "gave way to newer heads");
                    // A failure was logged where it became a problem.
                    let _ = ops.collect_of(ops.over_with(went)).await;
                    let _ = ops.node.run(Command::Reach { context }).await;
                }
                Err(problem) => {
                    let context = context.short();
                    tracing::warn!(%context, reason = problem.detail, "no room is made");
                }
            }
        }
    }
}

fn held_back(event: &NodeEvent) -> Option<ContextId> {
    match event {
        NodeEvent::OverQuota { context } => Some(*context),
        _ => None,
    }
}
