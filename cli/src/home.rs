//! Where things are: the home of a daemon, the only place that knows its paths.

use std::io;
use std::path::{Path, PathBuf};

use dsp_protocol::api::ClientFile;

use crate::error::{Error, Result};

/// The home of a daemon, `~/.dsp` unless said otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    dir: PathBuf,
    /// Whether `--home` named it.
    named: bool,
}

impl Home {
    /// Returns the home that was asked for, else `$DSP_HOME`, else `~/.dsp`.
    ///
    /// # Errors
    /// When the account has no home directory.
    pub(crate) fn find(asked: Option<&Path>) -> Result<Self> {
        let said = || std::env::var_os("DSP_HOME").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        let dir = match asked.map(Path::to_owned).or_else(said) {
            Some(dir) => dir,
            None => std::env::home_dir()
                .filter(|dir| !dir.as_os_str().is_empty())
                .ok_or_else(|| {
                    Error::failed("this account has no home directory").hint("set DSP_HOME")
                })?
                .join(".dsp"),
        };
        let dir = std::path::absolute(&dir).map_err(|e| Error::path("cannot use", &dir, &e))?;
        Ok(Home { dir, named: asked.is_some() })
    }

    /// Tells whether `--home` named it: then it is meant, whatever the environment says.
    pub(crate) fn is_named(&self) -> bool {
        self.named
    }

    /// Tells whether `dsp` finds another one unless this is named.
    pub(crate) fn needs_a_name(&self) -> bool {
        Home::find(None).map_or(true, |usual| usual.dir != self.dir)
    }

    /// Returns the folder itself.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the folder of the keys, which the first start makes.
    pub(crate) fn keys(&self) -> PathBuf {
        self.dir.join("keys")
    }

    /// Returns the folder of the daemon's logs.
    pub(crate) fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// Returns the file that takes what the daemon prints before it logs.
    pub(crate) fn daemon_out(&self) -> PathBuf {
        self.logs().join("dspd.out")
    }

    /// Returns the file whose lock is held while a daemon is started.
    pub(crate) fn start_lock(&self) -> PathBuf {
        self.dir.join("run").join("start.lock")
    }

    /// Returns the file that the daemon holds locked as long as it runs.
    pub(crate) fn daemon_lock(&self) -> PathBuf {
        self.dir.join("run").join("lock")
    }

    /// Makes the folders that are needed before the daemon runs, for their owner alone.
    ///
    /// # Errors
    /// Names the folder that cannot be made.
    pub(crate) fn prepare(&self) -> Result<()> {
        for dir in [self.dir.join("run"), self.logs()] {
            make_private(&dir).map_err(|e| Error::path("cannot make", &dir, &e))?;
        }
        Ok(())
    }

    /// Reads how the daemon is reached; nothing when it does not run.
    ///
    /// # Errors
    /// When the file is there and cannot be read. Half a file counts as none: it is being written.
    pub(crate) fn client_file(&self) -> Result<Option<ClientFile>> {
        let path = self.dir.join("run").join("client.json");
        match std::fs::read(&path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::path("cannot read", &path, &e)
                .hint("the daemon may run under another account")),
        }
    }
}

/// Makes a folder and those above it that are missing, for their owner alone.
///
/// # Errors
/// One of them cannot be made.
pub(crate) fn make_private(dir: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}
