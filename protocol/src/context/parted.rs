//! What a cut at some point would keep of a device, and what it would take away.

use std::collections::{BTreeMap, BTreeSet};

use super::View;
use super::cuts::Keep;
use super::view::Held;
use crate::id::{ChangeId, DeviceId, DocumentId, UserId};
use crate::statement::Verified;

/// What a device said in a context, parted at a point.
#[derive(Clone, Debug, Default)]
pub struct Parted<'a> {
    /// The last change of each catalog before the point, as a [`Cut`](crate::statement::Cut) names
    /// it; a catalog of which nothing is before is left out.
    pub docs: BTreeMap<DocumentId, Vec<ChangeId>>,
    /// Statements that stand before it.
    pub kept: Vec<&'a Verified>,
    /// Statements that stand behind it.
    pub lost: Vec<&'a Verified>,
}

impl View {
    /// Parts what a device of a user said: of each of its catalogs everything up to the first
    /// change with a statement that `is_good` does not know as good.
    pub fn part(
        &self,
        user: UserId,
        device: DeviceId,
        is_good: impl Fn(&Verified) -> bool,
    ) -> Parted<'_> {
        let held = self.held.values().filter(|h| h.user == user && h.place.device == device);
        let held: Vec<_> = held.collect();
        let mut parted = Parted::default();
        for doc in held.iter().map(|held| held.doc).collect::<BTreeSet<_>>() {
            let of_doc = || held.iter().filter(|held| held.doc == doc);
            let bad = of_doc().filter(|held| !is_good(&held.statement));
            let first_bad = bad.map(|held| held.carried).min().unwrap_or(u64::MAX);
            for held in of_doc() {
                let side =
                    if held.carried < first_bad { &mut parted.kept } else { &mut parted.lost };
                side.push(&held.statement);
            }
            let changes = self.chains[&doc].positions.iter();
            let last = changes.filter(|(_, n)| **n < first_bad).max_by_key(|(_, n)| **n);
            if let Some((change, _)) = last {
                parted.docs.insert(doc, vec![*change]);
            }
        }
        parted
    }

    /// Returns what the cuts that count keep of a device and a new one with these tips would not.
    /// Cuts of one user only widen, so such a cut takes nothing of it away.
    pub fn kept_beyond(
        &self,
        user: UserId,
        device: DeviceId,
        docs: &BTreeMap<DocumentId, Vec<ChangeId>>,
    ) -> Vec<&Verified> {
        let authority = self.authority();
        if !authority.cuts_device(user, device) {
            return Vec::new();
        }
        let new = Keep::of_docs(self, docs);
        let of = |held: &&Held| held.user == user && held.place.device == device;
        let stands = |held: &&Held| authority.left_but_for_users(self, held) && !new.keeps(held);
        self.held.values().filter(of).filter(stands).map(|held| &held.statement).collect()
    }
}
