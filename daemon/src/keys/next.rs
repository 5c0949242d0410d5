//! Keys that change: a new root and a new recovery key beside the old ones until the identity log
//! goes by them, and whose device this is where its own root no longer tells.
//!
//! The order makes a stop at any point harmless. The new keys are durable as `recovery.next` and
//! `root.next`, in this order, before the rotation that names them is signed. Once the log goes by
//! `root.next`, the two take the places of the old ones, `root.next` last; where it does not, the
//! rotation never was, and both are removed, `root.next` first. [`Keys::settle`] finds out which,
//! after a rotation and at every start.

use std::fs;
use std::io;
use std::path::Path;

use dsp_protocol::id::{PublicKey, UserId};
use dsp_protocol::key::SecretKey;

use super::{Keys, KeysError, RECOVERY, ROOT, USER, draw, read, text_of};
use crate::files::{self, FileError};

pub(super) const ROOT_NEXT: &str = "root.next";
const RECOVERY_NEXT: &str = "recovery.next";
/// The second line of `user` where the root belongs here.
const HOLDS_ROOT: &str = "root";

/// New keys that are on the disk, for a rotation to name.
#[derive(Debug)]
pub struct Staged {
    /// The new root.
    pub root: SecretKey,
    /// The public half of the new recovery key.
    pub recovery: PublicKey,
}

/// Whose device this is, as the file `user` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) user: UserId,
    pub(super) holds_root: bool,
}

impl Keys {
    /// Draws a new root and a new recovery key, and makes them durable beside the old ones.
    ///
    /// # Errors
    /// [`KeysError`]; the old keys are as they were.
    pub fn stage(&self) -> Result<Staged, KeysError> {
        let held = self.locked();
        let (root, recovery) = (draw()?, draw()?);
        files::replace(&self.folder.join(RECOVERY_NEXT), text_of(&recovery).as_bytes())?;
        files::replace(&self.folder.join(ROOT_NEXT), text_of(&root).as_bytes())?;
        drop(held);
        Ok(Staged { root, recovery: recovery.public() })
    }

    /// Puts staged keys in their places where the log of `user` goes by `root` now, and removes
    /// them where it does not.
    ///
    /// # Errors
    /// [`KeysError`]; to be done again.
    pub fn settle(&self, user: UserId, root: PublicKey) -> Result<(), KeysError> {
        let mut held = self.locked();
        let (root_next, recovery_next) =
            (self.folder.join(ROOT_NEXT), self.folder.join(RECOVERY_NEXT));
        match read(&root_next)? {
            Some(next) if next.public() == root => {
                write_owner(&self.folder.join(USER), Owner { user, holds_root: true })?;
                rename(&recovery_next, &self.folder.join(RECOVERY))?;
                rename(&root_next, &self.folder.join(ROOT))?;
                held.recovery = read(&self.folder.join(RECOVERY))?;
                held.root = Some(next);
                held.user = Some(user);
            }
            _ => {
                remove(&root_next)?;
                remove(&recovery_next)?;
            }
        }
        Ok(())
    }

    /// Makes this a device of a user whose root is elsewhere, and erases the root and the recovery
    /// key of the identity that it began with.
    ///
    /// # Errors
    /// [`KeysError`]; to be done again.
    pub fn lend_to(&self, user: UserId) -> Result<(), KeysError> {
        let mut held = self.locked();
        write_owner(&self.folder.join(USER), Owner { user, holds_root: false })?;
        remove(&self.folder.join(RECOVERY))?;
        remove(&self.folder.join(ROOT))?;
        held.root = None;
        held.recovery = None;
        held.user = Some(user);
        Ok(())
    }
}

pub(super) fn read_owner(path: &Path) -> Result<Option<Owner>, KeysError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::of("read", path)(error).into()),
    };
    let damaged = |reason: String| KeysError::Damaged { path: path.to_owned(), reason };
    let mut lines = text.lines();
    let user = lines.next().unwrap_or_default();
    let user = user.parse::<UserId>().map_err(|error| damaged(error.to_string()))?;
    let holds_root = match lines.next() {
        None => false,
        Some(HOLDS_ROOT) => true,
        Some(_) => return Err(damaged("its second line is not `root`".to_owned())),
    };
    Ok(Some(Owner { user, holds_root }))
}

fn write_owner(path: &Path, owner: Owner) -> Result<(), KeysError> {
    let root = if owner.holds_root { "root\n" } else { "" };
    Ok(files::replace(path, format!("{}\n{root}", owner.user).as_bytes())?)
}

