//! `dsp follow`: follows a context by a ticket.

use std::io::Read as _;
use std::time::Instant;

use dsp_protocol::api::{Followed, NewFollow, Policy, StackInfo};

use crate::App;
use crate::choose::{Choose, words};
use crate::client::Url;
use crate::error::{Error, Result};
use crate::human;
use crate::output::{Ui, clean, quoted};
use crate::progress::Bar;

/// The longest ticket, in bytes; far more than one needs.
const TICKET_BYTES: u64 = 64 << 10;

/// Follow a context by a ticket, or one that was offered
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp follow dsp1aeb...
  dsp follow - < ticket.txt
  dsp follow alice/plans
  dsp follow dsp1aeb... --policy lazy --no-wait
  dsp follow dsp1aeb... --only 'sales/*' --max-size 1GB")]
pub(crate) struct Args {
    /// Ticket as it was sent, or - to read it from standard input; or an offer, as `dsp offers ls`
    /// writes it
    #[arg(value_name = "TICKET")]
    ticket: String,
    #[command(flatten)]
    choose: Choose,
    /// Return before the first sync is done and the role known
    #[arg(long)]
    no_wait: bool,
}

pub(crate) async fn run(args: Args, app: &App) -> Result<()> {
    let began = Instant::now();
    let ticket = match args.ticket.as_str() {
        "-" => {
            let mut text = String::new();
            let read = std::io::stdin().lock().take(TICKET_BYTES).read_to_string(&mut text);
            read.map_err(|e| Error::failed("cannot read the ticket").cause(&e))?;
            text
        }
        text => text.to_owned(),
    };
    // Chat programs and terminals break long lines.
    let ticket: String = ticket.split_whitespace().collect();
    let client = app.client().await?;
    let wait_seconds = args.no_wait.then_some(0);
    let request = NewFollow {
        ticket,
        policy: args.choose.policy(),
        selection: args.choose.selection(),
        wait_seconds,
    };
    let mut bar = Bar::new(&app.ui, "looking for somebody who has it");
    let followed: Followed = client.steps(&Url::new(&["follows"]), &request, &mut bar).await?;
    app.ui.result(&followed, |ui| human(&followed, began, ui))?;
    next(&followed, &app.ui);
    Ok(())
}

fn human(followed: &Followed, began: Instant, ui: &Ui) -> String {
    let context = &followed.context;
    let stacks = human::count(context.stacks.into(), "stack");
    let known = if followed.known { "already following" } else { "following" };
    let mut out =
        format!("{known} {} ({stacks}, {})  ", clean(&context.label), human::size(context.bytes));
    out += &match followed.synced {
        true => format!("synced in {}\n", human::took(began.elapsed())),
        false => "not synced yet\n".to_owned(),
    };
    let words = clean(&words(context.policy, context.selection.as_ref()));
    out += &match (context.policy, &context.selection) {
        (_, Some(_)) => format!("policy {words}: other bytes come when they are asked for\n"),
        (Policy::All, _) => "policy all: the bytes of every frame come by themselves\n".to_owned(),
        (Policy::Heads, _) => {
            "policy heads: the bytes of current heads come by themselves\n".to_owned()
        }
        (Policy::Lazy, _) => "policy lazy: bytes come when they are asked for\n".to_owned(),
    };
    if !followed.stacks.is_empty() {
        out += "\n";
        out += &super::ls::human(&followed.stacks, ui);
    }
    out
}

/// Says what to type next.
fn next(followed: &Followed, ui: &Ui) {
    if !followed.synced {
        ui.note("nobody who has it was reached yet; the daemon goes on trying");
        ui.note("next: dsp context ls");
        return;
    }
    // One of my own is here already, if I come back as a writer.
    let mine = |stack: &&StackInfo| stack.reference.starts_with("me:");
    match followed.stacks.iter().find(|stack| !mine(stack)) {
        Some(stack) => ui.note(&format!("next: dsp get {}", quoted(&stack.reference))),
        None => ui.note(&format!("next: dsp ls {}", quoted(&followed.context.label))),
    }
}
