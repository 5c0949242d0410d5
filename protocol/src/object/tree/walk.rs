//! Reading trees: one object asked for at a time, each checked against where it stands.

use crate::id::BlobHash;
use crate::limits::{DIRECTORY_BYTES, DIRECTORY_DEPTH, TREE_FILES};
use crate::name::{AttachmentPath, NameError};
use crate::object::directory::{Branch, Directory, Entry, EntryKind, Node};
use crate::object::{BlobRef, DecodeError, Mode};

/// Why a tree cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeReadError {
    /// The bytes are not those that were asked for; others may be supplied.
    #[error("directory object {expected}: the bytes hash to {actual}")]
    Hash {
        /// What was asked for.
        expected: BlobHash,
        /// What came.
        actual: BlobHash,
    },
    /// Bytes were supplied when none were asked for.
    #[error("no directory object was asked for")]
    NotAsked,
    /// A ref names more bytes than a directory object has.
    #[error("directory object {hash}: {size} bytes exceed the limit of {DIRECTORY_BYTES}")]
    TooLarge {
        /// The object.
        hash: BlobHash,
        /// The size that its ref gives.
        size: u64,
    },
    /// The object is none.
    #[error("directory object {hash}: {source}")]
    Decode {
        /// The object.
        hash: BlobHash,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// The object has names that belong elsewhere in the folder.
    #[error("directory object {hash}: `{name}` does not belong there")]
    Bounds {
        /// The object.
        hash: BlobHash,
        /// The name.
        name: String,
    },
    /// A path gets too long.
    #[error(transparent)]
    Path(#[from] NameError),
    /// More objects on the way down than a tree may have.
    #[error("nested deeper than {DIRECTORY_DEPTH} directory objects")]
    TooDeep,
    /// More files than the walk may give.
    #[error("more than {limit} files")]
    TooManyFiles {
        /// The limit of this walk.
        limit: u64,
    },
}

/// A file of a tree.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeFile {
    /// Where it lies in the frame.
    pub path: AttachmentPath,
    /// Its bytes.
    pub blob: BlobRef,
    /// Whether it is a program.
    pub mode: Mode,
}

/// An object that was asked for, and where it stands.
#[derive(Clone, Debug)]
struct Asked {
    blob: BlobRef,
    /// The path of its folder, with `/` at the end; empty at the root.
    folder: String,
    /// The name in the same folder that its names follow.
    after: Option<String>,
    /// The last of its names, where a node above it says so.
    last: Option<String>,
}

impl Asked {
    fn folder(blob: BlobRef, folder: String) -> Self {
        Asked { blob, folder, after: None, last: None }
    }

    fn check_size(&self) -> Result<(), TreeReadError> {
        match self.blob.size {
            size if size > DIRECTORY_BYTES as u64 => {
                Err(TreeReadError::TooLarge { hash: self.blob.hash, size })
            }
            _ => Ok(()),
        }
    }

    /// Reads the object out of bytes that anyone may have sent.
    fn admit(&self, bytes: &[u8]) -> Result<Directory, TreeReadError> {
        let (expected, actual) = (self.blob.hash, BlobHash::of(bytes));
        if actual != expected {
            return Err(TreeReadError::Hash { expected, actual });
        }
        let directory = Directory::decode(bytes)
            .map_err(|source| TreeReadError::Decode { hash: expected, source })?;
        let (first, last) = directory.bounds();
        let stray = |name: &str| TreeReadError::Bounds { hash: expected, name: name.to_owned() };
        if self.after.as_deref().is_some_and(|after| first <= after) {
            return Err(stray(first));
        }
        if self.last.as_deref().is_some_and(|expected| last != expected) {
            return Err(stray(last));
        }
        Ok(directory)
    }
}

/// What a walk needs or gives next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The bytes of this directory object, for [`TreeWalk::supply`].
    Need(BlobRef),
    /// A file.
    File(TreeFile),
    /// There are no more.
    Done,
}

