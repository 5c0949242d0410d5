//! From what the caller named to the files of the frame: folders are walked, nothing is read.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use dsp_protocol::api::{NewFile, Problem, ProblemCode};
use dsp_protocol::id::BlobHash;
use dsp_protocol::limits::TREE_FILES;
use dsp_protocol::name::{AttachmentPath, Folded};
use dsp_protocol::object::Mode;

use super::super::media;
use super::super::problem::bad_request;
use crate::blobs::FileId;

/// How many skipped links a note names.
const NAMED: usize = 5;

/// A file that will be in the frame.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) path: AttachmentPath,
    pub(super) source: Source,
    pub(super) media: String,
    /// Whether the caller said what the media type is.
    pub(super) media_given: bool,
    pub(super) text: Option<String>,
    pub(super) mode: Mode,
}

/// Where the bytes of a file are.
#[derive(Debug)]
pub(super) enum Source {
    /// In a file of this machine.
    File {
        /// Where it is, without links.
        path: PathBuf,
        /// Which file that is.
        id: FileId,
        /// Its size in bytes, as far as it is known before reading.
        bytes: u64,
    },
    /// In a blob that is here.
    Blob(BlobHash),
}

/// The files of a frame by path, and what the user should know about them.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) files: Vec<Planned>,
    pub(super) notes: Vec<String>,
    links: Vec<PathBuf>,
    /// The home of the daemon, without links: it holds the keys.
    home: PathBuf,
}

