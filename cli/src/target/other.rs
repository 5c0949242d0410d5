//! The folder by paths, where there are no descriptors of folders: each step is looked at before
//! it is taken.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Mode, Present, Replace};

/// A folder that is written to.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

/// A file that is being written under another name; gone when dropped.
#[derive(Debug)]
pub(crate) struct Part {
    temporary: PathBuf,
    target: PathBuf,
    /// Takes the bytes.
    pub(crate) file: File,
    kept: bool,
}

impl Folder {
    /// Opens a folder; the path to it is the user's and may hold links.
    ///
    /// # Errors
    /// When there is no such folder.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Folder { root: path.canonicalize()? })
    }

    /// Opens a folder and makes it, with those above, where it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        Folder::open(path)
    }

    /// Looks what is at a path.
    ///
    /// # Errors
    /// When that cannot be told.
    pub(crate) fn present(&self, path: &str) -> io::Result<Present> {
        let mut here = self.root.clone();
        let mut steps = path.split('/').peekable();
        while let Some(step) = steps.next() {
            here.push(step);
            let kind = match here.symlink_metadata() {
                Ok(metadata) => metadata.file_type(),
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Present::Nothing),
                Err(e) => return Err(e),
            };
            match (steps.peek().is_none(), kind.is_dir(), kind.is_file()) {
                (true, false, true) => return Ok(Present::File(File::open(&here)?)),
                (true, true, _) => return Ok(Present::Other("a folder")),
                (true, ..) => return Ok(Present::Other("a link")),
                (false, true, _) => {}
                (false, ..) => return Ok(Present::Other("behind a link or a file")),
            }
        }
        Err(io::ErrorKind::InvalidInput.into())
    }

    /// Begins a file, and makes the folders on the way.
    ///
    /// # Errors
    /// When a link or a file is on the way, or it cannot be written.
    pub(crate) fn begin(&self, path: &str, _mode: Mode) -> io::Result<Part> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut dir = self.root.clone();
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        for step in folders.split('/').filter(|step| !step.is_empty()) {
            dir.push(step);
            match std::fs::create_dir(&dir) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
                _ if dir.symlink_metadata()?.is_dir() => {}
                _ => return Err(io::ErrorKind::NotADirectory.into()),
            }
        }
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let temporary = dir.join(format!(".dsp-{}-{n}.part", std::process::id()));
        let file = File::create_new(&temporary)?;
        Ok(Part { temporary, target: dir.join(name), file, kept: false })
    }
}

impl Part {
    /// Gives the file its name.
    ///
    /// # Errors
    /// When something is in the way that may not be replaced.
    pub(crate) fn keep(mut self, replace: Replace) -> io::Result<()> {
        if replace == Replace::Never && self.target.symlink_metadata().is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        std::fs::rename(&self.temporary, &self.target)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.kept {
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}
