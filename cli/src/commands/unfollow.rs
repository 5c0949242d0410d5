//! `dsp unfollow`: leaves a followed context.

use dsp_protocol::api::{Freed, Left};

use crate::App;
use crate::client::Url;
use crate::error::Result;
use crate::human;
use crate::output::clean;

/// Leave a followed context, and keep or drop what is here of it
#[derive(clap::Args, Debug)]
#[command(
    group(clap::ArgGroup::new("copy").required(true).args(["keep", "drop"])),
    after_help = "\
Examples:
  dsp unfollow alice/main --keep
  dsp unfollow alice/main --drop"
)]
pub(crate) struct Args {
    /// Context to leave
    #[arg(value_name = "CONTEXT")]
    context: String,
    /// Keep what is here; it gets no more news
    #[arg(long)]
    keep: bool,
    /// Drop what is here
    #[arg(long)]
    drop: bool,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    let copy = if args.keep { "keep" } else { "drop" };
    let url = Url::new(&["follows", &args.context]).query("copy", copy);
    let left: Option<Left> = client.delete(&url).await?;
    let context = clean(&args.context);
    app.ui.result(&left, |_| match left.as_ref().and_then(|left| left.freed) {
        None => format!("left {context}; what is here stays\n"),
        Some(Freed { pending: true, .. }) => {
            format!("left {context}; its bytes are freed within the hour\n")
        }
        Some(Freed { blobs, bytes, pending: false }) => {
            let (blobs, bytes) = (human::count(blobs, "blob"), human::size(bytes));
            format!("left {context}; freed {bytes} in {blobs}\n")
        }
    })
}
