//! How a user or a device stands in a context, as the sync engine asks it.

use std::collections::{BTreeMap, BTreeSet};

use super::membership::has_seen;
use super::view::{Held, View};
use crate::id::{DeviceId, Incarnation, UserId};
use crate::statement::{Member, PlacedFact, Role, Verified};

impl View {
    /// Tells whether owners took a user out who was or might be something here.
    pub fn was_removed(&self, user: UserId) -> bool {
        self.authority().roles.get(&user) == Some(&Role::None)
    }

    /// Returns the statement that took a user out, to be shown to her: none that was superseded, as
    /// she would not believe it.
    pub fn removal_of(&self, user: UserId) -> Option<&Verified> {
        let standing = self.authority().standing.iter().filter_map(|id| self.held.get(id));
        let about: Vec<(&Held, &Member)> = standing
            .filter_map(|held| match held.fact() {
                PlacedFact::Member(member) if member.user == user => Some((held, member)),
                _ => None,
            })
            .collect();
        let superseded = |removal: &Held| {
            about.iter().any(|(held, member)| has_seen(&held.place, member, &removal.place))
        };
        let mut removals = about.iter().filter(|(_, member)| member.role == Role::None);
        removals.find(|(held, _)| !superseded(held)).map(|(held, _)| &held.statement)
    }

    /// Tells whether a removal that somebody shows takes `user` out, as far as is known here.
    ///
    /// One that is held counts as the view says. Of one that is not held only that is known: it
    /// does nothing where a member statement that stands makes her something and has seen it.
    /// Whether its author is an owner is not asked.
    pub fn removes(&self, user: UserId, removal: &Verified) -> bool {
        let Some(placed) = removal.placed() else { return false };
        let PlacedFact::Member(member) = &placed.fact else { return false };
        let is_one = member.user == user && member.role == Role::None;
        if !is_one || placed.place.context != self.context() {
            return false;
        }
        if self.held.contains_key(&removal.id()) {
            return self.was_removed(user);
        }
        let standing = self.authority().standing.iter().filter_map(|id| self.held.get(id));
        let mut later = standing.filter(|held| match held.fact() {
            PlacedFact::Member(member) => {
                member.user == user
                    && member.role > Role::None
                    && has_seen(&held.place, member, &placed.place)
            }
            _ => false,
        });
        later.next().is_none()
    }

    /// Tells whether a cut that counts says what is kept of a user or of one of her devices: one
    /// of a retired device by another of hers, or one of the user by an owner.
    pub fn has_cut(&self, user: UserId, device: DeviceId) -> bool {
        self.authority().cuts(user, device)
    }

    /// Returns the most that a user ever was here. Who was more than now was lowered by an owner.
    pub fn highest_role(&self, user: UserId) -> Role {
        self.authority().highest(self.genesis(), user)
    }

    /// Returns the numbers that the next member statement about `user` is to name as seen, by
    /// device and incarnation: those of [`seen`](Self::seen), and hers where she took herself out.
    pub fn seen_about(&self, user: UserId) -> BTreeMap<(DeviceId, Incarnation), u64> {
        let mut seen = self.seen();
        let standing = self.authority().standing.iter().filter_map(|id| self.held.get(id));
        for held in standing.filter(|held| held.leaves() && held.user == user) {
            let n = seen.entry((held.place.device, held.place.inc)).or_insert(0);
            *n = held.place.n.max(*n);
        }
        seen
    }

    /// Takes so many numbers out of what a removal of `user` names as seen that at most `most` are
    /// left: first those of others, then hers, and of those the least first.
    ///
    /// A removal wins over whatever it has not seen, so numbers of others matter little to it. What
    /// she said as an owner and the removal has not seen does not count any more.
    pub fn fit_removal(
        &self,
        user: UserId,
        seen: &mut BTreeMap<(DeviceId, Incarnation), u64>,
        most: usize,
    ) {
        let Some(over) = seen.len().checked_sub(most).filter(|over| *over > 0) else { return };
        let of_hers = self.held.values().filter(|held| held.user == user);
        let hers: BTreeSet<_> = of_hers.map(|held| (held.place.device, held.place.inc)).collect();
        let mut order: Vec<_> = seen.iter().map(|(at, n)| (hers.contains(at), *n, *at)).collect();
        order.sort_unstable();
        for (_, _, at) in order.into_iter().take(over) {
            seen.remove(&at);
        }
    }

    /// Returns the largest number that a device gave a statement in one incarnation, 0 for none.
    pub fn last_number(&self, device: DeviceId, inc: Incarnation) -> u64 {
        let own = self.numbers.range((device, inc, 0)..=(device, inc, u64::MAX));
        own.last().map_or(0, |((_, _, n), _)| *n)
    }
}

impl Held {
    /// Tells whether the author takes herself out.
    pub(super) fn leaves(&self) -> bool {
        match self.fact() {
            PlacedFact::Member(member) => member.user == self.user && member.role == Role::None,
            _ => false,
        }
    }
}
