//! Trees of files: added up, walked and looked up, and never held as a whole.
//!
//! A few directory objects that name each other again and again unfold into more files than any
//! memory holds, and whoever may write into a context may push such a frame. Therefore:
//! - What can be said of an object by its hash alone is worked out once for each object, however
//!   often it is named: the time is linear in the objects, which have to be here.
//! - Files are given by path, so many at a time, each walk beginning behind the last path.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use dsp_protocol::api::{Problem, ProblemCode};
use dsp_protocol::id::{BlobHash, ContextId};
use dsp_protocol::limits::{DIRECTORY_BYTES, DIRECTORY_DEPTH};
use dsp_protocol::name::AttachmentPath;
use dsp_protocol::object::directory::{EntryKind, Node};
use dsp_protocol::object::tree::{Found, Lookup, Step, TreeFile, TreeReadError};
use dsp_protocol::object::{BlobRef, Directory, TreeLookup, TreeWalk};

use super::Ops;
use crate::blobs::ReadError;

/// Most directory objects that one call looks at: about 60 MB of hashes and sums.
const OBJECTS: usize = 1 << 20;
/// Most entries of directory objects that are remembered between calls: about 50 MB.
const ENTRIES: usize = 200_000;
/// Most sums that are remembered between calls: about 10 MB.
const SUMS: usize = 1 << 16;

/// Why something cannot be said of a tree.
#[derive(Debug)]
pub(crate) enum Gap {
    /// A directory object is not here.
    Missing(BlobRef),
    /// The tree breaks a rule, or its bytes are damaged.
    Damaged(String),
    /// The tree has more objects or files than are looked at.
    TooLarge(String),
    /// The disk or the database failed.
    Failed(Problem),
}

impl From<Gap> for Problem {
    fn from(gap: Gap) -> Problem {
        match gap {
            Gap::Missing(blob) => Problem::new(
                ProblemCode::BlobNotLocal,
                format!("the list of files is not here (directory object {})", blob.hash),
            )
            .with_hint("`dsp fetch` brings it from a peer"),
            Gap::Damaged(detail) => Problem::new(ProblemCode::Corrupt, detail).with_hint(
                "`dsp fetch` brings damaged bytes again; `dsp verify` tells whose fault",
            ),
            Gap::TooLarge(detail) => Problem::new(ProblemCode::TooLarge, detail)
                .with_hint("name single attachments after `#`; they can be read all the same"),
            Gap::Failed(problem) => problem,
        }
    }
}

impl Gap {
    /// Turns what the author of a tree can bring about into nothing, and lets the rest through.
    ///
    /// # Errors
    /// The disk or the database failed.
    pub(crate) fn excuse<T>(result: Result<T, Gap>) -> Result<Option<T>, Problem> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Gap::Missing(_) | Gap::Damaged(_) | Gap::TooLarge(_)) => Ok(None),
            Err(Gap::Failed(problem)) => Err(problem),
        }
    }

    fn of_read(blob: &BlobRef, error: ReadError) -> Gap {
        match error {
            ReadError::Missing(_) | ReadError::Partial { .. } => Gap::Missing(blob.clone()),
            ReadError::Corrupt { .. } | ReadError::TooLarge { .. } => {
                Gap::Damaged(format!("directory object {}: {error}", blob.hash))
            }
            error @ (ReadError::Range { .. } | ReadError::Io { .. }) => Gap::Failed(error.into()),
        }
    }
}

/// How many files there are, their bytes, and how many of those are here; at most what 64 bits
/// hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) here: u64,
}

impl Sum {
    pub(crate) fn add(&mut self, other: Sum) {
        self.files = self.files.saturating_add(other.files);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.here = self.here.saturating_add(other.here);
    }

    pub(crate) fn add_file(&mut self, size: u64, here: bool) {
        self.add(Sum { files: 1, bytes: size, here: if here { size } else { 0 } });
    }
}

/// A directory object, as far as sums and walks need it.
#[derive(Debug, Default)]
pub(crate) struct Object {
    /// Name, hash and size of each file.
    pub(crate) files: Vec<(Box<str>, BlobHash, u64)>,
    /// The objects below, each with the name of its folder; nodes of the same folder have none.
    below: Vec<(Option<Box<str>>, BlobHash, u64)>,
}

impl Object {
    fn of(directory: Directory) -> Object {
        let mut object = Object::default();
        match directory.node {
            Node::Leaf(entries) => {
                for entry in entries {
                    let (name, blob) = (entry.name.into_boxed_str(), entry.blob);
                    match entry.kind {
                        EntryKind::File(_) => object.files.push((name, blob.hash, blob.size)),
                        EntryKind::Folder => object.below.push((Some(name), blob.hash, blob.size)),
                    }
                }
            }
            Node::Inner(branches) => {
                let below = branches.into_iter().map(|b| (None, b.blob.hash, b.blob.size));
                object.below.extend(below);
            }
        }
        object
    }

