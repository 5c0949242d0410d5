//! A context as the engine holds it: the view, the catalogs behind it, and what is wanted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::boards::BoardSlot;
use super::event::{BlobWant, CommandId, ContextRecord, Standing, TaskId};
use super::work::Work;
use crate::context::View;
use crate::doc::{CatalogPlace, CatalogWriter, Envelope, ForkProof, Tip};
use crate::id::{
    BlobHash, ChangeId, ContextId, DeviceId, FrameId, Incarnation, PublicKey, StackId, UserId,
};
use crate::limits;
use crate::policy::FollowPolicy;
use crate::statement::{Interest, Role, Verified, Withdraw};
use crate::wire::{BoardKey, CatalogKey, CatalogState};

/// Interest keys that only tickets told and that open a session.
const TOLD: usize = 2;

/// A context: what is known of it and what is under way.
#[derive(Debug)]
pub struct Context {
    pub(super) id: ContextId,
    pub(super) record: ContextRecord,
    pub(super) view: View,
    pub(super) catalogs: BTreeMap<CatalogKey, Catalog>,
    /// Writes my own catalog; made at the first use, and anew after a failed write.
    pub(super) writer: Option<CatalogWriter>,
    /// The number of my last statement here.
    pub(super) last_n: u64,
    /// Who came in by which ticket.
    pub(super) redemptions: BTreeMap<(UserId, PublicKey), Verified>,
    /// Catalogs whose device signed two envelopes of one number.
    pub(super) forks: BTreeMap<CatalogKey, ForkProof>,
    /// Proofs that the disk refused, with who gave them; stored again with what is asked again.
    pub(super) forks_again: BTreeMap<CatalogKey, (ForkProof, Option<DeviceId>)>,
    /// Dashboards.
    pub(super) boards: BTreeMap<BoardKey, BoardSlot>,
    /// Frames that are here and earned, and in the place of each withdrawn one what leads on.
    pub(super) frames: BTreeMap<FrameId, FrameMeta>,
    /// What owners withdrew, as far as it was done here.
    pub(super) withdrawn: Withdraw,
    /// Frames that are wanted.
    pub(super) frame_wants: BTreeMap<FrameId, FrameWant>,
    /// Frames that came and are none; they are not asked for again.
    pub(super) invalid_frames: BTreeSet<FrameId>,
    /// Blobs that are wanted.
    pub(super) blob_wants: BTreeMap<BlobHash, BlobState>,
    /// Blobs that were earned when the engine was restored; empty once it has started.
    pub(super) earned: BTreeSet<BlobHash>,
    /// Blobs that the user let go; they do not come by policy.
    pub(super) dropped: BTreeSet<BlobHash>,
    /// Users without a part in the context whose identity logs were asked for.
    pub(super) guests: BTreeSet<UserId>,
    /// When what nobody had is asked for again, and how long the next wait is.
    pub(super) retry: Retry,
    /// Blobs that frames and objects of an archive name, while one is taken in.
    pub(super) offered: BTreeMap<BlobHash, BlobWant>,
    /// Commands that wait for blobs.
    pub(super) waiting_fetches: Vec<WaitingFetch>,
    /// Whether the record of the context is durable; before, nobody is told of it.
    pub(super) stored: bool,
    /// Redemptions on their way to the store.
    pub(super) redeeming: BTreeMap<(UserId, PublicKey), Verified>,
    /// Whether work is being stored; the next waits for it.
    pub(super) working: bool,
    /// Work that waits for it.
    pub(super) queue: VecDeque<Work>,
    /// Work that the disk refused, and when it is done again.
    pub(super) again: Vec<Work>,
    pub(super) again_at: Option<i64>,
}

