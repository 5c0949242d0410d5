//! What this node writes of a context on its user's behalf, one piece of work at a time.
//!
//! A piece sees all those before it, and takes effect once it is stored: only then is it told to
//! peers, programs and whoever waits for the answer. One that cannot be stored fails with the
//! disk's reason, or is done again later where nobody waits for it.

use super::commands::random;
use super::context::{BlobPhase, Context, FrameWant};
use super::event::{
    Command, CommandError, CommandId, ContextRecord, Event, Record, Reply, Standing, TicketUse,
};
use super::node::{Cx, Node, Task};
use super::restored::{Renewal, Why};
use crate::id::{ContextId, DeviceId};
use crate::limits;
use crate::policy::FollowPolicy;
use crate::statement::{Fact, Verified};
use crate::ticket::Ticket;

/// How long work that nobody waits for rests after the disk refused it, in milliseconds.
const AGAIN_MS: i64 = 5_000;

/// A piece of work.
#[derive(Clone, Debug)]
pub(super) enum Work {
    /// What the user wants, with whom to answer; or what follows from being an owner.
    Command(Option<CommandId>, Command),
    /// The context stands otherwise.
    Standing(Standing),
    /// Others came in by tickets.
    Redeem(Vec<Verified>),
    /// Another device of the user told of the context: it is stored as it is.
    Taken {
        /// Whether sessions have to find each other anew.
        hello: bool,
    },
}

/// Another record of a context on its way to the store.
#[derive(Debug)]
pub(super) struct Change {
    record: ContextRecord,
    reply: Option<(CommandId, Reply)>,
    /// Whether sessions have to find each other anew.
    hello: bool,
    /// What to do again when it cannot be stored.
    again: Option<Work>,
}

impl Work {
    /// Tells whether a statement of this device comes of it.
    fn states(&self) -> bool {
        match self {
            Work::Standing(_) | Work::Redeem(_) | Work::Taken { .. } => false,
            Work::Command(_, command) => !matches!(
                command,
                Command::SetPolicy { .. }
                    | Command::Leave { .. }
                    | Command::Rejoin { .. }
                    | Command::Forget { .. }
                    | Command::Follow { .. }
                    | Command::Accept { .. }
                    | Command::OpenArchive { .. }
                    | Command::CloseArchive { .. }
            ),
        }
    }

    /// Returns the same to do again, where nobody waits for it.
    pub(super) fn unattended(&self) -> Option<Work> {
        match self {
            // What is not taken is told again.
            Work::Command(Some(_), _) | Work::Taken { .. } => None,
            Work::Command(None, _) | Work::Standing(_) | Work::Redeem(_) => Some(self.clone()),
        }
    }
}

impl Node {
    /// Lets a command wait for its turn.
    pub(super) fn enqueue(
        &mut self,
        cx: &mut Cx<'_>,
        context: ContextId,
        id: Option<CommandId>,
        command: Command,
    ) {
        if self.contexts.contains_key(&context) {
            return self.enqueue_work(cx, context, Work::Command(id, command));
        }
        if let Some(id) = id {
            cx.reply(id, Err(CommandError::NoContext(context)));
        }
    }

    pub(super) fn enqueue_work(&mut self, cx: &mut Cx<'_>, id: ContextId, work: Work) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        context.queue.push_back(work);
        self.work_next(cx, id);
    }

    /// Begins the next piece of work of a context, unless one is under way.
    pub(super) fn work_next(&mut self, cx: &mut Cx<'_>, id: ContextId) {
        loop {
            let full = self.is_full(id);
            let Some(context) = self.contexts.get_mut(&id).filter(|c| !c.working) else { return };
            let Some(work) = context.queue.front() else { return };
            match self.renewal {
                Renewal::Running if work.states() => return,
                Renewal::Due(why) if work.states() => return self.renew(cx, why),
                Renewal::None if full && work.states() => return self.renew(cx, Why::Full),
                _ => {}
            }
            let work = context.queue.pop_front().expect("just looked at");
            self.begin(cx, id, work);
        }
    }

    /// Goes on after a piece of work and all that followed from it. Until then none begins: the
    /// next may forget the context.
    pub(super) fn work_done(&mut self, cx: &mut Cx<'_>, id: ContextId) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        context.working = false;
        self.work_next(cx, id);
    }

