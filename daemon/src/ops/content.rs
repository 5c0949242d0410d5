//! What a frame holds: its files, wherever they are listed.

use std::collections::{BTreeMap, HashMap, HashSet};

use dsp_protocol::api::{CoverInfo, FileInfo, Problem, ProblemCode};
use dsp_protocol::id::{BlobHash, ContextId, FrameId};
use dsp_protocol::limits::TREE_FILES;
use dsp_protocol::name::AttachmentPath;
use dsp_protocol::object::tree::TreeFile;
use dsp_protocol::object::{Attachment, BlobRef, Files, Frame, Mode, Params};
use dsp_protocol::reference::Reference;

use super::problem::not_found;
use super::trees::{Gap, Objects, Sum};
use super::{Ops, media};

/// Most files that are counted off to find one by its number.
const NUMBERED: usize = 200_000;
/// How many attachments are named to who did not say which.
const CANDIDATES: usize = 10;
/// Most frames that are read at a time; each may have a megabyte.
const GIST_FRAMES: usize = 64;
/// Most blobs that are told apart when those of many frames are added up: about 40 MB.
const DISTINCT: usize = 1 << 20;

/// A file of a frame.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct File {
    pub(crate) path: AttachmentPath,
    pub(crate) blob: BlobRef,
    pub(crate) media: String,
    pub(crate) text: Option<String>,
    pub(crate) app: Option<String>,
    pub(crate) params: Params,
    pub(crate) mode: Mode,
}

impl From<&Attachment> for File {
    fn from(attachment: &Attachment) -> File {
        File {
            path: attachment.path.clone(),
            blob: attachment.blob.clone(),
            media: attachment.media.clone(),
            text: attachment.text.clone(),
            app: attachment.app.clone(),
            params: attachment.params.clone(),
            mode: attachment.mode,
        }
    }
}

impl From<TreeFile> for File {
    fn from(file: TreeFile) -> File {
        File {
            media: media::guess(&file.path).to_owned(),
            path: file.path,
            blob: file.blob,
            text: None,
            app: None,
            params: Params::new(),
            mode: file.mode,
        }
    }
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
        app: file.app.clone(),
        params: file.params.iter().map(|(name, p)| (name.clone(), p.to_json())).collect(),
        executable: file.mode == Mode::Executable,
        here: here.contains_key(&file.blob.hash),
    }
}

/// The bytes of many frames, each blob counted once; past about a million blobs no longer told
/// apart.
#[derive(Debug, Default)]
pub(crate) struct Distinct {
    objects: Objects,
    blobs: HashSet<BlobHash>,
    pub(crate) sum: Sum,
}