/// A catalog: the envelopes of one device of a user in one incarnation.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    /// The last envelope that was accepted and stored.
    pub tip: Option<Tip>,
    /// Accepted envelopes, encoded, from number 1 on.
    pub envelopes: Vec<Vec<u8>>,
    /// The changes in those.
    pub changes: Vec<ChangeId>,
    /// Bytes of those.
    pub bytes: u64,
    /// Envelopes that wait for authority or for the one before, by number, with the deliverer.
    pub pending: BTreeMap<u64, Pending>,
    /// Bytes of those.
    pub pending_bytes: usize,
    /// Whether envelopes are being judged or stored.
    pub busy: bool,
    /// The number of the last of those, while there are any.
    pub busy_to: u64,
    /// Whether the author signed more than the quota; the chain ends before that.
    pub over_quota: bool,
}

/// An envelope that waits.
#[derive(Debug)]
pub(super) struct Pending {
    pub envelope: Envelope,
    pub from: DeviceId,
    pub since: i64,
    /// Its encoded size in bytes.
    pub size: usize,
}

/// What waits in a context for authority.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waiting {
    /// Catalogs of which nothing was accepted yet.
    pub catalogs: usize,
    /// Bytes of envelopes that wait.
    pub bytes: usize,
    /// Of those catalogs, the ones to which one device brought something.
    pub catalogs_from: usize,
    /// Of those bytes, what that device brought.
    pub bytes_from: usize,
}

impl Waiting {
    /// Returns how many bytes that device may still bring to wait.
    pub(super) fn room(&self) -> usize {
        let all = limits::WAITING_CONTEXT_BYTES.saturating_sub(self.bytes);
        all.min(limits::WAITING_PEER_BYTES.saturating_sub(self.bytes_from))
    }

    /// Tells whether another catalog may begin to wait.
    pub(super) fn takes_catalog(&self) -> bool {
        self.catalogs < limits::WAITING_CONTEXT_CATALOGS
            && self.catalogs_from < limits::WAITING_PEER_CATALOGS
    }
}

/// What the engine remembers of a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameMeta {
    /// Its parents.
    pub parents: Vec<FrameId>,
    /// Its size in bytes.
    pub size: usize,
    /// The blobs that it names directly.
    pub blobs: Vec<BlobWant>,
}

/// From where frames are wanted backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Root {
    /// The heads of a user's stack.
    Stack(UserId, StackId),
    /// A frame that the user asked for.
    Frame(FrameId),
}

/// A frame that is wanted.
#[derive(Debug)]
pub(super) struct FrameWant {
    /// How many generations behind its root it is; near ones come first.
    pub depth: usize,
    /// From where it was found, so that its parents are wanted in turn; none for a tagged frame.
    pub roots: BTreeSet<Root>,
    /// Of whom it is asked now, and since when.
    pub asked: Option<(DeviceId, i64)>,
    /// Who said that it is not to be had there, or did not answer in time.
    pub tried: BTreeSet<DeviceId>,
    /// Whether it came and is being stored.
    pub stored: bool,
}

impl FrameWant {
    pub(super) fn at(depth: usize) -> Self {
        FrameWant {
            depth,
            roots: BTreeSet::new(),
            asked: None,
            tried: BTreeSet::new(),
            stored: false,
        }
    }
}

/// A blob that is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlobState {
    pub want: BlobWant,
    pub wish: Wish,
    pub phase: BlobPhase,
}

/// Why a blob is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// The user asked for it.
    Asked,
    /// By policy, as a frame that just came names it.
    New,
    /// By policy, as a frame names it that was here before.
    Standing,
}

/// Where a wanted blob stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlobPhase {
    /// Not asked for.
    Idle,
    /// Being fetched.
    Running(TaskId),
    /// Here; that is being stored, or what it lists is being read.
    Here,
    /// No provider gave it; asked again when another one comes.
    Failed,
}

/// When what nobody had is asked for again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Retry {
    /// None while nothing was refused.
    pub at: Option<i64>,
    /// How often in a row nothing came of it.
    rounds: u32,
}

impl Retry {
    /// The first wait in milliseconds; each doubles.
    const FIRST_MS: i64 = 1_000;
    /// The longest wait in milliseconds.
    const LONGEST_MS: i64 = 300_000;

