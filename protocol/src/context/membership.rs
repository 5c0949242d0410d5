//! Membership: who is what, decided between statements that may contradict each other.
//!
//! Member statements and cuts of users are *claims* by one user about another. Claims cannot be
//! judged one by one: a removal takes away the right by which the removed made claims of her own.
//! What depends on what:
//!
//! - A claim needs an author who is an owner by the genesis or by a claim that stands. Anybody
//!   may take herself out, and nothing bars that.
//! - A member claim *supersedes* claims about the same user that it has seen. Nobody supersedes
//!   what others said of herself.
//! - A current claim that takes ownership away *bars* those statements of its subject that it has
//!   not seen; a current cut bars those that it does not keep.
//! - Where two claims bar each other the one by the stronger author stands: earlier in the genesis.
//!
//! A claim stands once all that could bar it has fallen, and falls once something that stands bars
//! it. Where that leaves a circle, the strongest author's claim in it stands, and the rest follows.
//! Nothing here looks at a clock or at the order of arrival.

use std::collections::{BTreeMap, BTreeSet};

use super::Genesis;
use super::cuts::{Keep, device_cuts};
use super::view::{Held, View};
use crate::id::{ChangeId, DeviceId, DocumentId, StatementId, UserId};
use crate::statement::{Member, Place, PlacedFact, Role, Subject};

/// Who is what, and what follows for which statements count.
#[derive(Clone, Debug, Default)]
pub(super) struct Authority {
    /// What is left of devices that were cut.
    devices: BTreeMap<(UserId, DeviceId), Keep>,
    /// Roles by claims; whoever is missing has the one of the genesis.
    pub(super) roles: BTreeMap<UserId, Role>,
    /// Whoever was an owner at some time.
    owned: BTreeSet<UserId>,
    /// Whoever was a writer or owner at some time.
    wrote: BTreeSet<UserId>,
    /// Claims about former owners that bar what they have not seen.
    unseen: BTreeMap<UserId, Vec<(Place, Member)>>,
    /// What is left of users that were cut, by the author of the cuts.
    users: BTreeMap<UserId, BTreeMap<UserId, Keep>>,
    /// The claims that stand.
    pub(super) standing: BTreeSet<StatementId>,
}

impl Authority {
    pub(super) fn derive(view: &View) -> Self {
        let devices = device_cuts(view);
        let claims = claims(view, &devices);
        let standing = Judge::new(view, &claims).run();
        let mut authority = Authority { devices, ..Authority::default() };
        authority.owned.extend(&view.genesis.owners);
        authority.wrote.extend(&view.genesis.owners);
        let mut about: BTreeMap<UserId, Vec<&Claim<'_>>> = BTreeMap::new();
        for (claim, _) in claims.iter().zip(standing).filter(|(_, stands)| *stands) {
            about.entry(claim.about).or_default().push(claim);
        }
        for (user, claims) in about {
            for claim in &claims {
                let current = !claims.iter().any(|other| other.supersedes(claim));
                authority.take(claim, current);
            }
            // Claims that all say they have seen each other leave none current: the least counts.
            if let Some(least) = claims.iter().filter_map(|claim| claim.role()).min() {
                authority.roles.entry(user).or_insert(least);
            }
        }
        authority
    }

    fn take(&mut self, claim: &Claim<'_>, current: bool) {
        self.standing.insert(claim.id);
        match &claim.act {
            Act::Member(member) => {
                if member.role == Role::Owner {
                    self.owned.insert(claim.about);
                }
                if member.role >= Role::Writer {
                    self.wrote.insert(claim.about);
                }
                if !current {
                    return;
                }
                let role = self.roles.entry(claim.about).or_insert(member.role);
                *role = member.role.min(*role);
                if member.role < Role::Owner {
                    let unseen = self.unseen.entry(claim.about).or_default();
                    unseen.push((claim.held.place, (*member).clone()));
                }
            }
            Act::Cut(keep) if current => {
                let by_author = self.users.entry(claim.about).or_default();
                by_author.entry(claim.held.user).or_default().join(keep.clone());
            }
            Act::Cut(_) => {}
        }
    }

