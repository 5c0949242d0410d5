//! Who may do what: the statements by which an owner takes in, raises, lowers and removes.
//!
//! Who loses the right to write is cut in the same change: what of hers counted goes on to count,
//! and what comes later, however it is dated, counts nowhere, also for who joins afterwards.

use std::collections::BTreeMap;

use super::commands::{Draft, random};
use super::context::{Context, first_of};
use super::event::{CommandError, Keeping};
use super::node::{Cx, Node};
use crate::context::Reach;
use crate::id::{ChangeId, ContextId, DocumentId, UserId};
use crate::limits;
use crate::statement::{Cut, Interest, Member, PlacedFact, Role, Subject};
use crate::wire::CatalogKey;

/// Most catalogs that one cut of this program names: so many fit a statement whatever they are.
const CUT_DOCS: usize = 32;

impl Node {
    /// Drafts a member statement. Who loses the right to write is cut, and keeps `keep`.
    pub(super) fn draft_member(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        user: UserId,
        role: Role,
        keep: Keeping,
    ) -> Result<Draft, CommandError> {
        if user == self.user {
            return Err(CommandError::Oneself);
        }
        let context = &self.contexts[&id];
        let mut seen = context.view.seen_about(user);
        if role == Role::None {
            // Whoever takes up the room for them cannot keep anybody in by that.
            context.view.fit_removal(user, &mut seen, limits::SEEN);
        }
        if seen.len() > limits::SEEN {
            return Err(CommandError::Limit(format!(
                "{} devices of owners spoke in the context, and a statement about a member can \
                 name {} of them",
                seen.len(),
                limits::SEEN
            )));
        }
        let mut facts = vec![PlacedFact::Member(Member { user, role, seen })];
        let wrote = context.view.highest_role(user) >= Role::Writer;
        if role == Role::None || (role < Role::Writer && wrote) {
            let tips = match keep {
                Keeping::All => context.view.tips(user, Reach::Counting, None),
                Keeping::Before(time) => context.view.tips(user, Reach::Counting, Some(time)),
                Keeping::Nothing => BTreeMap::new(),
            };
            let mut tips: BTreeMap<DocumentId, Vec<ChangeId>> =
                tips.into_iter().map(|(doc, tip)| (doc, vec![tip])).collect();
            // A change of a dashboard tells no time.
            if keep != Keeping::Nothing {
                tips.extend(context.board_tips(|line| line.user == user));
            }
            facts.extend(cuts(Subject::User(user), tips));
        }
        if role == Role::None {
            // Who is removed may not find the context by its old key.
            let newest = context.view.interests().first().map_or(0, |i| i.generation);
            let generation = newest.saturating_add(1);
            facts.push(PlacedFact::Interest(Interest { generation, key: random(cx) }));
        }
        Ok(Draft::of(facts))
    }

    /// Drafts a cut that keeps of a user what is here, and what peers say that they have.
    pub(super) fn draft_keep_more(
        &self,
        id: ContextId,
        user: UserId,
        before: Option<i64>,
    ) -> Result<Draft, CommandError> {
        let context = &self.contexts[&id];
        let mut tips: BTreeMap<DocumentId, Vec<ChangeId>> = BTreeMap::new();
        for (doc, tip) in context.view.tips(user, Reach::Here, before) {
            tips.entry(doc).or_default().push(tip);
        }
        let counting = context.view.tips(user, Reach::Counting, None);
        let wider = tips.iter().any(|(doc, tips)| counting.get(doc) != tips.first());
        let elsewhere = self.offered(id, user);
        if before.is_none() {
            for (key, (_, tip)) in &elsewhere {
                tips.entry(context.place(*key).document()).or_default().push(*tip);
            }
        }
        let away = context.view.cut_away(user).statements > 0;
        if !(wider && away) && (elsewhere.is_empty() || before.is_some()) {
            return Err(CommandError::NothingCut(user));
        }
        Ok(Draft::of(cuts(Subject::User(user), tips)))
    }

    /// Returns the last changes of a user's catalogs that admitted peers say they have and that are
    /// behind what is here, with their numbers: what was cut away, or has not come yet.
    pub fn offered(
        &self,
        context: ContextId,
        user: UserId,
    ) -> BTreeMap<CatalogKey, (u64, ChangeId)> {
        let mut offered: BTreeMap<CatalogKey, (u64, ChangeId)> = BTreeMap::new();
        let Some(held) = self.contexts.get(&context) else { return offered };
        for (device, tag) in self.admitted_channels(context) {
            let Some((channel, _)) = self.channel(device, tag) else { continue };
            let known = channel.known.range(first_of(user)..);
            for (key, (n, tip)) in known.take_while(|(key, _)| key.user == user) {
                if *n > held.here(*key) && offered.get(key).is_none_or(|(most, _)| n > most) {
                    offered.insert(*key, (*n, *tip));
                }
            }
        }
        offered
    }
}

impl Context {
    /// Returns the number of the last envelope of a catalog that is here, 0 for none.
    pub fn here(&self, key: CatalogKey) -> u64 {
        self.catalogs.get(&key).map_or(0, super::context::Catalog::n)
    }
}

/// Returns the cuts that keep tips of a subject; as many as it takes, since their union counts.
pub(super) fn cuts(subject: Subject, tips: BTreeMap<DocumentId, Vec<ChangeId>>) -> Vec<PlacedFact> {
    let mut cuts = Vec::new();
    let mut docs = BTreeMap::new();
    for (doc, tips) in tips {
        docs.insert(doc, tips);
        if docs.len() == CUT_DOCS {
            cuts.push(PlacedFact::Cut(Cut { subject, docs: std::mem::take(&mut docs) }));
        }
    }
    if cuts.is_empty() || !docs.is_empty() {
        cuts.push(PlacedFact::Cut(Cut { subject, docs }));
    }
    cuts
}
