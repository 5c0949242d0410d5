//! The home: the one folder that holds everything of a node, and the lock that gives it to one
//! daemon at a time.
//!
//! The lock is an advisory lock of the system on an open file (`flock`), so it ends with the
//! process, however that ends, and nobody ever has to delete a file. What the folders hold is
//! written down in `docs/storage.md`.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use dsp_protocol::api::ClientFile;

use crate::files::{self, FileError};

/// The environment variable that names the home.
pub const HOME_ENV: &str = "DSP_HOME";

/// How much room is put by for a start on a full disk, in bytes.
const RESERVE_BYTES: u64 = 64 * 1024;

/// Why there is no place for a home.
#[derive(Debug, thiserror::Error)]
#[error("no home folder is known: HOME is not set; name one with `--home` or DSP_HOME")]
pub struct NoHomeError;

/// The folder that holds everything of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// Returns where the home is: `flag`, else `$DSP_HOME`, else `.dsp` in the user's folder.
    ///
    /// # Errors
    /// None of the three is known.
    pub fn place(
        flag: Option<PathBuf>,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<PathBuf, NoHomeError> {
        let set = |name| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let users = || set("HOME").or_else(|| set("USERPROFILE")).map(|folder| folder.join(".dsp"));
        flag.or_else(|| set(HOME_ENV)).or_else(users).ok_or(NoHomeError)
    }

    /// Opens a home and makes what is missing of its folders, for this account alone.
    ///
    /// `keys/` is not made here: its absence tells a first start.
    ///
    /// # Errors
    /// A folder cannot be made or found; the error names it.
    pub fn open(path: &Path) -> Result<Home, FileError> {
        files::private_folder(path)?;
        let root = path.canonicalize().map_err(FileError::of("find", path))?;
        let home = Home { root };
        for folder in [home.blobs(), home.cache(), home.run(), home.logs()] {
            files::private_folder(&folder)?;
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let run = home.run();
            fs::set_permissions(&run, fs::Permissions::from_mode(0o700))
                .map_err(FileError::of("protect", &run))?;
        }
        Ok(home)
    }

    /// Tells whether `dsp` finds another one here unless this is named.
    pub fn needs_a_name(&self) -> bool {
        let usual = Home::place(None, |name| std::env::var(name).ok()).ok();
        usual.and_then(|usual| usual.canonicalize().ok()).is_none_or(|usual| usual != self.root)
    }

    /// Returns the folder itself, absolute and without symbolic links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the path of the settings.
    pub fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// Returns the folder of the key files.
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// Returns the path of the database.
    pub fn database(&self) -> PathBuf {
        self.root.join("meta.redb")
    }

    /// Returns the folder of the blob store.
    pub fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// Returns the folder of what can be derived again, and deleted at any time.
    pub fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// Returns the folder of what exists only while a daemon runs.
    pub fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// Returns the path of the socket on which the API answers.
    pub fn socket(&self) -> PathBuf {
        self.run().join("dsp.sock")
    }

    /// Returns the path of the file by which clients find the daemon.
    pub fn client_file(&self) -> PathBuf {
        self.run().join("client.json")
    }

    /// Returns the folder of the logs.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Takes the home for this process, without waiting.
    ///
    /// What an earlier daemon left in `run/client.json` is removed: its holder is gone.
    ///
    /// # Errors
    /// [`LockError::Held`] names the process that runs on the home.
    pub fn lock(&self) -> Result<Lock, LockError> {
        let path = self.run().join("lock");
        let options = || files::private_options().create(true).truncate(false).open(&path);
        let mut file = options().map_err(FileError::of("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let read = file.read_to_string(&mut text);
                let pid = read.ok().and_then(|_| text.trim().parse().ok());
                return Err(LockError::Held { home: self.root.clone(), pid: Holder(pid) });
            }
            Err(TryLockError::Error(error)) => Err(FileError::of("lock", &path)(error))?,
        }
        let mut write = || {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        self.give_up_reserve();
        if let Err(error) = write() {
            // It is the lock that counts; who holds it is only told.
            tracing::warn!(%error, "the process id is not noted");
        }
        remove_if_there(&self.client_file())?;
        Ok(Lock { file, path })
    }

    /// Tells clients on this account where the daemon answers, until the result is dropped.
    ///
    /// # Errors
    /// `run/client.json` cannot be written.
    pub fn publish(&self, _lock: &Lock, client: &ClientFile) -> Result<Published, FileError> {
        let path = self.client_file();
        let mut json =
            serde_json::to_vec_pretty(client).expect("text and numbers have a JSON form");
        json.push(b'\n');
        files::replace(&path, &json)?;
        self.make_reserve();
        Ok(Published { home: self.clone() })
    }

    /// Frees the room that was put by, where a start would find none: without the few files that
    /// it writes nothing could be read.
    fn give_up_reserve(&self) {
        if self.free_bytes().is_ok_and(|free| free < RESERVE_BYTES) {
            // A start that fails for want of room says so.
            let _ = remove_if_there(&self.reserve());
        }
    }

    /// Puts room for a later start by, unless that was done or there is little.
    fn make_reserve(&self) {
        let path = self.reserve();
        let spare = self.free_bytes().is_ok_and(|free| free >= 2 * RESERVE_BYTES);
        if spare && !path.exists() {
            let made = files::replace(&path, &vec![0; RESERVE_BYTES as usize]);
            if let Err(error) = made {
                tracing::warn!(%error, "no room is put by for a start on a full disk");
            }
        }
    }

    /// Returns the path of the file that takes room for a start on a full disk.
    fn reserve(&self) -> PathBuf {
        self.run().join("reserve")
    }

    /// Returns the bytes that this account may still write on the disk of the home.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn free_bytes(&self) -> Result<u64, FileError> {
        files::free_bytes(&self.root).map_err(FileError::of("measure", &self.root))
    }
}

