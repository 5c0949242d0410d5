//! Who came in by a ticket, and what an owner owes him for it.
//!
//! Any member may honour a reader's ticket without a count, and lets its holder in before an owner
//! knows. An owner makes every holder a member: once, as long as the ticket holds, and never anybody
//! whom an owner lowered since. What is owed follows from the view and the stored redemptions alone,
//! so that nothing is lost where a node stops between the two.

use super::context::Context;
use super::event::Command;
use super::node::{Cx, Node};
use super::work::Work;
use crate::context::{Admission as AdmittedBy, Refused};
use crate::id::{ContextId, DeviceId, PublicKey, UserId};
use crate::limits;
use crate::statement::{Fact, Redeem, Role, Verified};
use crate::wire::Tag;

impl Context {
    /// Tells whether a user came in by any ticket, as far as is known.
    pub(super) fn came_in(&self, user: UserId) -> bool {
        self.redemptions_of(user).next().is_some()
    }

    /// Tells whom a redemption admits now, counting those whom its ticket admitted.
    pub(super) fn admits(&self, redeem: &Redeem, now: i64) -> Result<AdmittedBy, Refused> {
        let known = self.redemptions.keys().chain(self.redeeming.keys());
        let others = known.filter(|(user, key)| *key == redeem.ticket && *user != redeem.user);
        let admitted = u32::try_from(others.count()).unwrap_or(u32::MAX);
        self.view.admits(redeem, redeem.user, admitted, now)
    }

    fn redemptions_of(&self, user: UserId) -> impl Iterator<Item = &Verified> {
        let first = (user, PublicKey::from_bytes([0; 32]));
        let all = self.redemptions.range(first..).take_while(move |((of, _), _)| *of == user);
        all.map(|(_, redeem)| redeem)
    }

    /// Tells whether a redemption is to be kept that is not yet: while it admits, and its ticket
    /// did not name too many already.
    pub(super) fn keeps(&self, redeem: &Redeem, now: i64) -> bool {
        let known = self.redemptions.keys().chain(self.redeeming.keys());
        let of_ticket = known.filter(|(_, ticket)| *ticket == redeem.ticket).count();
        of_ticket < limits::REDEMPTIONS
            && !self.redeeming.contains_key(&(redeem.user, redeem.ticket))
            && self.admits(redeem, now).is_ok()
    }

    /// Tells whether a stored redemption of a user is one that any member honours.
    pub(super) fn honoured(&self, user: UserId, now: i64) -> bool {
        self.redemptions_of(user).any(|redeem| match redeem.fact() {
            Fact::Redeem(fact) => {
                matches!(self.admits(fact, now), Ok(AdmittedBy::ByAnyMember(_)))
            }
            _ => false,
        })
    }
}

impl Node {
    /// Keeps the redemption of a peer whom it admits; as an owner makes her a member where only an
    /// owner may admit.
    pub(super) fn note_redemption(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        user: UserId,
    ) {
        let Some((channel, context)) = self.channel(device, tag) else { return };
        let (id, Some(redeem)) = (context.id(), channel.redeem.clone()) else { return };
        let Fact::Redeem(fact) = redeem.fact() else { return };
        let ticket = fact.ticket;
        if context.admits(fact, cx.now).is_err() {
            return; // She is a member without it.
        }
        if context.redemptions.contains_key(&(user, ticket)) {
            self.admit(cx, id, user, ticket);
        } else if context.keeps(fact, cx.now) {
            let context = self.contexts.get_mut(&id).expect("just used");
            context.redeeming.insert((user, ticket), redeem.clone());
            self.enqueue_work(cx, id, Work::Redeem(vec![redeem]));
        }
    }

    /// Admits whom a stored redemption still owes a role: after a start.
    pub(super) fn settle_redemptions(&mut self, cx: &mut Cx<'_>) {
        let contexts = self.contexts.iter();
        let all = contexts.flat_map(|(id, c)| c.redemptions.keys().map(|key| (*id, *key)));
        for (id, (user, ticket)) in all.collect::<Vec<_>>() {
            self.admit(cx, id, user, ticket);
        }
    }

    /// Queues the member statement that a stored redemption is owed, if it is and does not wait.
    pub(super) fn admit(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        user: UserId,
        ticket: PublicKey,
    ) {
        let Some(context) = self.contexts.get(&id) else { return };
        if self.owed(context, user, ticket, cx.now).is_none() {
            return;
        }
        let waits = context.queue.iter().chain(&context.again).any(|work| match work {
            Work::Command(_, Command::Admit { user: other, ticket: by, .. }) => {
                (*other, *by) == (user, ticket)
            }
            _ => false,
        });
        if !waits {
            self.enqueue(cx, id, None, Command::Admit { context: id, user, ticket });
        }
    }

    /// Returns the role that this node, as an owner's, is to give for a stored redemption.
    pub(super) fn owed(
        &self,
        context: &Context,
        user: UserId,
        ticket: PublicKey,
        now: i64,
    ) -> Option<Role> {
        let Fact::Redeem(redeem) = context.redemptions.get(&(user, ticket))?.fact() else {
            return None;
        };
        match context.admits(redeem, now) {
            // Whom any member lets in is made a member too: else she would be out once the ticket is
            // past its time.
            Ok(AdmittedBy::ByOwner(role) | AdmittedBy::ByAnyMember(role)) => {
                let owner = self.my_role(context, now) == Role::Owner;
                (owner && context.view.highest_role(user) < role).then_some(role)
            }
            Err(_) => None,
        }
    }
}
