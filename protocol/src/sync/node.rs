//! The engine itself: its state, the dispatch of inputs, timers and dialling.

use std::collections::{BTreeMap, BTreeSet};

use rand::Rng;

use super::archive::Import;
use super::boards::{BoardTaken, BoardWritten};
use super::catalogs::Accepted;
use super::context::Context;
use super::defect::Defect;
use super::dials::Dial;
use super::event::{
    BlobWant, CommandError, CommandId, Event, Input, Output, Provider, Record, Reply, Severity,
    Standing, StoredOffer, TaskId, TaskResult,
};
use super::logs::{EntrySource, Intakes};
use super::restore::RestoreError;
use super::restored::{Renewal, Why};
use super::session::Session;
use super::work::{Change, Work};
use crate::doc::{BoardEdit, Envelope, ForkProof};
use crate::id::{BlobHash, ContextId, DeviceId, FrameId, Incarnation, StackId, UserId};
use crate::identity::IdentityLog;
use crate::key::SecretKey;
use crate::statement::Verified;
use crate::wire::{BoardKey, ByeCode, CatalogKey, Message, Tag};

/// What an engine is made of.
#[derive(Debug)]
pub struct Config {
    /// Who I am.
    pub user: UserId,
    /// The key of this device.
    pub key: SecretKey,
    /// A planted defect, for the simulator.
    pub defect: Option<Defect>,
}

/// The sync engine of one daemon.
#[derive(Debug)]
pub struct Node {
    pub(super) user: UserId,
    pub(super) device: DeviceId,
    pub(super) key: SecretKey,
    pub(super) inc: Incarnation,
    defect: Option<Defect>,
    /// Identity logs, as far as they are durable.
    pub(super) logs: BTreeMap<UserId, IdentityLog>,
    pub(super) intakes: Intakes,
    pub(super) renewal: Renewal,
    pub(super) skipped: Vec<RestoreError>,
    pub(super) contexts: BTreeMap<ContextId, Context>,
    /// Contexts that were forgotten here, which no other device of this user brings back.
    pub(super) forgotten: BTreeSet<ContextId>,
    pub(super) sessions: BTreeMap<DeviceId, Session>,
    pub(super) tasks: BTreeMap<TaskId, Task>,
    next_task: u64,
    /// Where devices can be reached by their own word; this one's too.
    pub(super) stated: BTreeMap<DeviceId, Vec<String>>,
    pub(super) dials: BTreeMap<DeviceId, Dial>,
    /// Users with whom this node has nothing more to do.
    pub(super) blocked: BTreeSet<UserId>,
    /// Contexts that others offer.
    pub(super) offers: BTreeMap<ContextId, StoredOffer>,
    /// Parts of archives that are being judged or stored.
    pub(super) imports: Vec<Import>,
    wake_at: Option<i64>,
}

