//! `dsp drop`: frees bytes here that others hold.

use std::collections::BTreeMap;

use dsp_protocol::api::{DropMode, DropReport, DropRequest, Freed, StayReason};

use crate::App;
use crate::client::{Client, Url};
use crate::error::Result;
use crate::human;
use crate::output::{Ui, clean};
use crate::progress::Bar;

/// Free the bytes of a frame here that somebody else just proved to hold
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp drop alice:sales/weekly@head~3
  dsp drop alice:sales/weekly#raw.parquet
  dsp drop alice:sales/weekly --all

Connected peers are asked for random parts of every file, which are checked; where nobody can give
them, nothing is freed. The bytes wait in the trash for the time of the setting trash.keep; until
then `dsp undo` counts them as here again, and after that `dsp fetch` brings them.")]
pub(crate) struct Args {
    /// Stack, frame or attachment whose bytes go
    #[arg(value_name = "REF")]
    reference: String,
    /// Free the bytes of every frame of the stack
    #[arg(long)]
    all: bool,
    /// Free also what nobody proved to hold, after a question: it may be lost
    #[arg(long)]
    force: bool,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    let mode = match args.force {
        true => force(&client, app, args).await?,
        false => DropMode::Confirmed,
    };
    let dropped = ask(&client, &app.ui, args, mode).await?;
    app.ui.result(&dropped, |_| human(&dropped))?;
    super::undo::hint(dropped.undo.as_ref(), &app.ui);
    Ok(())
}

/// Asks before anything goes that perhaps nobody else has.
async fn force(client: &Client, app: &App, args: &Args) -> Result<DropMode> {
    let would = ask(client, &app.ui, args, DropMode::Check).await?;
    if would.unconfirmed_total == 0 {
        return Ok(DropMode::Confirmed);
    }
    let files = human::count(would.unconfirmed_total, "file");
    app.ui.explain(&format!("nobody who is connected proved to hold {files}:"));
    for file in human::some(&would.unconfirmed, would.unconfirmed_total) {
        app.ui.explain(&format!("  {file}"));
    }
    app.ui.explain("what nobody has is lost for good once it is freed");
    app.ui.confirm(&format!("free {files} all the same?"))?;
    Ok(DropMode::Force)
}

async fn ask(client: &Client, ui: &Ui, args: &Args, mode: DropMode) -> Result<DropReport> {
    let request = DropRequest { reference: args.reference.clone(), all: args.all, mode };
    client.steps(&Url::new(&["drop"]), &request, &mut Bar::new(ui, "asking who else has it")).await
}

fn human(dropped: &DropReport) -> String {
    let mut out = match dropped.freed {
        None if dropped.stays_total > 0 => "nothing was freed\n".to_owned(),
        Some(_) if dropped.files == 0 => "nothing was freed yet\n".to_owned(),
        None => "nothing of it is here\n".to_owned(),
        Some(Freed { pending, bytes, trashed, .. }) => {
            let (files, size) = (human::count(dropped.files, "file"), human::size(dropped.bytes));
            let freed = match (dropped.undo.is_some(), pending) {
                (true, _) => "the bytes are in the trash".to_owned(),
                (false, true) => "freed within the hour".to_owned(),
                (false, false) if bytes == 0 && trashed > 0 => {
                    "the bytes are in the trash; `dsp fetch` brings them again".to_owned()
                }
                (false, false) => format!("freed {}", human::size(bytes)),
            };
            format!("dropped {files}, {size}; {freed}\n")
        }
    };
    for holder in &dropped.holders {
        let (files, bytes) = (human::count(holder.blobs, "file"), human::size(holder.bytes));
        let (user, device) = (clean(&holder.user), holder.device.short());
        out += &format!("{user} (device {device}) holds {files}, {bytes}\n");
    }
    let mut stays: BTreeMap<(StayReason, &[String]), Vec<&str>> = BTreeMap::new();
    for file in &dropped.stays {
        stays.entry((file.why, &file.contexts)).or_default().push(&file.file);
    }
    for ((why, contexts), names) in stays {
        let why = match why {
            StayReason::Pinned => "pinned".to_owned(),
            StayReason::CurrentHead => "a current head has it too".to_owned(),
            StayReason::OtherContext => {
                let contexts: Vec<_> = contexts.iter().map(|label| clean(label)).collect();
                format!("until {} drops it too", contexts.join(" and "))
            }
        };
        let named = human::some(&names, names.len() as u64).join(", ");
        out += &format!("stays, {why}: {}\n", clean(&named));
    }
    out
}
