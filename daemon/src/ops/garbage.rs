//! What a collection that is asked for would free, and who else holds it.
//!
//! By itself only what nothing names is freed, when its time in the trash is over. Who asks frees
//! besides what frames name that no stack leads to any more, as their author removed it: in contexts
//! where I only read, as elsewhere they may be mine. What is pinned stays in either case.

use std::collections::{BTreeMap, BTreeSet};

use dsp_protocol::api::{Garbage, GarbageFrame, Problem, Waste};
use dsp_protocol::id::{BlobHash, ContextId, DeviceId, FrameId, UserId};
use dsp_protocol::statement::Role;
use dsp_protocol::sync::Command;

use super::Ops;
use super::history::History;
use super::problem::internal;
use super::reach::Reach;
use super::scene::{ContextScene, Scene};
use super::time::rfc3339;
use crate::node::confirm;

/// Most blobs that peers are asked for, the largest first, before something is named as waste.
const ASKED: usize = 256;

/// The blobs of one frame that nothing else names, with their sizes.
type Leftover = (FrameId, String, BTreeMap<BlobHash, u64>);

impl Ops {
    /// Tells what a collection that is asked for would free. Connected peers are asked to prove
    /// that they hold what has a name.
    ///
    /// # Errors
    /// The disk or the database fails.
    pub async fn garbage(&self) -> Result<Garbage, Problem> {
        let scene = self.scene().await?;
        let waste = self.blobs.waste().await.map_err(|error| internal(&error))?;
        let mut removed = Vec::new();
        for context in scene.contexts.values() {
            let leftovers = {
                let _keeping = self.keeping.lock().await;
                self.leftovers(context).await?
            };
            if leftovers.is_empty() {
                continue;
            }
            self.ask_for(context.id, &leftovers).await?;
            for (frame, message, blobs) in leftovers {
                let bytes = blobs.values().copied().fold(0, u64::saturating_add);
                removed.push(GarbageFrame {
                    context: scene.label(context),
                    frame,
                    message,
                    waste: Waste { blobs: blobs.len() as u64, bytes },
                    holders: self.last_holders(&scene, &blobs).await?,
                });
            }
        }
        let mut unnamed = Waste { blobs: waste.len() as u64, bytes: 0 };
        unnamed.bytes = waste.iter().map(|(_, bytes)| *bytes).fold(0, u64::saturating_add);
        // A dropped context names its blobs until it is forgotten, which is when they go.
        for context in self.dropped().await?.into_keys() {
            let more = self.store.only_in(context).await?;
            unnamed.blobs += more.blobs;
            unnamed.bytes = unnamed.bytes.saturating_add(more.bytes);
        }
        let trash = self.store.trash_sum().await?;
        let latest = self.store.trash_latest().await?;
        Ok(Garbage {
            unnamed,
            trashed: Waste { blobs: trash.blobs, bytes: trash.bytes },
            trashed_until: latest.map(|at| rfc3339(at.saturating_add(self.trash_keep_ms()))),
            removed,
            collections_held: self.are_collections_held(),
        })
    }

    /// Lets go of what frames name that no stack leads to any more.
    pub(super) async fn let_leftovers_go(&self) -> Result<(), Problem> {
        let _keeping = self.keeping.lock().await;
        let scene = self.scene().await?;
        for context in scene.contexts.values() {
            let leftovers = self.leftovers(context).await?;
            let blobs: Vec<(BlobHash, u64)> =
                leftovers.into_iter().flat_map(|(_, _, blobs)| blobs).collect();
            if !blobs.is_empty() {
                self.node.run(Command::Drop { context: context.id, blobs }).await?;
            }
        }
        self.trees.forget_here();
        Ok(())
    }