/// What goes on when a task ends.
#[derive(Debug)]
pub(super) enum Task {
    /// Nothing: it only spares work after a restart.
    Stored,
    /// An identity log goes on: this is it, with the new entries.
    Entries { user: UserId, log: Box<IdentityLog>, source: EntrySource },
    /// A new incarnation begins, because of what was met in a context.
    Incarnation { inc: Incarnation, why: Why },
    /// Another record of a context takes effect.
    Record { context: ContextId, change: Box<Change> },
    /// A user is blocked, or is not any more.
    Block { user: UserId, blocked: bool, command: CommandId },
    /// An offer is not shown any more.
    Declined { offer: Box<StoredOffer>, command: CommandId },
    /// A context is forgotten, and kept until then in case it cannot be.
    Forget { context: Box<Context>, command: CommandId },
    /// Redemptions of others count.
    Redeem { context: ContextId, redeems: Vec<Verified> },
    /// My own statements take effect and are announced.
    Publish(Box<Publish>),
    /// Envelopes of another device are being judged.
    Judge { context: ContextId, key: CatalogKey, envelopes: Vec<(Envelope, DeviceId)> },
    /// Judged envelopes take effect and are passed on.
    Accept { context: ContextId, key: CatalogKey, accepted: Vec<Accepted>, from: DeviceId },
    /// A fork counts, and its proof is passed on, but not to whom it came from.
    Fork { context: ContextId, key: CatalogKey, proof: Box<ForkProof>, from: Option<DeviceId> },
    /// Envelopes of a dashboard are being judged.
    BoardJudge { context: ContextId, board: BoardKey, envelopes: Vec<(DeviceId, UserId, Envelope)> },
    /// Judged envelopes of a dashboard take effect and are passed on.
    BoardTaken { context: ContextId, board: BoardKey, taken: Box<BoardTaken> },
    /// An own change of a dashboard takes effect and is announced.
    BoardWritten { context: ContextId, board: BoardKey, written: Box<BoardWritten> },
    /// A fork on a dashboard counts, and its proof is passed on.
    BoardFork {
        context: ContextId,
        board: BoardKey,
        key: CatalogKey,
        proof: Box<ForkProof>,
        from: Option<DeviceId>,
    },
    /// Frames that came are here.
    Frames { context: ContextId, frames: Vec<(FrameId, super::FrameMeta)> },
    /// Frames go to a peer that asked.
    SendFrames { device: DeviceId, context: ContextId, tag: Tag, asked: Vec<FrameId> },
    /// A directory or lineage object is read.
    Read { context: ContextId, want: BlobWant },
    /// Blobs are being fetched.
    Fetch { context: ContextId },
    /// Blobs are let go.
    Dropped { context: ContextId, command: CommandId, undo: Vec<BlobHash> },
    /// Blobs that were let go are here again.
    TakenBack { context: ContextId, command: CommandId, blobs: Vec<BlobHash> },
    /// Blobs that were fetched are earned.
    Earned { context: ContextId, wants: Vec<BlobWant> },
}

/// Statements of mine on their way to the store.
#[derive(Debug)]
pub(super) struct Publish {
    pub context: ContextId,
    pub reply: Option<(CommandId, Reply)>,
    pub envelope: Envelope,
    pub tip: crate::doc::Tip,
    pub statements: Vec<Verified>,
    pub frames: Vec<(FrameId, super::FrameMeta)>,
    /// A stack to name in the event, with whether it is new.
    pub stack: Option<(StackId, bool)>,
    /// A dashboard that the statements make or begin anew, and how it goes on.
    pub board: Option<(BoardKey, NewBoard)>,
    /// What to do again when they cannot be stored.
    pub again: Option<Work>,
}

/// How a dashboard goes on after a statement about it.
#[derive(Debug)]
pub(super) enum NewBoard {
    /// With what is written on it first.
    Made(Vec<BoardEdit>),
    /// With the envelopes that carry over what stood there.
    Renewed(Vec<Envelope>),
}

impl Task {
    /// Returns the context in which the task takes effect, and with which it is forgotten.
    pub(super) fn context(&self) -> Option<ContextId> {
        match self {
            Task::Stored | Task::Entries { .. } | Task::Incarnation { .. } => None,
            Task::Forget { .. }
            | Task::Dropped { .. }
            | Task::TakenBack { .. }
            | Task::Block { .. }
            | Task::Declined { .. } => None,
            Task::Publish(publish) => Some(publish.context),
            Task::Record { context, .. }
            | Task::Redeem { context, .. }
            | Task::Judge { context, .. }
            | Task::Accept { context, .. }
            | Task::Fork { context, .. }
            | Task::BoardJudge { context, .. }
            | Task::BoardTaken { context, .. }
            | Task::BoardWritten { context, .. }
            | Task::BoardFork { context, .. }
            | Task::Frames { context, .. }
            | Task::SendFrames { context, .. }
            | Task::Read { context, .. }
            | Task::Fetch { context }
            | Task::Earned { context, .. } => Some(*context),
        }
    }
}

