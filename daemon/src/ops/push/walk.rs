//! From what the caller named to the files of the frame: folders are walked, nothing is read.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use dsp_protocol::api::{NewFile, Problem, ProblemCode};
use dsp_protocol::id::BlobHash;
use dsp_protocol::limits::TREE_FILES;
use dsp_protocol::name::{AttachmentPath, Folded};
use dsp_protocol::object::{Mode, Params};

use super::super::media;
use super::super::problem::bad_request;
use super::build::read_params;
use super::exclude::{Exclude, FILE, Kind};
use crate::blobs::FileId;

/// How many files a note names.
const NAMED: usize = 5;
/// How many files an error names.
const WRONG: usize = 20;
/// The path of a folder whose files stand at the top of the frame.
const CONTENTS: &str = ".";

/// A file that will be in the frame.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) path: AttachmentPath,
    pub(super) source: Source,
    pub(super) media: String,
    /// Whether the caller said what the media type is.
    pub(super) media_given: bool,
    pub(super) text: Option<String>,
    pub(super) app: Option<String>,
    pub(super) params: Params,
    pub(super) mode: Mode,
}

impl Planned {
    /// Tells whether the caller said more of it than its path: a tree has no room for that.
    pub(super) fn described(&self) -> bool {
        self.media_given || self.text.is_some() || self.app.is_some() || !self.params.is_empty()
    }
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
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) files: Vec<Planned>,
    pub(super) notes: Vec<String>,
    /// Links in folders, which are left out.
    links: Vec<PathBuf>,
    /// Pipes, sockets and devices in folders, which are left out.
    odd: Vec<PathBuf>,
    /// What patterns leave out.
    excluded: Vec<PathBuf>,
    /// Hidden files of folders, which are in.
    hidden: Vec<String>,
    /// Why entries of folders cannot be in a frame, the first of them.
    wrong: Vec<String>,
    /// How many those are.
    wrong_total: usize,
    /// How many of them stand twice in the frame.
    twice: usize,
    /// The home of the daemon, without links: it holds the keys.
    home: PathBuf,
    /// What is left out of every folder.
    exclude: Exclude,
}

/// The folder that is being walked.
#[derive(Clone, Copy, Debug)]
struct Root<'a> {
    /// Where it is.
    source: &'a Path,
    /// What is left out of it.
    exclude: &'a Exclude,
}

/// Finds the files of a frame.
///
/// # Errors
/// A path is malformed, not absolute, cannot be read, stands twice, is no regular file, or lies
/// in `home` or around it.
pub(super) async fn walk(
    files: Vec<NewFile>,
    exclude: Vec<String>,
    home: PathBuf,
) -> Result<Plan, Problem> {
    let walked = tokio::task::spawn_blocking(move || walk_all(files, &exclude, &home)).await;
    walked.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

fn walk_all(files: Vec<NewFile>, exclude: &[String], home: &Path) -> Result<Plan, Problem> {
    let home = home.canonicalize().map_err(|error| unreadable(home, &error))?;
    let exclude = Exclude::of(exclude.iter().map(String::as_str))?;
    let mut plan = Plan { home, exclude, ..Plan::default() };
    let named = files.len();
    for file in files {
        let path = match file.path.as_str() {
            CONTENTS => None,
            path => Some(AttachmentPath::normalized(path).map_err(bad_request)?),
        };
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
                match (path, metadata.is_dir()) {
                    (path, true) => plan.take_folder(&source, path, &file)?,
                    (Some(path), false) => plan.take(&source, &metadata, path, &file)?,
                    (None, false) => {
                        let source = source.display();
                        return Err(bad_request(format!("{source} is no folder: give it a path")));
                    }
                }
            }
            (None, Some(hash)) => {
                let path = path.ok_or_else(|| bad_request("a blob needs a path"))?;
                plan.add(path, Source::Blob(hash), Mode::Plain, &file)?;
            }
            (None, None) | (Some(_), Some(_)) => {
                let path = &file.path;
                return Err(bad_request(format!("`{path}` needs either a source or a hash")));
            }
        }
    }
    plan.files.sort_by(|a, b| a.path.cmp(&b.path));
    plan.together();
    plan.check()?;
    plan.tell();
    if plan.files.is_empty() && named > 0 {
        let mut problem = bad_request("nothing is left to push: a frame would have no files");
        problem.causes = std::mem::take(&mut plan.notes);
        return Err(problem);
    }
    Ok(plan)
}

