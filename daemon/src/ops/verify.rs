//! Checking what is here: signatures, frames and the bytes of blobs.
//!
//! Every blob that is recorded as here has to be here, whole: missing is a fault then, and so is
//! what was here and is recorded as lost. What frames name beyond that never came, which is none.
//! Blobs are gone through in the order of their
//! hashes, and frames object by object, so that no list of all files is ever held.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use dsp_protocol::api::{Fault, Problem, Progress, RefRequest, Verified};
use dsp_protocol::id::{BlobHash, ContextId, FrameId, StatementId};
use dsp_protocol::object::{Files, Frame};
use dsp_protocol::sync::{self, Record};

use super::resolve::parse;
use super::scene::Scene;
use super::trees::{Gap, Objects};
use super::{Ops, Reporter};

/// Blobs looked up at one time.
const PAGE: usize = 1000;
/// Most blobs of a context that are told apart, so that each is counted once: about 40 MB.
const DISTINCT: usize = 1 << 20;
/// What is wrong with a blob whose loss was noticed before.
const LOST: &str = "it was here, and its bytes are damaged or gone";

/// What is checked.
#[derive(Debug, Default)]
struct Scope {
    /// Heads, with what they are called.
    heads: BTreeMap<(ContextId, StatementId), String>,
    /// Frames, with what they are called.
    frames: BTreeMap<(ContextId, FrameId), String>,
}

/// The blobs that frames name, met for the first time, each with what it is called.
type Named = Vec<(BlobHash, String)>;

/// A walk through the blobs that frames of one context name, each once.
#[derive(Debug, Default)]
struct Blobs {
    seen: HashSet<BlobHash>,
    objects: Objects,
}

impl Blobs {
    /// Returns what a frame names beside the files of its tree.
    fn begin(&mut self, name: &str, frame: &Frame) -> Named {
        if let Files::Tree(root) = &frame.files {
            self.objects.add(root);
        }
        let listed = frame.attachments().iter();
        let listed = listed.map(|file| (file.blob.hash, format!("{name}#{}", file.path)));
        let other = frame.blobs().map(|(_, blob)| (blob.hash, name.to_owned()));
        listed.chain(other).filter(|(hash, _)| self.is_new(*hash)).collect()
    }

    fn is_new(&mut self, hash: BlobHash) -> bool {
        !self.seen.contains(&hash) && (self.seen.len() >= DISTINCT || self.seen.insert(hash))
    }

