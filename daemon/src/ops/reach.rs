//! The blobs that frames name, gone through once each.

use std::collections::BTreeMap;

use dsp_protocol::api::{Problem, ProblemCode};
use dsp_protocol::id::{BlobHash, ContextId, FrameId};
use dsp_protocol::object::{BlobRole, Files, Frame};

use super::Ops;
use super::trees::{Gap, Objects};

/// Most files that one call tells apart: about 300 MB of names.
const FILES: usize = 1 << 21;

/// A file that a frame names: the first name under which it was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) size: u64,
    pub(crate) name: String,
}

/// What some frames name.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    /// Files and what is derived from them.
    pub(crate) files: BTreeMap<BlobHash, Named>,
    /// What says which files there are, and how they were made: it stays when bytes go.
    pub(crate) lists: BTreeMap<BlobHash, u64>,
    /// Whether a list of files is not here, so that more may be named.
    pub(crate) gaps: bool,
    objects: Objects,
}

impl Reach {
    /// Adds what a frame names.
    ///
    /// # Errors
    /// The disk failed, or there is too much.
    pub(crate) async fn add(
        &mut self,
        ops: &Ops,
        name: &str,
        frame: &Frame,
    ) -> Result<(), Problem> {
        for file in frame.attachments() {
            self.file(file.blob.hash, file.blob.size, || format!("{name}#{}", file.path))?;
        }
        for (role, blob) in frame.blobs() {
            match role {
                BlobRole::Data | BlobRole::Recipe | BlobRole::Preview => {
                    self.file(blob.hash, blob.size, || name.to_owned())?;
                }
                BlobRole::Tree | BlobRole::Lineage | BlobRole::Schema => {
                    self.lists.insert(blob.hash, blob.size);
                }
            }
        }
        let Files::Tree(root) = &frame.files else { return Ok(()) };
        self.objects.add(root);
        while let Some(met) = self.objects.next(ops).await {
            self.lists.insert(met.blob.hash, met.blob.size);
            match Gap::excuse(met.object)? {
                Some(object) => {
                    for (file, hash, size) in &object.files {
                        self.file(*hash, *size, || format!("{name}#{}{file}", met.folder))?;
                    }
                }
                None => self.gaps = true,
            }
        }
        Ok(())
    }

    fn file(
        &mut self,
        hash: BlobHash,
        size: u64,
        name: impl FnOnce() -> String,
    ) -> Result<(), Problem> {
        if self.files.len() >= FILES {
            let text = format!("more than {FILES} files; name single frames");
            return Err(Problem::new(ProblemCode::TooLarge, text));
        }
        self.files.entry(hash).or_insert_with(|| Named { size, name: name() });
        Ok(())
    }
}

impl Ops {
    /// Returns what those of some frames name that are here in a context.
    ///
    /// # Errors
    /// The disk failed, or there is too much.
    pub(crate) async fn reach(
        &self,
        context: ContextId,
        frames: Vec<(FrameId, String)>,
    ) -> Result<Reach, Problem> {
        let mut reach = Reach::default();
        for (id, name) in frames {
            match self.stored_frame(context, id).await? {
                Some(frame) => reach.add(self, &name, &frame).await?,
                None => reach.gaps = true,
            }
        }
        Ok(reach)
    }
}
