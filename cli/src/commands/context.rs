//! `dsp context`: makes, lists, chooses and closes contexts.

use clap::{Subcommand, ValueEnum};
use dsp_protocol::api::{
    AccessName, ClosedContext, ContextInfo, FollowState, NewContext, Policy, Readable, RoleName,
    SwitchContext,
};
use hyper::Method;

use crate::App;
use crate::client::{Client, Url};
use crate::error::{Error, Result};
use crate::human;
use crate::output::{Ui, clean, quoted};
use crate::table::{Column, Table};

/// Make, list, choose and close contexts
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Make a context
    #[command(after_help = "\
Examples:
  dsp context new research
  dsp context new open-data --about \"what we publish\" --access public")]
    New {
        /// Its name
        name: String,
        /// Describe it
        #[arg(long, default_value = "", hide_default_value = true)]
        about: String,
        /// Say who may read: members, holders of a ticket too, or anybody
        #[arg(long, value_enum, default_value_t = Access::Private)]
        access: Access,
    },
    /// List contexts, mine and followed
    #[command(after_help = "\
Examples:
  dsp context ls
  dsp context ls --json")]
    Ls,
    /// Choose the context that names without one mean
    #[command(after_help = "\
Examples:
  dsp context switch research
  dsp context switch alice/main")]
    Switch {
        /// Context: a name of mine, user/name, or an id
        context: String,
    },
    /// Close a context of mine for its followers
    #[command(after_help = "\
Examples:
  dsp context rm research
  dsp context rm research --yes")]
    Rm {
        /// Context to close
        context: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Access {
    Private,
    Ticket,
    Public,
}

pub(crate) async fn run(args: Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    match args.verb {
        Verb::New { name, about, access } => {
            let access = Some(match access {
                Access::Private => AccessName::Private,
                Access::Ticket => AccessName::Ticket,
                Access::Public => AccessName::Public,
            });
            if matches!(access, Some(AccessName::Public)) {
                let who = "whoever ever got a ticket, also one that ended, will be able to read";
                app.ui.confirm(&format!("{who} {name}. Make it?"))?;
            }
            let new = NewContext { name, about, access };
            let url = Url::new(&["contexts"]);
            let made: ContextInfo = client.send_json(Method::POST, &url, &new).await?;
            app.ui.result(&made, |_| {
                let (label, typed) = (clean(&made.label), quoted(&made.label));
                format!("made {label}; `dsp context switch {typed}` makes it the current one\n")
            })
        }
        Verb::Ls => ls(&client, app).await,
        Verb::Switch { context } => {
            let url = Url::new(&["contexts", "current"]);
            let now: ContextInfo =
                client.send_json(Method::PUT, &url, &SwitchContext { context }).await?;
            app.ui.result(&now, |_| format!("now in {}\n", clean(&now.label)))
        }
        Verb::Rm { context } => rm(&client, app, &context).await,
    }
}

async fn ls(client: &Client, app: &App) -> Result<()> {
    let contexts: Vec<ContextInfo> = client.list(&Url::new(&["contexts"]), None).await?;
    app.ui.list(&contexts, |ui| human(&contexts, ui))
}

fn human(contexts: &[ContextInfo], ui: &Ui) -> String {
    let mut table = Table::new(&[
        Column::text("CONTEXT"),
        Column::text("ROLE"),
        Column::text("ACCESS"),
        Column::text("STATE"),
        Column::number("STACKS"),
        Column::number("SIZE"),
        Column::number("HERE"),
        Column::text("HEARD"),
        Column::long("ABOUT"),
    ]);
    let now = human::now();
    for context in contexts {
        let mark = if context.current { " *" } else { "" };
        let mut state = state(context.state).to_owned();
        if !matches!(context.state, FollowState::Own) {
            state += &format!(", {}", policy(context.policy));
        }
        let pending = context.role_pending.map(|pending| format!(", {} pending", role(pending)));
        table.row([
            format!("{}{mark}", context.label),
            role(context.role).to_owned() + &pending.unwrap_or_default(),
            access(context.access).to_owned(),
            state,
            context.stacks.to_string(),
            human::size(context.bytes),
            human::size(context.bytes_here),
            context.heard.as_deref().map_or("-".into(), |time| human::ago(time, now)),
            context.about.clone(),
        ]);
    }
    table.render(ui) + "* the current context\n"
}

async fn rm(client: &Client, app: &App, context: &str) -> Result<()> {
    let readable: Readable = client.get(&Url::new(&["contexts", context, "readable"])).await?;
    let label = clean(&readable.label);
    let stacks = human::count(readable.stacks.into(), "stack");
    app.ui.explain(&format!("closes {label} with {stacks}, {}", human::size(readable.bytes)));
    app.ui.explain("followers keep what they have and get no more; what is here stays");
    app.ui.confirm(&format!("close {label}?"))?;
    let before = current(client).await.ok();
    let closed: Option<ClosedContext> = client.delete(&Url::new(&["contexts", context])).await?;
    app.ui.result(&closed, |_| format!("closed {label}\n"))?;
    super::undo::hint(closed.and_then(|closed| closed.undo).as_ref(), &app.ui);
    if before.is_some_and(|before| before.id == readable.context) {
        app.ui.note(&format!("now in {}", clean(&current(client).await?.label)));
    }
    Ok(())
}

/// Returns the context that names without one mean.
///
/// # Errors
/// When the daemon has none.
pub(crate) async fn current(client: &Client) -> Result<ContextInfo> {
    let contexts: Vec<ContextInfo> = client.list(&Url::new(&["contexts"]), None).await?;
    contexts.into_iter().find(|context| context.current).ok_or_else(|| {
        Error::not_found("no current context").hint("choose one with `dsp context switch`")
    })
}

/// Returns the word for how a follow stands.
pub(crate) fn state(state: FollowState) -> &'static str {
    match state {
        FollowState::Own => "mine",
        FollowState::Waiting => "waiting",
        FollowState::Following => "following",
        FollowState::Removed => "removed from it",
        FollowState::Closed => "closed",
        FollowState::Left => "left",
    }
}

/// Returns the word for a role.
pub(crate) fn role(role: RoleName) -> &'static str {
    match role {
        RoleName::None => "none",
        RoleName::Reader => "reader",
        RoleName::Writer => "writer",
        RoleName::Owner => "owner",
    }
}

/// Returns the word for a policy.
pub(crate) fn policy(policy: Policy) -> &'static str {
    match policy {
        Policy::All => "all",
        Policy::Heads => "heads",
        Policy::Lazy => "lazy",
    }
}

fn access(access: AccessName) -> &'static str {
    match access {
        AccessName::Private => "private",
        AccessName::Ticket => "ticket",
        AccessName::Public => "public",
    }
}
