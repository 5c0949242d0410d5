//! `dsp forget`: withdraws something from everybody.

use dsp_protocol::api::{ForgetRequest, Forgotten};
use hyper::Method;

use crate::App;
use crate::client::{Client, Url};
use crate::error::Result;
use crate::human;
use crate::output::clean;

/// Withdraw a frame or a file from everybody in the context, for good
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp forget sales/weekly@head~1
  dsp forget sales/weekly@3f2a91c0 --yes
  dsp forget sales/weekly#raw.parquet

Only an owner of the context can. Everybody who follows it stops serving the bytes and lets them go
once she hears of it; the history shows a gap. Nothing undoes it. Who wrote a copy elsewhere, is
offline for ever or runs something else than dsp keeps hers: a password that was pushed is changed.")]
pub(crate) struct Args {
    /// Frame or attachment to withdraw
    #[arg(value_name = "REF")]
    reference: String,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    let would = ask(&client, args, true).await?;
    let name = clean(&args.reference);
    app.ui.explain(&format!("withdraws {} from {}", what(&would), contexts(&would)));
    for file in human::some(&would.files, would.files_total) {
        app.ui.explain(&format!("  {file}"));
    }
    app.ui.explain("followers let it go once they hear of it; copies written elsewhere stay");
    app.ui.confirm(&format!("withdraw {name} for good?"))?;
    let forgotten = ask(&client, args, false).await?;
    app.ui.result(&forgotten, |_| human(&forgotten))
}

async fn ask(client: &Client, args: &Args, dry_run: bool) -> Result<Forgotten> {
    let request = ForgetRequest { reference: args.reference.clone(), dry_run };
    client.send_json(Method::POST, &Url::new(&["forget"]), &request).await
}

fn what(forgotten: &Forgotten) -> String {
    let (files, size) = (human::count(forgotten.files_total, "file"), human::size(forgotten.bytes));
    match forgotten.whole {
        true => format!("frame {} with {files}, {size},", forgotten.frame.short()),
        false => format!("{files}, {size},"),
    }
}

fn contexts(forgotten: &Forgotten) -> String {
    forgotten.contexts.iter().map(|label| clean(label)).collect::<Vec<_>>().join(", ")
}

fn human(forgotten: &Forgotten) -> String {
    let mut out = format!("withdrew {} from {}\n", what(forgotten), contexts(forgotten));
    if forgotten.stays_total > 0 {
        let named = human::some(&forgotten.stays, forgotten.stays_total).join(", ");
        out += &format!("stays, another frame has it too: {named}\n");
    }
    out
}
