//! `dsp context`: makes, lists, chooses and closes contexts.

use clap::{Subcommand, ValueEnum};
use dsp_protocol::api::{
    AccessName, ChangeFollow, ClosedContext, ContextInfo, FollowState, Forked, NewContext, NewFork,
    Readable, RoleName, SetQuota, SwitchContext,
};
use hyper::Method;

use crate::App;
use crate::choose::{Choose, words};
use crate::client::{Client, Url};
use crate::error::{Error, Result};
use crate::human;
use crate::output::{Ui, clean, quoted};
use crate::table::{Column, Table};
use crate::value;

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
        /// Say who may read: members, whoever redeems a ticket, or whoever has its key from one
        #[arg(long, value_enum, default_value_t = Access::Private)]
        access: Access,
    },
    /// List contexts, mine and followed
    #[command(after_help = "\
Examples:
  dsp context ls
  dsp context ls --json")]
    #[command(alias = "list")]
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
    /// Show or change whose bytes of a followed context come by themselves
    #[command(after_help = "\
Examples:
  dsp context policy alice/main
  dsp context policy alice/main --policy all --last 3
  dsp context policy alice/main --only 'sales/*' --not '**/raw' --max-size 1GB

What is given replaces the whole policy; --policy alone leaves nothing out.")]
    Policy {
        /// Context that is followed
        context: String,
        #[command(flatten)]
        choose: Choose,
    },
    /// Show or change how many bytes of a context come by themselves
    #[command(after_help = "\
Examples:
  dsp context quota alice/main
  dsp context quota alice/main 20GB
  dsp context quota alice/main none

Heads and frames come whatever the quota says, and so does what is asked for.")]
    Quota {
        /// Context
        context: String,
        /// Bytes such as 20GB, or none
        bytes: Option<String>,
    },
    /// Make a context of mine with the current heads of another
    #[command(after_help = "\
Examples:
  dsp context fork alice/main main-2
  dsp context fork alice/main main-2 --history

Where the owner of a context is gone, work goes on in the fork: the frames are the same, and you
sign their heads. Nobody is in it but you; `dsp share` and `dsp members add` let others in.")]
    Fork {
        /// Context whose heads to take
        context: String,
        /// Name of the new context
        name: String,
        /// Take the frames behind the heads along, as far as they are here
        #[arg(long)]
        history: bool,
    },
    /// Close a context of mine for its followers
    #[command(after_help = "\
Examples:
  dsp context rm research
  dsp context rm research --yes")]
    #[command(alias = "remove")]
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
            app.ui.result(&now, |_| format!("now in {}\n", clean(&now.label)))?;
            if now.state == FollowState::Closed {
                app.ui.note("it is closed: what is in it can be read, and nothing be pushed to it");
            }
            Ok(())
        }
        Verb::Policy { context, choose } => set_policy(&client, app, &context, &choose).await,
        Verb::Quota { context, bytes } => quota(&client, app, &context, bytes.as_deref()).await,
        Verb::Rm { context } => rm(&client, app, &context).await,
        Verb::Fork { context, name, history } => {
            let url = Url::new(&["contexts", &context, "fork"]);
            let new = NewFork { name, history };
            let forked: Forked = client.send_json(Method::POST, &url, &new).await?;
            app.ui.result(&forked, |_| {
                let stacks = human::count(forked.stacks.into(), "stack");
                let frames = human::count(forked.frames.into(), "frame");
                format!("made {}: {stacks}, {frames}\n", clean(&forked.context.label))
            })?;
            for left_out in &forked.left_out {
                app.ui.warn(&format!("left out {left_out}"));
            }
            Ok(())
        }
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
        Column::number("USED"),
        Column::text("HEARD"),
        Column::long("ABOUT"),
    ]);
    let now = human::now();
    for context in contexts {
        let mark = if context.current { " *" } else { "" };
        let mut state = state(context.state).to_owned();
        if !matches!(context.state, FollowState::Own) {
            state += &format!(", {}", words(context.policy, context.selection.as_ref()));
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
            used(context),
            context.heard.as_deref().map_or("-".into(), |time| human::ago(time, now)),
            context.about.clone(),
        ]);
    }
    table.render(ui) + "* the current context\n"
}

async fn set_policy(client: &Client, app: &App, context: &str, choose: &Choose) -> Result<()> {
    let mut info: ContextInfo = client.get(&Url::new(&["contexts", context])).await?;
    let (policy, selection) = (choose.policy(), choose.selection());
    if policy.is_some() || selection.is_some() {
        let change = ChangeFollow { policy: policy.unwrap_or(info.policy), selection };
        info = client.send_json(Method::PATCH, &Url::new(&["follows", context]), &change).await?;
    }
    app.ui.result(&info, |_| {
        let words = words(info.policy, info.selection.as_ref());
        format!("{}: policy {}\n", clean(&info.label), clean(&words))
    })
}

async fn quota(client: &Client, app: &App, context: &str, bytes: Option<&str>) -> Result<()> {
    let url = Url::new(&["contexts", context, "quota"]);
    let info: ContextInfo = match bytes {
        None => client.get(&Url::new(&["contexts", context])).await?,
        Some(text) => {
            let quota_bytes = match text {
                "none" => None,
                text => Some(value::bytes(text).map_err(Error::usage)?),
            };
            client.send_json(Method::PUT, &url, &SetQuota { quota_bytes }).await?
        }
    };
    app.ui.result(&info, |_| {
        let bound = if info.quota_bytes.is_none() { ", no quota" } else { "" };
        format!("{}: {} in use{bound}\n", clean(&info.label), used(&info))
    })
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
        let now = current(client).await?;
        match now.id == readable.context {
            false => app.ui.note(&format!("now in {}", clean(&now.label))),
            true => app.ui.note(
                "no context of yours is open now: `dsp context new` makes one, and `dsp context \
                 switch` chooses it",
            ),
        }
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
        FollowState::Archived => "from an archive",
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

/// Returns the bytes of a context that are here, against its quota.
fn used(context: &ContextInfo) -> String {
    let used = human::size(context.used_bytes);
    match context.quota_bytes {
        Some(quota) => format!("{used} of {}", human::size(quota)),
        None => used,
    }
}

fn access(access: AccessName) -> &'static str {
    match access {
        AccessName::Private => "private",
        AccessName::Ticket => "ticket",
        AccessName::Public => "public",
    }
}
