//! What a board remembers of its changes: their pasts, and every operation that may be named.
//!
//! Automerge panics on an operation that names what is not there, keeps none of a deletion of
//! nothing, and tells nobody which changes know of which. The index does.

use std::collections::BTreeMap;

use automerge::legacy::OpId;
use automerge::{ActorId, Change, ChangeHash, ObjType};

use crate::doc::change::actor;
use crate::id::{ChangeId, DeviceId, Incarnation};

/// The number of an actor within one board.
pub(super) type ActorIndex = u32;

/// Stands for the actor of the change that is being judged, which may have no number yet.
pub(super) const OWN: ActorIndex = ActorIndex::MAX;

/// An operation: its counter and its actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OpRef {
    pub(super) counter: u64,
    pub(super) actor: ActorIndex,
}

/// Where an operation writes inside an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// A key of a map.
    Key(Box<str>),
    /// An element of a list or text, named by the operation that inserted it.
    Element(OpRef),
}

/// The object an operation writes into; `None` is the root.
pub(super) type Target = Option<OpRef>;

/// An operation that others may name: a put, an insertion or a new object.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) target: Target,
    pub(super) slot: Slot,
    /// The type and the depth of the object that it makes.
    pub(super) object: Option<(ObjType, usize)>,
}

impl OpRef {
    /// Puts an actor in the place of [`OWN`].
    fn of(mut self, actor: ActorIndex) -> OpRef {
        if self.actor == OWN {
            self.actor = actor;
        }
        self
    }
}

impl Entry {
    /// Puts an actor in the place of [`OWN`].
    fn of(mut self, actor: ActorIndex) -> Entry {
        self.target = self.target.map(|target| target.of(actor));
        if let Slot::Element(element) = self.slot {
            self.slot = Slot::Element(element.of(actor));
        }
        self
    }
}

/// The operations that a change adds, by their counters.
#[derive(Clone, Debug, Default)]
pub(super) struct Additions(pub(super) BTreeMap<u64, Entry>);

/// Per actor: how many changes a past holds, and the counter of the last operation.
type Clock = BTreeMap<ActorIndex, (u64, u64)>;

/// An envelope of an actor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// Its hash.
    pub(super) hash: [u8; 32],
    /// Bytes of it and all those of the actor before it.
    pub(super) bytes: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    actors: BTreeMap<ActorId, ActorIndex>,
    /// Per actor, the envelopes in order.
    chains: BTreeMap<ActorIndex, Vec<Link>>,
    /// Per change, what it and its past hold.
    clocks: BTreeMap<ChangeHash, Clock>,
    ops: BTreeMap<OpRef, Entry>,
}

/// Everything that a set of changes knows of.
#[derive(Debug)]
pub(super) struct Past<'a> {
    index: &'a Index,
    clock: Clock,
}

impl Past<'_> {
    /// Returns the largest operation counter.
    pub(super) fn max_op(&self) -> u64 {
        self.clock.values().map(|(_, max_op)| *max_op).max().unwrap_or(0)
    }

    /// Returns how many changes of an actor it holds.
    pub(super) fn changes_of(&self, actor: &ActorId) -> u64 {
        let of = self.index.actors.get(actor).and_then(|actor| self.clock.get(actor));
        of.map_or(0, |(changes, _)| *changes)
    }

    /// Returns the bytes of all envelopes that it holds.
    pub(super) fn bytes(&self) -> u64 {
        self.clock.iter().map(|(actor, (changes, _))| self.index.bytes_to(*actor, *changes)).sum()
    }

    /// Returns the bytes of those of an actor.
    pub(super) fn bytes_of(&self, actor: &ActorId) -> u64 {
        let number = self.index.actors.get(actor);
        number.map_or(0, |number| self.index.bytes_to(*number, self.changes_of(actor)))
    }

    /// Tells whether it holds a change of an actor.
    pub(super) fn holds(&self, actor: &ActorId) -> bool {
        self.changes_of(actor) > 0
    }

    /// Tells whether it is the computed change alone.
    pub(super) fn is_root(&self) -> bool {
        self.clock.len() == 1 && self.clock.contains_key(&0)
    }

    /// Returns an operation that it holds.
    pub(super) fn entry(&self, op: OpRef) -> Option<&Entry> {
        let (_, max_op) = self.clock.get(&op.actor)?;
        self.index.ops.get(&op).filter(|_| op.counter <= *max_op)
    }
}