impl Plan {
    /// Takes all that is in a folder that the caller named, below `path` if it has one.
    fn take_folder(
        &mut self,
        source: &Path,
        path: Option<AttachmentPath>,
        file: &NewFile,
    ) -> Result<(), Problem> {
        let exclude = self.exclude.and_of_folder(source)?;
        let root = Root { source, exclude: &exclude };
        self.walk(source, path.as_ref(), file, root)
    }

    /// Takes a file.
    fn take(
        &mut self,
        source: &Path,
        metadata: &Metadata,
        path: AttachmentPath,
        file: &NewFile,
    ) -> Result<(), Problem> {
        self.not_of_the_home(source)?;
        if !metadata.is_file() {
            let source = source.display();
            return Err(bad_request(format!("{source} is neither a file nor a folder"))
                .with_hint("pipes, sockets and devices have no bytes to keep"));
        }
        let from = Source::File {
            path: source.to_owned(),
            id: FileId::of(metadata),
            bytes: metadata.len(),
        };
        self.add(path, from, mode(metadata), file)
    }

    fn not_of_the_home(&self, source: &Path) -> Result<(), Problem> {
        if !source.starts_with(&self.home) {
            return Ok(());
        }
        let detail = format!("{} is in the home of dsp, which holds your keys", source.display());
        Err(Problem::new(ProblemCode::Refused, detail)
            .with_hint("copy what you want to push to a folder outside"))
    }

    /// Takes all that is in a folder and not left out of it.
    fn walk(
        &mut self,
        folder: &Path,
        path: Option<&AttachmentPath>,
        file: &NewFile,
        root: Root<'_>,
    ) -> Result<(), Problem> {
        self.not_of_the_home(folder)?;
        if file.media.is_some()
            || file.text.is_some()
            || file.app.is_some()
            || !file.params.is_empty()
        {
            let path = &file.path;
            return Err(bad_request(format!(
                "`{path}` is a folder: it has no media type, text, application or parameters"
            )));
        }
        let entries = std::fs::read_dir(folder).and_then(Iterator::collect);
        let mut entries: Vec<_> = match entries {
            Ok(entries) => entries,
            Err(error) => {
                self.refuse(unreadable(folder, &error).detail);
                return Ok(());
            }
        };
        entries.sort_by_key(std::fs::DirEntry::file_name);
        if entries.is_empty() {
            let folder = folder.display();
            self.notes.push(format!("{folder} is empty, and a frame holds files only"));
        }
        for entry in entries {
            let source = entry.path();
            let name = entry.file_name();
            let metadata = entry.metadata();
            let is_folder = metadata.as_ref().is_ok_and(Metadata::is_dir);
            let kind = if is_folder { Kind::Folder } else { Kind::Other };
            let inside = source.strip_prefix(root.source).unwrap_or(&source);
            if root.exclude.leaves_out(&inside.to_string_lossy(), kind) {
                self.excluded.push(source);
                continue;
            }
            let metadata = match metadata {
                Ok(metadata) => metadata,
                Err(error) => {
                    self.refuse(unreadable(&source, &error).detail);
                    continue;
                }
            };
            if metadata.is_symlink() {
                self.links.push(source);
                continue;
            }
            let Some(name) = name.to_str() else {
                self.refuse(format!("the name of {} is not valid UTF-8", source.display()));
                continue;
            };
            let below = path.map_or_else(|| name.to_owned(), |path| format!("{path}/{name}"));
            let below = match AttachmentPath::normalized(&below) {
                Ok(below) => below,
                Err(error) => {
                    self.refuse(format!("{}: {error}", source.display()));
                    continue;
                }
            };
            match kind {
                Kind::Folder => self.walk(&source, Some(&below), file, root)?,
                Kind::Other if !metadata.is_file() => self.odd.push(source),
                Kind::Other => {
                    let inside = inside.to_string_lossy();
                    if let Err(error) = readable(&source) {
                        self.refuse(unreadable(&source, &error).detail);
                        continue;
                    }
                    if inside.split('/').any(|part| part.starts_with('.')) && inside != FILE {
                        self.hidden.push(below.to_string());
                    }
                    self.take(&source, &metadata, below, file)?;
                }
            }
            if self.files.len() as u64 > TREE_FILES {
                return Err(bad_request(format!("a frame has at most {TREE_FILES} files")));
            }
        }
        Ok(())
    }

