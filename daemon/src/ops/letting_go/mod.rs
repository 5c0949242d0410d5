//! Dropping: bytes here are freed where somebody else just proved to hold them.
//!
//! What says which files there are stays. Before anybody is asked, the blobs are served to nobody
//! more, until it is stored that they are not here any more: who dropped them at the same time
//! could not count on this node, and nobody proves with bytes from here.
//!
//! Each context has blobs for itself. What another one has too is let go of in the one that is
//! meant, with the same proof, and its bytes stay until the other lets go of them. A context in the
//! trash counts for nothing: it goes by itself.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dsp_protocol::api::{
    BlobHolder, DropMode, DropReport, DropRequest, Problem, ProblemCode, Progress, StayReason,
    StayingFile,
};
use dsp_protocol::id::{BlobHash, ContextId, DeviceId, FrameId};
use dsp_protocol::reference::Rev;
use dsp_protocol::sync::Command;

use super::node::count;
use super::problem::bad_request;
use super::reach::{Named, Reach};
use super::resolve::{FoundFrame, parse};
use super::scene::{ContextScene, Scene};
use super::time::{now, rfc3339};
use super::whole::to_the_end;
use super::{Ops, Reporter};
use crate::node::{Confirmed, confirm};
use crate::store::{DEED_BLOBS, Deed};

/// Most files that an answer names.
const NAMED: usize = 1000;
/// How many of those an error names.
const IN_ERROR: usize = 10;

/// What is to go, and what of it stays.
#[derive(Debug, Default)]
struct Plan {
    frames: BTreeSet<FrameId>,
    goes: BTreeMap<BlobHash, Named>,
    /// What this context lets go of, and another one has too.
    elsewhere: BTreeMap<BlobHash, Named>,
    stays: Vec<StayingFile>,
}

impl Plan {
    /// Returns what the context lets go of.
    fn let_go(&self) -> impl Iterator<Item = (&BlobHash, &Named)> {
        self.goes.iter().chain(&self.elsewhere)
    }
}

impl Ops {
    /// Frees the bytes of an attachment, a frame or a stack that somebody else holds.
    ///
    /// # Errors
    /// There is no such thing; all of it is pinned; or nobody connected proved to hold it, and
    /// nothing was freed.
    pub async fn drop_bytes(
        self: &Arc<Self>,
        request: &DropRequest,
        reporter: &Reporter,
    ) -> Result<DropReport, Problem> {
        let reference = parse(&request.reference)?;
        if request.all && (reference.rev != Rev::Head || reference.attachment.is_some()) {
            let detail = format!("`{}`: a stack is meant, not a part of it", request.reference);
            return Err(bad_request(detail).with_hint("leave out what stands behind `@` and `#`"));
        }
        // One at a time, and no pin in between.
        let keeping = Arc::clone(&self.keeping).lock_owned().await;
        let scene = self.scene().await?;
        let (context, mut plan) = self.plan_drop(&scene, request).await?;
        let hashes: Vec<BlobHash> = plan.let_go().map(|(hash, _)| *hash).collect();
        let withheld = self.blobs.withhold(hashes.clone());
        let total = hashes.len() as u64;
        let asked = |done: usize| {
            reporter.progress(|| Progress {
                what: "asking who else has it".to_owned(),
                bytes: 0,
                bytes_total: None,
                files: done as u64,
                files_total: Some(total),
            });
        };
        let confirmed =
            confirm(&self.node, &self.net, &self.blobs, context, hashes.clone(), asked).await?;
        self.note_holders(&confirmed).await?;
        // Asking may have taken minutes, and somebody may have pushed the same bytes meanwhile.
        let pushing = Arc::clone(&self.pushing).lock_owned().await;
        let scene = self.scene().await?;
        self.look_again(&scene, context, &mut plan).await?;
        let mut report = self.report(&plan, &confirmed, &scene).await?;
        let nothing = plan.goes.is_empty() && plan.elsewhere.is_empty();
        if request.mode == DropMode::Check || nothing {
            return Ok(report);
        }
        if request.mode == DropMode::Confirmed && report.unconfirmed_total > 0 {
            let elsewhere = plan.elsewhere.len() as u64;
            return Err(nobody_proved(&request.reference, &report, elsewhere));
        }
        let blobs: Vec<(BlobHash, u64)> =
            plan.let_go().map(|(hash, file)| (*hash, file.size)).collect();
        let hashes: Vec<BlobHash> = blobs.iter().map(|(hash, _)| *hash).collect();
        let node = self.node.clone();
        // What is withheld is so until it is stored, whoever waits.
        let letting_go = to_the_end(async move {
            let reply = node.run(Command::Drop { context, blobs }).await;
            drop((withheld, keeping, pushing));
            reply.map_err(Problem::from)
        });
        if self.trash_keep_ms() > 0 && hashes.len() <= DEED_BLOBS {
            let deed = Deed::LetGo { context, blobs: hashes };
            let name = request.reference.clone();
            report.undo = Some(self.noted(name, deed, letting_go).await?.1);
        } else {
            letting_go.await?;
        }
        self.trees.forget_here();
        if self.are_collections_held() {
            let note =
                "the bytes are freed by `dsp gc` only: the database was put back or made anew";
            reporter.note(note).await;
        }
        report.freed = Some(self.collect_soon().await);
        Ok(report)
    }

