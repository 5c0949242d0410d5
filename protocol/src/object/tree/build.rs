//! Building trees bottom-up out of sorted paths.

use std::collections::HashSet;

use crate::cbor::Map;
use crate::limits::{DIRECTORY_DEPTH, DIRECTORY_ENTRIES};
use crate::name::{AttachmentPath, fold_key};
use crate::object::directory::{Branch, Directory, Entry, EntryKind, Node};
use crate::object::{BlobRef, BuildError, Mode};

/// Zero bits that the hash of a name ends in where a leaf ends; one level up it is twice as many.
const CUT_BITS: u32 = 10;

/// Builds a tree of directory objects out of paths in order.
///
/// A leaf ends at a name whose BLAKE3 ends in ten zero bits, or with 1,024 entries; nodes above it
/// end at names with twenty, thirty and so on. So a folder's objects depend on its names and refs
/// alone, and a change in a folder of a million files makes a few new objects.
///
/// Memory: the entries of the leaves still open, and 16 bytes a name of each folder still open.
#[derive(Debug)]
pub struct TreeBuilder {
    /// The root folder and the chain of open folders below it.
    open: Vec<Folder>,
    last: Option<AttachmentPath>,
    objects: Vec<TreeObject>,
}

/// A directory object to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeObject {
    /// What names it.
    pub blob: BlobRef,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Why a tree cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeBuildError {
    /// There are no files.
    #[error("a tree needs a file")]
    Empty,
    /// A path does not follow the one before.
    #[error("`{path}` does not follow `{before}`")]
    Order {
        /// The path before.
        before: AttachmentPath,
        /// The path.
        path: AttachmentPath,
    },
    /// A file where another path has a folder.
    #[error("`{file}` is a file, and a folder in `{path}`")]
    FileIsFolder {
        /// The file.
        file: AttachmentPath,
        /// The path with that folder.
        path: AttachmentPath,
    },
    /// Two names in one folder are one on some systems.
    #[error(
        "`{name}` in `{path}` differs from another name of its folder only in case or normal form, \
         and both are one file on some systems"
    )]
    Collision {
        /// The name that came second.
        name: String,
        /// The path it came with.
        path: AttachmentPath,
    },
    /// More folders in folders than a tree may have.
    #[error("nested deeper than {DIRECTORY_DEPTH} directory objects")]
    TooDeep,
    /// An object is beyond a limit.
    #[error(transparent)]
    Object(#[from] BuildError),
}

/// A folder that more files may come into.
#[derive(Debug, Default)]
struct Folder {
    name: String,
    /// Hashes of the folded names: 16 bytes each, as a folder may have a million.
    names: HashSet<[u8; 16]>,
    leaf: Level<Entry>,
    above: Vec<Level<Branch>>,
}

/// The items of a node that is not full yet.
#[derive(Debug)]
struct Level<T> {
    items: Vec<T>,
    /// Directory objects on the longest way down.
    height: usize,
}

impl<T> Default for Level<T> {
    fn default() -> Self {
        Level { items: Vec::new(), height: 0 }
    }
}

impl<T> Level<T> {
    fn push(&mut self, item: T, height: usize) {
        self.items.push(item);
        self.height = self.height.max(height);
    }

    fn is_full(&self) -> bool {
        self.items.len() == DIRECTORY_ENTRIES
    }

    fn take(&mut self) -> (Vec<T>, usize) {
        (std::mem::take(&mut self.items), std::mem::take(&mut self.height) + 1)
    }
}

impl Folder {
    fn new(name: &str) -> Self {
        Folder { name: name.to_owned(), ..Folder::default() }
    }

    /// Notes a name and tells whether it is free.
    fn claim(&mut self, name: &str) -> bool {
        let hash = blake3::hash(fold_key(name).as_bytes());
        let (short, _) = hash.as_bytes().split_first_chunk().expect("a hash has 32 bytes");
        self.names.insert(*short)
    }

    /// Adds an entry of objects `height` deep, and ends the nodes that end with its name.
    fn add(
        &mut self,
        entry: Entry,
        height: usize,
        out: &mut Vec<TreeObject>,
    ) -> Result<(), TreeBuildError> {
        let zeros = trailing_zeros(&entry.name);
        self.leaf.push(entry, height);
        if !self.leaf.is_full() && zeros < CUT_BITS {
            return Ok(());
        }
        let (mut branch, mut height) = self.end_leaf(out)?;
        let mut needed = CUT_BITS;
        for level in 0.. {
            needed += CUT_BITS;
            if self.above.len() == level {
                self.above.push(Level::default());
            }
            let above = &mut self.above[level];
            above.push(branch, height);
            if !above.is_full() && zeros < needed {
                break;
            }
            (branch, height) = end_inner(above, out)?;
        }
        Ok(())
    }

    fn end_leaf(&mut self, out: &mut Vec<TreeObject>) -> Result<(Branch, usize), TreeBuildError> {
        let (entries, height) = self.leaf.take();
        let last = entries.last().map(|entry| entry.name.clone());
        Ok((store(Node::Leaf(entries), last, height, out)?, height))
    }

