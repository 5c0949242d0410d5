//! `dsp gc`: frees bytes that nothing names.

use dsp_protocol::api::{Freed, NodeStatus};

use crate::App;
use crate::client::Url;
use crate::error::Result;
use crate::human;

/// Free the bytes here that nothing names any more
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp gc

The daemon does it by itself every hour, unless its database was put back or made anew.")]
pub(crate) struct Args {}

pub(crate) async fn run(_: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    let status: NodeStatus = client.get(&Url::new(&["node"])).await?;
    if status.collections_held {
        app.ui.note("the database was put back or made anew, and may not know of all bytes here");
        app.ui.note("what it does not name goes for good; `dsp ls` shows what it names");
        app.ui.confirm("free all other bytes?")?;
    }
    let freed: Freed = client.post(&Url::new(&["node", "collect"])).await?;
    app.ui.result(&freed, |_| match freed {
        Freed { pending: true, .. } => "the bytes are freed within the hour\n".to_owned(),
        Freed { blobs, bytes, .. } => {
            format!("freed {} in {}\n", human::size(bytes), human::count(blobs, "blob"))
        }
    })?;
    if freed.trashed > 0 {
        let (blobs, bytes) =
            (human::count(freed.trashed, "blob"), human::size(freed.trashed_bytes));
        app.ui.note(&format!("{bytes} in {blobs} stay in the trash for the time of `trash.keep`"));
    }
    Ok(())
}
