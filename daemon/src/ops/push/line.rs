//! Where a push goes on from, and the tags that it takes from other frames.

use dsp_protocol::api::Problem;
use dsp_protocol::context::{StackState, StackView};
use dsp_protocol::id::{ContextId, FrameId};
use dsp_protocol::name::TagName;

use super::super::Ops;
use super::super::resolve::Found;
use super::super::scene::Scene;
use super::super::time::now;
use crate::store::{Deed, JournalEntry};

/// What comes before the first frame that is pushed to a stack after it was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) enum AfterRemoval {
    /// The frames at which it stood: its history goes on.
    GoesOn,
    /// Nothing, as where a removal is known to be for good.
    Anew,
}

impl Ops {
    /// Returns the frames that the next one of a stack of mine goes on from.
    pub(super) async fn parents(
        &self,
        context: ContextId,
        stack: &StackView,
        heads: Vec<FrameId>,
        after: AfterRemoval,
    ) -> Result<Vec<FrameId>, Problem> {
        match (stack.state, after) {
            (StackState::Removed, AfterRemoval::GoesOn) => self.left_at(context, stack).await,
            (StackState::Removed, AfterRemoval::Anew) | (StackState::Moved, _) => Ok(Vec::new()),
            (StackState::Live, _) => Ok(heads),
        }
    }

    /// Notes in the journal that tags of a stack move to a frame; returns the deeds.
    pub(super) async fn note_moves(
        &self,
        scene: &Scene,
        (context, stack): (ContextId, Option<&StackView>),
        moves: &[(TagName, FrameId)],
        to: FrameId,
    ) -> Result<Vec<u64>, Problem> {
        let of = scene.contexts.get(&context);
        let (Some(of), Some(stack)) = (of, stack) else { return Ok(Vec::new()) };
        let mut deeds = Vec::with_capacity(moves.len());
        for (tag, from) in moves {
            let (tag, from, to) = (tag.clone(), Some(*from), Some(to));
            let deed = Deed::Tagged { context, stack: stack.stack, tag, from, to };
            let name = scene.reference(&Found { context: of, stack });
            let entry = JournalEntry { at: now(), name, deed, undone: None };
            match self.store.note_deed(entry).await {
                Ok(id) => deeds.push(id),
                Err(error) => {
                    self.unnote_moves(deeds).await;
                    return Err(error.into());
                }
            }
        }
        Ok(deeds)
    }

    /// Takes deeds out of the journal that did not come about.
    pub(super) async fn unnote_moves(&self, deeds: impl IntoIterator<Item = u64>) {
        for id in deeds {
            if let Err(error) = self.store.unnote_deed(id).await {
                tracing::warn!(%error, "a deed that did not come about stays in the journal");
            }
        }
    }
}

/// Returns those of some tags that are on another frame than the new one, and on which.
pub(super) fn moves(stack: &StackView, tags: &[TagName], to: FrameId) -> Vec<(TagName, FrameId)> {
    let on = |tag: &TagName| Some((tag.clone(), *stack.tags.get(tag)?));
    tags.iter().filter_map(on).filter(|(_, from)| *from != to).collect()
}

/// Says that a tag moved.
pub(super) fn moved(tag: &TagName, from: FrameId, deed: u64) -> String {
    format!("the tag {tag} was on frame {}; `dsp undo {deed}` puts it back there", from.short())
}