    /// Returns the frames of a context that no stack leads to, with the blobs of theirs that are
    /// here and nothing else names. The caller holds `keeping`.
    async fn leftovers(&self, context: &ContextScene) -> Result<Vec<Leftover>, Problem> {
        // Who writes, or wrote, may hold the only copy of her own.
        if context.my_role != Role::Reader {
            return Ok(Vec::new());
        }
        let id = context.id;
        let from: Vec<FrameId> = context
            .live()
            .flat_map(|stack| {
                let heads = stack.heads.iter().map(|head| head.frame);
                heads.chain(stack.tags.values().copied()).collect::<Vec<_>>()
            })
            .collect();
        let (led_to, all) = self
            .node
            .query(move |engine| {
                let Some(context) = engine.context(id) else { return Default::default() };
                let blocked: BTreeSet<UserId> = engine.blocked().collect();
                let hidden = context.view().stacks();
                let hidden = hidden.iter().any(|stack| blocked.contains(&stack.owner));
                let history = History::walk(from, |id| Some(context.frame(id)?.parents.clone()));
                // What is behind a frame that is not here, or behind the end of the walk, is led to
                // all the same, and what a blocked user has is only not shown.
                if hidden || !history.is_whole() {
                    return Default::default();
                }
                let led_to: BTreeSet<FrameId> = history.frames().collect();
                let all: Vec<FrameId> = context.frames().map(|(id, _)| id).collect();
                (led_to, all)
            })
            .await?;
        let orphans: Vec<FrameId> = all.iter().copied().filter(|f| !led_to.contains(f)).collect();
        if orphans.is_empty() {
            return Ok(Vec::new());
        }
        let named = led_to.into_iter().map(|frame| (frame, String::new())).collect();
        let stays = self.reach(id, named).await?;
        // What a list names that is not here itself is relied on by nothing here.
        self.refresh_pinned(id).await?;
        let pinned = self.store.pinned(None).await?;
        let mut taken: BTreeSet<BlobHash> = BTreeSet::new();
        let mut leftovers = Vec::new();
        for frame in orphans {
            let Some(decoded) = self.stored_frame(id, frame).await? else { continue };
            let mut reach = Reach::default();
            reach.add(self, "", &decoded).await?;
            let named = reach.files.keys().copied();
            let named: Vec<BlobHash> = named
                .filter(|hash| !stays.files.contains_key(hash) && !pinned.contains(hash))
                .filter(|hash| taken.insert(*hash))
                .collect();
            let here = self.store.earned_set(id, named).await?;
            if !here.is_empty() {
                leftovers.push((frame, decoded.message, here));
            }
        }
        Ok(leftovers)
    }

    /// Asks peers for the largest of what is left over, and remembers who holds it.
    async fn ask_for(&self, context: ContextId, leftovers: &[Leftover]) -> Result<(), Problem> {
        let mut blobs: Vec<(u64, BlobHash)> = leftovers
            .iter()
            .flat_map(|(_, _, blobs)| blobs.iter().map(|(hash, size)| (*size, *hash)))
            .collect();
        blobs.sort_unstable_by(|a, b| b.cmp(a));
        blobs.truncate(ASKED);
        let hashes: Vec<BlobHash> = blobs.into_iter().map(|(_, hash)| hash).collect();
        let _withheld = self.blobs.withhold(hashes.clone());
        let confirmed =
            confirm(&self.node, &self.net, &self.blobs, context, hashes, |_| {}).await?;
        self.note_holders(&confirmed).await
    }

    async fn last_holders(
        &self,
        scene: &Scene,
        blobs: &BTreeMap<BlobHash, u64>,
    ) -> Result<Vec<dsp_protocol::api::BlobHolder>, Problem> {
        let mut held: BTreeMap<DeviceId, (u64, u64, i64)> = BTreeMap::new();
        for (hash, holders) in self.store.holders(blobs.keys().copied().collect()).await? {
            for (device, time) in holders {
                let (count, bytes, last) = held.entry(device).or_default();
                *count += 1;
                *bytes += blobs.get(&hash).copied().unwrap_or_default();
                *last = time.max(*last);
            }
        }
        self.holder_infos(scene, held).await
    }
}
