//! Which frames' blobs come by policy, and which the user let go.

use std::collections::{BTreeSet, VecDeque};

use super::context::{BlobPhase, Context, Wish};
use super::event::{CommandError, CommandId, Record, Reply};
use super::node::{Cx, Node, Task};
use crate::api::Policy;
use crate::context::{StackState, StackView};
use crate::id::{BlobHash, ContextId, FrameId};

impl Context {
    /// Returns those of some frames that are here whose blobs come by policy.
    pub(super) fn chosen_among(&self, frames: &[FrameId]) -> Vec<FrameId> {
        let policy = &self.record.policy;
        let chosen = match policy.which() {
            Policy::Lazy => return Vec::new(),
            Policy::All if !policy.asks_for_stacks() => return frames.to_vec(),
            Policy::Heads if !policy.asks_for_stacks() => self.head_frames(),
            Policy::All | Policy::Heads => {
                let stacks = self.view.stacks();
                stacks.iter().flat_map(|stack| self.chosen_of(stack)).collect()
            }
        };
        frames.iter().copied().filter(|frame| chosen.contains(frame)).collect()
    }

    /// Returns the frames of a stack whose blobs come by policy, and of which that may not have
    /// been known when they came.
    pub(super) fn chosen_of(&self, stack: &StackView) -> Vec<FrameId> {
        let policy = &self.record.policy;
        if !policy.takes_stack(&stack.name) {
            return Vec::new();
        }
        let heads: Vec<FrameId> = stack.heads.iter().map(|head| head.frame).collect();
        match policy.which() {
            Policy::Lazy => Vec::new(),
            Policy::Heads => heads,
            // Those behind came with the same policy.
            Policy::All if !policy.asks_for_stacks() => heads,
            Policy::All => {
                // What a tag is on counts as of the stack, but not among its newest frames.
                let tagged = stack.tags.values().copied().filter(|_| policy.last().is_none());
                let live = stack.state == StackState::Live;
                let from = heads.into_iter().chain(tagged.filter(|_| live));
                self.behind(from, policy.last())
            }
        }
    }

    /// Returns the newest of some frames and of those behind them, as far as they are here.
    fn behind(&self, from: impl Iterator<Item = FrameId>, most: Option<u32>) -> Vec<FrameId> {
        let most = most.map_or(usize::MAX, |most| most as usize);
        let mut line: VecDeque<FrameId> = from.collect();
        let mut seen: BTreeSet<FrameId> = line.iter().copied().collect();
        let mut found = Vec::new();
        while let Some(frame) = line.pop_front().filter(|_| found.len() < most) {
            // One that is not here counts: it is as new as it is.
            found.push(frame);
            if let Some(meta) = self.frames.get(&frame) {
                line.extend(meta.parents.iter().copied().filter(|parent| seen.insert(*parent)));
            }
        }
        found
    }
}

impl Node {
    /// Lets blobs go at the user's wish.
    pub(super) fn let_go(
        &mut self,
        cx: &mut Cx<'_>,
        command: CommandId,
        id: ContextId,
        blobs: Vec<(BlobHash, u64)>,
    ) {
        let Some(context) = self.contexts.get_mut(&id) else {
            return cx.reply(command, Err(CommandError::NoContext(id)));
        };
        let mut undo = Vec::new();
        let mut records = Vec::new();
        for (hash, size) in blobs {
            // At once, so that nothing wants it while that is being stored.
            if context.dropped.insert(hash) {
                undo.push(hash);
            }
            if context.blob_wants.remove(&hash).is_some() {
                records.push(Record::Unwant { context: id, hash });
            }
            records.push(Record::Dropped { context: id, hash, size });
        }
        let hashes: Vec<BlobHash> = undo.clone();
        self.store(cx, records, Task::Dropped { context: id, command, undo });
        // Who waits for one of them waits in vain.
        self.settle(cx, id, &[], &hashes);
    }

    /// Takes back that blobs were let go, as it could not be stored.
    pub(super) fn let_go_failed(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        command: CommandId,
        undo: &[BlobHash],
        error: CommandError,
    ) {
        if let Some(context) = self.contexts.get_mut(&id) {
            for hash in undo {
                context.dropped.remove(hash);
            }
        }
        cx.reply(command, Err(error));
    }

    /// Has it stored that blobs which the user let go are here again.
    pub(super) fn take_back(
        &mut self,
        cx: &mut Cx<'_>,
        command: CommandId,
        id: ContextId,
        mut blobs: Vec<(BlobHash, u64)>,
    ) {
        let Some(context) = self.contexts.get(&id) else {
            return cx.reply(command, Err(CommandError::NoContext(id)));
        };
        // What is wanted again came, or comes, on a way of its own.
        blobs.retain(|(hash, _)| context.dropped.contains(hash));
        self.here_again(cx, command, id, blobs);
    }

    /// Has it stored that blobs are here again, whether they were let go, lost or wanted.
    pub(super) fn here_again(
        &mut self,
        cx: &mut Cx<'_>,
        command: CommandId,
        id: ContextId,
        blobs: Vec<(BlobHash, u64)>,
    ) {
        let Some(context) = self.contexts.get(&id) else {
            return cx.reply(command, Err(CommandError::NoContext(id)));
        };
        if let Err(error) = context.has_withdrawn_none(&blobs) {
            return cx.reply(command, Err(error));
        }
        let records = blobs.iter();
        let records =
            records.map(|(hash, size)| Record::Earned { context: id, hash: *hash, size: *size });
        let records = records.collect();
        let blobs = blobs.into_iter().map(|(hash, _)| hash).collect();
        self.store(cx, records, Task::TakenBack { context: id, command, blobs });
    }

    /// Counts blobs as here that are here again, and wants them no more.
    pub(super) fn taken_back(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        command: CommandId,
        blobs: &[BlobHash],
    ) {
        if let Some(context) = self.contexts.get_mut(&id) {
            for hash in blobs {
                context.dropped.remove(hash);
            }
            self.have_blobs(cx, id, blobs, Vec::new());
        }
        cx.reply(command, Ok(Reply::Done));
    }

    /// Wants no more what only the policy before this one asked for.
    pub(super) fn unwant_by_policy(&mut self, cx: &mut Cx<'_>, id: ContextId) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        let waiting: BTreeSet<BlobHash> =
            context.waiting_fetches.iter().flat_map(|waiting| waiting.open.clone()).collect();
        let mut records = Vec::new();
        context.blob_wants.retain(|hash, state| {
            let at_rest = matches!(state.phase, BlobPhase::Idle | BlobPhase::Failed);
            let stays = !at_rest || state.wish == Wish::Asked || waiting.contains(hash);
            if !stays {
                records.push(Record::Unwant { context: id, hash: *hash });
            }
            stays
        });
        if !records.is_empty() {
            self.store(cx, records, Task::Stored);
        }
    }
}