    /// Returns what the next directory object names.
    ///
    /// # Errors
    /// The object breaks a rule.
    async fn next(&mut self, ops: &Ops, name: &str) -> Option<Result<Named, Gap>> {
        let met = self.objects.next(ops).await?;
        let mut named = vec![(met.blob.hash, format!("{name}#{}", met.folder))];
        match met.object {
            Ok(object) => {
                let files = object.files.iter();
                named.extend(
                    files.map(|(file, hash, _)| (*hash, format!("{name}#{}{file}", met.folder))),
                );
            }
            // Missing or damaged here shows when the object itself is looked at.
            Err(Gap::Missing(_)) => {}
            Err(gap) => return Some(Err(gap)),
        }
        named.retain(|(hash, _)| self.is_new(*hash));
        Some(Ok(named))
    }
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
        match &request.reference {
            Some(text) => self.verify_one(&scene, text, &mut found, reporter).await?,
            None => self.verify_all(&scene, &mut found, reporter).await?,
        }
        Ok(found)
    }

    async fn verify_one(
        &self,
        scene: &Scene,
        text: &str,
        found: &mut Verified,
        reporter: &Reporter,
    ) -> Result<(), Problem> {
        let reference = parse(text)?;
        let frame = self.frame_of(scene, &reference).await?;
        let (context, id) = (frame.context.id, frame.frame);
        let mut scope = Scope::default();
        let name = scene.reference(&frame.stack());
        let heads = frame.stack.heads.iter().filter(|head| head.frame == id);
        scope.heads.extend(heads.map(|head| ((context, head.id), name.clone())));
        scope.frames.insert((context, id), name.clone());
        self.verify_statements(&scope, found).await?;
        let frame = match self.stored_frame(context, id).await {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(()),
            Err(problem) => {
                found.faults.push(fault(&name, id, problem.detail));
                return Ok(());
            }
        };
        if reference.attachment.is_some() {
            let file = self.pick(&frame, &reference, text).await??;
            let named = vec![(file.blob.hash, format!("{name}#{}", file.path))];
            return self.verify_named(context, named, found, reporter).await;
        }
        let mut blobs = Blobs::default();
        let named = blobs.begin(&name, &frame);
        self.verify_named(context, named, found, reporter).await?;
        while let Some(named) = blobs.next(self, &name).await {
            match named {
                Ok(named) => self.verify_named(context, named, found, reporter).await?,
                Err(gap) => found.faults.push(fault(&name, id, Problem::from(gap).detail)),
            }
        }
        Ok(())
    }

    /// Checks those of some blobs that are recorded as here in a context.
    async fn verify_named(
        &self,
        context: ContextId,
        named: Named,
        found: &mut Verified,
        reporter: &Reporter,
    ) -> Result<(), Problem> {
        let hashes: Vec<BlobHash> = named.iter().map(|(hash, _)| *hash).collect();
        let here = self.store.earned_set(context, hashes.clone()).await?;
        let lost = self.store.lost_set(context, hashes).await?;
        for (hash, name) in named {
            if here.contains_key(&hash) {
                if let Some(reason) = self.verify_blob(hash, found, reporter).await {
                    found.faults.push(fault(&name, hash, reason));
                }
            } else if lost.contains(&hash) {
                found.faults.push(fault(&name, hash, LOST.to_owned()));
            } else {
                found.not_here += 1;
            }
        }
        Ok(())
    }

    async fn verify_all(
        &self,
        scene: &Scene,
        found: &mut Verified,
        reporter: &Reporter,
    ) -> Result<(), Problem> {
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
                let label = || format!("{} frame {}", scene.label(context), frame.short());
                scope.frames.entry((id, frame)).or_insert_with(label);
            }
        }
        self.verify_statements(&scope, found).await?;
        let mut bad = self.verify_earned(found, reporter).await?;
        for context in scene.contexts.keys() {
            let mut blobs = Blobs::default();
            let frames = scope.frames.range((*context, FrameId::from_bytes([0; 32]))..);
            for ((_, id), name) in frames.take_while(|((of, _), _)| of == context) {
                let frame = match self.stored_frame(*context, *id).await {
                    Ok(Some(frame)) => frame,
                    // The statements were checked: those that should be here are faults by now.
                    Ok(None) => continue,
                    Err(problem) => {
                        found.faults.push(fault(name, id, problem.detail));
                        continue;
                    }
                };
                let named = blobs.begin(name, &frame);
                self.sort_named(*context, named, &mut bad, found).await?;
                while let Some(named) = blobs.next(self, name).await {
                    match named {
                        Ok(named) => self.sort_named(*context, named, &mut bad, found).await?,
                        Err(gap) => found.faults.push(fault(name, id, Problem::from(gap).detail)),
                    }
                }
            }
        }
        // What no frame here names any more is kept, and therefore has to be right, too.
        for (hash, reason) in bad {
            found.faults.push(fault(&format!("blob {}", hash.short()), hash, reason));
        }
        Ok(())
    }

    /// Checks all that is recorded as here in any context; returns what does not hold, and why.
    async fn verify_earned(
        &self,
        found: &mut Verified,
        reporter: &Reporter,
    ) -> Result<BTreeMap<BlobHash, String>, Problem> {
        let mut bad = BTreeMap::new();
        let mut after = None;
        loop {
            let page = self.store.all_earned(after, PAGE).await?;
            after = page.last().copied();
            for hash in &page {
                if let Some(reason) = self.verify_blob(*hash, found, reporter).await {
                    bad.insert(*hash, reason);
                }
            }
            if page.len() < PAGE {
                return Ok(bad);
            }
        }
    }

    /// Counts those of some blobs that never came, and names those that are lost or do not hold.
    async fn sort_named(
        &self,
        context: ContextId,
        named: Named,
        bad: &mut BTreeMap<BlobHash, String>,
        found: &mut Verified,
    ) -> Result<(), Problem> {
        let hashes: Vec<BlobHash> = named.iter().map(|(hash, _)| *hash).collect();
        let here = self.store.earned_set(context, hashes.clone()).await?;
        let lost = self.store.lost_set(context, hashes).await?;
        for (hash, name) in named {
            if here.contains_key(&hash) {
                if let Some(reason) = bad.remove(&hash) {
                    found.faults.push(fault(&name, hash, reason));
                }
            } else if lost.contains(&hash) {
                found.faults.push(fault(&name, hash, LOST.to_owned()));
            } else {
                found.not_here += 1;
            }
        }
        Ok(())
    }

    /// Checks one blob that is recorded as here; returns what is wrong with it.
    async fn verify_blob(
        &self,
        hash: BlobHash,
        found: &mut Verified,
        reporter: &Reporter,
    ) -> Option<String> {
        let (files, bytes) = (found.blobs, found.bytes);
        reporter.progress(|| Progress {
            what: "verifying".to_owned(),
            bytes,
            bytes_total: None,
            files,
            files_total: None,
        });
        match self.blobs.verify(hash).await {
            Ok(size) => {
                found.blobs += 1;
                found.bytes = found.bytes.saturating_add(size);
                None
            }
            Err(error) => Some(error.to_string()),
        }
    }

    /// Judges everything that is stored anew and returns what does not hold.
    ///
    /// # Errors
    /// The daemon stops, or its database fails.
    pub(crate) async fn judge_anew(&self) -> Result<Vec<String>, Problem> {
        let mut found =
            Verified { heads: 0, frames: 0, blobs: 0, bytes: 0, not_here: 0, faults: Vec::new() };
        let scene = self.scene().await?;
        let mut scope = Scope::default();
        for context in scene.contexts.values() {
            for stack in context.live() {
                let name = scene.reference(&super::resolve::Found { context, stack });
                for head in &stack.heads {
                    scope.heads.insert((context.id, head.id), name.clone());
                    scope.frames.insert((context.id, head.frame), name.clone());
                }
            }
        }
        self.verify_statements(&scope, &mut found).await?;
        let line = |fault: Fault| format!("{}: {}", fault.what, fault.reason);
        Ok(found.faults.into_iter().map(line).collect())
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

    /// Tells whether the running engine has a frame whose bytes are to be here.
    async fn holds(&self, (context, frame): (ContextId, FrameId)) -> Result<bool, Problem> {
        let holds = self.node.query(move |engine| {
            let context = engine.context(context);
            // Of what was withdrawn only the gap is left.
            context.is_some_and(|c| c.frame(frame).is_some() && !c.is_withdrawn(frame))
        });
        Ok(holds.await?)
    }
}

fn fault(what: &str, id: impl std::fmt::Display, reason: String) -> Fault {
    Fault { what: what.to_owned(), id: id.to_string(), reason }
}
