//! What goes into the engine and what comes out of it.
//!
//! An I/O task carries a [`TaskId`] drawn from the engine's own state and is answered with it, a
//! command carries a [`CommandId`] of its caller, so replies match and runs replay.

mod command;
mod record;

use std::collections::BTreeSet;

use crate::doc::{BoardJudged, BoardTask, JudgeTask, Judgement};
use crate::id::{BlobHash, ContextId, DeviceId, FrameId, PublicKey, StackId, UserId};
use crate::name::StackName;
use crate::wire::BoardKey;

pub use self::command::{ArchivePart, Command, CommandError, Imported, Keeping, Reply};
pub use self::record::{ContextRecord, Record, Standing, StoredOffer, TicketUse};

/// Names an I/O task of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub u64);

/// Names a command of the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u64);

/// Who opened the sync stream of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionRole {
    /// This node: it shows its tags first.
    Initiator,
    /// The peer.
    Responder,
}

/// What happens to the engine.
#[derive(Debug)]
pub enum Input {
    /// The shell is ready: peers are dialled, and what was wanted is wanted again.
    Start,
    /// A sync stream with a device is open.
    SessionUp {
        /// The device, proved by the connection.
        device: DeviceId,
        /// Who opened it.
        role: SessionRole,
    },
    /// The sync stream with a device is gone.
    SessionDown {
        /// The device.
        device: DeviceId,
    },
    /// This device can be reached at these addresses from now on.
    Listening {
        /// Multiaddr texts, the most useful first.
        addresses: Vec<String>,
    },
    /// No connection could be made.
    DialFailed {
        /// The device.
        device: DeviceId,
    },
    /// A message came.
    Message {
        /// From whom.
        device: DeviceId,
        /// Its bytes, at most [`crate::limits::MESSAGE_WIRE_BYTES`].
        bytes: Vec<u8>,
    },
    /// The user wants something.
    Command {
        /// Returned with the reply.
        id: CommandId,
        /// What.
        command: Command,
    },
    /// Blobs of a fetch that goes on are durable here and proved in the context. Those told here
    /// are not in its [`TaskResult::Fetched`].
    Brought {
        /// The fetch.
        task: TaskId,
        /// Which.
        complete: Vec<BlobHash>,
    },
    /// A task ended.
    Done {
        /// Which.
        task: TaskId,
        /// How.
        result: TaskResult,
    },
    /// The time asked for with [`Output::WakeAt`] has come.
    Wake,
}

/// How a task ended.
#[derive(Debug)]
pub enum TaskResult {
    /// The records are durable.
    Stored,
    /// The records could not be stored; none of them was.
    StoreFailed {
        /// Why, in a sentence.
        reason: String,
        /// Whether the disk is full.
        disk_full: bool,
    },
    /// The verdicts of a [`JudgeTask`], one for each of its envelopes.
    Judged(Vec<Judgement>),
    /// The board with what of a [`BoardTask`] it takes, and the verdicts.
    BoardJudged(Box<BoardJudged>),
    /// The frames that are here, in the order asked for.
    Frames(Vec<(FrameId, Vec<u8>)>),
    /// The bytes of a blob, if here and intact.
    Blob(Option<Vec<u8>>),
    /// A fetch ended: what is complete now, and what nobody had. What is in neither and was not
    /// [brought](Input::Brought) is asked for again.
    Fetched {
        /// Blobs that are durable here now and proved in the context.
        complete: Vec<BlobHash>,
        /// Blobs that no provider gave.
        failed: Vec<BlobHash>,
    },
}

/// What the engine wants done.
#[derive(Debug)]
pub enum Output {
    /// Connect to a device; the shell adds addresses that it knows.
    Dial {
        /// The device.
        device: DeviceId,
        /// Addresses from tickets, as multiaddr text, the latest first.
        addresses: Vec<String>,
        /// Where the device, or peers, say that it is, as multiaddr text: anybody's word.
        heard: Vec<String>,
    },
    /// A device said where it can be reached: the shell remembers it for later dials.
    Reachable {
        /// The device.
        device: DeviceId,
        /// Multiaddr texts, at most [`crate::limits::PEER_ADDRESSES`].
        addresses: Vec<String>,
    },
    /// Send a message on a session.
    Send {
        /// To whom.
        device: DeviceId,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// Close the sync stream of a session. The shell opens it anew where `again`.
    Close {
        /// The device.
        device: DeviceId,
        /// Whether to open it again at once.
        again: bool,
    },
    /// Make records durable, all or none, then answer [`TaskResult::Stored`].
    Store {
        /// The task.
        task: TaskId,
        /// The records, to be applied in order.
        records: Vec<Record>,
    },
    /// Judge envelopes on a worker with [`crate::doc::judge`].
    Judge {
        /// The task.
        task: TaskId,
        /// The envelopes and their place.
        work: Box<JudgeTask>,
    },
    /// Judge envelopes of a dashboard on a worker with [`crate::doc::judge_board`]; answer
    /// [`TaskResult::BoardJudged`].
    JudgeBoard {
        /// The task.
        task: TaskId,
        /// The board and the envelopes.
        work: Box<BoardTask>,
    },
    /// Load frames of a context; answer [`TaskResult::Frames`] without those that are not here.
    LoadFrames {
        /// The task.
        task: TaskId,
        /// The context in which they must be here.
        context: ContextId,
        /// Which.
        frames: Vec<FrameId>,
    },
    /// Load a small blob (a directory or lineage object); answer [`TaskResult::Blob`].
    LoadBlob {
        /// The task.
        task: TaskId,
        /// Which.
        hash: BlobHash,
        /// How large it may be, in bytes.
        limit: usize,
    },
    /// Bring blobs; answer [`TaskResult::Fetched`] once all are complete or nobody has them.
    Fetch {
        /// The task.
        task: TaskId,
        /// The context under which they are asked for.
        context: ContextId,
        /// Which, the most wanted first.
        wants: Vec<BlobWant>,
        /// Those of them for which the user asked: the others come by policy, as far as there is
        /// room for such.
        asked: BTreeSet<BlobHash>,
        /// Sessions that may have them.
        providers: Vec<Provider>,
    },
    /// Answer a command.
    Reply {
        /// Which.
        id: CommandId,
        /// The answer.
        result: Result<Reply, CommandError>,
    },
    /// Tell the user's programs.
    Emit(Event),
    /// A peer broke a rule.
    Penalty {
        /// Who.
        device: DeviceId,
        /// How badly.
        severity: Severity,
        /// What it did, for the log.
        reason: String,
    },
    /// Give [`Input::Wake`] at this time; replaces an earlier wish.
    WakeAt(i64),
}

/// How badly a peer broke a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Too much before a match, no common version, a frame that is none: the next try waits longer.
    Mild,
    /// Nothing an honest program sends: the device is blocked for an hour.
    Grave,
}