    pub(super) fn role(&self, genesis: &Genesis, user: UserId) -> Role {
        let by_genesis = if genesis.owners.contains(&user) { Role::Owner } else { Role::None };
        self.roles.get(&user).copied().unwrap_or(by_genesis)
    }

    /// Tells whether something that only owners say counts.
    pub(super) fn counts_for_owner(&self, view: &View, held: &Held) -> bool {
        let unseen = self.unseen.get(&held.user).into_iter().flatten();
        self.owned.contains(&held.user)
            && self.left(view, held)
            && unseen.into_iter().all(|(place, member)| has_seen(place, member, &held.place))
    }

    /// Tells whether something that writers say counts: what was accepted of a former one stands
    /// still until a cut says what is kept.
    pub(super) fn counts_for_writer(&self, view: &View, held: &Held) -> bool {
        self.wrote.contains(&held.user) && self.left(view, held)
    }

    /// Tells whether a statement is left by forks and cuts. Cuts by different users all have to
    /// keep it.
    pub(super) fn left(&self, view: &View, held: &Held) -> bool {
        self.left_but_for_users(view, held)
            && self.user_keeps(held.user).all(|keep| keep.keeps(held))
    }

    /// Tells whether a statement is left by forks and by the cuts of devices.
    pub(super) fn left_but_for_users(&self, view: &View, held: &Held) -> bool {
        view.in_place(held) && left_of_device(&self.devices, held)
    }

    /// Tells whether an envelope is left by the cuts, as far as can be told.
    pub(super) fn may_keep(&self, user: UserId, device: DeviceId, doc: DocumentId, n: u64) -> bool {
        let device = self.devices.get(&(user, device));
        device.into_iter().chain(self.user_keeps(user)).all(|keep| keep.may_keep(doc, n))
    }

    /// Returns what each cut of a user or of one of her devices keeps of a board.
    pub(super) fn kept_tips(
        &self,
        user: UserId,
        device: DeviceId,
        doc: DocumentId,
    ) -> Vec<BTreeSet<ChangeId>> {
        let device = self.devices.get(&(user, device));
        device.into_iter().chain(self.user_keeps(user)).map(|keep| keep.awaited(doc)).collect()
    }

    /// Tells whether a cut that counts says what is kept of a user or of one of her devices.
    pub(super) fn cuts(&self, user: UserId, device: DeviceId) -> bool {
        self.devices.contains_key(&(user, device)) || self.users.contains_key(&user)
    }

    /// Tells whether a cut that counts says what is kept of a retired device.
    pub(super) fn cuts_device(&self, user: UserId, device: DeviceId) -> bool {
        self.devices.contains_key(&(user, device))
    }

    /// Returns the most that a user ever was.
    pub(super) fn highest(&self, genesis: &Genesis, user: UserId) -> Role {
        if self.owned.contains(&user) {
            Role::Owner
        } else if self.wrote.contains(&user) {
            Role::Writer
        } else {
            self.role(genesis, user)
        }
    }

    fn user_keeps(&self, user: UserId) -> impl Iterator<Item = &Keep> {
        self.users.get(&user).into_iter().flat_map(BTreeMap::values)
    }
}

fn left_of_device(devices: &BTreeMap<(UserId, DeviceId), Keep>, held: &Held) -> bool {
    devices.get(&(held.user, held.place.device)).is_none_or(|keep| keep.keeps(held))
}

/// Tells whether a member statement has seen what stands at `other`; of its own incarnation it
/// has seen everything before.
pub(super) fn has_seen(place: &Place, member: &Member, other: &Place) -> bool {
    let (of, seen) = ((other.device, other.inc), &member.seen);
    if of == (place.device, place.inc) {
        other.n < place.n
    } else {
        seen.get(&of).is_some_and(|n| other.n <= *n)
    }
}