    /// Something was refused: it is asked for again later.
    pub(super) fn later(&mut self, now: i64) {
        let wait = Self::FIRST_MS << self.rounds.min(9);
        let at = now + wait.min(Self::LONGEST_MS);
        match &mut self.at {
            // Something came since the wait began, so this one is shorter.
            Some(known) => *known = (*known).min(at),
            None => {
                self.at = Some(at);
                self.rounds += 1;
            }
        }
    }

    /// Something came: the next wait is short again.
    pub(super) fn came(&mut self) {
        self.rounds = 0;
    }
}

/// A command that waits for blobs.
#[derive(Debug)]
pub(super) struct WaitingFetch {
    pub id: CommandId,
    pub open: BTreeSet<BlobHash>,
    pub complete: Vec<BlobHash>,
    pub failed: Vec<BlobHash>,
}

impl Context {
    pub(super) fn new(record: ContextRecord) -> Self {
        Context {
            id: record.genesis.id(),
            view: View::new(record.genesis.clone()),
            record,
            catalogs: BTreeMap::new(),
            writer: None,
            last_n: 0,
            redemptions: BTreeMap::new(),
            forks: BTreeMap::new(),
            forks_again: BTreeMap::new(),
            boards: BTreeMap::new(),
            frames: BTreeMap::new(),
            withdrawn: Withdraw::default(),
            frame_wants: BTreeMap::new(),
            invalid_frames: BTreeSet::new(),
            blob_wants: BTreeMap::new(),
            earned: BTreeSet::new(),
            dropped: BTreeSet::new(),
            guests: BTreeSet::new(),
            retry: Retry::default(),
            offered: BTreeMap::new(),
            waiting_fetches: Vec::new(),
            stored: false,
            redeeming: BTreeMap::new(),
            working: false,
            queue: VecDeque::new(),
            again: Vec::new(),
            again_at: None,
        }
    }

    /// Returns its id.
    pub fn id(&self) -> ContextId {
        self.id
    }

    /// Returns what the members' statements say.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Returns which blobs are brought.
    pub fn policy(&self) -> &FollowPolicy {
        &self.record.policy
    }

    /// Returns what the user decided about it.
    pub fn standing(&self) -> Standing {
        self.record.standing
    }

    /// Returns how I came in, if by a ticket.
    pub fn came_in_by(&self) -> Option<&super::TicketUse> {
        self.record.admission.as_ref()
    }

    /// Returns who came in by a ticket, once for each, as far as this node knows.
    pub fn redemptions(&self) -> impl Iterator<Item = (UserId, &Verified)> {
        self.redemptions.iter().map(|((user, _), redeem)| (*user, redeem))
    }

    /// Tells whether an owner withdrew a frame.
    pub fn is_withdrawn(&self, frame: FrameId) -> bool {
        self.withdrawn.frames.contains_key(&frame)
    }

    /// Tells whether an owner withdrew a blob.
    pub fn is_blob_withdrawn(&self, blob: BlobHash) -> bool {
        self.withdrawn.blobs.contains(&blob)
    }

    /// Returns what the engine remembers of a frame that is here; of a withdrawn one, its parents.
    pub fn frame(&self, id: FrameId) -> Option<&FrameMeta> {
        self.frames.get(&id)
    }

    /// Returns the frames that are here.
    pub fn frames(&self) -> impl Iterator<Item = (FrameId, &FrameMeta)> {
        let here = self.frames.iter().filter(|(id, _)| !self.is_withdrawn(**id));
        here.map(|(id, meta)| (*id, meta))
    }

    /// Returns how many frames and blobs are wanted and not here.
    pub fn wanted(&self) -> (usize, usize) {
        (self.frame_wants.len(), self.blob_wants.len())
    }

    /// Returns the blobs that are wanted and not here.
    pub fn wanted_blobs(&self) -> impl Iterator<Item = BlobWant> {
        self.blob_wants.values().map(|state| state.want)
    }