/// A peer that may serve blobs of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Provider {
    /// The device.
    pub device: DeviceId,
    /// The tag under which the context matched on the session.
    pub tag: [u8; 16],
    /// The generation of the interest key that matched.
    pub generation: u32,
}

/// A blob to bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlobWant {
    /// Its hash.
    pub hash: BlobHash,
    /// The size that the ref declares, in bytes; more is never taken.
    pub size: u64,
    /// What it is.
    pub kind: BlobKind,
}

/// What a blob is to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlobKind {
    /// Bytes that the engine does not read.
    Data,
    /// A directory object: once here, what it lists is wanted too.
    Directory,
    /// A lineage object: once here, the code's diff is wanted too.
    Lineage,
}

/// What the user's programs are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A stack appeared, or has another head, name or tag.
    Stack {
        /// The context.
        context: ContextId,
        /// The owner.
        user: UserId,
        /// The stack.
        stack: StackId,
        /// Whether it is new here.
        created: bool,
    },
    /// A dashboard appeared, was removed, or has other contents.
    Board {
        /// The context.
        context: ContextId,
        /// Which.
        board: BoardKey,
    },
    /// Somebody else begins, goes on or ends to edit a dashboard, as her device says. Nothing of it
    /// is kept here, and who just vanishes ends nothing.
    Editing {
        /// The context.
        context: ContextId,
        /// Which dashboard.
        board: BoardKey,
        /// Who.
        user: UserId,
        /// On which device.
        device: DeviceId,
        /// Whether she edits it.
        editing: bool,
    },
    /// A comment appeared, was said otherwise, or was taken back.
    Comment {
        /// The context.
        context: ContextId,
        /// Who says it.
        author: UserId,
        /// What names it among hers.
        id: [u8; 16],
    },
    /// A frame is here.
    Frame {
        /// The context.
        context: ContextId,
        /// The frame.
        frame: FrameId,
    },
    /// A blob is here.
    Blob {
        /// The context.
        context: ContextId,
        /// The blob.
        hash: BlobHash,
    },
    /// A context was made, followed, renamed, closed or left, or a member changed.
    Context(ContextId),
    /// Everything a peer offered in a context has been taken or is under way.
    Synced {
        /// The context.
        context: ContextId,
        /// With whom.
        device: DeviceId,
    },
    /// A device became known as one of a user.
    Peer {
        /// The device.
        device: DeviceId,
        /// The user.
        user: UserId,
    },
    /// A session matched nothing or was refused in a context.
    NotAdmitted {
        /// The context.
        context: ContextId,
        /// By whom.
        device: DeviceId,
        /// Why, as far as the peer says.
        reason: String,
    },
    /// A device that is looked for speaks other versions of the protocol, so nothing was said to it.
    OtherVersion {
        /// The device.
        device: DeviceId,
        /// Those that it speaks, at most 16.
        versions: Vec<u16>,
    },
    /// Somebody offers a context, or an offer is gone.
    Offer {
        /// The context.
        context: ContextId,
    },
    /// A user is blocked, or is not any more.
    Blocked {
        /// Who.
        user: UserId,
    },
    /// Somebody came in by a ticket.
    TicketUsed {
        /// The context.
        context: ContextId,
        /// The ticket.
        ticket: PublicKey,
        /// Who.
        user: UserId,
    },
    /// Two statements of one device contradict each other.
    Fork {
        /// The context.
        context: ContextId,
        /// The device.
        device: DeviceId,
    },
    /// The engine could not do what it does by itself, as letting the holder of a ticket in; it
    /// tries again when the occasion comes back, at the next start at the latest.
    Failed {
        /// The context.
        context: ContextId,
        /// Why.
        reason: String,
    },
    /// Statements of this very device stand behind a fork of its own, and count for nothing any
    /// more: they have to be made again.
    Undone {
        /// The context.
        context: ContextId,
        /// The stacks of which heads or tags are among them.
        stacks: BTreeSet<StackName>,
        /// How many others there are: of members, tickets and the context itself.
        others: usize,
    },
    /// This home met statements of its own that it did not know, and goes on as a new
    /// incarnation.
    Restored {
        /// The context where it was noticed.
        context: ContextId,
    },
}
