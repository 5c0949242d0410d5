//! Checking what is here: signatures, frames and the bytes of blobs.

use std::collections::{BTreeMap, BTreeSet};

use dsp_protocol::api::{Fault, Problem, Progress, RefRequest, Verified};
use dsp_protocol::id::{BlobHash, ContextId, FrameId, StatementId};
use dsp_protocol::sync::{self, Record};

use super::content::Listing;
use super::frames::pick;
use super::resolve::parse;
use super::scene::Scene;
use super::{Ops, Reporter};
use crate::blobs::ReadError;

/// What is checked.
#[derive(Debug, Default)]
struct Scope {
    /// Heads, with what they are called.
    heads: BTreeMap<(ContextId, StatementId), String>,
    /// Frames, with what they are called.
    frames: BTreeMap<(ContextId, FrameId), String>,
    /// Blobs, with what they are called.
    blobs: BTreeMap<BlobHash, String>,
}

impl Ops {
    /// Checks a frame or an attachment; everything that is here when nothing is named.
    ///
    /// # Errors
    /// There is no such frame. What does not hold is no error but part of the answer.
    pub async fn verify(
        &self,
        request: &RefRequest,
        reporter: &Reporter,
    ) -> Result<Verified, Problem> {
        let scene = self.scene().await?;
        let mut found =
            Verified { heads: 0, frames: 0, blobs: 0, bytes: 0, not_here: 0, faults: Vec::new() };
        let scope = match &request.reference {
            Some(text) => self.scope_of(&scene, text, &mut found).await?,
            None => self.scope_of_all(&scene, &mut found).await?,
        };
        self.verify_statements(&scope, &mut found).await?;
        self.verify_blobs(&scope, &mut found, reporter).await;
        Ok(found)
    }

    async fn scope_of(
        &self,
        scene: &Scene,
        text: &str,
        found: &mut Verified,
    ) -> Result<Scope, Problem> {
        let reference = parse(text)?;
        let frame = self.frame_of(scene, &reference).await?;
        let context = frame.context.id;
        let mut scope = Scope::default();
        let name = scene.reference(&frame.stack());
        let heads = frame.stack.heads.iter().filter(|head| head.frame == frame.frame);
        scope.heads.extend(heads.map(|head| ((context, head.id), name.clone())));
        scope.frames.insert((context, frame.frame), name.clone());
        let mut contents = match self.contents(context, vec![frame.frame]).await {
            Ok(contents) => contents,
            Err(problem) => {
                found.faults.push(fault(&name, frame.frame, problem.detail));
                return Ok(scope);
            }
        };
        if let Some(content) = contents.remove(&frame.frame) {
            if reference.attachment.is_some() {
                let file = pick(&content, &reference, text)?;
                scope.blobs.insert(file.blob.hash, format!("{name}#{}", file.path));
            } else {
                self.add_files(&mut scope, &name, &content.frame, &content.files);
            }
        }
        Ok(scope)
    }

    async fn scope_of_all(&self, scene: &Scene, found: &mut Verified) -> Result<Scope, Problem> {
        let mut scope = Scope::default();
        for context in scene.contexts.values() {
            let id = context.id;
            for stack in context.live() {
                let name = scene.reference(&super::resolve::Found { context, stack });
                for head in &stack.heads {
                    scope.heads.insert((id, head.id), name.clone());
                    scope.frames.insert((id, head.frame), name.clone());
                }
            }
            let frames: Vec<FrameId> = self
                .node
                .query(move |engine| {
                    let frames = engine.context(id).map(|c| c.frames().map(|(id, _)| id).collect());
                    frames.unwrap_or_default()
                })
                .await?;
            for frame in frames {
                let label = format!("{} frame {}", scene.label(context), frame.short());
                let name = scope.frames.entry((id, frame)).or_insert(label).clone();
                match self.contents(id, vec![frame]).await {
                    Ok(mut contents) => {
                        if let Some(content) = contents.remove(&frame) {
                            self.add_files(&mut scope, &name, &content.frame, &content.files);
                        }
                    }
                    Err(problem) => found.faults.push(fault(&name, frame, problem.detail)),
                }
            }
        }
        // What no frame here names any more is kept, and therefore checked, too.
        let mut after = None;
        loop {
            let page = self.store.all_earned(after, 1000).await?;
            after = page.last().copied();
            for hash in &page {
                scope.blobs.entry(*hash).or_insert_with(|| format!("blob {}", hash.short()));
            }
            if page.len() < 1000 {
                return Ok(scope);
            }
        }
    }

