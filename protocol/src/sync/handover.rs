//! What one device of a user tells another of hers: the contexts that she takes part in.
//!
//! A grant makes a device one of the user's; to take part in a context it also has to find the
//! others there, by the interest key. So two devices of one user, once a context let them find each
//! other, tell each other all that they take part in. Nobody else is told: the connection proves
//! the device, and this user's own identity log says that it is hers, now, and where it may act.
//! What is taken is only what such a device without a scope says. A context that was forgotten here
//! is not taken again until it is followed anew; one that was left stays left.

use super::context::Context;
use super::event::{ContextRecord, Standing, TicketUse};
use super::node::{Cx, Node, Task};
use super::work::Work;
use crate::api::Policy;
use crate::id::{ContextId, DeviceId, UserId};
use crate::identity;
use crate::limits;
use crate::statement::{Fact, Grant, Role, Statement};
use crate::wire::{HandedAdmission, HandedContext, Message, Tag};

impl Node {
    /// Tells a device of this user which contexts she takes part in, once on a session.
    pub(super) fn hand_over(&mut self, cx: &mut Cx<'_>, device: DeviceId, tag: Tag) {
        let told = self.sessions.get(&device).is_none_or(|session| session.handed);
        if told || self.sister(device).is_none() {
            return;
        }
        let contexts = self.handed_to(device, cx.now);
        for contexts in contexts.chunks(limits::HANDED_CONTEXTS) {
            cx.send(device, &Message::Contexts { tag, contexts: contexts.to_vec() });
        }
        if let Some(session) = self.sessions.get_mut(&device) {
            session.handed = true;
        }
    }

    /// Returns what a device of this user may know of the contexts that she takes part in; nothing
    /// to any other device.
    pub fn handed_to(&self, device: DeviceId, now: i64) -> Vec<HandedContext> {
        let Some(grant) = self.sister(device) else { return Vec::new() };
        let contexts = self.contexts.values().filter(|context| {
            context.stored && context.is_active() && grant.permits(context.id(), now).is_some()
        });
        contexts.map(Context::handed).collect()
    }

    /// Returns every context that this user takes part in, to be carried along by this very device.
    pub fn handed(&self) -> Vec<HandedContext> {
        let contexts = self.contexts.values().filter(|c| c.stored && c.is_active());
        contexts.map(Context::handed).collect()
    }

    /// Returns the grant of another device of this user, also one that ended in time: that is what
    /// ends its session, and permits nothing.
    fn sister(&self, device: DeviceId) -> Option<&Grant> {
        if device == self.device {
            return None;
        }
        match self.logs.get(&self.user)?.standing(device) {
            identity::Standing::Granted(grant) => Some(grant),
            _ => None,
        }
    }

    /// Takes in contexts of this user that another device of hers takes part in.
    pub(super) fn on_contexts(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        contexts: Vec<HandedContext>,
    ) {
        if self.channel(device, tag).is_none() {
            return;
        }
        // A device whose grant is limited speaks for a part of her only. Whoever is none of hers
        // as far as is known here may be one by what comes later: no fault.
        if self.sister(device).is_none_or(|grant| grant.scope.is_some()) {
            return;
        }
        let mut taken = Vec::new();
        for handed in contexts {
            let id = handed.genesis.id();
            if self.takes_part_in(id, cx.now)
                && let Some(record) = ContextRecord::handed(handed, self.user)
            {
                self.insert_context(Context::new(record));
                taken.push(id);
            }
        }
        let last = taken.last().copied();
        for id in taken {
            self.enqueue_work(cx, id, Work::Taken { hello: Some(id) == last });
        }
    }

    /// Tells whether a context that a device of this user names is new here and wanted.
    fn takes_part_in(&self, id: ContextId, now: i64) -> bool {
        let forgets =
            |task: &Task| matches!(task, Task::Forget { context, .. } if context.id() == id);
        !self.contexts.contains_key(&id)
            && !self.forgotten.contains(&id)
            && self.contexts.len() < limits::HELLO_TAGS_MAX
            && !self.tasks.values().any(forgets)
            && self.device_cap(self.user, self.device, id, now).is_some_and(|cap| cap > Role::None)
    }
}

impl Context {
    /// Returns what another device of this user is told of it.
    fn handed(&self) -> HandedContext {
        let mut interests = self.interests();
        interests.truncate(limits::HANDED_INTERESTS);
        let by = self.record.admission.as_ref().map(|by| HandedAdmission {
            redeem: by.redeem.clone(),
            role: by.role,
            devices: by.devices.iter().take(limits::TICKET_ADDRS).cloned().collect(),
        });
        HandedContext { genesis: self.record.genesis.clone(), interests, admission: by }
    }
}

impl ContextRecord {
    /// Returns the record of a context that another device of `user` told; nothing where the
    /// redemption in it is none of hers. Of contexts that she began all bytes are brought, of
    /// others those of current heads.
    pub fn handed(handed: HandedContext, user: UserId) -> Option<Self> {
        let id = handed.genesis.id();
        if let Some(by) = &handed.admission {
            let redeem = Statement::decode(&by.redeem).and_then(Statement::verify).ok()?;
            match redeem.fact() {
                Fact::Redeem(fact) if fact.context == id && fact.user == user => {}
                _ => return None,
            }
        }
        let own = handed.genesis.owners.contains(&user);
        Some(ContextRecord {
            genesis: handed.genesis,
            interest: handed.interests,
            policy: if own { Policy::All } else { Policy::Heads }.into(),
            standing: Standing::NEW,
            admission: handed.admission.map(|by| TicketUse {
                redeem: by.redeem,
                role: by.role,
                devices: by.devices,
            }),
        })
    }
}
