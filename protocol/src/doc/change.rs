//! The one way from the bytes of a change to automerge's parser.

use automerge::Change;

use crate::doc::scan::{Counts, ScanError, scan};
use crate::id::{ChangeId, DeviceId, Incarnation};
use crate::limits::{CHANGE_BYTES, CHANGE_OPS, MAX_OP};

/// Why a change is wrong, whatever document it is for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// More bytes than a change may have.
    #[error("{0} bytes exceed the limit of {CHANGE_BYTES}")]
    TooLarge(usize),
    /// Bytes that automerge must not see.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// More to unpack than a change may hold.
    #[error("{} operations and {} predecessors, of each {CHANGE_OPS} are allowed", .0.ops, .0.preds)]
    TooMany(Counts),
    /// Nothing inside.
    #[error("no operations")]
    Empty,
    /// Automerge refuses the bytes.
    #[error("not a change: {0}")]
    Malformed(String),
    /// Automerge writes the same operations in other bytes: a document that holds the change
    /// could be saved and never loaded.
    #[error("not in the form in which automerge writes it")]
    Form,
    /// The actor is not the device and incarnation of the envelope.
    #[error("the actor is not the device and incarnation that signed")]
    Actor,
    /// Automerge's number is not that of the envelope.
    #[error("sequence number {actual} in envelope {expected}")]
    Seq {
        /// The number of the envelope.
        expected: u64,
        /// Automerge's number.
        actual: u64,
    },
    /// The operation counter reaches what automerge cannot count beyond.
    #[error("operation counter {0} exceeds the limit of {MAX_OP}")]
    MaxOp(u64),
    /// Bytes, a message or a time that nothing reads.
    #[error("a change holds nothing beside its operations")]
    Extra,
}

/// Returns the actor of a device: its key and its incarnation.
pub(crate) fn actor(device: DeviceId, inc: Incarnation) -> automerge::ActorId {
    let mut bytes = device.as_bytes().to_vec();
    bytes.extend_from_slice(inc.as_bytes());
    bytes.into()
}

/// Returns the id of a change as automerge computes it.
pub(crate) fn change_id(change: &Change) -> ChangeId {
    ChangeId::from_bytes(change.hash().0)
}

/// Parses the `n`-th change of a device, after everything about it that needs no document was
/// checked.
pub(crate) fn parse(
    bytes: &[u8],
    n: u64,
    device: DeviceId,
    inc: Incarnation,
) -> Result<Change, ChangeError> {
    if bytes.len() > CHANGE_BYTES {
        return Err(ChangeError::TooLarge(bytes.len()));
    }
    let counts = scan(bytes)?;
    if counts.ops > CHANGE_OPS || counts.preds > CHANGE_OPS {
        return Err(ChangeError::TooMany(counts));
    }
    if counts.ops == 0 {
        return Err(ChangeError::Empty);
    }
    let change = Change::try_from(bytes).map_err(|e| ChangeError::Malformed(e.to_string()))?;
    if *change.actor_id() != actor(device, inc) {
        return Err(ChangeError::Actor);
    }
    if change.seq() != n {
        return Err(ChangeError::Seq { expected: n, actual: change.seq() });
    }
    if change.max_op() >= MAX_OP {
        return Err(ChangeError::MaxOp(change.max_op()));
    }
    if change.message().is_some() || change.timestamp() != 0 || !change.extra_bytes().is_empty() {
        return Err(ChangeError::Extra);
    }
    // Automerge keeps operations, not bytes, and writes them anew when a document is saved. It
    // also skips the checksum here and refuses it when a saved document is loaded.
    if Change::from(change.decode()).raw_bytes() != bytes {
        return Err(ChangeError::Form);
    }
    Ok(change)
}