impl Index {
    /// Adds the computed change, the first of all.
    pub(super) fn add_root(&mut self, change: &Change) {
        let mut additions = Additions::default();
        for (counter, op) in (change.start_op().get()..).zip(change.decode().operations) {
            if let automerge::legacy::Key::Map(key) = &op.key {
                let slot = Slot::Key(key.as_str().into());
                let object = Some((ObjType::Map, 1));
                additions.0.insert(counter, Entry { target: None, slot, object });
            }
        }
        self.add(change, [0; 32], 0, additions);
    }

    /// Adds an applied change, whose envelope has `bytes` bytes.
    pub(super) fn add(
        &mut self,
        change: &Change,
        hash: [u8; 32],
        bytes: u64,
        additions: Additions,
    ) {
        let mut clock = self.past(change.deps()).clock;
        let next = self.actors.len() as ActorIndex;
        let actor = *self.actors.entry(change.actor_id().clone()).or_insert(next);
        clock.insert(actor, (change.seq(), change.max_op()));
        self.clocks.insert(change.hash(), clock);
        let chain = self.chains.entry(actor).or_default();
        let before = chain.last().map_or(0, |link| link.bytes);
        chain.push(Link { hash, bytes: before + bytes });
        let ops = additions.0.into_iter();
        self.ops.extend(ops.map(|(counter, entry)| (OpRef { counter, actor }, entry.of(actor))));
    }

    /// Returns the envelopes of a device in order.
    pub(super) fn chain(&self, device: DeviceId, inc: Incarnation) -> &[Link] {
        let actor = self.actors.get(&actor(device, inc));
        actor.and_then(|actor| self.chains.get(actor)).map_or(&[], Vec::as_slice)
    }

    /// Returns the bytes of the first `changes` envelopes of an actor.
    fn bytes_to(&self, actor: ActorIndex, changes: u64) -> u64 {
        let last = usize::try_from(changes).ok().and_then(|changes| changes.checked_sub(1));
        let chain = self.chains.get(&actor);
        last.and_then(|last| chain?.get(last)).map_or(0, |link| link.bytes)
    }

    /// Returns how many changes of an actor were applied.
    pub(super) fn changes_of(&self, actor: &ActorId) -> u64 {
        let chain = self.actors.get(actor).and_then(|actor| self.chains.get(actor));
        chain.map_or(0, |chain| chain.len() as u64)
    }

    /// Returns those of `deps` that are not here.
    pub(super) fn missing(&self, deps: &[ChangeHash]) -> Vec<ChangeId> {
        let missing = deps.iter().filter(|dep| !self.clocks.contains_key(dep));
        missing.map(|dep| ChangeId::from_bytes(dep.0)).collect()
    }

    /// Joins the pasts of `deps`, which are here.
    pub(super) fn past(&self, deps: &[ChangeHash]) -> Past<'_> {
        let mut clock = Clock::new();
        for other in deps.iter().filter_map(|dep| self.clocks.get(dep)) {
            for (actor, known) in other {
                let entry = clock.entry(*actor).or_default();
                *entry = (*entry).max(*known);
            }
        }
        Past { index: self, clock }
    }

    /// Returns the reference of an operation whose actor was seen.
    pub(super) fn op_ref(&self, op: &OpId) -> Option<OpRef> {
        self.actors.get(op.actor()).map(|actor| OpRef { counter: op.counter(), actor: *actor })
    }

    /// Says that the last envelope of an actor had as many bytes more.
    #[cfg(test)]
    pub(super) fn grow(&mut self, actor: &ActorId, bytes: u64) {
        let chain = self.chains.get_mut(&self.actors[actor]).expect("the actor wrote");
        chain.last_mut().expect("the actor wrote").bytes += bytes;
    }
}
