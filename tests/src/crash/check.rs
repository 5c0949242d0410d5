//! Whether everything is there that was acknowledged, and nothing is that should not be.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, bail, ensure};
use dsp_protocol::api::{FrameInfo, ProblemCode, RefRequest, Verified};

use super::deeds::{Begun, Kept, Ledger, Push};
use crate::Node;
use crate::api::CallError;

impl Ledger {
    /// Looks at everything.
    ///
    /// # Errors
    /// Says what is lost, wrong or half.
    pub(super) async fn check(&self, node: &Node) -> anyhow::Result<()> {
        let all = RefRequest { reference: None };
        let verified: Verified = node.api().steps("/verify", &all).await.context("LOST: verify")?;
        ensure!(verified.faults.is_empty(), "LOST: verify finds {:?}", verified.faults);
        for kept in &self.mine {
            is_whole(node, &kept.push.stack, kept).await?;
        }
        for kept in &self.theirs {
            is_whole(node, &format!("alice:{}", kept.push.stack), kept).await?;
        }
        let stacks: BTreeSet<&String> = self.begun.iter().map(|begun| &begun.push.stack).collect();
        for stack in stacks.into_iter().filter(|stack| !self.removed.contains(*stack)) {
            self.head_is_known(node, stack).await?;
        }
        Ok(())
    }

    /// Checks what was pushed last through the command line, too.
    ///
    /// # Errors
    /// Says what is lost.
    pub(super) async fn check_by_cli(&self, node: &Node) -> anyhow::Result<()> {
        let said = node.cli(["verify"]).await?;
        ensure!(said.status.success(), "LOST: dsp verify: {said:?}");
        let Some(kept) = self.mine.last() else { return Ok(()) };
        let reference = format!("{}@{}", kept.push.stack, kept.frame);
        let got = node.cli(["get", &reference, "-o", "got", "--force"]).await?;
        ensure!(got.status.success(), "LOST: dsp get: {got:?}");
        for (path, bytes) in &kept.push.files {
            let file = node.scratch()?.join("got").join(path);
            ensure!(fs::read(&file)? == *bytes, "WRONG: dsp get {reference}: {path}");
        }
        Ok(fs::remove_dir_all(node.scratch()?.join("got"))?)
    }

    /// Checks that the head of a stack is the last push that was acknowledged, or a later one that
    /// was not, whole.
    async fn head_is_known(&self, node: &Node, stack: &str) -> anyhow::Result<()> {
        let of = |begun: &&Begun| begun.push.stack == *stack;
        let begun: Vec<&Begun> = self.begun.iter().filter(of).collect();
        let last = begun.iter().rposition(|begun| begun.acknowledged);
        let may_be = &begun[last.unwrap_or(0)..];
        let head: FrameInfo = match node.api().get("/frame", &[("ref", stack)]).await {
            Ok(head) => head,
            Err(CallError::Problem(problem)) if problem.code == ProblemCode::NotFound => {
                ensure!(last.is_none(), "LOST: {stack} has no head");
                return Ok(());
            }
            Err(error) => bail!("LOST: the head of {stack}: {error}"),
        };
        let mut why = Vec::new();
        for Begun { push, .. } in may_be {
            let count = push.files.len() as u64;
            let kept = Kept { push: Push::clone(push), frame: head.id };
            match is_whole(node, stack, &kept).await {
                Ok(()) if head.files_total == count => return Ok(()),
                Ok(()) => why.push(format!("it has {count} files")),
                Err(error) => why.push(error.to_string()),
            }
        }
        let (count, whole) = (may_be.len(), head.files_total);
        bail!(
            "HALF: {stack} is at {} of {whole} files, which is none of {count} pushes: {why:?}",
            head.id
        )
    }
}

async fn is_whole(node: &Node, stack: &str, kept: &Kept) -> anyhow::Result<()> {
    for (path, bytes) in &kept.push.files {
        let reference = format!("{stack}@{}#{path}", kept.frame);
        match node.api().content(&reference).await {
            Ok(read) => ensure!(read == *bytes, "WRONG: {reference} has other bytes"),
            Err(error) => bail!("LOST: {reference} ({} bytes): {error}", bytes.len()),
        }
    }
    Ok(())
}
