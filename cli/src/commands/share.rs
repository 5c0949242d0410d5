//! `dsp share`: makes a ticket that lets its holder follow a context.

use clap::ValueEnum;
use dsp_protocol::api::{NewShare, NewTicket, Readable, RoleName, Shared, StackInfo, TicketMade};
use hyper::Method;

use crate::App;
use crate::client::{Client, Url};
use crate::error::{Error, Exit, Result};
use crate::human;
use crate::output::{clean, quoted};
use crate::value;

/// Make a ticket that lets its holder follow a context
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp share
  dsp share research --role writer --uses 3
  dsp share --expires 12h --yes > ticket.txt
  dsp share sales/weekly --with bob --with carol

With --with the argument is a stack: exactly these users read it, in a context of their own, and
what is pushed to it from then on. They hear of it over any context that both are in, and
`dsp follow` takes it.

The ticket alone is printed on standard output. Whoever holds it can read the whole context until
it expires or is revoked.")]
pub(crate) struct Args {
    /// Context to share, the current one when left out; with --with a stack
    #[arg(value_name = "CONTEXT|STACK")]
    what: Option<String>,
    /// Show a stack to this user and nobody else; may be given several times
    #[arg(long, value_name = "USER", requires = "what",
        conflicts_with_all = ["role", "expires", "uses"])]
    with: Vec<String>,
    /// Let frames behind the head go along
    #[arg(long, requires = "with")]
    history: bool,
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
    if let (Some(stack), [_, ..]) = (&args.what, &args.with[..]) {
        return with(stack, args, app, &client).await;
    }
    let context = match &args.what {
        Some(context) => context.clone(),
        None => super::context::current(&client).await?.label,
    };
    let url = Url::new(&["contexts", &context, "readable"]);
    let readable: Readable = match client.get(&url).await {
        Err(error) if matches!(error.exit(), Exit::NotFound) => {
            let url = Url::new(&["stack"]).query("ref", &context);
            let stack: Result<StackInfo> = client.get(&url).await;
            return Err(match stack {
                Ok(_) => Error::not_found(error.detail()).hint(format!(
                    "it is a stack: `dsp share {} --with USER` shows it to a user",
                    quoted(&context)
                )),
                Err(_) => error,
            });
        }
        readable => readable?,
    };
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

/// Shows a stack to named users.
async fn with(stack: &str, args: &Args, app: &App, client: &Client) -> Result<()> {
    let url = Url::new(&["stack"]).query("ref", stack);
    let info: StackInfo = client.get(&url.query("to_change", "true")).await?;
    // Nothing is announced that then is refused.
    for user in &args.with {
        super::peers::another(client, user).await?;
    }
    let (name, users) = (clean(&info.reference), clean(&args.with.join(", ")));
    let frames = if args.history { "its head and the frames behind it" } else { "its head" };
    app.ui.explain(&format!(
        "{users} can read {name}: {frames}, and what is pushed to it from now on"
    ));
    app.ui.explain("what is taken once stays taken; nothing calls copies back");
    app.ui.confirm(&format!("share {name} with {users}?"))?;
    let new = NewShare { stack: stack.to_owned(), with: args.with.clone(), history: args.history };
    let shared: Shared = client.send_json(Method::POST, &Url::new(&["shares"]), &new).await?;
    app.ui.result(&shared, |_| {
        let frames = human::count(shared.frames.into(), "frame");
        let readers: Vec<&str> = shared.readers.iter().map(|user| user.name.as_str()).collect();
        let (readers, context) = (clean(&readers.join(", ")), clean(&shared.context));
        format!("{readers} can read {name} in {context}: {frames}\n")
    })?;
    if shared.lineage_withheld > 0 {
        let n = human::count(shared.lineage_withheld.into(), "frame");
        app.ui.note(&format!("the lineage of {n} is withheld: it names what they cannot read"));
    }
    app.ui.note(
        "they are told when they are met, and type `dsp follow` and what `dsp offers ls` shows",
    );
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
