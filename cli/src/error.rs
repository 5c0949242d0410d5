//! Errors as people and programs see them, and what a shell sees: the exit code.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use dsp_protocol::api::{Problem, ProblemCode};

use crate::output::{Colour, Ui, clean, quoted};

/// How a command ended; the number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All done.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Something that was named does not exist.
    NotFound = 3,
    /// Not allowed, or not confirmed.
    Refused = 4,
    /// No daemon answers.
    Unreachable = 5,
    /// A name fits several things, or a stack has several heads under `--strict`.
    Ambiguous = 6,
    /// Somebody pressed Ctrl-C, or asked the process to end: what a shell makes of that signal.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command did not do what it should: a problem, from the daemon or from here.
#[derive(Debug)]
pub(crate) struct Error {
    problem: Box<Problem>,
    exit: Exit,
}

/// What everything here returns.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    fn new(code: ProblemCode, exit: Exit, detail: impl Into<String>) -> Self {
        Error { problem: Box::new(Problem::new(code, detail)), exit }
    }

    /// Returns the error of a command that was told to end.
    pub(crate) fn interrupted() -> Self {
        let detail = "interrupted; what was half written is removed";
        Error::new(ProblemCode::Stopping, Exit::Interrupted, detail)
    }

    /// Returns what is wrong.
    pub(crate) fn detail(&self) -> &str {
        &self.problem.detail
    }

    /// Returns the causes, outermost first.
    pub(crate) fn causes(&self) -> &[String] {
        &self.problem.causes
    }

    /// Something went wrong here.
    pub(crate) fn failed(detail: impl Into<String>) -> Self {
        Error::new(ProblemCode::Internal, Exit::Failed, detail)
    }

    /// Something is in the way, in a state that the user can change.
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Error::new(ProblemCode::Conflict, Exit::Failed, detail)
    }

    /// Bytes are not what their hash says.
    pub(crate) fn corrupt(detail: impl Into<String>) -> Self {
        Error::new(ProblemCode::Corrupt, Exit::Failed, detail)
    }

    /// The command line asks for something that cannot be.
    pub(crate) fn usage(detail: impl Into<String>) -> Self {
        Error::new(ProblemCode::BadRequest, Exit::Usage, detail)
    }

    /// Something that was named does not exist.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Error::new(ProblemCode::NotFound, Exit::NotFound, detail)
    }

    /// It was not confirmed, or is not safe.
    pub(crate) fn refused(detail: impl Into<String>) -> Self {
        Error::new(ProblemCode::Refused, Exit::Refused, detail)
    }

    /// No daemon answers.
    pub(crate) fn unreachable(detail: impl Into<String>) -> Self {
        Error::new(ProblemCode::Stopping, Exit::Unreachable, detail)
    }

    /// A name fits several things.
    pub(crate) fn ambiguous(detail: impl Into<String>, candidates: Vec<String>) -> Self {
        let mut error = Error::new(ProblemCode::Ambiguous, Exit::Ambiguous, detail);
        error.problem.candidates = candidates;
        error
    }

    /// A file or folder could not be read or written; the path is named.
    pub(crate) fn path(what: &str, path: &Path, error: &io::Error) -> Self {
        let detail = format!("{what} {}", path.display());
        match error.kind() {
            io::ErrorKind::NotFound => Error::not_found(detail).cause(error),
            io::ErrorKind::StorageFull => {
                Error::new(ProblemCode::DiskFull, Exit::Failed, detail).cause(error)
            }
            _ => Error::failed(detail).cause(error),
        }
    }

    /// Writing to standard output failed; a reader that went away is no error.
    pub(crate) fn stdout(error: &io::Error) -> Self {
        let exit = match error.kind() {
            io::ErrorKind::BrokenPipe => Exit::Done,
            _ => Exit::Failed,
        };
        Error::new(ProblemCode::Internal, exit, "cannot write to standard output").cause(error)
    }

    /// Adds what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.problem.hint = Some(hint.into());
        self
    }

    /// Adds an error and its sources as causes.
    pub(crate) fn cause(mut self, error: &dyn std::error::Error) -> Self {
        self.problem.causes.push(error.to_string());
        *self.problem = self.problem.with_causes(error);
        self
    }

    /// Adds a cause in words.
    pub(crate) fn cause_text(mut self, cause: impl Into<String>) -> Self {
        self.problem.causes.push(cause.into());
        self
    }

    /// Returns what to do about it, if something is known.
    pub(crate) fn hinted(&self) -> Option<&str> {
        self.problem.hint.as_deref()
    }

    /// Returns what kind of problem it is.
    pub(crate) fn code(&self) -> ProblemCode {
        self.problem.code
    }

    /// Returns how the command ended.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Writes it to standard error, for people or as a problem in JSON.
    pub(crate) fn print(&self, ui: &Ui) {
        if self.exit == Exit::Done {
            return;
        }
        let text = match ui.json() {
            true => serde_json::to_string(&self.problem).expect("a problem is JSON") + "\n",
            false => self.human(ui),
        };
        ui.err(&text);
    }

    fn human(&self, ui: &Ui) -> String {
        let label = |name, colour| ui.paint_err(name, colour);
        let problem = &self.problem;
        let mut out = format!("{} {}\n", label("error:", Colour::Red), clean(&problem.detail));
        for cause in &problem.causes {
            let _ = writeln!(out, "{} {}", label("cause:", Colour::Dim), clean(cause));
        }
        for candidate in &problem.candidates {
            let _ = writeln!(out, "{} {}", label("fits:", Colour::Dim), quoted(candidate));
        }
        if let Some(hint) = &problem.hint {
            let _ = writeln!(out, "{} {}", label("hint:", Colour::Green), clean(hint));
        }
        out
    }
}

