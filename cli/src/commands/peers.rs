//! `dsp peers`: lists and names the people whose devices this one knows.

use clap::Subcommand;
use dsp_protocol::api::{PeerInfo, RenamePeer};
use dsp_protocol::id::UserId;
use hyper::Method;

use crate::App;
use crate::client::{Client, Url};
use crate::error::{Error, Result};
use crate::human;
use crate::output::{Ui, clean};
use crate::table::{Column, Table};

/// List and name other users
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List the users that this node knows
    #[command(after_help = "\
Examples:
  dsp peers ls
  dsp peers ls --json")]
    #[command(alias = "list")]
    Ls,
    /// Show a user: her id and its words, what of hers is trusted, and her devices
    #[command(after_help = "\
Examples:
  dsp peers show alice
  dsp peers show me")]
    Show {
        /// User: the name she has here, or her id
        user: String,
    },
    /// Call a user by another name, here only
    #[command(after_help = "\
Examples:
  dsp peers rename alice-2 alice-from-sales")]
    Rename {
        /// User: the name she has here, or her id
        user: String,
        /// New name
        name: String,
    },
}

/// Makes sure that a text names a user other than me; an id may be that of somebody never met.
///
/// # Errors
/// Nobody is called so, or it is me.
pub(crate) async fn another(client: &Client, user: &str) -> Result<()> {
    if user == "me" {
        return Err(Error::refused("`me` is you, and another user is meant"));
    }
    match user.parse::<UserId>() {
        Ok(_) => Ok(()),
        Err(_) => client.get::<PeerInfo>(&Url::new(&["peers", user])).await.map(drop),
    }
}

pub(crate) async fn run(args: Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    match args.verb {
        Verb::Ls => {
            let peers: Vec<PeerInfo> = client.list(&Url::new(&["peers"]), None).await?;
            app.ui.list(&peers, |ui| human(&peers, ui))?;
            for peer in peers.iter().filter(|peer| !peer.verified) {
                if let Some(other) = peer.namesakes.iter().find(|other| other.name < peer.name) {
                    app.ui.warn(&format!(
                        "{} calls herself {} as {} does, and has another id; `dsp trust {} \
                         --verify` compares it",
                        peer.name, peer.own_name, other.name, peer.name
                    ));
                }
            }
            if peers.is_empty() {
                app.ui
                    .note("nobody yet; `dsp share` invites somebody, `dsp follow` joins somebody");
            }
            Ok(())
        }
        Verb::Show { user } => {
            let peer: PeerInfo = client.get(&Url::new(&["peers", &user])).await?;
            app.ui.result(&peer, |ui| {
                super::trust::human(&peer) + "\n" + &human(std::slice::from_ref(&peer), ui)
            })
        }
        Verb::Rename { user, name } => {
            let url = Url::new(&["peers", &user]);
            let peer: PeerInfo =
                client.send_json(Method::PATCH, &url, &RenamePeer { name }).await?;
            app.ui.result(&peer, |_| format!("{} is now {}\n", clean(&user), clean(&peer.name)))
        }
    }
}

fn human(peers: &[PeerInfo], ui: &Ui) -> String {
    if peers.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        Column::text("NAME"),
        Column::text("ID"),
        Column::text("TRUST"),
        Column::text("DEVICE"),
        Column::text("CONNECTED"),
        Column::long("CONTEXTS"),
    ]);
    let now = human::now();
    for peer in peers {
        let mut name = peer.name.clone();
        if peer.own_name != peer.name {
            name += &format!(" (calls herself {})", peer.own_name);
        }
        let (id, trust) = (peer.user.short(), super::trust::words(peer));
        let contexts = peer.contexts.join(", ");
        if peer.devices.is_empty() {
            let (device, connected) = ("-".into(), "never".into());
            table.row([
                name.clone(),
                id.clone(),
                trust.clone(),
                device,
                connected,
                contexts.clone(),
            ]);
        }
        for device in &peer.devices {
            let connected = match (&device.seen, &device.address) {
                _ if device.revoked => "revoked".to_owned(),
                (_, address) if device.connected => {
                    let latency = device.latency_ms.map(|ms| format!("{ms} ms"));
                    let all = [Some("now".to_owned()), latency, address.clone()];
                    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
                }
                (Some(seen), _) => human::ago(seen, now),
                (None, _) => "never".to_owned(),
            };
            let device = device.name.clone();
            table.row([
                name.clone(),
                id.clone(),
                trust.clone(),
                device,
                connected,
                contexts.clone(),
            ]);
        }
    }
    table.render(ui)
}