/// Something one user says of what another may do.
struct Claim<'a> {
    id: StatementId,
    held: &'a Held,
    about: UserId,
    act: Act<'a>,
}

enum Act<'a> {
    Member(&'a Member),
    Cut(Keep),
}

impl Claim<'_> {
    fn role(&self) -> Option<Role> {
        match self.act {
            Act::Member(member) => Some(member.role),
            Act::Cut(_) => None,
        }
    }

    /// Tells whether the author takes herself out.
    fn leaves(&self) -> bool {
        self.held.user == self.about && self.role() == Some(Role::None)
    }

    fn supersedes(&self, other: &Claim<'_>) -> bool {
        let Act::Member(member) = self.act else { return false };
        let of_myself = self.held.user == self.about && self.held.user != other.held.user;
        let reaches = match other.act {
            Act::Member(_) => true,
            Act::Cut(_) => member.role >= Role::Writer,
        };
        self.about == other.about
            && self.id != other.id
            && reaches
            && !of_myself
            && has_seen(&self.held.place, member, &other.held.place)
    }

    /// Tells whether this claim, while current, takes away the right to make the other.
    fn bars(&self, other: &Claim<'_>) -> bool {
        let not_left = match &self.act {
            Act::Member(member) => {
                member.role < Role::Owner && !has_seen(&self.held.place, member, &other.held.place)
            }
            Act::Cut(keep) => !keep.keeps(other.held),
        };
        self.about == other.held.user && self.id != other.id && not_left
    }
}

/// Returns the claims that could count, by id.
fn claims<'a>(view: &'a View, devices: &BTreeMap<(UserId, DeviceId), Keep>) -> Vec<Claim<'a>> {
    let held = view.claims.iter().map(|id| (*id, &view.held[id]));
    let held = held.filter(|(_, held)| view.in_place(held) && left_of_device(devices, held));
    let claims = held.filter_map(|(id, held)| {
        let (about, act) = match held.fact() {
            PlacedFact::Member(member) => (member.user, Act::Member(member)),
            PlacedFact::Cut(cut) => match cut.subject {
                Subject::User(user) => (user, Act::Cut(Keep::of(view, cut))),
                Subject::Device(_) => return None,
            },
            _ => return None,
        };
        let claim = Claim { id, held, about, act };
        (held.user != about || claim.leaves()).then_some(claim)
    });
    claims.collect()
}

/// Finds out which claims stand. `None` is: not decided yet.
struct Judge<'a> {
    view: &'a View,
    claims: &'a [Claim<'a>],
    about: BTreeMap<UserId, Vec<usize>>,
    /// Of those, the ones that may bar something: all but those that make an owner.
    barring: BTreeMap<UserId, Vec<usize>>,
    /// What is known of the claims that make a user an owner; counted, as there may be any number.
    made: BTreeMap<UserId, Made>,
    stands: Vec<Option<bool>>,
}

/// How claims stand that make somebody an owner.
#[derive(Default)]
struct Made {
    /// How many are not decided yet.
    open: usize,
    /// Whether one stands.
    stands: bool,
}

