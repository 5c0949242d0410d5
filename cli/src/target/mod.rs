//! The folder that `dsp get` writes to: nothing of a frame ever lands outside of it.
//!
//! A path is checked first ([`check`]), then walked segment by segment without following a link,
//! so that neither a name nor a link that lies in the folder leads out. A file appears under its
//! name when it is complete.

mod apart;
mod name;
#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

pub(crate) use apart::confused;
pub(crate) use name::{check, check_together};
#[cfg(not(unix))]
pub(crate) use other::{Folder, Part};
#[cfg(unix)]
pub(crate) use unix::{Folder, Part};

/// What is already where a file is to be written.
#[derive(Debug)]
pub(crate) enum Present {
    /// Nothing.
    Nothing,
    /// A regular file.
    File(std::fs::File),
    /// Something that is no regular file: what.
    Other(&'static str),
}

/// What becomes of a file that is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replace {
    /// It stays, and writing fails.
    Never,
    /// It is replaced.
    Files,
}

/// Whether a file can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Data.
    Plain,
    /// A program.
    Executable,
}

#[cfg(test)]
mod tests;
