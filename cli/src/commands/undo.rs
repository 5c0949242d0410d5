//! `dsp undo`: undoes what was done.

use dsp_protocol::api::{DeedInfo, Freed, TrashInfo, UndoDeed, UndoHint, Undone};
use hyper::Method;

use crate::App;
use crate::client::{Client, Url};
use crate::error::{Error, Result};
use crate::human;
use crate::output::{Ui, clean};
use crate::table::{Column, Table};

/// Undo what was removed, renamed, tagged, left, dropped or closed
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp undo
  dsp undo --list
  dsp undo 12
  dsp undo --empty

Without an id it means the last thing that can be undone, and asks: a push or a change of members
is none of them. Bytes that nothing names stay in the trash for the time of the setting trash.keep.")]
pub(crate) struct Args {
    /// What to undo, as --list and the verbs name it
    #[arg(value_name = "ID", conflicts_with_all = ["list", "empty"])]
    id: Option<u64>,
    /// List what was done, until when it can be undone, and what is kept for that
    #[arg(long, conflicts_with = "empty")]
    list: bool,
    /// Free all that is in the trash; what takes its bytes cannot be undone after that
    #[arg(long)]
    empty: bool,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    if args.list {
        return list(&client, app).await;
    }
    if args.empty {
        return empty(&client, app).await;
    }
    let id = match args.id {
        Some(id) => Some(id),
        None => last(&client, app).await?,
    };
    let request = UndoDeed { id };
    let undone: Undone = client.send_json(Method::POST, &Url::new(&["undo"]), &request).await?;
    app.ui
        .result(&undone, |_| format!("undone: {}\n{}\n", clean(&undone.deed), clean(&undone.what)))
}

/// Finds the last deed that can be undone, and asks whether it is meant: other things may have
/// been done since that no deed stands for, and what is undone is published.
async fn last(client: &Client, app: &App) -> Result<Option<u64>> {
    let deeds: Vec<DeedInfo> = client.list(&Url::new(&["undo"]), None).await?;
    let Some(deed) = deeds.iter().find(|deed| deed.impossible.is_none()) else { return Ok(None) };
    let (id, what) = (deed.id, clean(&deed.what));
    let ago = human::ago(&deed.at, human::now());
    if !app.ui.can_confirm() {
        return Err(Error::refused(format!("not confirmed: undo `{what}`, done {ago}?"))
            .hint(format!("`dsp undo {id}` undoes it without a question, and so does --yes")));
    }
    app.ui.confirm(&format!("undo `{what}`, done {ago}?"))?;
    Ok(Some(id))
}

async fn list(client: &Client, app: &App) -> Result<()> {
    let deeds: Vec<DeedInfo> = client.list(&Url::new(&["undo"]), None).await?;
    app.ui.list(&deeds, |ui| human(&deeds, ui))?;
    let trash: TrashInfo = client.get(&Url::new(&["trash"])).await?;
    app.ui.note(&in_trash(&trash));
    Ok(())
}

fn human(deeds: &[DeedInfo], ui: &Ui) -> String {
    if deeds.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        Column::number("ID"),
        Column::text("DONE"),
        Column::text("UNTIL"),
        Column::number("KEPT"),
        Column::long("WHAT"),
    ]);
    let now = human::now();
    for deed in deeds {
        let until = match (&deed.impossible, &deed.until) {
            (Some(_), _) => "over".to_owned(),
            (None, Some(until)) => human::moment(until),
            (None, None) => "-".to_owned(),
        };
        let why = deed.impossible.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        table.row([
            deed.id.to_string(),
            human::ago(&deed.at, now),
            until,
            human::size(deed.bytes),
            deed.what.clone() + &why,
        ]);
    }
    table.render(ui)
}

fn in_trash(trash: &TrashInfo) -> String {
    let (blobs, bytes) = (human::count(trash.blobs, "blob"), human::size(trash.bytes));
    match (trash.blobs, trash.keep_seconds) {
        (0, 0) => "the trash is off: `trash.keep` is 0".to_owned(),
        (0, _) => "the trash is empty".to_owned(),
        _ => format!("in the trash: {bytes} in {blobs}"),
    }
}

async fn empty(client: &Client, app: &App) -> Result<()> {
    let trash: TrashInfo = client.get(&Url::new(&["trash"])).await?;
    let what = in_trash(&trash);
    app.ui.explain(&what);
    app.ui.explain("what was dropped cannot be put back from here after that");
    app.ui.confirm("free all that is in the trash?")?;
    let freed: Option<Freed> = client.delete(&Url::new(&["trash"])).await?;
    app.ui.result(&freed, |_| match &freed {
        Some(freed) if !freed.pending => {
            let blobs = human::count(freed.blobs, "blob");
            format!("freed {} in {blobs}\n", human::size(freed.bytes))
        }
        _ => "the bytes are freed within the hour\n".to_owned(),
    })
}

/// Says how something just done is undone.
pub(crate) fn hint(undo: Option<&UndoHint>, ui: &Ui) {
    let Some(undo) = undo else { return };
    let until = undo.until.as_deref();
    let until = until.map(|until| format!(", until {}", human::moment(until)));
    ui.note(&format!("`dsp undo {}` undoes it{}", undo.id, until.unwrap_or_default()));
}
