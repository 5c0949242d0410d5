//! `dsp verify`: checks signatures and bytes that are here.

use dsp_protocol::api::{RefRequest, Verified};

use crate::App;
use crate::client::Url;
use crate::error::{Error, Result};
use crate::human;
use crate::output::Ui;
use crate::progress::Bar;
use crate::table::{Column, Table};

/// Check that signatures hold and bytes match their hashes
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp verify
  dsp verify alice:sales/weekly")]
pub(crate) struct Args {
    /// Stack, frame or attachment to check; everything here when left out
    #[arg(value_name = "REF")]
    reference: Option<String>,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    let request = RefRequest { reference: args.reference.clone() };
    let mut bar = Bar::new(&app.ui, "verifying");
    let verified: Verified = client.steps(&Url::new(&["verify"]), &request, &mut bar).await?;
    app.ui.result(&verified, |ui| human(&verified, ui))?;
    match verified.faults.len() as u64 {
        0 => Ok(()),
        n => Err(Error::corrupt(format!("{} found", human::count(n, "fault")))
            .hint("`dsp fetch REF` brings missing or damaged bytes again from a peer; so does pushing the \
                 same files again")),
    }
}

fn human(verified: &Verified, ui: &Ui) -> String {
    let not_here = match verified.not_here {
        0 => String::new(),
        n => format!("; {} not here", human::count(n, "blob")),
    };
    let mut out = format!(
        "checked {}, {}, {}, {}{not_here}\n",
        human::count(verified.heads, "head"),
        human::count(verified.frames, "frame"),
        human::count(verified.blobs, "blob"),
        human::size(verified.bytes),
    );
    if verified.faults.is_empty() {
        return out + "everything holds\n";
    }
    let mut table = Table::new(&[Column::text("WHAT"), Column::text("ID"), Column::long("FAULT")]);
    for fault in &verified.faults {
        table.row([fault.what.clone(), fault.id.clone(), fault.reason.clone()]);
    }
    out += &table.render(ui);
    out
}