/// A walk through all files of a tree, in the order of their paths.
///
/// Memory: the nodes on the way down. What comes is checked: hash, form, order across nodes, depth,
/// and how many files there are, as a tree of few objects can unfold without end.
#[derive(Debug)]
pub struct TreeWalk {
    asked: Option<Asked>,
    open: Vec<Open>,
    files: u64,
    limit: u64,
    /// Files up to this path are passed over.
    after: Option<AttachmentPath>,
}

/// A node on the way down; what is left of it.
#[derive(Debug)]
struct Open {
    folder: String,
    /// For an inner node, the name that the next node's names follow.
    after: Option<String>,
    rest: Rest,
}

#[derive(Debug)]
enum Rest {
    Leaf(std::vec::IntoIter<Entry>),
    Inner(std::vec::IntoIter<Branch>),
}

impl Entry {
    /// Tells whether nothing of the entry lies behind a path that goes through `name` in its
    /// folder.
    fn is_passed(&self, name: &str) -> bool {
        match self.kind {
            EntryKind::File(_) => self.name.as_str() <= name,
            EntryKind::Folder => self.name.as_str() < name,
        }
    }
}

impl TreeWalk {
    /// Starts at the root of a tree.
    pub fn new(root: BlobRef) -> Self {
        let asked = Some(Asked::folder(root, String::new()));
        TreeWalk { asked, open: Vec::new(), files: 0, limit: TREE_FILES, after: None }
    }

    /// Lowers how many files the walk may give.
    #[must_use]
    pub fn with_limit(self, files: u64) -> Self {
        TreeWalk { limit: files.min(TREE_FILES), ..self }
    }

    /// Begins behind a path, whether the tree has it or not. Objects that hold nothing behind it
    /// are not asked for, and what is passed over does not count towards the limit.
    #[must_use]
    pub fn after(self, path: AttachmentPath) -> Self {
        TreeWalk { after: Some(path), ..self }
    }

    /// Returns what comes next; [`Step::Need`] again until the object is supplied.
    ///
    /// # Errors
    /// [`TreeReadError`], after which the walk is over.
    pub fn step(&mut self) -> Result<Step, TreeReadError> {
        loop {
            if let Some(asked) = &self.asked {
                asked.check_size()?;
                return Ok(Step::Need(asked.blob.clone()));
            }
            let Some(open) = self.open.last_mut() else {
                return Ok(Step::Done);
            };
            // The name in this folder that the path to begin behind goes through, if it does.
            let passed = self.after.as_ref().and_then(|path| {
                path.as_str().strip_prefix(open.folder.as_str())?.split('/').next()
            });
            match &mut open.rest {
                Rest::Inner(branches) => match branches.next() {
                    Some(branch) if passed.is_some_and(|name| branch.last.as_str() < name) => {
                        open.after = Some(branch.last);
                    }
                    Some(branch) => {
                        let after = open.after.replace(branch.last.clone());
                        let (blob, folder) = (branch.blob, open.folder.clone());
                        self.asked = Some(Asked { blob, folder, after, last: Some(branch.last) });
                    }
                    None => drop(self.open.pop()),
                },
                Rest::Leaf(entries) => match entries.next() {
                    Some(entry) if passed.is_some_and(|name| entry.is_passed(name)) => {}
                    Some(Entry { name, blob, kind: EntryKind::File(mode), .. }) => {
                        let path = format!("{}{name}", open.folder).try_into()?;
                        self.files += 1;
                        if self.files > self.limit {
                            return Err(TreeReadError::TooManyFiles { limit: self.limit });
                        }
                        return Ok(Step::File(TreeFile { path, blob, mode }));
                    }
                    Some(Entry { name, blob, kind: EntryKind::Folder, .. }) => {
                        self.asked = Some(Asked::folder(blob, format!("{}{name}/", open.folder)));
                    }
                    None => drop(self.open.pop()),
                },
            }
        }
    }