    /// Finds out what is meant, and what of it stays whoever else has it.
    async fn plan_drop(
        &self,
        scene: &Scene,
        request: &DropRequest,
    ) -> Result<(ContextId, Plan), Problem> {
        let reference = parse(&request.reference)?;
        let mut plan = Plan::default();
        let (context, meant) = match request.all {
            true => {
                let found = scene.stack(&reference)?;
                let name = scene.reference(&found);
                let history = self.history_ever(found.context.id, found.stack).await?;
                plan.frames = history.frames().collect();
                let frames = plan.frames.iter().map(|frame| (*frame, name.clone())).collect();
                let reach = self.reach(found.context.id, frames).await?;
                (found.context, reach.files)
            }
            false => {
                let found = self.frame_of(scene, &reference).await?;
                plan.frames.insert(found.frame);
                (found.context, self.files_meant(scene, &found, request).await?)
            }
        };
        plan.goes = meant;
        self.sort_out(scene, context, &mut plan).await?;
        let pinned = |file: &StayingFile| file.why == StayReason::Pinned;
        if plan.goes.is_empty() && !plan.stays.is_empty() && plan.stays.iter().all(pinned) {
            let detail = format!("`{}` is pinned, and pinned bytes stay", request.reference);
            return Err(Problem::new(ProblemCode::Conflict, detail)
                .with_hint("`dsp pin --list` shows the pins, `dsp unpin` takes one away"));
        }
        Ok((context.id, plan))
    }

    /// Sorts out what of a plan stays by how things are now. The caller holds `pushing`.
    async fn look_again(
        &self,
        scene: &Scene,
        context: ContextId,
        plan: &mut Plan,
    ) -> Result<(), Problem> {
        match scene.contexts.get(&context) {
            Some(context) => self.sort_out(scene, context, plan).await,
            None => Err(Problem::new(ProblemCode::Conflict, "the context was dropped meanwhile")),
        }
    }

    /// Sorts out what of a plan stays: what is pinned, or named by something else than the frames
    /// that are meant. What is not here is left out. The caller holds `keeping`.
    async fn sort_out(
        &self,
        scene: &Scene,
        context: &ContextScene,
        plan: &mut Plan,
    ) -> Result<(), Problem> {
        let id = context.id;
        plan.goes.append(&mut plan.elsewhere);
        plan.stays.retain(|file| file.why != StayReason::OtherContext);
        let here = self.store.earned_set(id, plan.goes.keys().copied().collect()).await?;
        self.refresh_pinned(id).await?;
        let pinned = self.store.pinned(None).await?;
        let current = self.named_by_other_heads(scene, context, &plan.frames).await?;
        let meant = std::mem::take(&mut plan.goes);
        for (hash, file) in meant.into_iter().filter(|(hash, _)| here.contains_key(hash)) {
            let stays = |file: Named, why, contexts| StayingFile { file: file.name, why, contexts };
            if pinned.contains(&hash) {
                plan.stays.push(stays(file, StayReason::Pinned, Vec::new()));
                continue;
            }
            if current.files.contains_key(&hash) {
                plan.stays.push(stays(file, StayReason::CurrentHead, Vec::new()));
                continue;
            }
            let others = self.store.contexts_of_blob(hash).await?;
            let others = others.iter().filter(|other| **other != id);
            let others = others.filter_map(|other| scene.contexts.get(other));
            let labels: Vec<String> = others.map(|other| scene.label(other)).collect();
            if labels.is_empty() {
                plan.goes.insert(hash, file);
            } else {
                plan.stays.push(stays(file.clone(), StayReason::OtherContext, labels));
                plan.elsewhere.insert(hash, file);
            }
        }
        Ok(())
    }

