//! `dsp mv`: gives a stack another name.

use dsp_protocol::api::{Changed, Rename};
use hyper::Method;

use crate::App;
use crate::client::Url;
use crate::error::Result;
use crate::output::clean;

/// Give a stack another name; followers follow on
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp mv sales/weekly sales/by-week")]
pub(crate) struct Args {
    /// Stack to rename
    #[arg(value_name = "REF")]
    reference: String,
    /// Its new name
    #[arg(value_name = "NEWNAME")]
    name: String,
}

pub(crate) async fn run(args: Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    let request = Rename { reference: args.reference, name: args.name };
    let changed: Changed = client.send_json(Method::POST, &Url::new(&["rename"]), &request).await?;
    app.ui.result(&changed, |_| {
        format!("{} -> {}\n", clean(&request.reference), clean(&changed.stack.reference))
    })?;
    changed.notes.iter().for_each(|note| app.ui.warn(note));
    super::undo::hint(changed.undo.as_ref(), &app.ui);
    Ok(())
}
