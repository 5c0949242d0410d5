//! `dsp fetch`: brings bytes here from peers.

use dsp_protocol::api::{Fetched, RefRequest};

use crate::App;
use crate::client::{Client, Url};
use crate::error::{Error, Result};
use crate::human;
use crate::output::Ui;
use crate::progress::Bar;
use crate::reference::RefArgs;

/// How many files an error names.
const NAMED: usize = 10;

/// Bring the bytes of a frame here, from whichever peers have them
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp fetch alice:sales/weekly
  dsp fetch alice:sales/weekly@v1#report.parquet")]
pub(crate) struct Args {
    #[command(flatten)]
    reference: RefArgs,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    args.reference.stack(&client, &app.ui).await?;
    let fetched = ask(&client, &app.ui, &args.reference.text()).await?;
    app.ui.result(&fetched, |_| human(&fetched))?;
    complete(&fetched)
}

fn human(fetched: &Fetched) -> String {
    let brought = fetched.files.saturating_sub(fetched.already_here);
    let (files, bytes) = (human::count(brought, "file"), human::size(fetched.bytes));
    match fetched.already_here {
        0 => format!("fetched {files}, {bytes}\n"),
        n if brought == 0 && fetched.missing.is_empty() => {
            format!("{} here already\n", human::count(n, "file"))
        }
        n => format!("fetched {files}, {bytes}; {n} here already\n"),
    }
}

/// Brings bytes that another verb needs.
///
/// # Errors
/// When some of them cannot be had.
pub(crate) async fn bring(client: &Client, ui: &Ui, reference: &str) -> Result<()> {
    complete(&ask(client, ui, reference).await?)
}

async fn ask(client: &Client, ui: &Ui, reference: &str) -> Result<Fetched> {
    let request = RefRequest { reference: Some(reference.to_owned()) };
    client.steps(&Url::new(&["fetch"]), &request, &mut Bar::new(ui, "fetching")).await
}

/// Fails where files did not come.
///
/// # Errors
/// Names them.
pub(crate) fn complete(fetched: &Fetched) -> Result<()> {
    if fetched.missing.is_empty() {
        return Ok(());
    }
    let n = fetched.missing.len() as u64;
    let mut named = fetched.missing.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if fetched.missing.len() > NAMED {
        named += ", …";
    }
    Err(Error::failed(format!("nobody reachable has {}: {named}", human::count(n, "file")))
        .hint("`dsp peers ls` shows who is connected; try again when the author is online"))
}
