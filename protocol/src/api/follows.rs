//! Following a context of somebody else.

use super::contexts::{ContextInfo, Policy};
use super::stacks::StackInfo;

http! {
    /// `POST /follows`.
    pub struct NewFollow {
        /// The text of a ticket.
        pub ticket: String,
        /// What to bring; when left out as before, and else as `policy.default` says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub policy: Option<Policy>,
        /// Seconds to wait for the first sync and the role; 30 when left out, 0 to return at once.
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

    /// `DELETE /follows/{context}`: how a follow was left.
    pub struct Left {
        /// The context as it stands, where what is here was kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub context: Option<ContextInfo>,
        /// What was freed, where it was dropped and nothing is kept in the trash.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub freed: Option<Freed>,
        /// How it is undone, where it can be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub undo: Option<super::undo::UndoHint>,
    }

    /// Bytes that nothing here names any more.
    #[derive(Copy, Eq)]
    pub struct Freed {
        /// Blobs that are gone.
        pub blobs: u64,
        /// Their bytes.
        pub bytes: u64,
        /// Blobs that nothing names and that stay in the trash for now.
        #[serde(default)]
        pub trashed: u64,
        /// Their bytes.
        #[serde(default)]
        pub trashed_bytes: u64,
        /// Whether more is freed later, as something under way holds it up.
        pub pending: bool,
    }
}
