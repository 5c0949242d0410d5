//! Withdrawing: what an owner takes back of a context, everybody in it serves and keeps no more.
//!
//! A frame that is withdrawn leaves its parents behind, so that its history has a gap and no end.
//! The statement is all there is: whoever comes later hears of it before any frame. What somebody
//! wrote out, or holds with an older program, is out of reach.

use std::collections::BTreeSet;

use super::commands::Draft;
use super::context::{Context, FrameMeta};
use super::event::{CommandError, Event, Record};
use super::node::{Cx, Node, Task};
use crate::id::{BlobHash, ContextId, FrameId};
use crate::limits;
use crate::statement::{PlacedFact, Withdraw};

/// Blobs that fit one statement beside a frame with all its parents.
const BLOBS: usize = 64;

impl Node {
    /// Does here what the owners of a context withdrew by now.
    pub(super) fn withdraw(&mut self, cx: &mut Cx<'_>, id: ContextId) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        let stated = context.view.withdrawn();
        if stated == context.withdrawn {
            return;
        }
        let before = std::mem::replace(&mut context.withdrawn, stated.clone());
        // Who withdrew it was cut herself: it may come again.
        for frame in before.frames.keys().filter(|frame| !stated.frames.contains_key(*frame)) {
            context.frames.remove(frame);
        }
        let mut records = Vec::new();
        for (frame, parents) in stated.frames {
            context.frame_wants.remove(&frame);
            let gap = FrameMeta { parents, size: 0, blobs: Vec::new() };
            let known = context.frames.insert(frame, gap);
            if known.is_some() && !before.frames.contains_key(&frame) {
                records.push(Record::WithdrawFrame { context: id, id: frame });
            }
        }
        let blobs: Vec<BlobHash> = stated.blobs.difference(&before.blobs).copied().collect();
        for hash in &blobs {
            if context.blob_wants.remove(hash).is_some() {
                records.push(Record::Unwant { context: id, hash: *hash });
            }
            context.dropped.remove(hash);
            context.earned.remove(hash);
            records.push(Record::WithdrawBlob { context: id, hash: *hash });
        }
        if !records.is_empty() {
            self.store(cx, records, Task::Stored);
        }
        // Who waits for one of them waits in vain.
        self.settle(cx, id, &[], &blobs);
        self.want_all_heads(id);
        self.pump_context(cx, id);
        cx.emit(Event::Context(id));
    }
}

impl Context {
    /// Drafts the statements that withdraw what is not withdrawn yet.
    pub(super) fn draft_withdraw(
        &self,
        frames: &BTreeSet<FrameId>,
        blobs: &BTreeSet<BlobHash>,
    ) -> Result<Draft, CommandError> {
        let most = limits::WITHDRAWN;
        if frames.len() > most || blobs.len() > most {
            return Err(CommandError::Limit(format!(
                "{} frames and {} blobs are more than the {most} that are withdrawn at one time",
                frames.len(),
                blobs.len()
            )));
        }
        let mut open: Vec<BlobHash> =
            blobs.iter().copied().filter(|blob| !self.is_blob_withdrawn(*blob)).collect();
        let mut facts = Vec::new();
        for frame in frames.iter().filter(|frame| !self.is_withdrawn(**frame)) {
            let parents = self.frames.get(frame).map(|meta| meta.parents.clone());
            let parents = parents
                .ok_or_else(|| CommandError::Invalid(format!("frame {frame} is not here")))?;
            let beside = open.split_off(open.len().saturating_sub(BLOBS));
            let frames = [(*frame, parents)].into();
            facts.push(Withdraw { frames, blobs: beside.into_iter().collect() });
        }
        for blobs in open.chunks(BLOBS) {
            let blobs = blobs.iter().copied().collect();
            facts.push(Withdraw { blobs, ..Withdraw::default() });
        }
        Ok(Draft::of(facts.into_iter().map(PlacedFact::Withdraw).collect()))
    }

    /// Refuses blobs that were withdrawn: they would be served to nobody.
    pub(super) fn has_withdrawn_none(&self, blobs: &[(BlobHash, u64)]) -> Result<(), CommandError> {
        let withdrawn = blobs.iter().find(|(hash, _)| self.is_blob_withdrawn(*hash));
        withdrawn.map_or(Ok(()), |(hash, _)| Err(CommandError::Withdrawn(*hash)))
    }
}
