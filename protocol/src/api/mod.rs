//! The local HTTP API: requests, replies and events of `/api/v1`, shared by daemon and clients.
//!
//! JSON in snake case, ids as lower-case hexadecimal text, times as RFC 3339 in UTC, sizes in
//! bytes. A reference (`ref`) is text in the grammar of [`crate::reference`]. Errors are RFC 9457
//! problems ([`Problem`]). Calls that may take long answer with a stream of JSON lines, each a
//! [`Step`]; the last one is `done` or `failed`.

/// Derives what every HTTP type has.
macro_rules! http {
    ($($(#[$meta:meta])* pub $kind:ident $name:ident $({$($body:tt)*})? $(($($tuple:tt)*);)?)*) => {$(
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        $(#[$meta])*
        pub $kind $name $({$($body)*})? $(($($tuple)*);)?
    )*};
}

mod archives;
mod blobs;
mod boards;
mod contexts;
mod devices;
mod diff;
mod doctor;
mod events;
mod follows;
mod forget;
mod frames;
mod identity;
mod keeping;
mod login;
mod members;
mod node;
mod notifications;
mod offers;
mod peers;
mod problem;
mod raw;
mod search;
mod sessions;
mod settings;
mod size;
mod stacks;
mod step;
mod tables;
mod tickets;
mod tokens;
mod transfers;
mod undo;
mod welcome;

pub use self::archives::{ArchiveTaken, Came, ExportArchive};
pub use self::blobs::{BlobPut, Fault, Fetched, RefRequest, Verified};
pub use self::boards::{
    BoardChangeInfo, BoardChanged, BoardInfo, BoardOp, BoardParam, BoardView, CardHeight, CardInfo,
    CardKind, CardStack, CardState, ChangeBoard, CommentAbout, CommentInfo, CopyBoard, EditComment,
    Editing, Editors, NewBoard, NewCard, NewComment, UndoBoard,
};
pub use self::contexts::{
    AccessName, ContextInfo, FollowState, NewContext, Policy, Readable, RoleName, SetQuota,
    SwitchContext,
};
pub use self::devices::{
    ConfirmPairing, CutInfo, DeviceInfo, DeviceState, Join, Joined, LostFrame, NewPairing,
    PairingInfo, PairingMade, PairingStage, Recover, Recovered, Revoke, Revoked,
};
pub use self::diff::{
    ChangeName, ColumnChange, ContentDiff, DiffSide, FileChange, FileCounts, FileSide, FrameDiff,
    InputChange, MessageChange, MetricChange, TableDiff, ValueChange,
};
pub use self::doctor::{Alone, AloneStack, Check, CheckState, Diagnosis, Examine};
pub use self::events::{Event, StackEvent};
pub use self::follows::{ChangeFollow, Followed, Freed, Left, NewFollow, Selection};
pub use self::forget::{ForgetRequest, Forgotten};
pub use self::frames::{FileInfo, FrameInfo, InputInfo, NewFile, NewFrame, Pushed, WidgetInfo};
pub use self::identity::{Backup, BackupState, ConfirmBackup, IdentityInfo};
pub use self::keeping::{
    BlobHolder, DropMode, DropReport, DropRequest, Garbage, GarbageFrame, NewPin, PinInfo, PinKeep,
    Pinned, StayReason, StayingFile, StoredType, StoredTypes, Unpinned, Waste,
};
pub use self::login::{Login, LoginCode};
pub use self::members::{CutAway, KeepMore, MemberInfo, SetRole};
pub use self::node::{ClientFile, Health, NodeStatus, PendingRole};
pub use self::notifications::{
    NotificationInfo, NotificationKind, ReadNotifications, SetMuted, Unread,
};
pub use self::offers::OfferInfo;
pub use self::peers::{
    KeyChange, KeyChangeName, PeerDevice, PeerInfo, RenamePeer, SetTrust, Trust, UserName,
};
pub use self::problem::{Problem, ProblemCode};
pub use self::raw::{NewRaw, RawAddress, RawKind};
pub use self::search::{SearchColumn, SearchHit};
pub use self::sessions::SessionInfo;
pub use self::settings::Setting;
pub use self::size::parse_bytes;
pub use self::stacks::{
    CoverInfo, Forked, HeadInfo, LogEntry, NewFork, NewShare, Rename, SetTag, Shared, StackInfo,
};
pub use self::step::{Progress, Step};
#[cfg(feature = "openapi")]
pub use self::tables::TableValue;
pub use self::tables::{
    TableCell, TableColumn, TableColumnStats, TableCondition, TableOp, TableOrder, TableRows,
    TableSchema, TableStats, TableValueCount,
};
pub use self::tickets::{NewTicket, TicketEnded, TicketInfo, TicketMade};
pub use self::tokens::{NewToken, ScopeName, TokenInfo, TokenMade, token_hash, token_id};
pub use self::transfers::{DirectionName, PauseTransfer, TransferInfo, TransferList, TransferPeer};
pub use self::undo::{
    Changed, ClosedContext, DeedInfo, DeedName, TrashInfo, UndoDeed, UndoHint, Undone,
};
pub use self::welcome::{first_steps, r_configure, shell_word};

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// The media type of a stream of [`Step`] lines.
pub const JSON_LINES: &str = "application/x-ndjson";

http! {
    /// A page of a list.
    pub struct Page {
        /// The items; their type is the call's.
        #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
        pub items: Vec<serde_json::Value>,
        /// What to pass as `cursor` for the next page; absent on the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub next_cursor: Option<String>,
        /// What is to be known of the whole list, such as that it may be longer soon.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub note: Option<String>,
    }
}
