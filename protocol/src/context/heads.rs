//! Heads and tags: which frame a stack is at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use super::view::{Held, View};
use crate::id::{DeviceId, FrameId, StackId, StatementId, UserId};
use crate::limits::OVER;
use crate::name::{StackName, TagName};
use crate::statement::{Head, PlacedFact, Why};

/// A stack as its owner's statements have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackView {
    /// The stack.
    pub stack: StackId,
    /// Whose it is. Another user's heads for the same id are another stack.
    pub owner: UserId,
    /// What its first head calls it.
    pub name: StackName,
    /// The current heads: the largest generation first, then the smallest frame id. More than one
    /// where devices pushed apart; none of a stack that has left.
    pub heads: Vec<HeadView>,
    /// Where its tags are.
    pub tags: BTreeMap<TagName, FrameId>,
    /// Whether it is here.
    pub state: StackState,
    /// When its first head was made by the clock of that device, for showing.
    pub time: i64,
    /// What the next head is to name as replaced, at most 16.
    pub over: Vec<StatementId>,
}

/// Whether a stack is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum StackState {
    /// It has heads.
    Live,
    /// Its owner removed it.
    Removed,
    /// Its owner moved it to another context.
    Moved,
}

/// A current head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadView {
    /// The statement.
    pub id: StatementId,
    /// The frame.
    pub frame: FrameId,
    /// One more than the largest generation of the frame's parents.
    pub generation: u64,
    /// The device that pushed.
    pub device: DeviceId,
    /// When, by that device's clock: for showing.
    pub time: i64,
    /// The statement's number.
    pub n: u64,
}

/// The heads that were stated of a stack, which only become more.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    ids: BTreeSet<StatementId>,
    /// The largest generation stated.
    generation: u64,
    /// What is current, derived when it is asked for and kept up to date from then on: a long
    /// history is not gone over again for every push.
    current: OnceLock<Current>,
}

/// What is current of the heads that count.
#[derive(Clone, Debug, Default)]
struct Current {
    /// Those that no other one replaces.
    heads: BTreeSet<StatementId>,
    /// Whatever one of them replaces, here or not.
    over: BTreeSet<StatementId>,
}

impl Line {
    /// Forgets what was derived.
    pub(super) fn doubt(&mut self) {
        self.current.take();
    }
}

impl Current {
    fn add(&mut self, id: StatementId, head: &Head) {
        if !self.over.contains(&id) {
            self.heads.insert(id);
        }
        for over in &head.over {
            self.heads.remove(over);
            self.over.insert(*over);
        }
    }
}

impl View {
    /// Returns the generation of the next head of a stack: one more than the largest stated.
    pub fn next_generation(&self, user: UserId, stack: StackId) -> u64 {
        let line = self.lines.get(&(user, stack));
        line.map_or(0, |line| line.generation).saturating_add(1)
    }

    /// Returns all stacks, also those that have left, by owner and id.
    pub fn stacks(&self) -> Vec<StackView> {
        self.lines.keys().filter_map(|(user, stack)| self.stack_by_id(*user, *stack)).collect()
    }

    /// Returns the stack of a user by its name now. Where her devices began several of one name
    /// apart, one that is here comes first, then the one whose head comes first.
    pub fn stack(&self, user: UserId, name: &StackName) -> Option<StackView> {
        let first = StackId::from_bytes([0; 16]);
        let of_user =
            self.lines.range((user, first)..).take_while(|((owner, _), _)| *owner == user);
        let stacks = of_user.filter_map(|((_, stack), _)| self.stack_by_id(user, *stack));
        let named = stacks.filter(|stack| stack.name == *name);
        named.min_by_key(|stack| (stack.state != StackState::Live, stack.order(), stack.stack))
    }

    /// Returns the stack of a user by its id.
    pub fn stack_by_id(&self, user: UserId, stack: StackId) -> Option<StackView> {
        let mut current = self.current_heads(user, stack);
        current.sort_by_key(|(id, _, head)| {
            (head.frame.is_none(), std::cmp::Reverse(head.generation), head.frame, *id)
        });
        let (_, held, first) = current.first()?;
        let heads = current.iter().filter_map(|(id, held, head)| {
            let Held { place, .. } = held;
            let (frame, generation) = (head.frame?, head.generation);
            let (device, time, n) = (place.device, place.time, place.n);
            Some(HeadView { id: *id, frame, generation, device, time, n })
        });
        Some(StackView {
            stack,
            owner: user,
            name: first.name.clone(),
            heads: heads.collect(),
            tags: self.tags_of(user, stack),
            state: match first.why {
                None => StackState::Live,
                Some(Why::Removed) => StackState::Removed,
                Some(Why::Moved) => StackState::Moved,
            },
            time: held.place.time,
            over: current.iter().map(|(id, _, _)| *id).take(OVER).collect(),
        })
    }

