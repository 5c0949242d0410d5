//! Files that are taken in: the one that was meant, and unchanged while it was read.
//!
//! Between the look that decides whether a file may be taken in and its reading, whoever may write
//! to its folder can put a link in its place, or in that of a folder above. The file is therefore
//! opened once, asked where and which it is, and read by that opening where the system can.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::error::ImportError;

/// Which file a path led to, where the system numbers its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId {
    device: u64,
    number: u64,
}

impl FileId {
    /// Returns which file it is that `metadata` tells of.
    pub fn of(metadata: &Metadata) -> FileId {
        let (device, number, _) = marks(metadata);
        FileId { device, number }
    }
}

/// A file that is open, and how it was then.
#[derive(Debug)]
pub(super) struct SourceFile {
    file: File,
    before: State,
}

impl SourceFile {
    /// Opens the regular file at `path`, which is absolute and without links, if it is `id`.
    pub(super) fn open(path: &Path, id: FileId) -> Result<SourceFile, ImportError> {
        let read = |source| ImportError::Read { path: path.to_owned(), source };
        let changed = || ImportError::Changed(path.to_owned());
        let file = match open(path) {
            Err(error) if is_link(&error) => return Err(changed()),
            file => file.map_err(read)?,
        };
        let metadata = file.metadata().map_err(read)?;
        if !metadata.is_file() {
            return Err(ImportError::NotAFile(path.to_owned()));
        }
        // What says that it is empty and is not, as in `/proc`, would be taken in as empty.
        if metadata.len() == 0 && (&file).read(&mut [0]).map_err(read)? > 0 {
            return Err(ImportError::NotAFile(path.to_owned()));
        }
        if place(&file, path).map_err(read)? != path || FileId::of(&metadata) != id {
            return Err(changed());
        }
        Ok(SourceFile { file, before: State::of(&metadata) })
    }

    /// Returns a path under which this very file is read, whatever becomes of its own: `path` only
    /// where the system has none.
    pub(super) fn readable_path(&self, path: &Path) -> PathBuf {
        match descriptor(&self.file) {
            Some(descriptor) if descriptor.exists() => descriptor,
            Some(_) | None => path.to_owned(),
        }
    }

    /// Returns its size when it was opened, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.before.size
    }

    /// Returns the file to be read from its beginning, once.
    pub(super) fn reader(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Refuses what was written to since it was opened.
    pub(super) fn check_unchanged(&self, path: &Path) -> Result<(), ImportError> {
        let read = |source| ImportError::Read { path: path.to_owned(), source };
        if State::of(&self.file.metadata().map_err(read)?) != self.before {
            return Err(ImportError::Changed(path.to_owned()));
        }
        Ok(())
    }
}

/// Opens a file to read it. A link is not followed, and nobody is waited for at a pipe.
fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.cast_signed());
    }
    options.open(path)
}

#[cfg(unix)]
fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
fn is_link(_: &io::Error) -> bool {
    false
}

/// Returns where an open file is, without links; `path` is how it was opened.
fn place(file: &File, path: &Path) -> io::Result<PathBuf> {
    let told = descriptor(file).and_then(|descriptor| std::fs::read_link(descriptor).ok());
    told.map_or_else(|| path.canonicalize(), Ok)
}

/// Returns the path of an open file's descriptor.
#[cfg(target_os = "linux")]
fn descriptor(file: &File) -> Option<PathBuf> {
    use std::os::fd::AsRawFd as _;
    Some(format!("/proc/self/fd/{}", file.as_raw_fd()).into())
}

#[cfg(not(target_os = "linux"))]
fn descriptor(_: &File) -> Option<PathBuf> {
    None
}

/// What would show that a file was written to or replaced.
#[derive(Debug, PartialEq, Eq)]
struct State {
    size: u64,
    modified: Option<SystemTime>,
    marks: (u64, u64, (i64, i64)),
}

impl State {
    fn of(metadata: &Metadata) -> State {
        let modified = metadata.modified().ok();
        State { size: metadata.len(), modified, marks: marks(metadata) }
    }
}

/// Returns the device and number of a file, and when anything about it changed last.
#[cfg(unix)]
fn marks(metadata: &Metadata) -> (u64, u64, (i64, i64)) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino(), (metadata.ctime(), metadata.ctime_nsec()))
}

#[cfg(not(unix))]
fn marks(_: &Metadata) -> (u64, u64, (i64, i64)) {
    (0, 0, (0, 0))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_as_empty_as_it_says_is_refused() {
        let path = Path::new("/proc/cpuinfo");
        let id = FileId::of(&std::fs::metadata(path).unwrap());
        let refused = SourceFile::open(path, id).unwrap_err();
        assert!(matches!(refused, ImportError::NotAFile(_)), "{refused}");
    }

    #[test]
    fn a_file_is_read_by_its_opening() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let (meant, secret) = (root.join("meant"), root.join("secret"));
        std::fs::write(&meant, b"meant").unwrap();
        std::fs::write(&secret, b"secret").unwrap();
        let id = FileId::of(&std::fs::metadata(&meant).unwrap());
        let source = SourceFile::open(&meant, id).unwrap();
        std::fs::rename(&meant, root.join("moved")).unwrap();
        std::os::unix::fs::symlink(&secret, &meant).unwrap();
        assert_eq!(std::fs::read(source.readable_path(&meant)).unwrap(), b"meant");
    }
}
