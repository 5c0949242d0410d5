//! dstack's profile file, which its clients for Python and R read: where it is, and how it is
//! replaced whole.

mod scalar;
mod yaml;

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

pub(crate) use self::yaml::{Document, Fault, Profile};

/// The variable that names the file, as dstack's clients read it.
const VARIABLE: &str = "DSTACK_CONFIG";
/// Where it is below a home directory, and below the folder of a project.
const PLACE: &str = ".dstack/config.yaml";

/// A profile file.
#[derive(Debug)]
pub(crate) struct ProfileFile {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What it says; nothing where there is none yet.
    pub(crate) document: Document,
}

impl ProfileFile {
    /// Reads the file that was asked for, else that of `DSTACK_CONFIG`, else
    /// `~/.dstack/config.yaml`.
    ///
    /// # Errors
    /// It cannot be read, or says what is not understood: its line is named.
    pub(crate) fn load(asked: Option<&Path>) -> Result<ProfileFile> {
        let path = place(asked)?;
        let text = read(&path)?;
        let document = Document::parse(&text).map_err(|fault| not_understood(&path, &fault))?;
        Ok(ProfileFile { path, document })
    }

    /// Puts a profile into the file, or takes one out, in one step and for this account alone. What
    /// others wrote since the file was read stays.
    ///
    /// # Errors
    /// It cannot be written, or that very profile is another one by now; the file stays then.
    pub(crate) fn change(&self, name: &str, profile: Option<&Profile>) -> Result<()> {
        self.rewrite(|now| {
            if now.document.get(name) != self.document.get(name) {
                let path = self.path.display();
                return Err(Error::conflict(format!(
                    "the profile `{name}` in {path} was changed by somebody else meanwhile"
                ))
                .hint("`dsp profile list` shows it; the same again should do"));
            }
            now.changed(name, profile)
        })
    }

    /// Writes the file as it is, so that nobody but this account reads it.
    ///
    /// # Errors
    /// It cannot be written; the old one stays then.
    pub(crate) fn close(&self) -> Result<()> {
        self.rewrite(|now| Ok(now.document))
    }

    /// Replaces the file by what becomes of what it says now; whoever else changes it waits.
    fn rewrite(&self, change: impl FnOnce(ProfileFile) -> Result<Document>) -> Result<()> {
        // Where it is a link, into a folder of settings, the link stays.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let failed = |error: io::Error| Error::path("cannot write", &path, &error);
        let folder = path.parent().unwrap_or(Path::new("/"));
        if !folder.is_dir() {
            crate::home::make_private(folder).map_err(failed)?;
        }
        let _lock = lock(folder).map_err(failed)?;
        let document = change(ProfileFile::load(Some(&self.path))?)?;
        replace(folder, &path, document.text().as_bytes()).map_err(failed)
    }

    /// Returns what the file would be without a profile, or with one.
    ///
    /// # Errors
    /// It cannot be written so that it is read back.
    pub(crate) fn changed(&self, name: &str, profile: Option<&Profile>) -> Result<Document> {
        let changed = match profile {
            Some(profile) => self.document.set(name, profile),
            None => self.document.without(name),
        };
        changed.map_err(|fault| not_understood(&self.path, &fault))
    }
}

/// Returns the file of the folder one is in, which some clients read before that of the home
/// directory, where it is another one than `path`.
pub(crate) fn nearer(path: &Path) -> Option<PathBuf> {
    let here = std::path::absolute(PLACE).ok().filter(|here| here.is_file())?;
    let same = fs::canonicalize(&here).ok() == fs::canonicalize(path).ok();
    (!same).then_some(here)
}

fn place(asked: Option<&Path>) -> Result<PathBuf> {
    let named = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
    let path = match asked.map(Path::to_owned).or(named) {
        Some(path) => path,
        None => {
            let home = std::env::home_dir().filter(|dir| !dir.as_os_str().is_empty());
            let home = home.ok_or_else(|| {
                Error::failed("this account has no home directory").hint("name a file by --file")
            })?;
            home.join(PLACE)
        }
    };
    std::path::absolute(&path).map_err(|e| Error::path("cannot use", &path, &e))
}

