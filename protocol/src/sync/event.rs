//! What goes into the engine and what comes out of it.
//!
//! An I/O task carries a [`TaskId`] drawn from the engine's own state and is answered with it, a
//! command carries a [`CommandId`] of its caller, so replies match and runs replay.

use std::collections::{BTreeMap, BTreeSet};

use crate::context::Genesis;
use crate::doc::{Envelope, JudgeTask, Judgement};
use crate::id::{
    BlobHash, ChangeId, ContextId, DeviceId, DocumentId, FrameId, Incarnation, PublicKey, StackId,
    StatementId, UserId,
};
use crate::name::{ContextName, StackName, TagName};
use crate::policy::FollowPolicy;
use crate::statement::{Access, Interest, Role, Verified};
use crate::ticket::Ticket;
use crate::wire::{CatalogKey, Offer};

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

/// Something durable, applied by the store and given back in the same form at the next start.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// The incarnation of this database from now on.
    Incarnation(Incarnation),
    /// An entry of an identity log; entries of one log come in an order that the log takes.
    Log {
        /// Whose log.
        user: UserId,
        /// The signed statement.
        entry: Vec<u8>,
    },
    /// A context; replaces an earlier record of it.
    Context(ContextRecord),
    /// A context and everything under it is forgotten.
    ForgetContext(ContextId),
    /// An accepted envelope of a catalog.
    Envelope {
        /// The context.
        context: ContextId,
        /// Whose catalog.
        user: UserId,
        /// The envelope.
        envelope: Envelope,
    },
    /// The envelopes of a catalog are dropped, because a newer epoch or a cut took its place.
    DropCatalog {
        /// The context.
        context: ContextId,
        /// Whose.
        user: UserId,
        /// The device.
        device: DeviceId,
        /// The incarnation.
        inc: Incarnation,
    },
    /// A ticket's redemption by a user.
    Redemption {
        /// The context.
        context: ContextId,
        /// The signed statement.
        redeem: Vec<u8>,
    },
    /// The proof that a device signed two envelopes of one number; replaces an earlier one of the
    /// same catalog.
    Fork {
        /// The context.
        context: ContextId,
        /// Whose catalog; the proof names the rest.
        user: UserId,
        /// A [`ForkProof`](crate::doc::ForkProof), encoded.
        proof: Vec<u8>,
    },
    /// A frame that is here and earned in a context.
    Frame {
        /// The context.
        context: ContextId,
        /// Its id.
        id: FrameId,
        /// Its bytes as received.
        bytes: Vec<u8>,
    },
    /// A blob that is here, durable, and earned in a context.
    Earned {
        /// The context.
        context: ContextId,
        /// Its hash.
        hash: BlobHash,
        /// Its size in bytes.
        size: u64,
    },
    /// A blob of a context whose bytes the user let go: it counts as here no more, and does not
    /// come by policy until it is wanted again.
    Dropped {
        /// The context.
        context: ContextId,
        /// Its hash.
        hash: BlobHash,
        /// Its size in bytes.
        size: u64,
    },
    /// A blob that is wanted in a context, so that a download goes on after a restart.
    Want {
        /// The context.
        context: ContextId,
        /// The blob.
        want: BlobWant,
    },
    /// A user is blocked, or is not any more.
    Block {
        /// Who.
        user: UserId,
        /// Whether she is blocked.
        blocked: bool,
    },
    /// A context that somebody offers; replaces an earlier offer of it.
    Offer(StoredOffer),
    /// An offer is gone.
    DropOffer(ContextId),
    /// A frame is here no more in a context, since an owner withdrew it.
    WithdrawFrame {
        /// The context.
        context: ContextId,
        /// Its id.
        id: FrameId,
    },
    /// A blob counts as here no more in a context, and is neither lost nor let go, since an owner
    /// withdrew it.
    WithdrawBlob {
        /// The context.
        context: ContextId,
        /// Its hash.
        hash: BlobHash,
    },
    /// A blob that is not wanted any more in a context.
    Unwant {
        /// The context.
        context: ContextId,
        /// The blob.
        hash: BlobHash,
    },
}

