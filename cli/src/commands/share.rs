//! `dsp share`: makes a ticket that lets its holder follow a context.

use clap::ValueEnum;
use dsp_protocol::api::{NewTicket, Readable, RoleName, TicketMade};
use hyper::Method;

use crate::App;
use crate::client::Url;
use crate::error::Result;
use crate::human;
use crate::output::clean;
use crate::value;

/// Make a ticket that lets its holder follow a context
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp share
  dsp share research --role writer --uses 3
  dsp share --expires 12h --yes > ticket.txt

The ticket alone is printed on standard output. Whoever holds it can read the whole context until
it expires or is revoked.")]
pub(crate) struct Args {
    /// Context to share; the current one when left out
    #[arg(value_name = "CONTEXT")]
    context: Option<String>,
    /// Say what the ticket gives: to read, or to push too
    #[arg(long, value_enum, default_value_t = Role::Reader)]
    role: Role,
    /// Say how long it is good: 30m, 12h, 7d, 2w or never
    #[arg(long, value_name = "TIME", value_parser = value::duration, default_value = "7d")]
    expires: u64,
    /// Admit so many users at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    uses: Option<u32>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    Reader,
    Writer,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    let context = match &args.context {
        Some(context) => context.clone(),
        None => super::context::current(&client).await?.label,
    };
    let readable: Readable = client.get(&Url::new(&["contexts", &context, "readable"])).await?;
    let label = clean(&readable.label);
    app.ui.explain(&explain(&readable, args));
    app.ui.confirm(&format!("share {label}?"))?;
    let role = Some(match args.role {
        Role::Reader => RoleName::Reader,
        Role::Writer => RoleName::Writer,
    });
    let ticket = NewTicket { role, expires_seconds: Some(args.expires), uses: args.uses };
    let url = Url::new(&["contexts", &context, "tickets"]);
    let made: TicketMade = client.send_json(Method::POST, &url, &ticket).await?;
    app.ui.result(&made, |_| format!("{}\n", clean(&made.ticket)))?;
    let until = match &made.info.until {
        Some(until) => format!("good until {} by each one's clock", human::moment(until)),
        None => "good for ever".to_owned(),
    };
    let key = &made.info.key.to_string()[..8];
    app.ui.note(&format!("{until}; `dsp tickets revoke {key}` ends it"));
    app.ui.note("the other side types `dsp follow` and the ticket");
    Ok(())
}

fn explain(readable: &Readable, args: &Args) -> String {
    let stacks = human::count(readable.stacks.into(), "stack");
    let frames = human::count(readable.frames.into(), "frame");
    let who = match (args.uses, args.role) {
        (None, Role::Reader) => "whoever holds the ticket reads".to_owned(),
        (None, Role::Writer) => "whoever holds the ticket reads and pushes to".to_owned(),
        (Some(n), Role::Reader) => {
            format!("up to {} with the ticket read", human::count(n.into(), "user"))
        }
        (Some(n), Role::Writer) => {
            format!("up to {} with the ticket read and push to", human::count(n.into(), "user"))
        }
    };
    let mut text = format!(
        "{who} {}: {stacks}, {frames}, {}",
        clean(&readable.label),
        human::size(readable.bytes)
    );
    if !readable.examples.is_empty() {
        text += &format!("\nin it: {}", clean(&readable.examples.join(", ")));
        if readable.examples.len() < readable.stacks as usize {
            text += ", …";
        }
    }
    if readable.removed > 0 {
        let removed = human::count(readable.removed.into(), "removed stack");
        text += &format!("\nof {removed} the frames can still be read by tag or id");
    }
    text
}