    fn add_files(
        &self,
        scope: &mut Scope,
        name: &str,
        frame: &dsp_protocol::object::Frame,
        files: &Listing,
    ) {
        for (_, blob) in frame.blobs() {
            scope.blobs.entry(blob.hash).or_insert_with(|| name.to_owned());
        }
        for file in files.whole() {
            scope.blobs.insert(file.blob.hash, format!("{name}#{}", file.path));
        }
    }

    /// Judges everything that is stored anew, in an engine of its own, and looks whether the
    /// heads and frames that the running one shows are in it.
    async fn verify_statements(&self, scope: &Scope, found: &mut Verified) -> Result<(), Problem> {
        let records = self.store.restore().await?;
        let intact: BTreeSet<(ContextId, FrameId)> = records
            .iter()
            .filter_map(|record| match record {
                Record::Frame { context, id, .. } => Some((*context, *id)),
                _ => None,
            })
            .collect();
        for (key, name) in &scope.frames {
            match intact.contains(key) {
                true => found.frames += 1,
                false if self.holds(*key).await? => found.faults.push(fault(
                    name,
                    key.1,
                    "the bytes do not match the id, or are gone".to_owned(),
                )),
                false => {}
            }
        }
        let config = sync::Config { user: self.me, key: self.keys.device().clone(), defect: None };
        let judged = tokio::task::spawn_blocking(move || {
            let engine = sync::Node::restore(config, records)?;
            let heads = engine.contexts().flat_map(|context| {
                let stacks = context.view().stacks();
                let heads = stacks.into_iter().flat_map(|stack| stack.heads);
                heads.map(|head| (context.id(), head.id)).collect::<Vec<_>>()
            });
            let heads: BTreeSet<_> = heads.collect();
            Ok::<_, sync::RestoreError>((heads, engine.skipped().to_vec()))
        });
        let judged = judged.await;
        match judged.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())) {
            Ok((heads, skipped)) => {
                for reason in skipped {
                    let reason = reason.to_string();
                    found.faults.push(fault("the stored statements", self.me, reason));
                }
                for (key, name) in &scope.heads {
                    match heads.contains(key) {
                        true => found.heads += 1,
                        false => {
                            let reason = "no stored statement says so any more".to_owned();
                            found.faults.push(fault(name, key.1, reason));
                        }
                    }
                }
            }
            Err(error) => {
                found.faults.push(fault("the stored statements", self.me, error.to_string()));
            }
        }
        Ok(())
    }

    /// Tells whether the running engine has a frame.
    async fn holds(&self, (context, frame): (ContextId, FrameId)) -> Result<bool, Problem> {
        let holds = self.node.query(move |engine| {
            engine.context(context).is_some_and(|context| context.frame(frame).is_some())
        });
        Ok(holds.await?)
    }

    async fn verify_blobs(&self, scope: &Scope, found: &mut Verified, reporter: &Reporter) {
        let all = scope.blobs.len() as u64;
        for (done, (hash, name)) in scope.blobs.iter().enumerate() {
            let bytes = found.bytes;
            reporter.progress(|| Progress {
                what: "verifying".to_owned(),
                bytes,
                bytes_total: None,
                files: done as u64,
                files_total: Some(all),
            });
            match self.blobs.verify(*hash).await {
                Ok(size) => {
                    found.blobs += 1;
                    found.bytes += size;
                }
                Err(ReadError::Missing(_) | ReadError::Partial { .. }) => found.not_here += 1,
                Err(error) => found.faults.push(fault(name, *hash, error.to_string())),
            }
        }
    }
}

fn fault(what: &str, id: impl std::fmt::Display, reason: String) -> Fault {
    Fault { what: what.to_owned(), id: id.to_string(), reason }
}
