//! `dsp members`: who may what in a context.

use clap::{Subcommand, ValueEnum};
use dsp_protocol::api::{CutAway, KeepMore, MemberInfo, RoleName, SetRole, TicketInfo};
use hyper::Method;

use crate::App;
use crate::client::{Client, Url};
use crate::error::Result;
use crate::human;
use crate::output::{Ui, clean, quoted};
use crate::table::{Column, Table};
use crate::value;

/// List, add and remove members of a context, and change their roles
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Args, Debug)]
struct Whom {
    /// User: the name she has here, or her id
    user: String,
    /// Context; the current one when left out
    #[arg(short, long)]
    context: Option<String>,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List who is in a context, and who was removed
    #[command(after_help = "\
Examples:
  dsp members ls
  dsp members ls research --json")]
    #[command(alias = "list")]
    Ls {
        /// Context; the current one when left out
        context: Option<String>,
    },
    /// Make a user a member
    #[command(after_help = "\
Examples:
  dsp members add bob
  dsp members add carol --role writer --context research

Whoever is a member hears of it over any other context that both are in, and follows with one
command; somebody who shares none needs a ticket all the same.")]
    Add {
        #[command(flatten)]
        whom: Whom,
        /// Say what she may do: read, push too, or also say who may what
        #[arg(long, value_enum, default_value_t = Role::Reader)]
        role: Role,
    },
    /// Give a member another role
    #[command(after_help = "\
Examples:
  dsp members role bob writer
  dsp members role carol owner --context research

An owner may do all that you may, removing you too. Who is lowered keeps what counted of hers.")]
    Role {
        /// User: the name she has here, or her id
        user: String,
        /// What she may do from now on
        #[arg(value_enum)]
        role: Role,
        /// Context; the current one when left out
        #[arg(short, long)]
        context: Option<String>,
    },
    /// Remove a member
    #[command(after_help = "\
Examples:
  dsp members rm mallory
  dsp members rm mallory --since 2d
  dsp members rm mallory --since 2026-11-16T09:30:00Z --context research
  dsp members rm mallory --keep-nothing --yes

What she took stays hers: nothing calls copies back. What she pushed goes on to count as far as it
is kept; whatever she says later, however it is dated, counts nowhere. `dsp members keep` lets in
again what was cut away.")]
    #[command(alias = "remove")]
    Rm {
        #[command(flatten)]
        whom: Whom,
        /// Count nothing that she said from then on, by her clock: 30m, 12h, 2d ago, or a time
        #[arg(long, value_name = "TIME", conflicts_with = "keep_nothing")]
        since: Option<String>,
        /// Count nothing of hers any more
        #[arg(long)]
        keep_nothing: bool,
    },
    /// Let in again what was cut away of a removed member
    #[command(after_help = "\
Examples:
  dsp members keep mallory
  dsp members keep mallory --before 2d

Lets in what is here, and what connected members have. Work that only she has comes in when she is
made a writer again; what another owner cut away is for that one to let in.")]
    Keep {
        #[command(flatten)]
        whom: Whom,
        /// Only what she said before then, by her clock: 30m, 12h, 2d ago, or a time
        #[arg(long, value_name = "TIME")]
        before: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    Reader,
    Writer,
    Owner,
}

impl From<Role> for RoleName {
    fn from(role: Role) -> RoleName {
        match role {
            Role::Reader => RoleName::Reader,
            Role::Writer => RoleName::Writer,
            Role::Owner => RoleName::Owner,
        }
    }
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    match &args.verb {
        Verb::Ls { context } => {
            let context = named(&client, context.as_deref()).await?;
            let url = Url::new(&["contexts", &context, "members"]);
            let members: Vec<MemberInfo> = client.list(&url, None).await?;
            app.ui.list(&members, |ui| human(&members, ui))
        }
        Verb::Add { whom, role } => set(app, &client, whom, *role).await,
        Verb::Role { user, role, context } => {
            let whom = Whom { user: user.clone(), context: context.clone() };
            set(app, &client, &whom, *role).await
        }
        Verb::Rm { whom, since, keep_nothing } => {
            remove(app, &client, whom, since.as_deref(), *keep_nothing).await
        }
        Verb::Keep { whom, before } => {
            let context = named(&client, whom.context.as_deref()).await?;
            let before = before.as_deref().map(value::moment_ago).transpose()?;
            let url = Url::new(&["contexts", &context, "members", &whom.user, "keep"]);
            let member: MemberInfo =
                client.send_json(Method::POST, &url, &KeepMore { before }).await?;
            app.ui.result(&member, |_| {
                let stacks = human::count(member.stacks.into(), "stack");
                let (name, context) = (clean(&member.name), clean(&context));
                let still = member.cut_away.as_ref().map(still_cut).unwrap_or_default();
                format!("let in what was cut away of {name} in {context}: {stacks} count{still}\n")
            })
        }
    }
}

async fn named(client: &Client, context: Option<&str>) -> Result<String> {
    match context {
        Some(context) => Ok(context.to_owned()),
        None => Ok(super::context::current(client).await?.label),
    }
}

async fn set(app: &App, client: &Client, whom: &Whom, role: Role) -> Result<()> {
    let context = named(client, whom.context.as_deref()).await?;
    let user = clean(&whom.user);
    if matches!(role, Role::Owner) {
        app.ui.explain(&format!(
            "an owner of {} may do all that you may: share, add and remove members, you too",
            clean(&context)
        ));
        app.ui.confirm(&format!("make {user} an owner?"))?;
    }
    let url = Url::new(&["contexts", &context, "members", &whom.user]);
    let body = SetRole { role: role.into() };
    let member: MemberInfo = client.send_json(Method::PUT, &url, &body).await?;
    app.ui.result(&member, |_| {
        let (name, role) = (clean(&member.name), super::context::role(member.role));
        format!("{name} is now {role} in {}\n", clean(&context))
    })?;
    if member.cut_away.is_some() {
        app.ui.note(&format!("what was cut away of {user} before stays so while she only reads"));
    }
    Ok(())
}

async fn remove(
    app: &App,
    client: &Client,
    whom: &Whom,
    since: Option<&str>,
    keep_nothing: bool,
) -> Result<()> {
    let context = named(client, whom.context.as_deref()).await?;
    let since = since.map(value::moment_ago).transpose()?;
    let url = Url::new(&["contexts", &context, "members", &whom.user]);
    let member: MemberInfo = client.get(&url).await?;
    let (name, label) = (clean(&member.name), clean(&context));
    app.ui.explain(&format!("removes {name} from {label}: nothing more is served to her"));
    app.ui.explain("what she took stays hers; nothing calls copies back");
    let stacks = human::count(member.stacks.into(), "stack");
    app.ui.explain(&match (&since, keep_nothing) {
        (None, false) => format!("{stacks} of hers go on to count as they are now"),
        (Some(since), _) => {
            format!("of {stacks} of hers counts what she said before {}", human::moment(since))
        }
        (None, true) => format!("nothing of hers counts any more: {stacks} go out of sight"),
    });
    app.ui.confirm(&format!("remove {name} from {label}?"))?;
    let url = url.query("keep", if keep_nothing { "nothing" } else { "all" });
    let url = url.query_opt("since", since.as_deref());
    let removed: Option<MemberInfo> = client.delete(&url).await?;
    app.ui.result(&removed, |_| format!("removed {name} from {label}\n"))?;
    // Under another name whoever has such a ticket comes in again.
    let url = Url::new(&["tickets"]).query("context", &context);
    let tickets: Vec<TicketInfo> = client.list(&url, None).await.unwrap_or_default();
    let hers = |ticket: &&TicketInfo| ticket.admitted.iter().any(|in_| in_.user == member.user);
    for ticket in tickets.iter().filter(|ticket| is_good(ticket)).filter(hers) {
        app.ui.note(&format!(
            "she came in by ticket {key}, which still lets in whoever has it; `dsp tickets revoke \
             {key}` ends that",
            key = ticket.key.short()
        ));
    }
    if let Some(away) = removed.as_ref().and_then(|member| member.cut_away.as_ref()) {
        let context = whom.context.as_ref().map(|c| format!(" --context {}", quoted(c)));
        app.ui.note(&format!(
            "cut away: {}; `dsp members keep {}{}` lets it in again",
            cut(away),
            quoted(&member.name),
            context.unwrap_or_default()
        ));
    }
    Ok(())
}

fn is_good(ticket: &TicketInfo) -> bool {
    !ticket.revoked && !ticket.until.as_deref().is_some_and(human::is_past)
}

fn cut(away: &CutAway) -> String {
    let mut parts = Vec::new();
    if away.statements > 0 {
        let stacks = match away.stacks.is_empty() {
            true => String::new(),
            false => format!(" ({})", clean(&away.stacks.join(", "))),
        };
        parts.push(format!("{}{stacks}", human::count(away.statements.into(), "statement")));
    }
    if away.elsewhere > 0 {
        parts.push(format!("{} that members have", human::count(away.elsewhere, "change")));
    }
    parts.join(", ")
}

fn still_cut(away: &CutAway) -> String {
    format!("; still cut away: {}", cut(away))
}

fn human(members: &[MemberInfo], ui: &Ui) -> String {
    let mut table = Table::new(&[
        Column::text("NAME"),
        Column::text("ID"),
        Column::text("ROLE"),
        Column::number("STACKS"),
        Column::long("CUT AWAY"),
    ]);
    for member in members {
        let mut role = match member.role {
            RoleName::None => "removed".to_owned(),
            role => super::context::role(role).to_owned(),
        };
        if member.by_ticket {
            role += " by ticket";
        }
        let mut name = member.name.clone();
        if member.blocked {
            name += " (blocked)";
        }
        let away = member.cut_away.as_ref().map(cut).unwrap_or_default();
        table.row([name, member.user.short(), role, member.stacks.to_string(), away]);
    }
    table.render(ui)
}
