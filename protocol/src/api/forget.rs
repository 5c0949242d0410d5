//! Withdrawing frames and files from everybody.

use super::follows::Freed;
use crate::id::FrameId;

http! {
    /// `POST /forget`.
    pub struct ForgetRequest {
        /// A reference of a frame, or of a file of one.
        #[serde(rename = "ref")]
        pub reference: String,
        /// Whether nothing is done, and only told what would be.
        #[serde(default)]
        pub dry_run: bool,
    }

    /// The result of `POST /forget`.
    pub struct Forgotten {
        /// The frame, written as a reference.
        pub reference: String,
        /// The frame.
        pub frame: FrameId,
        /// Whether the frame itself goes, and not one file of it.
        pub whole: bool,
        /// From which contexts, as they are called here.
        pub contexts: Vec<String>,
        /// Files whose bytes go, at most a thousand.
        pub files: Vec<String>,
        /// How many such files there are.
        pub files_total: u64,
        /// Their bytes.
        pub bytes: u64,
        /// Files whose bytes stay, since other frames name them too; at most a thousand.
        pub stays: Vec<String>,
        /// How many such files there are.
        pub stays_total: u64,
        /// Whether it is done.
        pub done: bool,
        /// What was freed here; absent where nothing was done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub freed: Option<Freed>,
    }
}
