//! `dsp id rotate` and `dsp id recover`: new keys for the identity.

use std::path::{Path, PathBuf};

use age::secrecy::{ExposeSecret as _, SecretString};
use dsp_protocol::api::{Followed, IdentityInfo, NewFollow, Policy, Recover, Recovered};
use hyper::Method;

use super::age_file;
use crate::App;
use crate::client::{Client, Url};
use crate::error::{Exit, Result};
use crate::output::clean;
use crate::progress::Bar;
use crate::{secret, start};

/// Change the root and the recovery key
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp id rotate
  dsp id rotate --yes --json

Back up the new recovery words with `dsp id backup`, and destroy the old ones: a recovery key beats
whatever a root signs, this change too. Your id, your devices and what you said stay.")]
pub(super) struct Rotate {}

/// Take the identity back with the recovery words
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp id recover
  dsp id recover < recovery-words.txt --yes
  dsp id recover --age recovery.age --passphrase-file passphrase.txt --yes
  dsp id recover --ticket dsp1aeb... --words recovery-words.txt
  dsp id recover --after 2

The words make a new root and a new recovery key, and beat whatever a stolen root signed after the
entry that is gone on from: the last one known to be yours, or --after. On a new machine nothing is
known of you yet: --ticket, of any context that you are in, tells where somebody is who knows your
identity log. Your other contexts come from your other devices, or by a ticket of each.")]
pub(super) struct Args {
    /// Read the words from a file; from standard input, or asked for, when left out
    #[arg(long, value_name = "FILE", conflicts_with = "age")]
    words: Option<PathBuf>,
    /// Read the words from an age file
    #[arg(long, value_name = "FILE")]
    age: Option<PathBuf>,
    /// Take the passphrase from a file instead of asking for it
    #[arg(long, value_name = "FILE", requires = "age")]
    passphrase_file: Option<PathBuf>,
    /// Follow this ticket first, to learn the identity log from somebody
    #[arg(long, value_name = "TICKET")]
    ticket: Option<String>,
    /// Go on from this entry of the identity log; none after it counts
    #[arg(long, value_name = "N")]
    after: Option<u64>,
}

pub(super) async fn rotate(app: &App) -> Result<()> {
    let client = app.client().await?;
    app.ui.explain("the recovery words written down before have to be destroyed afterwards");
    app.ui.confirm("change the root and the recovery key?")?;
    let me: IdentityInfo = client.post(&Url::new(&["identity", "rotate"])).await?;
    app.ui.result(&me, |_| format!("root {}\n", me.root))?;
    app.ui.note("write the new recovery key down: `dsp id backup`");
    app.ui.note("then destroy the old words: who finds them can undo this");
    Ok(())
}

pub(super) async fn run(args: &Args, app: &App) -> Result<()> {
    let words = match &args.age {
        Some(path) => from_age(path, args.passphrase_file.as_deref(), app)?,
        None => secret::words(&app.ui, args.words.as_deref())?,
    };
    let client = app.client().await?;
    let url = Url::new(&["identity", "recover"]);
    let request =
        |after, dry_run| Recover { words: words.expose_secret().to_owned(), after, dry_run };
    if let Some(ticket) = &args.ticket {
        // A ticket may be good for one use: words that are no key are not worth it.
        let asked = client.send_json(Method::POST, &url, &request(args.after, true)).await;
        if let Err(error) = asked.map(|_: Recovered| ())
            && !matches!(error.exit(), Exit::NotFound)
        {
            return Err(error);
        }
        follow(ticket, &client, app).await?;
    }
    let would: Recovered = client.send_json(Method::POST, &url, &request(args.after, true)).await?;
    let name = clean(&would.name);
    app.ui.explain(&explain(&would));
    app.ui.confirm(&format!("take the identity of {name} back?"))?;
    let done: Recovered =
        client.send_json(Method::POST, &url, &request(Some(would.after), false)).await?;
    if done.moves {
        start::anew(&app.home, done.user).await?;
    }
    app.ui.result(&done, |_| format!("you are {name} again: {}\n", done.user))?;
    app.ui.note("the words are void now; write the new ones down: `dsp id backup`");
    if done.moves {
        app.ui.note(
            "here is the context that the ticket named; others come from another device of yours \
             that is on, or by `dsp follow` and a ticket of each",
        );
    }
    Ok(())
}

fn explain(would: &Recovered) -> String {
    let name = clean(&would.name);
    let mut text = format!("the identity of {name}, {}", would.user);
    text += &match would.undone {
        0 => format!("\nall {} entries of its log go on to count", would.after + 1),
        1 => format!("\none entry of its log after number {} counts no more", would.after),
        undone => {
            format!("\n{undone} entries of its log after number {} count no more", would.after)
        }
    };
    text += &format!("\ndevices that act for you then: {}", clean(&would.live.join(", ")));
    if !would.dropped.is_empty() {
        text += &format!("\ndevices that do no more: {}", clean(&would.dropped.join(", ")));
    }
    if would.live.len() > 1 {
        text += "\nrevoke those that are not yours any more: `dsp id revoke`";
    }
    if would.moves {
        text +=
            "\nthe identity that this machine began with is given up; it has nothing of its own";
    }
    text
}

fn from_age(path: &Path, passphrase: Option<&Path>, app: &App) -> Result<SecretString> {
    let passphrase = secret::passphrase(&app.ui, passphrase)?;
    age_file::read(path, &passphrase)
}

async fn follow(ticket: &str, client: &Client, app: &App) -> Result<()> {
    let ticket = secret::argument(ticket, "the ticket")?;
    let follow =
        NewFollow { ticket, policy: Some(Policy::Heads), selection: None, wait_seconds: None };
    let mut bar = Bar::new(&app.ui, "looking for somebody who knows you");
    let _: Followed = client.steps(&Url::new(&["follows"]), &follow, &mut bar).await?;
    bar.end();
    Ok(())
}
