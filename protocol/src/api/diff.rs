//! What differs between two frames.

use crate::id::{BlobHash, FrameId};

http! {
    /// What differs between two frames: `GET /diff`.
    pub struct FrameDiff {
        /// The frame before.
        pub from: DiffSide,
        /// The frame after.
        pub to: DiffSide,
        /// The messages, where they differ.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub message: Option<MessageChange>,
        /// Parameters that differ, by name.
        pub params: Vec<ValueChange>,
        /// Metrics that differ, by name.
        pub metrics: Vec<MetricChange>,
        /// What both were made from, where that differs.
        pub inputs: Vec<InputChange>,
        /// How many files were added, removed, changed, and are the same.
        pub counts: FileCounts,
        /// Files that differ by path, at most a thousand.
        pub files: Vec<FileChange>,
    }

    /// One of two frames.
    pub struct DiffSide {
        /// The frame; absent where a first frame is compared with nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub frame: Option<FrameId>,
        /// The reference that means it, in full; `nothing` where there is none.
        pub reference: String,
        /// Tags on it.
        pub tags: Vec<String>,
        /// When it was made, RFC 3339.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub time: Option<String>,
    }

    /// Two messages.
    pub struct MessageChange {
        /// Before.
        pub from: String,
        /// After.
        pub to: String,
    }

    /// A parameter that differs; absent on a side that has none of the name.
    pub struct ValueChange {
        /// Its name.
        pub name: String,
        /// Before, as JSON.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub from: Option<serde_json::Value>,
        /// After, as JSON.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub to: Option<serde_json::Value>,
    }

    /// A metric that differs; absent on a side that has none of the name.
    pub struct MetricChange {
        /// Its name.
        pub name: String,
        /// Before: a number, or as text one that JSON has no number for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub from: Option<serde_json::Value>,
        /// After.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub to: Option<serde_json::Value>,
        /// After less before, where both are finite numbers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub difference: Option<f64>,
    }

    /// An input of one of two frames and not of the other.
    pub struct InputChange {
        /// Whether it came or went.
        pub change: ChangeName,
        /// The frame; absent where the author withheld it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub frame: Option<FrameId>,
        /// The name it had.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<String>,
    }

    /// What became of something.
    #[derive(Copy, Eq)]
    pub enum ChangeName {
        /// Only the frame after has it.
        Added,
        /// Only the frame before has it.
        Removed,
        /// Both have it, and it differs.
        Changed,
    }

    /// Numbers of files.
    #[derive(Copy, Eq, Default)]
    pub struct FileCounts {
        /// Only the frame after has them.
        pub added: u64,
        /// Only the frame before has them.
        pub removed: u64,
        /// Both have them, and they differ.
        pub changed: u64,
        /// Both have them alike.
        pub same: u64,
        /// Bytes of the files after less those before.
        pub bytes: i64,
    }

    /// A file that differs.
    pub struct FileChange {
        /// Its path.
        pub path: String,
        /// What became of it.
        pub change: ChangeName,
        /// The file before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub from: Option<FileSide>,
        /// The file after.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub to: Option<FileSide>,
        /// How the bytes differ; absent where that was not asked for, or for all but the first
        /// files that differ.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub content: Option<ContentDiff>,
    }

    /// A file on one side.
    pub struct FileSide {
        /// The hash of its bytes.
        pub hash: BlobHash,
        /// Its size in bytes.
        pub size: u64,
        /// Whether it is executable.
        pub executable: bool,
        /// Whether all its bytes are here.
        pub here: bool,
    }

    /// How the bytes of a file differ.
    #[serde(tag = "kind")]
    pub enum ContentDiff {
        /// Lines of text, as a unified diff.
        Text {
            /// The hunks; without the two lines that name the files.
            unified: String,
            /// Lines that came.
            added: u64,
            /// Lines that went.
            removed: u64,
            /// Whether the hunks end early, as there are too many.
            cut: bool,
        },
        /// Rows and columns of a table (CSV or TSV).
        Table(TableDiff),
        /// The bytes are no text.
        Binary,
        /// The bytes are the same; what differs is whether the file is executable.
        Same,
        /// The bytes are more than are compared.
        TooLarge {
            /// Most bytes of a file that are compared.
            most: u64,
        },
        /// The bytes of a side are not here; `dsp fetch` brings them.
        NotHere {
            /// References of what is missing.
            missing: Vec<String>,
        },
        /// The bytes cannot be read, or are no table after all.
        Unreadable {
            /// Why.
            reason: String,
        },
    }

    /// How two tables differ.
    pub struct TableDiff {
        /// Rows before, without the header.
        pub rows_from: u64,
        /// Rows after.
        pub rows_to: u64,
        /// Rows that came.
        pub added: u64,
        /// Rows that went.
        pub removed: u64,
        /// Rows of one key that differ; none without a key.
        pub changed: u64,
        /// The column whose values are all different on both sides: it says which rows are the
        /// same one. Absent where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub key: Option<String>,
        /// Columns that came, went, or hold other kinds of values.
        pub columns: Vec<ColumnChange>,
    }

    /// A column that differs.
    pub struct ColumnChange {
        /// Its name.
        pub name: String,
        /// What its values are before: `int`, `float`, `bool`, `date`, `text` or `empty`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub from: Option<String>,
        /// What they are after.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub to: Option<String>,
    }
}
