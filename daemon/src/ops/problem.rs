//! Every error of the daemon as the problem that a caller of the API sees.

use dsp_protocol::api::{Problem, ProblemCode};
use dsp_protocol::sync::CommandError;

use crate::blobs;
use crate::config::{ConfigError, EditError};
use crate::files::{self, FileError};
use crate::keys::ConfirmError;
use crate::node::{NodeStopped, RunError};
use crate::store;

/// What to do when the disk is full.
const FREE_SOME: &str = "free some space, or lower `store.min_free_bytes`; reading still works";

/// Returns the problem of a request that is malformed or breaks a rule.
pub(crate) fn bad_request(detail: impl std::fmt::Display) -> Problem {
    Problem::new(ProblemCode::BadRequest, detail.to_string())
}

/// Returns the problem of something that is not here.
pub(crate) fn not_found(detail: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::NotFound, detail)
}

/// Returns the problem of a bug or a failed disk; the cause is in the log too.
pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::error!(error, "a call failed");
    Problem::new(ProblemCode::Internal, error.to_string()).with_causes(error)
}

/// Returns the problem of a disk without room.
pub(crate) fn disk_full(detail: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::DiskFull, detail).with_hint(FREE_SOME)
}

impl From<NodeStopped> for Problem {
    fn from(error: NodeStopped) -> Self {
        Problem::new(ProblemCode::Stopping, error.to_string())
    }
}

impl From<RunError> for Problem {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Refused(error) => refused(&error),
            RunError::Stopped(error) => error.into(),
        }
    }
}

/// Returns the problem of a command that the engine refused, or would refuse.
pub(crate) fn refused(error: &CommandError) -> Problem {
    let code = match error {
        CommandError::NoContext(_)
        | CommandError::NoStack(_)
        | CommandError::NoBoard(_)
        | CommandError::NoComment(_) => ProblemCode::NotFound,
        CommandError::NotCreator => ProblemCode::Refused,
        CommandError::NotAllowed { .. } => ProblemCode::Refused,
        CommandError::DeviceLimited { .. } => {
            return Problem::new(ProblemCode::Refused, error.to_string()).with_hint(
                "`dsp id devices` says what this device may do; one that was revoked stays so, and \
                 another home is paired anew: `dsp id pair`",
            );
        }
        CommandError::NoOffer(_) => ProblemCode::NotFound,
        CommandError::Oneself | CommandError::BlocksOneself => ProblemCode::Refused,
        CommandError::NothingCut(_) => {
            return Problem::new(ProblemCode::NotFound, error.to_string()).with_hint(
                "`dsp members ls` shows what was cut away; what nobody else has comes back with \
                 whom it is of: `dsp members add USER --role writer`",
            );
        }
        CommandError::Withdrawn(_) => {
            return Problem::new(ProblemCode::Conflict, error.to_string())
                .with_hint("an owner took it back for good; it goes into another context only");
        }
        CommandError::NameTaken(_) => ProblemCode::Conflict,
        CommandError::Closed => {
            return Problem::new(ProblemCode::Conflict, error.to_string()).with_hint(
                "`dsp undo --list` says how to open it again; `dsp context new` makes another \
                     one, and `dsp context switch` chooses it",
            );
        }
        CommandError::Limit(_) => {
            return Problem::new(ProblemCode::Conflict, error.to_string())
                .with_hint("go on in a context that is not full: `dsp context new`");
        }
        CommandError::Ticket(_) | CommandError::Invalid(_) => ProblemCode::BadRequest,
        CommandError::NotStored { disk_full: true, .. } => return disk_full(error.to_string()),
        CommandError::NotStored { disk_full: false, .. } => return internal(error),
        CommandError::NoPeer => ProblemCode::Unreachable,
    };
    Problem::new(code, error.to_string())
}

impl From<store::ReadError> for Problem {
    fn from(error: store::ReadError) -> Self {
        match error {
            store::ReadError::Closed => Problem::new(ProblemCode::Stopping, "the daemon stops"),
            store::ReadError::Damaged { .. } => {
                Problem::new(ProblemCode::Corrupt, error.to_string())
                    .with_hint("`dsp verify` finds all that is damaged")
            }
            store::ReadError::Failed { .. } => internal(&error),
        }
    }
}

