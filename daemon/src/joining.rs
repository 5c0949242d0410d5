//! A machine on its way from the identity it began with to that of another user: what she gave it,
//! in one private file until the database and the keys went over.
//!
//! The file is durable before the other side is told, and the last thing to go. Each step of the
//! change can be taken again, so a start that finds the file takes them all.

use std::fs;
use std::io;
use std::path::PathBuf;

use dsp_protocol::cbor::{self, Fields, Map, Value};
use dsp_protocol::id::{DeviceId, UserId};
use dsp_protocol::identity::{Added, IdentityLog, Standing};
use dsp_protocol::limits;
use dsp_protocol::pair::PairMessage;
use dsp_protocol::statement::{Statement, Verified};
use dsp_protocol::sync::ContextRecord;
use dsp_protocol::wire::HandedContext;

use crate::files::{self, FileError};
use crate::home::Home;
use crate::store::TakeOver;

/// Most bytes of the file: a log and a thousand contexts of the largest kind.
const FILE_BYTES: usize = 32 << 20;
/// Most bytes of entries in one page.
const PAGE_BYTES: usize = 256 * 1024;
/// Most pages that are taken of one side.
const PAGES: usize = 64;

/// What a user gave a machine that becomes a device of hers.
#[derive(Clone, Debug)]
pub struct Joining {
    /// Her identity log.
    pub log: IdentityLog,
    /// Her contexts, the one that unqualified names mean first.
    pub contexts: Vec<HandedContext>,
    /// Whether the root is here from now on: after a recovery, never after a pairing.
    pub holds_root: bool,
}

/// Why what a user gave does not make this machine a device of hers.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// An entry of the log, or all of it, does not hold.
    #[error("the identity log does not hold: {0}")]
    Log(String),
    /// The log is another user's.
    #[error("the identity log is of user {actual}, the ticket names {expected}")]
    OtherUser {
        /// Whom the ticket names.
        expected: UserId,
        /// Whose log came.
        actual: UserId,
    },
    /// The log does not grant this device.
    #[error("the identity log does not grant device {0}")]
    NotGranted(DeviceId),
    /// More came than anybody has.
    #[error("more came than is taken: {0}")]
    TooMuch(&'static str),
    /// The file cannot be written, read or removed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file does not hold what it should.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// What comes in pages, put together.
#[derive(Debug, Default)]
pub struct Gathered {
    entries: Vec<Vec<u8>>,
    contexts: Vec<HandedContext>,
    pages: usize,
}

impl Gathered {
    /// Takes a page; tells whether it was the last one of all.
    ///
    /// # Errors
    /// [`JoinError::TooMuch`].
    pub fn take(&mut self, page: PairMessage) -> Result<bool, JoinError> {
        self.pages += 1;
        if self.pages > PAGES {
            return Err(JoinError::TooMuch("pages"));
        }
        match page {
            PairMessage::Log { entries, .. } => {
                self.entries.extend(entries);
                Ok(false)
            }
            PairMessage::Contexts { contexts, more } => {
                self.contexts.extend(contexts);
                match self.contexts.len() > limits::HELLO_TAGS_MAX {
                    true => Err(JoinError::TooMuch("contexts")),
                    false => Ok(!more),
                }
            }
            _ => Err(JoinError::Log("something else came in its place".to_owned())),
        }
    }

    /// Checks that all of it makes `device` one of `user`'s.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn check(
        self,
        user: UserId,
        device: DeviceId,
        holds_root: bool,
    ) -> Result<Joining, JoinError> {
        let log = read_log(&self.entries)?;
        if log.user() != user {
            return Err(JoinError::OtherUser { expected: user, actual: log.user() });
        }
        if !matches!(log.standing(device), Standing::Granted(_)) {
            return Err(JoinError::NotGranted(device));
        }
        Ok(Joining { log, contexts: self.contexts, holds_root })
    }
}

impl Joining {
    /// Returns the pages in which it is sent.
    pub fn pages(&self) -> Vec<PairMessage> {
        let mut pages = Vec::new();
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for entry in self.log.entries().map(Verified::encode) {
            if bytes + entry.len() > PAGE_BYTES || entries.len() == limits::IDENTITY_ENTRIES {
                let entries = std::mem::take(&mut entries);
                pages.push(PairMessage::Log { entries, more: true });
                bytes = 0;
            }
            bytes += entry.len();
            entries.push(entry);
        }
        pages.push(PairMessage::Log { entries, more: false });
        let mut chunks = self.contexts.chunks(limits::HANDED_CONTEXTS).peekable();
        if chunks.peek().is_none() {
            pages.push(PairMessage::Contexts { contexts: Vec::new(), more: false });
        }
        while let Some(contexts) = chunks.next() {
            let more = chunks.peek().is_some();
            pages.push(PairMessage::Contexts { contexts: contexts.to_vec(), more });
        }
        pages
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// [`JoinError::File`].
    pub fn write(&self, home: &Home) -> Result<(), JoinError> {
        let pages: Vec<Value> = self.pages().iter().map(|page| page.encode().into()).collect();
        let map = Map::new()
            .with("v", 1u64)
            .with("user", self.log.user())
            .with("root", self.holds_root)
            .with("pages", pages);
        Ok(files::replace(&path(home), &cbor::encode(&Value::Map(map)))?)
    }

    /// Reads what a machine on its way was given; nothing where it is on no way.
    ///
    /// # Errors
    /// The file cannot be read, or does not make `device` one of the user it names.
    pub fn read(home: &Home, device: DeviceId) -> Result<Option<Joining>, JoinError> {
        let path = path(home);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(FileError::of("read", &path)(error).into()),
        };
        let damaged = |reason: String| JoinError::Damaged { path: path.clone(), reason };
        let map = cbor::decode_map(&bytes, FILE_BYTES).map_err(|e| damaged(e.to_string()))?;
        let mut f = Fields::new(map);
        let user = f.required("user", UserId::from_value).map_err(|e| damaged(e.to_string()))?;
        let root = f.required("root", Value::into_bool).map_err(|e| damaged(e.to_string()))?;
        let pages = f.required("pages", |v| v.into_list_of(PAGES, Value::into_bytes));
        let mut gathered = Gathered::default();
        for page in pages.map_err(|e| damaged(e.to_string()))? {
            let page = PairMessage::decode(&page).map_err(|e| damaged(e.to_string()))?;
            gathered.take(page)?;
        }
        gathered.check(user, device, root).map(Some)
    }

