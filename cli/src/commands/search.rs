//! `dsp search`: finds frames.

use dsp_protocol::api::SearchHit;

use crate::App;
use crate::client::Url;
use crate::error::Result;
use crate::human;
use crate::output::{Ui, quoted};
use crate::table::{Column, Table};

/// Find frames by name, message, params, tags, metrics and columns of tables, the latest first
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp search weekly report
  dsp search --mine 'message:\"week 46\"'
  dsp search param:region=EU 'metric:auc>0.9'
  dsp search column:price=number
  dsp search tag:v1 --context alice/main

All words have to fit, in any case, and none is a pattern. Filters are name:TEXT, tag:TAG,
message:TEXT, input:NAME of what a frame was made from, or the beginning of its id, param:NAME and
metric:NAME, alone or with =, !=, >, >=, < or <= and a value, and column:NAME, alone or with = or
!= and a type.")]
pub(crate) struct Args {
    /// Words and filters, all of which have to fit
    #[arg(value_name = "QUERY", required = true, num_args = 1..)]
    query: Vec<String>,
    /// Search in this context only
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
    /// Search in stacks of mine only
    #[arg(long)]
    mine: bool,
    /// List at most so many frames, 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    number: u64,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    let url = Url::new(&["search"])
        .query("q", &args.query.join(" "))
        .query_opt("context", args.context.as_deref())
        .query_opt("mine", args.mine.then_some("true"));
    let most = (args.number > 0).then_some(args.number);
    let (hits, note): (Vec<SearchHit>, _) = client.noted_list(&url, most).await?;
    if let Some(note) = note {
        app.ui.note(&note);
    }
    if hits.is_empty() && !app.ui.json() {
        let query = quoted(&args.query.join(" "));
        app.ui.note(&format!(
            "no frame here fits {query}; fewer words fit more, and `dsp fetch` brings older frames"
        ));
        return Ok(());
    }
    app.ui.list(&hits, |ui| human(&hits, ui))
}

fn human(hits: &[SearchHit], ui: &Ui) -> String {
    let mut table = Table::new(&[
        Column::text("STACK"),
        Column::text("FRAME"),
        Column::text("MADE"),
        Column::text("MARKS"),
        Column::long("MESSAGE"),
    ]);
    let now = human::now();
    for hit in hits {
        let mut marks: Vec<&str> = hit.head.then_some("head").into_iter().collect();
        marks.extend(hit.tags.iter().map(String::as_str));
        let mut message = hit.message.clone();
        let values = hit.params.iter().chain(&hit.metrics);
        message.extend(values.map(|(name, value)| format!("  {name}={}", human::value(value))));
        let columns = hit.columns.iter();
        message.extend(columns.map(|column| {
            format!(
                "  column {} of {} ({})",
                quoted(&column.name),
                quoted(&column.path),
                column.type_name
            )
        }));
        table.row([
            hit.stack.clone(),
            hit.frame.short(),
            human::ago(&hit.time, now),
            marks.join(", "),
            message,
        ]);
    }
    table.render(ui)
}
