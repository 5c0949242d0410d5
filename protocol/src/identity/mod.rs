//! Identity logs: who a user is, which devices are hers, and how she gets a stolen root back.
//!
//! A log begins with an [inception](crate::statement::Inception), whose hash is the user's id, and
//! goes on as a hash chain of entries that the root signs. Everything seen is kept, also what does
//! not count, so that any two peers who saw the same entries judge the same, in whatever order
//! they came. What counts is the *line*: the walk from the inception along the entries that
//! stand.
//!
//! - A rotation by the recovery key removes the root-signed entries that follow its parent,
//!   whatever their number: whoever stole the root loses what was done with it.
//! - Two root-signed entries with one parent and no recovery are a *fork*: the line ends there.
//!   No grant of either branch is used, the revocations of all are.
//!
//! Signatures are checked before: entries come in as [`Verified`]. The clock is nowhere needed;
//! scope and end of a [`Grant`] are asked for by those who admit.

mod line;
mod recovery;
mod room;

use std::collections::{BTreeMap, BTreeSet};

use self::line::Line;
use self::room::Room;
use crate::id::{DeviceId, PublicKey, StatementId, UserId};
use crate::key::SecretKey;
use crate::statement::{
    BuildError, Entry, EntryFact, Fact, Grant, Inception, RotatedBy, Rotation, Verified,
    recovery_hash,
};

/// The identity log of one user.
#[derive(Clone, Debug)]
pub struct IdentityLog {
    user: UserId,
    inception: StatementId,
    name: String,
    nodes: BTreeMap<StatementId, Node>,
    /// What the nodes take, encoded.
    bytes: usize,
    line: Line,
}

/// An entry that was rightly signed where it stands, and the state after it.
#[derive(Clone, Debug)]
struct Node {
    entry: Verified,
    prev: Option<StatementId>,
    n: u64,
    /// Encoded bytes from the inception to here.
    path_bytes: usize,
    /// The root from here on.
    root: PublicKey,
    /// The hash of the recovery key from here on.
    next: [u8; 32],
    /// Whether the recovery key signed it.
    recovery: bool,
    /// Whether an entry up to here needs a newer version: it may have changed the root.
    newer: bool,
}

/// What came of adding an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It was not known.
    New,
    /// It was known.
    Known,
    /// Its parent is not here yet, or needs a newer version: to be kept by the caller, bounded,
    /// and tried again.
    Waits,
}

/// What a device is to the user of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// Never granted, or only in a branch that does not count.
    Unknown,
    /// Granted; scope and end are to be looked at.
    Granted(&'a Grant),
    /// Revoked, for ever.
    Revoked,
}

/// Where a log is forked: several entries that go on from one, and no recovery to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The last entry that stands.
    pub at: StatementId,
    /// The entries that go on from it.
    pub branches: BTreeSet<StatementId>,
}

impl IdentityLog {
    /// Makes the log of a new user, and its inception.
    ///
    /// # Errors
    /// [`BuildError`] for a name outside the rules: 1 to 64 bytes, nothing invisible.
    pub fn create(
        name: &str,
        root: &SecretKey,
        recovery: &PublicKey,
    ) -> Result<(Self, Verified), BuildError> {
        let next = recovery_hash(recovery);
        let inception = Inception { root: root.public(), next, name: name.to_owned() };
        let inception = inception.sign(root)?;
        let log = IdentityLog::begin(inception.clone());
        Ok((log.expect("an inception was signed"), inception))
    }

    /// Begins the log of the user whom an inception makes.
    ///
    /// # Errors
    /// [`LogError::NoInception`] for any other statement.
    pub fn begin(inception: Verified) -> Result<Self, LogError> {
        let Fact::Inception(fact) = inception.fact() else {
            return Err(LogError::NoInception(inception.id()));
        };
        let user = Inception::user(inception.statement().body());
        let (id, name, bytes) = (inception.id(), fact.name.clone(), inception.encode().len());
        let node = Node {
            prev: None,
            n: 0,
            path_bytes: bytes,
            root: fact.root,
            next: fact.next,
            recovery: false,
            newer: false,
            entry: inception,
        };
        let nodes = BTreeMap::from([(id, node)]);
        let line = Line::walk(&nodes, id);
        Ok(IdentityLog { user, inception: id, name, nodes, bytes, line })
    }

