//! What a reference looks like from here: a frame, and perhaps an attachment of it.
//!
//! The daemon reads references; here only the attachment is told apart, because files are asked
//! for by the id of the frame once that is known.

use clap::Args;
use dsp_protocol::api::{FileInfo, FrameInfo, StackInfo};

use crate::client::{Client, Url};
use crate::error::{Error, Result};
use crate::output::Ui;

/// A reference on the command line.
#[derive(Args, Clone, Debug)]
pub(crate) struct RefArgs {
    /// Stack, frame or attachment: [user[/context]:]stack[@rev][#path]
    #[arg(value_name = "REF")]
    reference: String,
    /// Fail with code 6 where the stack has several heads
    #[arg(long)]
    strict: bool,
}

impl RefArgs {
    /// Returns the reference as it was typed.
    pub(crate) fn text(&self) -> &str {
        &self.reference
    }

    /// Returns what stands before `#`, and the attachment after it.
    pub(crate) fn split(&self) -> (&str, Option<&str>) {
        split(&self.reference)
    }

    /// Finds the frame; warns where the stack has several heads, or fails under `--strict`.
    pub(crate) async fn frame(&self, client: &Client, ui: &Ui) -> Result<FrameInfo> {
        let (base, _) = self.split();
        let frame: FrameInfo = client.get(&Url::new(&["frame"]).query("ref", base)).await?;
        self.check_heads(&frame.stack, ui)?;
        Ok(frame)
    }

    /// Finds the stack, and treats several heads as [`frame`](Self::frame) does.
    pub(crate) async fn stack(&self, client: &Client, ui: &Ui) -> Result<StackInfo> {
        let (base, _) = self.split();
        let stack: StackInfo = client.get(&Url::new(&["stack"]).query("ref", base)).await?;
        self.check_heads(&stack, ui)?;
        Ok(stack)
    }

    fn check_heads(&self, stack: &StackInfo, ui: &Ui) -> Result<()> {
        let (base, _) = self.split();
        if stack.other_heads.is_empty() || names_a_frame(base) {
            return Ok(());
        }
        let heads = stack.other_heads.len() + 1;
        let text = format!("{} has {heads} heads, pushed while apart", stack.reference);
        let candidates: Vec<String> =
            (1..=heads).map(|n| format!("{}@head^{n}", stack.reference)).collect();
        if self.strict {
            return Err(Error::ambiguous(text, candidates));
        }
        ui.warn(&format!(
            "{text}; this is the first, the others are {}",
            candidates[1..].join(", ")
        ));
        Ok(())
    }
}

/// Splits a reference at the first `#`: what follows is a path, verbatim.
pub(crate) fn split(reference: &str) -> (&str, Option<&str>) {
    match reference.split_once('#') {
        Some((base, attachment)) => (base, Some(attachment)),
        None => (reference, None),
    }
}

/// Tells whether a revision is named, so that several heads do not matter.
fn names_a_frame(base: &str) -> bool {
    base.split_once('@').is_some_and(|(_, rev)| rev != "head")
}

/// Returns a reference to this very frame, whatever is pushed meanwhile.
pub(crate) fn exact(frame: &FrameInfo) -> String {
    format!("{}@{}", frame.stack.reference, frame.id)
}

/// Lists all files of a frame.
pub(crate) async fn files(client: &Client, frame: &FrameInfo) -> Result<Vec<FileInfo>> {
    if frame.files.len() as u64 == frame.files_total {
        return Ok(frame.files.clone());
    }
    client.list(&Url::new(&["files"]).query("ref", &exact(frame)), None).await
}

/// Picks an attachment: the one of this very path, else the one at this index from zero.
pub(crate) fn pick<'a>(
    files: &'a [FileInfo],
    wanted: &str,
    frame: &FrameInfo,
) -> Result<&'a FileInfo> {
    let index = || wanted.parse().ok().filter(|i: &usize| i.to_string() == wanted);
    let found = files.iter().find(|file| file.path == wanted);
    found.or_else(|| files.get(index()?)).ok_or_else(|| {
        Error::not_found(format!("{} has no attachment `{wanted}`", frame.stack.reference))
            .hint(format!("`dsp show {}` lists what it has", frame.stack.reference))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_hash_ends_the_name() {
        assert_eq!(split("a/b@v1#x#y"), ("a/b@v1", Some("x#y")));
        assert_eq!(split("a/b"), ("a/b", None));
    }

    #[test]
    fn several_heads_matter_for_the_head_only() {
        assert!(!names_a_frame("alice:model"));
        assert!(!names_a_frame("alice:model@head"));
        assert!(names_a_frame("alice:model@head^2"));
        assert!(names_a_frame("alice:model@3f2a91"));
    }
}
