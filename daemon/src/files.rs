//! Files that are whole or absent: private folders, replacement in one step, errors that name
//! the path.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// How many bytes are written again at a time.
const AGAIN_BYTES: usize = 1 << 20;

/// A file or folder could not be used.
#[derive(Debug, thiserror::Error)]
#[error("could not {action} {}{}", path.display(), cause(source))]
pub struct FileError {
    /// What was tried, as a verb: `read`, `write`, `make`.
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl FileError {
    /// Returns a function that wraps what the system says about `action` on `path`.
    pub(crate) fn of(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
        let path = path.to_owned();
        move |source| FileError { action, path, source }
    }

    /// Tells whether the disk is full, or the quota on it used up.
    pub fn disk_full(&self) -> bool {
        is_disk_full(&self.source)
    }

    /// Returns what to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        let home = "or choose another folder with `--home` or DSP_HOME";
        match self.source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Some(format!("free some space on the disk of {}, {home}", self.path.display()))
            }
            io::ErrorKind::ReadOnlyFilesystem => {
                Some(format!("mount the disk of {} for writing, {home}", self.path.display()))
            }
            io::ErrorKind::PermissionDenied => {
                Some(format!("give this account the right to {} it, {home}", self.action))
            }
            _ => None,
        }
    }
}

/// Names the causes that a user can do something about; the rest is in the source.
fn cause(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull => ": the disk is full",
        io::ErrorKind::QuotaExceeded => ": the disk quota is used up",
        io::ErrorKind::ReadOnlyFilesystem => ": the disk is mounted read-only",
        io::ErrorKind::PermissionDenied => ": permission denied",
        _ => "",
    }
}

/// Tells whether an error means that there is no room left.
pub(crate) fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Returns the bytes that this account may still write on the disk of a folder.
#[cfg(unix)]
pub(crate) fn free_bytes(folder: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(folder)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Returns the bytes that this account may still write on the disk of a folder.
#[cfg(not(unix))]
pub(crate) fn free_bytes(_folder: &Path) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Makes a folder that only this account may enter, with its parents; an existing one is left.
pub(crate) fn private_folder(path: &Path) -> Result<(), FileError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(FileError::of("make", path))
}

/// Returns options for a file that only this account may read and write.
pub(crate) fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Writes a new private file and makes it durable; its folder is not synced.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let write = || {
        let mut file = private_options().create_new(true).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(FileError::of("write", path))
}

/// Replaces a private file in one step: after a crash the old or the new bytes are there, whole.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut name = path.file_name().expect("a file has a name").to_owned();
    name.push(".new");
    let staged = path.with_file_name(name);
    let discard = |error| {
        // Best effort: the error that matters is the one at hand.
        let _ = fs::remove_file(&staged);
        error
    };
    match fs::remove_file(&staged) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(FileError::of("replace", &staged)(error));
        }
        _ => {}
    }
    write_new(&staged, bytes).map_err(discard)?;
    fs::rename(&staged, path).map_err(FileError::of("replace", path)).map_err(discard)?;
    sync_folder_of(path)
}

/// Writes every byte of a file again, in place, and makes it durable.
///
/// A sync that fails may leave what it did not write marked as written: the next one succeeds and
/// does nothing for it, while readers still see it. Only writing it again brings it to the disk.
pub(crate) fn write_again(path: &Path) -> Result<(), FileError> {
    let write = || {
        let mut file = private_options().open(path)?;
        let (mut piece, mut at) = (vec![0; AGAIN_BYTES], 0);
        loop {
            file.seek(SeekFrom::Start(at))?;
            let read = file.read(&mut piece)?;
            if read == 0 {
                return file.sync_all();
            }
            file.seek(SeekFrom::Start(at))?;
            file.write_all(&piece[..read])?;
            at += read as u64;
        }
    };
    write().map_err(FileError::of("write", path))
}

/// Makes the names in the folder of `path` durable.
pub(crate) fn sync_folder_of(path: &Path) -> Result<(), FileError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync_folder(folder)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), FileError> {
    if cfg!(windows) {
        return Ok(()); // Folders cannot be opened there; renames are journalled.
    }
    File::open(folder).and_then(|f| f.sync_all()).map_err(FileError::of("sync", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_again_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for size in [0, 1, AGAIN_BYTES, 2 * AGAIN_BYTES + 77] {
            let bytes: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            fs::write(&path, &bytes).unwrap();
            write_again(&path).unwrap();
            assert!(fs::read(&path).unwrap() == bytes, "{size} bytes");
        }
        fs::remove_file(&path).unwrap();
        write_again(&path).unwrap_err();
    }

    #[test]
    fn errors_name_the_path_and_the_cause() {
        let path = Path::new("/data/.dsp/config.toml");
        let full = FileError::of("write", path)(io::ErrorKind::StorageFull.into());
        assert_eq!(full.to_string(), "could not write /data/.dsp/config.toml: the disk is full");
        assert!(full.disk_full() && full.hint().unwrap().contains("/data/.dsp/config.toml"));
        let read_only = FileError::of("make", path)(io::ErrorKind::ReadOnlyFilesystem.into());
        assert_eq!(
            read_only.to_string(),
            "could not make /data/.dsp/config.toml: the disk is mounted read-only"
        );
        assert!(!read_only.disk_full() && read_only.hint().is_some());
    }

    #[test]
    fn replacing_leaves_old_or_new_and_no_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        replace(&path, b"one").unwrap();
        // What a crash in the middle leaves behind does not stand in the way.
        fs::write(folder.path().join("a.new"), b"half").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn files_and_folders_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let sub = folder.path().join("b/c");
        private_folder(&sub).unwrap();
        replace(&sub.join("d"), b"").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&sub), 0o700);
        assert_eq!(mode(&sub.join("d")), 0o600);
    }
}