impl Record {
    /// Returns the context under which it is kept; none for what stands outside of contexts.
    pub fn context(&self) -> Option<ContextId> {
        match self {
            Record::Incarnation(_)
            | Record::Log { .. }
            | Record::Block { .. }
            | Record::Offer(_)
            | Record::DropOffer(_) => None,
            Record::Context(record) => Some(record.genesis.id()),
            Record::ForgetContext(context)
            | Record::Envelope { context, .. }
            | Record::DropCatalog { context, .. }
            | Record::Redemption { context, .. }
            | Record::Fork { context, .. }
            | Record::Frame { context, .. }
            | Record::Earned { context, .. }
            | Record::Dropped { context, .. }
            | Record::WithdrawFrame { context, .. }
            | Record::WithdrawBlob { context, .. }
            | Record::Want { context, .. }
            | Record::Unwant { context, .. } => Some(*context),
        }
    }
}

/// A context that somebody offers.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredOffer {
    /// Who.
    pub from: UserId,
    /// What.
    pub offer: Offer,
    /// When it came, in milliseconds since 1970.
    pub since: i64,
    /// Whether I do not want to be shown it.
    pub declined: bool,
}

/// A context as this node holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct ContextRecord {
    /// Its genesis.
    pub genesis: Genesis,
    /// Interest keys learned from a ticket, before the owner's statements tell them.
    pub interest: Vec<Interest>,
    /// Which blobs are brought.
    pub policy: FollowPolicy,
    /// How the follow stands as far as the user decided it.
    pub standing: Standing,
    /// How I came in, if by a ticket.
    pub admission: Option<TicketUse>,
}

/// How a context stands, as the user or a signed removal decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is synced.
    Active {
        /// Whether the first sync ended.
        synced: bool,
    },
    /// It was left; the copy stays and is not synced.
    Left,
    /// An owner removed me; the copy stays and is not synced.
    Removed,
    /// It came by an archive, and nothing that is known here lets me in: it is not synced.
    Archived,
}

/// How I came in by a ticket.
#[derive(Clone, Debug, PartialEq)]
pub struct TicketUse {
    /// The redemption that I show.
    pub redeem: Vec<u8>,
    /// The role the ticket gives.
    pub role: Role,
    /// Devices that the ticket names, with their addresses.
    pub devices: Vec<(DeviceId, String)>,
}

/// What of a removed user still counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// All that counts now.
    All,
    /// What she said before a time, in milliseconds since 1970 by her clock.
    Before(i64),
    /// Nothing.
    Nothing,
}

