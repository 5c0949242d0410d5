//! `dsp reset`: begins anew, with the old home put aside.

use std::path::{Path, PathBuf};

use dsp_protocol::api::{Alone, AloneStack};
use serde::Serialize;

use crate::App;
use crate::client::Url;
use crate::error::{Error, Result};
use crate::human;
use crate::output::{Ui, clean, quoted};
use crate::start;
use crate::table::{Column, Table};

/// Put this home aside and begin anew, as nobody
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp reset
  dsp reset --yes

Nothing is deleted: the home is moved beside itself, and it is said how to put it back.")]
pub(crate) struct Args {}

/// Where the old home is.
#[derive(Serialize)]
struct Reset {
    /// Where it was.
    home: PathBuf,
    /// Where it is now.
    aside: PathBuf,
}

pub(crate) async fn run(_: &Args, app: &App) -> Result<()> {
    let elsewhere = std::env::var_os("DSP_URL").is_some_and(|url| !url.is_empty());
    if elsewhere && !app.home.is_named() {
        return Err(Error::usage("DSP_URL names a daemon elsewhere, whose home is not put aside")
            .hint("unset it, or name the home with --home"));
    }
    let home = app.home.dir();
    if !home.exists() {
        return Err(Error::not_found(format!("there is no home at {}", home.display())));
    }
    match app.client().await {
        Ok(client) => {
            let alone: Alone = client.get(&Url::new(&["node", "alone"])).await?;
            explain(&alone, &app.ui);
        }
        Err(error) => {
            app.ui.explain(&format!(
                "the daemon does not start, so what exists only here is not known: {}",
                error.detail()
            ));
        }
    }
    app.ui.confirm(&format!("put {} aside and begin anew?", home.display()))?;
    if let Some(running) = app.running().await? {
        start::stop(&app.home, &running).await?;
    }
    // No daemon may begin or go on in it while it is moved.
    let _held = start::hold(&app.home).await?;
    let aside = beside(home)?;
    std::fs::rename(home, &aside).map_err(|e| {
        Error::path("cannot move", home, &e).hint("a home that is a mount cannot be moved")
    })?;
    let reset = Reset { home: home.to_owned(), aside };
    app.ui.result(&reset, |_| {
        let (old, new) = (reset.home.display().to_string(), reset.aside.display().to_string());
        let (old, new) = (quoted(&old), quoted(&new));
        format!(
            "the old home is {new}\nto put it back: dsp daemon stop; mv {old} {old}.new; mv {new} {old}\n\
             to delete it:   rm -rf {new}\n"
        )
    })
}

fn explain(alone: &Alone, ui: &Ui) {
    if alone.backup_needed {
        ui.explain("the recovery key is only in this home: `dsp id backup` shows it in words");
    }
    ui.explain("the keys of this device and of your user are only in this home");
    if alone.stacks.is_empty() {
        return;
    }
    ui.explain("these stacks of yours are here; nobody has confirmed that she has their bytes:");
    let columns = [
        Column::text("STACK"),
        Column::text("FRAMES"),
        Column::text("SIZE"),
        Column::long("OTHERS"),
    ];
    let mut table = Table::new(&columns);
    for AloneStack { reference, frames, bytes, told } in &alone.stacks {
        let others = if *told { "a connected peer knows its heads" } else { "nobody known" };
        table.row([clean(reference), frames.to_string(), human::size(*bytes), others.to_owned()]);
    }
    ui.explain(table.render(ui).trim_end());
}

/// Returns a free name beside the home, with the time in it.
fn beside(home: &Path) -> Result<PathBuf> {
    let name = home.file_name().ok_or_else(|| Error::usage("the home has no name"))?;
    let now = human::now();
    let stamp = format!(
        "{:04}{:02}{:02}-{:02}{:02}{:02}",
        now.year(),
        u8::from(now.month()),
        now.day(),
        now.hour(),
        now.minute(),
        now.second()
    );
    let named = |more: &str| {
        let mut aside = name.to_owned();
        aside.push(format!(".reset-{stamp}{more}"));
        home.with_file_name(aside)
    };
    let names = std::iter::once(String::new()).chain((2..100).map(|n| format!("-{n}")));
    let free = names.map(|more| named(&more)).find(|path| !path.exists());
    free.ok_or_else(|| Error::failed("there are too many old homes beside this one"))
}