    /// Ends the folder and returns its root.
    fn end(mut self, out: &mut Vec<TreeObject>) -> Result<(BlobRef, usize), TreeBuildError> {
        let mut carried = match self.leaf.items.is_empty() {
            true => None,
            false => Some(self.end_leaf(out)?),
        };
        let top = self.above.len();
        for (level, above) in self.above.iter_mut().enumerate() {
            if let Some((branch, height)) = carried.take() {
                above.push(branch, height);
            }
            // A node alone at the top is the root itself.
            if level + 1 == top && above.items.len() == 1 {
                let (mut items, height) = above.take();
                carried = items.pop().map(|branch| (branch, height - 1));
            } else if !above.items.is_empty() {
                carried = Some(end_inner(above, out)?);
            }
        }
        carried.map(|(branch, height)| (branch.blob, height)).ok_or(TreeBuildError::Empty)
    }
}

fn end_inner(
    level: &mut Level<Branch>,
    out: &mut Vec<TreeObject>,
) -> Result<(Branch, usize), TreeBuildError> {
    let (branches, height) = level.take();
    let last = branches.last().map(|branch| branch.last.clone());
    Ok((store(Node::Inner(branches), last, height, out)?, height))
}

fn store(
    node: Node,
    last: Option<String>,
    height: usize,
    out: &mut Vec<TreeObject>,
) -> Result<Branch, TreeBuildError> {
    if height > DIRECTORY_DEPTH {
        return Err(TreeBuildError::TooDeep);
    }
    let bytes = Directory::new(node).encode()?;
    let blob = BlobRef::of(&bytes);
    out.push(TreeObject { blob: blob.clone(), bytes });
    Ok(Branch { last: last.unwrap_or_default(), blob, extra: Map::new() })
}

/// Counts the zero bits at the end of a name's hash, read as a big-endian number.
fn trailing_zeros(name: &str) -> u32 {
    let hash = blake3::hash(name.as_bytes());
    let (_, end) = hash.as_bytes().split_last_chunk().expect("a hash has 32 bytes");
    u128::from_be_bytes(*end).trailing_zeros()
}

impl Default for TreeBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl TreeBuilder {
    /// Starts without files.
    pub fn new() -> Self {
        TreeBuilder { open: vec![Folder::default()], last: None, objects: Vec::new() }
    }

    /// Adds a file. Paths come in the order of [`AttachmentPath`].
    ///
    /// # Errors
    /// [`TreeBuildError`] for a path that is out of order or clashes with another.
    pub fn push(
        &mut self,
        path: AttachmentPath,
        blob: BlobRef,
        mode: Mode,
    ) -> Result<(), TreeBuildError> {
        if let Some(before) = self.last.clone().filter(|before| *before >= path) {
            return Err(TreeBuildError::Order { before, path });
        }
        let folders: Vec<&str> = path.segments().rev().skip(1).collect();
        let folders = folders.into_iter().rev();
        let names = self.open.iter().skip(1).map(|folder| folder.name.as_str());
        let shared = names.zip(folders.clone()).take_while(|(a, b)| a == b).count();
        self.close_to(shared + 1)?;
        for name in folders.skip(shared) {
            self.claim(name, &path)?;
            self.open.push(Folder::new(name));
        }
        let name = path.file_name();
        self.claim(name, &path)?;
        let kind = EntryKind::File(mode);
        let entry = Entry { name: name.to_owned(), blob, kind, extra: Map::new() };
        let folder = self.open.last_mut().expect("the root is open");
        folder.add(entry, 0, &mut self.objects)?;
        self.last = Some(path);
        Ok(())
    }

    fn claim(&mut self, name: &str, path: &AttachmentPath) -> Result<(), TreeBuildError> {
        if self.open.last_mut().expect("the root is open").claim(name) {
            return Ok(());
        }
        let path = path.clone();
        match &self.last {
            Some(file)
                if path
                    .as_str()
                    .strip_prefix(file.as_str())
                    .is_some_and(|r| r.starts_with('/')) =>
            {
                Err(TreeBuildError::FileIsFolder { file: file.clone(), path })
            }
            _ => Err(TreeBuildError::Collision { name: name.to_owned(), path }),
        }
    }

    /// Ends open folders until so many are left.
    fn close_to(&mut self, left: usize) -> Result<(), TreeBuildError> {
        while self.open.len() > left {
            let folder = self.open.pop().expect("more are open than shall be left");
            let name = folder.name.clone();
            let (blob, height) = folder.end(&mut self.objects)?;
            let entry = Entry { name, blob, kind: EntryKind::Folder, extra: Map::new() };
            let parent = self.open.last_mut().expect("the root is open");
            parent.add(entry, height, &mut self.objects)?;
        }
        Ok(())
    }

    /// Takes the objects that are done. Folders that repeat give the same object again.
    pub fn take_objects(&mut self) -> Vec<TreeObject> {
        std::mem::take(&mut self.objects)
    }

    /// Ends the tree and returns its root with the objects not taken yet.
    ///
    /// # Errors
    /// [`TreeBuildError::Empty`] without a file, and as [`push`](Self::push).
    pub fn finish(mut self) -> Result<(BlobRef, Vec<TreeObject>), TreeBuildError> {
        self.close_to(1)?;
        let root = self.open.pop().expect("the root is open");
        let (blob, _) = root.end(&mut self.objects)?;
        Ok((blob, self.objects))
    }
}
