//! The statements of a context, where they were said, and which of them count.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use super::Genesis;
use super::heads::Line;
use super::membership::Authority;
use crate::id::{
    ChangeId, ContextId, DeviceId, DocumentId, Incarnation, StackId, StatementId, UserId,
};
use crate::name::TagName;
use crate::statement::{About, Epoch, Interest, Place, PlacedFact, Role, Verified, Withdraw};

/// The join of the accepted statements of one context.
#[derive(Clone, Debug)]
pub struct View {
    pub(super) genesis: Genesis,
    context: ContextId,
    pub(super) held: BTreeMap<StatementId, Held>,
    pub(super) numbers: BTreeMap<(DeviceId, Incarnation, u64), StatementId>,
    pub(super) chains: BTreeMap<DocumentId, Chain>,
    pub(super) retired: BTreeMap<UserId, BTreeMap<DeviceId, u64>>,
    /// Members and cuts: what authority is made of.
    pub(super) claims: BTreeSet<StatementId>,
    /// The changes that cuts name.
    tips: BTreeSet<ChangeId>,
    /// What only owners say, besides claims.
    pub(super) owners_only: BTreeSet<StatementId>,
    pub(super) lines: BTreeMap<(UserId, StackId), Line>,
    pub(super) tags: BTreeMap<(UserId, StackId), BTreeMap<TagName, BTreeSet<StatementId>>>,
    /// What was said of each dashboard by its creator.
    pub(super) dashboards: BTreeMap<(UserId, [u8; 16]), BTreeSet<StatementId>>,
    /// The versions of each comment by its author.
    pub(super) comments: BTreeMap<(UserId, [u8; 16]), BTreeSet<StatementId>>,
    pub(super) authority: OnceLock<Authority>,
}

/// A statement, and which change of which document carried it.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) user: UserId,
    pub(super) doc: DocumentId,
    pub(super) change: ChangeId,
    /// The number of the envelope; the smallest, where several carried it.
    pub(super) carried: u64,
    pub(super) place: Place,
    pub(super) statement: Verified,
}

/// What is known of a catalog, which is a straight chain of changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    pub(super) positions: BTreeMap<ChangeId, u64>,
    /// By envelope: the largest statement number in it, and in it and all before.
    highest: BTreeMap<u64, (u64, u64)>,
    /// The first envelope of which there are two.
    fork: Option<u64>,
}

/// What came of inserting a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It was not known.
    New,
    /// It was known.
    Known,
    /// It was not known, and its device gave its number to this other statement too. Both are in.
    Conflict(StatementId),
    /// It is of another context or catalog, and not in.
    Foreign,
}

impl View {
    /// Begins the view of a context of which nothing is known but its genesis.
    pub fn new(genesis: Genesis) -> Self {
        View {
            context: genesis.id(),
            genesis,
            held: BTreeMap::new(),
            numbers: BTreeMap::new(),
            chains: BTreeMap::new(),
            retired: BTreeMap::new(),
            claims: BTreeSet::new(),
            tips: BTreeSet::new(),
            owners_only: BTreeSet::new(),
            lines: BTreeMap::new(),
            tags: BTreeMap::new(),
            dashboards: BTreeMap::new(),
            comments: BTreeMap::new(),
            authority: OnceLock::new(),
        }
    }

    /// Returns the context's id.
    pub fn context(&self) -> ContextId {
        self.context
    }

    /// Returns the context's genesis.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Inserts a statement that `user` made, carried by a change of her catalog `doc` in the
    /// envelope number `n`.
    pub fn insert(
        &mut self,
        user: UserId,
        doc: DocumentId,
        change: ChangeId,
        n: u64,
        statement: Verified,
    ) -> Inserted {
        let Some(placed) = statement.placed() else { return Inserted::Foreign };
        let place = placed.place;
        let catalog = DocumentId::catalog(self.context, user, place.device, place.inc);
        if place.context != self.context || doc != catalog {
            return Inserted::Foreign;
        }
        self.note(doc, n, change);
        self.number(doc, n, place.n);
        let id = statement.id();
        if let Some(held) = self.held.get_mut(&id) {
            (held.carried, held.change) = (held.carried, held.change).min((n, change));
            return Inserted::Known;
        }
        self.index(user, id, &placed.fact);
        self.held.insert(id, Held { user, doc, change, carried: n, place, statement });
        self.state(user, id);
        let number = (place.device, place.inc, place.n);
        match *self.numbers.entry(number).or_insert(id) {
            first if first == id => Inserted::New,
            first => Inserted::Conflict(first),
        }
    }

