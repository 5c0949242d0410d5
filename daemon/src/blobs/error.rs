//! What can go wrong with bytes on this disk, an enum per operation.

use std::io;
use std::path::PathBuf;

use bao_tree::io::EncodeError;
use dsp_protocol::id::BlobHash;

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be made or read.
    #[error("cannot use the blob directory {}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store in it cannot be opened: in use by another daemon, damaged, or newer.
    #[error("cannot open the blob store in {}: {reason}", path.display())]
    Store {
        /// The directory.
        path: PathBuf,
        /// What the store said.
        reason: String,
    },
}

/// Why bytes cannot be taken in.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The path names a directory, a pipe, a device.
    #[error("{} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// The file was written to while it was read, so what was read is no state it ever had; or
    /// another file or a link was put in its place before.
    #[error("{} changed while it was taken in", .0.display())]
    Changed(PathBuf),
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store cannot keep the bytes, or their source failed.
    #[error("cannot store the bytes")]
    Store(#[source] io::Error),
}

/// Why what was imported is not known to survive a power loss.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The file system refused to write its buffers.
    #[error("cannot sync the blob directory {}", path.display())]
    Files {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store's database refused to commit.
    #[error("cannot commit the blob database")]
    Database(#[source] io::Error),
    /// The store failed meanwhile and was opened anew, perhaps without what was imported, or another
    /// sync failed, which may have lost it.
    #[error("the disk failed while bytes were taken in")]
    OpenedAnew,
    /// A sync failed before, and the disk refuses to write again what it may have lost of a blob.
    #[error("the disk refuses to write blob {0} again")]
    Unwritten(BlobHash),
}

/// Why the store cannot say what it has.
#[derive(Debug, thiserror::Error)]
#[error("cannot look up blob {hash}")]
pub struct StatusError {
    /// The blob.
    pub hash: BlobHash,
    /// What the store said.
    pub source: io::Error,
}

/// Why a blob cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// None of it is here.
    #[error("blob {0} is not here")]
    Missing(BlobHash),
    /// Only a part is here, and what was asked for is not all in it.
    #[error("blob {hash} is here only in part ({have} bytes)")]
    Partial {
        /// The blob.
        hash: BlobHash,
        /// Bytes that are here.
        have: u64,
    },
    /// The bytes on this disk are not the blob's.
    #[error("blob {hash} is damaged on this disk near byte {offset}")]
    Corrupt {
        /// The blob.
        hash: BlobHash,
        /// Where the damage begins, to a chunk group of 16 KiB or the subtree it stands in.
        offset: u64,
    },
    /// The range does not lie in the blob.
    #[error("range {start}..{end} is outside blob {hash} of {size} bytes")]
    Range {
        /// The blob.
        hash: BlobHash,
        /// First byte asked for.
        start: u64,
        /// End of what was asked for.
        end: u64,
        /// Size of the blob.
        size: u64,
    },
    /// The blob is larger than the caller allows.
    #[error("blob {hash} has {size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// The blob.
        hash: BlobHash,
        /// Its size.
        size: u64,
        /// What the caller allows.
        limit: u64,
    },
    /// The disk or the store failed.
    #[error("cannot read blob {hash}")]
    Io {
        /// The blob.
        hash: BlobHash,
        /// What the system said.
        source: io::Error,
    },
}

impl From<StatusError> for ReadError {
    fn from(error: StatusError) -> Self {
        ReadError::Io { hash: error.hash, source: error.source }
    }
}

impl ReadError {
    /// Names what the store reported while it checked the bytes of `hash`.
    pub(super) fn from_encode(hash: BlobHash, error: EncodeError) -> Self {
        match error {
            EncodeError::LeafHashMismatch(chunk) => {
                ReadError::Corrupt { hash, offset: chunk.to_bytes() }
            }
            EncodeError::ParentHashMismatch(node) => {
                ReadError::Corrupt { hash, offset: node.mid().to_bytes() }
            }
            EncodeError::SizeMismatch => ReadError::Corrupt { hash, offset: 0 },
            // Complete blobs only get here: a short file is damage too.
            EncodeError::Io(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
                ReadError::Corrupt { hash, offset: 0 }
            }
            EncodeError::Io(source) => ReadError::Io { hash, source },
            error @ (EncodeError::ParentWrite(_) | EncodeError::LeafWrite(_)) => {
                ReadError::Io { hash, source: io::Error::other(error) }
            }
        }
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        let kind = match &error {
            ReadError::Missing(_) | ReadError::Partial { .. } => io::ErrorKind::NotFound,
            ReadError::Corrupt { .. } => io::ErrorKind::InvalidData,
            ReadError::Range { .. } | ReadError::TooLarge { .. } => io::ErrorKind::InvalidInput,
            ReadError::Io { source, .. } => source.kind(),
        };
        io::Error::new(kind, error)
    }
}

/// Why nothing was collected.
#[derive(Debug, thiserror::Error)]
pub enum GcError {
    /// The index could not say what to keep, so everything is kept.
    #[error("nothing was collected: the index cannot say what to keep: {0}")]
    Protect(String),
    /// The store failed; it collects again once it was reopened.
    #[error("the blob store stopped collecting")]
    Stopped,
    /// The store cannot list what it has.
    #[error("cannot list the blobs")]
    List(#[source] io::Error),
    /// A blob cannot be looked up.
    #[error(transparent)]
    Status(#[from] StatusError),
}

/// Why a damaged blob was not removed.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// A transfer or an import holds it now.
    #[error("blob {0} is in use")]
    InUse(BlobHash),
    /// It cannot be read, for a reason that may pass.
    #[error(transparent)]
    Read(ReadError),
    /// The removal failed.
    #[error(transparent)]
    Gc(#[from] GcError),
    /// It cannot be looked up.
    #[error(transparent)]
    Status(#[from] StatusError),
}

/// Brings the several error types of the store down to one.
pub(super) fn store_error(error: impl Into<iroh_blobs::api::Error>) -> io::Error {
    let iroh_blobs::api::Error::Io(error) = error.into();
    error
}