/// A problem from the daemon.
impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let exit = match problem.code {
            ProblemCode::BadRequest => Exit::Usage,
            ProblemCode::Unauthorized | ProblemCode::Refused => Exit::Refused,
            ProblemCode::NotFound => Exit::NotFound,
            ProblemCode::Ambiguous => Exit::Ambiguous,
            ProblemCode::Stopping | ProblemCode::Misdirected => Exit::Unreachable,
            ProblemCode::Conflict
            | ProblemCode::BlobNotLocal
            | ProblemCode::Corrupt
            | ProblemCode::TooLarge
            | ProblemCode::UnsupportedMediaType
            | ProblemCode::DiskFull
            | ProblemCode::Unreachable
            | ProblemCode::Internal => Exit::Failed,
        };
        Error { problem: Box::new(problem), exit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Ui;

    #[test]
    fn each_kind_of_problem_has_its_exit_code() {
        let exit = |code| Error::from(Problem::new(code, "x")).exit() as u8;
        assert_eq!(exit(ProblemCode::Internal), 1);
        assert_eq!(exit(ProblemCode::Unreachable), 1);
        assert_eq!(exit(ProblemCode::BadRequest), 2);
        assert_eq!(exit(ProblemCode::NotFound), 3);
        assert_eq!(exit(ProblemCode::Refused), 4);
        assert_eq!(exit(ProblemCode::Stopping), 5);
        assert_eq!(exit(ProblemCode::Ambiguous), 6);
    }

    #[test]
    fn errors_name_cause_and_hint_and_hide_control_characters() {
        let cause = io::Error::other("disk\x1b[2J gone");
        let error = Error::failed("cannot write x").cause(&cause).hint("free some space");
        let text = error.human(&Ui::plain());
        assert_eq!(
            text,
            "error: cannot write x\ncause: disk\u{fffd}[2J gone\nhint: free some space\n"
        );
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        let error = Error::stdout(&io::ErrorKind::BrokenPipe.into());
        assert_eq!(error.exit(), Exit::Done);
    }
}