/// What an input may use: the time, entropy, and the list of outputs.
pub(super) struct Cx<'a> {
    pub now: i64,
    pub rng: &'a mut dyn Rng,
    pub out: Vec<Output>,
}

impl Cx<'_> {
    pub(super) fn send(&mut self, device: DeviceId, message: &Message) {
        self.out.push(Output::Send { device, bytes: message.encode() });
    }

    pub(super) fn emit(&mut self, event: Event) {
        self.out.push(Output::Emit(event));
    }

    pub(super) fn penalty(&mut self, device: DeviceId, severity: Severity, reason: String) {
        self.out.push(Output::Penalty { device, severity, reason });
    }

    pub(super) fn reply(&mut self, id: CommandId, result: Result<Reply, CommandError>) {
        self.out.push(Output::Reply { id, result });
    }
}

impl Node {
    /// Makes an engine that holds nothing yet; [`Node::restore`] fills it.
    pub(super) fn empty(config: Config) -> Self {
        Node {
            user: config.user,
            device: config.key.device(),
            key: config.key,
            inc: Incarnation::from_bytes([0; 8]),
            defect: config.defect,
            logs: BTreeMap::new(),
            intakes: Intakes::new(),
            renewal: Renewal::None,
            skipped: Vec::new(),
            contexts: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            sessions: BTreeMap::new(),
            tasks: BTreeMap::new(),
            next_task: 0,
            stated: BTreeMap::new(),
            dials: BTreeMap::new(),
            blocked: BTreeSet::new(),
            offers: BTreeMap::new(),
            imports: Vec::new(),
            wake_at: None,
        }
    }

    /// Takes one input in and returns what is to be done, in order.
    pub fn handle(&mut self, now: i64, rng: &mut dyn Rng, input: Input) -> Vec<Output> {
        let mut cx = Cx { now, rng, out: Vec::new() };
        match input {
            Input::Start => {
                self.renew_forked(&mut cx);
                self.resume(&mut cx);
                self.settle_redemptions(&mut cx);
            }
            Input::SessionUp { device, role } => self.session_up(&mut cx, device, role),
            Input::SessionDown { device } => self.session_down(&mut cx, device),
            Input::Listening { addresses } => self.listening(&mut cx, addresses),
            Input::DialFailed { device } => self.dial_failed(&mut cx, device),
            Input::Message { device, bytes } => self.message(&mut cx, device, &bytes),
            Input::Command { id, command } => self.command(&mut cx, id, command),
            Input::Brought { task, complete } => {
                if let Some(&Task::Fetch { context }) = self.tasks.get(&task) {
                    self.brought(&mut cx, context, &complete);
                }
            }
            Input::Done { task, result } => self.done(&mut cx, task, result),
            Input::Wake => {
                self.wake_at = None;
                self.wake(&mut cx);
            }
        }
        self.settle_imports(&mut cx);
        self.set_timer(&mut cx);
        cx.out
    }

    /// Returns my user.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// Returns this device.
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// Returns the incarnation of this database.
    pub fn incarnation(&self) -> Incarnation {
        self.inc
    }

    /// Returns a user's identity log, if it is here.
    pub fn log(&self, user: UserId) -> Option<&IdentityLog> {
        self.logs.get(&user)
    }

    /// Returns what was left out of what was stored, because it is damaged: things of others, which
    /// peers give again.
    pub fn skipped(&self) -> &[RestoreError] {
        &self.skipped
    }

    /// Returns every user whose identity log is here.
    pub fn users(&self) -> impl Iterator<Item = UserId> {
        self.logs.keys().copied()
    }

    /// Returns a context.
    pub fn context(&self, id: ContextId) -> Option<&Context> {
        self.contexts.get(&id)
    }

    /// Returns every context.
    pub fn contexts(&self) -> impl Iterator<Item = &Context> {
        self.contexts.values()
    }

    /// Returns the devices with which a session is open.
    pub fn connected(&self) -> impl Iterator<Item = DeviceId> {
        self.sessions.keys().copied()
    }

