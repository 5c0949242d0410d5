//! Keeping bytes here and letting them go: pins, drops and what a collection frees.

use super::blobs::Fetched;
use super::follows::Freed;
use crate::id::{ContextId, DeviceId};

http! {
    /// `POST /pins`: what to keep here.
    pub struct NewPin {
        /// A reference of a frame or a stack.
        #[serde(rename = "ref")]
        pub reference: String,
        /// How much of it.
        #[serde(default)]
        pub keep: PinKeep,
    }

    /// How much of a stack a pin keeps.
    #[derive(Copy, Eq, Default)]
    pub enum PinKeep {
        /// One frame.
        #[default]
        Frame,
        /// The current heads, as they move.
        Heads,
        /// Every frame, those to come too.
        All,
    }

    /// A pin: an item of `GET /pins`.
    pub struct PinInfo {
        /// What it is on, as a reference.
        pub reference: String,
        /// How much of it is kept.
        pub keep: PinKeep,
        /// The context.
        pub context: ContextId,
        /// Frames that it keeps now.
        pub frames: u32,
        /// Files that those name, each once.
        pub files: u64,
        /// Their bytes.
        pub bytes: u64,
        /// Bytes of those that are here.
        pub bytes_here: u64,
        /// Since when, RFC 3339.
        pub since: String,
    }

    /// The result of `POST /pins`.
    pub struct Pinned {
        /// The pin.
        pub pin: PinInfo,
        /// What was brought for it.
        pub fetched: Fetched,
    }

    /// `DELETE /pins`: the pins that were taken away.
    pub struct Unpinned {
        /// As they were.
        pub pins: Vec<PinInfo>,
    }

    /// `POST /drop`: whose bytes to let go.
    pub struct DropRequest {
        /// A reference of a stack, a frame or an attachment.
        #[serde(rename = "ref")]
        pub reference: String,
        /// Whether every frame of the stack is meant, and not one.
        #[serde(default)]
        pub all: bool,
        /// What it takes.
        #[serde(default)]
        pub mode: DropMode,
    }

    /// What it takes to let bytes go.
    #[derive(Copy, Eq, Default)]
    pub enum DropMode {
        /// Nothing goes; the answer says what would, and who proved to hold it.
        Check,
        /// All of it goes if somebody else just proved to hold each blob, else nothing.
        #[default]
        Confirmed,
        /// All of it goes, also what perhaps nobody else holds.
        Force,
    }

    /// The result of `POST /drop`.
    pub struct DropReport {
        /// Frames that were meant.
        pub frames: u32,
        /// Files whose bytes go, each once.
        pub files: u64,
        /// Their bytes.
        pub bytes: u64,
        /// Who proved to hold how much of that.
        pub holders: Vec<BlobHolder>,
        /// Peers that were asked.
        pub peers_asked: u32,
        /// Files that nobody proved to hold, at most a thousand.
        pub unconfirmed: Vec<String>,
        /// How many such files there are.
        pub unconfirmed_total: u64,
        /// Files whose bytes stay, at most a thousand.
        pub stays: Vec<StayingFile>,
        /// How many such files there are.
        pub stays_total: u64,
        /// What was freed; absent where nothing was to go, or nothing was but checked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub freed: Option<Freed>,
        /// How it is undone, where it can be: while the bytes wait in the trash.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub undo: Option<super::undo::UndoHint>,
    }

    /// Somebody who holds bytes that are here too.
    pub struct BlobHolder {
        /// The user, as she is called here.
        pub user: String,
        /// Her device.
        pub device: DeviceId,
        /// Blobs that the device proved to hold.
        pub blobs: u64,
        /// Their bytes.
        pub bytes: u64,
        /// When it last proved that, RFC 3339.
        pub when: String,
    }

    /// A file whose bytes stay.
    pub struct StayingFile {
        /// Its path, behind the reference of its stack.
        pub file: String,
        /// Why.
        pub why: StayReason,
        /// The labels of the other contexts that have them too, where that is why.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub contexts: Vec<String>,
    }

    /// Why bytes stay.
    #[derive(Copy, Eq, PartialOrd, Ord)]
    pub enum StayReason {
        /// A pin keeps them.
        Pinned,
        /// A current head that was not meant names them too.
        CurrentHead,
        /// Another context has them too: this one lets go of them, and they are freed once that one
        /// does too.
        OtherContext,
    }

    /// What `POST /node/collect` would free: `GET /node/garbage`.
    pub struct Garbage {
        /// Blobs that nothing here names, and their bytes; what is in the trash is among them.
        pub unnamed: Waste,
        /// Those that wait in the trash.
        pub trashed: Waste,
        /// Until when the last of those stays by itself, RFC 3339; absent where there are none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub trashed_until: Option<String>,
        /// Frames that no stack leads to any more, as their author removed it, in contexts where I
        /// only read.
        pub removed: Vec<GarbageFrame>,
        /// Whether nothing is freed before it is asked for, as there may be bytes that the
        /// database does not know of.
        pub collections_held: bool,
    }

    /// Blobs that would go.
    #[derive(Copy, Eq, Default)]
    pub struct Waste {
        /// How many.
        pub blobs: u64,
        /// Their bytes.
        pub bytes: u64,
    }

    /// A frame whose bytes would go.
    pub struct GarbageFrame {
        /// The context, as it is written in a reference.
        pub context: String,
        /// The id of the frame.
        pub frame: crate::id::FrameId,
        /// Its message.
        pub message: String,
        /// What of its bytes is here and named by nothing that stays.
        pub waste: Waste,
        /// Who last proved to hold some of that.
        pub holders: Vec<BlobHolder>,
    }

    /// What files are here, by their media types: `GET /node/types`.
    pub struct StoredTypes {
        /// The types, the one with the most bytes first; at most a hundred.
        pub types: Vec<StoredType>,
        /// Bytes here that are of none of these: lists of files and lineage, the files of folders
        /// with more than 256 of them, and what was not gone through.
        pub other_bytes: u64,
        /// Whether there are more frames or files than are gone through, so that types have more
        /// than is said.
        pub more: bool,
    }

    /// Files of one media type.
    pub struct StoredType {
        /// The media type, as authors gave it.
        pub media: String,
        /// Files, each once.
        pub files: u64,
        /// Their bytes.
        pub bytes: u64,
    }
}
