//! Who a peer is in a context, and whether it may be served there.
//!
//! A peer is admitted when its device is granted by its user's log and the user is a member, or
//! shows a redemption of a ticket that counts. Until the owner's statements are here nobody can
//! be judged: then nothing is served and nothing is said. A refusal is told once, with the signed
//! statement behind it where there is one, so that a removed follower is never left guessing.

use std::collections::BTreeMap;

use super::event::{Event, Severity, Standing};
use super::node::{Cx, Node};
use super::session::Admission;
use super::work::Work;
use crate::context::{Admission as AdmittedBy, Refused};
use crate::id::{ContextId, DeviceId, StatementId, UserId};
use crate::statement::{Access, Fact, Role, Statement, Verified};
use crate::wire::{DenyCode, LogDigest, Message, Tag};

impl Node {
    pub(super) fn on_open(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        user: UserId,
        log: LogDigest,
        redeem: Option<Vec<u8>>,
    ) {
        let Some(channel) = self.channel_mut(device, tag) else { return };
        if channel.user.is_some_and(|known| known != user) {
            return self.end_session(cx, device, Severity::Grave, "changed its user");
        }
        channel.user = Some(user);
        let context = channel.context;
        if self.is_blocked(user) {
            return self.bar(cx, device);
        }
        if let Some(bytes) = redeem {
            match Self::redemption(&bytes, context, user) {
                Ok(redeem) => {
                    self.channel_mut(device, tag).expect("just used").redeem = Some(redeem)
                }
                Err(reason) => return self.end_session(cx, device, Severity::Grave, &reason),
            }
        }
        self.ask_log(cx, device, tag, user, Some(log));
        self.evaluate(cx, device, tag);
    }

    /// Checks a redemption that a peer shows: signed by the ticket, for this context and user.
    fn redemption(bytes: &[u8], context: ContextId, user: UserId) -> Result<Verified, String> {
        let statement = Statement::decode(bytes).and_then(Statement::verify);
        let statement = statement.map_err(|e| format!("showed a redemption that is none: {e}"))?;
        match statement.fact() {
            Fact::Redeem(r) if r.context == context && r.user == user => Ok(statement),
            _ => Err("showed a redemption of another context or user".to_owned()),
        }
    }

    /// Tells whether a user has a part in a context: members, owners, who came in by a ticket, and
    /// of whom something was accepted. What only waits gives nobody a part.
    pub(super) fn is_known_in(&self, context: ContextId, user: UserId) -> bool {
        let Some(context) = self.contexts.get(&context) else { return false };
        user == self.user
            || context.view.role(user) > Role::None
            || context.came_in(user)
            || context.wrote(user)
    }

    /// Asks again for catalogs that could not be taken as the grants of a user stood.
    fn ask_anew(&mut self, user: UserId) {
        let channels = self.sessions.values_mut().flat_map(|session| session.channels.values_mut());
        for channel in channels {
            channel.set_aside.retain(|key, _| key.user != user);
        }
    }

    /// Looks again at everything that waited for a user's log, and passes the news on.
    pub(super) fn log_changed(&mut self, cx: &mut Cx<'_>, user: UserId) {
        let devices: Vec<DeviceId> =
            self.logs.get(&user).map_or_else(Vec::new, |log| log.devices().map(|d| d.0).collect());
        for device in devices {
            cx.emit(Event::Peer { device, user });
        }
        if self.is_blocked(user) {
            self.end_barred(cx);
        }
        let contexts: Vec<ContextId> =
            self.contexts.keys().copied().filter(|c| self.is_known_in(*c, user)).collect();
        for context in &contexts {
            for (device, tag) in self.admitted_channels(*context) {
                self.send_have(cx, device, tag, false);
            }
        }
        self.evaluate_all(cx);
        self.ask_anew(user);
        for context in self.contexts.keys().copied().collect::<Vec<_>>() {
            self.pump_context(cx, context);
        }
        for context in contexts {
            self.reach(cx, context, false);
        }
    }

    /// Judges every peer anew, in every context.
    pub(super) fn evaluate_all(&mut self, cx: &mut Cx<'_>) {
        for context in self.contexts.keys().copied().collect::<Vec<_>>() {
            for (device, tag) in self.channels_of(context) {
                self.evaluate(cx, device, tag);
            }
            // Whom a cut or a revocation takes off dashboards, or lets on.
            self.refresh_boards(cx, context);
        }
    }

    /// Judges whether a peer may be served in a context, and says so when that changed.
    pub(super) fn evaluate(&mut self, cx: &mut Cx<'_>, device: DeviceId, tag: Tag) {
        let Some((channel, context)) = self.channel(device, tag) else { return };
        let Some(user) = channel.user else { return };
        let (id, before) = (context.id(), channel.admission);
        let admission = self.judge_peer(cx.now, device, tag, user);
        let channel = self.channel_mut(device, tag).expect("the channel was just used");
        channel.admission = admission;
        let serves = channel.look_again();
        if admission.is_admitted() {
            self.note_redemption(cx, device, tag, user);
        }
        if serves {
            // A new provider: what nobody had is asked for again.
            self.retry_wants(id);
            self.pump_context(cx, id);
        }
        if admission == before {
            return;
        }
        match admission {
            Admission::Pending => {}
            Admission::Denied(code) => {
                let proof = self.proof_of_denial(id, user);
                cx.send(device, &Message::Deny { tag, code, proof });
            }
            Admission::Admitted(_) => {
                self.send_have(cx, device, tag, true);
                self.introduce(cx, device, tag);
                self.hand_over(cx, device, tag);
            }
        }
    }