    fn begin(&mut self, cx: &mut Cx<'_>, id: ContextId, work: Work) {
        let again = work.unattended();
        let context = &self.contexts[&id];
        let mut record = context.record.clone();
        match work {
            // What was decided meanwhile stays: who was removed or left is not synced after all.
            Work::Standing(to) if !record.standing.may_become(to) => {}
            Work::Standing(to) => {
                record.standing = to;
                let change = Change { record, reply: None, hello: false, again };
                self.change_record(cx, id, change);
            }
            Work::Redeem(redeems) => self.store_redemptions(cx, id, redeems),
            Work::Taken { hello } => {
                self.change_record(cx, id, Change { record, reply: None, hello, again });
            }
            Work::Command(Some(command), Command::SetPolicy { policy, .. }) => {
                record.policy = policy;
                let reply = Some((command, Reply::Done));
                self.change_record(cx, id, Change { record, reply, hello: false, again });
            }
            Work::Command(Some(command), Command::Leave { .. }) => {
                record.standing = Standing::Left;
                let reply = Some((command, Reply::Done));
                self.change_record(cx, id, Change { record, reply, hello: true, again });
            }
            Work::Command(Some(command), Command::Rejoin { .. }) => {
                if record.standing == Standing::Left {
                    let synced = self.was_synced(id, record.standing);
                    record.standing = Standing::Active { synced };
                }
                let reply = Reply::Following { context: id, known: context.is_active() };
                let reply = Some((command, reply));
                self.change_record(cx, id, Change { record, reply, hello: true, again });
            }
            Work::Command(Some(command), Command::Follow { ticket, policy }) => {
                let reply = Reply::Following { context: id, known: context.is_active() };
                let record = self.followed(cx, record, &ticket, policy);
                let reply = Some((command, reply));
                self.change_record(cx, id, Change { record, reply, hello: true, again });
            }
            Work::Command(Some(command), Command::Accept { policy, .. }) => {
                let reply = Reply::Following { context: id, known: context.is_active() };
                let record = self.accepted_offer(record, id, policy);
                let reply = Some((command, reply));
                self.change_record(cx, id, Change { record, reply, hello: true, again });
            }
            Work::Command(Some(command), Command::OpenArchive { .. }) => {
                let reply = Reply::Following { context: id, known: context.stored };
                let reply = Some((command, reply));
                self.change_record(cx, id, Change { record, reply, hello: false, again });
            }
            Work::Command(Some(command), Command::CloseArchive { .. }) => {
                record.standing = self.standing_after_archive(context);
                let hello = record.standing != context.record.standing;
                let reply = Some((command, Reply::Done));
                self.change_record(cx, id, Change { record, reply, hello, again });
            }
            Work::Command(Some(command), Command::Forget { .. }) => self.forget(cx, id, command),
            Work::Command(reply, command) => {
                let stated = self.state(cx, id, reply, command, again);
                match (stated, reply) {
                    (Err(error), Some(reply)) => cx.reply(reply, Err(error)),
                    (Err(error), None) => {
                        cx.emit(Event::Failed { context: id, reason: error.to_string() });
                    }
                    (Ok(()), _) => {}
                }
                self.drop_unstored(cx, id);
            }
        }
    }

    /// Forgets a context of which nothing came to be stored.
    fn drop_unstored(&mut self, cx: &mut Cx<'_>, id: ContextId) {
        if self.contexts.get(&id).is_none_or(|context| context.stored || context.working) {
            return;
        }
        let context = self.contexts.remove(&id).expect("just looked at");
        refuse_all(cx, id, context.queue);
    }

    // The record of a context.

    fn change_record(&mut self, cx: &mut Cx<'_>, id: ContextId, change: Change) {
        let context = self.contexts.get_mut(&id).expect("the caller has it");
        if context.stored && context.record == change.record {
            if let Some((command, reply)) = change.reply {
                cx.reply(command, Ok(reply));
            }
            return;
        }
        context.working = true;
        let records = vec![Record::Context(change.record.clone())];
        self.store(cx, records, Task::Record { context: id, change: Box::new(change) });
    }

    pub(super) fn record_stored(&mut self, cx: &mut Cx<'_>, id: ContextId, change: Change) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        let (policy, active) = (context.record.policy.clone(), context.is_active());
        context.stored = true;
        context.record = change.record;
        if let Some((command, reply)) = change.reply {
            cx.reply(command, Ok(reply));
        }
        cx.emit(Event::Context(id));
        if policy != self.contexts[&id].record.policy {
            self.policy_changed(cx, id);
        }
        self.offer_done(cx, id);
        if change.hello {
            self.hello_again(cx);
            self.reach(cx, id, true);
        } else if active != self.contexts[&id].is_active() {
            // Removed, or taken back: nobody is let in any more, or everybody anew.
            for (device, tag) in self.channels_of(id) {
                self.evaluate(cx, device, tag);
            }
            self.reach(cx, id, true);
        }
        self.work_done(cx, id);
    }

