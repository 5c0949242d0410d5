//! A context of mine with the current heads of another: where its owner is gone, work goes on.

use std::collections::BTreeSet;
use std::sync::Arc;

use dsp_protocol::api::{AccessName, Forked, NewContext, NewFork, Problem};
use dsp_protocol::id::StackId;
use dsp_protocol::name::StackName;
use dsp_protocol::sync::Command;

use super::Ops;
use super::along::Reached;
use super::audience::head_of;
use super::node::count;
use super::problem::internal;
use super::resolve::Found;
use super::scene::ContextScene;

impl Ops {
    /// Makes a private context of mine with the current heads of a context that is here. The frames
    /// are the same, so what names them goes on naming them; the heads are signed by me. Stacks
    /// whose bytes are not all here are left out and named.
    ///
    /// # Errors
    /// There is no such context, or the name is malformed or taken.
    pub async fn fork_context(
        self: &Arc<Self>,
        label: &str,
        new: NewFork,
    ) -> Result<Forked, Problem> {
        let scene = self.scene().await?;
        let from = scene.context(label)?;
        let about = match from.name() {
            Some(name) => format!("forked from {name} of {}", scene.names.of(from.owner)),
            None => String::new(),
        };
        let made = NewContext { name: new.name, about, access: Some(AccessName::Private) };
        let target = self.new_context(made).await?.id;
        let (mut stacks, mut frames, mut left_out) = (0, 0, Vec::new());
        let mut taken: BTreeSet<String> = BTreeSet::new();
        for stack in from.live() {
            let found = Found { context: from, stack };
            let Some(head) = head_of(&found) else { continue };
            let reference = scene.reference(&found);
            let Some(name) = free_name(from, &found, &scene.names.of(stack.owner), &mut taken)
            else {
                left_out.push(format!("{reference}: no name is free for it"));
                continue;
            };
            let mut wanted = match new.history {
                true => self.behind(from.id, head).await?,
                false => Vec::new(),
            };
            wanted.push(head);
            let mut reached = Reached::default();
            let mut missing = None;
            for frame in wanted {
                match self.reach_frame(&mut reached, (from.id, Some(target)), frame).await {
                    Ok(()) => {}
                    // An older frame that is not here leaves a gap; the head has to be.
                    Err(_) if frame != head => {}
                    Err(problem) => missing = Some(problem.detail),
                }
            }
            if let Some(missing) = missing {
                left_out.push(format!("{reference}: {missing}"));
                continue;
            }
            self.blobs.sync(&reached.keeps).await?;
            stacks += 1;
            frames += reached.frames.len();
            let command = Command::Mirror {
                context: target,
                // Mine is another stack here, which audiences of the old one do not hear of.
                stack: if stack.owner == self.me { new_stack()? } else { stack.stack },
                name,
                frames: reached.frames,
                blobs: reached.blobs.into_iter().collect(),
            };
            let pushing = Arc::clone(&self.pushing).lock_owned().await;
            self.publish(command, reached.keeps, pushing).await?;
        }
        let context = self.context_by_id(target).await?;
        Ok(Forked { context, stacks, frames: count(frames), left_out })
    }
}

fn new_stack() -> Result<StackId, Problem> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| internal(&error))?;
    Ok(StackId::from_bytes(id))
}

/// Returns the name of a stack in the fork: its own, and under its owner's name where stacks of
/// several have the same.
fn free_name(
    context: &ContextScene,
    found: &Found<'_>,
    owner: &str,
    taken: &mut BTreeSet<String>,
) -> Option<StackName> {
    let name = &found.stack.name;
    let folded = name.as_str().to_ascii_lowercase();
    let shared = context.live().any(|other| {
        other.owner != found.stack.owner && other.name.as_str().eq_ignore_ascii_case(&folded)
    });
    let first = found.stack.owner == context.owner || !shared;
    let under: Option<StackName> = format!("{owner}/{name}").parse().ok();
    let wanted = if first { Some(name.clone()) } else { under };
    wanted.filter(|name| taken.insert(name.as_str().to_ascii_lowercase()))
}