/// What the user wants.
#[derive(Clone, Debug)]
pub enum Command {
    /// Makes a context of mine. Replies [`Reply::Context`].
    NewContext {
        /// Its name.
        name: ContextName,
        /// Its description.
        text: String,
        /// Who may read.
        access: Access,
    },
    /// Makes a private context of mine for an audience. Replies [`Reply::Context`].
    NewAudience {
        /// Its name.
        name: ContextName,
        /// Who reads it, besides me.
        readers: BTreeSet<UserId>,
    },
    /// Changes name, description or access of a context of mine, or closes it.
    About {
        /// Which.
        context: ContextId,
        /// The new name, if it changes.
        name: Option<ContextName>,
        /// The new description, if it changes.
        text: Option<String>,
        /// The new access, if it changes.
        access: Option<Access>,
        /// Whether followers are told that it is closed.
        closed: bool,
    },
    /// Makes a ticket of a context of mine. Replies [`Reply::Ticket`].
    Share {
        /// Which.
        context: ContextId,
        /// What the ticket gives.
        role: Role,
        /// When it is void, in milliseconds since 1970.
        until: Option<i64>,
        /// How many users it admits.
        uses: Option<u32>,
        /// Where this device can be reached, as multiaddr text.
        addresses: Vec<String>,
    },
    /// Revokes a ticket of mine.
    EndTicket {
        /// The context.
        context: ContextId,
        /// Its key.
        key: PublicKey,
    },
    /// Gives a user a role in a context of mine; `none` removes her.
    Member {
        /// The context.
        context: ContextId,
        /// Who.
        user: UserId,
        /// The role.
        role: Role,
    },
    /// Takes a user out of a context of mine, and says what of hers still counts.
    RemoveMember {
        /// The context.
        context: ContextId,
        /// Who.
        user: UserId,
        /// What is kept.
        keep: Keeping,
    },
    /// Lets in again what a cut of a user took away and is here, or is with a peer.
    KeepMore {
        /// The context.
        context: ContextId,
        /// Who.
        user: UserId,
        /// Only what she said before this time, in milliseconds since 1970 by her clock.
        before: Option<i64>,
    },
    /// Has nothing more to do with a user on this node, or takes that back. Replies
    /// [`Reply::Done`].
    Block {
        /// Who.
        user: UserId,
        /// Whether she is blocked from now on.
        blocked: bool,
    },
    /// Follows a context that was offered. Replies [`Reply::Following`].
    Accept {
        /// The context.
        context: ContextId,
        /// Which blobs to bring.
        policy: FollowPolicy,
    },
    /// Shows an offer no more. Replies [`Reply::Done`].
    Decline {
        /// The context.
        context: ContextId,
    },
    /// Gives a user the role of a ticket that she redeemed, where that takes an owner and is still
    /// due. The engine gives itself this command.
    Admit {
        /// The context.
        context: ContextId,
        /// Who.
        user: UserId,
        /// The ticket.
        ticket: PublicKey,
    },
    /// Follows a context. Replies [`Reply::Following`].
    Follow {
        /// The ticket.
        ticket: Box<Ticket>,
        /// Which blobs to bring.
        policy: FollowPolicy,
    },
    /// Changes which blobs of a followed context are brought.
    SetPolicy {
        /// The context.
        context: ContextId,
        /// Which.
        policy: FollowPolicy,
    },
    /// Leaves a context and keeps what is here.
    Leave {
        /// The context.
        context: ContextId,
    },
    /// Syncs a context again that was left, as it was followed before. Replies
    /// [`Reply::Following`].
    Rejoin {
        /// The context.
        context: ContextId,
    },
    /// Leaves a context and forgets what is here.
    Forget {
        /// The context.
        context: ContextId,
    },
    /// Moves the head of a stack of mine to a frame whose blobs are here and durable. Makes the
    /// stack when it is new. Replies [`Reply::Pushed`].
    Push {
        /// The context.
        context: ContextId,
        /// The stack's name.
        stack: StackName,
        /// The frame's bytes.
        frame: Vec<u8>,
        /// Every blob that the frame reaches, with its size.
        blobs: Vec<(BlobHash, u64)>,
        /// Tags to set on it.
        tags: Vec<TagName>,
    },
    /// Puts a stack into a context of mine under an id that it has elsewhere: its head, the last of
    /// the frames, and such as lie behind it. Their blobs are here and durable. Replies
    /// [`Reply::Done`].
    Mirror {
        /// The context.
        context: ContextId,
        /// The stack.
        stack: StackId,
        /// Its name.
        name: StackName,
        /// The frames' bytes, the head last.
        frames: Vec<Vec<u8>>,
        /// Every blob that the frames reach and that may be served there, with its size.
        blobs: Vec<(BlobHash, u64)>,
    },
    /// Renames a stack of mine.
    Rename {
        /// The context.
        context: ContextId,
        /// The stack.
        stack: StackId,
        /// Its new name.
        name: StackName,
    },
    /// Removes a stack of mine.
    Remove {
        /// The context.
        context: ContextId,
        /// The stack.
        stack: StackId,
    },
    /// Puts a stack of mine back that was removed: at the frames that were its heads, of which the
    /// first is to come first again.
    Restore {
        /// The context.
        context: ContextId,
        /// The stack.
        stack: StackId,
        /// The frames, which are here; one at least.
        frames: Vec<FrameId>,
    },
    /// Puts a tag of a stack of mine on a frame, or takes it away.
    Tag {
        /// The context.
        context: ContextId,
        /// The stack.
        stack: StackId,
        /// The tag.
        tag: TagName,
        /// The frame.
        frame: Option<FrameId>,
    },
    /// Brings the blobs of a frame, whatever the policy. Replies [`Reply::Fetched`] when done.
    Fetch {
        /// The context.
        context: ContextId,
        /// The blobs, directories included.
        wants: Vec<BlobWant>,
    },
    /// Brings frames that are not here (older ones). Replies [`Reply::Done`] when asked for.
    FetchFrames {
        /// The context.
        context: ContextId,
        /// Which.
        frames: Vec<FrameId>,
    },
    /// States what is kept of a device of mine that is lost. Counts once it is revoked.
    Cut {
        /// The context.
        context: ContextId,
        /// The device.
        device: DeviceId,
        /// The last changes that are kept, by catalog; a catalog not named keeps nothing.
        docs: BTreeMap<DocumentId, Vec<ChangeId>>,
    },
    /// Adds an entry to my identity log, signed by the shell with the root or recovery key.
    Identity {
        /// The entry.
        entry: Box<Verified>,
    },
    /// Marks blobs as gone or damaged, so that they are brought again where wanted.
    Lost {
        /// The context.
        context: ContextId,
        /// Which.
        wants: Vec<BlobWant>,
    },
    /// Lets blobs of a context go: they count as here no more, are offered to nobody, and do not
    /// come back by policy. Their bytes are the shell's to free once this is answered.
    Drop {
        /// The context.
        context: ContextId,
        /// Which, each with its size in bytes.
        blobs: Vec<(BlobHash, u64)>,
    },
    /// Takes back that blobs were let go, of which the shell still has the bytes: they count as here
    /// again. What came or was asked for since is left alone.
    TakeBack {
        /// The context.
        context: ContextId,
        /// Which, each with its size in bytes.
        blobs: Vec<(BlobHash, u64)>,
    },
    /// Counts blobs as here again of which the shell has the bytes: whether they were let go, lost or
    /// wanted, and whoever asked for them.
    HereAgain {
        /// The context.
        context: ContextId,
        /// Which, each with its size in bytes.
        blobs: Vec<(BlobHash, u64)>,
    },
    /// Withdraws frames and blobs from a context of mine: whoever hears of it serves and keeps them
    /// no more.
    Withdraw {
        /// The context.
        context: ContextId,
        /// Which frames, at most [`crate::limits::WITHDRAWN`].
        frames: BTreeSet<FrameId>,
        /// Which blobs, at most as many.
        blobs: BTreeSet<BlobHash>,
    },
    /// Makes an effort to reach the peers of a context now, and asks again for what nobody had.
    Reach {
        /// The context.
        context: ContextId,
    },
    /// Begins to take an archive of a context in, which is made where it is not here. Replies
    /// [`Reply::Following`].
    OpenArchive {
        /// The beginning of the context.
        genesis: Genesis,
    },
    /// Takes a part of an archive in, judged as if a peer had sent it. Replies
    /// [`Reply::Imported`] once all of it is durable or refused.
    Import {
        /// The context, opened before.
        context: ContextId,
        /// What came.
        part: ArchivePart,
    },
    /// Ends taking an archive in.
    CloseArchive {
        /// The context.
        context: ContextId,
    },
}