    pub(super) fn judge_peer(
        &self,
        now: i64,
        device: DeviceId,
        tag: Tag,
        user: UserId,
    ) -> Admission {
        let Some((channel, context)) = self.channel(device, tag) else { return Admission::Pending };
        if self.broken(super::Defect::Authorise) {
            return Admission::Admitted(Role::Reader);
        }
        // Who was removed herself lets nobody in, and shows nobody the door.
        if !context.is_active() {
            return Admission::Pending;
        }
        let cap = match self.device_cap(user, device, context.id(), now) {
            None => return Admission::Pending,
            Some(Role::None) => return Admission::Denied(DenyCode::DeviceEnded),
            Some(cap) => cap,
        };
        let role = context.view.role(user);
        if role > Role::None {
            return Admission::Admitted(role.min(cap));
        }
        if context.view.was_removed(user) {
            return Admission::Denied(DenyCode::Removed);
        }
        // Before the owner's statements are here, nobody can be judged.
        let Some(about) = context.view.about() else { return Admission::Pending };
        if about.access == Access::Public {
            return Admission::Admitted(Role::Reader);
        }
        let Some(redeem) = &channel.redeem else {
            return Admission::Denied(DenyCode::NotAdmitted);
        };
        let Fact::Redeem(fact) = redeem.fact() else { return Admission::Pending };
        match context.admits(fact, now) {
            Ok(AdmittedBy::ByAnyMember(role)) => Admission::Admitted(role.min(cap)),
            Ok(AdmittedBy::ByOwner(_)) if self.my_role(context, now) == Role::Owner => {
                // Admitted once the member statement is stored; see `note_redemption`.
                Admission::Admitted(Role::Reader)
            }
            // Until an owner takes note of a new ticket an earlier one goes on to count.
            _ if context.honoured(user, now) => Admission::Admitted(Role::Reader.min(cap)),
            Ok(AdmittedBy::ByOwner(_)) => Admission::Denied(DenyCode::NeedsOwner),
            Err(Refused::Unknown(_)) if !context.is_owner(self.user) => Admission::Pending,
            Err(refused) => Admission::Denied(deny_code(&refused)),
        }
    }

    /// Returns the statement that removed a user or ended her ticket.
    fn proof_of_denial(&self, context: ContextId, user: UserId) -> Option<Vec<u8>> {
        let context = self.contexts.get(&context)?;
        context.view.removal_of(user).map(Verified::encode)
    }

    pub(super) fn on_deny(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        code: DenyCode,
        proof: Option<Vec<u8>>,
    ) {
        let user = self.user;
        let Some(channel) = self.channel_mut(device, tag) else { return };
        channel.denied = Some(code);
        channel.told = false;
        channel.serves = false;
        let context = channel.context;
        cx.emit(Event::NotAdmitted { context, device, reason: code.reason().to_owned() });
        // A peer's word is no proof; the owner's signed statement is.
        let Some(proof) = proof else { return };
        let Ok(statement) = Statement::decode(&proof).and_then(Statement::verify) else { return };
        let Some(placed) = statement.placed() else { return };
        let view = &self.contexts[&context].view;
        let by_owner = view.owners().iter().any(|owner| {
            self.device_cap(*owner, placed.place.device, context, cx.now) == Some(Role::Owner)
        });
        // One that was superseded since, shown again, does nothing.
        if by_owner && view.removes(user, &statement) {
            self.set_standing(cx, context, Standing::Removed);
        }
    }

    /// Statements that stand alone: redemptions of others, passed on so that every member can
    /// count and show them. They give their users a part, so that only a peer that is admitted
    /// brings them, and only those that admit still are taken.
    pub(super) fn on_statements(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        statements: Vec<Vec<u8>>,
    ) {
        let Some((channel, context)) = self.channel(device, tag) else { return };
        if !channel.is_admitted() {
            return;
        }
        let id = context.id();
        let mut redeems = Vec::new();
        // Peers say all they have again and again: what is here is not verified anew.
        let here = context.redemptions.values().chain(context.redeeming.values());
        let here: BTreeMap<StatementId, Verified> =
            here.map(|redeem| (redeem.id(), redeem.clone())).collect();
        let is_here = |statement: &Statement| {
            here.get(&statement.id()).is_some_and(|known| known.statement() == statement)
        };
        for bytes in statements {
            let verified = match Statement::decode(&bytes) {
                Ok(statement) if is_here(&statement) => continue,
                statement => statement.and_then(Statement::verify),
            };
            let verified = match verified {
                Ok(verified) => verified,
                Err(error) => {
                    let reason = format!("sent a statement that is none: {error}");
                    return self.end_session(cx, device, Severity::Grave, &reason);
                }
            };
            let Fact::Redeem(redeem) = verified.fact() else { continue };
            if redeem.context != id {
                return self.end_session(cx, device, Severity::Grave, "mixed up contexts");
            }
            let key = (redeem.user, redeem.ticket);
            let context = self.contexts.get_mut(&id).expect("the channel's context is here");
            if !context.redemptions.contains_key(&key) && context.keeps(redeem, cx.now) {
                context.redeeming.insert(key, verified.clone());
                redeems.push(verified);
            }
        }
        if !redeems.is_empty() {
            self.enqueue_work(cx, id, Work::Redeem(redeems));
        }
    }
}

fn deny_code(refused: &Refused) -> DenyCode {
    match refused {
        Refused::Unknown(_)
        | Refused::OtherContext(_)
        | Refused::OtherUser { .. }
        | Refused::Private => DenyCode::NotAdmitted,
        Refused::Ended(_) => DenyCode::TicketRevoked,
        Refused::Expired { .. } => DenyCode::TicketExpired,
        Refused::UsedUp { .. } => DenyCode::TicketUsedUp,
        Refused::Removed(_) => DenyCode::Removed,
    }
}