impl Distinct {
    /// Adds the files of a frame of a context. What cannot be listed here is left out.
    ///
    /// # Errors
    /// The disk or the database failed.
    pub(crate) async fn add(
        &mut self,
        ops: &Ops,
        context: ContextId,
        frame: &Frame,
    ) -> Result<(), Problem> {
        match &frame.files {
            Files::Listed(files) => {
                let blobs = files.iter().map(|file| (file.blob.hash, file.blob.size));
                self.add_blobs(ops, context, blobs).await
            }
            Files::Tree(root) => {
                self.objects.add(root);
                while let Some(met) = self.objects.next(ops).await {
                    if let Some(object) = Gap::excuse(met.object)? {
                        let blobs = object.files.iter().map(|(_, hash, size)| (*hash, *size));
                        self.add_blobs(ops, context, blobs).await?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Adds the files of frames that are here in a context, as [`add`](Self::add) does.
    ///
    /// # Errors
    /// The disk or the database failed.
    pub(crate) async fn add_here(
        &mut self,
        ops: &Ops,
        context: ContextId,
        frames: &[FrameId],
    ) -> Result<(), Problem> {
        for some in frames.chunks(GIST_FRAMES) {
            let mut listed = Vec::new();
            for (_, frame) in ops.some_frames(context, some).await? {
                match frame.files {
                    Files::Listed(files) => listed.extend(files),
                    Files::Tree(_) => self.add(ops, context, &frame).await?,
                }
            }
            let blobs = listed.iter().map(|file| (file.blob.hash, file.blob.size));
            self.add_blobs(ops, context, blobs).await?;
        }
        Ok(())
    }

    async fn add_blobs(
        &mut self,
        ops: &Ops,
        context: ContextId,
        blobs: impl Iterator<Item = (BlobHash, u64)>,
    ) -> Result<(), Problem> {
        let mut new: BTreeMap<BlobHash, u64> = blobs.collect();
        new.retain(|hash, _| {
            !self.blobs.contains(hash) && (self.blobs.len() >= DISTINCT || self.blobs.insert(*hash))
        });
        let here = ops.store.earned_set(context, new.keys().copied().collect()).await?;
        for (hash, size) in new {
            self.sum.add_file(size, here.contains_key(&hash));
        }
        Ok(())
    }
}

/// What lists tell of a frame.
#[derive(Debug)]
pub(crate) struct Gist {
    pub(crate) message: String,
    /// None while the list of its files is not here.
    pub(crate) sum: Option<Sum>,
    /// None where it has no files, or so many that they stand in a tree.
    pub(crate) cover: Option<CoverInfo>,
}

/// Returns the file that stands for a frame: a picture, else the first one.
fn cover(files: &[Attachment], here: &BTreeMap<BlobHash, u64>) -> Option<CoverInfo> {
    let picture = files.iter().find(|file| file.media.starts_with("image/"));
    picture.or(files.first()).map(|file| CoverInfo {
        path: file.path.to_string(),
        media: file.media.clone(),
        app: file.app.clone(),
        size: file.blob.size,
        here: here.contains_key(&file.blob.hash),
    })
}

fn sum_of_listed(files: &[Attachment], here: &BTreeMap<BlobHash, u64>) -> Sum {
    let mut sum = Sum::default();
    for file in files {
        sum.add_file(file.blob.size, here.contains_key(&file.blob.hash));
    }
    sum
}

impl Ops {
    /// Returns a frame that is here in a context.
    ///
    /// # Errors
    /// It is not here, or cannot be read.
    pub(crate) async fn frame_here(
        &self,
        context: ContextId,
        frame: FrameId,
    ) -> Result<Frame, Problem> {
        match self.stored_frame(context, frame).await? {
            Some(here) => Ok(here),
            None if self.is_withdrawn(context, frame).await? => {
                let detail = format!("frame {frame} was withdrawn by an owner of its context");
                Err(Problem::new(ProblemCode::NotFound, detail)
                    .with_hint("nobody serves it any more; `dsp log` lists the frames around it"))
            }
            None => {
                let detail = format!("frame {frame} is not here");
                Err(Problem::new(ProblemCode::BlobNotLocal, detail)
                    .with_hint("`dsp fetch` brings it from a peer"))
            }
        }
    }

    /// Tells whether an owner of a context withdrew a frame.
    pub(crate) async fn is_withdrawn(
        &self,
        context: ContextId,
        frame: FrameId,
    ) -> Result<bool, Problem> {
        let withdrawn = self.node.query(move |engine| {
            engine.context(context).is_some_and(|context| context.is_withdrawn(frame))
        });
        Ok(withdrawn.await?)
    }

    /// Returns a frame, if it is here in a context. Frames are read one at a time, as each may
    /// be large.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) async fn stored_frame(
        &self,
        context: ContextId,
        frame: FrameId,
    ) -> Result<Option<Frame>, Problem> {
        let Some((id, bytes)) = self.store.frames(context, vec![frame]).await?.pop() else {
            return Ok(None);
        };
        let frame = Frame::decode(&bytes)
            .map_err(|error| Problem::new(ProblemCode::Corrupt, format!("frame {id}: {error}")))?;
        Ok(Some(frame))
    }

    /// Returns those of some frames that are here in a context and whole: `verify` tells whose
    /// fault the others are.
    pub(crate) async fn some_frames(
        &self,
        context: ContextId,
        frames: &[FrameId],
    ) -> Result<Vec<(FrameId, Frame)>, Problem> {
        let mut decoded = Vec::with_capacity(frames.len());
        for (id, bytes) in self.store.frames(context, frames.to_vec()).await? {
            match Frame::decode(&bytes) {
                Ok(frame) => decoded.push((id, frame)),
                Err(error) => tracing::error!(frame = %id, %error, "frame is damaged"),
            }
        }
        Ok(decoded)
    }

    /// Returns what lists tell of frames that are here in a context, some frames at a time: a
    /// list of a thousand stacks takes a few questions to the database, not thousands.
    ///
    /// # Errors
    /// The database or the disk failed.
    pub(crate) async fn gists(
        &self,
        context: ContextId,
        frames: &[FrameId],
    ) -> Result<HashMap<FrameId, Gist>, Problem> {
        let mut gists = HashMap::new();
        for some in frames.chunks(GIST_FRAMES) {
            let decoded = self.some_frames(context, some).await?;
            let listed = decoded.iter().filter_map(|(_, frame)| match &frame.files {
                Files::Listed(files) => Some(files),
                Files::Tree(_) => None,
            });
            let hashes = listed.flatten().map(|file| file.blob.hash).collect();
            let here = self.store.earned_set(context, hashes).await?;
            for (id, frame) in decoded {
                let (sum, cover) = match &frame.files {
                    Files::Listed(files) => {
                        (Some(sum_of_listed(files, &here)), cover(files, &here))
                    }
                    Files::Tree(root) => {
                        (Gap::excuse(self.sum_of_tree(Some(context), root).await)?, None)
                    }
                };
                gists.insert(id, Gist { message: frame.message, sum, cover });
            }
        }
        Ok(gists)
    }

    /// Adds up the files of a frame; where a context is given, also what is here of them in it.
    ///
    /// # Errors
    /// The files cannot all be listed here.
    pub(crate) async fn sum(&self, context: Option<ContextId>, frame: &Frame) -> Result<Sum, Gap> {
        let files = match &frame.files {
            Files::Listed(files) => files,
            Files::Tree(root) => return self.sum_of_tree(context, root).await,
        };
        let here = match context {
            Some(context) => {
                let hashes = files.iter().map(|file| file.blob.hash).collect();
                let here = self.store.earned_set(context, hashes).await;
                here.map_err(|error| Gap::Failed(error.into()))?
            }
            None => BTreeMap::new(),
        };
        Ok(sum_of_listed(files, &here))
    }

    /// Makes sure that a frame has no more files than a frame may have, before all of them are
    /// gone through.
    ///
    /// # Errors
    /// It has more, or they cannot all be listed here.
    pub(crate) async fn check_size(&self, frame: &Frame) -> Result<(), Gap> {
        let files = self.sum(None, frame).await?.files;
        match files > TREE_FILES {
            true => Err(Gap::TooLarge(format!(
                "the frame unfolds to {files} files; at most {TREE_FILES} are listed"
            ))),
            false => Ok(()),
        }
    }

    /// Returns up to `limit` files of a frame by path, those behind `after`.
    ///
    /// # Errors
    /// They cannot be listed here.
    pub(crate) async fn files_after(
        &self,
        frame: &Frame,
        after: Option<&AttachmentPath>,
        limit: usize,
    ) -> Result<Vec<File>, Gap> {
        match &frame.files {
            Files::Listed(files) => {
                let behind = |file: &&Attachment| after.is_none_or(|after| file.path > *after);
                let mut files: Vec<&Attachment> = files.iter().filter(behind).collect();
                files.sort_by(|a, b| a.path.cmp(&b.path));
                Ok(files.into_iter().take(limit).map(File::from).collect())
            }
            Files::Tree(root) => {
                let files = self.walk_tree(root, after, limit).await?;
                Ok(files.into_iter().map(File::from).collect())
            }
        }
    }

    /// Returns the file of a frame that a reference means: the attachment it names, or the only
    /// one. Within, the problem that there is none, or that several are and none is named.
    ///
    /// # Errors
    /// It cannot be found with what is here.
    pub(crate) async fn pick(
        &self,
        frame: &Frame,
        reference: &Reference,
        text: &str,
    ) -> Result<Result<File, Problem>, Gap> {
        let Some(selector) = &reference.attachment else {
            let mut files = self.files_after(frame, None, CANDIDATES + 1).await?;
            return Ok(match files.len() {
                0 => Err(not_found(format!("`{text}` has no files"))),
                1 => Ok(files.remove(0)),
                _ => {
                    let known = self.sum(None, frame).await.ok();
                    let total = known.map_or_else(|| "many".to_owned(), |s| s.files.to_string());
                    let detail = format!("`{text}` has {total} files; name one after `#`");
                    let mut problem = Problem::new(ProblemCode::Ambiguous, detail);
                    let paths = files.iter().take(CANDIDATES);
                    problem.candidates = paths.map(|f| format!("{text}#{}", f.path)).collect();
                    Err(problem)
                }
            });
        };
        let none = || {
            not_found(format!("`{text}`: no attachment `{selector}`"))
                .with_hint("`dsp show` lists what the frame has")
        };
        let root = match &frame.files {
            Files::Listed(files) => {
                let at = selector.find(files.iter().map(|file| file.path.as_str()));
                return Ok(at.map(|at| File::from(&files[at])).ok_or_else(none));
            }
            Files::Tree(root) => root,
        };
        if let Ok(path) = selector.as_str().parse()
            && let Some(file) = self.look_up(root, path).await?
        {
            return Ok(Ok(file.into()));
        }
        let Some(index) = selector.index().filter(|index| *index < NUMBERED) else {
            return Ok(Err(none()));
        };
        let mut files = self.walk_tree(root, None, index + 1).await?;
        Ok(files.pop().filter(|_| files.len() == index).map(File::from).ok_or_else(none))
    }
}