    /// Returns the context that a peer may read under a tag of its session, for its blob requests.
    ///
    /// None gives nothing away: an unknown tag, a peer that is not admitted, or no longer at the
    /// time `now`, and a closed context look the same.
    pub fn readable_by(
        &self,
        now: i64,
        device: DeviceId,
        tag: Tag,
        generation: u32,
    ) -> Option<ContextId> {
        let (channel, context) = self.channel(device, tag)?;
        let open = channel.generation == generation;
        let closed = context.view.about().is_some_and(|about| about.closed);
        let readable = open && !closed && context.is_active();
        // Judged anew: its grant or its ticket may have ended since it was let in.
        let still = |user| self.judge_peer(now, device, tag, user).is_admitted();
        (readable && channel.user.is_some_and(still)).then(|| context.id())
    }

    /// Returns how many envelopes of one device wait at most, in any context.
    pub fn most_waiting(&self) -> usize {
        let catalogs = self.contexts.values().flat_map(|context| context.catalogs.values());
        catalogs.map(|catalog| catalog.pending.len()).max().unwrap_or(0)
    }

    /// Tells whether every catalog holds each number up to its last.
    pub fn catalogs_are_whole(&self) -> bool {
        let mut catalogs = self.contexts.values().flat_map(|context| context.catalogs.values());
        catalogs.all(|catalog| catalog.envelopes.len() as u64 == catalog.n())
    }