impl<'a> Judge<'a> {
    fn new(view: &'a View, claims: &'a [Claim<'a>]) -> Self {
        let mut about: BTreeMap<UserId, Vec<usize>> = BTreeMap::new();
        let mut barring: BTreeMap<UserId, Vec<usize>> = BTreeMap::new();
        let mut made: BTreeMap<UserId, Made> = BTreeMap::new();
        for (i, claim) in claims.iter().enumerate() {
            about.entry(claim.about).or_default().push(i);
            if claim.role() == Some(Role::Owner) {
                made.entry(claim.about).or_default().open += 1;
            } else {
                barring.entry(claim.about).or_default().push(i);
            }
        }
        Judge { view, claims, about, barring, made, stands: vec![None; claims.len()] }
    }

    /// Decides whether a claim stands that was open.
    fn decide(&mut self, i: usize, stands: bool) {
        self.stands[i] = Some(stands);
        let claim = &self.claims[i];
        if claim.role() == Some(Role::Owner)
            && let Some(made) = self.made.get_mut(&claim.about)
        {
            made.open -= 1;
            made.stands |= stands;
        }
    }

    fn run(mut self) -> Vec<bool> {
        loop {
            let open: Vec<usize> =
                (0..self.claims.len()).filter(|i| self.stands[*i].is_none()).collect();
            if open.is_empty() {
                return self.stands.into_iter().map(|stands| stands == Some(true)).collect();
            }
            let mut moved = false;
            for i in &open {
                if let Some(stands) = self.judge(*i) {
                    self.decide(*i, stands);
                    moved = true;
                }
            }
            if moved {
                continue;
            }
            let entitled = open.iter().copied().filter(|i| self.entitled(*i) == Some(true));
            match entitled.min_by_key(|i| (self.rank(*i), self.claims[*i].id)) {
                Some(strongest) => self.decide(strongest, true),
                // Only claims that hold each other up are left.
                None => open.iter().for_each(|i| self.decide(*i, false)),
            }
        }
    }

    fn judge(&self, i: usize) -> Option<bool> {
        if self.claims[i].leaves() {
            return Some(true);
        }
        let entitled = self.entitled(i);
        if entitled == Some(false) {
            return Some(false);
        }
        let mut verdict = entitled;
        let barring = self.barring.get(&self.claims[i].held.user);
        for bar in barring.into_iter().flatten().copied() {
            if self.claims[bar].bars(&self.claims[i]) && !self.overrules(i, bar) {
                match self.weighs(bar, i) {
                    Some(true) => return Some(false),
                    Some(false) => {}
                    None => verdict = None,
                }
            }
        }
        verdict
    }

    /// Tells whether the author of a claim may make any.
    fn entitled(&self, i: usize) -> Option<bool> {
        let author = self.claims[i].held.user;
        if self.view.genesis.owners.contains(&author) {
            return Some(true);
        }
        match self.made.get(&author) {
            Some(made) if made.stands => Some(true),
            Some(made) if made.open > 0 => None,
            Some(_) | None => Some(false),
        }
    }

    /// Tells whether two claims bar each other and the first is by the stronger author.
    fn overrules(&self, i: usize, bar: usize) -> bool {
        self.claims[i].bars(&self.claims[bar]) && self.rank(i) < self.rank(bar)
    }

    /// Tells whether a claim that would bar another does: it is current, and no other cut by the
    /// same user keeps what this one does not.
    fn weighs(&self, bar: usize, i: usize) -> Option<bool> {
        let mut weighs = self.current(bar);
        if let (Act::Cut(_), true) = (&self.claims[bar].act, weighs != Some(false)) {
            let author = self.claims[bar].held.user;
            for other in self.about(self.claims[bar].about) {
                let claim = &self.claims[other];
                if let Act::Cut(keep) = &claim.act
                    && claim.held.user == author
                    && keep.keeps(self.claims[i].held)
                {
                    match self.current(other) {
                        Some(true) => return Some(false),
                        Some(false) => {}
                        None => weighs = None,
                    }
                }
            }
        }
        weighs
    }

    /// Tells whether a claim stands and nothing that stands has superseded it.
    fn current(&self, i: usize) -> Option<bool> {
        let mut current = self.stands[i];
        if current == Some(false) {
            return current;
        }
        for later in self.about(self.claims[i].about) {
            if self.claims[later].supersedes(&self.claims[i]) {
                match self.stands[later] {
                    Some(true) => return Some(false),
                    Some(false) => {}
                    None => current = None,
                }
            }
        }
        current
    }

    fn about(&self, user: UserId) -> impl Iterator<Item = usize> {
        self.about.get(&user).into_iter().flatten().copied()
    }

    fn rank(&self, i: usize) -> (usize, UserId) {
        self.view.rank(self.claims[i].held.user)
    }
}