    /// Tells whether a blob is wanted and not here.
    pub fn wants_blob(&self, hash: BlobHash) -> bool {
        self.blob_wants.contains_key(&hash)
    }

    /// Returns the interest keys: those that owners stated, the newest first, then those that only
    /// a ticket told, the latest first. Whoever made a ticket chose its number, so that it says
    /// nothing.
    pub(super) fn interests(&self) -> Vec<Interest> {
        let mut all = self.view.interests();
        all.extend(self.told_interests().cloned());
        all
    }

    /// Returns the interest keys that open a session: the newest that owners stated, as many as
    /// asked for, and the latest that only a ticket told.
    pub(super) fn open_interests(&self, most: usize) -> Vec<Interest> {
        let stated = self.view.interests().into_iter().take(most);
        stated.chain(self.told_interests().take(TOLD).cloned()).collect()
    }

    /// Returns the interest keys that open a session to who may hold a ticket: the `newest` that
    /// owners stated, those of tickets that hold, `most` of all these, and the latest that only a
    /// ticket told.
    pub(super) fn ticket_interests(&self, newest: usize, most: usize, now: i64) -> Vec<Interest> {
        let held = self.view.ticket_generations(now);
        let stated = self.view.interests().into_iter().enumerate();
        let stated = stated.filter(|(age, i)| *age < newest || held.contains(&i.generation));
        let stated = stated.map(|(_, interest)| interest).take(most);
        stated.chain(self.told_interests().take(TOLD).cloned()).collect()
    }

    fn told_interests(&self) -> impl Iterator<Item = &Interest> {
        let stated = self.view.interests();
        let told = self.record.interest.iter().rev();
        told.filter(move |told| !stated.iter().any(|known| known.generation == told.generation))
    }

    /// Tells whether it is synced at all.
    pub(super) fn is_active(&self) -> bool {
        self.stored && matches!(self.record.standing, Standing::Active { .. })
    }

    /// Tells whether it takes part in the hello: a removed member gives and takes nothing, and
    /// learns by it that an owner took her back.
    pub(super) fn says_hello(&self) -> bool {
        self.stored && !matches!(self.record.standing, Standing::Left | Standing::Archived)
    }

    /// Tells whether a user is an owner.
    pub(super) fn is_owner(&self, user: UserId) -> bool {
        self.view.role(user) == Role::Owner
    }

    /// Returns how far each catalog is, as it is told to peers.
    pub(super) fn states(&self) -> Vec<CatalogState> {
        self.catalogs.iter().filter_map(|(key, catalog)| catalog.state(*key)).collect()
    }

    /// Returns the frames of all heads.
    pub(super) fn head_frames(&self) -> BTreeSet<FrameId> {
        let stacks = self.view.stacks().into_iter();
        stacks.flat_map(|stack| stack.heads).map(|head| head.frame).collect()
    }

    /// Returns what waits, and how much of it a device brought.
    pub(super) fn waiting(&self, from: DeviceId) -> Waiting {
        let mut waiting = Waiting::default();
        for catalog in self.catalogs.values() {
            let mut brought = 0;
            for pending in catalog.pending.values() {
                waiting.bytes += pending.size;
                brought += if pending.from == from { pending.size } else { 0 };
            }
            waiting.bytes_from += brought;
            if catalog.tip.is_none() {
                waiting.catalogs += 1;
                waiting.catalogs_from += usize::from(brought > 0);
            }
        }
        waiting
    }

    /// Returns how many catalogs of a user are here, or wait.
    pub(super) fn catalogs_of(&self, user: UserId) -> usize {
        let keys = self.catalogs.range(first_of(user)..).map(|(key, _)| key);
        keys.take_while(|key| key.user == user).count()
    }

    /// Tells whether something of a user was accepted.
    pub(super) fn wrote(&self, user: UserId) -> bool {
        let mut all = self.catalogs.range(first_of(user)..).take_while(|(key, _)| key.user == user);
        all.any(|(_, catalog)| catalog.tip.is_some())
    }

