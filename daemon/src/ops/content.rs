//! What a frame holds: its files, wherever they are listed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use dsp_protocol::api::{FileInfo, Problem, ProblemCode};
use dsp_protocol::id::{BlobHash, ContextId, FrameId};
use dsp_protocol::limits;
use dsp_protocol::name::AttachmentPath;
use dsp_protocol::object::tree::{Step, TreeReadError};
use dsp_protocol::object::{BlobRef, Files, Frame, Mode, TreeWalk};

use super::{Ops, media};
use crate::blobs::ReadError;

/// Most files of trees that are remembered between calls.
const REMEMBERED: usize = 200_000;

/// A file of a frame.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct File {
    pub(crate) path: AttachmentPath,
    pub(crate) blob: BlobRef,
    pub(crate) media: String,
    pub(crate) text: Option<String>,
    pub(crate) mode: Mode,
}

/// A frame with its files.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) frame: Frame,
    pub(crate) files: Listing,
}

/// The files of a frame, as far as they can be listed here.
#[derive(Clone, Debug)]
pub(crate) enum Listing {
    /// All of them.
    Whole(Arc<[File]>),
    /// A directory object is not here.
    Missing(BlobRef),
}

impl Content {
    /// Returns the files.
    ///
    /// # Errors
    /// A directory object is not here.
    pub(crate) fn files(&self) -> Result<&Arc<[File]>, Problem> {
        match &self.files {
            Listing::Whole(files) => Ok(files),
            Listing::Missing(blob) => Err(Problem::new(
                ProblemCode::BlobNotLocal,
                format!("the list of files is not here (directory object {})", blob.hash),
            )
            .with_hint("`dsp fetch` brings it from a peer")),
        }
    }

    /// Returns the number and the bytes of the files, where they can be listed.
    pub(crate) fn sum(&self) -> Option<(u64, u64)> {
        match &self.files {
            Listing::Whole(files) => Some((files.len() as u64, bytes_of(files))),
            Listing::Missing(_) => None,
        }
    }
}

/// Returns the bytes of some files.
pub(crate) fn bytes_of(files: &[File]) -> u64 {
    files.iter().map(|file| file.blob.size).fold(0, u64::saturating_add)
}

/// Returns the hashes of some files.
pub(crate) fn hashes(files: &[File]) -> Vec<BlobHash> {
    files.iter().map(|file| file.blob.hash).collect()
}

/// Returns a file as the API shows it.
pub(crate) fn file_info(file: &File, here: &BTreeMap<BlobHash, u64>) -> FileInfo {
    FileInfo {
        path: file.path.to_string(),
        hash: file.blob.hash,
        size: file.blob.size,
        media: file.media.clone(),
        text: file.text.clone(),
        executable: file.mode == Mode::Executable,
        here: here.contains_key(&file.blob.hash),
    }
}

/// The files of trees that were walked, by the hash of their root: what a hash names never
/// changes. The one that was walked longest ago gives way.
#[derive(Debug, Default)]
pub(crate) struct TreeCache(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    trees: BTreeMap<BlobHash, Arc<[File]>>,
    order: VecDeque<BlobHash>,
    files: usize,
}

impl TreeCache {
    fn get(&self, root: BlobHash) -> Option<Arc<[File]>> {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.trees.get(&root).cloned()
    }

    fn put(&self, root: BlobHash, files: Arc<[File]>) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.files += files.len();
        if remembered.trees.insert(root, files).is_none() {
            remembered.order.push_back(root);
        }
        while remembered.files > REMEMBERED {
            let Some(oldest) = remembered.order.pop_front() else { break };
            let gone = remembered.trees.remove(&oldest).map_or(0, |files| files.len());
            remembered.files -= gone;
        }
    }
}

impl Ops {
    /// Returns a frame that is here in a context, with its files.
    ///
    /// # Errors
    /// It is not here, or cannot be read.
    pub(crate) async fn content(
        &self,
        context: ContextId,
        frame: FrameId,
    ) -> Result<Content, Problem> {
        let found = self.contents(context, vec![frame]).await?.remove(&frame);
        found.ok_or_else(|| {
            Problem::new(ProblemCode::BlobNotLocal, format!("frame {frame} is not here"))
                .with_hint("`dsp fetch` brings it from a peer")
        })
    }

    /// Returns those of some frames that are here in a context, with their files.
    ///
    /// # Errors
    /// The database or a blob cannot be read.
    pub(crate) async fn contents(
        &self,
        context: ContextId,
        frames: Vec<FrameId>,
    ) -> Result<BTreeMap<FrameId, Content>, Problem> {
        let mut contents = BTreeMap::new();
        for (id, bytes) in self.store.frames(context, frames).await? {
            let frame = Frame::decode(&bytes).map_err(|error| {
                Problem::new(ProblemCode::Corrupt, format!("frame {id}: {error}"))
            })?;
            let files = self.listing(&frame).await?;
            contents.insert(id, Content { frame, files });
        }
        Ok(contents)
    }

    async fn listing(&self, frame: &Frame) -> Result<Listing, Problem> {
        match &frame.files {
            Files::Listed(files) => Ok(Listing::Whole(
                files
                    .iter()
                    .map(|attachment| File {
                        path: attachment.path.clone(),
                        blob: attachment.blob.clone(),
                        media: attachment.media.clone(),
                        text: attachment.text.clone(),
                        mode: attachment.mode,
                    })
                    .collect(),
            )),
            Files::Tree(root) => self.tree(root).await,
        }
    }

    /// Lists the files of a tree.
    pub(crate) async fn tree(&self, root: &BlobRef) -> Result<Listing, Problem> {
        if let Some(files) = self.trees.get(root.hash) {
            return Ok(Listing::Whole(files));
        }
        let mut walk = TreeWalk::new(root.clone());
        let mut files = Vec::new();
        loop {
            match walk.step().map_err(|error| damaged_tree(root, &error))? {
                Step::File(file) => files.push(File {
                    media: media::guess(&file.path).to_owned(),
                    path: file.path,
                    blob: file.blob,
                    text: None,
                    mode: file.mode,
                }),
                Step::Need(blob) => {
                    let read = self.blobs.read_all(blob.hash, limits::DIRECTORY_BYTES as u64);
                    match read.await {
                        Ok(bytes) => {
                            walk.supply(&bytes).map_err(|error| damaged_tree(root, &error))?;
                        }
                        Err(ReadError::Missing(_) | ReadError::Partial { .. }) => {
                            return Ok(Listing::Missing(blob));
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
                Step::Done => break,
            }
        }
        let files: Arc<[File]> = files.into();
        self.trees.put(root.hash, Arc::clone(&files));
        Ok(Listing::Whole(files))
    }
}

fn damaged_tree(root: &BlobRef, error: &TreeReadError) -> Problem {
    Problem::new(ProblemCode::Corrupt, format!("the list of files {}: {error}", root.hash))
}

impl Listing {
    /// Returns the files where all can be listed, else none.
    pub(crate) fn whole(&self) -> &[File] {
        match self {
            Listing::Whole(files) => files,
            Listing::Missing(_) => &[],
        }
    }
}