    /// Returns whose log it is.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// Returns what the user calls herself: a label, never an identity.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the root that signs the next entry.
    pub fn root(&self) -> PublicKey {
        self.node(&self.tip()).root
    }

    /// Returns the number of statements seen, whether they count or not; at least the inception.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Always `false`: a log has an inception.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Returns the last entry that counts.
    pub fn tip(&self) -> StatementId {
        self.line.tip()
    }

    /// Tells whether a statement was seen.
    pub fn contains(&self, id: &StatementId) -> bool {
        self.nodes.contains_key(id)
    }

    /// Returns a digest of the set of entries seen: what two nodes compare, as everything else (the
    /// number of entries, the last one that counts) can be one for two sets.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for id in self.nodes.keys() {
            hasher.update(id.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }

    /// Returns where the log is forked, if it is. Nothing of the user is accepted beyond, until
    /// her recovery key chooses.
    pub fn fork(&self) -> Option<&Fork> {
        self.line.fork.as_ref()
    }

    /// Returns everything seen, in an order in which another log takes it; the inception first.
    pub fn entries(&self) -> impl Iterator<Item = &Verified> {
        let mut nodes: Vec<_> = self.nodes.iter().collect();
        nodes.sort_by_key(|(id, node)| (node.n, **id));
        nodes.into_iter().map(|(_, node)| &node.entry)
    }

    /// Returns the entries that count, from the inception on.
    pub fn line(&self) -> impl Iterator<Item = &Verified> {
        self.line.ids.iter().map(|id| &self.node(id).entry)
    }

