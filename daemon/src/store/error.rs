//! Why the database cannot be opened, read or written.

use std::io;
use std::path::PathBuf;

use crate::files::{self, FileError};

/// Why the database is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A newer version of dsp wrote it.
    #[error(
        "{} was written by dsp {version} (schema {found}, this version knows {known}); use dsp \
         {version} or newer",
        path.display()
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The newest schema that this version knows.
        known: u32,
        /// The version of dsp that brought the file to its schema.
        version: String,
    },
    /// Another process has it open.
    #[error("{} is open in another process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It is not a database of dsp, or damaged.
    #[error("{} is damaged: {reason}; put a backup of it back", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The database failed.
    #[error("could not open {}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// How.
        source: redb::Error,
    },
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// A record does not hold what it should.
    #[error("record {key} of table `{table}` is damaged: {reason}")]
    Damaged {
        /// The table.
        table: &'static str,
        /// The key in hexadecimal digits.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// The database failed.
    #[error("could not read {}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// How.
        source: redb::Error,
    },
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// There is no room. Reading still works, and so does writing once there is room again.
    #[error("could not write {}: the disk is full", path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
        /// How.
        source: redb::Error,
    },
    /// A record that a change builds on does not hold what it should.
    #[error("record {key} of table `{table}` is damaged: {reason}")]
    Damaged {
        /// The table.
        table: &'static str,
        /// The key in hexadecimal digits.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// The database failed.
    #[error("could not write {}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// How.
        source: redb::Error,
    },
}

impl WriteError {
    /// Tells whether the disk is full.
    pub fn disk_full(&self) -> bool {
        matches!(self, WriteError::DiskFull { .. })
    }
}

/// What goes wrong inside a transaction.
#[derive(Debug)]
pub(super) enum Fault {
    /// The store was closed.
    Closed,
    /// The database failed.
    Database(redb::Error),
    /// A record does not hold what it should.
    Damaged { table: &'static str, key: String, reason: String },
}

impl Fault {
    /// Returns the fault of a record that does not hold what it should.
    pub(super) fn damaged(
        table: &'static str,
        key: impl AsRef<[u8]>,
        reason: impl ToString,
    ) -> Fault {
        let key = data_encoding::HEXLOWER.encode(key.as_ref());
        Fault::Damaged { table, key, reason: reason.to_string() }
    }

    /// Tells whether the database may have to be opened anew: it refuses everything after its
    /// first failed read or write.
    pub(super) fn latches(&self) -> bool {
        matches!(self, Fault::Database(_))
    }

    /// Tells whether an earlier failure is the cause, so that another try may succeed.
    pub(super) fn is_echo(&self) -> bool {
        matches!(self, Fault::Database(redb::Error::PreviousIo | redb::Error::DatabaseClosed))
    }

    pub(super) fn into_read(self, path: PathBuf) -> ReadError {
        match self {
            Fault::Closed => ReadError::Closed,
            Fault::Database(source) => ReadError::Failed { path, source },
            Fault::Damaged { table, key, reason } => ReadError::Damaged { table, key, reason },
        }
    }

    pub(super) fn into_write(self, path: PathBuf) -> WriteError {
        match self {
            Fault::Closed => WriteError::Closed,
            Fault::Database(source) if is_disk_full(&source) => {
                WriteError::DiskFull { path, source }
            }
            Fault::Database(source) => WriteError::Failed { path, source },
            Fault::Damaged { table, key, reason } => WriteError::Damaged { table, key, reason },
        }
    }

    pub(super) fn into_open(self, path: PathBuf) -> OpenError {
        match self {
            Fault::Closed => OpenError::InUse { path },
            Fault::Database(redb::Error::DatabaseAlreadyOpen) => OpenError::InUse { path },
            Fault::Database(redb::Error::Corrupted(reason)) => OpenError::Damaged { path, reason },
            // What redb says of bytes that it does not know.
            Fault::Database(redb::Error::Io(error))
                if error.kind() == io::ErrorKind::InvalidData =>
            {
                OpenError::Damaged { path, reason: error.to_string() }
            }
            Fault::Database(source) => OpenError::Failed { path, source },
            Fault::Damaged { table, key, reason } => {
                let reason = format!("record {key} of table `{table}`: {reason}");
                OpenError::Damaged { path, reason }
            }
        }
    }
}

fn is_disk_full(error: &redb::Error) -> bool {
    matches!(error, redb::Error::Io(error) if files::is_disk_full(error))
}

macro_rules! from_redb {
    ($($error:ident),*) => {$(
        impl From<redb::$error> for Fault {
            fn from(error: redb::$error) -> Fault {
                Fault::Database(error.into())
            }
        }
    )*};
}
from_redb!(StorageError, TableError, TransactionError, CommitError, DatabaseError);