fn read(path: &Path) -> Result<String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(Error::path("cannot read", path, &error)),
    };
    let mut text = Vec::new();
    let read = file.take(yaml::BYTES as u64 + 1).read_to_end(&mut text);
    read.map_err(|e| Error::path("cannot read", path, &e))?;
    if text.len() > yaml::BYTES {
        let detail = format!("{} has more than {} bytes", path.display(), yaml::BYTES);
        return Err(Error::refused(detail).hint("is it a profile file? name another by --file"));
    }
    String::from_utf8(text).map_err(|_| {
        Error::refused(format!("{} is no text in UTF-8", path.display()))
            .hint("is it a profile file? name another by --file")
    })
}

fn not_understood(path: &Path, fault: &Fault) -> Error {
    let detail = format!("{}, line {}: {}", path.display(), fault.line, fault.reason);
    Error::refused(detail)
        .hint("the file is as it was; change that line by hand, or name another file by --file")
}

/// Waits until nobody else changes a file of a folder, and keeps others waiting until it is dropped.
/// The folder is locked and not the file, which is another one once it was replaced.
#[cfg(unix)]
fn lock(folder: &Path) -> io::Result<File> {
    let folder = File::open(folder)?;
    folder.lock()?;
    Ok(folder)
}

#[cfg(not(unix))]
fn lock(folder: &Path) -> io::Result<File> {
    let lock = File::options().create(true).append(true).open(folder.join(".dsp-lock"))?;
    lock.lock()?;
    Ok(lock)
}

fn replace(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let staged = folder.join(format!(".{name}.{}", std::process::id()));
    // Of a process of that number that was killed.
    let _ = fs::remove_file(&staged);
    let written = stage(&staged, bytes).and_then(|()| fs::rename(&staged, path));
    if written.is_err() {
        let _ = fs::remove_file(&staged);
    }
    written?;
    sync_folder(folder)
}

fn stage(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(token: &str) -> Profile {
        Profile { token: Some(token.to_owned()), ..Profile::default() }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_replaced_whole_for_this_account_alone() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let dir = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let file = ProfileFile::load(Some(&dir.path().join("a/.dstack/config.yaml"))).unwrap();
        file.change("default", Some(&one("x"))).unwrap();
        assert_eq!((mode(&file.path), mode(file.path.parent().unwrap())), (0o600, 0o700));
        // One that others could read, behind a link.
        let (real, link) = (dir.path().join("real.yaml"), dir.path().join("link.yaml"));
        fs::write(&real, "# kept\nprofiles: {}\n").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o644)).unwrap();
        symlink(&real, &link).unwrap();
        let file = ProfileFile::load(Some(&link)).unwrap();
        file.change("default", Some(&one("x"))).unwrap();
        assert_eq!(mode(&real), 0o600);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let text = fs::read_to_string(&link).unwrap();
        assert_eq!(text, "# kept\nprofiles:\n  default:\n    token: x\n");
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(left.len(), 3, "nothing lies about: {left:?}");
    }

    #[test]
    fn what_somebody_else_wrote_meanwhile_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.yaml");
        let load = || ProfileFile::load(Some(&path)).unwrap();
        let (first, second, third) = (load(), load(), load());
        first.change("one", Some(&one("x"))).unwrap();
        second.change("two", Some(&one("y"))).unwrap();
        let now = load();
        assert_eq!(now.document.get("one"), Some(&one("x")));
        assert_eq!(now.document.get("two"), Some(&one("y")));
        // The same profile: who comes later did not see what it would replace.
        let error = third.change("one", Some(&one("z"))).unwrap_err();
        assert!(error.detail().contains("meanwhile"), "{error:?}");
        now.change("one", None).unwrap();
        let error = now.change("one", Some(&one("z"))).unwrap_err();
        assert!(error.detail().contains("meanwhile"), "{error:?}");
        first.close().unwrap();
        assert_eq!(load().document.profiles().count(), 1, "as it is, not as it was");
    }

    #[test]
    fn what_is_no_profile_file_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.yaml");
        let large = format!("# {}\n", "x".repeat(yaml::BYTES));
        for bytes in [&b"\xff\xfe"[..], b"just text\n", large.as_bytes()] {
            fs::write(&path, bytes).unwrap();
            let error = ProfileFile::load(Some(&path)).unwrap_err();
            assert!(error.hinted().is_some_and(|hint| hint.contains("--file")), "{error:?}");
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
        assert!(ProfileFile::load(Some(dir.path())).is_err(), "a folder");
    }
}
