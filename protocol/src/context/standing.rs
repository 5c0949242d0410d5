//! How a user or a device stands in a context, as the sync engine asks it.

use super::view::View;
use crate::id::{DeviceId, Incarnation, StackId, UserId};
use crate::statement::{PlacedFact, Role, Subject, Verified};

impl View {
    /// Tells whether owners took a user out who was or might be something here.
    pub fn was_removed(&self, user: UserId) -> bool {
        self.authority().roles.get(&user) == Some(&Role::None)
    }

    /// Returns the statement that took a user out, to be shown to her.
    pub fn removal_of(&self, user: UserId) -> Option<&Verified> {
        let standing = self.authority().standing.iter().filter_map(|id| self.held.get(id));
        let mut removals = standing.filter(|held| match held.fact() {
            PlacedFact::Member(member) => member.user == user && member.role == Role::None,
            _ => false,
        });
        removals.next_back().map(|held| &held.statement)
    }

    /// Tells whether a cut says what is kept of a user or of one of her devices.
    pub fn has_cut(&self, user: UserId, device: DeviceId) -> bool {
        self.claims.iter().filter_map(|id| self.held.get(id)).any(|held| match held.fact() {
            PlacedFact::Cut(cut) => match cut.subject {
                Subject::User(subject) => subject == user,
                Subject::Device(subject) => subject == device,
            },
            _ => false,
        })
    }

    /// Returns the generation of the next head of a stack: one more than the largest stated.
    pub fn next_generation(&self, user: UserId, stack: StackId) -> u64 {
        let heads = self.heads.get(&(user, stack)).into_iter().flatten();
        let stated = heads.filter_map(|id| match self.held.get(id)?.fact() {
            PlacedFact::Head(head) => Some(head.generation),
            _ => None,
        });
        stated.max().unwrap_or(0).saturating_add(1)
    }

    /// Returns the largest number that a device gave a statement in one incarnation, 0 for none.
    pub fn last_number(&self, device: DeviceId, inc: Incarnation) -> u64 {
        let places = self.held.values().map(|held| held.place);
        let own = places.filter(|place| place.device == device && place.inc == inc);
        own.map(|place| place.n).max().unwrap_or(0)
    }
}
