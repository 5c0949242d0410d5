//! What a reference looks like from here: a frame, and perhaps an attachment of it.
//!
//! The daemon knows what references mean; here they are taken apart, because files are asked for
//! by the id of the frame once that is known.

use clap::Args;
use dsp_protocol::api::{FileInfo, FrameInfo, StackInfo};
use dsp_protocol::reference::{Reference, Rev, Selector};

use crate::client::{Client, Url};
use crate::error::{Error, Result};
use crate::output::Ui;

/// A reference on the command line.
#[derive(Args, Clone, Debug)]
pub(crate) struct RefArgs {
    /// Stack, frame or attachment: [user[/context]:]stack[@rev][#path]
    #[arg(value_name = "REF")]
    reference: Reference,
    /// Fail with code 6 where the stack has several heads
    #[arg(long)]
    strict: bool,
}

impl RefArgs {
    /// Returns the reference, with the attachment.
    pub(crate) fn text(&self) -> String {
        self.reference.to_string()
    }

    /// Returns the reference without the attachment.
    pub(crate) fn base(&self) -> String {
        base(&self.reference)
    }

    /// Returns the attachment, where one is named.
    pub(crate) fn attachment(&self) -> Option<&Selector> {
        self.reference.attachment.as_ref()
    }

    /// Finds the frame; warns where the stack has several heads, or fails under `--strict`.
    pub(crate) async fn frame(&self, client: &Client, ui: &Ui) -> Result<FrameInfo> {
        let url = Url::new(&["frame"]).query("ref", &self.base());
        let frame: FrameInfo = client.get(&url).await?;
        self.check_heads(&frame.stack, ui)?;
        Ok(frame)
    }

    /// Finds the stack, and treats several heads as [`frame`](Self::frame) does.
    pub(crate) async fn stack(&self, client: &Client, ui: &Ui) -> Result<StackInfo> {
        let url = Url::new(&["stack"]).query("ref", &self.base());
        let stack: StackInfo = client.get(&url).await?;
        self.check_heads(&stack, ui)?;
        Ok(stack)
    }

    fn check_heads(&self, stack: &StackInfo, ui: &Ui) -> Result<()> {
        // Several heads do not matter to who names a revision.
        if stack.other_heads.is_empty() || self.reference.rev != Rev::Head {
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

/// Returns a reference without its attachment.
pub(crate) fn base(reference: &Reference) -> String {
    Reference { attachment: None, ..reference.clone() }.to_string()
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
    wanted: &Selector,
    frame: &FrameInfo,
) -> Result<&'a FileInfo> {
    let found = wanted.find(files.iter().map(|file| file.path.as_str()));
    found.map(|at| &files[at]).ok_or_else(|| {
        Error::not_found(format!("{} has no attachment `{wanted}`", frame.stack.reference))
            .hint(format!("`dsp show {}` lists what it has", frame.stack.reference))
    })
}
