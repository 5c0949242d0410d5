//! Blobs: which are wanted by policy or by the user, and what goes on when they are here.
//!
//! The bytes themselves never pass through the engine: the shell fetches, verifies and keeps them.

use std::collections::BTreeSet;
use std::collections::btree_map::Entry;

use super::context::{BlobPhase, BlobState, WaitingFetch, Wish};
use super::event::{BlobKind, BlobWant, CommandError, CommandId, Event, Output, Record, Reply};
use super::node::{Cx, Node, Task};
use crate::context::StackView;
use crate::id::{BlobHash, ContextId, FrameId};
use crate::limits;
use crate::object::{BlobRef, BlobRole, Directory, Lineage};

/// Most fetches under way in one context, so that what is small and new does not wait for what is
/// large and old.
const FETCHES: usize = 4;
/// Most blobs in one fetch.
const FETCH_BLOBS: usize = limits::BLOB_REQUEST_HASHES;
/// Most blobs wanted in a context.
pub(super) const WANTS_MAX: usize = 2_000_000;

impl BlobWant {
    /// Returns the want for a ref that plays a role in a frame or directory.
    pub fn of(role: BlobRole, blob: &BlobRef) -> Self {
        let kind = match role {
            BlobRole::Tree => BlobKind::Directory,
            BlobRole::Lineage => BlobKind::Lineage,
            BlobRole::Data | BlobRole::Recipe | BlobRole::Preview | BlobRole::Schema => {
                BlobKind::Data
            }
        };
        BlobWant { hash: blob.hash, size: blob.size, kind }
    }
}

impl Node {
    /// Wants the blobs of frames that just came, if the policy says so.
    pub(super) fn want_blobs_of(&mut self, id: ContextId, frames: &[FrameId]) {
        self.want_chosen(id, frames, Wish::New);
    }

    /// Wants the blobs of those frames of a stack that are here, if the policy says so.
    pub(super) fn want_blobs_of_stack(&mut self, id: ContextId, stack: &StackView) {
        let frames = self.contexts[&id].chosen_of(stack);
        self.want_blobs_named(id, &frames, Wish::Standing);
    }

    fn want_chosen(&mut self, id: ContextId, frames: &[FrameId], wish: Wish) {
        let Some(context) = self.contexts.get(&id) else { return };
        let frames = context.chosen_among(frames);
        self.want_blobs_named(id, &frames, wish);
    }

    fn want_blobs_named(&mut self, id: ContextId, frames: &[FrameId], wish: Wish) {
        let context = &self.contexts[&id];
        let metas = frames.iter().filter_map(|frame| context.frames.get(frame));
        let blobs: Vec<BlobWant> = metas.flat_map(|meta| meta.blobs.iter().copied()).collect();
        self.want_blobs(id, blobs, wish);
    }

    /// Wants blobs, and returns those that were not wanted before: who could not find them again
    /// after a restart stores them. What the user let go comes by policy only where a frame that
    /// just came names it.
    fn want_blobs(&mut self, id: ContextId, blobs: Vec<BlobWant>, wish: Wish) -> Vec<BlobWant> {
        let context = self.contexts.get_mut(&id).expect("the caller looked it up");
        let mut new = Vec::new();
        for want in blobs {
            let takes = want.kind != BlobKind::Data || context.record.policy.takes_size(want.size);
            let comes = match wish {
                Wish::Asked => true,
                Wish::New => takes,
                Wish::Standing => takes && !context.dropped.contains(&want.hash),
            };
            let withdrawn = context.withdrawn.blobs.contains(&want.hash);
            if !comes || withdrawn || context.earned.contains(&want.hash) {
                continue;
            }
            let full = context.blob_wants.len() >= WANTS_MAX;
            match context.blob_wants.entry(want.hash) {
                Entry::Occupied(mut known) if wish == Wish::Asked => known.get_mut().wish = wish,
                Entry::Occupied(_) => {}
                Entry::Vacant(_) if full => continue,
                Entry::Vacant(vacant) => {
                    vacant.insert(BlobState { want, wish, phase: BlobPhase::Idle });
                    new.push(want);
                }
            }
            context.dropped.remove(&want.hash);
        }
        new
    }

    /// Applies the policy to every frame that is here.
    pub(super) fn apply_policy(&mut self, id: ContextId) {
        let frames: Vec<FrameId> = self.contexts[&id].frames.keys().copied().collect();
        self.want_chosen(id, &frames, Wish::Standing);
    }

    /// Wants after a start what the policy asks for, and what was wanted before, but not what is
    /// here.
    pub(super) fn resume_blobs(&mut self, id: ContextId) {
        self.apply_policy(id);
        let context = self.contexts.get_mut(&id).expect("the caller listed it");
        let earned = std::mem::take(&mut context.earned);
        // A directory that is here and still wanted was not read to its end.
        context
            .blob_wants
            .retain(|hash, state| state.want.kind != BlobKind::Data || !earned.contains(hash));
    }