    /// Returns the next envelope of another's catalog that is here, signed with the key of this
    /// device: what a cheat of the simulator sends.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn forge(&self, key: CatalogKey) -> Option<Envelope> {
        let context = self.contexts.values().find(|context| context.catalogs.contains_key(&key))?;
        let stored = context.catalogs[&key].envelopes.iter();
        let stored: Vec<Envelope> = stored.filter_map(|e| Envelope::decode(e).ok()).collect();
        let writer = crate::doc::CatalogWriter::load(context.place(key), stored.iter());
        writer.ok()?.forge(&self.key)
    }

    /// Returns how many fetches of blobs are under way.
    pub fn transfers(&self) -> usize {
        self.tasks.values().filter(|task| matches!(task, Task::Fetch { .. })).count()
    }

    /// Tells whether a session has a context in common with the peer, which may then send more.
    pub fn has_matched(&self, device: DeviceId) -> bool {
        self.sessions.get(&device).is_some_and(|session| !session.channels.is_empty())
    }

    /// Returns the sessions that may have the blobs of a context.
    pub fn providers(&self, context: ContextId) -> Vec<Provider> {
        let channels = self.sessions.iter().filter_map(|(device, session)| {
            let (tag, channel) = session.channel_of(context)?;
            channel.serves.then(|| channel.provider(*device, tag))
        });
        channels.collect()
    }

    /// Returns the user of a device, among the members of any context.
    pub fn user_of(&self, device: DeviceId) -> Option<UserId> {
        self.logs
            .iter()
            .find_map(|(user, log)| log.devices().any(|(d, _)| d == device).then_some(*user))
    }

    pub(super) fn broken(&self, defect: Defect) -> bool {
        cfg!(any(test, feature = "sim")) && self.defect == Some(defect)
    }

    pub(super) fn task(&mut self, task: Task) -> TaskId {
        let id = TaskId(self.next_task);
        self.next_task += 1;
        self.tasks.insert(id, task);
        id
    }

    pub(super) fn store(&mut self, cx: &mut Cx<'_>, records: Vec<Record>, then: Task) {
        let task = self.task(then);
        cx.out.push(Output::Store { task, records });
    }

    fn done(&mut self, cx: &mut Cx<'_>, id: TaskId, result: TaskResult) {
        let Some(task) = self.tasks.remove(&id) else { return };
        match (task, result) {
            (task, TaskResult::StoreFailed { reason, disk_full }) => {
                self.store_failed(cx, task, reason, disk_full);
            }
            (Task::Stored, _) => {}
            (Task::Entries { user, log, source }, TaskResult::Stored) => {
                self.entries_stored(cx, user, *log, source);
            }
            (Task::Incarnation { inc, why }, TaskResult::Stored) => {
                self.renewed(cx, inc, why);
            }
            (Task::Record { context, change }, TaskResult::Stored) => {
                self.record_stored(cx, context, *change);
            }
            (Task::Forget { context, command }, TaskResult::Stored) => {
                self.forgotten(cx, context.id(), command);
            }
            (Task::Block { user, blocked, command }, TaskResult::Stored) => {
                self.block_stored(cx, user, blocked, command);
            }
            (Task::Declined { offer, command }, TaskResult::Stored) => {
                self.declined(cx, *offer, command);
            }
            (Task::Redeem { context, redeems }, TaskResult::Stored) => {
                self.redeemed(cx, context, redeems);
            }
            (Task::Publish(publish), TaskResult::Stored) => self.published(cx, *publish),
            (Task::Judge { context, key, envelopes }, TaskResult::Judged(verdicts)) => {
                self.judged(cx, context, key, envelopes, verdicts);
            }
            (Task::Accept { context, key, accepted, from }, TaskResult::Stored) => {
                self.accepted(cx, context, key, accepted, from);
            }
            (Task::Fork { context, key, proof, from }, TaskResult::Stored) => {
                self.forked(cx, context, key, *proof, from);
            }
            (Task::BoardJudge { context, board, envelopes }, TaskResult::BoardJudged(judged)) => {
                self.board_judged(cx, context, board, envelopes, *judged)
            }
            (Task::BoardTaken { context, board, taken }, TaskResult::Stored) => {
                self.board_taken(cx, context, board, *taken);
            }
            (Task::BoardWritten { context, board, written }, TaskResult::Stored) => {
                self.board_written(cx, context, board, *written);
            }
            (Task::BoardFork { context, board, key, proof, from }, TaskResult::Stored) => {
                self.board_forked(cx, context, board, key, *proof, from);
            }
            (Task::Frames { context, frames }, TaskResult::Stored) => {
                self.frames_stored(cx, context, frames);
            }
            (Task::SendFrames { device, context, tag, asked }, TaskResult::Frames(frames)) => {
                self.send_frames(cx, device, context, tag, &asked, frames);
            }
            (Task::Read { context, want }, TaskResult::Blob(bytes)) => {
                self.read_done(cx, context, want, bytes);
            }
            (Task::Fetch { context }, TaskResult::Fetched { complete, failed }) => {
                self.fetched(cx, context, id, &complete, &failed);
            }
            (Task::Earned { context, wants }, TaskResult::Stored) => {
                self.blobs_earned(cx, context, wants);
            }
            (Task::Dropped { command, .. }, TaskResult::Stored) => {
                cx.reply(command, Ok(Reply::Done));
            }
            (Task::TakenBack { context, command, blobs }, TaskResult::Stored) => {
                self.taken_back(cx, context, command, &blobs);
            }
            // A result of another kind than its task is a bug of the shell, and has no effect.
            (
                Task::Entries { .. }
                | Task::Incarnation { .. }
                | Task::Record { .. }
                | Task::Forget { .. }
                | Task::Block { .. }
                | Task::Declined { .. }
                | Task::Redeem { .. }
                | Task::Publish(_)
                | Task::Judge { .. }
                | Task::Accept { .. }
                | Task::Fork { .. }
                | Task::BoardJudge { .. }
                | Task::BoardTaken { .. }
                | Task::BoardWritten { .. }
                | Task::BoardFork { .. }
                | Task::Frames { .. }
                | Task::SendFrames { .. }
                | Task::Read { .. }
                | Task::Fetch { .. }
                | Task::Dropped { .. }
                | Task::TakenBack { .. }
                | Task::Earned { .. },
                _,
            ) => debug_assert!(false, "a task ended with the result of another kind"),
        }
    }

    fn store_failed(&mut self, cx: &mut Cx<'_>, task: Task, reason: String, disk_full: bool) {
        let error = CommandError::NotStored { reason, disk_full };
        self.import_failed(task.context(), &error);
        match task {
            Task::Entries { user, source, .. } => self.entries_failed(cx, user, source, error),
            Task::Incarnation { why, .. } => self.renewal_failed(cx, why, &error),
            Task::Record { context, change } => self.record_failed(cx, context, *change, error),
            Task::Forget { context, command } => self.forget_failed(cx, *context, command, error),
            Task::Block { command, .. }
            | Task::Declined { command, .. }
            | Task::TakenBack { command, .. } => {
                cx.reply(command, Err(error));
            }
            Task::Redeem { context, redeems } => {
                self.work_failed(cx, context, Some(Work::Redeem(redeems)));
            }
            Task::Publish(publish) => self.publish_failed(cx, *publish, error),
            Task::Accept { context, key, .. } => self.accept_failed(cx.now, context, key),
            Task::Fork { context, key, proof, from } => {
                self.fork_failed(cx.now, context, key, *proof, from);
            }
            Task::BoardTaken { context, board, .. } => {
                self.board_store_failed(cx.now, context, board);
            }
            Task::BoardWritten { context, board, written } => {
                self.board_write_failed(cx, context, board, *written, error);
            }
            Task::Frames { context, frames } => self.frames_failed(cx.now, context, &frames),
            Task::Earned { context, wants } => self.earned_failed(cx.now, context, &wants),
            Task::Dropped { context, command, undo } => {
                self.let_go_failed(cx, context, command, &undo, error);
            }
            // A proof that could not be stored is found, or told, again.
            Task::Stored
            | Task::BoardFork { .. }
            | Task::BoardJudge { .. }
            | Task::Judge { .. }
            | Task::SendFrames { .. }
            | Task::Read { .. }
            | Task::Fetch { .. } => {}
        }
    }

    // Identity logs.

    /// Tells the views which devices of a user may not act any more.
    pub(super) fn retire_devices(&mut self, user: UserId) {
        let Some(known) = self.logs.get(&user) else { return };
        let retired = known.retired();
        for context in self.contexts.values_mut() {
            context.view.retire(user, retired.clone());
        }
    }

    /// Takes a context in, whose view learns which devices may not act any more.
    pub(super) fn insert_context(&mut self, mut context: Context) {
        for (user, log) in &self.logs {
            context.view.retire(*user, log.retired());
        }
        self.contexts.insert(context.id(), context);
    }

    /// Ends every session because the contexts changed; the hello starts anew.
    pub(super) fn hello_again(&mut self, cx: &mut Cx<'_>) {
        let devices: Vec<DeviceId> = self.sessions.keys().copied().collect();
        for device in devices {
            cx.send(device, &Message::Bye { code: ByeCode::Again });
            cx.out.push(Output::Close { device, again: true });
            self.drop_session(cx, device);
        }
    }

    // Timers.

    fn wake(&mut self, cx: &mut Cx<'_>) {
        self.expire_hellos(cx);
        self.probe(cx);
        self.ask_again(cx);
        self.expire_pending(cx);
        self.work_again(cx);
        self.dial_due(cx);
    }

    fn set_timer(&mut self, cx: &mut Cx<'_>) {
        let work = self.contexts.values().filter_map(|context| context.again_at);
        let deadlines = self.dial_deadlines().chain(self.session_deadlines());
        let next = deadlines.chain(self.ask_deadlines()).chain(work).min();
        let Some(next) = next.map(|at| at.max(cx.now + 1)) else { return };
        if self.wake_at.is_none_or(|at| at > next) {
            self.wake_at = Some(next);
            cx.out.push(Output::WakeAt(next));
        }
    }
}

impl Standing {
    /// The standing of a context that was just followed.
    pub(super) const NEW: Standing = Standing::Active { synced: false };
}
