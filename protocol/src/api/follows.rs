//! Following a context of somebody else.

use super::contexts::{ContextInfo, Policy};
use super::stacks::StackInfo;

http! {
    /// `POST /follows`.
    pub struct NewFollow {
        /// The text of a ticket, or the label of an [offer](super::OfferInfo): `alice/plans`.
        pub ticket: String,
        /// What to bring; when left out as before, and else as `policy.default` says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub policy: Option<Policy>,
        /// What to choose among that; when neither this nor `policy` is there as before, and else
        /// nothing is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub selection: Option<Selection>,
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
        /// What to choose among that; nothing is left out without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub selection: Option<Selection>,
    }

    /// What is chosen among the bytes that a policy brings.
    #[derive(Default)]
    pub struct Selection {
        /// Patterns of names: stacks that fit one of them; all stacks when empty. `?` and `*` stop
        /// at `/`, `**` does not. At most 64.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub only: Vec<String>,
        /// Patterns of the names of stacks that are left out; at most 64.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub not: Vec<String>,
        /// Largest blob that comes, in bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub max_size_bytes: Option<u64>,
        /// How many of the newest frames of a stack count; under the policy `all` only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub last: Option<u32>,
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
    #[derive(Copy, Eq, Default)]
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
