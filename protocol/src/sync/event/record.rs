//! What is durable: records, which the store applies and gives back at the next start.

use super::BlobWant;
use crate::context::Genesis;
use crate::doc::Envelope;
use crate::id::{BlobHash, ContextId, DeviceId, FrameId, Incarnation, UserId};
use crate::policy::FollowPolicy;
use crate::statement::{Interest, Role};
use crate::wire::{BoardKey, Offer};

/// Something durable, applied by the store and given back in the same form at the next start.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// The incarnation of this database from now on.
    Incarnation(Incarnation),
    /// An entry of an identity log; entries of one log come in an order that the log takes.
    Log {
        /// Whose log.
        user: UserId,
        /// The signed statement.
        entry: Vec<u8>,
    },
    /// A context; replaces an earlier record of it.
    Context(ContextRecord),
    /// A context and everything under it is forgotten.
    ForgetContext(ContextId),
    /// An accepted envelope of a catalog.
    Envelope {
        /// The context.
        context: ContextId,
        /// Whose catalog.
        user: UserId,
        /// The envelope.
        envelope: Envelope,
    },
    /// The envelopes of a catalog are dropped, because a newer epoch or a cut took its place.
    DropCatalog {
        /// The context.
        context: ContextId,
        /// Whose.
        user: UserId,
        /// The device.
        device: DeviceId,
        /// The incarnation.
        inc: Incarnation,
    },
    /// A ticket's redemption by a user.
    Redemption {
        /// The context.
        context: ContextId,
        /// The signed statement.
        redeem: Vec<u8>,
    },
    /// The proof that a device signed two envelopes of one number; replaces an earlier one of the
    /// same catalog.
    Fork {
        /// The context.
        context: ContextId,
        /// Whose catalog; the proof names the rest.
        user: UserId,
        /// A [`ForkProof`](crate::doc::ForkProof), encoded.
        proof: Vec<u8>,
    },
    /// An accepted envelope of a dashboard.
    BoardEnvelope {
        /// The context.
        context: ContextId,
        /// Which dashboard.
        board: BoardKey,
        /// Whose device wrote it.
        user: UserId,
        /// The envelope.
        envelope: Envelope,
        /// When it came here, in milliseconds since 1970: a change tells no time.
        at: i64,
    },
    /// The proof that a device signed two envelopes of one number on a dashboard; replaces an
    /// earlier one of the same device and incarnation.
    BoardFork {
        /// The context.
        context: ContextId,
        /// Which dashboard.
        board: BoardKey,
        /// Whose device.
        user: UserId,
        /// A [`ForkProof`](crate::doc::ForkProof), encoded.
        proof: Vec<u8>,
    },
    /// A frame that is here and earned in a context.
    Frame {
        /// The context.
        context: ContextId,
        /// Its id.
        id: FrameId,
        /// Its bytes as received.
        bytes: Vec<u8>,
    },
    /// A blob that is here, durable, and earned in a context.
    Earned {
        /// The context.
        context: ContextId,
        /// Its hash.
        hash: BlobHash,
        /// Its size in bytes.
        size: u64,
    },
    /// A blob of a context whose bytes the user let go: it counts as here no more, and does not
    /// come by policy until it is wanted again.
    Dropped {
        /// The context.
        context: ContextId,
        /// Its hash.
        hash: BlobHash,
        /// Its size in bytes.
        size: u64,
    },
    /// A blob that is wanted in a context, so that a download goes on after a restart.
    Want {
        /// The context.
        context: ContextId,
        /// The blob.
        want: BlobWant,
    },
    /// A user is blocked, or is not any more.
    Block {
        /// Who.
        user: UserId,
        /// Whether she is blocked.
        blocked: bool,
    },
    /// A context that somebody offers; replaces an earlier offer of it.
    Offer(StoredOffer),
    /// An offer is gone.
    DropOffer(ContextId),
    /// A frame is here no more in a context, since an owner withdrew it.
    WithdrawFrame {
        /// The context.
        context: ContextId,
        /// Its id.
        id: FrameId,
    },
    /// A blob counts as here no more in a context, and is neither lost nor let go, since an owner
    /// withdrew it.
    WithdrawBlob {
        /// The context.
        context: ContextId,
        /// Its hash.
        hash: BlobHash,
    },
    /// A blob that is not wanted any more in a context.
    Unwant {
        /// The context.
        context: ContextId,
        /// The blob.
        hash: BlobHash,
    },
}

impl Record {
    /// Returns the context under which it is kept; none for what stands outside of contexts.
    pub fn context(&self) -> Option<ContextId> {
        match self {
            Record::Incarnation(_)
            | Record::Log { .. }
            | Record::Block { .. }
            | Record::Offer(_)
            | Record::DropOffer(_) => None,
            Record::Context(record) => Some(record.genesis.id()),
            Record::ForgetContext(context)
            | Record::Envelope { context, .. }
            | Record::DropCatalog { context, .. }
            | Record::Redemption { context, .. }
            | Record::Fork { context, .. }
            | Record::BoardEnvelope { context, .. }
            | Record::BoardFork { context, .. }
            | Record::Frame { context, .. }
            | Record::Earned { context, .. }
            | Record::Dropped { context, .. }
            | Record::WithdrawFrame { context, .. }
            | Record::WithdrawBlob { context, .. }
            | Record::Want { context, .. }
            | Record::Unwant { context, .. } => Some(*context),
        }
    }
}

/// A context that somebody offers.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredOffer {
    /// Who.
    pub from: UserId,
    /// What.
    pub offer: Offer,
    /// When it came, in milliseconds since 1970.
    pub since: i64,
    /// Whether I do not want to be shown it.
    pub declined: bool,
}

/// A context as this node holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct ContextRecord {
    /// Its genesis.
    pub genesis: Genesis,
    /// Interest keys learned from a ticket, before the owner's statements tell them.
    pub interest: Vec<Interest>,
    /// Which blobs are brought.
    pub policy: FollowPolicy,
    /// How the follow stands as far as the user decided it.
    pub standing: Standing,
    /// How I came in, if by a ticket.
    pub admission: Option<TicketUse>,
}

/// How a context stands, as the user or a signed removal decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is synced.
    Active {
        /// Whether the first sync ended.
        synced: bool,
    },
    /// It was left; the copy stays and is not synced.
    Left,
    /// An owner removed me; the copy stays and is not synced.
    Removed,
    /// It came by an archive, and nothing that is known here lets me in: it is not synced.
    Archived,
}

/// How I came in by a ticket.
#[derive(Clone, Debug, PartialEq)]
pub struct TicketUse {
    /// The redemption that I show.
    pub redeem: Vec<u8>,
    /// The role the ticket gives.
    pub role: Role,
    /// Devices that the ticket names, with their addresses.
    pub devices: Vec<(DeviceId, String)>,
}