    /// Tells whether a machine is on its way: whether something was written and not removed.
    pub fn is_written(home: &Home) -> bool {
        path(home).exists()
    }

    /// Forgets that this machine is on its way.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn remove(home: &Home) -> Result<(), JoinError> {
        let path = path(home);
        fs::remove_file(&path).map_err(FileError::of("remove", &path))?;
        Ok(files::sync_folder_of(&path)?)
    }

    /// Returns what becomes of the database. A context whose redemption is not the user's is left
    /// out.
    pub fn take_over(&self) -> TakeOver {
        let user = self.log.user();
        let contexts = self.contexts.iter().cloned();
        TakeOver {
            user,
            entries: self.log.entries().map(Verified::encode).collect(),
            contexts: contexts.filter_map(|c| ContextRecord::handed(c, user)).collect(),
            tip: *self.log.tip().as_bytes(),
        }
    }
}

fn path(home: &Home) -> PathBuf {
    home.keys().join("joining")
}

fn read_log(entries: &[Vec<u8>]) -> Result<IdentityLog, JoinError> {
    let bad = |error: &dyn std::fmt::Display| JoinError::Log(error.to_string());
    let mut verified = Vec::new();
    for entry in entries {
        let entry = Statement::decode(entry).and_then(Statement::verify);
        verified.push(entry.map_err(|error| bad(&error))?);
    }
    let mut entries = verified.into_iter();
    let first = entries.next().ok_or_else(|| JoinError::Log("it is empty".to_owned()))?;
    let mut log = IdentityLog::begin(first).map_err(|error| bad(&error))?;
    for added in log.add_stored(entries) {
        match added.map_err(|error| bad(&error))? {
            Added::New | Added::Known => {}
            Added::Waits => return Err(JoinError::Log("an entry is missing".to_owned())),
        }
    }
    Ok(log)
}

#[cfg(test)]
mod tests {
    use dsp_protocol::key::SecretKey;
    use dsp_protocol::statement::Grant;

    use super::*;

    fn log(devices: &[DeviceId]) -> IdentityLog {
        let [root, recovery] = [1, 2].map(|byte| SecretKey::from_seed(&[byte; 32]));
        let (mut log, _) = IdentityLog::create("alice", &root, &recovery.public()).unwrap();
        for device in devices {
            let grant = Grant { device: *device, name: "one".into(), scope: None, until: None };
            let grant = log.grant(&root, grant).unwrap();
            log.add(grant).unwrap();
        }
        log
    }

    fn device(byte: u8) -> DeviceId {
        SecretKey::from_seed(&[byte; 32]).device()
    }

    fn gathered(joining: &Joining) -> Gathered {
        let mut gathered = Gathered::default();
        let pages = joining.pages();
        let last = pages.len() - 1;
        for (at, page) in pages.into_iter().enumerate() {
            assert_eq!(gathered.take(page).unwrap(), at == last);
        }
        gathered
    }

    #[test]
    fn what_is_written_is_read_back_and_goes() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(folder.path()).unwrap();
        files::private_folder(&home.keys()).unwrap();
        assert!(Joining::read(&home, device(9)).unwrap().is_none());
        let log = log(&[device(8), device(9)]);
        let joining = Joining { log, contexts: Vec::new(), holds_root: false };
        joining.write(&home).unwrap();
        let read = Joining::read(&home, device(9)).unwrap().unwrap();
        assert_eq!(read.log.digest(), joining.log.digest());
        assert_eq!(read.take_over().entries.len(), 3);
        Joining::remove(&home).unwrap();
        assert!(Joining::read(&home, device(9)).unwrap().is_none());
    }

    #[test]
    fn a_log_that_grants_another_device_or_is_of_another_user_is_refused() {
        let log = log(&[device(8)]);
        let user = log.user();
        let joining = Joining { log, contexts: Vec::new(), holds_root: false };
        let refused = gathered(&joining).check(user, device(9), false);
        assert!(matches!(refused, Err(JoinError::NotGranted(_))));
        let other = UserId::from_bytes([3; 32]);
        let refused = gathered(&joining).check(other, device(8), false);
        assert!(matches!(refused, Err(JoinError::OtherUser { .. })));
        assert!(gathered(&joining).check(user, device(8), false).is_ok());
        assert!(matches!(
            Gathered::default().check(user, device(8), false),
            Err(JoinError::Log(_))
        ));
    }

    #[test]
    fn pages_without_end_are_not_taken() {
        let mut gathered = Gathered::default();
        let page = || PairMessage::Log { entries: Vec::new(), more: true };
        for _ in 0..PAGES {
            gathered.take(page()).unwrap();
        }
        assert!(matches!(gathered.take(page()), Err(JoinError::TooMuch("pages"))));
    }
}