    /// Applies another policy to what is here already.
    pub(super) fn policy_changed(&mut self, cx: &mut Cx<'_>, id: ContextId) {
        self.unwant_by_policy(cx, id);
        self.apply_policy(id);
        self.pump_blobs(cx, id);
    }

    /// Wants blobs for the user, who waits for them.
    pub(super) fn fetch(
        &mut self,
        cx: &mut Cx<'_>,
        command: CommandId,
        id: ContextId,
        wants: Vec<BlobWant>,
    ) {
        if !self.contexts.contains_key(&id) {
            return cx.reply(command, Err(CommandError::NoContext(id)));
        }
        let context = &self.contexts[&id];
        let (withdrawn, wants): (Vec<BlobWant>, Vec<BlobWant>) =
            wants.into_iter().partition(|want| context.is_blob_withdrawn(want.hash));
        let failed: Vec<BlobHash> = withdrawn.into_iter().map(|want| want.hash).collect();
        if wants.is_empty() {
            return cx.reply(command, Ok(Reply::Fetched { complete: Vec::new(), failed }));
        }
        let open = wants.iter().map(|want| want.hash).collect();
        let new = self.want_blobs(id, wants, Wish::Asked);
        if !new.is_empty() {
            self.store(cx, want_records(id, new), Task::Stored);
        }
        let context = self.contexts.get_mut(&id).expect("checked above");
        for state in context.blob_wants.values_mut() {
            if state.phase == BlobPhase::Failed {
                state.phase = BlobPhase::Idle;
            }
        }
        let waiting = WaitingFetch { id: command, open, complete: Vec::new(), failed };
        context.waiting_fetches.push(waiting);
        self.reach(cx, id, true);
        self.pump_blobs(cx, id);
    }

    /// Hands wanted blobs to the downloader.
    pub(super) fn pump_blobs(&mut self, cx: &mut Cx<'_>, id: ContextId) {
        let Some(context) = self.contexts.get(&id) else { return };
        if context.blob_wants.is_empty() {
            return;
        }
        let providers = self.providers(id);
        loop {
            let context = &self.contexts[&id];
            let idle: Vec<BlobWant> = context
                .blob_wants
                .values()
                .filter(|state| state.phase == BlobPhase::Idle)
                .map(|state| state.want)
                .take(FETCH_BLOBS)
                .collect();
            let running = self
                .tasks
                .values()
                .filter(|task| matches!(task, Task::Fetch { context } if *context == id))
                .count();
            if idle.is_empty() || running >= FETCHES {
                return;
            }
            if providers.is_empty() {
                return self.nobody_has(cx, id);
            }
            let task = self.task(Task::Fetch { context: id });
            let context = self.contexts.get_mut(&id).expect("checked above");
            let (mut records, mut asked) = (Vec::new(), BTreeSet::new());
            for want in &idle {
                let state = context.blob_wants.get_mut(&want.hash).expect("just listed");
                state.phase = BlobPhase::Running(task);
                if state.wish == Wish::Asked {
                    asked.insert(want.hash);
                }
                records.push(Record::Want { context: id, want: *want });
            }
            cx.out.push(Output::Fetch {
                task,
                context: id,
                wants: idle,
                asked,
                providers: providers.clone(),
            });
            self.store(cx, records, Task::Stored);
        }
    }

    /// Answers commands that wait while no provider is connected: what is open stays wanted.
    fn nobody_has(&mut self, cx: &mut Cx<'_>, id: ContextId) {
        let context = self.contexts.get_mut(&id).expect("the caller looked it up");
        let (open, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut context.waiting_fetches).into_iter().partition(|waiting| {
                waiting.open.iter().any(|hash| {
                    context.blob_wants.get(hash).is_some_and(|state| state.phase != BlobPhase::Idle)
                })
            });
        context.waiting_fetches = open;
        for mut waiting in waiting {
            waiting.failed.extend(waiting.open);
            let reply = Reply::Fetched { complete: waiting.complete, failed: waiting.failed };
            cx.reply(waiting.id, Ok(reply));
        }
    }

    pub(super) fn fetched(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        task: super::TaskId,
        complete: &[BlobHash],
        failed: &[BlobHash],
    ) {
        self.brought(cx, id, complete);
        let Some(context) = self.contexts.get_mut(&id) else { return };
        for hash in failed {
            if let Some(state) = context.blob_wants.get_mut(hash) {
                state.phase = BlobPhase::Failed;
                context.retry.later(cx.now);
            }
        }
        // What the downloader did not speak of is asked for again.
        for state in context.blob_wants.values_mut() {
            if state.phase == BlobPhase::Running(task) {
                state.phase = BlobPhase::Idle;
            }
        }
        self.settle(cx, id, &[], failed);
        self.pump_context(cx, id);
    }

    /// Has it stored that blobs are here now.
    pub(super) fn brought(&mut self, cx: &mut Cx<'_>, id: ContextId, complete: &[BlobHash]) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        let mut here = Vec::new();
        for hash in complete {
            if let Some(state) = context.blob_wants.get_mut(hash) {
                state.phase = BlobPhase::Here;
                here.push(state.want);
            }
        }
        if here.is_empty() {
            return;
        }
        context.retry.came();
        let records = here
            .iter()
            .map(|want| Record::Earned { context: id, hash: want.hash, size: want.size })
            .collect();
        self.store(cx, records, Task::Earned { context: id, wants: here });
    }

