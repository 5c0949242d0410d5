//! `dsp tickets`: lists and revokes tickets.

use clap::Subcommand;
use dsp_protocol::api::{TicketEnded, TicketInfo, UserName};

use crate::App;
use crate::client::Url;
use crate::error::Result;
use crate::human;
use crate::output::{Ui, clean};
use crate::table::{Column, Table};

/// List and revoke tickets
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List the tickets that were made here
    #[command(after_help = "\
Examples:
  dsp tickets ls
  dsp tickets ls research")]
    #[command(alias = "list")]
    Ls {
        /// Context whose tickets to list; all when left out
        context: Option<String>,
    },
    /// Make a ticket void
    #[command(after_help = "\
Examples:
  dsp tickets revoke 1f0c9a3b
  dsp tickets revoke 1f0c9a3b --remove-members --yes")]
    Revoke {
        /// Key of the ticket, or enough of its first digits
        key: String,
        /// Remove who came in by it, too; what counts of theirs goes on to
        #[arg(long)]
        remove_members: bool,
    },
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    match &args.verb {
        Verb::Ls { context } => {
            let url = Url::new(&["tickets"]).query_opt("context", context.as_deref());
            let tickets: Vec<TicketInfo> = client.list(&url, None).await?;
            app.ui.list(&tickets, |ui| human(&tickets, ui))?;
            if tickets.is_empty() {
                app.ui.note("no tickets; `dsp share` makes one");
            }
            Ok(())
        }
        Verb::Revoke { key, remove_members } => {
            if *remove_members {
                app.ui.explain("who came in by the ticket is removed; what they took stays theirs");
                app.ui.confirm(&format!("revoke {key} and remove who came in by it?"))?;
            }
            let members = if *remove_members { "remove" } else { "keep" };
            let url = Url::new(&["tickets", key]).query("members", members);
            let ended: Option<TicketEnded> = client.delete(&url).await?;
            app.ui.result(&ended, |_| revoked(ended.as_ref()))?;
            let stay = ended.is_some_and(|ended| {
                ended.ticket.admitted.iter().any(|user| !ended.removed.contains(user))
            });
            if stay && !*remove_members {
                app.ui.note(&format!(
                    "`dsp tickets revoke {key} --remove-members` removes them too, `dsp members \
                     rm` one of them"
                ));
            }
            Ok(())
        }
    }
}

fn revoked(ended: Option<&TicketEnded>) -> String {
    let Some(TicketEnded { ticket, removed }) = ended else { return "revoked\n".to_owned() };
    let label = clean(&ticket.label);
    let mut out = format!("revoked {} of {label}\n", ticket.key.short());
    let stay: Vec<UserName> =
        ticket.admitted.iter().filter(|user| !removed.contains(user)).cloned().collect();
    if !removed.is_empty() {
        out += &format!("came in by it and were removed: {}\n", names(removed));
    }
    if !stay.is_empty() {
        out += &format!("came in by it and stay: {}\n", names(&stay));
    }
    out
}

fn names(users: &[UserName]) -> String {
    let names: Vec<&str> = users.iter().map(|user| user.name.as_str()).collect();
    clean(&names.join(", "))
}

fn human(tickets: &[TicketInfo], ui: &Ui) -> String {
    if tickets.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        Column::text("TICKET"),
        Column::text("CONTEXT"),
        Column::text("ROLE"),
        Column::text("UNTIL"),
        Column::number("USES"),
        Column::long("CAME IN"),
    ]);
    for ticket in tickets {
        let until = match &ticket.until {
            _ if ticket.revoked => "revoked".to_owned(),
            Some(until) if human::is_past(until) => "expired".to_owned(),
            Some(until) => human::moment(until),
            None => "never ends".to_owned(),
        };
        table.row([
            ticket.key.short(),
            ticket.label.clone(),
            super::context::role(ticket.role).to_owned(),
            until,
            ticket.uses.map_or("any".into(), |n| format!("{} of {n}", ticket.admitted.len())),
            names(&ticket.admitted),
        ]);
    }
    table.render(ui)
}
