//! A push of what is the head already: tags are put, and bytes that were lost come back.

use std::sync::Arc;

use dsp_protocol::api::{Problem, Pushed};
use dsp_protocol::id::{BlobHash, ContextId, FrameId};
use dsp_protocol::name::{StackName, TagName};
use dsp_protocol::sync::Command;

use super::super::scene::Scene;
use super::super::whole::to_the_end;
use super::super::{Ops, Reporter};
use super::build::Built;
use super::line;
use crate::blobs::Keep;

impl Ops {
    /// Answers a push of what is the head already. Its bytes were taken in all the same, so those
    /// that were not here count as here again.
    pub(super) async fn unchanged(
        &self,
        scene: &Scene,
        (context, name, head): (ContextId, &StackName, FrameId),
        tags: Vec<TagName>,
        (built, (files, bytes)): (Built, (u64, u64)),
        reporter: &Reporter,
    ) -> Result<Pushed, Problem> {
        // The lineage of this push has times of its own, and is no part of the head.
        let lineage = built.frame.lineage.as_ref().map(|blob| blob.hash);
        let mut blobs = built.blobs;
        blobs.retain(|(hash, _)| Some(*hash) != lineage);
        let restored = self.restore(context, &blobs, built.keeps).await?;
        let stack = scene.contexts.get(&context).and_then(|c| c.stack(scene.me, name));
        let stack = stack.expect("it has a head");
        let mut tagged = Vec::new();
        for tag in tags.into_iter().filter(|tag| stack.tags.get(tag) != Some(&head)) {
            tagged.push(tag.to_string());
            let moves = line::moves(stack, std::slice::from_ref(&tag), head);
            let deeds = self.note_moves(scene, (context, Some(stack)), &moves, head).await?;
            let command = Command::Tag { context, stack: stack.stack, tag, frame: Some(head) };
            if let Err(error) = self.node.run(command).await {
                self.unnote_moves(deeds).await;
                return Err(error.into());
            }
            for ((tag, from), deed) in moves.iter().zip(deeds) {
                reporter.note(line::moved(tag, *from, deed)).await;
            }
        }
        Ok(Pushed {
            frame: head,
            reference: self.reference_of(context, name).await?,
            context,
            files,
            bytes,
            created: false,
            unchanged: true,
            tags: tagged,
            restored,
            peers: 0,
        })
    }

    /// Records those of some blobs as here that do not count as here, and returns how many.
    async fn restore(
        &self,
        context: ContextId,
        blobs: &[(BlobHash, u64)],
        keeps: Vec<Keep>,
    ) -> Result<u64, Problem> {
        let hashes = blobs.iter().map(|(hash, _)| *hash).collect();
        let here = self.store.earned_set(context, hashes).await?;
        let back = blobs.iter().filter(|(hash, _)| !here.contains_key(hash));
        let back: Vec<(BlobHash, u64)> = back.copied().collect();
        if back.is_empty() {
            return Ok(0);
        }
        self.blobs.sync(&keeps).await?;
        let count = back.len() as u64;
        // In a task: the engine goes on when the caller does not wait, and until it is stored
        // nothing but `keeps` holds the blobs.
        let (node, trees) = (self.node.clone(), Arc::clone(&self.trees));
        to_the_end(async move {
            let again = node.run(Command::HereAgain { context, blobs: back }).await;
            trees.forget_here();
            drop(keeps);
            again.map(|_| count).map_err(Problem::from)
        })
        .await
    }
}