    async fn files_meant(
        &self,
        scene: &Scene,
        found: &FoundFrame<'_>,
        request: &DropRequest,
    ) -> Result<BTreeMap<BlobHash, Named>, Problem> {
        let reference = parse(&request.reference)?;
        let name = scene.reference(&found.stack());
        let frame = self.frame_here(found.context.id, found.frame).await?;
        if reference.attachment.is_some() {
            let file = self.pick(&frame, &reference, &request.reference).await??;
            let named = Named { size: file.blob.size, name: format!("{name}#{}", file.path) };
            return Ok(BTreeMap::from([(file.blob.hash, named)]));
        }
        let mut reach = Reach::default();
        reach.add(self, &name, &frame).await?;
        Ok(reach.files)
    }

    /// Returns what current heads of a context name that are not among some frames: who drops an
    /// older frame does not mean what a newer one has in common with it.
    async fn named_by_other_heads(
        &self,
        scene: &Scene,
        context: &ContextScene,
        frames: &BTreeSet<FrameId>,
    ) -> Result<Reach, Problem> {
        let mut heads = Vec::new();
        for stack in context.live() {
            let name = scene.reference(&super::resolve::Found { context, stack });
            let others = stack.heads.iter().filter(|head| !frames.contains(&head.frame));
            heads.extend(others.map(|head| (head.frame, name.clone())));
        }
        self.reach(context.id, heads).await
    }

    async fn report(
        &self,
        plan: &Plan,
        confirmed: &Confirmed,
        scene: &Scene,
    ) -> Result<DropReport, Problem> {
        let unconfirmed = || plan.let_go().filter(|(h, _)| !confirmed.holders.contains_key(h));
        let mut held: BTreeMap<DeviceId, (u64, u64)> = BTreeMap::new();
        for (hash, devices) in &confirmed.holders {
            for device in devices {
                let (blobs, bytes) = held.entry(*device).or_default();
                *blobs += 1;
                let file = plan.goes.get(hash).or_else(|| plan.elsewhere.get(hash));
                *bytes += file.map_or(0, |file| file.size);
            }
        }
        let time = now();
        let held = held.into_iter().map(|(device, sum)| (device, (sum.0, sum.1, time))).collect();
        Ok(DropReport {
            frames: count(plan.frames.len()),
            files: plan.goes.len() as u64,
            bytes: plan.goes.values().map(|file| file.size).fold(0, u64::saturating_add),
            holders: self.holder_infos(scene, held).await?,
            peers_asked: count(confirmed.asked),
            unconfirmed: unconfirmed().map(|(_, file)| file.name.clone()).take(NAMED).collect(),
            unconfirmed_total: unconfirmed().count() as u64,
            stays: plan.stays.iter().take(NAMED).cloned().collect(),
            stays_total: plan.stays.len() as u64,
            freed: None,
            undo: None,
        })
    }

    /// Returns holders as the API shows them: blobs, bytes and when, by device.
    pub(super) async fn holder_infos(
        &self,
        scene: &Scene,
        held: BTreeMap<DeviceId, (u64, u64, i64)>,
    ) -> Result<Vec<BlobHolder>, Problem> {
        let devices: Vec<DeviceId> = held.keys().copied().collect();
        let users = self.node.query(move |engine| {
            let users = devices.into_iter().map(|device| (device, engine.user_of(device)));
            users.collect::<BTreeMap<_, _>>()
        });
        let users = users.await?;
        let infos = held.into_iter().map(|(device, (blobs, bytes, time))| BlobHolder {
            user: users[&device].map_or_else(|| device.short(), |user| scene.names.of(user)),
            device,
            blobs,
            bytes,
            when: rfc3339(time),
        });
        Ok(infos.collect())
    }

    /// Remembers who just proved to hold what.
    pub(super) async fn note_holders(&self, confirmed: &Confirmed) -> Result<(), Problem> {
        let pairs = confirmed.holders.iter();
        let pairs = pairs.flat_map(|(hash, devices)| devices.iter().map(|d| (*hash, *d)));
        Ok(self.store.note_holders(pairs.collect(), now()).await?)
    }
}

fn nobody_proved(reference: &str, report: &DropReport, elsewhere: u64) -> Problem {
    let named = report.unconfirmed.iter().take(IN_ERROR).cloned().collect::<Vec<_>>().join(", ");
    let more = if report.unconfirmed_total > IN_ERROR as u64 { ", …" } else { "" };
    let asked = match report.peers_asked {
        0 => "no peer of the context is connected".to_owned(),
        1 => "the one connected peer was asked".to_owned(),
        n => format!("{n} connected peers were asked"),
    };
    let detail = format!(
        "`{reference}`: nobody proved to hold {} of {} files: {named}{more}",
        report.unconfirmed_total,
        report.files + elsewhere
    );
    let mut problem = Problem::new(ProblemCode::Refused, detail).with_hint(
        "nothing was freed; try again when somebody who has it is online, or `dsp drop --force` \
         frees it all the same",
    );
    problem.causes.push(asked);
    problem
}