/// Finds the files of a frame.
///
/// # Errors
/// A path is malformed, not absolute, cannot be read, stands twice, is no regular file, or lies
/// in `home` or around it.
pub(super) async fn walk(files: Vec<NewFile>, home: PathBuf) -> Result<Plan, Problem> {
    let walked = tokio::task::spawn_blocking(move || walk_all(files, &home)).await;
    walked.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

fn walk_all(files: Vec<NewFile>, home: &Path) -> Result<Plan, Problem> {
    let home = home.canonicalize().map_err(|error| unreadable(home, &error))?;
    let mut plan = Plan { files: Vec::new(), notes: Vec::new(), links: Vec::new(), home };
    for file in files {
        let path = AttachmentPath::normalized(&file.path).map_err(bad_request)?;
        match (&file.source, file.hash) {
            (Some(source), None) => {
                let source = PathBuf::from(source);
                if !source.is_absolute() {
                    let source = source.display();
                    return Err(bad_request(format!("the path `{source}` is not absolute")));
                }
                // What the caller names may be a link: it is what she means. Below it links are
                // left out, so that a path tells where it is.
                let source = source.canonicalize().map_err(|e| unreadable(&source, &e))?;
                let metadata = std::fs::metadata(&source).map_err(|e| unreadable(&source, &e))?;
                plan.take(&source, &metadata, path, &file)?;
            }
            (None, Some(hash)) => plan.add(path, Source::Blob(hash), Mode::Plain, &file),
            (None, None) | (Some(_), Some(_)) => {
                return Err(bad_request(format!("`{path}` needs either a source or a hash")));
            }
        }
    }
    plan.files.sort_by(|a, b| a.path.cmp(&b.path));
    plan.check()?;
    if !plan.links.is_empty() {
        let named: Vec<String> =
            plan.links.iter().take(NAMED).map(|link| link.display().to_string()).collect();
        let more = if plan.links.len() > NAMED { ", …" } else { "" };
        plan.notes.push(format!(
            "{} symbolic links were left out, as they may lead anywhere: {}{more}",
            plan.links.len(),
            named.join(", ")
        ));
    }
    Ok(plan)
}

impl Plan {
    /// Takes a file, or all that is in a folder.
    fn take(
        &mut self,
        source: &Path,
        metadata: &Metadata,
        path: AttachmentPath,
        file: &NewFile,
    ) -> Result<(), Problem> {
        if source.starts_with(&self.home) {
            let detail =
                format!("{} is in the home of dsp, which holds your keys", source.display());
            return Err(Problem::new(ProblemCode::Refused, detail)
                .with_hint("copy what you want to push to a folder outside"));
        }
        if metadata.is_file() {
            let from = Source::File {
                path: source.to_owned(),
                id: FileId::of(metadata),
                bytes: metadata.len(),
            };
            self.add(path, from, mode(metadata), file);
            return Ok(());
        }
        if !metadata.is_dir() {
            let source = source.display();
            return Err(bad_request(format!("{source} is neither a file nor a folder"))
                .with_hint("pipes, sockets and devices have no bytes to keep"));
        }
        if file.media.is_some() || file.text.is_some() {
            return Err(bad_request(format!("`{path}` is a folder: it has no media type or text")));
        }
        let mut entries: Vec<_> = std::fs::read_dir(source)
            .and_then(Iterator::collect)
            .map_err(|error| unreadable(source, &error))?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        if entries.is_empty() {
            let source = source.display();
            self.notes.push(format!("{source} is empty, and a frame holds files only"));
        }
        for entry in entries {
            let source = entry.path();
            let name = entry.file_name();
            let name = name.to_str().ok_or_else(|| {
                bad_request(format!("the name of {} is not valid UTF-8", source.display()))
            })?;
            let below = AttachmentPath::normalized(&format!("{path}/{name}"));
            let below = below.map_err(bad_request)?;
            let metadata = entry.metadata().map_err(|error| unreadable(&source, &error))?;
            match metadata.is_symlink() {
                true => self.links.push(source),
                false => self.take(&source, &metadata, below, file)?,
            }
            if self.files.len() as u64 > TREE_FILES {
                return Err(bad_request(format!("a frame has at most {TREE_FILES} files")));
            }
        }
        Ok(())
    }

    fn add(&mut self, path: AttachmentPath, source: Source, mode: Mode, file: &NewFile) {
        let media = file.media.clone().unwrap_or_else(|| media::guess(&path).to_owned());
        self.files.push(Planned {
            path,
            source,
            media,
            media_given: file.media.is_some(),
            text: file.text.clone(),
            mode,
        });
    }

    /// Refuses paths that stand twice, or are one file on some systems.
    fn check(&self) -> Result<(), Problem> {
        let mut names = Folded::new();
        for file in &self.files {
            let path = file.path.as_str();
            if !names.insert(path).map_err(bad_request)? {
                return Err(bad_request(format!("`{path}` stands twice in the frame")));
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> Mode {
    use std::os::unix::fs::PermissionsExt;
    match metadata.permissions().mode() & 0o100 {
        0 => Mode::Plain,
        _ => Mode::Executable,
    }
}

#[cfg(not(unix))]
fn mode(_: &Metadata) -> Mode {
    Mode::Plain
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    bad_request(format!("cannot read {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk_all(files: Vec<NewFile>) -> Result<Plan, Problem> {
        let home = tempfile::tempdir().unwrap();
        super::walk_all(files, home.path())
    }

    fn new(path: &str, source: &Path) -> NewFile {
        NewFile {
            path: path.to_owned(),
            source: Some(source.to_str().unwrap().to_owned()),
            hash: None,
            media: None,
            text: None,
        }
    }

    #[cfg(unix)]
    #[test]
    fn folders_are_walked_and_links_in_them_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("data/deep")).unwrap();
        std::fs::write(root.join("data/b.csv"), b"b").unwrap();
        std::fs::write(root.join("data/deep/a.parquet"), b"a").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.join("data/secret")).unwrap();
        std::os::unix::fs::symlink("/", root.join("data/deep/root")).unwrap();
        let plan = walk_all(vec![new("data", &root.join("data"))]).unwrap();
        let paths: Vec<_> = plan.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["data/b.csv", "data/deep/a.parquet"]);
        assert_eq!(plan.files[1].media, "application/vnd.apache.parquet");
        assert_eq!(plan.notes.len(), 1);
        assert!(plan.notes[0].starts_with("2 symbolic links"), "{}", plan.notes[0]);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(walk_all(vec![new("x", &socket)]).is_err());
        assert!(walk_all(vec![new("x", dir.path())]).is_err(), "also inside a folder");
        assert!(walk_all(vec![new("x", Path::new("relative"))]).is_err());
        assert!(walk_all(vec![new("../x", &socket)]).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_in_the_home_is_never_pushed() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join(".dsp");
        std::fs::create_dir_all(home.join("keys")).unwrap();
        std::fs::write(home.join("keys/root"), b"secret").unwrap();
        std::fs::write(dir.path().join(".dsp-notes"), b"beside").unwrap();
        std::os::unix::fs::symlink(home.join("keys"), dir.path().join("link")).unwrap();
        let push = |source: PathBuf| super::walk_all(vec![new("x", &source)], &home);
        for source in ["", ".dsp", ".dsp/keys", ".dsp/keys/root", "link/root", ".dsp/../.dsp"] {
            let problem = push(dir.path().join(source)).unwrap_err();
            assert_eq!(problem.code, ProblemCode::Refused, "`{source}`: {}", problem.detail);
        }
        assert!(push(dir.path().join(".dsp-notes")).is_ok());
    }

    #[test]
    fn one_path_is_one_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        std::fs::write(&file, b"a").unwrap();
        assert!(walk_all(vec![new("a", &file), new("a", &file)]).is_err());
        assert!(walk_all(vec![new("a", &file), new("A", &file)]).is_err());
        assert!(walk_all(vec![new("a", &file), new("b", &file)]).is_ok());
    }
}
