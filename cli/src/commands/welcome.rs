//! `dsp` alone: the first steps, or a short status.

use dsp_protocol::api::NodeStatus;

use crate::App;
use crate::client::Url;
use crate::error::Result;
use crate::human;
use crate::output::clean;

const FIRST_STEPS: &str = "\
Share data-science artifacts with others, without a server.

  dsp push STACK FILE…     make a frame of files
  dsp share                make a ticket for somebody else
  dsp follow TICKET        follow what somebody else shares
  dsp open                 see it all in the browser

`dsp --help` lists all verbs.
";

pub(crate) async fn run(app: &App) -> Result<()> {
    let status: Option<NodeStatus> = match app.running().await? {
        Some(running) => Some(running.client.get(&Url::new(&["node"])).await?),
        None => None,
    };
    app.ui.result(&status, |_| match &status {
        Some(status) if status.stacks > 0 => short(status),
        _ => FIRST_STEPS.to_owned(),
    })
}

fn short(status: &NodeStatus) -> String {
    let stacks = human::count(status.stacks.into(), "stack");
    let contexts = human::count(status.contexts.into(), "context");
    let peers = human::count(status.peers_connected.into(), "peer");
    let mut out = format!(
        "{} in {}: {stacks} in {contexts}, {peers} connected\n",
        status.name, status.context
    );
    for warning in super::status::warnings(status) {
        out += &format!("{warning}\n");
    }
    let out: Vec<String> = out.lines().map(clean).collect();
    out.join("\n")
        + "\n\n`dsp ls` lists stacks, `dsp status` tells more, `dsp --help` lists all verbs.\n"
}
