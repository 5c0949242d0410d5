//! A board: the document of one dashboard, with many writers whose edits merge.
//!
//! At the root stand four maps (`cards`, `layout`, `params`, `text`) and two fields that only the
//! board's creator writes (`title`, `access`). Nobody makes the four maps: two devices that each
//! made `cards` while apart would hide one of the two. They come from a change that every peer
//! computes from the document's id and epoch, and on which all others depend.
//!
//! A change is judged by what was there when it was made: its dependencies and what they depend
//! on, never by what else has arrived here. So all peers judge it alike, in whatever order
//! changes come, and two changes that are each within the limits may exceed them together; the
//! next one may then not add to the excess.
//!
//! Whether the author may write is not judged here but by the engine.

mod content;
mod epoch;
mod index;
mod rule;
mod size;
mod task;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, Automerge, AutomergeError, Change, ObjType, ROOT};

pub use self::content::{BoardContent, BoardEdit, BoardPart, BoardValue, BoardWriteError};
pub use self::epoch::winning_epoch;
use self::index::{Additions, Index};
pub use self::rule::BoardOpError;
pub use self::size::Excess;
pub use self::task::{BoardJudged, BoardTask, BoardVerdict, change_links, judge_board, past_of};
use crate::doc::change::{ChangeError, change_id, parse};
use crate::doc::envelope::Envelope;
use crate::id::{ChangeId, ContextId, DeviceId, DocumentId, Incarnation, UserId, derive};
use crate::key::BadSignature;
use crate::limits::{BOARD_OPS, DEVICE_QUOTA_BYTES, DOCUMENT_QUOTA_BYTES};

/// The maps at the root of a board.
pub const BOARD_MAPS: [&str; 4] = ["cards", "layout", "params", "text"];
/// The fields at the root of a board that only its creator writes.
pub const BOARD_FIELDS: [&str; 2] = ["title", "access"];

/// Where a board stands; its document id is derived from all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BoardPlace {
    /// The context.
    pub context: ContextId,
    /// The user who made it.
    pub creator: UserId,
    /// Random bytes, so that a user may make many.
    pub nonce: [u8; 16],
}

impl BoardPlace {
    /// Returns the id of the board's document.
    pub fn document(&self) -> DocumentId {
        DocumentId::board(self.context, self.creator, self.nonce)
    }

    /// Returns the incarnation of that number under which a device of a user writes here.
    ///
    /// It says whose device writes: of its eight bytes six are derived from the user. Envelopes
    /// name no user, and whoever passes one on could name another whose log grants the device.
    pub fn incarnation(&self, user: UserId, device: DeviceId, number: u16) -> Incarnation {
        let number_value = u64::from(number).into();
        let list = vec![self.document().into(), user.into(), device.into(), number_value];
        let derived = derive("board-inc", list);
        let [high, low] = number.to_be_bytes();
        let [_, _, a, b, c, d, e, f, ..] = derived;
        Incarnation::from_bytes([high, low, a, b, c, d, e, f])
    }

    /// Tells whether a device writes as one of a user under an incarnation.
    pub fn is_author(&self, user: UserId, device: DeviceId, inc: Incarnation) -> bool {
        let [high, low, ..] = *inc.as_bytes();
        self.incarnation(user, device, u16::from_be_bytes([high, low])) == inc
    }
}

/// A board in one epoch.
#[derive(Clone, Debug)]
pub struct Board {
    place: BoardPlace,
    epoch: u32,
    /// The hash of the envelope that carries the old contents over, in all epochs but the first.
    genesis: Option<[u8; 32]>,
    doc: Automerge,
    index: Index,
}

/// What is to be done with a change of a board.
#[derive(Clone, Debug)]
pub enum BoardJudgement {
    /// It may be [applied](Board::apply).
    Accept(Box<BoardChange>),
    /// It may be right, but something before it is not here.
    Wait(BoardWait),
    /// It is wrong, whatever else may come.
    Refuse(BoardRefusal),
    /// It was applied before.
    Known,
    /// It is of an epoch that has ended; nobody is to blame.
    Outdated,
}

/// What a change waits for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoardWait {
    /// The statement that begins its epoch.
    #[error("epoch {0} has not begun here")]
    Epoch(u32),
    /// Earlier changes of its device.
    #[error("only {have} changes of its device are here")]
    MissingPrevious {
        /// The number of the last one here, 0 for none.
        have: u64,
    },
    /// Changes that it depends on.
    #[error("{} changes it depends on are not here", .0.len())]
    MissingDependencies(Vec<ChangeId>),
}

