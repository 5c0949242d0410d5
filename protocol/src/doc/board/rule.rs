//! The place rule of boards, operation by operation.
//!
//! An operation names an object, a key or an element, and what it replaces. Each of these has to
//! be there in the past of the change, or earlier in the change itself, and to be of the right
//! sort.

use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, Change, ObjType, ScalarValue};

use super::index::{Additions, Entry, Index, OWN, OpRef, Past, Slot, Target};
use super::{BOARD_FIELDS, BoardRefusal};
use crate::limits::BOARD_DEPTH;

/// Why an operation is none of a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoardOpError {
    /// The root has its fixed maps and fields.
    #[error("the root holds nothing but the maps and fields of a board")]
    Root,
    /// A field that only the creator writes.
    #[error("only the creator of the board writes its title and access")]
    Creator,
    /// An object that the past does not hold.
    #[error("writes into an object that is not there")]
    Object,
    /// A key in a list or text, or an element in a map.
    #[error("a key of the wrong sort for its object")]
    Key,
    /// An element that the object does not hold.
    #[error("names an element that is not there")]
    Element,
    /// It replaces something that does not stand at its place.
    #[error("replaces what does not stand at its place")]
    Predecessor,
    /// It deletes nothing, which automerge does not keep.
    #[error("deletes nothing")]
    DeletesNothing,
    /// A counter, a mark, a table, or a value of an unknown type.
    #[error("an action or value that boards do not have")]
    Action,
    /// Deeper than [`BOARD_DEPTH`].
    #[error("nested deeper than {BOARD_DEPTH} levels")]
    Depth,
}

/// Checks every operation of a change and returns what it adds.
///
/// `leads` says whether the author may write the creator's fields.
pub(super) fn check(
    index: &Index,
    change: &Change,
    leads: bool,
) -> Result<Additions, BoardRefusal> {
    let mut rule = Rule {
        index,
        past: index.past(change.deps()),
        actor: change.actor_id(),
        leads,
        additions: Additions::default(),
    };
    for (at, op) in change.decode().operations.iter().enumerate() {
        let counter = change.start_op().get() + at as u64;
        rule.op(counter, op).map_err(|reason| BoardRefusal::Op { index: at, reason })?;
    }
    Ok(rule.additions)
}

struct Rule<'a> {
    index: &'a Index,
    past: Past<'a>,
    actor: &'a ActorId,
    leads: bool,
    additions: Additions,
}

impl Rule<'_> {
    fn op(&mut self, counter: u64, op: &Op) -> Result<(), BoardOpError> {
        let own = OpRef { counter, actor: OWN };
        let (target, kind, depth) = self.object(&op.obj)?;
        let slot = match target {
            None => self.root_field(op)?,
            Some(_) => self.slot(target, kind, own, op)?,
        };
        let object = action(kind, op)?.map(|made| (made, depth + 1));
        if object.is_some_and(|(_, depth)| depth > BOARD_DEPTH) {
            return Err(BoardOpError::Depth);
        }
        self.predecessors(target, &slot, op)?;
        if op.action != OpType::Delete {
            self.additions.0.insert(counter, Entry { target, slot, object });
        }
        Ok(())
    }

    /// Finds an operation in the past or earlier in this change.
    fn find(&self, id: &OpId) -> Option<(OpRef, &Entry)> {
        if id.actor() == self.actor && id.counter() > self.past.max_op() {
            let own = OpRef { counter: id.counter(), actor: OWN };
            return self.additions.0.get(&id.counter()).map(|entry| (own, entry));
        }
        let op = self.index.op_ref(id)?;
        self.past.entry(op).map(|entry| (op, entry))
    }

    fn object(&self, id: &ObjectId) -> Result<(Target, ObjType, usize), BoardOpError> {
        let ObjectId::Id(id) = id else { return Ok((None, ObjType::Map, 0)) };
        let (op, entry) = self.find(id).ok_or(BoardOpError::Object)?;
        let (kind, depth) = entry.object.ok_or(BoardOpError::Object)?;
        Ok((Some(op), kind, depth))
    }

    /// Checks an operation at the root: a text in one of the creator's fields, or its deletion.
    fn root_field(&self, op: &Op) -> Result<Slot, BoardOpError> {
        let Key::Map(key) = &op.key else { return Err(BoardOpError::Root) };
        let valued = matches!(op.action, OpType::Put(ScalarValue::Str(_)) | OpType::Delete);
        if op.insert || !valued || !BOARD_FIELDS.contains(&key.as_str()) {
            return Err(BoardOpError::Root);
        }
        if !self.leads {
            return Err(BoardOpError::Creator);
        }
        Ok(Slot::Key(key.as_str().into()))
    }

    fn slot(
        &self,
        target: Target,
        kind: ObjType,
        own: OpRef,
        op: &Op,
    ) -> Result<Slot, BoardOpError> {
        match (kind, &op.key) {
            (ObjType::Map, Key::Map(key)) if !op.insert => Ok(Slot::Key(key.as_str().into())),
            (ObjType::List | ObjType::Text, Key::Seq(ElementId::Head)) if op.insert => {
                Ok(Slot::Element(own))
            }
            (ObjType::List | ObjType::Text, Key::Seq(ElementId::Id(id))) => {
                let (element, entry) = self.find(id).ok_or(BoardOpError::Element)?;
                if entry.target != target || entry.slot != Slot::Element(element) {
                    return Err(BoardOpError::Element);
                }
                Ok(Slot::Element(if op.insert { own } else { element }))
            }
            _ => Err(BoardOpError::Key),
        }
    }

    fn predecessors(&self, target: Target, slot: &Slot, op: &Op) -> Result<(), BoardOpError> {
        if op.action == OpType::Delete && op.pred.is_empty() {
            return Err(BoardOpError::DeletesNothing);
        }
        let mut previous = None;
        for id in op.pred.iter() {
            let (pred, entry) = self.find(id).ok_or(BoardOpError::Predecessor)?;
            let stands = entry.target == target && entry.slot == *slot;
            if !stands || previous.is_some_and(|p| p == pred) {
                return Err(BoardOpError::Predecessor);
            }
            previous = Some(pred);
        }
        Ok(())
    }
}

/// Checks an action and its value, and returns the type of the object that it makes.
fn action(kind: ObjType, op: &Op) -> Result<Option<ObjType>, BoardOpError> {
    match &op.action {
        OpType::Delete if !op.insert => Ok(None),
        OpType::Put(ScalarValue::Str(_)) => Ok(None),
        OpType::Put(
            ScalarValue::Bytes(_)
            | ScalarValue::Int(_)
            | ScalarValue::Uint(_)
            | ScalarValue::F64(_)
            | ScalarValue::Timestamp(_)
            | ScalarValue::Boolean(_)
            | ScalarValue::Null,
        ) if kind != ObjType::Text => Ok(None),
        OpType::Make(made) if kind != ObjType::Text && *made != ObjType::Table => Ok(Some(*made)),
        OpType::Delete
        | OpType::Put(_)
        | OpType::Make(_)
        | OpType::Increment(_)
        | OpType::MarkBegin(_)
        | OpType::MarkEnd(_) => Err(BoardOpError::Action),
    }
}