    pub(super) fn blobs_earned(&mut self, cx: &mut Cx<'_>, id: ContextId, wants: Vec<BlobWant>) {
        let mut done = Vec::new();
        for want in wants {
            let limit = match want.kind {
                BlobKind::Data => {
                    done.push(want.hash);
                    continue;
                }
                BlobKind::Directory => limits::DIRECTORY_BYTES,
                BlobKind::Lineage => limits::LINEAGE_BYTES,
            };
            let Some(context) = self.contexts.get_mut(&id) else { return };
            if let Some(state) = context.blob_wants.get_mut(&want.hash) {
                state.phase = BlobPhase::Here;
            }
            let task = self.task(Task::Read { context: id, want });
            cx.out.push(Output::LoadBlob { task, hash: want.hash, limit });
        }
        self.have_blobs(cx, id, &done, Vec::new());
    }

    pub(super) fn earned_failed(&mut self, now: i64, id: ContextId, wants: &[BlobWant]) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        for want in wants {
            if let Some(state) = context.blob_wants.get_mut(&want.hash) {
                state.phase = BlobPhase::Failed;
                context.retry.later(now);
            }
        }
    }

    /// Wants what a directory or lineage object names.
    pub(super) fn read_done(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        want: BlobWant,
        bytes: Option<Vec<u8>>,
    ) {
        if !self.contexts.contains_key(&id) {
            return;
        }
        let mut named: Vec<BlobWant> = Vec::new();
        let known = self.contexts[&id].blob_wants.get(&want.hash);
        let wish = known.map_or(Wish::Standing, |state| state.wish);
        match (want.kind, bytes) {
            (BlobKind::Directory, Some(bytes)) => {
                // An object that does not decode lists nothing; reading the frame will say so.
                if let Ok(directory) = Directory::decode(&bytes) {
                    named.extend(directory.blobs().map(|(role, blob)| BlobWant::of(role, blob)));
                }
            }
            (BlobKind::Lineage, Some(bytes)) => {
                if let Ok(lineage) = Lineage::decode(&bytes) {
                    named.extend(lineage.blobs().map(|blob| BlobWant::of(BlobRole::Data, blob)));
                }
            }
            (BlobKind::Data, _) | (_, None) => {}
        }
        let context = self.contexts.get_mut(&id).expect("checked above");
        context.offer_more(want.hash, &named);
        for waiting in &mut context.waiting_fetches {
            if waiting.open.contains(&want.hash) {
                waiting.open.extend(named.iter().map(|n| n.hash));
            }
        }
        // What an object lists is known from nowhere else: it is stored before the object is done.
        let new = self.want_blobs(id, named, wish);
        self.have_blobs(cx, id, &[want.hash], want_records(id, new));
    }

    pub(super) fn have_blobs(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        hashes: &[BlobHash],
        mut records: Vec<Record>,
    ) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        for hash in hashes {
            context.blob_wants.remove(hash);
            records.push(Record::Unwant { context: id, hash: *hash });
            cx.emit(Event::Blob { context: id, hash: *hash });
        }
        if !records.is_empty() {
            self.store(cx, records, Task::Stored);
        }
        self.settle(cx, id, hashes, &[]);
        self.pump_context(cx, id);
    }

    /// Tells commands that wait what came and what nobody gave.
    pub(super) fn settle(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        complete: &[BlobHash],
        failed: &[BlobHash],
    ) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        let mut ended = Vec::new();
        for waiting in &mut context.waiting_fetches {
            for (hashes, into) in [(complete, &mut waiting.complete), (failed, &mut waiting.failed)]
            {
                into.extend(hashes.iter().copied().filter(|hash| waiting.open.remove(hash)));
            }
        }
        context.waiting_fetches.retain_mut(|waiting| {
            let open = !waiting.open.is_empty();
            if !open {
                let complete = std::mem::take(&mut waiting.complete);
                let failed = std::mem::take(&mut waiting.failed);
                ended.push((waiting.id, Reply::Fetched { complete, failed }));
            }
            open
        });
        for (command, reply) in ended {
            cx.reply(command, Ok(reply));
        }
    }

    /// Asks again for what nobody had: somebody new is there, or time has passed.
    pub(super) fn retry_wants(&mut self, id: ContextId) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        if context.forks_again.is_empty() {
            context.retry.at = None;
        }
        for want in context.frame_wants.values_mut() {
            want.tried.clear();
        }
        for state in context.blob_wants.values_mut() {
            if state.phase == BlobPhase::Failed {
                state.phase = BlobPhase::Idle;
            }
        }
    }
}

fn want_records(context: ContextId, wants: Vec<BlobWant>) -> Vec<Record> {
    wants.into_iter().map(|want| Record::Want { context, want }).collect()
}
