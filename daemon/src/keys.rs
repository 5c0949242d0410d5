//! The keys of a home: root, recovery and device, each a file that only this account may read.
//!
//! All three are made at the first start, without a question. The recovery key leaves the machine
//! as 24 words and is then erased here; erasing means removing the file, and what a disk keeps of
//! removed files is beyond us. A key file that is lost or damaged is reported and nothing takes its
//! place. Root and recovery key change only by a rotation of the identity log ([`next`]), and a
//! device that another one granted holds neither: the file `user` then says whose it is.

pub mod next;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bip39::{Language, Mnemonic};
use data_encoding::HEXLOWER;
use dsp_protocol::id::UserId;
use dsp_protocol::key::SecretKey;
use zeroize::Zeroizing;

use crate::files::{self, FileError};
use crate::home::Home;

/// Number of words that hold the recovery key.
pub const BACKUP_WORDS: usize = 24;

const ROOT: &str = "root";
const RECOVERY: &str = "recovery";
const DEVICE: &str = "device";
const USER: &str = "user";

/// The keys of a home.
#[derive(Debug)]
pub struct Keys {
    folder: PathBuf,
    device: SecretKey,
    held: Mutex<Held>,
}

/// What a rotation changes.
#[derive(Debug)]
struct Held {
    /// None on a device that another one granted.
    root: Option<SecretKey>,
    /// None once it is backed up.
    recovery: Option<SecretKey>,
    /// Whose they are, where the root no longer tells.
    user: Option<UserId>,
}

/// Where keys come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This is the first start: they were made just now.
    Made,
    /// They were there.
    Loaded,
}

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file or folder cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Others on this machine may read a key.
    #[error(
        "{} is open to others (mode {mode:04o}); if nobody read it, run `chmod {} {}`",
        path.display(), if path.is_dir() { "700" } else { "600" }, path.display()
    )]
    TooOpen {
        /// The file, or the folder of all.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A key file does not hold a key.
    #[error("key file {} is damaged: {reason}; put a backup of it back", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A key file is gone while other files of the home are there.
    #[error(
        "key file {} is missing while the home is in use; put a backup of it back, or start anew \
         in another home",
        path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[source] getrandom::Error),
}

impl Keys {
    /// Loads the keys of a home, or makes them where it has neither keys nor a database.
    ///
    /// # Errors
    /// [`KeysError`] names the file; none is ever replaced.
    pub fn open(home: &Home) -> Result<(Keys, Origin), KeysError> {
        let folder = home.keys();
        if folder.exists() {
            return Ok((Keys::load(folder)?, Origin::Loaded));
        }
        if home.database().exists() {
            return Err(KeysError::Missing { path: folder.join(ROOT) });
        }
        make(&folder)?;
        Ok((Keys::load(folder)?, Origin::Made))
    }

    fn load(folder: PathBuf) -> Result<Keys, KeysError> {
        check_private(&folder)?;
        let required = |name: &str| {
            let path = folder.join(name);
            read(&path)?.ok_or(KeysError::Missing { path })
        };
        let owner = next::read_owner(&folder.join(USER))?;
        let holds_root = owner.is_none_or(|owner| owner.holds_root);
        let held = Held {
            root: match (holds_root, read(&folder.join(ROOT))?) {
                (false, _) => None,
                (true, Some(root)) => Some(root),
                // A crash while a staged root took its place: `settle` goes on.
                (true, None) if folder.join(next::ROOT_NEXT).exists() => None,
                (true, None) => return Err(KeysError::Missing { path: folder.join(ROOT) }),
            },
            recovery: if holds_root { read(&folder.join(RECOVERY))? } else { None },
            user: owner.map(|owner| owner.user),
        };
        let device = required(DEVICE)?;
        Ok(Keys { folder, device, held: Mutex::new(held) })
    }

    /// Returns the root key, which signs the identity log; none on a device that another one
    /// granted. Whether the log still goes by it, the log tells.
    pub fn root(&self) -> Option<SecretKey> {
        self.locked().root.clone()
    }

    /// Returns whose the keys are, where that is written down: on a device that another one
    /// granted, and after a rotation.
    pub fn user(&self) -> Option<UserId> {
        self.locked().user
    }

    /// Returns the key of this device.
    pub fn device(&self) -> &SecretKey {
        &self.device
    }

    /// Returns the recovery key, while it has not been backed up.
    pub fn recovery(&self) -> Option<SecretKey> {
        self.locked().recovery.clone()
    }

    /// Tells whether the recovery key still waits to be backed up.
    pub fn backup_needed(&self) -> bool {
        self.locked().recovery.is_some()
    }

    /// Returns the recovery key in words, while it has not been backed up.
    pub fn backup_words(&self) -> Option<Zeroizing<String>> {
        self.locked().recovery.as_ref().map(words)
    }