    /// Returns the place of a catalog.
    pub(super) fn place(&self, key: CatalogKey) -> CatalogPlace {
        CatalogPlace { context: self.id, user: key.user, device: key.device, inc: key.inc }
    }
}

/// Returns the first key that a catalog of a user could have.
pub(super) fn first_of(user: UserId) -> CatalogKey {
    let (device, inc) = (DeviceId::from_bytes([0; 32]), Incarnation::from_bytes([0; 8]));
    CatalogKey { user, device, inc }
}

impl Catalog {
    /// Returns how far it is; none while it is empty.
    pub(super) fn state(&self, key: CatalogKey) -> Option<CatalogState> {
        let tip = self.tip.as_ref()?;
        Some(CatalogState { key, epoch: 0, n: tip.n, tip: tip.change })
    }

    /// Returns the number of its last envelope, 0 while it is empty.
    pub(super) fn n(&self) -> u64 {
        self.tip.as_ref().map_or(0, |tip| tip.n)
    }

    /// Returns the change with a number, if it is here.
    pub(super) fn change_at(&self, n: u64) -> Option<ChangeId> {
        let at = usize::try_from(n.checked_sub(1)?).ok()?;
        self.changes.get(at).copied()
    }

    /// Returns the first number that is neither here nor under way nor waiting.
    pub(super) fn next_missing(&self) -> u64 {
        let mut next = if self.busy { self.busy_to } else { self.n() } + 1;
        for n in self.pending.range(next..).map(|(n, _)| *n) {
            if n != next {
                break;
            }
            next += 1;
        }
        next
    }

    /// Tells whether nothing is here, waits or is under way.
    pub(super) fn is_unused(&self) -> bool {
        self.tip.is_none() && self.pending.is_empty() && !self.busy && !self.over_quota
    }

    /// Tells whether a change of any size with a number may wait, others giving way to it.
    pub(super) fn has_room_for(&self, n: u64) -> bool {
        self.in_the_way(n, limits::CHANGE_BYTES, limits::WAITING_PER_DEVICE).is_some()
    }

    /// Returns how many of those that wait have to give way to an envelope, the last ones first;
    /// none where it finds no room even so. Only larger numbers give way: what comes before them
    /// is needed first, and nobody can keep it out by bringing them early.
    pub(super) fn in_the_way(&self, n: u64, bytes: usize, most: usize) -> Option<usize> {
        let (mut count, mut bytes) = (self.pending.len(), self.pending_bytes + bytes);
        let mut later = self.pending.iter().rev().take_while(|(other, _)| **other > n);
        let mut in_the_way = 0;
        while count >= most || bytes > limits::WAITING_BYTES {
            let (_, last) = later.next()?;
            count -= 1;
            bytes -= last.envelope.change.len();
            in_the_way += 1;
        }
        Some(in_the_way)
    }

    /// Drops the last ones of those that wait.
    pub(super) fn give_way(&mut self, count: usize) {
        for _ in 0..count {
            if let Some((_, last)) = self.pending.pop_last() {
                self.pending_bytes -= last.envelope.change.len();
            }
        }
    }

    /// Drops everything that waits.
    pub(super) fn drop_pending(&mut self) {
        self.pending.clear();
        self.pending_bytes = 0;
    }

    /// Takes an accepted and stored envelope in.
    pub(super) fn push(&mut self, encoded: Vec<u8>, tip: Tip) {
        while let Some((n, _)) = self.pending.first_key_value()
            && *n <= tip.n
        {
            let n = *n;
            self.take_pending(n);
        }
        self.bytes += encoded.len() as u64;
        self.envelopes.push(encoded);
        self.changes.push(tip.change);
        self.tip = Some(tip);
    }

    /// Takes a waiting envelope out.
    pub(super) fn take_pending(&mut self, n: u64) -> Option<Pending> {
        let pending = self.pending.remove(&n)?;
        self.pending_bytes -= pending.envelope.change.len();
        Some(pending)
    }
}
