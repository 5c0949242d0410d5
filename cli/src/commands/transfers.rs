//! `dsp transfers`: shows, pauses and limits transfers.

use std::time::Duration;

use dsp_protocol::api::{DirectionName, PauseTransfer, Setting, TransferInfo, TransferList};
use hyper::Method;
use serde_json::{Map, Value};

use crate::App;
use crate::client::{Client, Url};
use crate::error::{Error, Result};
use crate::human;
use crate::output::{Ui, clean};
use crate::table::{Column, Table};

/// How often a watcher looks.
const LOOK: Duration = Duration::from_secs(1);

/// Show, pause and limit transfers
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    /// List the transfers that run
    #[command(after_help = "Examples:\n  dsp transfers ls\n  dsp transfers ls --json")]
    #[command(alias = "list")]
    Ls,
    /// Show how transfers go on until none runs
    #[command(after_help = "Examples:\n  dsp transfers watch")]
    Watch,
    /// Let a transfer wait, or all of them until they are resumed
    #[command(after_help = "Examples:\n  dsp transfers pause\n  dsp transfers pause 12")]
    Pause {
        /// Transfer; all when left out, over restarts too
        #[arg(value_name = "ID")]
        id: Option<u64>,
    },
    /// Let a transfer go on, or all of them
    #[command(after_help = "Examples:\n  dsp transfers resume\n  dsp transfers resume 12")]
    Resume {
        /// Transfer; all when left out
        #[arg(value_name = "ID")]
        id: Option<u64>,
    },
    /// Show or limit how many bytes go and come in a second
    #[command(after_help = "\
Examples:
  dsp transfers limit
  dsp transfers limit --up 500KB --down 2MB
  dsp transfers limit --up none

The limits are the settings net.limit_up and net.limit_down. They hold for blobs alone: heads and
frames, which are small, come and go at once.")]
    Limit {
        /// Most bytes that go to peers in a second, such as 500KB, or none
        #[arg(long, value_name = "RATE")]
        up: Option<String>,
        /// Most bytes that come from peers in a second, or none
        #[arg(long, value_name = "RATE")]
        down: Option<String>,
    },
}

pub(crate) async fn run(args: Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    match args.verb {
        Verb::Ls => {
            let list = get(&client).await?;
            app.ui.result(&list, |ui| human(&list, ui))
        }
        Verb::Watch => watch(&client, app).await,
        Verb::Pause { id } => pause(&client, app, id, "pause").await,
        Verb::Resume { id } => pause(&client, app, id, "resume").await,
        Verb::Limit { up, down } => limit(&client, app, up, down).await,
    }
}

async fn get(client: &Client) -> Result<TransferList> {
    client.get(&Url::new(&["transfers"])).await
}

async fn watch(client: &Client, app: &App) -> Result<()> {
    loop {
        let list = get(client).await?;
        let runs = list.transfers.iter().any(|transfer| !transfer.paused);
        if !runs {
            return app.ui.result(&list, |ui| human(&list, ui));
        }
        app.ui.note(human(&list, &app.ui).trim_end());
        tokio::time::sleep(LOOK).await;
    }
}

async fn pause(client: &Client, app: &App, id: Option<u64>, word: &str) -> Result<()> {
    let which = PauseTransfer { id };
    let list: TransferList =
        client.send_json(Method::POST, &Url::new(&["transfers", word]), &which).await?;
    app.ui.result(&list, |_| match (id, list.paused) {
        (Some(id), _) => {
            format!("transfer {id} {}\n", if word == "pause" { "waits" } else { "goes on" })
        }
        (None, true) => "all transfers wait until `dsp transfers resume`\n".to_owned(),
        (None, false) => "transfers go on\n".to_owned(),
    })
}

async fn limit(client: &Client, app: &App, up: Option<String>, down: Option<String>) -> Result<()> {
    let mut changes = Map::new();
    for (name, rate) in [("net.limit_up", up), ("net.limit_down", down)] {
        let Some(rate) = rate else { continue };
        let rate = rate.trim().trim_end_matches("/s").to_owned();
        let value = if rate == "none" { "0".to_owned() } else { rate };
        changes.insert(name.to_owned(), Value::String(value));
    }
    let url = Url::new(&["settings"]);
    let shown: Vec<&str> = match changes.is_empty() {
        true => vec!["net.limit_up", "net.limit_down"],
        false => {
            let _: dsp_protocol::api::Page =
                client.send_json(Method::PATCH, &url, &changes).await?;
            changes.keys().map(String::as_str).collect()
        }
    };
    let settings: Vec<Setting> = client.list(&url, None).await?;
    let limits: Vec<&Setting> =
        settings.iter().filter(|setting| shown.contains(&setting.name.as_str())).collect();
    let changed = limits.iter().filter(|setting| changes.contains_key(&setting.name));
    if let Some(fixed) = changed.clone().find(|s| matches!(s.source.as_str(), "env" | "flag")) {
        return Err(Error::refused(format!("`{}` is set outside the file", fixed.name))
            .hint("take the variable or the flag away from the daemon"));
    }
    app.ui.list(&limits, |_| {
        let line = |setting: &&Setting| {
            let way = setting.name.trim_start_matches("net.limit_");
            match setting.value.parse::<u64>() {
                Ok(0) | Err(_) => format!("{way}  no limit\n"),
                Ok(bytes) => format!("{way}  {}/s\n", human::size(bytes)),
            }
        };
        limits.iter().map(line).collect()
    })
}

fn human(list: &TransferList, ui: &Ui) -> String {
    let mut out = String::new();
    if !list.transfers.is_empty() {
        let mut table = Table::new(&[
            Column::number("ID"),
            Column::text("WAY"),
            Column::text("CONTEXT"),
            Column::number("BYTES"),
            Column::number("OF"),
            Column::number("RATE"),
            Column::text("LEFT"),
            Column::long("PEERS"),
        ]);
        for transfer in &list.transfers {
            table.row(row(transfer));
        }
        out += &table.render(ui);
    }
    if list.transfers.is_empty() {
        out += "no transfers\n";
    }
    if list.paused {
        out += "all transfers wait until `dsp transfers resume`\n";
    }
    for (way, limit) in [("up", list.limit_up), ("down", list.limit_down)] {
        if limit > 0 {
            out += &format!("{way} at most {}/s\n", human::size(limit));
        }
    }
    out
}

fn row(transfer: &TransferInfo) -> [String; 8] {
    let left = match (transfer.paused, transfer.seconds_left) {
        (true, _) => "paused".to_owned(),
        (false, Some(seconds)) => human::took(Duration::from_secs(seconds)),
        (false, None) => "-".to_owned(),
    };
    let peers = transfer.peers.iter().map(|peer| match &peer.user {
        Some(user) => clean(&user.name),
        None => peer.device.short(),
    });
    [
        transfer.id.to_string(),
        match transfer.direction {
            DirectionName::In => "in".to_owned(),
            DirectionName::Out => "out".to_owned(),
        },
        transfer.label.clone().unwrap_or_else(|| "-".to_owned()),
        human::size(transfer.bytes),
        transfer.bytes_total.map_or("-".to_owned(), human::size),
        format!("{}/s", human::size(transfer.rate)),
        left,
        peers.collect::<Vec<_>>().join(", "),
    ]
}