    /// Erases the recovery key here once `text` proves that its words are written down.
    ///
    /// # Errors
    /// [`ConfirmError`] says what is wrong with the words; the key is then kept.
    pub fn confirm_backup(&self, text: &str) -> Result<(), ConfirmError> {
        let mut held = self.locked();
        let kept = held.recovery.as_ref().ok_or(ConfirmError::Erased)?;
        if from_words(text)?.public() != kept.public() {
            return Err(ConfirmError::OtherKey);
        }
        let path = self.folder.join(RECOVERY);
        fs::remove_file(&path).map_err(FileError::of("erase", &path))?;
        held.recovery = None;
        files::sync_folder(&self.folder)?;
        Ok(())
    }

    fn locked(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a backup is not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// It was confirmed before.
    #[error("the recovery key was backed up before and is not here any more")]
    Erased,
    /// The words are not a key.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// The words are a key, but not this one.
    #[error("the words are of another key than the recovery key of this home")]
    OtherKey,
    /// The file cannot be erased.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Why a text is not a key in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// Too few or too many.
    #[error("expected {BACKUP_WORDS} words, got {0}")]
    Count(usize),
    /// One is not in the list.
    #[error("word {number}, `{word}`, is not in the list of words")]
    Unknown {
        /// Which, from 1.
        number: usize,
        /// The word.
        word: String,
    },
    /// All are in the list, but together they are no key.
    #[error("the words do not fit together: one is wrong, or two have changed places")]
    Checksum,
}

/// Returns a key as 24 words of BIP 39 (English), parted by spaces.
pub fn words(key: &SecretKey) -> Zeroizing<String> {
    let mnemonic = Mnemonic::from_entropy_in(Language::English, &*key.to_seed())
        .expect("32 bytes make 24 words");
    Zeroizing::new(mnemonic.words().collect::<Vec<_>>().join(" "))
}

/// Reads a key from its 24 words, in any case and with any white space.
///
/// # Errors
/// [`WordsError`] says which word is wrong where that can be told.
pub fn from_words(text: &str) -> Result<SecretKey, WordsError> {
    let list: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    if list.len() != BACKUP_WORDS {
        return Err(WordsError::Count(list.len()));
    }
    let joined = Zeroizing::new(list.join(" "));
    let mnemonic =
        Mnemonic::parse_in_normalized(Language::English, &joined).map_err(|error| match error {
            bip39::Error::UnknownWord(at) => {
                WordsError::Unknown { number: at + 1, word: list[at].clone() }
            }
            _ => WordsError::Checksum,
        })?;
    let entropy = Zeroizing::new(mnemonic.to_entropy());
    let seed: &[u8; 32] = entropy.as_slice().try_into().expect("24 words make 32 bytes");
    Ok(SecretKey::from_seed(seed))
}

/// Makes all keys in a folder beside, then moves it in place: all are there or none.
fn make(folder: &Path) -> Result<(), KeysError> {
    let staged = folder.with_extension("new");
    match fs::remove_dir_all(&staged) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(FileError::of("remove", &staged)(error).into());
        }
        _ => {}
    }
    files::private_folder(&staged)?;
    for name in [ROOT, RECOVERY, DEVICE] {
        let text = text_of(&draw()?);
        files::write_new(&staged.join(name), text.as_bytes())?;
    }
    files::sync_folder(&staged)?;
    fs::rename(&staged, folder).map_err(FileError::of("make", folder))?;
    Ok(files::sync_folder_of(folder)?)
}

/// Draws a key.
///
/// # Errors
/// The machine gives no randomness.
pub(crate) fn draw() -> Result<SecretKey, KeysError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(KeysError::Random)?;
    Ok(SecretKey::from_seed(&seed))
}

/// Returns what the file of a key holds.
fn text_of(key: &SecretKey) -> Zeroizing<String> {
    Zeroizing::new(HEXLOWER.encode(&*key.to_seed()) + "\n")
}

fn read(path: &Path) -> Result<Option<SecretKey>, KeysError> {
    let text = match fs::read(path) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::of("read", path)(error).into()),
    };
    check_private(path)?;
    let damaged = |reason: &dyn fmt::Display| KeysError::Damaged {
        path: path.to_owned(),
        reason: reason.to_string(),
    };
    let digits = text.strip_suffix(b"\n").unwrap_or(&text);
    if digits.len() != 64 {
        return Err(damaged(&format_args!("expected 64 digits, got {} bytes", digits.len())));
    }
    let mut seed = Zeroizing::new([0; 32]);
    // The error of the decoder is not shown: it could hold a byte of the key.
    HEXLOWER
        .decode_mut(digits, &mut *seed)
        .map_err(|_| damaged(&"it holds something else than `0-9` and `a-f`"))?;
    Ok(Some(SecretKey::from_seed(&seed)))
}

#[cfg(unix)]
fn check_private(path: &Path) -> Result<(), KeysError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = fs::metadata(path).map_err(FileError::of("read", path))?;
    match metadata.permissions().mode() & 0o7777 {
        mode if mode & 0o077 == 0 => Ok(()),
        mode => Err(KeysError::TooOpen { path: path.to_owned(), mode }),
    }
}