    /// Returns the frames at which a stack stood when it left, the one that came first before the
    /// others; none of a stack that is here.
    pub fn left_at(&self, user: UserId, stack: StackId) -> Vec<FrameId> {
        let current = self.current_heads(user, stack);
        if current.iter().any(|(_, _, head)| head.frame.is_some()) {
            return Vec::new();
        }
        let line: BTreeMap<StatementId, &Head> = self.stated(user, stack).collect();
        // A stack may leave several times in a row: what stood there first is behind all of them.
        let mut seen = BTreeSet::new();
        let mut queue: Vec<StatementId> = current.iter().map(|(id, _, _)| *id).collect();
        let mut stood = BTreeSet::new();
        while let Some(id) = queue.pop() {
            let Some(head) = line.get(&id).filter(|_| seen.insert(id)) else { continue };
            match head.frame {
                Some(frame) => {
                    stood.insert((std::cmp::Reverse(head.generation), frame));
                }
                None => queue.extend(&head.over),
            }
        }
        let mut frames: Vec<FrameId> = stood.into_iter().map(|(_, frame)| frame).collect();
        let mut once = BTreeSet::new();
        frames.retain(|frame| once.insert(*frame));
        frames
    }

    /// Returns every frame that counts as having been a head of a stack, of one that left too.
    pub fn head_frames(&self, user: UserId, stack: StackId) -> BTreeSet<FrameId> {
        self.stated(user, stack).filter_map(|(_, head)| head.frame).collect()
    }

    /// Returns what the next statement about a tag is to name as replaced.
    pub fn tag_over(&self, user: UserId, stack: StackId, tag: &TagName) -> Vec<StatementId> {
        let statements = self.tags.get(&(user, stack)).and_then(|tags| tags.get(tag));
        let current = self.current_tag(statements.into_iter().flatten());
        current.into_iter().map(|(id, _)| id).take(OVER).collect()
    }

    /// Takes in a head that was just stated, by a statement that is held.
    pub(super) fn state(&mut self, user: UserId, id: StatementId) {
        let held = &self.held[&id];
        let PlacedFact::Head(head) = held.fact() else { return };
        // Without authority derived, nothing else is.
        let counts = self.authority.get().is_some_and(|a| a.counts_for_writer(self, held));
        let line = self.lines.entry((user, head.stack)).or_default();
        line.ids.insert(id);
        line.generation = line.generation.max(head.generation);
        if let Some(current) = line.current.get_mut().filter(|_| counts) {
            current.add(id, head);
        }
    }

    /// Returns the heads of a stack that count, also those that others replaced.
    fn stated(&self, user: UserId, stack: StackId) -> impl Iterator<Item = (StatementId, &Head)> {
        let line = self.lines.get(&(user, stack));
        let held = self.by_writers(line.into_iter().flat_map(|line| &line.ids));
        held.filter_map(|(id, held)| match held.fact() {
            PlacedFact::Head(head) => Some((id, head)),
            _ => None,
        })
    }

    fn current_heads(&self, user: UserId, stack: StackId) -> Vec<(StatementId, &Held, &Head)> {
        let Some(line) = self.lines.get(&(user, stack)) else { return Vec::new() };
        let current = line.current.get_or_init(|| {
            let mut current = Current::default();
            for (id, held) in self.by_writers(line.ids.iter()) {
                if let PlacedFact::Head(head) = held.fact() {
                    current.add(id, head);
                }
            }
            current
        });
        let held = current.heads.iter().map(|id| (*id, &self.held[id]));
        held.filter_map(|(id, held)| match held.fact() {
            PlacedFact::Head(head) => Some((id, held, head)),
            _ => None,
        })
        .collect()
    }

    /// Returns where the tags of a stack are. Of two set apart the smallest frame id wins, and
    /// one that is set wins over one taken away.
    fn tags_of(&self, user: UserId, stack: StackId) -> BTreeMap<TagName, FrameId> {
        let tags = self.tags.get(&(user, stack)).into_iter().flatten();
        tags.filter_map(|(tag, ids)| {
            let frames = self.current_tag(ids.iter()).into_iter().filter_map(|(_, frame)| frame);
            Some((tag.clone(), frames.min()?))
        })
        .collect()
    }

    fn current_tag<'a>(
        &'a self,
        ids: impl Iterator<Item = &'a StatementId>,
    ) -> Vec<(StatementId, Option<FrameId>)> {
        let tags: Vec<_> = self
            .by_writers(ids)
            .filter_map(|(id, held)| match held.fact() {
                PlacedFact::Tag(tag) => Some((id, tag)),
                _ => None,
            })
            .collect();
        let over: BTreeSet<_> = tags.iter().flat_map(|(_, tag)| &tag.over).collect();
        let current = tags.iter().filter(|(id, _)| !over.contains(id));
        current.map(|(id, tag)| (*id, tag.frame)).collect()
    }

    pub(super) fn by_writers<'a>(
        &'a self,
        ids: impl Iterator<Item = &'a StatementId>,
    ) -> impl Iterator<Item = (StatementId, &'a Held)> {
        let authority = self.authority();
        let held = ids.map(|id| (*id, &self.held[id]));
        held.filter(|(_, held)| authority.counts_for_writer(self, held))
    }
}

impl StackView {
    /// Orders stacks of one name by their first heads.
    fn order(&self) -> impl Ord + use<> {
        self.heads.first().map(|head| (std::cmp::Reverse(head.generation), head.frame))
    }
}
