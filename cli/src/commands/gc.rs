//! `dsp gc`: shows which bytes nothing here keeps, and frees them.

use dsp_protocol::api::{BlobHolder, Freed, Garbage, Waste};

use crate::App;
use crate::client::Url;
use crate::error::Result;
use crate::human;
use crate::output::{Ui, clean};
use crate::progress::Bar;
use crate::table::{Column, Table};

/// Show the bytes here that nothing keeps any more, and free them after a question
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp gc
  dsp gc --dry-run --json
  dsp gc --yes

Nothing is freed without an answer: where nobody can be asked, what would go is shown. What nothing
names is freed by itself after the time of the setting trash.keep, unless the database was put back
or made anew. What authors removed is freed by this alone.")]
pub(crate) struct Args {
    /// Show what would go, and free nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    let garbage: Garbage = client.get(&Url::new(&["node", "garbage"])).await?;
    let (blobs, bytes) = sum(&garbage);
    let nothing = blobs == 0 && !garbage.collections_held;
    let unasked = !app.ui.can_confirm();
    if args.dry_run || unasked || (nothing && !app.ui.json()) {
        app.ui.result(&garbage, |ui| human(&garbage, ui))?;
        if unasked && !args.dry_run && !nothing {
            app.ui.note("nothing was freed: `dsp gc --yes` frees it");
        }
        return Ok(());
    }
    if !nothing {
        if garbage.collections_held {
            app.ui
                .note("the database was put back or made anew, and may not know of all bytes here");
            app.ui.note("what it does not name goes for good; `dsp ls` shows what it names");
        }
        app.ui.explain(human(&garbage, &app.ui).trim_end());
        let (bytes, blobs) = (human::size(bytes), human::count(blobs, "blob"));
        app.ui.confirm(&format!("free {bytes} in {blobs}?"))?;
    }
    let (mut bar, url) = (Bar::new(&app.ui, "freeing"), Url::new(&["node", "collect"]));
    let freed: Freed = bar.while_waiting(client.post(&url)).await?;
    bar.end();
    app.ui.result(&freed, |_| match freed {
        Freed { pending: true, .. } => "the bytes are freed within the hour\n".to_owned(),
        Freed { blobs, bytes, .. } => {
            format!("freed {} in {}\n", human::size(bytes), human::count(blobs, "blob"))
        }
    })
}

fn sum(garbage: &Garbage) -> (u64, u64) {
    let all = garbage.removed.iter().map(|frame| frame.waste).chain([garbage.unnamed]);
    all.fold((0, 0), |(blobs, bytes), waste| (blobs + waste.blobs, bytes + waste.bytes))
}

fn human(garbage: &Garbage, ui: &Ui) -> String {
    let (blobs, bytes) = sum(garbage);
    if blobs == 0 {
        return "nothing to free: all bytes here are kept\n".to_owned();
    }
    let mut out = String::new();
    let Waste { blobs: unnamed, bytes: of_unnamed } = garbage.unnamed;
    if unnamed > 0 {
        let (size, count) = (human::size(of_unnamed), human::count(unnamed, "blob"));
        out += &format!("{size} in {count} that nothing here names\n");
    }
    if garbage.trashed.blobs > 0 {
        let size = human::size(garbage.trashed.bytes);
        let until = garbage.trashed_until.as_deref().map(human::moment);
        let until = until.map(|until| format!(" until {until} at the latest")).unwrap_or_default();
        out += &format!("{size} of that is in the trash{until}; `dsp undo --list` says what for\n");
    }
    if !garbage.removed.is_empty() {
        out += "frames whose author removed them:\n";
        let mut table = Table::new(&[
            Column::text("CONTEXT"),
            Column::text("FRAME"),
            Column::number("SIZE"),
            Column::text("ALSO AT"),
            Column::long("MESSAGE"),
        ]);
        for frame in &garbage.removed {
            table.row([
                frame.context.clone(),
                frame.frame.short(),
                human::size(frame.waste.bytes),
                also_at(&frame.holders),
                frame.message.clone(),
            ]);
        }
        out += &table.render(ui);
    }
    out + &format!("{} would be freed\n", human::size(bytes))
}

fn also_at(holders: &[BlobHolder]) -> String {
    let now = human::now();
    let one = |holder: &BlobHolder| {
        format!("{} ({})", clean(&holder.user), human::ago(&holder.when, now))
    };
    match holders.is_empty() {
        true => "nobody known".to_owned(),
        false => holders.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}