/// A part of an archive.
#[derive(Clone, Debug)]
pub enum ArchivePart {
    /// Entries of an identity log.
    Log {
        /// Whose.
        user: UserId,
        /// Signed entries, in order.
        entries: Vec<Vec<u8>>,
    },
    /// Envelopes of a catalog, in order.
    Envelopes {
        /// Which.
        catalog: CatalogKey,
        /// Encoded envelopes.
        envelopes: Vec<Vec<u8>>,
    },
    /// The proof of a fork.
    Fork {
        /// Whose catalog.
        user: UserId,
        /// The encoded proof.
        proof: Vec<u8>,
    },
    /// Frames, those nearest to a head first.
    Frames(Vec<Vec<u8>>),
    /// Blobs that are here whole and durable, checked against their hashes, with their sizes in
    /// bytes.
    Blobs(Vec<(BlobHash, u64)>),
}

/// What came of a part of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// What is new here and counts.
    pub accepted: u64,
    /// What was here.
    pub known: u64,
    /// What waits for something that is not here yet.
    pub waiting: u64,
    /// What does not count here: nobody names it, or its author may not write.
    pub left_out: u64,
}

/// The answer to a command.
#[derive(Debug)]
pub enum Reply {
    /// Done and durable.
    Done,
    /// The context made.
    Context(ContextId),
    /// The ticket made.
    Ticket(Box<Ticket>),
    /// The context followed.
    Following {
        /// Which.
        context: ContextId,
        /// Whether it was followed before.
        known: bool,
    },
    /// The stack pushed to.
    Pushed {
        /// The stack.
        stack: StackId,
        /// The head.
        head: StatementId,
        /// Whether the stack is new.
        created: bool,
        /// Sessions that get it now.
        peers: usize,
    },
    /// What came of a part of an archive.
    Imported(Imported),
    /// What a fetch brought.
    Fetched {
        /// Blobs that are here now.
        complete: Vec<BlobHash>,
        /// Blobs that nobody gave.
        failed: Vec<BlobHash>,
    },
}

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No such context here.
    #[error("no context {0} here")]
    NoContext(ContextId),
    /// No such stack of mine.
    #[error("no stack {0} of mine in the context")]
    NoStack(StackId),
    /// My role does not permit it.
    #[error("this needs the role {needed} in the context, mine is {mine}")]
    NotAllowed {
        /// What it takes.
        needed: Role,
        /// What I have.
        mine: Role,
    },
    /// The grant of this device does not permit it.
    #[error("this needs the role {needed} in the context, this device is granted {granted}")]
    DeviceLimited {
        /// What it takes.
        needed: Role,
        /// What the device is granted at most.
        granted: Role,
    },
    /// I would say what I am myself.
    #[error("what you may do in a context of yours is for another owner to say")]
    Oneself,
    /// Nothing of a user was cut away, or nothing that is known of.
    #[error("nothing of user {0} was cut away here")]
    NothingCut(UserId),
    /// Bytes that an owner withdrew from the context.
    #[error("blob {0} was withdrawn from the context")]
    Withdrawn(BlobHash),
    /// I would block myself.
    #[error("you cannot block yourself")]
    BlocksOneself,
    /// Nobody offered the context.
    #[error("nobody offers context {0}")]
    NoOffer(ContextId),
    /// Another stack of mine has the name, or one that differs only in case.
    #[error("a stack named `{0}` exists in the context")]
    NameTaken(StackName),
    /// The ticket has no use.
    #[error("{0}")]
    Ticket(String),
    /// The user removed or closed it.
    #[error("the context is closed")]
    Closed,
    /// A limit was met.
    #[error("{0}")]
    Limit(String),
    /// The frame or statement cannot be built.
    #[error("{0}")]
    Invalid(String),
    /// It could not be made durable.
    #[error("could not be stored: {reason}")]
    NotStored {
        /// Why.
        reason: String,
        /// Whether the disk is full.
        disk_full: bool,
    },
    /// Nobody who has it is connected.
    #[error("no peer of the context is connected")]
    NoPeer,
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
