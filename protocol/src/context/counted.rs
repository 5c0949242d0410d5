//! What of a user counts, what cuts took away, and the tips by which a new cut says what is kept.

use std::collections::{BTreeMap, BTreeSet};

use super::view::{Held, View};
use crate::id::{ChangeId, DocumentId, UserId};
use crate::name::StackName;
use crate::statement::PlacedFact;

/// What of a user's statements a cut is to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// What counts now.
    Counting,
    /// What is here, also where an earlier cut of her took it away.
    Here,
}

/// What is here of a user and does not count, because a cut of her took it away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CutAway {
    /// How many statements.
    pub statements: usize,
    /// The stacks of which heads are among them, by the names in those.
    pub stacks: BTreeSet<StackName>,
}

impl View {
    /// Returns the last changes of a user's catalogs up to which a cut is to keep them. With
    /// `before` a catalog is kept up to the first change that says something at that time or
    /// later, in milliseconds since 1970 by her own clock.
    ///
    /// A catalog is a straight chain, so nothing behind that change is kept whatever time it
    /// names.
    pub fn tips(
        &self,
        user: UserId,
        reach: Reach,
        before: Option<i64>,
    ) -> BTreeMap<DocumentId, ChangeId> {
        let mut late: BTreeMap<DocumentId, u64> = BTreeMap::new();
        for held in self.of_user(user) {
            if before.is_some_and(|before| held.place.time >= before) {
                let first = late.entry(held.doc).or_insert(held.carried);
                *first = held.carried.min(*first);
            }
        }
        let mut last: BTreeMap<DocumentId, (u64, ChangeId)> = BTreeMap::new();
        for held in self.of_user(user).filter(|held| self.reaches(held, reach)) {
            let in_time = late.get(&held.doc).is_none_or(|late| held.carried < *late);
            let (n, _) = last.get(&held.doc).copied().unwrap_or((0, held.change));
            if in_time && held.carried >= n {
                last.insert(held.doc, (held.carried, held.change));
            }
        }
        last.into_iter().map(|(doc, (_, change))| (doc, change)).collect()
    }

    /// Returns what is here of a user and does not count because of cuts of her.
    pub fn cut_away(&self, user: UserId) -> CutAway {
        let mut away = CutAway::default();
        let here = self.of_user(user).filter(|held| self.reaches(held, Reach::Here));
        for held in here.filter(|held| !self.reaches(held, Reach::Counting)) {
            away.statements += 1;
            if let PlacedFact::Head(head) = held.fact() {
                away.stacks.insert(head.name.clone());
            }
        }
        away
    }

    fn of_user(&self, user: UserId) -> impl Iterator<Item = &Held> {
        self.held.values().filter(move |held| held.user == user)
    }

    fn reaches(&self, held: &Held, reach: Reach) -> bool {
        match reach {
            Reach::Counting => self.authority().left(self, held),
            Reach::Here => self.authority().left_but_for_users(self, held),
        }
    }
}