    /// Notes the place of a change in its catalog, also of one that carries no statement: cuts
    /// name changes. [`insert`](Self::insert) does it by itself.
    pub fn note(&mut self, doc: DocumentId, n: u64, change: ChangeId) {
        let chain = self.chains.entry(doc).or_default();
        let position = chain.positions.entry(change).or_insert(n);
        *position = n.min(*position);
        if self.tips.contains(&change) {
            self.doubt();
        }
    }

    /// Takes out what a catalog says from envelope `n` on: there are two of that number, and
    /// nobody can tell which one counts.
    pub fn forked(&mut self, doc: DocumentId, n: u64) {
        let chain = self.chains.entry(doc).or_default();
        chain.fork = Some(chain.fork.map_or(n, |first| first.min(n)));
        self.doubt();
    }

    /// Returns what a catalog says from its fork on, which counts for nothing.
    pub fn undone(&self, doc: DocumentId) -> impl Iterator<Item = &Verified> {
        let chain = self.chains.get(&doc);
        let of = move |held: &&Held| {
            held.doc == doc && chain.is_some_and(|chain| chain.forked_at(held.carried))
        };
        self.held.values().filter(of).map(|held| &held.statement)
    }

    /// Takes which devices of a user may not act any more, as
    /// [`IdentityLog::retired`](crate::identity::IdentityLog::retired) gives them.
    ///
    /// What they said stays until a cut says what is kept of it. A cut of a device counts once the
    /// device is retired, and only by a device of the same user that was not retired before it: so
    /// a stolen device cannot cut the others, and a device that retires later takes no cut back.
    pub fn retire(&mut self, user: UserId, devices: BTreeMap<DeviceId, u64>) {
        if self.retired.get(&user) != Some(&devices) {
            self.retired.insert(user, devices);
            self.doubt();
        }
    }

    /// Returns what a user may do: by the genesis, and the member statements that count. Of those
    /// that have not seen each other the least role wins.
    pub fn role(&self, user: UserId) -> Role {
        self.authority().role(&self.genesis, user)
    }

    /// Returns whoever is or was something here, with the role now; removed ones have
    /// [`Role::None`].
    pub fn members(&self) -> Vec<(UserId, Role)> {
        let stated = self.authority().roles.keys();
        let users: BTreeSet<_> = self.genesis.owners.iter().chain(stated).copied().collect();
        users.into_iter().map(|user| (user, self.role(user))).collect()
    }

    /// Returns the owners: those of the genesis in its order, then the others by id.
    pub fn owners(&self) -> Vec<UserId> {
        let mut owners: Vec<_> = self.members();
        owners.retain(|(_, role)| *role == Role::Owner);
        owners.sort_by_key(|(user, _)| self.rank(*user));
        owners.into_iter().map(|(user, _)| user).collect()
    }

    /// Returns what the context is called and who may come in, once an owner said so.
    ///
    /// Of statements that have not seen each other the closed one wins, then the one that lets the
    /// fewest in, then the one by the earlier owner.
    pub fn about(&self) -> Option<&About> {
        let winner = self.current_about().into_iter().min_by_key(|(id, held, about)| {
            (!about.closed, about.access, self.rank(held.user), *id)
        });
        winner.map(|(_, _, about)| about)
    }

    /// Returns what the next about statement is to name as replaced.
    pub fn about_over(&self) -> Vec<StatementId> {
        let ids = self.current_about().into_iter().map(|(id, _, _)| id);
        ids.take(crate::limits::OVER).collect()
    }

    fn current_about(&self) -> Vec<(StatementId, &Held, &About)> {
        let abouts: Vec<_> = self
            .by_owners()
            .filter_map(|(id, held)| match held.fact() {
                PlacedFact::About(about) => Some((id, held, about)),
                _ => None,
            })
            .collect();
        let over: BTreeSet<_> = abouts.iter().flat_map(|(_, _, about)| &about.over).collect();
        abouts.iter().filter(|(id, _, _)| !over.contains(id)).copied().collect()
    }

