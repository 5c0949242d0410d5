//! `dsp tag`: puts a tag on a frame, or takes it away.

use dsp_protocol::api::{Changed, SetTag};
use hyper::Method;

use crate::App;
use crate::client::Url;
use crate::error::Result;
use crate::output::clean;

/// Put a tag on a frame, or take it away
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp tag sales/weekly v1
  dsp tag sales/weekly@head~2 before-summer
  dsp tag sales/weekly v1 --remove")]
pub(crate) struct Args {
    /// Frame, or the stack whose head is meant
    #[arg(value_name = "REF")]
    reference: String,
    /// Tag; it moves here from another frame
    #[arg(value_name = "TAG")]
    tag: String,
    /// Take the tag away
    #[arg(long)]
    remove: bool,
}

pub(crate) async fn run(args: Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    let Args { reference, tag, remove } = args;
    let request = SetTag { reference, tag, remove };
    let changed: Changed = client.send_json(Method::POST, &Url::new(&["tags"]), &request).await?;
    let stack = &changed.stack;
    app.ui.result(&changed, |_| {
        let name = clean(&stack.reference);
        match stack.tags.get(&request.tag) {
            Some(frame) => format!("{name}@{}  on frame {}\n", clean(&request.tag), frame.short()),
            None => format!("{name}  has no tag {} any more\n", clean(&request.tag)),
        }
    })?;
    changed.notes.iter().for_each(|note| app.ui.warn(note));
    super::undo::hint(changed.undo.as_ref(), &app.ui);
    Ok(())
}