    fn entries(&self) -> usize {
        self.files.len() + self.below.len()
    }
}

/// What is remembered of directory objects between calls: what a hash names never changes. The
/// one that was read longest ago gives way.
#[derive(Debug, Default)]
pub(crate) struct TreeCache(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    objects: HashMap<BlobHash, Arc<Object>>,
    order: VecDeque<BlobHash>,
    entries: usize,
    /// Sums of whole trees; with a context, of those whose bytes are all here in it.
    sums: BTreeMap<(Option<ContextId>, BlobHash), Sum>,
}

impl TreeCache {
    fn lock(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn object(&self, hash: BlobHash) -> Option<Arc<Object>> {
        self.lock().objects.get(&hash).cloned()
    }

    fn put_object(&self, hash: BlobHash, object: &Arc<Object>) {
        let mut remembered = self.lock();
        if remembered.objects.insert(hash, Arc::clone(object)).is_some() {
            return;
        }
        remembered.order.push_back(hash);
        remembered.entries += object.entries();
        while remembered.entries > ENTRIES {
            let Some(oldest) = remembered.order.pop_front() else { break };
            let gone = remembered.objects.remove(&oldest).map_or(0, |object| object.entries());
            remembered.entries -= gone;
        }
    }

    fn sum(&self, context: Option<ContextId>, root: BlobHash) -> Option<Sum> {
        self.lock().sums.get(&(context, root)).copied()
    }

    fn put_sum(&self, context: Option<ContextId>, root: BlobHash, sum: Sum) {
        if context.is_some() && sum.here != sum.bytes {
            return;
        }
        let mut remembered = self.lock();
        if remembered.sums.len() >= SUMS {
            remembered.sums.clear();
        }
        remembered.sums.insert((context, root), sum);
    }

    /// Forgets what is here: blobs were lost, or a context was forgotten.
    pub(crate) fn forget_here(&self) {
        self.lock().sums.retain(|(context, _), _| context.is_none());
    }
}

/// A directory object whose sum is not complete.
struct Adding {
    hash: BlobHash,
    object: Arc<Object>,
    /// How many of the objects below are in the sum.
    done: usize,
    sum: Sum,
}

impl Ops {
    /// Adds up the files of a tree; where a context is given, also what is here of them in it.
    ///
    /// # Errors
    /// Some object is not here or breaks a rule, or there are too many.
    pub(crate) async fn sum_of_tree(
        &self,
        context: Option<ContextId>,
        root: &BlobRef,
    ) -> Result<Sum, Gap> {
        if let Some(sum) = self.trees.sum(context, root.hash) {
            return Ok(sum);
        }
        let mut known: HashMap<BlobHash, Sum> = HashMap::new();
        let mut way = vec![self.adding(context, root.hash, root.size).await?];
        loop {
            let top = way.last_mut().expect("the root ends the loop");
            if let Some((_, hash, size)) = top.object.below.get(top.done) {
                let (hash, size) = (*hash, *size);
                top.done += 1;
                let sum = known.get(&hash).copied().or_else(|| self.trees.sum(context, hash));
                if let Some(sum) = sum {
                    top.sum.add(sum);
                    continue;
                }
                if way.len() == DIRECTORY_DEPTH {
                    return Err(damaged(root, &TreeReadError::TooDeep));
                }
                if known.len() + way.len() > OBJECTS {
                    return Err(too_many_objects());
                }
                way.push(self.adding(context, hash, size).await?);
                continue;
            }
            let Adding { hash, sum, .. } = way.pop().expect("it was looked at");
            known.insert(hash, sum);
            self.trees.put_sum(context, hash, sum);
            match way.last_mut() {
                Some(above) => above.sum.add(sum),
                None => return Ok(sum),
            }
        }
    }

    async fn adding(
        &self,
        context: Option<ContextId>,
        hash: BlobHash,
        size: u64,
    ) -> Result<Adding, Gap> {
        let object = self.object(hash, size).await?;
        let here = match context {
            Some(context) => {
                let files = object.files.iter().map(|(_, hash, _)| *hash).collect();
                let here = self.store.earned_set(context, files).await;
                here.map_err(|error| Gap::Failed(error.into()))?
            }
            None => BTreeMap::new(),
        };
        let mut sum = Sum::default();
        for (_, hash, size) in &object.files {
            sum.add_file(*size, here.contains_key(hash));
        }
        Ok(Adding { hash, object, done: 0, sum })
    }

    /// Reads a directory object.
    async fn object(&self, hash: BlobHash, size: u64) -> Result<Arc<Object>, Gap> {
        if let Some(object) = self.trees.object(hash) {
            return Ok(object);
        }
        let blob = BlobRef::new(hash, size);
        if size > DIRECTORY_BYTES as u64 {
            return Err(damaged(&blob, &TreeReadError::TooLarge { hash, size }));
        }
        let bytes = self.blobs.read_all(hash, DIRECTORY_BYTES as u64).await;
        let bytes = bytes.map_err(|error| Gap::of_read(&blob, error))?;
        let directory = Directory::decode(&bytes)
            .map_err(|source| damaged(&blob, &TreeReadError::Decode { hash, source }))?;
        let object = Arc::new(Object::of(directory));
        self.trees.put_object(hash, &object);
        Ok(object)
    }

