//! `dsp unfollow`: leaves a followed context.

use dsp_protocol::api::{Freed, IdentityInfo, Left, StackInfo};

use crate::App;
use crate::client::{Client, Url};
use crate::error::Result;
use crate::human;
use crate::output::clean;
use crate::progress::Bar;

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
    let copy = match args.keep {
        true => "keep",
        false if own(args, app, &client).await? => "drop-own",
        false => "drop",
    };
    let url = Url::new(&["follows", &args.context]).query("copy", copy);
    let mut bar = Bar::new(&app.ui, "leaving");
    let left: Option<Left> = bar.while_waiting(client.delete(&url)).await?;
    bar.end();
    let context = clean(&args.context);
    let freed = left.as_ref().and_then(|left| left.freed);
    let pinned = left.as_ref().is_some_and(|left| left.context.is_some());
    app.ui.result(&left, |_| match freed {
        None if args.keep => format!("left {context}; what is here stays\n"),
        None => format!("left {context}; what was here of it is in the trash\n"),
        Some(Freed { bytes, .. }) if pinned => {
            let bytes = human::size(bytes);
            format!("left {context}; freed {bytes}; what is pinned stays, and so does its list\n")
        }
        Some(Freed { pending: true, .. }) => {
            format!("left {context}; its bytes are freed within the hour\n")
        }
        Some(Freed { blobs, bytes, .. }) => {
            let (blobs, bytes) = (human::count(blobs, "blob"), human::size(bytes));
            format!("left {context}; freed {bytes} in {blobs}\n")
        }
    })?;
    super::undo::hint(left.and_then(|left| left.undo).as_ref(), &app.ui);
    Ok(())
}

/// Tells whether stacks of mine would go too, after they were named and it was asked.
async fn own(args: &Args, app: &App, client: &Client) -> Result<bool> {
    let me: IdentityInfo = client.get(&Url::new(&["identity"])).await?;
    let url = Url::new(&["stacks"]).query("context", &args.context);
    let mut mine: Vec<StackInfo> = client.list(&url, None).await?;
    mine.retain(|stack| stack.user == me.user);
    if mine.is_empty() {
        return Ok(false);
    }
    let context = clean(&args.context);
    let stacks = human::count(mine.len() as u64, "stack");
    app.ui.explain(&format!("{context} holds {stacks} of yours; perhaps nobody else has them:"));
    app.ui.explain(super::ls::human(&mine, &app.ui).trim_end());
    app.ui.confirm(&format!("drop {context} with {stacks} of yours?"))?;
    Ok(true)
}
