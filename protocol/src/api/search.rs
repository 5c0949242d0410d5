//! What a search finds.

use crate::id::{ContextId, FrameId, StackId, UserId};

http! {
    /// A frame that fits: an item of `GET /search`.
    pub struct SearchHit {
        /// The frame.
        pub frame: FrameId,
        /// The reference that means it, with its whole id.
        pub reference: String,
        /// The shortest reference of its stack.
        pub stack: String,
        /// The stack.
        pub stack_id: StackId,
        /// The context.
        pub context: ContextId,
        /// The owner of the stack.
        pub user: UserId,
        /// When the frame was made, RFC 3339.
        pub time: String,
        /// Its message.
        pub message: String,
        /// Its tags.
        pub tags: Vec<String>,
        /// Whether it is a current head.
        pub head: bool,
        /// Parameters as JSON.
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub params: serde_json::Map<String, serde_json::Value>,
        /// Metrics as JSON; those that are no number as text.
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub metrics: serde_json::Map<String, serde_json::Value>,
        /// Columns of its tables that fit, ten at most.
        #[serde(default)]
        pub columns: Vec<SearchColumn>,
    }

    /// A column of a table among the attachments of a frame.
    pub struct SearchColumn {
        /// The path of the attachment.
        pub path: String,
        /// The name of the column.
        pub name: String,
        /// Its type, as `/schema` tells it; of a text, that of its first rows.
        #[serde(rename = "type")]
        pub type_name: String,
    }
}