    /// Returns up to `limit` files of a tree in the order of their paths, those behind `after`.
    ///
    /// # Errors
    /// Some object on the way is not here or breaks a rule.
    pub(crate) async fn walk_tree(
        &self,
        root: &BlobRef,
        after: Option<&AttachmentPath>,
        limit: usize,
    ) -> Result<Vec<TreeFile>, Gap> {
        let mut walk = TreeWalk::new(root.clone());
        if let Some(after) = after {
            walk = walk.after(after.clone());
        }
        let mut files = Vec::new();
        while files.len() < limit {
            match walk.step().map_err(|error| damaged(root, &error))? {
                Step::File(file) => files.push(file),
                Step::Need(blob) => {
                    let bytes = self.blobs.read_all(blob.hash, DIRECTORY_BYTES as u64).await;
                    let bytes = bytes.map_err(|error| Gap::of_read(&blob, error))?;
                    walk.supply(&bytes).map_err(|error| damaged(root, &error))?;
                }
                Step::Done => break,
            }
        }
        Ok(files)
    }

    /// Finds a file of a tree by its path, reading the objects on the way to it only.
    ///
    /// # Errors
    /// Some object on the way is not here or breaks a rule.
    pub(crate) async fn look_up(
        &self,
        root: &BlobRef,
        path: AttachmentPath,
    ) -> Result<Option<TreeFile>, Gap> {
        let mut lookup = TreeLookup::new(root.clone(), path);
        loop {
            match lookup.step().map_err(|error| damaged(root, &error))? {
                Lookup::Need(blob) => {
                    let bytes = self.blobs.read_all(blob.hash, DIRECTORY_BYTES as u64).await;
                    let bytes = bytes.map_err(|error| Gap::of_read(&blob, error))?;
                    lookup.supply(&bytes).map_err(|error| damaged(root, &error))?;
                }
                Lookup::Found(Found::File(file)) => return Ok(Some(file)),
                Lookup::Found(Found::Folder(_)) | Lookup::Missing => return Ok(None),
            }
        }
    }
}

fn damaged(blob: &BlobRef, error: &TreeReadError) -> Gap {
    Gap::Damaged(format!("the list of files {}: {error}", blob.hash))
}

fn too_many_objects() -> Gap {
    Gap::TooLarge(format!("the list of files has more than {OBJECTS} parts"))
}

/// A walk through the directory objects of any number of trees, each object once.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    waiting: Vec<Waiting>,
    seen: HashSet<BlobHash>,
}

#[derive(Debug)]
struct Waiting {
    hash: BlobHash,
    size: u64,
    folder: Arc<str>,
    depth: usize,
}

/// A directory object with the folder in which it was met first, `/` at its end.
#[derive(Debug)]
pub(crate) struct Met {
    pub(crate) blob: BlobRef,
    pub(crate) folder: Arc<str>,
    /// The object, or why it cannot be read; the walk goes on beside it.
    pub(crate) object: Result<Arc<Object>, Gap>,
}

impl Objects {
    /// Adds a tree.
    pub(crate) fn add(&mut self, root: &BlobRef) {
        if self.seen.insert(root.hash) {
            let folder = Arc::from("");
            self.waiting.push(Waiting { hash: root.hash, size: root.size, folder, depth: 1 });
        }
    }

    /// Returns the next object.
    pub(crate) async fn next(&mut self, ops: &Ops) -> Option<Met> {
        let Waiting { hash, size, folder, depth } = self.waiting.pop()?;
        let blob = BlobRef::new(hash, size);
        let object = match ops.object(hash, size).await {
            Ok(object) => self.enter(&object, &folder, depth).map(|()| object),
            Err(gap) => Err(gap),
        };
        Some(Met { blob, folder, object })
    }

    fn enter(&mut self, object: &Object, folder: &Arc<str>, depth: usize) -> Result<(), Gap> {
        if depth == DIRECTORY_DEPTH && !object.below.is_empty() {
            return Err(Gap::Damaged(TreeReadError::TooDeep.to_string()));
        }
        for (name, hash, size) in &object.below {
            if self.seen.contains(hash) {
                continue;
            }
            if self.seen.len() >= OBJECTS {
                return Err(too_many_objects());
            }
            self.seen.insert(*hash);
            let folder = match name {
                Some(name) => format!("{folder}{name}/").into(),
                None => Arc::clone(folder),
            };
            self.waiting.push(Waiting { hash: *hash, size: *size, folder, depth: depth + 1 });
        }
        Ok(())
    }
}
