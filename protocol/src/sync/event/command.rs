//! What the user wants, and what comes of it.

use std::collections::{BTreeMap, BTreeSet};

use super::BlobWant;
use crate::context::Genesis;
use crate::doc::BoardEdit;
use crate::id::{
    BlobHash, ChangeId, ContextId, DeviceId, DocumentId, FrameId, PublicKey, StackId, StatementId,
    UserId,
};
use crate::name::{ContextName, StackName, TagName};
use crate::policy::FollowPolicy;
use crate::statement::{Access, CommentOn, Role, Verified};
use crate::ticket::Ticket;
use crate::wire::{BoardKey, CatalogKey};

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
    /// Makes a dashboard of mine, with what stands on it first. Replies [`Reply::Board`].
    NewBoard {
        /// The context.
        context: ContextId,
        /// What stands on it first.
        edits: Vec<BoardEdit>,
    },
    /// Removes a dashboard of mine, or puts it back. Replies [`Reply::Done`].
    RemoveBoard {
        /// The context.
        context: ContextId,
        /// Which.
        board: BoardKey,
        /// Whether it is removed.
        removed: bool,
    },
    /// Writes on a dashboard, all or nothing, in one change. What stands there already is left out.
    /// Replies [`Reply::Edited`].
    EditBoard {
        /// The context.
        context: ContextId,
        /// Which.
        board: BoardKey,
        /// What.
        edits: Vec<BoardEdit>,
    },
    /// Tells peers who know dashboards that I begin, go on or end to edit one. Replies
    /// [`Reply::Done`].
    Editing {
        /// The context.
        context: ContextId,
        /// Which.
        board: BoardKey,
        /// Whether I edit it.
        editing: bool,
    },
    /// Begins a dashboard anew with what stands on it, without its history: its creator's and the
    /// owners' to do. Replies [`Reply::Done`].
    RenewBoard {
        /// The context.
        context: ContextId,
        /// Which.
        board: BoardKey,
    },
    /// Says something about a stack, a frame or a card. Replies [`Reply::Comment`].
    Comment {
        /// The context.
        context: ContextId,
        /// What about.
        on: CommentOn,
        /// What.
        text: String,
    },
    /// Says a comment of mine otherwise, or takes it back. Replies [`Reply::Comment`].
    EditComment {
        /// The context.
        context: ContextId,
        /// Which.
        id: [u8; 16],
        /// What it says from now on; nothing takes it back.
        text: Option<String>,
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
    /// Changes of a dashboard, each after those on which it depends.
    Board {
        /// Which.
        board: BoardKey,
        /// Encoded envelopes, with whose device made each.
        changes: Vec<(UserId, Vec<u8>)>,
    },
    /// The proof of a fork on a dashboard.
    BoardFork {
        /// Which.
        board: BoardKey,
        /// Whose device forked.
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
    /// The dashboard made.
    Board(BoardKey),
    /// The change written, if anything changed.
    Edited(Option<ChangeId>),
    /// The comment.
    Comment([u8; 16]),
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
    /// No such dashboard here.
    #[error("no such dashboard in the context")]
    NoBoard(BoardKey),
    /// No such comment of mine.
    #[error("no such comment of yours in the context")]
    NoComment([u8; 16]),
    /// Somebody else's to do.
    #[error("only the creator of the dashboard may do that")]
    NotCreator,
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
