//! Who may write in a context now: roles, grants of devices, revocations and cuts.
//!
//! A grant gates what is taken for the first time and voids nothing that was: so it is asked here
//! and not in the view, which is the same for every order in which things came.

use super::catalogs::Accepted;
use super::context::Context;
use super::node::{Cx, Node};
use crate::id::{ContextId, DeviceId, UserId};
use crate::identity;
use crate::statement::Role;
use crate::wire::CatalogKey;

/// What stands between an envelope and its acceptance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Authority {
    Granted,
    /// Not known yet; the envelope waits.
    Wait,
    /// Excluded by a revocation, a removal or a cut: dropped without penalty.
    Excluded,
}

impl Node {
    /// Returns the most that a device may be in a context now by the grant of its user, `none`
    /// where it may not act there at all. Nothing where its grant is not known.
    pub(super) fn device_cap(
        &self,
        user: UserId,
        device: DeviceId,
        context: ContextId,
        now: i64,
    ) -> Option<Role> {
        match self.logs.get(&user)?.standing(device) {
            identity::Standing::Unknown => None,
            identity::Standing::Revoked => Some(Role::None),
            identity::Standing::Granted(grant) => {
                Some(grant.permits(context, now).unwrap_or(Role::None))
            }
        }
    }

    /// Returns what this device may do in a context: what its user may, as far as its grant goes.
    pub(super) fn my_role(&self, context: &Context, now: i64) -> Role {
        let cap = self.device_cap(self.user, self.device, context.id(), now);
        context.view().role(self.user).min(cap.unwrap_or(Role::None))
    }

    /// Tells whether the author of a catalog may write in a context now.
    pub(super) fn authority(&self, id: ContextId, key: CatalogKey, now: i64) -> Authority {
        let view = &self.contexts[&id].view;
        let Some(cap) = self.device_cap(key.user, key.device, id, now) else {
            return Authority::Wait;
        };
        let has_cut = view.has_cut(key.user, key.device);
        if cap < Role::Writer || view.was_removed(key.user) {
            // What such a one wrote before is still wanted up to a cut; without one nothing new
            // of it is taken anywhere.
            return if has_cut { Authority::Granted } else { Authority::Excluded };
        }
        if view.role(key.user) >= Role::Writer || has_cut {
            Authority::Granted
        } else {
            Authority::Wait
        }
    }

    /// Tells whether envelope `n` of a catalog is not barred for good, as far as is known.
    pub(super) fn may_take(&self, id: ContextId, key: CatalogKey, n: u64, now: i64) -> bool {
        let context = &self.contexts[&id];
        let document = context.place(key).document();
        self.authority(id, key, now) != Authority::Excluded
            && context.view.cut_allows(key.user, key.device, document, n)
    }

    /// Leaves of judged envelopes those before the first that says more than the grant of its
    /// device allows; whatever follows it cannot be taken either. Tells whether any was left out.
    pub(super) fn within_grant(
        &self,
        cx: &Cx<'_>,
        id: ContextId,
        key: CatalogKey,
        accepted: &mut Vec<Accepted>,
    ) -> bool {
        let cap = self.device_cap(key.user, key.device, id, cx.now).unwrap_or(Role::None);
        if cap == Role::None {
            return false; // Taken up to a cut, which goes by what was said before.
        }
        let exceeds = |a: &Accepted| {
            let mut placed = a.statements.iter().filter_map(|statement| statement.placed());
            placed.any(|placed| placed.fact.needs() > cap)
        };
        let all = accepted.len();
        accepted.truncate(accepted.iter().position(exceeds).unwrap_or(all));
        accepted.len() < all
    }
}