    /// Returns what a device is to the user.
    pub fn standing(&self, device: DeviceId) -> Standing<'_> {
        if self.line.revoked.contains_key(&device) {
            return Standing::Revoked;
        }
        match self.line.grants.get(&device) {
            Some(id) => Standing::Granted(self.grant_in(id)),
            None => Standing::Unknown,
        }
    }

    /// Returns the devices that are granted and not revoked.
    pub fn devices(&self) -> impl Iterator<Item = (DeviceId, &Grant)> {
        let live = self.line.grants.iter();
        let live = live.filter(|(device, _)| !self.line.revoked.contains_key(device));
        live.map(|(device, id)| (*device, self.grant_in(id)))
    }

    /// Returns the devices that once acted for the user and may not any more, each with the number
    /// of the entry at which it lost that: what [`View::retire`](crate::context::View::retire)
    /// takes.
    ///
    /// Besides those revoked there are those granted only in a branch that does not count.
    pub fn retired(&self) -> BTreeMap<DeviceId, u64> {
        let mut retired = self.line.lapsed.clone();
        retired.extend(self.line.revoked.iter().map(|(device, n)| (*device, *n)));
        retired
    }

    /// Adds an entry of the log.
    ///
    /// # Errors
    /// [`LogError`]; only [`LogError::Full`] is nobody's fault.
    pub fn add(&mut self, entry: Verified) -> Result<Added, LogError> {
        self.add_all([entry]).remove(0)
    }

    /// Adds entries of the log, in their order, and returns what came of each. What counts is
    /// found out once for all of them, so that many cost little more than one.
    pub fn add_all(
        &mut self,
        entries: impl IntoIterator<Item = Verified>,
    ) -> Vec<Result<Added, LogError>> {
        let mut room = Some(Room::of(self));
        self.insert_all(entries, &mut room)
    }

    /// As [`add_all`](Self::add_all), for what was in such a log before and so has its room.
    pub fn add_stored(
        &mut self,
        entries: impl IntoIterator<Item = Verified>,
    ) -> Vec<Result<Added, LogError>> {
        self.insert_all(entries, &mut None)
    }

    fn insert_all(
        &mut self,
        entries: impl IntoIterator<Item = Verified>,
        room: &mut Option<Room>,
    ) -> Vec<Result<Added, LogError>> {
        let added: Vec<_> = entries.into_iter().map(|entry| self.insert(entry, room)).collect();
        if added.contains(&Ok(Added::New)) {
            self.walk();
        }
        added
    }

    fn insert(&mut self, entry: Verified, room: &mut Option<Room>) -> Result<Added, LogError> {
        let id = entry.id();
        if self.nodes.contains_key(&id) {
            return Ok(Added::Known);
        }
        let Fact::Entry(fact) = entry.fact() else {
            return Err(LogError::NoEntry(id));
        };
        if fact.user != self.user {
            return Err(LogError::OtherUser { expected: self.user, actual: fact.user });
        }
        let Some(parent) = self.nodes.get(&fact.prev) else {
            return Ok(Added::Waits);
        };
        if fact.n != parent.n + 1 {
            return Err(LogError::Number { expected: parent.n + 1, actual: fact.n });
        }
        let Some(node) = parent.follow(entry.clone(), fact) else {
            let newer = parent.newer;
            let error = LogError::NotAuthorised { entry: id, signer: entry.signer() };
            return if newer { Ok(Added::Waits) } else { Err(error) };
        };
        let bytes = node.path_bytes - parent.path_bytes;
        if let Some(room) = room {
            room.take(self, id, &node, bytes)?;
        }
        self.bytes += bytes;
        self.nodes.insert(id, node);
        Ok(Added::New)
    }

    fn walk(&mut self) {
        self.line = Line::walk(&self.nodes, self.inception);
    }

    /// Signs the grant that comes next; to be [added](Self::add).
    ///
    /// # Errors
    /// [`NextError`]; the log is not changed by any of these.
    pub fn grant(&self, root: &SecretKey, grant: Grant) -> Result<Verified, NextError> {
        self.next(root, self.tip(), EntryFact::Grant(grant))
    }

    /// Signs the revocation that comes next; to be [added](Self::add).
    ///
    /// # Errors
    /// As [`grant`](Self::grant).
    pub fn revoke(&self, root: &SecretKey, device: DeviceId) -> Result<Verified, NextError> {
        self.next(root, self.tip(), EntryFact::Revoke(device))
    }

    /// Signs the rotation by the root that comes next; to be [added](Self::add).
    ///
    /// # Errors
    /// As [`grant`](Self::grant).
    pub fn rotate(
        &self,
        root: &SecretKey,
        new_root: &PublicKey,
        new_recovery: &PublicKey,
    ) -> Result<Verified, NextError> {
        let (root_key, next) = (*new_root, recovery_hash(new_recovery));
        let rotation = Rotation { root: root_key, next, by: RotatedBy::Root };
        self.next(root, self.tip(), EntryFact::Rotate(rotation))
    }

    /// Signs the rotation by the recovery key that follows the entry `after`, the last one that is
    /// the user's own, and removes what the root signed after it; to be [added](Self::add).
    ///
    /// # Errors
    /// As [`grant`](Self::grant); [`NextError::Unknown`] for an entry never seen.
    pub fn recover(
        &self,
        recovery: &SecretKey,
        after: StatementId,
        new_root: &PublicKey,
        new_recovery: &PublicKey,
    ) -> Result<Verified, NextError> {
        let (root, next) = (*new_root, recovery_hash(new_recovery));
        let rotation = Rotation { root, next, by: RotatedBy::Recovery };
        self.next(recovery, after, EntryFact::Rotate(rotation))
    }

    fn next(
        &self,
        key: &SecretKey,
        prev: StatementId,
        fact: EntryFact,
    ) -> Result<Verified, NextError> {
        let parent = self.nodes.get(&prev).ok_or(NextError::Unknown(prev))?;
        let by_recovery = matches!(&fact, EntryFact::Rotate(r) if r.by == RotatedBy::Recovery);
        if self.fork().is_some() && !by_recovery {
            return Err(NextError::Forked(self.user));
        }
        let entry = Entry { user: self.user, n: parent.n + 1, prev, fact };
        let signed = entry.sign(key)?;
        if parent.follow(signed.clone(), &entry).is_none() {
            return Err(NextError::Key(key.public()));
        }
        Ok(signed)
    }

    fn node(&self, id: &StatementId) -> &Node {
        self.nodes.get(id).expect("the line holds what was seen")
    }

    fn grant_in(&self, id: &StatementId) -> &Grant {
        self.node(id).grant().expect("the line counts grants by the entry that has one")
    }
}

