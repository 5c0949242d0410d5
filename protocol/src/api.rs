//! The local HTTP API: requests, replies and events of `/api/v1`, shared by daemon and clients.
//!
//! JSON in snake case, ids as lower-case hexadecimal text, times as RFC 3339 in UTC, sizes in
//! bytes. A reference (`ref`) is text in the grammar of [`crate::reference`]. Errors are RFC 9457
//! problems ([`Problem`]). Calls that may take long answer with a stream of JSON lines, each a
//! [`Step`]; the last one is `done` or `failed`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{BlobHash, ContextId, DeviceId, FrameId, PublicKey, StackId, StatementId, UserId};

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// The media type of a stream of [`Step`] lines.
pub const JSON_LINES: &str = "application/x-ndjson";

/// Derives what every HTTP type has.
macro_rules! http {
    ($($(#[$meta:meta])* pub $kind:ident $name:ident $({$($body:tt)*})? $(($($tuple:tt)*);)?)*) => {$(
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        $(#[$meta])*
        pub $kind $name $({$($body)*})? $(($($tuple)*);)?
    )*};
}

http! {
    /// An error, as RFC 9457 has it.
    pub struct Problem {
        /// `urn:dsp:error:<code>`.
        #[serde(rename = "type")]
        pub kind: String,
        /// The error in a few words.
        pub title: String,
        /// The HTTP status.
        pub status: u16,
        /// What is wrong, naming the thing.
        pub detail: String,
        /// A stable word for programs.
        pub code: ProblemCode,
        /// What to do about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub hint: Option<String>,
        /// The causes, outermost first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub causes: Vec<String>,
        /// Full references that would fit where one did not.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub candidates: Vec<String>,
    }

    /// What kind of error a problem is.
    #[derive(Copy, Eq)]
    pub enum ProblemCode {
        /// The request is malformed, or breaks a rule. Status 400.
        BadRequest,
        /// No token, or a wrong one. Status 401.
        Unauthorized,
        /// Understood and refused: not allowed, or not confirmed. Status 403.
        Refused,
        /// No such stack, frame, attachment, context, peer or ticket. Status 404.
        NotFound,
        /// The thing exists in a state that does not permit the call. Status 409.
        Conflict,
        /// The blob is known and not here; fetch it first. Status 409.
        BlobNotLocal,
        /// The name fits several things. Status 409.
        Ambiguous,
        /// The bytes here do not match their hash. Status 500.
        Corrupt,
        /// The body is larger than allowed. Status 413.
        TooLarge,
        /// The request names a host that this daemon is not. Status 421.
        Misdirected,
        /// The body has another media type than the call takes. Status 415.
        UnsupportedMediaType,
        /// The disk is full; reading still works. Status 507.
        DiskFull,
        /// No peer that has it can be reached. Status 503.
        Unreachable,
        /// The daemon stops. Status 503.
        Stopping,
        /// A bug or a failed disk. Status 500.
        Internal,
    }

    /// One line of a long answer.
    #[serde(tag = "step")]
    pub enum Step {
        /// How far it is.
        Progress(Progress),
        /// Something the user should know.
        Note {
            /// The note in a sentence.
            text: String,
        },
        /// The end, with the result.
        Done {
            /// The result of the call.
            #[cfg_attr(feature = "openapi", schema(value_type = Object))]
            result: serde_json::Value,
        },
        /// The end, with the error.
        Failed {
            /// The error.
            problem: Problem,
        },
    }

    /// How far a long call is.
    pub struct Progress {
        /// What is done now, in two or three words.
        pub what: String,
        /// Bytes done.
        pub bytes: u64,
        /// Bytes in all, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bytes_total: Option<u64>,
        /// Files done.
        pub files: u64,
        /// Files in all, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub files_total: Option<u64>,
    }

    /// How the daemon is: `GET /node`.
    pub struct NodeStatus {
        /// The version of the daemon.
        pub version: String,
        /// Which web UI is built in: `ui` or `none`.
        pub web: String,
        /// The process id.
        pub pid: u32,
        /// When the daemon started, RFC 3339.
        pub started: String,
        /// The folder that holds everything.
        pub home: String,
        /// Where the web UI and the API answer, `http://127.0.0.1:7700`.
        pub address: String,
        /// Who I am.
        pub user: UserId,
        /// The name in my identity log.
        pub name: String,
        /// This device.
        pub device: DeviceId,
        /// The name of this device.
        pub device_name: String,
        /// The current context.
        pub context: String,
        /// Whether the recovery key still waits to be backed up.
        pub backup_needed: bool,
        /// Addresses peers can reach.
        pub listening: Vec<String>,
        /// Contexts, own and followed.
        pub contexts: u32,
        /// Stacks of all contexts.
        pub stacks: u32,
        /// Peers connected now.
        pub peers_connected: u32,
        /// Transfers under way.
        pub transfers: u32,
        /// Bytes free on the disk of the home.
        pub disk_free_bytes: u64,
        /// Whether writing is refused because the disk is full.
        pub disk_full: bool,
    }

    /// That the daemon answers: `GET /health`, which needs no token.
    pub struct Health {
        /// `ok`.
        pub status: String,
        /// The version of the daemon.
        pub version: String,
        /// The process id.
        pub pid: u32,
    }

    /// A context: an item of `GET /contexts`.
    pub struct ContextInfo {
        /// Its id.
        pub id: ContextId,
        /// How it is written in a reference: `main` for one of mine, `alice/main` otherwise.
        pub label: String,
        /// Its name as its owners call it.
        pub name: String,
        /// Its description.
        pub about: String,
        /// The first owner.
        pub owner: UserId,
        /// The petname of the first owner, `me` for mine.
        pub owner_name: String,
        /// My role.
        pub role: RoleName,
        /// Who may read.
        pub access: AccessName,
        /// What becomes of what others push here.
        pub policy: Policy,
        /// How the follow stands.
        pub state: FollowState,
        /// Whether it is the current context.
        pub current: bool,
        /// Stacks that are not removed.
        pub stacks: u32,
        /// Frames here.
        pub frames: u32,
        /// Bytes that the current frames name.
        pub bytes: u64,
        /// Bytes of those that are here.
        pub bytes_here: u64,
        /// Members, owners included.
        pub members: u32,
        /// When an author of it was last heard of, RFC 3339; absent when never.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub heard: Option<String>,
    }

    /// `DELETE /follows/{context}`: how a follow was left.
    pub struct Left {
        /// The context as it stands, where what is here was kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub context: Option<ContextInfo>,
        /// What was freed, where it was dropped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub freed: Option<Freed>,
    }

    /// Bytes that nothing here names any more.
    #[derive(Copy, Eq)]
    pub struct Freed {
        /// Blobs that are gone.
        pub blobs: u64,
        /// Their bytes.
        pub bytes: u64,
        /// Whether more is freed later, as something under way holds it up.
        pub pending: bool,
    }

    /// What somebody may do in a context.
    #[derive(Copy, Eq, PartialOrd, Ord)]
    pub enum RoleName {
        /// Nothing.
        None,
        /// Read.
        Reader,
        /// Read and push.
        Writer,
        /// Everything, with equal right among owners.
        Owner,
    }

    /// Who may read a context.
    #[derive(Copy, Eq)]
    pub enum AccessName {
        /// Members only.
        Private,
        /// Members, and who holds a ticket.
        Ticket,
        /// Anybody.
        Public,
    }

    /// Which blobs of a followed context are brought without being asked for.
    #[derive(Copy, Eq, Default)]
    pub enum Policy {
        /// Those of every frame.
        All,
        /// Those of current heads.
        #[default]
        Heads,
        /// None; `dsp fetch` brings them.
        Lazy,
    }

    /// How a follow stands.
    #[derive(Copy, Eq)]
    pub enum FollowState {
        /// It is one of mine.
        Own,
        /// Not synced yet: no peer that admits me was reached.
        Waiting,
        /// Synced at least once.
        Following,
        /// I was removed, or the ticket is void; what is here stays.
        Removed,
        /// The owner closed it; what is here stays.
        Closed,
        /// I left it and kept the copy.
        Left,
    }

    /// `POST /contexts`.
    pub struct NewContext {
        /// Its name.
        pub name: String,
        /// Its description.
        #[serde(default)]
        pub about: String,
        /// Who may read; private when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub access: Option<AccessName>,
    }

    /// `PUT /contexts/current`: which context unqualified names mean.
    pub struct SwitchContext {
        /// The context: a name of mine, `user/name`, or an id.
        pub context: String,
    }

    /// What `dsp share` would make readable: `GET /contexts/{context}/readable`.
    pub struct Readable {
        /// The context.
        pub context: ContextId,
        /// How it is written in a reference.
        pub label: String,
        /// Stacks.
        pub stacks: u32,
        /// Frames.
        pub frames: u32,
        /// Bytes of all frames.
        pub bytes: u64,
        /// The names of the largest stacks, at most ten.
        pub examples: Vec<String>,
        /// Access before.
        pub access: AccessName,
    }

    /// `POST /contexts/{context}/tickets`.
    pub struct NewTicket {
        /// What the ticket gives; reader when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub role: Option<RoleName>,
        /// Seconds until it is void; 7 days when left out, 0 for never.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub expires_seconds: Option<u64>,
        /// How many users it admits; no limit when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub uses: Option<u32>,
    }

    /// A ticket made: the only time its text is shown.
    pub struct TicketMade {
        /// The text, `dsp1…`.
        pub ticket: String,
        /// What names it in `dsp tickets`.
        pub info: TicketInfo,
    }

    /// A ticket of a context.
    pub struct TicketInfo {
        /// Its public key.
        pub key: PublicKey,
        /// The context.
        pub context: ContextId,
        /// How the context is written in a reference.
        pub label: String,
        /// What it gives.
        pub role: RoleName,
        /// When it is void, RFC 3339; never when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub until: Option<String>,
        /// How many users it admits; no limit when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub uses: Option<u32>,
        /// Whether it was revoked.
        pub revoked: bool,
        /// Who came in by it, as far as this node knows.
        pub admitted: Vec<UserName>,
    }

    /// A user with the name that is hers here.
    pub struct UserName {
        /// The id.
        pub user: UserId,
        /// The petname; `me` for me.
        pub name: String,
    }

    /// `POST /follows`.
    pub struct NewFollow {
        /// The text of a ticket.
        pub ticket: String,
        /// What to bring; `heads` when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub policy: Option<Policy>,
        /// Seconds to wait for the first sync; 30 when left out, 0 to return at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub wait_seconds: Option<u64>,
    }

    /// What came of a follow: the result of `POST /follows`.
    pub struct Followed {
        /// The context as it stands.
        pub context: ContextInfo,
        /// Its stacks, the latest first, at most twenty.
        pub stacks: Vec<StackInfo>,
        /// Whether the first sync ended in time.
        pub synced: bool,
        /// Whether it was followed before.
        pub known: bool,
    }

    /// `PATCH /follows/{context}`.
    pub struct ChangeFollow {
        /// What to bring from now on.
        pub policy: Policy,
    }

    /// A stack: an item of `GET /stacks`.
    pub struct StackInfo {
        /// Its id.
        pub id: StackId,
        /// The context.
        pub context: ContextId,
        /// Its owner.
        pub user: UserId,
        /// The shortest reference that names it here.
        pub reference: String,
        /// Its name.
        pub name: String,
        /// The head; absent when removed or not here yet.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub head: Option<HeadInfo>,
        /// Further current heads, when pushed while apart.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub other_heads: Vec<HeadInfo>,
        /// Tags and the frames they are on.
        pub tags: BTreeMap<String, FrameId>,
        /// Whether its author removed it; followers keep their bytes.
        pub removed: bool,
    }

    /// A head of a stack.
    pub struct HeadInfo {
        /// The statement.
        pub statement: StatementId,
        /// The frame.
        pub frame: FrameId,
        /// The generation.
        pub generation: u64,
        /// The device that signed it.
        pub device: DeviceId,
        /// When, by that device's clock, RFC 3339.
        pub time: String,
        /// Whether that clock runs more than ten minutes ahead of ours.
        pub clock_ahead: bool,
        /// The message of the frame; absent when the frame is not here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub message: Option<String>,
        /// Files of the frame; absent when not known here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub files: Option<u64>,
        /// Bytes of the frame's files; absent when not known here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bytes: Option<u64>,
        /// Bytes of those that are here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bytes_here: Option<u64>,
    }

    /// A frame with what it holds: `GET /frame?ref=`.
    pub struct FrameInfo {
        /// Its id.
        pub id: FrameId,
        /// The reference asked for, in full.
        pub reference: String,
        /// The stack.
        pub stack: StackInfo,
        /// Its parents.
        pub parents: Vec<FrameId>,
        /// When it was made, RFC 3339.
        pub time: String,
        /// Its message.
        pub message: String,
        /// Parameters as JSON.
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub params: serde_json::Map<String, serde_json::Value>,
        /// Metrics as JSON; those that are no number as text.
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub metrics: serde_json::Map<String, serde_json::Value>,
        /// Tags on it.
        pub tags: Vec<String>,
        /// Number of files.
        pub files_total: u64,
        /// Bytes of its files.
        pub bytes: u64,
        /// Bytes of those that are here.
        pub bytes_here: u64,
        /// Its first files, at most 100; `GET /files` pages through all.
        pub files: Vec<FileInfo>,
        /// What it was made from.
        pub inputs: Vec<InputInfo>,
        /// Features it needs that this version does not know.
        pub needs: Vec<String>,
    }

    /// A file of a frame.
    pub struct FileInfo {
        /// Its path.
        pub path: String,
        /// The hash of its bytes.
        pub hash: BlobHash,
        /// Its size in bytes.
        pub size: u64,
        /// Its media type.
        pub media: String,
        /// Its description.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub text: Option<String>,
        /// Whether it is executable.
        pub executable: bool,
        /// Whether all its bytes are here.
        pub here: bool,
    }

    /// An input of a frame.
    pub struct InputInfo {
        /// The frame; absent when the author withheld it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub frame: Option<FrameId>,
        /// The name it had.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<String>,
    }

    /// A revision in `GET /log`.
    pub struct LogEntry {
        /// The frame.
        pub id: FrameId,
        /// Whether it is here; a missing ancestor is not an error.
        pub here: bool,
        /// Its parents, when here.
        pub parents: Vec<FrameId>,
        /// When it was made, RFC 3339, when here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub time: Option<String>,
        /// Its message, when here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub message: Option<String>,
        /// Metrics as JSON.
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub metrics: serde_json::Map<String, serde_json::Value>,
        /// Number of files, when here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub files: Option<u64>,
        /// Bytes of its files, when here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bytes: Option<u64>,
        /// Tags on it.
        pub tags: Vec<String>,
        /// Whether it is a current head.
        pub head: bool,
    }

    /// `POST /frames`: makes a frame and moves the head of a stack to it.
    pub struct NewFrame {
        /// The stack, `[context:]stack`-like reference of mine; made when new.
        pub stack: String,
        /// What the frame is about.
        #[serde(default)]
        pub message: String,
        /// Parameters: plain JSON values or `{t, v}` objects.
        #[serde(default)]
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub params: serde_json::Map<String, serde_json::Value>,
        /// Metrics: numbers, or `"nan"`, `"inf"`, `"-inf"`.
        #[serde(default)]
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub metrics: serde_json::Map<String, serde_json::Value>,
        /// Its files.
        pub files: Vec<NewFile>,
        /// Tags to set on it.
        #[serde(default)]
        pub tags: Vec<String>,
        /// References of what it was made from.
        #[serde(default)]
        pub inputs: Vec<String>,
    }

    /// A file of a new frame: where its bytes are.
    pub struct NewFile {
        /// Its path in the frame.
        pub path: String,
        /// An absolute path that the daemon reads; for a folder, all in it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub source: Option<String>,
        /// The hash of a blob uploaded before with `PUT /blobs`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub hash: Option<BlobHash>,
        /// The media type; guessed from the path when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub media: Option<String>,
        /// A description.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub text: Option<String>,
    }

    /// The result of `POST /frames`.
    pub struct Pushed {
        /// The frame.
        pub frame: FrameId,
        /// The reference of the stack.
        pub reference: String,
        /// The context.
        pub context: ContextId,
        /// Number of files.
        pub files: u64,
        /// Bytes of its files.
        pub bytes: u64,
        /// Whether the stack is new.
        pub created: bool,
        /// Whether the frame equals the head, so that nothing was pushed.
        pub unchanged: bool,
        /// Peers that are connected and get it now.
        pub peers: u32,
    }

    /// The result of `PUT /blobs`.
    pub struct BlobPut {
        /// The hash of the bytes.
        pub hash: BlobHash,
        /// How many.
        pub size: u64,
    }

    /// `POST /rename`.
    pub struct Rename {
        /// The stack.
        #[serde(rename = "ref")]
        pub reference: String,
        /// Its new name.
        pub name: String,
    }

    /// `POST /tags`: puts a tag on a frame, or takes it away.
    pub struct SetTag {
        /// The frame, by reference.
        #[serde(rename = "ref")]
        pub reference: String,
        /// The tag.
        pub tag: String,
        /// Takes it away instead.
        #[serde(default)]
        pub remove: bool,
    }

    /// `POST /fetch`, `POST /verify`: what to bring or check; everything here when left out.
    pub struct RefRequest {
        /// A reference of a stack, a frame or an attachment.
        #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
        pub reference: Option<String>,
    }

    /// The result of `POST /fetch`.
    pub struct Fetched {
        /// Files that are here now.
        pub files: u64,
        /// Bytes brought.
        pub bytes: u64,
        /// Files that were here before.
        pub already_here: u64,
        /// Files nobody reachable had.
        pub missing: Vec<String>,
    }

    /// The result of `POST /verify`.
    pub struct Verified {
        /// Heads whose signatures and authority hold.
        pub heads: u64,
        /// Frames whose bytes match their ids.
        pub frames: u64,
        /// Blobs whose bytes match their hashes.
        pub blobs: u64,
        /// Bytes read.
        pub bytes: u64,
        /// Blobs that are not here, which is no fault.
        pub not_here: u64,
        /// What does not hold.
        pub faults: Vec<Fault>,
    }

    /// Something that does not hold.
    pub struct Fault {
        /// What: a path, a frame or a statement.
        pub what: String,
        /// Its id.
        pub id: String,
        /// Why.
        pub reason: String,
    }

    /// Another user that this node knows.
    pub struct PeerInfo {
        /// The user.
        pub user: UserId,
        /// Her petname here.
        pub name: String,
        /// What she calls herself.
        pub own_name: String,
        /// Whether her id was compared.
        pub verified: bool,
        /// Her devices.
        pub devices: Vec<PeerDevice>,
        /// Contexts that both are in.
        pub contexts: Vec<String>,
    }

    /// A device of another user.
    pub struct PeerDevice {
        /// The device.
        pub device: DeviceId,
        /// Its name in her identity log.
        pub name: String,
        /// Whether it is connected now.
        pub connected: bool,
        /// Whether it was revoked.
        pub revoked: bool,
        /// The address in use or last used.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub address: Option<String>,
        /// When it was last connected, RFC 3339.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub seen: Option<String>,
    }

    /// `PATCH /peers/{user}`.
    pub struct RenamePeer {
        /// The new petname.
        pub name: String,
    }

    /// Who I am: `GET /identity`.
    pub struct IdentityInfo {
        /// My id.
        pub user: UserId,
        /// The name in my log.
        pub name: String,
        /// The root key.
        pub root: PublicKey,
        /// This device.
        pub device: DeviceId,
        /// My devices.
        pub devices: Vec<PeerDevice>,
        /// Whether the recovery key still waits to be backed up.
        pub backup_needed: bool,
        /// Statements in my log.
        pub log_entries: u32,
    }

    /// The recovery key in words: the answer of `POST /identity/backup`.
    pub struct Backup {
        /// 24 words, shown once.
        pub words: String,
    }

    /// `POST /identity/backup/confirm`: proves that the words are written down.
    pub struct ConfirmBackup {
        /// The words.
        pub words: String,
    }

    /// A one-time login: the answer of `POST /login-codes`.
    pub struct LoginCode {
        /// What the browser opens; void after 60 seconds or one use.
        pub url: String,
    }

    /// `POST /login`.
    pub struct Login {
        /// The code of the URL's fragment.
        pub code: String,
    }

    /// A page of a list.
    pub struct Page {
        /// The items; their type is the call's.
        #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
        pub items: Vec<serde_json::Value>,
        /// What to pass as `cursor` for the next page; absent on the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub next_cursor: Option<String>,
    }

    /// Settings that can be changed while running: `GET /settings`, `PATCH /settings`.
    pub struct Setting {
        /// Its name, such as `net.mdns`.
        pub name: String,
        /// Its value.
        pub value: String,
        /// Where it comes from: `default`, `file`, `env` or `flag`.
        pub source: String,
        /// What it does.
        pub about: String,
        /// Whether it takes effect only after a restart.
        pub restart: bool,
    }

    /// An event of `GET /events`; its SSE name is the tag.
    #[serde(tag = "event")]
    pub enum Event {
        /// A stack appeared.
        #[serde(rename = "stack.created")]
        StackCreated(StackEvent),
        /// A stack has another head.
        #[serde(rename = "stack.head_changed")]
        StackHeadChanged(StackEvent),
        /// A frame is here.
        #[serde(rename = "frame.added")]
        FrameAdded {
            /// The context.
            context: ContextId,
            /// The frame.
            frame: FrameId,
        },
        /// The bytes of a blob are here.
        #[serde(rename = "attachment.available")]
        AttachmentAvailable {
            /// The context.
            context: ContextId,
            /// The blob.
            hash: BlobHash,
        },
        /// A context was made, followed, renamed, closed or left.
        #[serde(rename = "context.changed")]
        ContextChanged {
            /// The context.
            context: ContextId,
            /// How the follow stands now.
            state: FollowState,
        },
        /// A peer connected.
        #[serde(rename = "peer.connected")]
        PeerConnected {
            /// The device.
            device: DeviceId,
        },
        /// A peer went.
        #[serde(rename = "peer.disconnected")]
        PeerDisconnected {
            /// The device.
            device: DeviceId,
        },
        /// Somebody came in by a ticket.
        #[serde(rename = "ticket.used")]
        TicketUsed {
            /// The context.
            context: ContextId,
            /// The ticket.
            ticket: PublicKey,
            /// Who.
            user: UserId,
        },
        /// How far a transfer is; at most four a second.
        #[serde(rename = "transfer.progressed")]
        TransferProgressed {
            /// The context.
            context: ContextId,
            /// Bytes done.
            bytes: u64,
            /// Bytes in all.
            bytes_total: u64,
        },
        /// A transfer ended.
        #[serde(rename = "transfer.finished")]
        TransferFinished {
            /// The context.
            context: ContextId,
            /// Blobs brought.
            blobs: u64,
            /// Blobs nobody reachable had.
            failed: u64,
        },
        /// Something the user should know.
        #[serde(rename = "notice")]
        Notice {
            /// In a sentence.
            text: String,
        },
        /// Events were lost; ask again for what is shown.
        #[serde(rename = "resync")]
        Resync {},
    }

    /// A stack in an event.
    pub struct StackEvent {
        /// The context.
        pub context: ContextId,
        /// The owner.
        pub user: UserId,
        /// The stack.
        pub stack: StackId,
        /// Its name.
        pub name: String,
        /// Its head; absent when removed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub frame: Option<FrameId>,
    }

    /// What `run/client.json` holds: how a client on the same account finds the daemon.
    pub struct ClientFile {
        /// `http://127.0.0.1:7700`.
        pub address: String,
        /// The path of the Unix socket, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub socket: Option<String>,
        /// A token with all rights; the file is readable by its owner alone.
        pub token: String,
        /// The process id of the daemon.
        pub pid: u32,
        /// Its version.
        pub version: String,
    }
}

impl ProblemCode {
    /// Returns the HTTP status of a problem.
    pub fn status(self) -> u16 {
        match self {
            ProblemCode::BadRequest => 400,
            ProblemCode::Unauthorized => 401,
            ProblemCode::Refused => 403,
            ProblemCode::NotFound => 404,
            ProblemCode::Conflict | ProblemCode::BlobNotLocal | ProblemCode::Ambiguous => 409,
            ProblemCode::TooLarge => 413,
            ProblemCode::UnsupportedMediaType => 415,
            ProblemCode::Misdirected => 421,
            ProblemCode::Corrupt | ProblemCode::Internal => 500,
            ProblemCode::Unreachable | ProblemCode::Stopping => 503,
            ProblemCode::DiskFull => 507,
        }
    }

    /// Returns the word that stands for it in JSON and in `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            ProblemCode::BadRequest => "bad_request",
            ProblemCode::Unauthorized => "unauthorized",
            ProblemCode::Refused => "refused",
            ProblemCode::NotFound => "not_found",
            ProblemCode::Conflict => "conflict",
            ProblemCode::BlobNotLocal => "blob_not_local",
            ProblemCode::Ambiguous => "ambiguous",
            ProblemCode::Corrupt => "corrupt",
            ProblemCode::TooLarge => "too_large",
            ProblemCode::Misdirected => "misdirected",
            ProblemCode::UnsupportedMediaType => "unsupported_media_type",
            ProblemCode::DiskFull => "disk_full",
            ProblemCode::Unreachable => "unreachable",
            ProblemCode::Stopping => "stopping",
            ProblemCode::Internal => "internal",
        }
    }

    /// Returns the error in a few words.
    pub fn title(self) -> &'static str {
        match self {
            ProblemCode::BadRequest => "the request is not valid",
            ProblemCode::Unauthorized => "a token is needed",
            ProblemCode::Refused => "refused",
            ProblemCode::NotFound => "not found",
            ProblemCode::Conflict => "not possible in this state",
            ProblemCode::BlobNotLocal => "the bytes are not here",
            ProblemCode::Ambiguous => "the name fits several things",
            ProblemCode::Corrupt => "bytes do not match their hash",
            ProblemCode::TooLarge => "too large",
            ProblemCode::Misdirected => "unknown host",
            ProblemCode::UnsupportedMediaType => "unsupported media type",
            ProblemCode::DiskFull => "the disk is full",
            ProblemCode::Unreachable => "no peer that has it can be reached",
            ProblemCode::Stopping => "the daemon stops",
            ProblemCode::Internal => "internal error",
        }
    }
}

impl Problem {
    /// Returns a problem of one kind with what is wrong.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Problem {
            kind: format!("urn:dsp:error:{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code,
            hint: None,
            causes: Vec::new(),
            candidates: Vec::new(),
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the chain of causes of an error.
    #[must_use]
    pub fn with_causes(mut self, error: &dyn std::error::Error) -> Self {
        let mut cause = error.source();
        while let Some(error) = cause {
            self.causes.push(error.to_string());
            cause = error.source();
        }
        self
    }
}
