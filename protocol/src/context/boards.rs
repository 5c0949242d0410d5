//! Which dashboards there are, and what is said about stacks, frames and cards.

use std::collections::BTreeSet;

use super::view::{Held, View};
use crate::id::{DeviceId, StatementId, UserId};
use crate::limits::OVER;
use crate::statement::{Comment, CommentOn, PlacedFact};

/// A dashboard as its creator's statements have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DashboardView {
    /// Who made it.
    pub creator: UserId,
    /// What names it among hers.
    pub nonce: [u8; 16],
    /// Whether she removed it. Of two words said apart, the one that keeps it holds.
    pub removed: bool,
    /// When it was made, by the clock of the device, for showing.
    pub made: i64,
    /// What the next statement about it is to name as replaced.
    pub over: Vec<StatementId>,
}

/// A comment as its author's statements have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommentView {
    /// Who says it.
    pub author: UserId,
    /// What names it among hers.
    pub id: [u8; 16],
    /// What it is about.
    pub on: CommentOn,
    /// What is said; nothing where it was taken back.
    pub text: Option<String>,
    /// The device that said it first.
    pub device: DeviceId,
    /// When it was said first, by the clock of that device: for showing.
    pub made: i64,
    /// When it was last said otherwise, if it was.
    pub edited: Option<i64>,
    /// What its next version is to name as replaced.
    pub over: Vec<StatementId>,
}

impl View {
    /// Returns all dashboards, also those that were removed, by creator and nonce.
    pub fn dashboards(&self) -> Vec<DashboardView> {
        let keys = self.dashboards.keys();
        keys.filter_map(|(creator, nonce)| self.dashboard(*creator, *nonce)).collect()
    }

    /// Returns a dashboard.
    pub fn dashboard(&self, creator: UserId, nonce: [u8; 16]) -> Option<DashboardView> {
        let said = self.counting(self.dashboards.get(&(creator, nonce)));
        let facts = said.iter().filter_map(|(id, held)| match held.fact() {
            PlacedFact::Dashboard(fact) => Some((*id, *held, fact)),
            _ => None,
        });
        let facts: Vec<_> = facts.collect();
        let over: BTreeSet<_> = facts.iter().flat_map(|(_, _, fact)| &fact.over).collect();
        let current: Vec<_> = facts.iter().filter(|(id, ..)| !over.contains(id)).collect();
        Some(DashboardView {
            creator,
            nonce,
            removed: current.iter().all(|(_, _, fact)| fact.removed),
            made: facts.iter().map(|(_, held, _)| held.place.time).min()?,
            over: current.iter().map(|(id, ..)| *id).take(OVER).collect(),
        })
    }

    /// Returns all comments, also those that were taken back, by author and id.
    pub fn comments(&self) -> Vec<CommentView> {
        self.comments.keys().filter_map(|(author, id)| self.comment(*author, *id)).collect()
    }

    /// Returns a comment. Of two versions said apart one that takes it back wins, then the
    /// smallest id.
    pub fn comment(&self, author: UserId, id: [u8; 16]) -> Option<CommentView> {
        let said = self.counting(self.comments.get(&(author, id)));
        let facts = said.iter().filter_map(|(id, held)| match held.fact() {
            PlacedFact::Comment(fact) => Some((*id, *held, fact)),
            _ => None,
        });
        let facts: Vec<(StatementId, &Held, &Comment)> = facts.collect();
        let over: BTreeSet<_> = facts.iter().flat_map(|(_, _, fact)| &fact.over).collect();
        let mut current: Vec<_> = facts.iter().filter(|(id, ..)| !over.contains(id)).collect();
        current.sort_by_key(|(id, _, fact)| (fact.text.is_some(), *id));
        let first = facts
            .iter()
            .min_by_key(|(id, held, fact)| (!fact.over.is_empty(), held.place.time, *id))?;
        // A ring of versions, which no program makes, has none that is current.
        let shown = current.first()?;
        Some(CommentView {
            author,
            id,
            on: shown.2.on.clone(),
            text: shown.2.text.clone(),
            device: first.1.place.device,
            made: first.1.place.time,
            edited: (shown.0 != first.0).then_some(shown.1.place.time),
            over: current.iter().map(|(id, ..)| *id).take(OVER).collect(),
        })
    }

    fn counting<'a>(
        &'a self,
        ids: Option<&'a BTreeSet<StatementId>>,
    ) -> Vec<(StatementId, &'a Held)> {
        self.by_writers(ids.into_iter().flatten()).collect()
    }
}
