//! Pushing: files become blobs, blobs a frame, and the head of a stack moves to it.
//!
//! Bytes are taken in first, however long that takes; then, one push at a time, the current heads
//! become the parents of the frame, everything is synced to the disk, and the engine signs.

mod build;
mod exclude;
mod import;
mod line;
#[cfg(test)]
mod tests;
mod unchanged;
mod walk;

use std::sync::Arc;

use dsp_protocol::api::{NewFrame, Problem, ProblemCode, Pushed};
use dsp_protocol::id::{ContextId, FrameId, StackId};
use dsp_protocol::name::{StackName, TagName};
use dsp_protocol::object::Frame;
use dsp_protocol::reference::Rev;
use dsp_protocol::statement::Role;
use dsp_protocol::sync::{Command, Reply};
use tokio::sync::OwnedMutexGuard;

pub(super) use self::build::Built;
pub(super) use self::line::AfterRemoval;
use super::contexts::unexpected;
use super::problem::bad_request;
use super::resolve::{Found, parse};
use super::scene::Scene;
use super::stacks::not_yours;
use super::whole::to_the_end;
use super::{Ops, Reporter};
use crate::blobs::Keep;
use crate::node::RunError;

/// Most heads that become parents.
const PARENTS: usize = dsp_protocol::limits::FRAME_PARENTS;

impl Ops {
    /// Makes a frame and moves the head of a stack of mine to it.
    ///
    /// # Errors
    /// The request breaks a rule, a file cannot be read, the disk is full, or I may not push there.
    pub async fn push(
        self: &Arc<Self>,
        new: NewFrame,
        reporter: &Reporter,
    ) -> Result<Pushed, Problem> {
        let scene = self.scene().await?;
        let (context, name) = target(&scene, &new.stack)?;
        let tags: Vec<TagName> = new
            .tags
            .iter()
            .map(|tag| tag.parse().map_err(bad_request))
            .collect::<Result<_, _>>()?;
        let draft = self.draft(&scene, context, &new).await?;
        let planned = walk::walk(new.files, new.exclude, self.home.root().to_owned()).await?;
        for note in planned.notes {
            reporter.note(note).await;
        }
        self.quota_for_files(&planned.files, reporter).await?;
        let taken = self.import(planned.files, reporter).await?;
        let sum = taken.sum();
        let built = self.build(draft, taken).await?;
        self.move_head((context, name, AfterRemoval::GoesOn), tags, (built, sum), reporter).await
    }

    /// Makes a frame whose bytes are here the head of a stack of mine; `sum` is how many files it
    /// has, and their bytes. A frame without a time gets that of the push. A stack that I removed is
    /// here again, with the history that it had or without.
    ///
    /// # Errors
    /// The frame breaks a rule, the disk is full, or I may not push there.
    pub(super) async fn move_head(
        self: &Arc<Self>,
        (context, name, after): (ContextId, StackName, AfterRemoval),
        tags: Vec<TagName>,
        (built, sum): (Built, (u64, u64)),
        reporter: &Reporter,
    ) -> Result<Pushed, Problem> {
        let pushing = Arc::clone(&self.pushing).lock_owned().await;
        // Of two pushes at once each may have fitted alone.
        self.quota_for(built.blobs.iter().copied()).await?;
        let scene = self.scene().await?;
        let before = scene.contexts.get(&context).and_then(|c| c.stack(scene.me, &name));
        let heads: Vec<FrameId> =
            before.iter().flat_map(|stack| &stack.heads).map(|head| head.frame).collect();
        if let [head] = heads[..]
            && self.equals(context, head, &built.frame).await?
        {
            let head = (context, &name, head);
            return self.unchanged(&scene, head, tags, (built, sum), reporter).await;
        }
        let heads_before = heads.len();
        let parents = match before {
            Some(stack) => self.parents(context, stack, heads, after).await?,
            None => heads,
        };
        let restored = heads_before == 0 && !parents.is_empty();
        let frame = Frame {
            parents: parents.into_iter().take(PARENTS).collect(),
            time: match built.frame.time {
                0 => super::time::now(),
                told => told,
            },
            ..built.frame
        };
        let bytes = frame.encode().map_err(bad_request)?;
        let id = FrameId::of(&bytes);
        self.blobs.sync(&built.keeps).await?;
        let blobs = built.blobs;
        let tagged = tags.iter().map(ToString::to_string).collect();
        let moves = before.map(|stack| line::moves(stack, &tags, id)).unwrap_or_default();
        let deeds = self.note_moves(&scene, (context, before), &moves, id).await?;
        let command = Command::Push { context, stack: name.clone(), frame: bytes, blobs, tags };
        let published = self.publish(command, built.keeps, pushing).await;
        if published.is_err() {
            self.unnote_moves(deeds.iter().copied()).await;
        }
        let (created, peers) = match published? {
            Reply::Pushed { created, peers, .. } => (created, peers),
            other => return Err(unexpected(&other)),
        };
        if heads_before > 1 {
            let note = format!("replaces {heads_before} heads, and goes on from all of them");
            reporter.note(note).await;
        }
        if restored {
            let note = format!("`{name}` was removed; it is here again and goes on from there");
            reporter.note(note).await;
        }
        for ((tag, from), deed) in moves.iter().zip(deeds) {
            reporter.note(line::moved(tag, *from, deed)).await;
        }
        let stack = self.my_stack_id(context, &name).await?;
        if let Some(stack) = stack.filter(|_| !created) {
            self.push_to_audiences((context, stack), reporter).await?;
        }
        if created && let Some(label) = scene.label_before(&name) {
            let note = format!(
                "this stack is called `{name}`; in the context {label} it would be `{}`",
                label_reference(&label, &name)
            );
            reporter.note(note).await;
        }
        Ok(Pushed {
            frame: id,
            reference: self.reference_of(context, &name).await?,
            context,
            files: sum.0,
            bytes: sum.1,
            created,
            unchanged: false,
            tags: tagged,
            restored: 0,
            peers: super::node::count(peers),
        })
    }