/// Why a change is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoardRefusal {
    /// It names another document.
    #[error("an envelope of another document")]
    Place,
    /// The device did not sign it.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// The device signed another change with this number; the stored envelope and this one are
    /// the proof.
    #[error("the device signed two changes with number {n}")]
    Fork {
        /// The number.
        n: u64,
    },
    /// The change itself is wrong.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// It depends on nothing, or twice on one change.
    #[error("depends on nothing, or twice on one change")]
    Dependencies,
    /// Its past does not hold the change of its device before it.
    #[error("the change before it is not in its past")]
    Previous,
    /// It begins an epoch that another change begins.
    #[error("the epoch begins with another change")]
    Genesis,
    /// Its first operation is not the one after the last of its past.
    #[error("start_op {actual} instead of {expected}")]
    StartOp {
        /// The counter after the past's last.
        expected: u64,
        /// What the change has.
        actual: u64,
    },
    /// The board counted as many operations as it may, and needs a new epoch.
    #[error("operation counter {0} exceeds the limit of {BOARD_OPS}")]
    Full(u64),
    /// With it and its past, its device has written more on the board than it may.
    #[error("{0} bytes of one device exceed the limit of {DEVICE_QUOTA_BYTES}")]
    DeviceQuota(u64),
    /// With it and its past, the board is larger than it may be, and needs a new epoch.
    #[error("a board of {0} bytes exceeds the limit of {DOCUMENT_QUOTA_BYTES}")]
    Quota(u64),
    /// It names an actor that its past does not hold.
    #[error("names an actor outside its past")]
    OtherActor,
    /// An operation that a board does not have.
    #[error("operation {index}: {reason}")]
    Op {
        /// Its position in the change.
        index: usize,
        /// What is wrong with it.
        reason: BoardOpError,
    },
    /// It takes the board beyond a limit.
    #[error(transparent)]
    Excess(#[from] Excess),
    /// Automerge refuses the change.
    #[error("automerge: {0}")]
    Malformed(String),
}

/// Whether a change is tried in a copy, which takes most of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sizes {
    Measured,
    Known,
}

/// A change that a board accepted and has not applied yet.
#[derive(Clone, Debug)]
pub struct BoardChange {
    change: Change,
    hash: [u8; 32],
    /// Bytes of its envelope.
    bytes: u64,
    additions: Additions,
}

impl BoardChange {
    /// Returns the id of the change.
    pub fn id(&self) -> ChangeId {
        change_id(&self.change)
    }
}

/// An accepted change that the board cannot take any more: judge it anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the board has moved on since the change was judged")]
pub struct Stale;

impl Board {
    /// Returns the board as it is before anybody writes.
    pub fn new(place: BoardPlace) -> Board {
        Board::empty(place, 0, None)
    }

    /// Returns the hash of the envelope with which its epoch begins; nothing of the first epoch.
    pub fn genesis(&self) -> Option<[u8; 32]> {
        self.genesis
    }

    /// Returns the board as a later epoch begins, before the envelope whose hash is `genesis`.
    ///
    /// The hash is that of the epoch's statement; see [`winning_epoch`].
    pub fn begin(place: BoardPlace, epoch: u32, genesis: [u8; 32]) -> Board {
        Board::empty(place, epoch, Some(genesis))
    }

    fn empty(place: BoardPlace, epoch: u32, genesis: Option<[u8; 32]>) -> Board {
        let root = root_change(place.document(), epoch);
        let mut index = Index::default();
        index.add_root(&root);
        let mut doc = Automerge::new();
        doc.apply_changes([root]).expect("an empty document takes its first change");
        Board { place, epoch, genesis, doc, index }
    }

    /// Returns the document, for reading.
    pub fn document(&self) -> &Automerge {
        &self.doc
    }

    /// Returns the epoch.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Returns the changes that no other depends on.
    pub fn tips(&self) -> Vec<ChangeId> {
        let heads = self.doc.get_heads();
        heads.into_iter().map(|head| ChangeId::from_bytes(head.0)).collect()
    }

    /// Returns the document as bytes, a cache of the stored envelopes.
    pub fn save(&self) -> Vec<u8> {
        let options = automerge::SaveOptions { deflate: true, retain_orphans: false };
        self.doc.save_with_options(options)
    }

    /// Judges a change of a device of `author`; heavy, made for a worker thread.
    ///
    /// The board stays as it is: automerge sees the change in a copy only.
    pub fn judge_change(&self, author: UserId, envelope: &Envelope) -> BoardJudgement {
        self.judged(author, envelope, Sizes::Measured).unwrap_or_else(BoardJudgement::Refuse)
    }

    /// As [`judge_change`](Self::judge_change) of one that was accepted before: what its past makes
    /// of it is judged again, and its size is not.
    fn judge_stored(&self, author: UserId, envelope: &Envelope) -> BoardJudgement {
        self.judged(author, envelope, Sizes::Known).unwrap_or_else(BoardJudgement::Refuse)
    }

