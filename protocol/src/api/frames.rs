//! Frames: what they hold, and how one is made.

use std::collections::BTreeMap;

use super::stacks::StackInfo;
use crate::id::{BlobHash, ContextId, FrameId};

http! {
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
        /// How its author wishes parameters of its files to be asked for, by their names.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub widgets: BTreeMap<String, WidgetInfo>,
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
        /// What made it, as its author's program says; see [`NewFrame::settings`].
        #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub settings: serde_json::Map<String, serde_json::Value>,
    }

    /// How a parameter is asked for; what is left out is made of its values.
    #[derive(Default)]
    pub struct WidgetInfo {
        /// `combobox`, `date`, `radio`, `select`, `slider` or `switch`; passed over where it does
        /// not fit the values.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub kind: Option<String>,
        /// What the parameter is called, at most 128 bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub label: Option<String>,
        /// The unit of its values, at most 32 bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub unit: Option<String>,
        /// The value with which one begins: a plain JSON value or a `{t, v}` object.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub default: Option<serde_json::Value>,
        /// At most 256 values in the order in which they are offered; the rest follows.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub values: Vec<serde_json::Value>,
        /// Where it stands among the others, the least first; those without a place follow.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub order: Option<i64>,
        /// Whether it is not offered, so that its default alone chooses.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub hidden: bool,
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
        /// What opens it, for data whose media type does not say: `pandas`, `sklearn`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub app: Option<String>,
        /// What tells it from the frame's other files, as JSON.
        #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub params: serde_json::Map<String, serde_json::Value>,
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

    /// `POST /frames`: makes a frame and moves the head of a stack to it.
    #[derive(Default)]
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
        /// How pages ask for parameters of its files, by their names; at most 64.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub widgets: BTreeMap<String, WidgetInfo>,
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
        /// Whether inputs from other contexts are told to the readers of this one, instead of
        /// being blinded.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub reveal_inputs: bool,
        /// Patterns of what is left out of folders, as in `.dspignore`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub exclude: Vec<String>,
        /// What makes it: `client`, with its `client` (a name) and `version`, `python` or `r`, the
        /// version of `libraries` by their names, and what other tools say. At most 16 KiB, 8
        /// levels deep; a frame that differs in nothing else is the same.
        #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub settings: serde_json::Map<String, serde_json::Value>,
    }

    /// A file of a new frame: where its bytes are.
    #[derive(Default)]
    pub struct NewFile {
        /// Its path in the frame; `.` for a folder whose files stand at the top.
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
        /// What opens it, for data whose media type does not say: `pandas`, `sklearn`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub app: Option<String>,
        /// What tells it from the frame's other files: plain JSON values or `{t, v}` objects.
        #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub params: serde_json::Map<String, serde_json::Value>,
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
        /// Tags that were put on the frame.
        #[serde(default)]
        pub tags: Vec<String>,
        /// Blobs of the head that were not here and are back, when nothing else was pushed.
        #[serde(default)]
        pub restored: u64,
        /// Peers that are connected and get it now.
        pub peers: u32,
    }
}
