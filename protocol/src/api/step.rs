//! Lines of an answer that takes long.

use super::problem::Problem;

http! {
    /// One line of a long answer.
    #[serde(tag = "step")]
    pub enum Step {
        /// How far it is.
        Progress(Progress),
        /// Something the user should know.
        Note {
            /// The note in a sentence.
            text: String,
        },
        /// The end, with the result.
        Done {
            /// The result of the call.
            #[cfg_attr(feature = "openapi", schema(value_type = Object))]
            result: serde_json::Value,
        },
        /// The end, with the error.
        Failed {
            /// The error.
            problem: Problem,
        },
    }

    /// How far a long call is.
    pub struct Progress {
        /// What is done now, in two or three words.
        pub what: String,
        /// Bytes done.
        pub bytes: u64,
        /// Bytes in all, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bytes_total: Option<u64>,
        /// Files done.
        pub files: u64,
        /// Files in all, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub files_total: Option<u64>,
    }
}
