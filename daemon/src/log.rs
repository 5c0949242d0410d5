//! The daemon's log: lines for people, to the terminal in the foreground, else to files.
//!
//! The files are bounded in all, and lines that peers can cause at will pass a quota, so that
//! nobody fills the disk. Fields carry what happened (`peer=3fa9c01d`), so that lines of many
//! daemons can be told apart and searched. Secrets are never fields: the types that hold them print
//! none.

mod files;
mod quota;

use std::io::{self, IsTerminal as _};

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt};

use self::files::Files;
use crate::home::Home;

pub(crate) use self::quota::Quota;

/// How many files are kept; a day has one, and another whenever one is full.
pub const KEPT_FILES: usize = 7;
/// Most bytes in a file.
pub const FILE_BYTES: u64 = 16 << 20;

/// Where log lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To stderr.
    Foreground,
    /// To `logs/dspd.log.<date>` and `logs/dspd.log.<date>.<number>`, the latest [`KEPT_FILES`]
    /// of them, each of [`FILE_BYTES`] at most.
    Files,
}

/// Why logging cannot begin, or a filter is not taken.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is malformed.
    #[error("`{filter}` is no log filter")]
    Filter {
        /// The text.
        filter: String,
        /// What is wrong.
        source: tracing_subscriber::filter::ParseError,
    },
    /// No file can be written.
    #[error("could not write logs to {}", home.logs().display())]
    Files {
        /// The home.
        home: Home,
        /// What the system said.
        source: io::Error,
    },
    /// Logging began before in this process.
    #[error("logging began before")]
    Twice,
}

/// Logging that has begun; changes the filter while it runs.
#[derive(Clone, Debug)]
pub struct Logging {
    filter: reload::Handle<EnvFilter, Registry>,
}

impl Logging {
    /// Begins logging for the process.
    ///
    /// # Errors
    /// The filter is malformed, no file can be written, or logging began before.
    pub fn begin(home: &Home, target: Target, filter: &str) -> Result<Logging, LogError> {
        let (filter, handle) = reload::Layer::new(parse(filter)?);
        let registry = tracing_subscriber::registry().with(filter);
        let begun = match target {
            Target::Foreground => {
                let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
                registry.with(fmt::layer().with_writer(io::stderr).with_ansi(colour)).try_init()
            }
            Target::Files => {
                let files = files(home)?;
                registry.with(fmt::layer().with_writer(files).with_ansi(false)).try_init()
            }
        };
        begun.map_err(|_| LogError::Twice)?;
        log_panics();
        Ok(Logging { filter: handle })
    }

    /// Replaces the filter.
    ///
    /// # Errors
    /// The filter is malformed; the old one stays.
    pub fn set_filter(&self, filter: &str) -> Result<(), LogError> {
        let filter = parse(filter)?;
        self.filter.reload(filter).map_err(|_| LogError::Twice)
    }
}

/// Reads a filter: a level, or `target=level` parted by commas.
///
/// # Errors
/// [`LogError::Filter`] where it is malformed.
pub fn parse(filter: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::try_new(filter)
        .map_err(|source| LogError::Filter { filter: filter.to_owned(), source })
}

fn files(home: &Home) -> Result<Files, LogError> {
    Files::open(&home.logs(), FILE_BYTES)
        .map_err(|source| LogError::Files { home: home.clone(), source })
}

/// Has panics logged too: nobody reads the standard error of a daemon.
fn log_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, reason = panic.payload_as_str(), "panic");
        before(panic);
    }));
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn filters_are_checked() {
        assert!(parse("info,dsp_daemon::net=debug").is_ok());
        assert!(matches!(parse("dsp=loud"), Err(LogError::Filter { .. })));
    }

    #[test]
    fn lines_go_to_a_dated_file_with_their_fields() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(folder.path()).unwrap();
        let writer = files(&home).unwrap();
        let (filter, handle) = reload::Layer::new(parse("info").unwrap());
        let subscriber = tracing_subscriber::registry()
            .with(filter)
            .with(fmt::layer().with_writer(writer).with_ansi(false));
        let logging = Logging { filter: handle };
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(peer = "3fa9c01d", "session open");
            tracing::debug!("not shown");
            logging.set_filter("debug").unwrap();
            tracing::debug!("shown now");
        });
        let entry = fs::read_dir(home.logs()).unwrap().next().unwrap().unwrap();
        assert!(entry.file_name().to_str().unwrap().starts_with("dspd.log.2"));
        let text = fs::read_to_string(entry.path()).unwrap();
        assert!(text.contains("session open peer=\"3fa9c01d\""), "{text}");
        assert!(text.contains("shown now") && !text.contains("not shown"), "{text}");
    }
}
