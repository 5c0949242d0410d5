//! Stacks, their heads, tags and history.

use std::collections::BTreeMap;

use crate::id::{ContextId, DeviceId, FrameId, StackId, StatementId, UserId};

http! {
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
}