    /// Supplies the bytes that [`Step::Need`] asked for.
    ///
    /// # Errors
    /// [`TreeReadError::Hash`] for other bytes: the object is still asked for. The rest says what
    /// is wrong with the object itself.
    pub fn supply(&mut self, bytes: &[u8]) -> Result<(), TreeReadError> {
        let asked = self.asked.as_ref().ok_or(TreeReadError::NotAsked)?;
        if self.open.len() == DIRECTORY_DEPTH {
            return Err(TreeReadError::TooDeep);
        }
        let rest = match asked.admit(bytes)?.node {
            Node::Leaf(entries) => Rest::Leaf(entries.into_iter()),
            Node::Inner(branches) => Rest::Inner(branches.into_iter()),
        };
        if let Some(Asked { folder, after, .. }) = self.asked.take() {
            self.open.push(Open { folder, after, rest });
        }
        Ok(())
    }
}

/// What a search needs or gives next.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup {
    /// The bytes of this directory object, for [`TreeLookup::supply`].
    Need(BlobRef),
    /// What the path names.
    Found(Found),
    /// The tree has no such path.
    Missing,
}

/// What a path in a tree names.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// A file.
    File(TreeFile),
    /// A folder, by its root, which is a tree of its own.
    Folder(BlobRef),
}

/// A search for one path in a tree: it asks for the objects on the way only.
#[derive(Debug)]
pub struct TreeLookup {
    path: AttachmentPath,
    /// Segments of the path that are done.
    done: usize,
    objects: usize,
    state: Search,
}

#[derive(Debug)]
enum Search {
    Asked(Asked),
    Over(Option<Found>),
}

impl TreeLookup {
    /// Starts at the root of a tree.
    pub fn new(root: BlobRef, path: AttachmentPath) -> Self {
        let state = Search::Asked(Asked::folder(root, String::new()));
        TreeLookup { path, done: 0, objects: 0, state }
    }

    /// Returns what comes next; [`Lookup::Need`] again until the object is supplied.
    ///
    /// # Errors
    /// [`TreeReadError::TooLarge`], after which the search is over.
    pub fn step(&self) -> Result<Lookup, TreeReadError> {
        match &self.state {
            Search::Asked(asked) => {
                asked.check_size()?;
                Ok(Lookup::Need(asked.blob.clone()))
            }
            Search::Over(Some(found)) => Ok(Lookup::Found(found.clone())),
            Search::Over(None) => Ok(Lookup::Missing),
        }
    }

    /// Supplies the bytes that [`Lookup::Need`] asked for.
    ///
    /// # Errors
    /// As [`TreeWalk::supply`].
    pub fn supply(&mut self, bytes: &[u8]) -> Result<(), TreeReadError> {
        let Search::Asked(asked) = &self.state else {
            return Err(TreeReadError::NotAsked);
        };
        if self.objects == DIRECTORY_DEPTH {
            return Err(TreeReadError::TooDeep);
        }
        let directory = asked.admit(bytes)?;
        let name = self.path.segments().nth(self.done).expect("the search is not over");
        let next = match directory.node {
            Node::Inner(branches) => {
                let at = branches.partition_point(|branch| branch.last.as_str() < name);
                let after = match at.checked_sub(1) {
                    Some(before) => Some(branches[before].last.clone()),
                    None => asked.after.clone(),
                };
                branches.into_iter().nth(at).map(|branch| {
                    let last = Some(branch.last);
                    Search::Asked(Asked { blob: branch.blob, folder: String::new(), after, last })
                })
            }
            Node::Leaf(entries) => {
                let entry = entries.into_iter().find(|entry| entry.name == name);
                self.done += 1;
                let end = self.done == self.path.segments().count();
                entry.and_then(|entry| match (entry.kind, end) {
                    (EntryKind::File(mode), true) => {
                        let (path, blob) = (self.path.clone(), entry.blob);
                        Some(Search::Over(Some(Found::File(TreeFile { path, blob, mode }))))
                    }
                    (EntryKind::Folder, true) => {
                        Some(Search::Over(Some(Found::Folder(entry.blob))))
                    }
                    (EntryKind::Folder, false) => {
                        Some(Search::Asked(Asked::folder(entry.blob, String::new())))
                    }
                    (EntryKind::File(_), false) => None,
                })
            }
        };
        self.objects += 1;
        self.state = next.unwrap_or(Search::Over(None));
        Ok(())
    }
}
