//! Archives: a context, or a part of one, as a stream of bytes that can be carried anywhere.
//!
//! An archive holds what peers send each other, and is trusted as little: the engine judges
//! what is in it as if a stranger had sent it. The form is told to the byte in
//! `docs/storage-archive.md`. [`Writer`] makes the bytes, [`Reader`] takes them apart in pieces of
//! any size and never holds more than one record, whatever a length says.

mod read;
#[cfg(test)]
mod tests;
mod write;

use crate::context::Genesis;
use crate::id::{BlobHash, DeviceId, Incarnation, UserId};
use crate::limits;
use crate::wire::{BoardKey, CatalogKey};

pub use read::{ArchiveError, Reader};
pub use write::Writer;

/// What every archive begins with.
pub const MAGIC: &[u8; 12] = b"dsp-archive\0";
/// The version of archives that is written, and the newest that is read.
pub const VERSION: u32 = 1;
/// Bytes of the magic and the version.
const HEADER_BYTES: usize = MAGIC.len() + 4;
/// Bytes before a record: its kind and its length.
const PREFIX_BYTES: usize = 1 + 8;
/// Bytes of a record that says which blob follows.
const BLOB_HASH_BYTES: u64 = 32;
/// Bytes of the last record: how many were before it, and the hash of all bytes before it.
const END_BYTES: usize = 8 + 32;

/// What an archive is about: its first record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The beginning of the context, which gives its id.
    pub genesis: Genesis,
    /// Whether some frames of the context were left out on purpose.
    pub partial: bool,
    /// The text of a ticket. Whoever holds the archive then holds the ticket.
    pub ticket: Option<String>,
}

/// What a [`Reader`] finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// What the archive is about; comes first, and once.
    About(About),
    /// Entries of an identity log, each after the one that it follows.
    Log {
        /// Whose log.
        user: UserId,
        /// Signed entries.
        entries: Vec<Vec<u8>>,
    },
    /// Envelopes of one catalog that follow each other.
    Envelopes {
        /// Which catalog.
        catalog: CatalogKey,
        /// The envelopes, encoded.
        envelopes: Vec<Vec<u8>>,
    },
    /// The proof that a catalog is forked.
    Fork {
        /// Whose catalog; the proof names the rest.
        user: UserId,
        /// A [`ForkProof`](crate::doc::ForkProof), encoded.
        proof: Vec<u8>,
    },
    /// Changes of a dashboard, each after those on which it depends, with whose device made each.
    Board {
        /// Which dashboard.
        board: BoardKey,
        /// The envelopes, encoded.
        changes: Vec<(UserId, Vec<u8>)>,
    },
    /// The proof of a fork on a dashboard.
    BoardFork {
        /// Which dashboard.
        board: BoardKey,
        /// Whose device forked; the proof names the rest.
        user: UserId,
        /// A [`ForkProof`](crate::doc::ForkProof), encoded.
        proof: Vec<u8>,
    },
    /// Frames, those nearest to a head first.
    Frames(Vec<Vec<u8>>),
    /// A blob begins; its bytes follow as [`Piece`](Item::Piece)s.
    Blob {
        /// What its bytes are said to hash to.
        hash: BlobHash,
        /// How many bytes it is said to have.
        size: u64,
    },
    /// The next bytes of the blob that began.
    Piece(Vec<u8>),
    /// All bytes of the blob came.
    BlobEnd,
    /// The archive is whole.
    End,
}

/// The kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    About = 1,
    Log = 2,
    Envelopes = 3,
    Fork = 4,
    Frames = 5,
    Blob = 6,
    End = 7,
    Board = 8,
    BoardFork = 9,
}

impl Kind {
    fn of(byte: u8) -> Option<Kind> {
        let all = [
            Kind::About,
            Kind::Log,
            Kind::Envelopes,
            Kind::Fork,
            Kind::Frames,
            Kind::Blob,
            Kind::End,
            Kind::Board,
            Kind::BoardFork,
        ];
        all.into_iter().find(|kind| *kind as u8 == byte)
    }

    /// Returns the part of an archive in which records of the kind stand; parts never go back.
    fn part(self) -> u8 {
        match self {
            Kind::About => 0,
            Kind::Log | Kind::Envelopes | Kind::Fork => 1,
            Kind::Board | Kind::BoardFork => 2,
            Kind::Frames => 3,
            Kind::Blob => 4,
            Kind::End => 5,
        }
    }

    /// Returns the most bytes that a record of the kind has; blobs are streamed and have no bound
    /// here.
    fn limit(self) -> u64 {
        match self {
            Kind::About => (limits::TICKET_BYTES * 2 + 1024) as u64,
            Kind::Log | Kind::Envelopes | Kind::Board | Kind::Frames => {
                limits::ARCHIVE_RECORD_BYTES as u64
            }
            Kind::Fork | Kind::BoardFork => limits::FORK_BYTES as u64 + 256,
            Kind::Blob => u64::MAX,
            Kind::End => END_BYTES as u64,
        }
    }
}

/// Returns the key of a catalog from its parts.
fn catalog(user: UserId, device: DeviceId, inc: Incarnation) -> CatalogKey {
    CatalogKey { user, device, inc }
}
