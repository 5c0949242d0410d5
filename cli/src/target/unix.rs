//! The folder by descriptors: each step is relative to the one before and follows no link, so a
//! link that is put there meanwhile leads nowhere either.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, FileType, Mode as Bits, OFlags, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::{Mode, Present, Replace};

const STEP: OFlags =
    OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::RDONLY).union(OFlags::CLOEXEC);

/// A folder that is written to.
#[derive(Debug)]
pub(crate) struct Folder {
    fd: OwnedFd,
}

/// A file that is being written under another name; gone when dropped.
#[derive(Debug)]
pub(crate) struct Part {
    dir: OwnedFd,
    temporary: OsString,
    name: OsString,
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
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(Folder { fd: rustix::fs::open(path, flags, Bits::empty())? })
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
        let (dir, name) = match self.walk(path, Missing::Stays) {
            Ok(found) => found,
            Err(Errno::NOENT) => return Ok(Present::Nothing),
            Err(Errno::LOOP | Errno::NOTDIR) => {
                return Ok(Present::Other("behind a link or a file"));
            }
            Err(error) => return Err(error.into()),
        };
        let stat = match statat(&dir, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(Present::Nothing),
            Err(error) => return Err(error.into()),
        };
        Ok(match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
                Present::File(openat(&dir, &name, flags, Bits::empty())?.into())
            }
            FileType::Directory => Present::Other("a folder"),
            FileType::Symlink => Present::Other("a link"),
            _ => Present::Other("no regular file"),
        })
    }

    /// Begins a file, and makes the folders on the way.
    ///
    /// # Errors
    /// When a link or a file is on the way, or it cannot be written.
    pub(crate) fn begin(&self, path: &str, mode: Mode) -> io::Result<Part> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let (dir, name) = self.walk(path, Missing::IsMade)?;
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let temporary = OsString::from(format!(".dsp-{}-{n}.part", std::process::id()));
        let bits = match mode {
            Mode::Plain => Bits::from_raw_mode(0o666),
            Mode::Executable => Bits::from_raw_mode(0o777),
        };
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW;
        let file = File::from(openat(&dir, &temporary, flags | OFlags::CLOEXEC, bits)?);
        Ok(Part { dir, temporary, name, file, kept: false })
    }

    /// Opens the folder that a path lies in; returns it and the last name.
    fn walk(&self, path: &str, missing: Missing) -> Result<(OwnedFd, OsString), Errno> {
        let path = PathBuf::from(path);
        let name = path.file_name().ok_or(Errno::INVAL)?.to_owned();
        let mut dir = self.fd.try_clone().map_err(|_| Errno::MFILE)?;
        for step in path.parent().into_iter().flat_map(Path::components) {
            let std::path::Component::Normal(step) = step else { return Err(Errno::INVAL) };
            dir = match openat(dir.as_fd(), step, STEP, Bits::empty()) {
                Err(Errno::NOENT) if missing == Missing::IsMade => {
                    match rustix::fs::mkdirat(dir.as_fd(), step, Bits::from_raw_mode(0o777)) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(error) => return Err(error),
                    }
                    openat(dir.as_fd(), step, STEP, Bits::empty())?
                }
                opened => opened?,
            };
        }
        Ok((dir, name))
    }
}

/// What becomes of a folder that is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Stays,
    IsMade,
}

impl Part {
    /// Gives the file its name.
    ///
    /// # Errors
    /// When something is in the way that may not be replaced.
    pub(crate) fn keep(mut self, replace: Replace) -> io::Result<()> {
        match replace {
            Replace::Never => rename_new(&self.dir, &self.temporary, &self.name)?,
            Replace::Files => renameat(&self.dir, &self.temporary, &self.dir, &self.name)?,
        }
        self.kept = true;
        Ok(())
    }
}

/// Renames where nothing is.
fn rename_new(dir: &OwnedFd, from: &OsString, to: &OsString) -> Result<(), Errno> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        let flags = rustix::fs::RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(dir, from, dir, to, flags) {
            // Some file systems cannot; then we look first.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
            done => return done,
        }
    }
    match statat(dir, to, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => renameat(dir, from, dir, to),
        Ok(_) => Err(Errno::EXIST),
        Err(error) => Err(error),
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.kept {
            let _ = unlinkat(&self.dir, &self.temporary, AtFlags::empty());
        }
    }
}
