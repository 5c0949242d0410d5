//! Judges the changes of a catalog that a peer delivered.
//!
//! [`judge`] is pure and heavy (two signatures for each statement), made for a worker thread. It
//! needs no document: a catalog is a straight chain, so its last change is all there is to know.
//! Whether the device may write at all (its grant, the role of its user, a cut, a quota) is not
//! judged here but by the engine.

use automerge::legacy::{Key, ObjectId, Op, OpType};
use automerge::{Change, ScalarValue};

use crate::doc::catalog::{CatalogPlace, Tip, at_place, catalog_key};
use crate::doc::change::{ChangeError, parse};
use crate::doc::envelope::Envelope;
use crate::doc::fork::ForkProof;
use crate::id::{ChangeId, StatementId};
use crate::key::BadSignature;
use crate::limits::CATALOG_KEY_BYTES;
use crate::statement::{Statement, StatementError, Verified};

/// Envelopes of one catalog, and what is known of it.
#[derive(Clone, Debug)]
pub struct JudgeTask {
    /// The catalog they were delivered for.
    pub place: CatalogPlace,
    /// Its current epoch.
    pub epoch: u32,
    /// The last change that was accepted.
    pub tip: Option<Tip>,
    /// The accepted envelopes at those numbers of `envelopes` that do not exceed the tip's; they
    /// tell what is known already from a fork.
    pub held: Vec<Envelope>,
    /// At most [`JUDGE_BATCH`](crate::limits::JUDGE_BATCH), by ascending number.
    pub envelopes: Vec<Envelope>,
}

/// What is to be done with an envelope.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// It continues the chain.
    Accept {
        /// The chain's new tip.
        tip: Tip,
        /// The statements that it puts, verified.
        statements: Vec<Verified>,
    },
    /// It may be right, but something before it is not here.
    Wait(WaitReason),
    /// It is wrong, whatever else may come.
    Refuse(RefuseReason),
    /// It was accepted before.
    Known,
}

/// What an envelope waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaitReason {
    /// Changes between the tip and this one.
    #[error("only {have} changes before it are here")]
    MissingPrevious {
        /// The number of the last one here, 0 for none.
        have: u64,
    },
}

/// Why an envelope is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefuseReason {
    /// It names another document, epoch, device or incarnation than it was delivered for.
    #[error("an envelope of another document, epoch, device or incarnation")]
    Place,
    /// The device did not sign it.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// The device signed two changes with one number.
    #[error("the device signed two changes with number {}", .0.envelopes()[0].n)]
    Fork(Box<ForkProof>),
    /// The change itself is wrong.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// It has the next number, but does not depend on the tip and on nothing else: it is wrong,
    /// or continues the other side of a fork that has not shown yet.
    #[error("the change does not continue the chain")]
    Previous,
    /// Its first operation is not the one after the tip's last.
    #[error("start_op {actual} instead of {expected}")]
    StartOp {
        /// The counter after the tip's last.
        expected: u64,
        /// What the change has.
        actual: u64,
    },
    /// It names other actors.
    #[error("a catalog names no other actor")]
    OtherActors,
    /// An operation that a catalog does not have.
    #[error("operation {index}: {reason}")]
    Op {
        /// Its position in the change.
        index: usize,
        /// What is wrong with it.
        reason: OpError,
    },
    /// An entry that is no statement of this place.
    #[error("entry `{key}`: {reason}")]
    Entry {
        /// The key.
        key: String,
        /// What is wrong with its value.
        reason: EntryError,
    },
    /// Automerge refuses the change.
    #[error("automerge: {0}")]
    Malformed(String),
}

/// Who is to blame for a refused envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The peer that delivered it: nobody who judges passes it on.
    Deliverer,
    /// The device that signed it: a peer that saw the other side of the fork delivers it in good
    /// faith.
    Signer,
}