    pub(super) fn record_failed(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        change: Change,
        error: CommandError,
    ) {
        if let Some((command, _)) = change.reply {
            cx.reply(command, Err(error));
        }
        self.work_failed(cx, id, change.again);
    }

    /// Goes on after a piece of work that could not be stored.
    pub(super) fn work_failed(&mut self, cx: &mut Cx<'_>, id: ContextId, again: Option<Work>) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        context.working = false;
        context.later(cx.now, again);
        self.drop_unstored(cx, id);
        self.work_next(cx, id);
    }

    /// Lets a context stand otherwise, once that is stored.
    pub(super) fn set_standing(&mut self, cx: &mut Cx<'_>, id: ContextId, to: Standing) {
        self.enqueue_work(cx, id, Work::Standing(to));
    }

    // Following.

    pub(super) fn follow(
        &mut self,
        cx: &mut Cx<'_>,
        id: CommandId,
        ticket: Box<Ticket>,
        policy: FollowPolicy,
    ) {
        let context = ticket.context();
        let over = ticket
            .until
            .is_some_and(|until| until.saturating_add(limits::TICKET_GRACE_MS) < cx.now);
        if over {
            let error = CommandError::Ticket("the ticket is past its time".to_owned());
            return cx.reply(id, Err(error));
        }
        let known = self.contexts.get(&context);
        if known.is_some_and(|known| known.is_owner(self.user)) {
            let error = CommandError::Ticket("the ticket is for a context of your own".to_owned());
            return cx.reply(id, Err(error));
        }
        if self.is_being_forgotten(context) {
            let error = CommandError::Ticket("the context is still being forgotten".to_owned());
            return cx.reply(id, Err(error));
        }
        if known.is_none() {
            self.forgotten.remove(&context);
            self.insert_context(Context::new(ContextRecord {
                genesis: ticket.genesis.clone(),
                interest: Vec::new(),
                policy: policy.clone(),
                standing: Standing::NEW,
                admission: None,
            }));
        }
        self.enqueue(cx, context, Some(id), Command::Follow { ticket, policy });
    }

    /// Tells whether a context is on its way out, and may not come back yet.
    pub(super) fn is_being_forgotten(&self, context: ContextId) -> bool {
        let forgets =
            |task: &Task| matches!(task, Task::Forget { context: c, .. } if c.id() == context);
        self.tasks.values().any(forgets)
    }

    /// Returns the record of a context as a ticket makes it.
    fn followed(
        &self,
        cx: &mut Cx<'_>,
        mut record: ContextRecord,
        ticket: &Ticket,
        policy: FollowPolicy,
    ) -> ContextRecord {
        let redeem = ticket.redeem(self.user, random(cx)).encode();
        let devices: Vec<(DeviceId, String)> =
            ticket.addrs.iter().map(|addr| (addr.device, addr.address.clone())).collect();
        record.interest.retain(|i| i.generation != ticket.interest.generation);
        record.interest.push(ticket.interest.clone());
        let synced = self.was_synced(ticket.context(), record.standing);
        record.standing = Standing::Active { synced };
        record.policy = policy;
        record.admission = Some(TicketUse { redeem, role: ticket.role, devices });
        record
    }

    /// Tells whether a context was synced once. One may leave before that; what an owner says of
    /// it comes with the first sync.
    pub(super) fn was_synced(&self, context: ContextId, standing: Standing) -> bool {
        match standing {
            Standing::Active { synced } => synced,
            Standing::Left => {
                let context = self.contexts.get(&context);
                context.is_some_and(|context| context.view.about().is_some())
            }
            Standing::Removed | Standing::Archived => false,
        }
    }

    // Forgetting.

    /// Takes a context out with everything that is under way in it: what ends later finds no
    /// task, and so can never enter another instance of the context.
    fn forget(&mut self, cx: &mut Cx<'_>, id: ContextId, command: CommandId) {
        let mut context = self.contexts.remove(&id).expect("the caller has it");
        self.tasks.retain(|_, task| task.context() != Some(id));
        refuse_all(cx, id, std::mem::take(&mut context.queue));
        for waiting in std::mem::take(&mut context.waiting_fetches) {
            cx.reply(waiting.id, Err(CommandError::NoContext(id)));
        }
        let task = Task::Forget { context: Box::new(context), command };
        self.store(cx, vec![Record::ForgetContext(id)], task);
        self.hello_again(cx);
    }

