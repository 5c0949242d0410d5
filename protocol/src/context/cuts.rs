//! Cuts: what is kept of a revoked device or a removed user.

use std::collections::{BTreeMap, BTreeSet};

use super::view::{Held, View};
use crate::id::{ChangeId, DeviceId, DocumentId, UserId};
use crate::statement::{Cut, PlacedFact, Subject};

/// What a cut keeps, by document. A document not named keeps nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Keep(BTreeMap<DocumentId, Kept>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Kept {
    /// The last envelope that is kept, as far as the named changes are here.
    up_to: u64,
    /// The named changes that are not here yet.
    awaited: BTreeSet<ChangeId>,
}

impl Keep {
    pub(super) fn of(view: &View, cut: &Cut) -> Self {
        Keep::of_docs(view, &cut.docs)
    }

    pub(super) fn of_docs(view: &View, docs: &BTreeMap<DocumentId, Vec<ChangeId>>) -> Self {
        let mut keep = Keep::default();
        for (doc, tips) in docs {
            let kept = keep.0.entry(*doc).or_default();
            for tip in tips {
                let position = view.chains.get(doc).and_then(|chain| chain.positions.get(tip));
                match position {
                    Some(n) => kept.up_to = kept.up_to.max(*n),
                    None => {
                        kept.awaited.insert(*tip);
                    }
                }
            }
        }
        keep
    }

    /// Widens what is kept by what another cut of the same user keeps.
    pub(super) fn join(&mut self, other: Keep) {
        for (doc, other) in other.0 {
            let kept = self.0.entry(doc).or_default();
            kept.up_to = kept.up_to.max(other.up_to);
            kept.awaited.extend(other.awaited);
        }
    }

    /// Tells whether a statement is known to be kept.
    pub(super) fn keeps(&self, held: &Held) -> bool {
        self.0.get(&held.doc).is_some_and(|kept| held.carried <= kept.up_to)
    }

    /// Returns the changes named of a document that is no catalog here.
    pub(super) fn awaited(&self, doc: DocumentId) -> BTreeSet<ChangeId> {
        self.0.get(&doc).map(|kept| kept.awaited.clone()).unwrap_or_default()
    }

    /// Tells whether an envelope is kept, or may turn out to be.
    pub(super) fn may_keep(&self, doc: DocumentId, n: u64) -> bool {
        self.0.get(&doc).is_some_and(|kept| n <= kept.up_to || !kept.awaited.is_empty())
    }
}

/// Returns what is kept of each retired device that was cut by a device of the same user.
///
/// A cut counts if its device was not retired, or later than the one it cuts, and is itself left
/// by the cuts of that device. So devices are looked at from the last retired to the first, and
/// whatever a cut depends on is settled before.
pub(super) fn device_cuts(view: &View) -> BTreeMap<(UserId, DeviceId), Keep> {
    let mut cuts: BTreeMap<(UserId, DeviceId), Vec<(&Held, &Cut)>> = BTreeMap::new();
    for held in view.claims.iter().map(|id| &view.held[id]) {
        if let PlacedFact::Cut(cut) = held.fact()
            && let Subject::Device(device) = cut.subject
        {
            cuts.entry((held.user, device)).or_default().push((held, cut));
        }
    }
    let mut kept: BTreeMap<(UserId, DeviceId), Keep> = BTreeMap::new();
    for (user, retired) in &view.retired {
        let mut devices: Vec<_> = retired.iter().map(|(device, n)| (*n, *device)).collect();
        devices.sort_unstable_by(|a, b| b.cmp(a));
        for (n, device) in devices {
            for (held, cut) in cuts.get(&(*user, device)).into_iter().flatten() {
                let author = held.place.device;
                let outlived = retired.get(&author).is_none_or(|retired| *retired > n);
                let left = kept.get(&(*user, author)).is_none_or(|keep| keep.keeps(held));
                if outlived && left && view.in_place(held) {
                    kept.entry((*user, device)).or_default().join(Keep::of(view, cut));
                }
            }
        }
    }
    kept
}