impl RefuseReason {
    /// Tells who is to blame.
    pub fn blame(&self) -> Blame {
        match self {
            RefuseReason::Fork(_) | RefuseReason::Previous => Blame::Signer,
            RefuseReason::Place
            | RefuseReason::Signature(_)
            | RefuseReason::Change(_)
            | RefuseReason::StartOp { .. }
            | RefuseReason::OtherActors
            | RefuseReason::Op { .. }
            | RefuseReason::Entry { .. }
            | RefuseReason::Malformed(_) => Blame::Deliverer,
        }
    }
}

/// Why an operation is none of a catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpError {
    /// It writes into an object inside the document.
    #[error("not at the root")]
    NotAtRoot,
    /// Its key is no text, or it inserts.
    #[error("not at a key of a map")]
    NotAtKey,
    /// It is neither a put nor a delete.
    #[error("neither put nor delete")]
    Action,
    /// What it puts is not bytes.
    #[error("the value is not bytes")]
    Value,
    /// The key is no `<kind>/<statement id>` of at most 300 bytes.
    #[error("the key is not <kind>/<statement id>")]
    Key,
}

/// Why a value may not stand at its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The value is no statement.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// Another device or key signed it.
    #[error("signed by another key than the device's")]
    Signer,
    /// A statement that does not stand in a context.
    #[error("no statement of a context")]
    NotPlaced,
    /// It stands in another context, or is of another device or incarnation.
    #[error("a statement of another context, device or incarnation")]
    Place,
    /// The key is not its kind and id.
    #[error("the key does not name the statement")]
    Key,
}

/// Judges envelopes in their order; the answers stand in the same order.
///
/// Each is judged against the tip that the accepted ones before it made. A wrong envelope takes
/// nothing with it but what depends on it.
pub fn judge(task: &JudgeTask) -> Vec<Judgement> {
    judge_with(task, Checks::ALL)
}

/// Which checks are made; all of them, but in the simulator, which proves that it would notice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checks {
    /// That the envelope is signed.
    pub(crate) signature: bool,
    /// That it follows the one before.
    pub(crate) chain: bool,
}

impl Checks {
    /// Every check.
    pub(crate) const ALL: Checks = Checks { signature: true, chain: true };
}

/// As [`judge`], with checks left out.
pub(crate) fn judge_with(task: &JudgeTask, checks: Checks) -> Vec<Judgement> {
    let mut tip = task.tip;
    let mut judged = Vec::with_capacity(task.envelopes.len());
    let mut accepted: Vec<&Envelope> = Vec::new();
    for envelope in &task.envelopes {
        let held = task.held.iter().chain(accepted.iter().copied());
        let held = held.into_iter().find(|h| h.same_place(envelope));
        let judgement = judge_one(task, checks, tip.as_ref(), held, envelope);
        if let Judgement::Accept { tip: new, .. } = &judgement {
            tip = Some(*new);
            accepted.push(envelope);
        }
        judged.push(judgement);
    }
    judged
}

fn judge_one(
    task: &JudgeTask,
    checks: Checks,
    tip: Option<&Tip>,
    held: Option<&Envelope>,
    envelope: &Envelope,
) -> Judgement {
    if envelope.n == 0 || !at_place(&task.place, task.epoch, envelope) {
        return Judgement::Refuse(RefuseReason::Place);
    }
    if checks.signature
        && let Err(bad) = envelope.verify()
    {
        return Judgement::Refuse(bad.into());
    }
    let have = tip.map_or(0, |tip| tip.n);
    if envelope.n <= have {
        return match held.filter(|held| held.hash() != envelope.hash()) {
            None => Judgement::Known,
            Some(held) => Judgement::Refuse(fork(held, envelope)),
        };
    }
    if checks.chain && envelope.n > have + 1 {
        return Judgement::Wait(WaitReason::MissingPrevious { have });
    }
    let accept = || {
        let change = if checks.chain {
            next(tip, envelope)?
        } else {
            parse(&envelope.change, envelope.n, envelope.device, envelope.inc)?
        };
        let statements = statements(&task.place, &change)?;
        Ok(Judgement::Accept { tip: Tip::of(&change), statements })
    };
    accept().unwrap_or_else(Judgement::Refuse)
}