    pub(super) fn forgotten(&mut self, cx: &mut Cx<'_>, id: ContextId, command: CommandId) {
        self.forgotten.insert(id);
        cx.reply(command, Ok(Reply::Done));
        cx.emit(Event::Context(id));
    }

    /// Puts a context back that could not be forgotten.
    pub(super) fn forget_failed(
        &mut self,
        cx: &mut Cx<'_>,
        mut context: Context,
        command: CommandId,
        error: CommandError,
    ) {
        context.come_to_rest();
        self.insert_context(context);
        cx.reply(command, Err(error));
        self.hello_again(cx);
    }

    // Redemptions.

    fn store_redemptions(&mut self, cx: &mut Cx<'_>, id: ContextId, redeems: Vec<Verified>) {
        self.contexts.get_mut(&id).expect("the caller has it").working = true;
        let record = |r: &Verified| Record::Redemption { context: id, redeem: r.encode() };
        let records = redeems.iter().map(record).collect();
        self.store(cx, records, Task::Redeem { context: id, redeems });
    }

    pub(super) fn redeemed(&mut self, cx: &mut Cx<'_>, id: ContextId, redeems: Vec<Verified>) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        let mut owed = Vec::new();
        for redeem in redeems {
            let Fact::Redeem(fact) = redeem.fact() else { continue };
            let (ticket, user) = (fact.ticket, fact.user);
            context.redeeming.remove(&(user, ticket));
            context.redemptions.insert((user, ticket), redeem);
            cx.emit(Event::TicketUsed { context: id, ticket, user });
            owed.push((user, ticket));
        }
        for (user, ticket) in owed {
            self.admit(cx, id, user, ticket);
        }
        self.work_done(cx, id);
    }

    // Again.

    /// Fails the statements that wait, because none can be made now.
    pub(super) fn fail_statements(&mut self, cx: &mut Cx<'_>, id: ContextId, error: &CommandError) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        let (states, rest) = std::mem::take(&mut context.queue).into_iter().partition(Work::states);
        context.queue = rest;
        for work in Vec::from(states) {
            let again = work.unattended();
            if let Work::Command(Some(command), _) = work {
                cx.reply(command, Err(error.clone()));
            }
            context.later(cx.now, again);
        }
        self.drop_unstored(cx, id);
        self.work_next(cx, id);
    }

    /// Does again what the disk refused, when it rested long enough.
    pub(super) fn work_again(&mut self, cx: &mut Cx<'_>) {
        for id in self.contexts.keys().copied().collect::<Vec<_>>() {
            let context = self.contexts.get_mut(&id).expect("just listed");
            if context.again_at.is_some_and(|at| at <= cx.now) {
                context.again_at = None;
                let again = std::mem::take(&mut context.again);
                context.queue.extend(again);
                self.work_next(cx, id);
            }
        }
    }
}

impl Standing {
    /// Tells whether what is learnt from others leads from one to the other: whoever left went of
    /// her own accord, and whoever was removed begins anew.
    fn may_become(self, to: Standing) -> bool {
        match self {
            Standing::Active { .. } => true,
            Standing::Removed | Standing::Archived => to == Standing::NEW,
            Standing::Left => false,
        }
    }
}

impl Context {
    /// Keeps work for later.
    fn later(&mut self, now: i64, work: Option<Work>) {
        if work.is_some() {
            self.again.extend(work);
            self.again_at.get_or_insert(now + AGAIN_MS);
        }
    }

    /// Forgets what was under way.
    fn come_to_rest(&mut self) {
        for catalog in self.catalogs.values_mut() {
            catalog.busy = false;
        }
        for slot in self.boards.values_mut() {
            slot.come_to_rest();
        }
        for want in self.frame_wants.values_mut() {
            let roots = std::mem::take(&mut want.roots);
            *want = FrameWant { roots, ..FrameWant::at(want.depth) };
        }
        for state in self.blob_wants.values_mut() {
            state.phase = BlobPhase::Idle;
        }
    }
}

fn refuse_all(cx: &mut Cx<'_>, id: ContextId, queue: impl IntoIterator<Item = Work>) {
    for work in queue {
        if let Work::Command(Some(command), _) = work {
            cx.reply(command, Err(CommandError::NoContext(id)));
        }
    }
}
