//! Blocked users: this node has nothing more to do with any device of theirs.
//!
//! A block is local and told to nobody. No session is kept with a device that the identity logs
//! make one of theirs, so nothing comes from it and nothing goes to it. What they state in a
//! context that is shared with others still arrives through those: without it this node would
//! stop agreeing with them on who may do what. It is not shown, and no frame of theirs is brought.

use super::event::{CommandError, CommandId, Event, Output, Record, Reply};
use super::node::{Cx, Node, Task};
use crate::id::{ContextId, DeviceId, UserId};

impl Node {
    /// Tells whether a user is blocked.
    pub fn is_blocked(&self, user: UserId) -> bool {
        self.blocked.contains(&user)
    }

    /// Returns who is blocked.
    pub fn blocked(&self) -> impl Iterator<Item = UserId> {
        self.blocked.iter().copied()
    }

    /// Tells whether a device is one of a blocked user, as far as her identity log is here.
    pub(super) fn is_barred(&self, device: DeviceId) -> bool {
        let logs = self.blocked.iter().filter_map(|user| self.logs.get(user));
        logs.into_iter().any(|log| {
            log.devices().any(|(granted, _)| granted == device)
                || log.retired().contains_key(&device)
        })
    }

    pub(super) fn block(&mut self, cx: &mut Cx<'_>, id: CommandId, user: UserId, blocked: bool) {
        if user == self.user {
            return cx.reply(id, Err(CommandError::BlocksOneself));
        }
        let records = vec![Record::Block { user, blocked }];
        self.store(cx, records, Task::Block { user, blocked, command: id });
    }

    pub(super) fn block_stored(
        &mut self,
        cx: &mut Cx<'_>,
        user: UserId,
        blocked: bool,
        command: CommandId,
    ) {
        let changed = match blocked {
            true => self.blocked.insert(user),
            false => self.blocked.remove(&user),
        };
        cx.reply(command, Ok(Reply::Done));
        if !changed {
            return;
        }
        self.end_barred(cx);
        cx.emit(Event::Blocked { user });
        for context in self.contexts.keys().copied().collect::<Vec<ContextId>>() {
            cx.emit(Event::Context(context));
            if !blocked {
                self.want_all_heads(context);
                self.reach(cx, context, true);
                self.pump_context(cx, context);
            }
        }
    }

    /// Ends every session with a blocked user.
    pub(super) fn end_barred(&mut self, cx: &mut Cx<'_>) {
        let barred: Vec<DeviceId> = self
            .sessions
            .iter()
            .filter(|(device, session)| {
                let mut users = session.channels.values().filter_map(|channel| channel.user);
                self.is_barred(**device) || users.any(|user| self.is_blocked(user))
            })
            .map(|(device, _)| *device)
            .collect();
        for device in barred {
            self.bar(cx, device);
        }
    }

    /// Ends a session without a word: a blocked user learns nothing of it.
    pub(super) fn bar(&mut self, cx: &mut Cx<'_>, device: DeviceId) {
        cx.out.push(Output::Close { device, again: false });
        self.drop_session(cx, device);
    }
}