impl From<store::WriteError> for Problem {
    fn from(error: store::WriteError) -> Self {
        match error {
            store::WriteError::Closed => Problem::new(ProblemCode::Stopping, "the daemon stops"),
            store::WriteError::DiskFull { .. } => disk_full(error.to_string()),
            store::WriteError::Damaged { .. } => {
                Problem::new(ProblemCode::Corrupt, error.to_string())
            }
            store::WriteError::Failed { .. } => internal(&error),
        }
    }
}

impl From<blobs::ReadError> for Problem {
    fn from(error: blobs::ReadError) -> Self {
        let (code, hint) = match &error {
            blobs::ReadError::Missing(_) | blobs::ReadError::Partial { .. } => {
                (ProblemCode::BlobNotLocal, "`dsp fetch` brings it from a peer")
            }
            blobs::ReadError::Corrupt { .. } => {
                (ProblemCode::Corrupt, "`dsp verify` finds all that is damaged")
            }
            blobs::ReadError::Range { .. } => {
                return Problem::new(ProblemCode::BadRequest, error.to_string());
            }
            blobs::ReadError::TooLarge { .. } => {
                return Problem::new(ProblemCode::TooLarge, error.to_string());
            }
            blobs::ReadError::Io { .. } => return internal(&error),
        };
        Problem::new(code, error.to_string()).with_hint(hint).with_causes(&error)
    }
}

impl From<blobs::ImportError> for Problem {
    fn from(error: blobs::ImportError) -> Self {
        match &error {
            blobs::ImportError::NotAFile(_) => bad_request(&error),
            blobs::ImportError::Changed(_) => {
                Problem::new(ProblemCode::Conflict, error.to_string())
                    .with_hint("push again once nothing writes to it")
            }
            blobs::ImportError::Read { .. } => bad_request(&error).with_causes(&error),
            blobs::ImportError::Store(source) if files::is_disk_full(source) => {
                disk_full(error.to_string()).with_causes(&error)
            }
            blobs::ImportError::Store(_) => internal(&error),
        }
    }
}

impl From<blobs::RoomError> for Problem {
    fn from(error: blobs::RoomError) -> Self {
        match error {
            blobs::RoomError::Full { .. } => disk_full(format!("the disk is full: {error}")),
            blobs::RoomError::Unknown { .. } => internal(&error),
        }
    }
}

impl From<blobs::SyncError> for Problem {
    fn from(error: blobs::SyncError) -> Self {
        match &error {
            blobs::SyncError::Files { source, .. } | blobs::SyncError::Database(source)
                if files::is_disk_full(source) =>
            {
                disk_full(error.to_string()).with_causes(&error)
            }
            blobs::SyncError::OpenedAnew => {
                internal(&error).with_hint("nothing was changed; the same again should do")
            }
            blobs::SyncError::Unwritten(_) => internal(&error).with_hint(
                "the disk may be dying: back up the home; `dsp verify` tells what is damaged",
            ),
            _ => internal(&error),
        }
    }
}

impl From<blobs::StatusError> for Problem {
    fn from(error: blobs::StatusError) -> Self {
        internal(&error)
    }
}

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        match error.disk_full() {
            true => disk_full(error.to_string()),
            false => internal(&error),
        }
    }
}

impl From<EditError> for Problem {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Config(error) => error.into(),
            EditError::NoTable { .. } => Problem::new(ProblemCode::Conflict, error.to_string())
                .with_hint("mend the file by hand"),
            EditError::Write(error) => error.into(),
        }
    }
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        let code = match error {
            ConfigError::Unknown { .. } => ProblemCode::NotFound,
            _ => ProblemCode::BadRequest,
        };
        Problem::new(code, error.to_string()).with_causes(&error)
    }
}

impl From<ConfirmError> for Problem {
    fn from(error: ConfirmError) -> Self {
        match error {
            ConfirmError::Erased => Problem::new(ProblemCode::Conflict, error.to_string()),
            ConfirmError::Words(_) | ConfirmError::OtherKey => bad_request(&error),
            ConfirmError::File(error) => error.into(),
        }
    }
}
