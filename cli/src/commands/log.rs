//! `dsp log`: lists the revisions of a stack.

use dsp_protocol::api::LogEntry;

use crate::App;
use crate::client::Url;
use crate::error::Result;
use crate::human;
use crate::output::Ui;
use crate::reference::RefArgs;
use crate::table::{Column, Table};

/// List the frames of a stack, the latest first
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp log sales/weekly
  dsp log alice:sales/weekly@v1 -n 5
  dsp log model --json")]
pub(crate) struct Args {
    #[command(flatten)]
    reference: RefArgs,
    /// List at most so many frames, 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    number: u64,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    args.reference.stack(&client, &app.ui).await?;
    let base = args.reference.base();
    let most = (args.number > 0).then_some(args.number);
    let entries: Vec<LogEntry> = client.list(&Url::new(&["log"]).query("ref", &base), most).await?;
    app.ui.list(&entries, |ui| human(&entries, ui))
}

fn human(entries: &[LogEntry], ui: &Ui) -> String {
    let mut table = Table::new(&[
        Column::text("FRAME"),
        Column::text("MADE"),
        Column::number("FILES"),
        Column::number("SIZE"),
        Column::text("MARKS"),
        Column::long("MESSAGE"),
    ]);
    let now = human::now();
    for entry in entries {
        let mut marks: Vec<&str> = entry.head.then_some("head").into_iter().collect();
        marks.extend(entry.tags.iter().map(String::as_str));
        let mut message = entry.message.clone().unwrap_or_default();
        if !entry.here {
            message = if entry.withdrawn { "(withdrawn)" } else { "(not here)" }.to_owned();
        }
        let metrics = entry.metrics.iter().map(|(k, v)| format!("  {k}={}", human::value(v)));
        message.extend(metrics);
        table.row([
            entry.id.short(),
            entry.time.as_deref().map_or("-".into(), |time| human::ago(time, now)),
            entry.files.map_or("-".into(), |n| n.to_string()),
            entry.bytes.map_or("-".into(), human::size),
            marks.join(", "),
            message,
        ]);
    }
    table.render(ui)
}
