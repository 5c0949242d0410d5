//! Archives: contexts that are carried as a file.

use super::contexts::ContextInfo;
use super::tickets::NewTicket;

http! {
    /// `POST /archives/export`: what an archive is to hold. The answer is its bytes.
    pub struct ExportArchive {
        /// A context by label or id, or stacks and frames of one context by reference.
        pub what: Vec<String>,
        /// Whether only current heads are in it, and no frames before them.
        #[serde(default)]
        pub heads: bool,
        /// A frame, by reference or by six digits of its id or more: what leads to it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub since: Option<String>,
        /// A ticket to put in: whoever holds the archive may then follow the context.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub ticket: Option<NewTicket>,
    }

    /// What came of an archive: the result of `POST /archives/import`.
    pub struct ArchiveTaken {
        /// The context as it stands.
        pub context: ContextInfo,
        /// Whether frames were left out of the archive on purpose.
        pub partial: bool,
        /// What came of the changes in it.
        pub changes: Came,
        /// What came of the frames in it.
        pub frames: Came,
        /// What came of the blobs in it.
        pub blobs: Came,
        /// Bytes of blobs that are new here.
        pub bytes: u64,
        /// Whether the context was here before.
        pub known: bool,
        /// What became of the ticket in it, in a sentence; absent where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub ticket: Option<String>,
    }

    /// How many things of an archive are here now, and how many are not.
    #[derive(Copy, Eq, Default)]
    pub struct Came {
        /// New here.
        pub accepted: u64,
        /// Here before.
        pub known: u64,
        /// Waiting for something that is not here yet.
        pub waiting: u64,
        /// Left out: nobody whose word counts names it, or its author may not write.
        pub left_out: u64,
    }
}