#[cfg(not(unix))]
fn check_private(_path: &Path) -> Result<(), KeysError> {
    Ok(()) // The user's folder is private there by its access list.
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(folder.path()).unwrap();
        (folder, home)
    }

    fn all_files(home: &Home) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(home.keys())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }

    #[test]
    fn keys_are_made_once_and_stay() {
        let (_folder, home) = home();
        // What a crash in the middle leaves behind is never used.
        fs::create_dir(home.root().join("keys.new")).unwrap();
        let (made, origin) = Keys::open(&home).unwrap();
        assert_eq!(origin, Origin::Made);
        let (loaded, origin) = Keys::open(&home).unwrap();
        assert_eq!(origin, Origin::Loaded);
        assert_eq!(made.root().unwrap().public(), loaded.root().unwrap().public());
        assert_eq!(made.device().public(), loaded.device().public());
        assert_ne!(made.device().public(), made.root().unwrap().public());
        assert_eq!(all_files(&home).len(), 3);
        assert!(all_files(&home).iter().all(|(_, bytes)| bytes.len() == 65));
    }

    #[test]
    fn a_confirmed_backup_erases_the_recovery_key() {
        let (_folder, home) = home();
        let (keys, _) = Keys::open(&home).unwrap();
        let recovery = keys.recovery().unwrap().public();
        let words = keys.backup_words().unwrap();
        assert!(matches!(keys.confirm_backup("one two"), Err(ConfirmError::Words(_))));
        let other = super::words(&keys.root().unwrap());
        assert!(matches!(keys.confirm_backup(&other), Err(ConfirmError::OtherKey)));
        assert!(keys.backup_needed() && home.keys().join("recovery").exists());

        keys.confirm_backup(&format!("  {}\n", words.to_uppercase())).unwrap();
        assert!(!keys.backup_needed() && !home.keys().join("recovery").exists());
        assert!(matches!(keys.confirm_backup(&words), Err(ConfirmError::Erased)));
        let (loaded, _) = Keys::open(&home).unwrap();
        assert!(loaded.backup_words().is_none());
        assert_eq!(from_words(&words).unwrap().public(), recovery);
    }

    #[test]
    fn words_are_those_of_bip_39() {
        let key = SecretKey::from_seed(&[0x7f; 32]);
        let expected =
            format!("{}title", "legal winner thank year wave sausage worth useful ".repeat(3))
                .replace("useful title", "title");
        assert_eq!(*words(&key), expected);
        assert_eq!(from_words("legal").unwrap_err(), WordsError::Count(1));
        let typo = expected.replacen("winner", "winer", 1);
        let unknown = WordsError::Unknown { number: 2, word: "winer".to_owned() };
        assert_eq!(from_words(&typo).unwrap_err(), unknown);
        let swapped = expected.replacen("legal winner", "winner legal", 1);
        assert_eq!(from_words(&swapped).unwrap_err(), WordsError::Checksum);
    }

    #[cfg(unix)]
    #[test]
    fn open_permissions_are_refused_with_the_way_out() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, home) = home();
        Keys::open(&home).unwrap();
        let chmod = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let device = home.keys().join("device");
        chmod(&device, 0o640);
        let error = Keys::open(&home).unwrap_err();
        assert!(matches!(&error, KeysError::TooOpen { mode: 0o640, .. }));
        assert!(
            error.to_string().ends_with(&format!("`chmod 600 {}`", device.display())),
            "{error}"
        );
        chmod(&device, 0o600);
        chmod(&home.keys(), 0o755);
        let error = Keys::open(&home).unwrap_err();
        assert!(error.to_string().contains("`chmod 700"), "{error}");
        chmod(&home.keys(), 0o700);
        Keys::open(&home).unwrap();
    }

    #[test]
    fn a_lost_or_damaged_file_is_named_and_nothing_is_written() {
        let (_folder, home) = home();
        Keys::open(&home).unwrap();
        let root = home.keys().join("root");
        let good = fs::read(&root).unwrap();
        for bad in [&b""[..], b"00\n", &[b'x'; 65], &good[..63], &[&good[..], b"0"].concat()] {
            fs::write(&root, bad).unwrap();
            let before = all_files(&home);
            let error = Keys::open(&home).unwrap_err();
            assert!(matches!(&error, KeysError::Damaged { path, .. } if *path == root), "{error}");
            assert_eq!(all_files(&home), before);
        }
        fs::remove_file(&root).unwrap();
        let error = Keys::open(&home).unwrap_err();
        assert!(matches!(&error, KeysError::Missing { path } if *path == root), "{error}");
        assert!(!root.exists());
    }

    #[test]
    fn lost_keys_of_a_home_in_use_are_not_made_anew() {
        let (_folder, home) = home();
        fs::write(home.database(), b"data").unwrap();
        assert!(matches!(Keys::open(&home), Err(KeysError::Missing { .. })));
        assert!(!home.keys().exists());
    }
}
