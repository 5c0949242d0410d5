//! `dsp pin`: keeps bytes here, or lists what is kept.

use dsp_protocol::api::{NewPin, PinInfo, PinKeep, Pinned};

use crate::App;
use crate::client::{Client, Url};
use crate::error::Result;
use crate::human;
use crate::output::{Ui, clean};
use crate::progress::Bar;
use crate::table::{Column, Table};

/// Keep the bytes of a frame or a stack here, or list what is kept
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp pin alice:sales/weekly@v1
  dsp pin alice:sales/weekly --heads
  dsp pin --list

What is pinned stays whatever a policy, its author, an unfollow or a collection say.")]
pub(crate) struct Args {
    /// Frame or stack to keep; without one, and with --list, what is pinned is listed
    #[arg(value_name = "REF")]
    reference: Option<String>,
    /// Keep the current heads of the stack, as they move
    #[arg(long, conflicts_with = "all", requires = "reference")]
    heads: bool,
    /// Keep every frame of the stack, those to come too
    #[arg(long, requires = "reference")]
    all: bool,
    /// List what is pinned
    #[arg(long, conflicts_with = "reference")]
    list: bool,
}

pub(crate) async fn run(args: Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    let Some(reference) = args.reference else { return list(&client, app).await };
    let keep = match (args.heads, args.all) {
        (true, _) => PinKeep::Heads,
        (false, true) => PinKeep::All,
        (false, false) => PinKeep::Frame,
    };
    let new = NewPin { reference, keep };
    let mut bar = Bar::new(&app.ui, "fetching");
    let pinned: Pinned = client.steps(&Url::new(&["pins"]), &new, &mut bar).await?;
    app.ui.result(&pinned, |_| human(&pinned))?;
    super::fetch::complete(&pinned.fetched)
}

fn human(pinned: &Pinned) -> String {
    let pin = &pinned.pin;
    let files = human::count(pin.files, "file");
    let bytes = human::size(pin.bytes);
    format!("pinned {}: {}, {files}, {bytes}\n", clean(&pin.reference), kept(pin))
}

/// Returns what of its stack a pin keeps.
pub(crate) fn kept(pin: &PinInfo) -> String {
    match pin.keep {
        PinKeep::Frame => "one frame".to_owned(),
        PinKeep::Heads => "its heads".to_owned(),
        PinKeep::All => format!("all {}", human::count(pin.frames.into(), "frame")),
    }
}

async fn list(client: &Client, app: &App) -> Result<()> {
    let pins: Vec<PinInfo> = client.list(&Url::new(&["pins"]), None).await?;
    app.ui.list(&pins, |ui| match pins.is_empty() {
        true => "nothing is pinned\n".to_owned(),
        false => table(&pins, ui),
    })
}

fn table(pins: &[PinInfo], ui: &Ui) -> String {
    let mut table = Table::new(&[
        Column::text("PINNED"),
        Column::text("KEEPS"),
        Column::number("FILES"),
        Column::number("SIZE"),
        Column::number("HERE"),
        Column::text("SINCE"),
    ]);
    let now = human::now();
    for pin in pins {
        table.row([
            pin.reference.clone(),
            kept(pin),
            pin.files.to_string(),
            human::size(pin.bytes),
            human::size(pin.bytes_here),
            human::ago(&pin.since, now),
        ]);
    }
    table.render(ui)
}