    fn judged(
        &self,
        author: UserId,
        envelope: &Envelope,
        sizes: Sizes,
    ) -> Result<BoardJudgement, BoardRefusal> {
        if envelope.doc != self.place.document() {
            return Err(BoardRefusal::Place);
        }
        envelope.verify()?;
        match envelope.epoch.cmp(&self.epoch) {
            std::cmp::Ordering::Less => return Ok(BoardJudgement::Outdated),
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => {
                return Ok(BoardJudgement::Wait(BoardWait::Epoch(envelope.epoch)));
            }
        }
        let hash = envelope.hash();
        let chain = self.index.chain(envelope.device, envelope.inc);
        match envelope.n.checked_sub(1).and_then(|at| chain.get(usize::try_from(at).ok()?)) {
            Some(known) if known.hash == hash => return Ok(BoardJudgement::Known),
            Some(_) => return Err(BoardRefusal::Fork { n: envelope.n }),
            None => {}
        }
        let change = parse(&envelope.change, envelope.n, envelope.device, envelope.inc)?;
        let have = chain.len() as u64;
        if envelope.n != have + 1 {
            return Ok(BoardJudgement::Wait(BoardWait::MissingPrevious { have }));
        }
        let missing = self.index.missing(change.deps());
        if !missing.is_empty() {
            return Ok(BoardJudgement::Wait(BoardWait::MissingDependencies(missing)));
        }
        let bytes = envelope.encode().len() as u64;
        let begins = self.check_place_in_past(&change, hash, bytes)?;
        let leads = author == self.place.creator || begins;
        let additions = rule::check(&self.index, &change, leads)?;
        if sizes == Sizes::Measured {
            self.try_in_copy(&change)?;
        }
        Ok(BoardJudgement::Accept(Box::new(BoardChange { change, hash, bytes, additions })))
    }

    /// Checks what a change says of its past, and tells whether it begins a later epoch.
    fn check_place_in_past(
        &self,
        change: &Change,
        hash: [u8; 32],
        bytes: u64,
    ) -> Result<bool, BoardRefusal> {
        let deps = change.deps();
        let mut distinct = deps.to_vec();
        distinct.sort_unstable_by_key(|dep| dep.0);
        distinct.dedup();
        if deps.is_empty() || distinct.len() != deps.len() {
            return Err(BoardRefusal::Dependencies);
        }
        let past = self.index.past(deps);
        let begins = match self.genesis {
            Some(genesis) if past.is_root() => {
                if hash != genesis {
                    return Err(BoardRefusal::Genesis);
                }
                true
            }
            _ => false,
        };
        if change.seq() > 1 && past.changes_of(change.actor_id()) + 1 != change.seq() {
            return Err(BoardRefusal::Previous);
        }
        let expected = past.max_op() + 1;
        if change.start_op().get() != expected {
            return Err(BoardRefusal::StartOp { expected, actual: change.start_op().get() });
        }
        if change.max_op() > BOARD_OPS {
            return Err(BoardRefusal::Full(change.max_op()));
        }
        let device = past.bytes_of(change.actor_id()) + bytes;
        if device > DEVICE_QUOTA_BYTES {
            return Err(BoardRefusal::DeviceQuota(device));
        }
        let document = past.bytes() + bytes;
        if document > DOCUMENT_QUOTA_BYTES {
            return Err(BoardRefusal::Quota(document));
        }
        if !change.other_actor_ids().iter().all(|actor| past.holds(actor)) {
            return Err(BoardRefusal::OtherActor);
        }
        Ok(begins)
    }

    /// Applies a change to a copy and measures what it makes.
    fn try_in_copy(&self, change: &Change) -> Result<(), BoardRefusal> {
        let copy = in_copy(&self.doc, |copy| copy.apply_changes([change.clone()]))?;
        size::check(&copy, change)?;
        Ok(())
    }

    /// Applies an accepted change.
    ///
    /// # Errors
    /// [`Stale`] where the change was applied already; the board stays as it was.
    pub fn apply(&mut self, accepted: BoardChange) -> Result<(), Stale> {
        let BoardChange { change, hash, bytes, additions } = accepted;
        let follows = self.index.changes_of(change.actor_id()) + 1 == change.seq();
        if !follows || !self.index.missing(change.deps()).is_empty() {
            return Err(Stale);
        }
        self.doc.apply_changes([change.clone()]).map_err(|_| Stale)?;
        self.index.add(&change, hash, bytes, additions);
        Ok(())
    }
}

/// Lets automerge work on a copy of `doc` and returns it.
///
/// Everything known to make automerge panic is refused before. What is not known costs its author
/// this change, not this node its worker.
fn in_copy(
    doc: &Automerge,
    work: impl FnOnce(&mut Automerge) -> Result<(), AutomergeError>,
) -> Result<Automerge, BoardRefusal> {
    let mut copy = doc.clone();
    let worked = catch_unwind(AssertUnwindSafe(|| work(&mut copy)));
    match worked {
        Ok(Ok(())) => Ok(copy),
        Ok(Err(error)) => Err(BoardRefusal::Malformed(error.to_string())),
        Err(_) => Err(BoardRefusal::Malformed("panicked".to_owned())),
    }
}

/// Returns the change that makes the four maps: the same bytes wherever it is computed.
///
/// Its actor is derived from document and epoch, so no device can write under it.
fn root_change(doc: DocumentId, epoch: u32) -> Change {
    let mut actor = derive("board-root", vec![doc.into(), epoch.into()]).to_vec();
    actor.extend([0; 8]);
    let mut doc = AutoCommit::new().with_actor(ActorId::from(actor));
    for name in BOARD_MAPS {
        doc.put_object(ROOT, name, ObjType::Map).expect("the root takes every key");
    }
    doc.commit_with(CommitOptions::default().with_time(0));
    doc.get_last_local_change().expect("four maps make a change")
}