    /// Has the engine sign a push. In a task: the engine goes on when the caller does not wait, and
    /// until the index names the blobs nothing but `keeps` holds them.
    pub(super) async fn publish(
        &self,
        command: Command,
        keeps: Vec<Keep>,
        pushing: OwnedMutexGuard<()>,
    ) -> Result<Reply, RunError> {
        let node = self.node.clone();
        to_the_end(async move {
            let reply = node.run(command).await;
            drop((keeps, pushing));
            reply
        })
        .await
    }

    async fn reference_of(&self, context: ContextId, name: &StackName) -> Result<String, Problem> {
        let scene = self.scene().await?;
        let found = scene
            .contexts
            .get(&context)
            .and_then(|context| Some(Found { context, stack: context.stack(scene.me, name)? }));
        Ok(found.map_or_else(|| name.to_string(), |found| scene.reference(&found)))
    }

    async fn my_stack_id(
        &self,
        context: ContextId,
        name: &StackName,
    ) -> Result<Option<StackId>, Problem> {
        let (me, name) = (self.me, name.clone());
        let stack = self
            .node
            .query(move |engine| Some(engine.context(context)?.view().stack(me, &name)?.stack));
        Ok(stack.await?)
    }

    /// Tells whether a frame says what the head says; parents, times, and what made it aside.
    async fn equals(
        &self,
        context: ContextId,
        head: FrameId,
        new: &Frame,
    ) -> Result<bool, Problem> {
        let Some(old) = self.stored_frame(context, head).await? else { return Ok(false) };
        let lineage = old.lineage.clone();
        let same = Frame {
            parents: old.parents.clone(),
            time: old.time,
            lineage: lineage.clone(),
            settings: old.settings.clone(),
            ..new.clone()
        } == old;
        Ok(same && self.same_lineage(lineage.as_ref(), new.lineage.as_ref()).await?)
    }
}

/// Finds where a push goes: a context, and the name of a stack of mine in it.
fn target(scene: &Scene, text: &str) -> Result<(ContextId, StackName), Problem> {
    let reference = parse(text)?;
    if reference.rev != Rev::Head || reference.attachment.is_some() {
        return Err(bad_request(format!("`{text}`: a stack is pushed to, not a frame of it"))
            .with_hint("write the stack without `@` and `#`; `--tag` sets a tag"));
    }
    let context = match scene.place(reference.owner.as_ref()) {
        Ok(context) => context,
        // A user where a context should be: her stack is meant.
        Err(problem) => {
            let theirs = scene.stack(&reference).ok().filter(|found| found.stack.owner != scene.me);
            return Err(theirs.map_or(problem, |found| not_yours(scene, &found)));
        }
    };
    if context.my_role < Role::Writer {
        let label = scene.label(context);
        let hint = match context.role_pending {
            Some(role) => format!(
                "your ticket makes you a {role} once a device of an owner is reached; `dsp status` \
                 tells"
            ),
            None => "push to a context of your own: `dsp context switch main`".to_owned(),
        };
        return Err(Problem::new(
            ProblemCode::Refused,
            format!("you may not push to {label}: your role there is {}", context.my_role),
        )
        .with_hint(hint));
    }
    Ok((context.id, reference.stack))
}

/// Returns how the rest of a name that begins with the label of a context is written as a stack
/// there.
fn label_reference(label: &str, name: &StackName) -> String {
    let rest = name.as_str().strip_prefix(label).unwrap_or_default().trim_start_matches('/');
    match label.contains('/') {
        true => format!("{label}:{rest}"),
        false => format!("me/{label}:{rest}"),
    }
}
