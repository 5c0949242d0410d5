//! `dsp status`: tells how this node is.

use std::fmt::Write as _;

use dsp_protocol::api::{NodeStatus, PendingRole};

use crate::App;
use crate::client::Url;
use crate::error::Result;
use crate::human;
use crate::output::{Colour, Ui, clean};

/// Tell how this node is: who I am, what is here, who is connected
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp status
  dsp status --json")]
pub(crate) struct Args {}

pub(crate) async fn run(_: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    let status: NodeStatus = client.get(&Url::new(&["node"])).await?;
    app.ui.result(&status, |ui| human(&status, ui))
}

/// Renders the status for people.
pub(crate) fn human(status: &NodeStatus, ui: &Ui) -> String {
    let mut out = String::new();
    let mut line = |name: &str, text: &str| {
        let _ = writeln!(out, "{name:<9}  {}", clean(text));
    };
    line("me", &format!("{} on {}", status.name, status.device_name));
    line("context", &status.context);
    let contexts = human::count(status.contexts.into(), "context");
    line("here", &format!("{contexts}, {}", human::count(status.stacks.into(), "stack")));
    if !status.offers.is_empty() {
        line("offered", &format!("{}; `dsp follow` takes it", status.offers.join(", ")));
    }
    let peers = human::count(status.peers_connected.into(), "peer");
    line("connected", &format!("{peers}, {}", human::count(status.transfers.into(), "transfer")));
    let free = format!("{} free", human::size(status.disk_free_bytes));
    line("disk", &free);
    let used = human::size(status.used_bytes);
    line(
        "used",
        &match status.quota_bytes {
            Some(quota) => format!("{used} of {}", human::size(quota)),
            None => used,
        },
    );
    line("home", &status.home);
    let listening = match status.listening.is_empty() {
        true => "nowhere; only this machine reaches the daemon".to_owned(),
        false => status.listening.join("\n           "),
    };
    let listening: Vec<String> = listening.split('\n').map(clean).collect();
    let _ = writeln!(out, "{:<9}  {}", "listening", listening.join("\n"));
    let since = human::moment(&status.started);
    let daemon = format!("dspd {}, pid {}, since {since}", status.version, status.pid);
    let _ = writeln!(out, "{:<9}  {}", "daemon", clean(&daemon));
    let _ = writeln!(out, "{:<9}  {}", "web", clean(&status.address));
    for warning in warnings(status) {
        let _ = writeln!(out, "{} {warning}", ui.paint("warning:", Colour::Yellow));
    }
    out
}

/// Says that another program has the port of this home.
pub(crate) fn port_taken(status: &NodeStatus) -> Option<String> {
    let port = status.port_taken?;
    Some(format!(
        "another program has port {port}, which is this home's: profiles and bookmarks that name \
         it do not reach this daemon, which answers at {}",
        clean(&status.address)
    ))
}

/// Returns what should be done something about, and what is not as one may think.
pub(crate) fn warnings(status: &NodeStatus) -> Vec<String> {
    let mut warnings = Vec::new();
    if status.device_revoked {
        warnings.push(
            "this device is revoked, for ever: it acts for you no more; `dsp reset` puts its home \
             aside, and `dsp id pair` makes it a device of yours anew"
                .to_owned(),
        );
    }
    warnings.extend(port_taken(status));
    if status.disk_full {
        warnings.push(
            "the disk is full: pushes and fetches wait for room; reading and removing go on"
                .to_owned(),
        );
    }
    if status.collections_held {
        warnings.push(
            "the database was put back or made anew, and may not know of all bytes here; none are \
             freed before `dsp gc`"
                .to_owned(),
        );
    }
    if status.backup_needed {
        warnings.push("the recovery key is not backed up; `dsp id backup` does it".to_owned());
    }
    for PendingRole { context, role } in &status.roles_pending {
        warnings.push(format!(
            "the role {} in {} is pending: no device of an owner has admitted you yet",
            super::context::role(*role),
            clean(context)
        ));
    }
    warnings
}