fn rename(from: &Path, to: &Path) -> Result<(), KeysError> {
    match fs::rename(from, to) {
        // A stop in the middle left it in its place already.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(FileError::of("replace", to)(error).into()),
        Ok(()) => Ok(files::sync_folder_of(to)?),
    }
}

fn remove(path: &Path) -> Result<(), KeysError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(FileError::of("erase", path)(error).into()),
        Ok(()) => Ok(files::sync_folder_of(path)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::Home;

    const USER_ID: UserId = UserId::from_bytes([7; 32]);

    fn home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(folder.path()).unwrap();
        (folder, home)
    }

    fn names(home: &Home) -> Vec<String> {
        let files = fs::read_dir(home.keys()).unwrap();
        let mut names: Vec<_> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn staged_keys_take_their_places_once_the_log_goes_by_them() {
        let (_folder, home) = home();
        let (keys, _) = Keys::open(&home).unwrap();
        let old = keys.root().unwrap().public();
        let staged = keys.stage().unwrap();
        assert_eq!(keys.root().unwrap().public(), old, "nothing is signed yet");
        keys.settle(USER_ID, staged.root.public()).unwrap();
        let (again, _) = Keys::open(&home).unwrap();
        for keys in [&keys, &again] {
            assert_eq!(keys.root().unwrap().public(), staged.root.public());
            assert_eq!(keys.recovery().unwrap().public(), staged.recovery);
            assert_eq!(keys.user(), Some(USER_ID));
        }
        assert_eq!(names(&home), ["device", "recovery", "root", "user"]);
    }

    #[test]
    fn a_rotation_that_never_was_leaves_the_old_keys() {
        let (_folder, home) = home();
        let (keys, _) = Keys::open(&home).unwrap();
        let old = keys.root().unwrap().public();
        keys.stage().unwrap();
        keys.settle(USER_ID, old).unwrap();
        assert_eq!(names(&home), ["device", "recovery", "root"]);
        let (again, _) = Keys::open(&home).unwrap();
        assert_eq!((again.root().unwrap().public(), again.user()), (old, None));
    }

    #[test]
    fn a_stop_between_the_two_is_made_up_for() {
        let (_folder, home) = home();
        let (keys, _) = Keys::open(&home).unwrap();
        let staged = keys.stage().unwrap();
        // The recovery key stands in its place already, the root does not.
        fs::rename(home.keys().join(RECOVERY_NEXT), home.keys().join(RECOVERY)).unwrap();
        let (keys, _) = Keys::open(&home).unwrap();
        keys.settle(USER_ID, staged.root.public()).unwrap();
        assert_eq!(keys.root().unwrap().public(), staged.root.public());
        assert_eq!(keys.recovery().unwrap().public(), staged.recovery);
    }

    #[test]
    fn a_lent_device_holds_neither_root_nor_recovery_key() {
        let (_folder, home) = home();
        let (keys, _) = Keys::open(&home).unwrap();
        keys.lend_to(USER_ID).unwrap();
        keys.lend_to(USER_ID).unwrap();
        assert_eq!(names(&home), ["device", "user"]);
        let (again, _) = Keys::open(&home).unwrap();
        assert!(again.root().is_none() && !again.backup_needed());
        assert_eq!(again.user(), Some(USER_ID));
        fs::write(home.keys().join(USER), "nobody\n").unwrap();
        assert!(matches!(Keys::open(&home), Err(KeysError::Damaged { .. })));
    }

    #[test]
    fn a_stop_while_a_lent_device_gets_the_root_is_made_up_for() {
        let (_folder, home) = home();
        let (keys, _) = Keys::open(&home).unwrap();
        keys.lend_to(USER_ID).unwrap();
        let staged = keys.stage().unwrap();
        let owner = Owner { user: USER_ID, holds_root: true };
        write_owner(&home.keys().join(USER), owner).unwrap();
        let (keys, _) = Keys::open(&home).unwrap();
        assert!(keys.root().is_none());
        keys.settle(USER_ID, staged.root.public()).unwrap();
        assert_eq!(keys.root().unwrap().public(), staged.root.public());
    }

    #[cfg(unix)]
    #[test]
    fn every_file_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, home) = home();
        let (keys, _) = Keys::open(&home).unwrap();
        let staged = keys.stage().unwrap();
        keys.settle(USER_ID, staged.root.public()).unwrap();
        keys.stage().unwrap();
        for name in names(&home) {
            let mode = fs::metadata(home.keys().join(&name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}
