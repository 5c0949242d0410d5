//! The frames behind a stack: its heads and tags, and their ancestors as far as they are here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use dsp_protocol::api::Problem;
use dsp_protocol::context::StackView;
use dsp_protocol::id::{ContextId, FrameId};

use super::Ops;

/// Most frames that are walked: a stack pushed to every minute for two months.
const WALK: usize = 100_000;

/// The frames that a stack leads to.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// The parents of each frame, none where it is not here; nearest to the heads first.
    order: Vec<FrameId>,
    parents: BTreeMap<FrameId, Option<Vec<FrameId>>>,
    /// Every frame of the context that is here.
    held: BTreeSet<FrameId>,
}

/// Where a history begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Roots {
    /// At the heads and tags.
    Current,
    /// At whatever was a head, too.
    Ever,
}

/// Where a line of ancestors ends too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// How many steps back are possible.
    pub(crate) depth: u32,
    /// The frame there.
    pub(crate) frame: FrameId,
    /// Whether more is behind it that is not here.
    pub(crate) known: bool,
}

impl History {
    /// Walks from some frames to their ancestors, breadth first; `look` returns the parents of a
    /// frame that is here.
    pub(crate) fn walk(
        from: impl IntoIterator<Item = FrameId>,
        look: impl Fn(FrameId) -> Option<Vec<FrameId>>,
    ) -> History {
        let mut history = History::default();
        history.go_on(from, look);
        history
    }

    /// Walks from more frames; those that are met only now come after the others.
    fn go_on(
        &mut self,
        from: impl IntoIterator<Item = FrameId>,
        look: impl Fn(FrameId) -> Option<Vec<FrameId>>,
    ) {
        let mut queue: VecDeque<FrameId> = from.into_iter().collect();
        while let Some(frame) = queue.pop_front() {
            if self.parents.contains_key(&frame) || self.order.len() >= WALK {
                continue;
            }
            let parents = look(frame);
            queue.extend(parents.iter().flatten());
            self.order.push(frame);
            self.parents.insert(frame, parents);
        }
    }

    /// Returns all frames, here or not, those near the heads first.
    pub(crate) fn frames(&self) -> impl Iterator<Item = FrameId> {
        self.order.iter().copied()
    }

    /// Tells whether every ancestor is here and was walked to.
    pub(crate) fn is_whole(&self) -> bool {
        self.order.len() < WALK && self.first_missing().is_none()
    }

    /// Returns the nearest frame that is not here.
    pub(crate) fn first_missing(&self) -> Option<FrameId> {
        self.order.iter().copied().find(|frame| self.parents[frame].is_none())
    }

    /// Tells whether a frame is here in the context of the stack.
    pub(crate) fn holds(&self, frame: FrameId) -> bool {
        self.held.contains(&frame)
    }

    /// Goes `n` steps back along first parents.
    ///
    /// # Errors
    /// Says where the line ends.
    pub(crate) fn ancestor(&self, head: FrameId, n: u32) -> Result<FrameId, Missing> {
        let mut frame = head;
        for depth in 0..n {
            let parents = self.parents.get(&frame).and_then(Option::as_ref);
            let known = parents.is_none();
            frame = *parents.and_then(|parents| parents.first()).ok_or(Missing {
                depth,
                frame,
                known,
            })?;
        }
        Ok(frame)
    }
}

impl Ops {
    /// Returns the history of a stack: from its heads, then from its tags.
    ///
    /// # Errors
    /// The daemon stops.
    pub(crate) async fn history(
        &self,
        context: ContextId,
        stack: &StackView,
    ) -> Result<History, Problem> {
        self.history_from(context, stack, Roots::Current).await
    }

    /// Returns the history of a stack, and behind it that of all that ever was a head of it: of a
    /// stack that was removed nothing is current, and its frames are there all the same.
    ///
    /// # Errors
    /// The daemon stops.
    pub(crate) async fn history_ever(
        &self,
        context: ContextId,
        stack: &StackView,
    ) -> Result<History, Problem> {
        self.history_from(context, stack, Roots::Ever).await
    }

    /// Returns the frames at which a stack stood when it was removed; none of one that is here.
    ///
    /// # Errors
    /// The daemon stops.
    pub(crate) async fn left_at(
        &self,
        context: ContextId,
        stack: &StackView,
    ) -> Result<Vec<FrameId>, Problem> {
        let (owner, stack) = (stack.owner, stack.stack);
        let left_at = self.node.query(move |engine| {
            let context = engine.context(context);
            context.map(|context| context.view().left_at(owner, stack)).unwrap_or_default()
        });
        Ok(left_at.await?)
    }

    async fn history_from(
        &self,
        context: ContextId,
        stack: &StackView,
        roots: Roots,
    ) -> Result<History, Problem> {
        let (owner, id) = (stack.owner, stack.stack);
        let heads = stack.heads.iter().map(|head| head.frame);
        let from: Vec<FrameId> = heads.chain(stack.tags.values().copied()).collect();
        let history = self
            .node
            .query(move |engine| {
                let Some(context) = engine.context(context) else { return History::default() };
                let look = |id| Some(context.frame(id)?.parents.clone());
                let mut history = History::walk(from, look);
                if roots == Roots::Ever {
                    history.go_on(context.view().head_frames(owner, id), look);
                }
                history.held = context.frames().map(|(id, _)| id).collect();
                history
            })
            .await?;
        Ok(history)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> FrameId {
        FrameId::from_bytes([n; 32])
    }

    ///   1 <- 2 <- 4    (0 is not here)
    ///  /         /
    /// 0     3 <-'
    fn history() -> History {
        History::walk([id(4)], |frame| match frame.as_bytes()[0] {
            4 => Some(vec![id(2), id(3)]),
            2 => Some(vec![id(1)]),
            1 => Some(vec![id(0)]),
            3 => Some(vec![]),
            _ => None,
        })
    }

    #[test]
    fn ancestors_follow_first_parents() {
        let history = history();
        assert_eq!(history.ancestor(id(4), 2), Ok(id(1)));
        assert_eq!(history.ancestor(id(4), 3), Ok(id(0)));
        let end = Missing { depth: 3, frame: id(0), known: true };
        assert_eq!(history.ancestor(id(4), 4), Err(end));
        let end = Missing { depth: 0, frame: id(3), known: false };
        assert_eq!(history.ancestor(id(3), 1), Err(end));
    }

    #[test]
    fn each_frame_comes_once_and_the_near_ones_first() {
        let frames: Vec<_> = history().frames().collect();
        assert_eq!(frames, [id(4), id(2), id(3), id(1), id(0)]);
        let mut history = history();
        history.go_on([id(9), id(2)], |frame| (frame == id(9)).then(|| vec![id(8)]));
        let frames: Vec<_> = history.frames().collect();
        assert_eq!(frames, [id(4), id(2), id(3), id(1), id(0), id(9), id(8)]);
    }
}