    /// Writes down what was left out, and what is in that may not be meant to be.
    fn tell(&mut self) {
        let shown = |paths: &[PathBuf]| -> Vec<String> {
            paths.iter().take(NAMED).map(|path| path.display().to_string()).collect()
        };
        let mut tell = |n: usize, what: [&str; 2], said: &str, named: &[String]| {
            if n > 0 {
                let what = what[usize::from(n > 1)];
                let more = if n > NAMED { ", …" } else { "" };
                let named = named[..n.min(NAMED)].join(", ");
                self.notes.push(format!("{n} {what} {said}: {named}{more}"));
            }
        };
        let links = ["symbolic link was", "symbolic links were"];
        let said = "left out, as they may lead anywhere";
        tell(self.links.len(), links, said, &shown(&self.links));
        let odd = ["pipe, socket or device was", "pipes, sockets or devices were"];
        tell(self.odd.len(), odd, "left out", &shown(&self.odd));
        let excluded = ["entry was", "entries were"];
        let said = "left out by pattern, or as version control";
        tell(self.excluded.len(), excluded, said, &shown(&self.excluded));
        let hidden = ["hidden file is", "hidden files are"];
        tell(self.hidden.len(), hidden, "in it", &self.hidden);
        let odd = self.files.iter().filter(|file| file.path.portable().is_err());
        let odd: Vec<String> = odd.map(|file| file.path.to_string()).collect();
        let names = ["name is", "names are"];
        let said = "none on Windows, and `dsp get` refuses some such elsewhere too";
        tell(odd.len(), names, said, &odd);
    }

    fn add(
        &mut self,
        path: AttachmentPath,
        source: Source,
        mode: Mode,
        file: &NewFile,
    ) -> Result<(), Problem> {
        let media = file.media.clone().unwrap_or_else(|| media::guess(&path).to_owned());
        self.files.push(Planned {
            path,
            source,
            media,
            media_given: file.media.is_some(),
            text: file.text.clone(),
            app: file.app.clone(),
            params: read_params(&file.params)?,
            mode,
        });
        Ok(())
    }

    /// Notes that something cannot be in a frame; what else cannot is found before anybody is told.
    fn refuse(&mut self, why: String) {
        self.wrong_total += 1;
        if self.wrong.len() < WRONG {
            self.wrong.push(why);
        }
    }

    /// Finds paths that stand twice, or are one file on some systems. The files are sorted.
    fn together(&mut self) {
        let mut names = Folded::new();
        let mut wrong = Vec::new();
        let from = |path: &str| {
            let at = self.files.partition_point(|file| file.path.as_str() < path);
            self.files.get(at).map(|file| file.source.to_string()).unwrap_or_default()
        };
        for file in &self.files {
            let path = file.path.as_str();
            match names.insert(path) {
                Ok(true) => {}
                Ok(false) => wrong.push(format!(
                    "`{path}` stands twice in the frame: as {} and {}",
                    from(path),
                    file.source
                )),
                Err(error) => {
                    let (first, second) = (from(&error.first), &file.source);
                    wrong.push(format!("{error}: {first} and {second}"));
                }
            }
        }
        self.twice = wrong.len();
        wrong.into_iter().for_each(|why| self.refuse(why));
    }