fn fork(held: &Envelope, envelope: &Envelope) -> RefuseReason {
    match ForkProof::new(held.clone(), envelope.clone()) {
        Ok(proof) => RefuseReason::Fork(Box::new(proof)),
        // What is held was accepted, so it stands at this place and its signature holds.
        Err(_) => RefuseReason::Place,
    }
}

/// Checks that an envelope holds the change after `tip`; its place and signature are not looked
/// at.
pub(crate) fn next(tip: Option<&Tip>, envelope: &Envelope) -> Result<Change, RefuseReason> {
    let change = parse(&envelope.change, envelope.n, envelope.device, envelope.inc)?;
    let previous = tip.map(|tip| tip.change);
    let depends = change.deps().iter().map(|dep| ChangeId::from_bytes(dep.0));
    if change.seq() != tip.map_or(0, |tip| tip.n) + 1 || !depends.eq(previous) {
        return Err(RefuseReason::Previous);
    }
    let expected = tip.map_or(0, |tip| tip.max_op) + 1;
    if change.start_op().get() != expected {
        return Err(RefuseReason::StartOp { expected, actual: change.start_op().get() });
    }
    if !change.other_actor_ids().is_empty() {
        return Err(RefuseReason::OtherActors);
    }
    Ok(change)
}

/// Applies the place rule of catalogs and returns the statements that a change puts.
fn statements(place: &CatalogPlace, change: &Change) -> Result<Vec<Verified>, RefuseReason> {
    let mut statements = Vec::new();
    for (index, op) in change.decode().operations.iter().enumerate() {
        let (key, value) = operation(op).map_err(|reason| RefuseReason::Op { index, reason })?;
        if let Some(value) = value {
            let verified = entry(place, key, value);
            let fault = |reason| RefuseReason::Entry { key: key.to_owned(), reason };
            statements.push(verified.map_err(fault)?);
        }
    }
    Ok(statements)
}

/// Returns the key of an operation with what it puts there, nothing for a delete.
fn operation(op: &Op) -> Result<(&str, Option<&[u8]>), OpError> {
    if op.obj != ObjectId::Root {
        return Err(OpError::NotAtRoot);
    }
    let Key::Map(key) = &op.key else { return Err(OpError::NotAtKey) };
    if op.insert {
        return Err(OpError::NotAtKey);
    }
    let value = match &op.action {
        OpType::Put(ScalarValue::Bytes(bytes)) => Some(bytes.as_slice()),
        OpType::Put(_) => return Err(OpError::Value),
        OpType::Delete => None,
        OpType::Make(_) | OpType::Increment(_) | OpType::MarkBegin(_) | OpType::MarkEnd(_) => {
            return Err(OpError::Action);
        }
    };
    if !is_key(key) {
        return Err(OpError::Key);
    }
    Ok((key, value))
}

/// Tells whether a key is `<kind>/<statement id>`.
fn is_key(key: &str) -> bool {
    let parts = key.split_once('/');
    key.len() <= CATALOG_KEY_BYTES
        && parts.is_some_and(|(kind, id)| !kind.is_empty() && id.parse::<StatementId>().is_ok())
}

/// Verifies that a value is a statement of this very place, and that its key names it.
pub(crate) fn entry(place: &CatalogPlace, key: &str, value: &[u8]) -> Result<Verified, EntryError> {
    let statement = Statement::decode(value)?;
    if statement.signer() != place.device.into() {
        return Err(EntryError::Signer);
    }
    let verified = statement.verify()?;
    let placed = verified.placed().ok_or(EntryError::NotPlaced)?;
    let at = &placed.place;
    if (at.context, at.device, at.inc) != (place.context, place.device, place.inc) {
        return Err(EntryError::Place);
    }
    if catalog_key(&verified).as_deref() != Some(key) {
        return Err(EntryError::Key);
    }
    Ok(verified)
}

#[cfg(test)]
mod tests;
