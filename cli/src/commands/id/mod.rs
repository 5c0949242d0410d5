//! `dsp id`: who I am, my devices, and the keys behind both.

mod age_file;
mod devices;
mod pair;
mod recover;

use std::fmt::Write as _;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use dsp_protocol::api::{Backup, BackupState, ConfirmBackup, IdentityInfo};
use hyper::Method;
use serde::Serialize;

use crate::App;
use crate::client::{Client, Url};
use crate::error::{Error, Result};
use crate::output::{Colour, Ui, clean};
use crate::progress::Bar;
use crate::secret;
use crate::table::{Column, Table};

/// Words that have to be typed back.
const TYPED_BACK: usize = 3;

/// Show who I am, back up and change its keys, and say which devices are mine
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Show my id and my devices
    #[command(after_help = "\
Examples:
  dsp id show
  dsp id show --json")]
    Show,
    /// Show my devices: which act for me, as what, and until when
    #[command(after_help = "\
Examples:
  dsp id devices
  dsp id devices --json")]
    Devices,
    Pair(pair::Args),
    /// Revoke a device that is lost, for ever
    #[command(after_help = "\
Examples:
  dsp id revoke desk
  dsp id revoke 3fa91c --since 12h
  dsp id revoke desk --since 2026-05-30T18:00:00Z --yes
  dsp id revoke desk --since 81c09a2e

What the device said up to the last good point goes on to count, what it said later counts nowhere,
and what others built on that stays. The point is a time by the clock of that device, or the last
frame of it that is good; without --since, all that is here. This takes the root: where that was on
the lost device, `dsp id recover` comes first.")]
    Revoke {
        /// Name of the device, or the first digits of its id
        #[arg(value_name = "DEVICE")]
        device: String,
        /// Say up to where it is good: a time, how long ago, or a frame of it
        #[arg(long, value_name = "TIME|FRAME")]
        since: Option<String>,
    },
    Rotate(recover::Rotate),
    Recover(recover::Args),
    /// Back up the recovery key: in words to be written down, or in an age file
    #[command(after_help = "\
Examples:
  dsp id backup
  dsp id backup --yes > recovery-words.txt
  dsp id backup --json
  dsp id backup --age recovery.age
  dsp id backup --age recovery.age --passphrase-file passphrase.txt --yes

The backup is the only way to keep your name when this machine is lost or stolen: who loses it
loses the name. On a terminal three of the words have to be typed back; then the key is erased
here. Elsewhere --json or --yes prints them, and --yes says that they are kept. An age file holds
the words under a passphrase; `age -d` shows them. It is no backup until it is kept elsewhere.")]
    Backup {
        /// Write the words into a new age file instead of showing them
        #[arg(long, value_name = "FILE")]
        age: Option<PathBuf>,
        /// Take the passphrase from a file instead of asking for it
        #[arg(long, value_name = "FILE", requires = "age")]
        passphrase_file: Option<PathBuf>,
    },
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    match &args.verb {
        Verb::Devices => devices::list(app).await,
        Verb::Pair(args) => pair::run(args, app).await,
        Verb::Revoke { device, since } => devices::revoke(app, device, since.as_deref()).await,
        Verb::Rotate(_) => recover::rotate(app).await,
        Verb::Recover(args) => recover::run(args, app).await,
        Verb::Show => {
            let client = app.client().await?;
            let me: IdentityInfo = client.get(&Url::new(&["identity"])).await?;
            app.ui.result(&me, |ui| human(&me, ui))
        }
        Verb::Backup { age: Some(path), passphrase_file } => {
            backup_to_file(&app.client().await?, &app.ui, path, passphrase_file.as_deref()).await
        }
        Verb::Backup { age: None, .. } => backup(&app.client().await?, &app.ui).await,
    }
}

fn human(me: &IdentityInfo, ui: &Ui) -> String {
    let mut out = format!("name    {}\n", clean(&me.name));
    let _ = writeln!(out, "id      {}", me.user);
    let _ = writeln!(out, "root    {}", me.root);
    let _ = writeln!(out, "device  {}", me.device);
    let backup = match me.backup {
        BackupState::Needed => "needed: `dsp id backup`",
        BackupState::Done => "done",
        BackupState::Elsewhere => "not known here: the recovery key is on another device",
    };
    let _ = writeln!(out, "backup  {backup}\n");
    let mut table =
        Table::new(&[Column::text("DEVICE"), Column::text("ID"), Column::text("STATE")]);
    for device in &me.devices {
        let state = match (device.revoked, device.device == me.device) {
            (true, true) => "this one, revoked",
            (true, false) => "revoked",
            (false, true) => "this one",
            (false, false) if device.connected => "connected",
            (false, false) => "not connected",
        };
        table.row([device.name.clone(), device.device.short(), state.to_owned()]);
    }
    out + &table.render(ui)
}

