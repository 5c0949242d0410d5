//! Stacks, their heads, tags and history.

use std::collections::BTreeMap;

use super::contexts::ContextInfo;
use super::peers::UserName;
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
        /// The file that stands for the frame in a list: a picture, else its first one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub cover: Option<CoverInfo>,
    }

    /// The file that stands for a frame in a list.
    pub struct CoverInfo {
        /// Its path.
        pub path: String,
        /// Its media type.
        pub media: String,
        /// What opens it, for data whose media type does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub app: Option<String>,
        /// Its size in bytes.
        pub size: u64,
        /// Whether all its bytes are here.
        pub here: bool,
    }

    /// A revision in `GET /log`.
    pub struct LogEntry {
        /// The frame.
        pub id: FrameId,
        /// Whether it is here; a missing ancestor is not an error.
        pub here: bool,
        /// Whether it is not here since an owner withdrew it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub withdrawn: bool,
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

    /// `POST /shares`: shows a stack of mine to named users and nobody else.
    pub struct NewShare {
        /// The stack, as a reference.
        pub stack: String,
        /// Whom: petnames or ids.
        pub with: Vec<String>,
        /// Whether frames behind the head go along.
        #[serde(default)]
        pub history: bool,
    }

    /// What came of `POST /shares`.
    pub struct Shared {
        /// The stack where they read it.
        pub stack: StackInfo,
        /// The context of these readers, as it is written in a reference.
        pub context: String,
        /// Whether the context was made for them; else it was there.
        pub created: bool,
        /// Who reads it.
        pub readers: Vec<UserName>,
        /// Frames that can be read there now.
        pub frames: u32,
        /// Frames whose lineage is withheld, as it names what these readers cannot read.
        pub lineage_withheld: u32,
    }

    /// `POST /contexts/{context}/fork`: a context of mine with the current heads of another.
    pub struct NewFork {
        /// The name of the new context.
        pub name: String,
        /// Whether frames behind the heads go along.
        #[serde(default)]
        pub history: bool,
    }

    /// What came of a fork.
    pub struct Forked {
        /// The new context.
        pub context: ContextInfo,
        /// Stacks that are in it.
        pub stacks: u32,
        /// Frames that are in it.
        pub frames: u32,
        /// Stacks that were left out, each with the reason.
        pub left_out: Vec<String>,
    }
}
