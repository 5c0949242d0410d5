//! `dsp doctor`: says what is not well, and mends what can be mended.

use std::fmt::Write as _;

use dsp_protocol::api::{Check, CheckState, Diagnosis, Examine};

use crate::App;
use crate::client::Url;
use crate::error::{Error, Result};
use crate::human;
use crate::output::{Colour, Ui, clean};
use crate::progress::Bar;

/// Look for what is not well here and on the way to peers
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp doctor
  dsp doctor alice
  dsp doctor alice/main
  dsp doctor --repair

With --repair every byte is read; what is damaged or lost is brought again from whoever has it.")]
pub(crate) struct Args {
    /// User or context: look at the ways to these peers alone
    #[arg(value_name = "USER|CONTEXT", conflicts_with = "repair")]
    target: Option<String>,
    /// Read every byte, bring again what is damaged or lost, and make indexes anew
    #[arg(long)]
    repair: bool,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let diagnosis = match app.client().await {
        Ok(client) => {
            let examine = Examine { target: args.target.clone(), repair: args.repair };
            let mut bar = Bar::new(&app.ui, "examining");
            client.steps(&Url::new(&["node", "examine"]), &examine, &mut bar).await?
        }
        // Where the daemon does not start, that is the finding.
        Err(error) => Diagnosis { checks: vec![down(app, &error)] },
    };
    app.ui.result(&diagnosis, |ui| text(&diagnosis, ui))?;
    match diagnosis.checks.iter().filter(|check| check.state == CheckState::Fail).count() as u64 {
        0 => Ok(()),
        n => Err(Error::failed(format!("{} found", human::count(n, "fault")))),
    }
}

fn down(app: &App, error: &Error) -> Check {
    let home = app.home.dir().display();
    let mut what = format!("the daemon of {home} does not start: {}", error.detail());
    for cause in error.causes() {
        let _ = write!(what, "; {cause}");
    }
    let hint = error.hinted().unwrap_or("the log tells more: `dsp daemon logs`");
    Check { area: "home".to_owned(), state: CheckState::Fail, what, hint: Some(hint.to_owned()) }
}

fn text(diagnosis: &Diagnosis, ui: &Ui) -> String {
    let mut out = String::new();
    for Check { area, state, what, hint } in &diagnosis.checks {
        let word = match state {
            CheckState::Ok => ui.paint("ok  ", Colour::Green),
            CheckState::Warn => ui.paint("warn", Colour::Yellow),
            CheckState::Fail => ui.paint("fail", Colour::Red),
        };
        let hint = hint.as_ref().map(|hint| format!(" -- {}", clean(hint))).unwrap_or_default();
        let _ = writeln!(out, "{word}  {:<8}  {}{hint}", clean(area), clean(what));
    }
    out
}
