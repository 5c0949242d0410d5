//! `dsp unpin`: keeps bytes here no longer.

use dsp_protocol::api::Unpinned;

use crate::App;
use crate::client::Url;
use crate::error::Result;
use crate::human;
use crate::output::clean;

/// Keep a frame or a stack here no longer; its bytes stay until they are dropped
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp unpin alice:sales/weekly
  dsp unpin alice:sales/weekly@v1")]
pub(crate) struct Args {
    /// Frame or stack that is pinned
    #[arg(value_name = "REF")]
    reference: String,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    let url = Url::new(&["pins"]).query("ref", &args.reference);
    let gone: Option<Unpinned> = client.delete(&url).await?;
    app.ui.result(&gone, |_| {
        let pins = gone.iter().flat_map(|gone| &gone.pins);
        let lines = pins.map(|pin| {
            let (name, here) = (clean(&pin.reference), human::size(pin.bytes_here));
            format!("unpinned {name}: {}; {here} here stay until dropped\n", super::pin::kept(pin))
        });
        lines.collect()
    })
}