async fn backup(client: &Client, ui: &Ui) -> Result<()> {
    let asks = !ui.json() && !ui.yes();
    if asks && !(ui.can_ask() && ui.stdout_terminal()) {
        return Err(Error::refused(
            "the words are shown on a terminal only, where you can be asked",
        )
        .hint("in a script, --yes prints them and says that they are kept"));
    }
    let backup: Backup = client.post(&Url::new(&["identity", "backup"])).await?;
    let words: Vec<&str> = backup.words.split_whitespace().collect();
    if !asks {
        ui.result(&backup, |_| format!("{}\n", words.join(" ")))?;
        if ui.yes() {
            // The words may stand in a file: it has to outlast a power cut before the key goes.
            ui.sync_out()?;
            confirm(client, &backup).await?;
            ui.note("the recovery key is erased here; who loses the words loses the name");
        }
        return Ok(());
    }
    ui.note("Write these words down, on paper, in this order. They are the only way to keep your");
    ui.note("name when this machine is lost or stolen: who loses them loses the name.");
    ui.out(columns(&words, ui).as_bytes())?;
    for at in positions(words.len()) {
        let answer = ui.ask(&format!("word {} of {}: ", at + 1, words.len()))?;
        if answer.to_lowercase() != words[at] {
            return Err(Error::refused(format!("word {} is another one", at + 1))
                .hint("nothing was changed; `dsp id backup` shows the words again"));
        }
    }
    confirm(client, &backup).await?;
    ui.note("Done. The recovery key is erased here; only the words are left.");
    Ok(())
}

/// What `--age` did.
#[derive(Serialize)]
struct Written<'a> {
    /// The file.
    file: &'a Path,
    /// Whether the recovery key was erased here.
    erased: bool,
}

async fn backup_to_file(
    client: &Client,
    ui: &Ui,
    path: &Path,
    passphrase_file: Option<&Path>,
) -> Result<()> {
    // Said before anybody types a passphrase.
    age_file::check_free(path)?;
    let passphrase = secret::new_passphrase(ui, passphrase_file)?;
    let backup: Backup = client.post(&Url::new(&["identity", "backup"])).await?;
    let mut bar = Bar::new(ui, "encrypting");
    let (file, words) = (path.to_owned(), format!("{}\n", backup.words));
    let written = tokio::task::spawn_blocking(move || age_file::write(&file, &words, &passphrase));
    bar.while_waiting(written).await.expect("writing a file does not panic")?;
    bar.end();
    let name = clean(&path.display().to_string());
    let erased = ui.yes()
        || ui.can_ask() && !ui.json() && {
            ui.note(&format!("{name} is written. Copy it to another place before you go on."));
            let answer = ui.ask("Erase the recovery key here? [y/N] ")?;
            matches!(answer.to_lowercase().as_str(), "y" | "yes")
        };
    if erased {
        confirm(client, &backup).await?;
    }
    ui.result(&Written { file: path, erased }, |_| format!("wrote {name}\n"))?;
    ui.note(&match erased {
        true => format!(
            "the recovery key is erased here; who loses {name} or its passphrase loses the name"
        ),
        false => "the recovery key stays here too, until a backup is made with --yes".to_owned(),
    });
    Ok(())
}

async fn confirm(client: &Client, backup: &Backup) -> Result<()> {
    let url = Url::new(&["identity", "backup", "confirm"]);
    let words = ConfirmBackup { words: backup.words.clone() };
    client.send_json::<IdentityInfo>(Method::POST, &url, &words).await.map(drop)
}

/// Lays words out in four columns, read downwards as numbered.
fn columns(words: &[&str], ui: &Ui) -> String {
    let rows = words.len().div_ceil(4);
    let mut out = String::from("\n");
    for row in 0..rows {
        for at in (row..words.len()).step_by(rows) {
            let number = ui.paint(&format!("{:>2}", at + 1), Colour::Dim);
            let _ = write!(out, "  {number} {:<10}", words[at]);
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    out + "\n"
}

/// Draws which words have to be typed back, in order. Chance is enough: nothing is kept from
/// anybody here.
fn positions(words: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..words).collect();
    let mut chosen = Vec::new();
    while chosen.len() < TYPED_BACK && !all.is_empty() {
        let random = RandomState::new().build_hasher().finish() as usize;
        chosen.push(all.swap_remove(random % all.len()));
    }
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_different_words_are_asked_for() {
        for _ in 0..50 {
            let positions = positions(24);
            assert_eq!(positions.len(), 3);
            assert!(positions.windows(2).all(|pair| pair[0] < pair[1]) && positions[2] < 24);
        }
    }

    #[test]
    fn words_stand_in_columns() {
        let words: Vec<String> = (1..=24).map(|n| format!("w{n}")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let text = columns(&words, &Ui::plain());
        assert!(
            text.starts_with("\n   1 w1           7 w7          13 w13         19 w19\n"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 8);
    }
}
