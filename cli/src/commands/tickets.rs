//! `dsp tickets`: lists and revokes tickets.

use clap::Subcommand;
use dsp_protocol::api::TicketInfo;

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
    Ls {
        /// Context whose tickets to list; all when left out
        context: Option<String>,
    },
    /// Make a ticket void
    #[command(after_help = "\
Examples:
  dsp tickets revoke 1f0c9a3b")]
    Revoke {
        /// Key of the ticket, or enough of its first digits
        key: String,
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
        Verb::Revoke { key } => {
            let ticket: Option<TicketInfo> = client.delete(&Url::new(&["tickets", key])).await?;
            app.ui.result(&ticket, |_| revoked(ticket.as_ref()))
        }
    }
}

fn revoked(ticket: Option<&TicketInfo>) -> String {
    let Some(ticket) = ticket else { return "revoked\n".to_owned() };
    let label = clean(&ticket.label);
    let mut out = format!("revoked {} of {label}\n", ticket.key.short());
    if !ticket.admitted.is_empty() {
        out += &format!("came in by it and stay: {}\n", names(ticket));
    }
    out
}

fn names(ticket: &TicketInfo) -> String {
    let names: Vec<&str> = ticket.admitted.iter().map(|user| user.name.as_str()).collect();
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
            names(ticket),
        ]);
    }
    table.render(ui)
}