impl Node {
    /// Returns the node of an entry that follows this one, if the right key signed it.
    fn follow(&self, entry: Verified, fact: &Entry) -> Option<Node> {
        let signer = entry.signer();
        let (root, next, recovery) = match &fact.fact {
            EntryFact::Rotate(rotation) => {
                (rotation.root, rotation.next, rotation.by == RotatedBy::Recovery)
            }
            EntryFact::Grant(_) | EntryFact::Revoke(_) | EntryFact::Unknown { .. } => {
                (self.root, self.next, false)
            }
        };
        let authorised =
            if recovery { recovery_hash(&signer) == self.next } else { signer == self.root };
        authorised.then(|| Node {
            prev: Some(fact.prev),
            n: fact.n,
            path_bytes: self.path_bytes + entry.encode().len(),
            root,
            next,
            recovery,
            newer: self.newer || matches!(fact.fact, EntryFact::Unknown { .. }),
            entry,
        })
    }

    fn fact(&self) -> Option<&EntryFact> {
        match self.entry.fact() {
            Fact::Entry(entry) => Some(&entry.fact),
            Fact::Inception(_) | Fact::Placed(_) | Fact::Redeem(_) | Fact::Unknown { .. } => None,
        }
    }

    fn grant(&self) -> Option<&Grant> {
        match self.fact() {
            Some(EntryFact::Grant(grant)) => Some(grant),
            _ => None,
        }
    }
}

/// Why a statement does not belong into a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// A log begins with an inception.
    #[error("statement {0} is no inception")]
    NoInception(StatementId),
    /// A log goes on with entries.
    #[error("statement {0} is no entry of an identity log")]
    NoEntry(StatementId),
    /// It is of another user's log.
    #[error("entry of user {actual} in the log of {expected}")]
    OtherUser {
        /// Whose log it is.
        expected: UserId,
        /// Whom the entry names.
        actual: UserId,
    },
    /// The number does not follow the parent's.
    #[error("entry has number {actual}, expected {expected}")]
    Number {
        /// One more than the parent's.
        expected: u64,
        /// What came.
        actual: u64,
    },
    /// Neither the root at that point nor, for a recovery, its recovery key signed it.
    #[error("entry {entry} is signed by {signer}, which has no right to")]
    NotAuthorised {
        /// The entry.
        entry: StatementId,
        /// Who signed.
        signer: PublicKey,
    },
    /// The log is full; only a recovery still comes in.
    #[error("identity log of {0} is full")]
    Full(UserId),
}

/// Why the next entry cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NextError {
    /// The log is forked: only the recovery key can go on.
    #[error("identity log of {0} is forked: only the recovery key can go on")]
    Forked(UserId),
    /// The key has no right to sign it.
    #[error("key {0} has no right to sign here")]
    Key(PublicKey),
    /// The entry to follow was never seen.
    #[error("entry {0} is not in the identity log")]
    Unknown(StatementId),
    /// The values are outside the rules.
    #[error(transparent)]
    Build(#[from] BuildError),
}

#[cfg(test)]
mod tests;