    /// Returns the interest keys, the newest generation first; of one generation there may be
    /// several, where two owners began it apart.
    pub fn interests(&self) -> Vec<Interest> {
        let interests = self.by_owners().filter_map(|(_, held)| match held.fact() {
            PlacedFact::Interest(interest) => Some(interest.clone()),
            _ => None,
        });
        let mut interests: Vec<_> = interests.collect();
        interests.sort_by_key(|interest| (std::cmp::Reverse(interest.generation), interest.key));
        interests.dedup();
        interests
    }

    /// Returns the epoch a board is in, where it was begun anew by its `creator` or an owner: the
    /// highest number, then the smallest hash.
    pub fn epoch(&self, board: DocumentId, creator: Option<UserId>) -> Option<&Epoch> {
        let authority = self.authority();
        let epochs = self.owners_only.iter().filter_map(|id| {
            let held = &self.held[id];
            let counts = authority.counts_for_owner(self, held)
                || (creator == Some(held.user) && authority.counts_for_writer(self, held));
            match held.fact() {
                PlacedFact::Epoch(epoch) if epoch.doc == board && counts => Some(epoch),
                _ => None,
            }
        });
        epochs.min_by_key(|epoch| (std::cmp::Reverse(epoch.epoch), epoch.genesis, epoch.parts))
    }

    /// Returns what owners withdrew.
    pub fn withdrawn(&self) -> Withdraw {
        let mut all = Withdraw::default();
        for (_, held) in self.by_owners() {
            if let PlacedFact::Withdraw(withdraw) = held.fact() {
                for (frame, parents) in &withdraw.frames {
                    // Of two who name other parents one is wrong, and the walk goes on at both.
                    let known = all.frames.entry(*frame).or_default();
                    known.extend(parents);
                    known.sort_unstable();
                    known.dedup();
                }
                all.blobs.extend(&withdraw.blobs);
            }
        }
        all
    }

    /// Returns what counts of what owners said, as numbers by device and incarnation.
    pub fn seen(&self) -> BTreeMap<(DeviceId, Incarnation), u64> {
        let mut seen = BTreeMap::new();
        let claims = self.authority().standing.iter().map(|id| &self.held[id]);
        // Anybody may take herself out; only who is an owner says more than that.
        let claims =
            claims.filter(|held| !held.leaves() || self.highest_role(held.user) == Role::Owner);
        for held in claims.chain(self.by_owners().map(|(_, held)| held)) {
            let n = seen.entry((held.place.device, held.place.inc)).or_insert(0);
            *n = held.place.n.max(*n);
        }
        seen
    }

    /// Tells whether an envelope at this place is left by the cuts and forks known. Also true
    /// while it cannot be told, as the last change that is kept has not come yet.
    pub fn cut_allows(&self, user: UserId, device: DeviceId, doc: DocumentId, n: u64) -> bool {
        let forked = self.chains.get(&doc).is_some_and(|chain| chain.forked_at(n));
        !forked && self.authority().may_keep(user, device, doc, n)
    }

    /// Returns the changes up to which each cut that counts keeps a device of a user in a document
    /// other than a catalog: none where no cut does, an empty set where one keeps nothing there.
    pub fn kept_tips(
        &self,
        user: UserId,
        device: DeviceId,
        doc: DocumentId,
    ) -> Vec<BTreeSet<ChangeId>> {
        self.authority().kept_tips(user, device, doc)
    }

    /// Returns the statements that need a newer version, or are of a kind it would know.
    pub fn unknown(&self) -> impl Iterator<Item = &Verified> {
        let held = self.held.values();
        held.filter(|held| matches!(held.fact(), PlacedFact::Unknown { .. })).map(|h| &h.statement)
    }

    /// Forgets what was derived: from now on another statement may count, or one not any more.
    fn doubt(&mut self) {
        self.authority.take();
        for line in self.lines.values_mut() {
            line.doubt();
        }
    }

    pub(super) fn authority(&self) -> &Authority {
        self.authority.get_or_init(|| Authority::derive(self))
    }

    /// Orders users by whose word holds where two remove each other; the strongest is least.
    pub(super) fn rank(&self, user: UserId) -> (usize, UserId) {
        let owners = &self.genesis.owners;
        (owners.iter().position(|owner| *owner == user).unwrap_or(owners.len()), user)
    }

