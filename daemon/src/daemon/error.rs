//! Why a daemon does not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::ConfigError;
use crate::files::FileError;
use crate::home::LockError;
use crate::keys::KeysError;
use crate::log::LogError;
use crate::node::RunError;
use crate::{blobs, net, store};

/// Why a daemon does not start: the part that could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The home cannot be used.
    #[error(transparent)]
    Home(#[from] FileError),
    /// Another daemon runs on the home.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A setting is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Nothing can be logged.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] store::OpenError),
    /// The database cannot be read.
    #[error(transparent)]
    Read(#[from] store::ReadError),
    /// The database cannot be written.
    #[error(transparent)]
    Write(#[from] store::WriteError),
    /// The blobs cannot be opened.
    #[error(transparent)]
    Blobs(#[from] blobs::OpenError),
    /// The database is gone, and keys and blobs that belong to it are here.
    #[error("the database {} is missing, while the keys and the blobs of the home are here", path.display())]
    DatabaseMissing {
        /// Where it should be.
        path: PathBuf,
        /// The folder of the blobs.
        blobs: PathBuf,
    },
    /// The blobs cannot be listed, which is needed after the last daemon did not stop in order or
    /// the database was put back.
    #[error(transparent)]
    Listing(#[from] blobs::GcError),
    /// What is stored does not hold.
    #[error(transparent)]
    Restore(#[from] dsp_protocol::sync::RestoreError),
    /// The identity cannot be made or found.
    #[error("the identity cannot be used: {0}")]
    Identity(String),
    /// What another device gave this one cannot be taken up.
    #[error(transparent)]
    Joining(#[from] crate::joining::JoinError),
    /// The network cannot be started.
    #[error(transparent)]
    Net(#[from] net::StartError),
    /// The API has no place to answer.
    #[error("the API cannot listen on {address} or a port behind it")]
    Http {
        /// The address that was tried first.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The first context cannot be made.
    #[error("the first context cannot be made")]
    FirstContext(#[source] RunError),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[source] getrandom::Error),
}

impl StartError {
    /// Returns what to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            StartError::Home(error) | StartError::Lock(LockError::File(error)) => error.hint(),
            StartError::Lock(LockError::Held { .. }) => {
                Some("`dsp daemon status` tells how it is; `dsp daemon stop` ends it".to_owned())
            }
            StartError::DatabaseMissing { blobs, .. } => Some(format!(
                "put a backup of it back; without one, move {} to another place: the daemon then \
                 begins with a new database, and what others have is brought again",
                blobs.display()
            )),
            StartError::Database(store::OpenError::Damaged { path, .. }) => Some(format!(
                "without one, move {} and the folder `blobs` beside it to another place: the daemon \
                 then begins with a new database, and what others have is brought again",
                path.display()
            )),
            StartError::Write(error) if error.disk_full() => {
                Some("free some space on the disk of the home".to_owned())
            }
            StartError::Http { .. } => Some("choose another port with `--port`".to_owned()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_backup_of_the_database_is_told_how_to_go_on() {
        let path = std::path::PathBuf::from("/home/alice/.dsp/meta.redb");
        let damaged = store::OpenError::Damaged { path, reason: "it is short".to_owned() };
        let hint = StartError::from(damaged).hint().unwrap();
        assert!(hint.contains("/home/alice/.dsp/meta.redb and the folder `blobs`"), "{hint}");
    }
}