    /// Refuses the push where something cannot be in a frame, and says what all that is.
    fn check(&mut self) -> Result<(), Problem> {
        let wrong = std::mem::take(&mut self.wrong);
        let hint = match self.twice == self.wrong_total {
            true => "a folder that is named without `/` at its end keeps its name in the frame",
            false => "`--exclude PATTERN` or a line in .dspignore leaves something out of a folder",
        };
        match &wrong[..] {
            [] => Ok(()),
            [one] => Err(bad_request(one).with_hint(hint)),
            [..] => {
                let n = self.wrong_total;
                let detail = format!("{n} files cannot be in a frame");
                let mut problem = bad_request(detail).with_hint(hint);
                problem.causes = wrong;
                if n > problem.causes.len() {
                    let more = n - problem.causes.len();
                    problem.causes.push(format!("and {more} more"));
                }
                Err(problem)
            }
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::File { path, .. } => write!(f, "{}", path.display()),
            Source::Blob(hash) => write!(f, "blob {hash}"),
        }
    }
}

/// Tells whether a file may be read, without opening it.
#[cfg(unix)]
fn readable(path: &Path) -> std::io::Result<()> {
    Ok(rustix::fs::access(path, rustix::fs::Access::READ_OK)?)
}

#[cfg(not(unix))]
fn readable(_: &Path) -> std::io::Result<()> {
    Ok(())
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
        super::walk_all(files, &[], home.path())
    }

    fn new(path: &str, source: &Path) -> NewFile {
        NewFile {
            path: path.to_owned(),
            source: Some(source.to_str().unwrap().to_owned()),
            hash: None,
            ..NewFile::default()
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

    #[test]
    fn what_is_said_of_a_file_is_planned_and_folders_take_none_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.joblib");
        std::fs::write(&path, b"a").unwrap();
        let params = serde_json::Map::from_iter([("k".to_owned(), 1.into())]);
        let file = NewFile { app: Some("sklearn".into()), ..new("a.joblib", &path) };
        let plan = walk_all(vec![NewFile { params: params.clone(), ..file }]).unwrap();
        assert_eq!(plan.files[0].app.as_deref(), Some("sklearn"));
        assert_eq!(plan.files[0].params.len(), 1);
        assert!(plan.files[0].described());
        assert!(!walk_all(vec![new("a", &path)]).unwrap().files[0].described());
        assert!(walk_all(vec![NewFile { params, ..new("all", dir.path()) }]).is_err());
        assert!(
            walk_all(vec![NewFile { app: Some("x".into()), ..new("all", dir.path()) }]).is_err()
        );
        let long = serde_json::Map::from_iter([("k".to_owned(), "x".repeat(5000).into())]);
        assert!(walk_all(vec![NewFile { params: long, ..new("a", &path) }]).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(walk_all(vec![new("x", &socket)]).is_err());
        assert!(walk_all(vec![new("x", dir.path())]).is_err(), "nothing else is in the folder");
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
        let push = |source: PathBuf| super::walk_all(vec![new("x", &source)], &[], &home);
        for source in ["", ".dsp", ".dsp/keys", ".dsp/keys/root", "link/root", ".dsp/../.dsp"] {
            let problem = push(dir.path().join(source)).unwrap_err();
            assert_eq!(problem.code, ProblemCode::Refused, "`{source}`: {}", problem.detail);
        }
        assert!(push(dir.path().join(".dsp-notes")).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_in_a_folder_stands_at_the_top_and_without_links() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::write(root.join("a"), b"a").unwrap();
        std::os::unix::fs::symlink("/etc/hostname", root.join("out")).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        let plan = walk_all(vec![new(".", &root)]).unwrap();
        let paths: Vec<_> = plan.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["a"]);
        assert!(plan.notes[0].starts_with("1 symbolic link was left out"), "{:?}", plan.notes);
        assert!(plan.notes[1].starts_with("1 pipe, socket or device was"), "{:?}", plan.notes);
        assert!(walk_all(vec![new(".", &root.join("a"))]).is_err(), "a file has a path");
    }

    #[test]
    fn what_patterns_and_version_control_name_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        for path in [".git/HEAD", ".env", "a.csv", "big.tmp", "deep/b.log"] {
            std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            std::fs::write(root.join(path), b"1").unwrap();
        }
        let walk = |exclude: &[&str]| {
            let home = tempfile::tempdir().unwrap();
            let exclude: Vec<String> = exclude.iter().map(|text| (*text).to_owned()).collect();
            let plan = super::walk_all(vec![new(".", &root)], &exclude, home.path())?;
            let paths: Vec<_> = plan.files.iter().map(|file| file.path.to_string()).collect();
            Ok::<_, Problem>((paths.join(" "), plan.notes))
        };
        let (paths, notes) = walk(&[]).unwrap();
        assert_eq!(paths, ".env a.csv big.tmp deep/b.log");
        assert!(notes[0].starts_with("1 entry was left out") && notes[0].ends_with("/.git"));
        assert_eq!(notes[1], "1 hidden file is in it: .env");
        std::fs::write(root.join(".dspignore"), "# scratch\n\n*.tmp\n.dspignore\n").unwrap();
        assert_eq!(walk(&[".env", "deep/"]).unwrap().0, "a.csv");
        assert_eq!(walk(&["*"]).unwrap_err().code, ProblemCode::BadRequest);
        std::fs::write(root.join(".dspignore"), "!a.csv\n").unwrap();
        assert_eq!(walk(&[]).unwrap_err().code, ProblemCode::BadRequest);
    }

    #[cfg(unix)]
    #[test]
    fn all_that_cannot_be_in_a_frame_is_named_and_patterns_come_first() {
        use std::os::unix::ffi::OsStrExt as _;

        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let bad = std::ffi::OsStr::from_bytes(b"bad\xff");
        for name in ["a", "b\\c", "new\nline"].map(std::ffi::OsStr::new).into_iter().chain([bad]) {
            std::fs::write(root.join(name), b"1").unwrap();
        }
        let walk = |exclude: &[&str]| {
            let home = tempfile::tempdir().unwrap();
            let exclude: Vec<String> = exclude.iter().map(|text| (*text).to_owned()).collect();
            let plan = super::walk_all(vec![new(".", &root)], &exclude, home.path())?;
            Ok::<_, Problem>(plan.files.len())
        };
        let problem = walk(&[]).unwrap_err();
        assert_eq!(problem.detail, "3 files cannot be in a frame");
        assert_eq!(problem.causes.len(), 3, "{:?}", problem.causes);
        assert!(problem.causes[1].contains("is not valid UTF-8"), "{:?}", problem.causes);
        assert!(problem.hint.unwrap().contains("--exclude"));
        let problem = walk(&["b*"]).unwrap_err();
        assert!(problem.detail.contains("new"), "{}", problem.detail);
        assert_eq!(walk(&["b*", "new*"]), Ok(1));
    }

    #[test]
    fn what_stands_twice_is_named_with_where_it_comes_from() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        for folder in ["x1", "x2"] {
            std::fs::create_dir(root.join(folder)).unwrap();
            std::fs::write(root.join(folder).join("a"), b"1").unwrap();
        }
        let files = || vec![new(".", &root.join("x1")), new(".", &root.join("x2"))];
        let problem = walk_all(files()).unwrap_err();
        let (one, other) = (root.join("x1/a"), root.join("x2/a"));
        let (one, other) = (one.display(), other.display());
        let said = format!("`a` stands twice in the frame: as {one} and {other}");
        assert_eq!(problem.detail, said);
        std::fs::rename(root.join("x2/a"), root.join("x2/A")).unwrap();
        let problem = walk_all(files()).unwrap_err();
        assert!(problem.detail.contains("x1/a") && problem.detail.contains("x2/A"), "{problem:?}");
    }

    #[cfg(unix)]
    #[test]
    fn names_that_windows_cannot_hold_are_said() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["CON", "a:b", "good"] {
            std::fs::write(dir.path().join(name), b"1").unwrap();
        }
        let notes = walk_all(vec![new(".", dir.path())]).unwrap().notes;
        assert!(notes[0].starts_with("2 names are none on Windows"), "{notes:?}");
        assert!(notes[0].ends_with(": CON, a:b"), "{notes:?}");
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
