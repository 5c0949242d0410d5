//! Everything that a frame reaches and that is here, so that it can be put into another context of
//! mine. What counts there is what was read here as a whole: nothing is claimed.

use std::collections::BTreeMap;

use dsp_protocol::api::{Problem, ProblemCode};
use dsp_protocol::id::{BlobHash, ContextId, FrameId};
use dsp_protocol::limits::{DIRECTORY_BYTES, LINEAGE_BYTES};
use dsp_protocol::object::lineage::InputSource;
use dsp_protocol::object::{BlobRole, Directory, Frame, Lineage};

use super::Ops;
use super::problem::internal;
use crate::blobs::{Keep, Status};

/// Most blobs that one call puts into another context.
const BLOBS: usize = 1 << 20;

/// Frames and the blobs that they reach, kept from the collector.
#[derive(Debug, Default)]
pub(super) struct Reached {
    /// The frames' bytes, in the order in which they were added.
    pub(super) frames: Vec<Vec<u8>>,
    pub(super) blobs: BTreeMap<BlobHash, u64>,
    pub(super) keeps: Vec<Keep>,
    /// Frames whose lineage is left out.
    pub(super) withheld: u32,
}

impl Ops {
    /// Adds a frame of a context with all that it reaches, for readers of `target`. Lineage that
    /// names a frame which is not in `target` is left out: its readers may not know of it.
    ///
    /// # Errors
    /// The frame, or some of its bytes, are not here.
    pub(super) async fn reach_frame(
        &self,
        reached: &mut Reached,
        (from, target): (ContextId, Option<ContextId>),
        id: FrameId,
    ) -> Result<(), Problem> {
        let Some((_, bytes)) = self.store.frames(from, vec![id]).await?.pop() else {
            return Err(not_here(format!("frame {id} is not here")));
        };
        let frame = Frame::decode(&bytes).map_err(|error| internal(&error))?;
        let mut open: Vec<(BlobRole, BlobHash)> =
            frame.blobs().map(|(role, blob)| (role, blob.hash)).collect();
        while let Some((role, hash)) = open.pop() {
            if reached.blobs.contains_key(&hash) {
                continue;
            }
            if reached.blobs.len() == BLOBS {
                let detail = format!("more than {BLOBS} files cannot go along at once");
                return Err(Problem::new(ProblemCode::TooLarge, detail));
            }
            // Bytes that are here for another context alone are none of this one's.
            if !self.store.earned_set(from, vec![hash]).await?.contains_key(&hash) {
                return Err(not_here(format!("blob {hash} of frame {id} is not here")));
            }
            let keep = self.blobs.keep(hash).await;
            let Status::Complete { size } = self.blobs.status(hash).await? else {
                return Err(not_here(format!("blob {hash} of frame {id} is not here")));
            };
            match role {
                BlobRole::Tree => {
                    let bytes = self.blobs.read_all(hash, DIRECTORY_BYTES as u64).await?;
                    let directory = Directory::decode(&bytes).map_err(|error| internal(&error))?;
                    open.extend(directory.blobs().map(|(role, blob)| (role, blob.hash)));
                }
                BlobRole::Lineage => {
                    let bytes = self.blobs.read_all(hash, LINEAGE_BYTES as u64).await?;
                    let lineage = Lineage::decode(&bytes).map_err(|error| internal(&error))?;
                    if !self.may_know(target, &lineage).await? {
                        reached.withheld += 1;
                        continue;
                    }
                    open.extend(lineage.blobs().map(|blob| (BlobRole::Data, blob.hash)));
                }
                BlobRole::Data | BlobRole::Recipe | BlobRole::Preview | BlobRole::Schema => {}
            }
            reached.blobs.insert(hash, size);
            reached.keeps.push(keep);
        }
        reached.frames.push(bytes.to_vec());
        Ok(())
    }

    /// Tells whether all frames that a lineage names can be read in a context.
    async fn may_know(
        &self,
        target: Option<ContextId>,
        lineage: &Lineage,
    ) -> Result<bool, Problem> {
        let named: Vec<FrameId> = lineage
            .inputs
            .iter()
            .filter_map(|input| match input.source {
                InputSource::Frame(frame) => Some(frame),
                InputSource::Blind(_) => None,
            })
            .collect();
        let known = self.node.query(move |engine| {
            let target = target.and_then(|id| engine.context(id));
            named.iter().all(|frame| target.is_some_and(|t| t.frame(*frame).is_some()))
        });
        Ok(known.await?)
    }

    /// Returns the frames behind a head that are here in a context, the oldest first.
    pub(super) async fn behind(
        &self,
        context: ContextId,
        head: FrameId,
    ) -> Result<Vec<FrameId>, Problem> {
        let found = self.node.query(move |engine| {
            let Some(context) = engine.context(context) else { return Vec::new() };
            let mut found: Vec<FrameId> = Vec::new();
            let mut seen = std::collections::BTreeSet::from([head]);
            let mut open = std::collections::VecDeque::from([head]);
            while let Some(frame) = open.pop_front() {
                let Some(meta) = context.frame(frame) else { continue };
                let goes = frame != head && !context.is_withdrawn(frame);
                found.extend(goes.then_some(frame));
                open.extend(meta.parents.iter().copied().filter(|parent| seen.insert(*parent)));
            }
            found.reverse();
            found
        });
        Ok(found.await?)
    }
}

fn not_here(detail: String) -> Problem {
    Problem::new(ProblemCode::BlobNotLocal, detail).with_hint("`dsp fetch` brings it from a peer")
}
