//! What can be undone, and the trash.

use super::contexts::ContextInfo;
use super::stacks::StackInfo;

http! {
    /// How something just done can be undone: `dsp undo ID`, `POST /undo`.
    pub struct UndoHint {
        /// Names the deed in the journal.
        pub id: u64,
        /// Until when, RFC 3339; absent where it takes no bytes that are freed some day.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub until: Option<String>,
    }

    /// A stack after a change: the stack, and how the change is undone.
    pub struct Changed {
        /// The stack as it is now.
        #[serde(flatten)]
        pub stack: StackInfo,
        /// How it is undone; absent where nothing changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub undo: Option<UndoHint>,
        /// What of it did not reach audiences of the stack, in sentences.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub notes: Vec<String>,
    }

    /// A context that was closed, and how that is undone.
    pub struct ClosedContext {
        /// The context as it is now.
        #[serde(flatten)]
        pub context: ContextInfo,
        /// How it is undone; absent where it was closed before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub undo: Option<UndoHint>,
    }

    /// What a deed was.
    #[derive(Copy, Eq)]
    pub enum DeedName {
        /// A stack, a dashboard or cards of one were removed.
        Removed,
        /// A stack was renamed.
        Renamed,
        /// A tag was moved to another frame, put on a first one, or taken away.
        Tagged,
        /// A followed context was left and its copy kept.
        Left,
        /// A followed context was left and its copy dropped.
        Dropped,
        /// Bytes were let go that others hold.
        LetGo,
        /// A context was closed.
        Closed,
    }

    /// A deed in the journal: an item of `GET /undo`.
    pub struct DeedInfo {
        /// Names it.
        pub id: u64,
        /// Its kind.
        pub kind: DeedName,
        /// What was done, in a few words.
        pub what: String,
        /// When, RFC 3339.
        pub at: String,
        /// Until when it can be undone, RFC 3339; absent where time does not end that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub until: Option<String>,
        /// Bytes here that are kept for the undo alone.
        pub bytes: u64,
        /// Why it cannot be undone any more; absent where it can.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub impossible: Option<String>,
    }

    /// `POST /undo`: what to undo.
    pub struct UndoDeed {
        /// The deed; the last that can be undone when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub id: Option<u64>,
    }

    /// The result of `POST /undo`.
    pub struct Undone {
        /// The deed.
        pub id: u64,
        /// What it was, in a few words.
        pub deed: String,
        /// What the undo did, in a sentence.
        pub what: String,
    }

    /// The trash: bytes that nothing names any more and that wait to be freed. `GET /trash`.
    #[derive(Copy, Eq)]
    pub struct TrashInfo {
        /// Blobs, those of dropped contexts included.
        pub blobs: u64,
        /// Their bytes.
        pub bytes: u64,
        /// Seconds that something stays, as `trash.keep` says.
        pub keep_seconds: u64,
    }
}