    /// Returns what counts of what only owners say, besides members and cuts.
    pub(super) fn by_owners(&self) -> impl Iterator<Item = (StatementId, &Held)> {
        let authority = self.authority();
        let held = self.owners_only.iter().map(|id| (*id, &self.held[id]));
        held.filter(|(_, held)| authority.counts_for_owner(self, held))
    }

    /// Tells whether a statement stands where its device may say such a thing at all.
    ///
    /// Old news, a number that does not exceed those of all envelopes before, may add something
    /// and does nothing else. Otherwise a removed owner who left numbers out could fill them in
    /// afterwards, and pass for having been seen.
    pub(super) fn in_place(&self, held: &Held) -> bool {
        let chain = &self.chains[&held.doc];
        let old_news = chain.highest_before(held.carried) >= held.place.n;
        let void = old_news && !held.only_adds();
        !chain.forked_at(held.carried) && !void
    }

    fn index(&mut self, user: UserId, id: StatementId, fact: &PlacedFact) {
        match fact {
            PlacedFact::Member(_) => {
                self.claims.insert(id);
                self.doubt();
            }
            PlacedFact::Cut(cut) => {
                self.claims.insert(id);
                self.tips.extend(cut.docs.values().flatten());
                self.doubt();
            }
            PlacedFact::About(_)
            | PlacedFact::Interest(_)
            | PlacedFact::Ticket(_)
            | PlacedFact::TicketEnd { .. }
            | PlacedFact::Epoch(_)
            | PlacedFact::Withdraw(_) => {
                self.owners_only.insert(id);
            }
            PlacedFact::Tag(tag) => {
                let tags = self.tags.entry((user, tag.stack)).or_default();
                tags.entry(tag.tag.clone()).or_default().insert(id);
            }
            PlacedFact::Dashboard(dashboard) => {
                self.dashboards.entry((user, dashboard.nonce)).or_default().insert(id);
            }
            PlacedFact::Comment(comment) => {
                self.comments.entry((user, comment.id)).or_default().insert(id);
            }
            // Heads are taken in once they are held.
            PlacedFact::Head(_) | PlacedFact::Unknown { .. } => {}
        }
    }

    /// Notes that envelope `carried` holds a statement of number `n`.
    fn number(&mut self, doc: DocumentId, carried: u64, n: u64) {
        let chain = self.chains.entry(doc).or_default();
        let in_order = chain.highest.last_key_value().is_none_or(|(last, _)| *last <= carried);
        let before = chain.highest_before(carried);
        let own = chain.highest.get(&carried).map_or(n, |(own, _)| n.max(*own));
        chain.highest.insert(carried, (own, own.max(before)));
        if !in_order {
            let mut before = before;
            for (own, up_to) in chain.highest.range_mut(carried..).map(|(_, highest)| highest) {
                *up_to = before.max(*own);
                before = *up_to;
            }
            self.doubt();
        }
    }
}

impl Held {
    pub(super) fn fact(&self) -> &PlacedFact {
        &self.statement.placed().expect("only placed statements are held").fact
    }

    /// Tells whether the statement replaces nothing and takes no right of an owner.
    fn only_adds(&self) -> bool {
        match self.fact() {
            PlacedFact::Head(head) => head.over.is_empty(),
            PlacedFact::Tag(tag) => tag.over.is_empty(),
            PlacedFact::Dashboard(dashboard) => dashboard.over.is_empty(),
            PlacedFact::Comment(comment) => comment.over.is_empty(),
            PlacedFact::Unknown { .. } => true,
            PlacedFact::About(_)
            | PlacedFact::Member(_)
            | PlacedFact::Interest(_)
            | PlacedFact::Ticket(_)
            | PlacedFact::TicketEnd { .. }
            | PlacedFact::Cut(_)
            | PlacedFact::Epoch(_)
            | PlacedFact::Withdraw(_) => false,
        }
    }
}

impl Chain {
    fn forked_at(&self, n: u64) -> bool {
        self.fork.is_some_and(|fork| n >= fork)
    }

    fn highest_before(&self, carried: u64) -> u64 {
        self.highest.range(..carried).next_back().map_or(0, |(_, (_, up_to))| *up_to)
    }
}
