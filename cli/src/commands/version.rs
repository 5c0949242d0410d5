//! `dsp --version`: the versions of both programs, without starting anything.

use dsp_protocol::api::NodeStatus;
use serde::Serialize;

use crate::App;
use crate::client::Url;
use crate::error::Result;
use crate::output::clean;
use crate::start::VERSION;

#[derive(Serialize)]
struct Versions {
    /// Of this program.
    dsp: &'static str,
    /// The daemon, if it runs.
    daemon: Option<NodeStatus>,
}

pub(crate) async fn run(app: &App) -> Result<()> {
    // Who asks for the version wants it whatever is wrong with the daemon.
    let daemon = match app.running().await {
        Ok(Some(running)) => running.client.get::<NodeStatus>(&Url::new(&["node"])).await.ok(),
        Ok(None) | Err(_) => None,
    };
    let versions = Versions { dsp: VERSION, daemon };
    app.ui.result(&versions, |_| {
        let daemon = match &versions.daemon {
            Some(daemon) => {
                let NodeStatus { version, web, address, .. } = daemon;
                clean(&format!("dspd {version} (web {web}) at {address}"))
            }
            None => "dspd does not run".to_owned(),
        };
        format!("dsp {VERSION}\n{daemon}\n")
    })
}