/// Why a home could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another daemon runs on it.
    #[error("another daemon runs on {}{pid}", home.display())]
    Held {
        /// The home.
        home: PathBuf,
        /// Who holds it.
        pid: Holder,
    },
    /// The lock file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The id of the process that holds a home, where it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder(pub Option<u32>);

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(pid) => write!(f, " (pid {pid})"),
            None => Ok(()),
        }
    }
}

/// A home taken; given back when dropped, or when the process ends in whatever way.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Tells whether the home is still where it was: it may have been deleted, moved, or put back
    /// from elsewhere while this process held it. Where the system does not tell files apart, and
    /// where it does not answer, it counts as there.
    pub fn is_in_place(&self) -> bool {
        let (Ok(held), found) = (self.file.metadata(), fs::metadata(&self.path)) else {
            return true;
        };
        match found {
            Ok(found) => is_same(&held, &found),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }
}

#[cfg(unix)]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}

/// The daemon's address as clients find it; taken away when dropped.
#[derive(Debug)]
pub struct Published {
    home: Home,
}

impl Drop for Published {
    fn drop(&mut self) {
        if let Err(error) = remove_if_there(&self.home.client_file()) {
            tracing::warn!(%error, "client file left behind");
        }
        self.home.make_reserve();
    }
}

fn remove_if_there(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FileError::of("remove", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};

    use super::*;

    fn client() -> ClientFile {
        ClientFile {
            address: "http://127.0.0.1:7700".to_owned(),
            socket: None,
            token: "secret".to_owned(),
            pid: 1,
            version: "0.1.0".to_owned(),
        }
    }

    #[test]
    fn the_flag_beats_the_environment_beats_the_default() {
        let env = |vars: &'static [(&str, &str)]| {
            move |name: &str| {
                vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            }
        };
        let both = env(&[("DSP_HOME", "/data"), ("HOME", "/home/ann")]);
        assert_eq!(Home::place(Some("/x".into()), both).unwrap(), Path::new("/x"));
        assert_eq!(Home::place(None, both).unwrap(), Path::new("/data"));
        let empty = env(&[("DSP_HOME", ""), ("HOME", "/home/ann")]);
        assert_eq!(Home::place(None, empty).unwrap(), Path::new("/home/ann/.dsp"));
        assert!(Home::place(None, env(&[])).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_new_home_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(&folder.path().join("a/.dsp")).unwrap();
        let lock = home.lock().unwrap();
        let published = home.publish(&lock, &client()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(home.root()), 0o700);
        assert_eq!(mode(&home.run()), 0o700);
        assert_eq!(mode(&home.client_file()), 0o600);
        fs::set_permissions(home.run(), fs::Permissions::from_mode(0o755)).unwrap();
        Home::open(home.root()).unwrap();
        assert_eq!(mode(&home.run()), 0o700);
        drop(published);
        assert!(!home.client_file().exists());
        assert!(home.free_bytes().unwrap() > 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_home_that_went_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home");
        let lock = Home::open(&path).unwrap().lock().unwrap();
        assert!(lock.is_in_place());
        fs::rename(&path, folder.path().join("moved")).unwrap();
        assert!(!lock.is_in_place());
        let other = Home::open(&path).unwrap().lock().unwrap();
        assert!(!lock.is_in_place() && other.is_in_place());
    }

    #[test]
    fn room_is_put_by_for_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(folder.path()).unwrap();
        let lock = home.lock().unwrap();
        let published = home.publish(&lock, &client()).unwrap();
        let reserved = || fs::metadata(home.reserve()).map(|file| file.len()).ok();
        assert_eq!(reserved(), Some(RESERVE_BYTES));
        // What a start on a full disk used up is put by again.
        fs::remove_file(home.reserve()).unwrap();
        drop(published);
        assert_eq!(reserved(), Some(RESERVE_BYTES));
    }

    #[test]
    fn an_impossible_home_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, b"").unwrap();
        let error = Home::open(&file.join("home")).unwrap_err();
        assert!(error.to_string().contains(file.join("home").to_str().unwrap()), "{error}");
    }

    /// Holds the lock of a home in a process of its own, for the test below.
    #[test]
    fn holder() {
        let Ok(path) = std::env::var("DSP_TEST_HOLD") else { return };
        let home = Home::open(Path::new(&path)).unwrap();
        let lock = home.lock().unwrap();
        std::mem::forget(home.publish(&lock, &client()).unwrap());
        println!("\nheld");
        // Ends when killed, or when the parent is gone.
        let _ = io::stdin().read(&mut [0]);
    }

    #[test]
    fn a_second_daemon_is_refused_until_the_first_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(folder.path()).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "home::tests::holder", "--nocapture"])
            .env("DSP_TEST_HOLD", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line == "held"));

        let error = home.lock().unwrap_err();
        let LockError::Held { pid, .. } = &error else { panic!("{error}") };
        assert_eq!(pid.0, Some(child.id()));
        assert!(error.to_string().ends_with(&format!("(pid {})", child.id())), "{error}");
        assert!(home.client_file().exists());

        child.kill().unwrap();
        child.wait().unwrap();
        let _lock = home.lock().unwrap();
        assert!(!home.client_file().exists(), "what the killed daemon left is gone");
        assert!(matches!(home.lock(), Err(LockError::Held { .. })));
    }
}
