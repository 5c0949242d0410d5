//! The backup of the recovery key as an age file, which `age -d` opens with the passphrase.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use age::scrypt;
use age::secrecy::SecretString;

use crate::error::{Error, Result};

/// How much work each guess at the passphrase takes: 2 to this power rounds of scrypt, as the
/// `age` program has it. About a second and 256 MiB.
const WORK_FACTOR: u8 = 18;

/// Refuses a path where something is.
///
/// # Errors
/// Something is there.
pub(super) fn check_free(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(taken(path)),
        // Whatever else may be wrong shows when the file is made.
        Err(_) => Ok(()),
    }
}

/// Writes text into a new file that only this account may read and only the passphrase opens.
/// Returns once it is on the disk and was read back.
///
/// # Errors
/// There is a file already, or it cannot be written; nothing is left of it then.
pub(super) fn write(path: &Path, text: &str, passphrase: &SecretString) -> Result<()> {
    let mut recipient = scrypt::Recipient::new(passphrase.clone());
    recipient.set_work_factor(WORK_FACTOR);
    let sealed = age::encrypt(&recipient, text.as_bytes());
    let sealed = sealed.map_err(|e| Error::failed("cannot encrypt the backup").cause(&e))?;
    let mut file =
        options().write(true).create_new(true).open(path).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => taken(path),
            _ => Error::path("cannot make", path, &e),
        })?;
    let written = file.write_all(&sealed).and_then(|()| file.sync_all());
    let written = written.and_then(|()| sync_folder_of(path));
    let checked = written.map_err(|e| Error::path("cannot write", path, &e));
    checked.and_then(|()| check(path, text, passphrase)).inspect_err(|_| {
        // The first error says more than that of the second attempt would.
        let _ = fs::remove_file(path);
    })
}

/// Reads the text of an age file.
///
/// # Errors
/// There is no such file, it is none, or the passphrase is another.
pub(super) fn read(path: &Path, passphrase: &SecretString) -> Result<SecretString> {
    let sealed = fs::read(path).map_err(|e| Error::path("cannot read", path, &e))?;
    let mut identity = scrypt::Identity::new(passphrase.clone());
    identity.set_max_work_factor(WORK_FACTOR);
    let cannot = || Error::refused(format!("{} does not open", path.display()));
    let opened = age::decrypt(&identity, &sealed).map_err(|e| {
        cannot().cause(&e).hint("is it the right file, and the passphrase it was made with?")
    })?;
    let text = String::from_utf8(opened);
    text.map(SecretString::from).map_err(|_| cannot().cause_text("it holds no text"))
}

/// Opens the file again: the key is erased on the strength of it.
fn check(path: &Path, text: &str, passphrase: &SecretString) -> Result<()> {
    let sealed = fs::read(path).map_err(|e| Error::path("cannot read", path, &e))?;
    let mut identity = scrypt::Identity::new(passphrase.clone());
    identity.set_max_work_factor(WORK_FACTOR);
    let unreadable = || Error::corrupt(format!("{} does not read back", path.display()));
    match age::decrypt(&identity, &sealed) {
        Ok(opened) if opened == text.as_bytes() => Ok(()),
        Ok(_) => Err(unreadable().cause_text("it holds something else than was written")),
        Err(error) => Err(unreadable().cause(&error)),
    }
    .map_err(|error| error.hint("is the disk sound? choose a file on another one"))
}

fn taken(path: &Path) -> Error {
    Error::conflict(format!("{} is there already", path.display()))
        .hint("a backup is never overwritten; choose another name")
}

#[cfg(unix)]
fn options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = File::options();
    options.mode(0o600);
    options
}

#[cfg(not(unix))]
fn options() -> OpenOptions {
    File::options()
}

#[cfg(unix)]
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder_of(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_open_is_no_backup() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("recovery.age");
        let passphrase: SecretString = "correct horse".into();
        write(&path, "the words", &passphrase).unwrap();
        check(&path, "the words", &passphrase).unwrap();
        assert!(check(&path, "other words", &passphrase).is_err());
        assert!(check(&path, "the words", &"wrong horse".into()).is_err());
        // It is there, so it stays as it is.
        let before = fs::read(&path).unwrap();
        assert!(check_free(&path).is_err());
        assert!(write(&path, "other words", &passphrase).is_err());
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}
