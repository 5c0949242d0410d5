//! Forgetting: what I withdraw from contexts of mine, from everybody in them and for good.
//!
//! A frame goes with the files that no other frame here names; a file goes from every frame that
//! names it. The same frame may be in an audience too: it goes from all contexts that I own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dsp_protocol::api::{ForgetRequest, Forgotten, Problem, ProblemCode};
use dsp_protocol::id::{BlobHash, ContextId, FrameId};
use dsp_protocol::limits::WITHDRAWN;
use dsp_protocol::statement::Role;
use dsp_protocol::sync::Command;

use super::Ops;
use super::reach::{Named, Reach};
use super::resolve::{FoundFrame, parse};
use super::scene::Scene;
use super::whole::to_the_end;

/// Most files that an answer names.
const NAMED: usize = 1000;

/// What goes from one context.
#[derive(Debug, Default)]
struct Goes {
    frames: BTreeSet<FrameId>,
    blobs: BTreeSet<BlobHash>,
}

/// What goes in all, and what stays.
#[derive(Debug, Default)]
struct Plan {
    contexts: BTreeMap<ContextId, Goes>,
    files: BTreeMap<BlobHash, Named>,
    stays: BTreeMap<BlobHash, Named>,
}

impl Ops {
    /// Withdraws a frame or a file: everybody in the context serves and keeps it no more. It cannot
    /// be undone, and copies that were written out stay where they are.
    ///
    /// # Errors
    /// There is no such thing, I own no context with it, or it is too much at one time.
    pub async fn forget(self: &Arc<Self>, request: &ForgetRequest) -> Result<Forgotten, Problem> {
        let reference = parse(&request.reference)?;
        // Nothing is pushed meanwhile that names the same files.
        let pushing = Arc::clone(&self.pushing).lock_owned().await;
        let scene = self.scene().await?;
        let found = self.frame_of(&scene, &reference).await?;
        if found.context.my_role < Role::Owner {
            return Err(not_an_owner(&scene, &found));
        }
        let frame = self.frame_here(found.context.id, found.frame).await?;
        let name = scene.reference(&found.stack());
        let file = match reference.attachment.is_some() {
            true => Some(self.pick(&frame, &reference, &request.reference).await??),
            false => None,
        };
        let plan = match &file {
            Some(file) => {
                let named = Named { size: file.blob.size, name: format!("{name}#{}", file.path) };
                self.file_goes(&scene, found.context.id, file.blob.hash, named).await?
            }
            None => self.frame_goes(&scene, found.frame, &name).await?,
        };
        let most = plan.contexts.values().map(|goes| goes.blobs.len()).max().unwrap_or(0);
        if most > WITHDRAWN {
            let detail = format!("{most} files are more than the {WITHDRAWN} that go at one time");
            return Err(Problem::new(ProblemCode::TooLarge, detail)
                .with_hint("name single files: `dsp forget STACK@REV#PATH`"));
        }
        let mut forgotten = Forgotten {
            reference: format!("{name}@{}", found.frame),
            frame: found.frame,
            whole: file.is_none(),
            contexts: plan
                .contexts
                .keys()
                .filter_map(|id| scene.contexts.get(id))
                .map(|context| scene.label(context))
                .collect(),
            files: plan.files.values().take(NAMED).map(|file| file.name.clone()).collect(),
            files_total: plan.files.len() as u64,
            bytes: plan.files.values().map(|file| file.size).fold(0, u64::saturating_add),
            stays: plan.stays.values().take(NAMED).map(|file| file.name.clone()).collect(),
            stays_total: plan.stays.len() as u64,
            done: false,
            freed: None,
        };
        if request.dry_run {
            return Ok(forgotten);
        }
        let blobs = plan.contexts.values().flat_map(|goes| goes.blobs.iter().copied()).collect();
        let node = self.node.clone();
        to_the_end(async move {
            for (context, Goes { frames, blobs }) in plan.contexts {
                node.run(Command::Withdraw { context, frames, blobs }).await?;
            }
            drop(pushing);
            Ok::<(), Problem>(())
        })
        .await?;
        self.trees.forget_here();
        forgotten.done = true;
        forgotten.freed = Some(self.collect_soon_with(blobs).await);
        Ok(forgotten)
    }

    /// Returns what goes with a frame, from each context of mine that has it.
    async fn frame_goes(&self, scene: &Scene, frame: FrameId, name: &str) -> Result<Plan, Problem> {
        let mut plan = Plan::default();
        for context in scene.contexts.values().filter(|context| context.my_role == Role::Owner) {
            let id = context.id;
            let Some(decoded) = self.stored_frame(id, frame).await? else { continue };
            let mut own = Reach::default();
            own.add(self, name, &decoded).await?;
            if own.gaps {
                let detail = format!("which files frame {frame} has is not known here");
                return Err(Problem::new(ProblemCode::BlobNotLocal, detail)
                    .with_hint("`dsp fetch` brings the list of its files"));
            }
            let others = self.node.query(move |engine| {
                let frames = engine.context(id).into_iter().flat_map(|context| context.frames());
                frames.map(|(id, _)| (id, String::new())).collect::<Vec<_>>()
            });
            let mut others = others.await?;
            others.retain(|(other, _)| *other != frame);
            let others = self.reach(id, others).await?;
            let named_elsewhere = |hash: &BlobHash| {
                others.files.contains_key(hash) || others.lists.contains_key(hash)
            };
            let goes = plan.contexts.entry(id).or_default();
            goes.frames.insert(frame);
            goes.blobs.extend(own.lists.keys().filter(|hash| !named_elsewhere(hash)));
            for (hash, file) in own.files {
                match named_elsewhere(&hash) {
                    true => drop(plan.stays.insert(hash, file)),
                    false => {
                        goes.blobs.insert(hash);
                        plan.files.insert(hash, file);
                    }
                }
            }
        }
        Ok(plan)
    }

    /// Returns that a file goes, from each context of mine that has its bytes, and from the one in
    /// which it was named.
    async fn file_goes(
        &self,
        scene: &Scene,
        named_in: ContextId,
        hash: BlobHash,
        named: Named,
    ) -> Result<Plan, Problem> {
        let mut plan = Plan::default();
        let here = self.store.contexts_of_blob(hash).await?;
        for id in here.into_iter().chain([named_in]) {
            let context = scene.contexts.get(&id);
            if context.is_some_and(|context| context.my_role == Role::Owner) {
                plan.contexts.entry(id).or_default().blobs.insert(hash);
            }
        }
        plan.files.insert(hash, named);
        Ok(plan)
    }
}

fn not_an_owner(scene: &Scene, found: &FoundFrame<'_>) -> Problem {
    let label = scene.label(found.context);
    let owners = found.context.members.iter().filter(|(_, role)| *role == Role::Owner);
    let owners: Vec<String> = owners.map(|(user, _)| scene.names.of(*user)).collect();
    let detail =
        format!("only owners of {label} withdraw something: you are {}", found.context.my_role);
    Problem::new(ProblemCode::Refused, detail).with_hint(format!(
        "ask {}; `dsp drop` frees the bytes here",
        if owners.is_empty() { "one".to_owned() } else { owners.join(", ") }
    ))
}
