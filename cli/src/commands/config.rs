//! `dsp config`: shows and changes settings of the daemon.

use std::collections::BTreeMap;

use clap::Subcommand;
use dsp_protocol::api::{Page, Setting};
use hyper::Method;

use crate::App;
use crate::client::{Client, Url};
use crate::error::{Error, Result};
use crate::output::{Ui, clean};
use crate::start::{self, Birth};
use crate::table::{Column, Table};

/// Show and change settings
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List all settings
    #[command(after_help = "\
Examples:
  dsp config ls
  dsp config ls --json")]
    #[command(alias = "list")]
    Ls,
    /// Print the value of a setting
    #[command(after_help = "\
Examples:
  dsp config get net.mdns")]
    Get {
        /// Setting to print
        name: String,
    },
    /// Change a setting
    #[command(after_help = "\
Examples:
  dsp config set net.mdns false
  dsp config set user.name alice")]
    Set {
        /// Setting to change
        name: String,
        /// Value to give it
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Give a setting its default again
    #[command(after_help = "\
Examples:
  dsp config unset net.mdns")]
    Unset {
        /// Setting to reset
        name: String,
    },
    /// Write a profile, as old instructions of dstack say: `dsp profile add`
    #[command(hide = true, alias = "modify")]
    Add(super::profile::Add),
}

/// Settings that the first start writes into the identity, with their variables.
const BORN_WITH: [(&str, &str); 2] =
    [("user.name", "DSP_USER_NAME"), ("device.name", "DSP_DEVICE_NAME")];

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    if let Verb::Set { name, value } = &args.verb
        && let Some((_, variable)) = BORN_WITH.iter().find(|(born, _)| born == name)
        && app.running().await?.is_none()
    {
        // Before there is an identity, so that it begins with this name.
        let variable = Some((*variable, value.as_str()));
        start::start(&app.home, &Birth { variable, ..Birth::default() }, &app.ui).await?;
    }
    if let Verb::Add(args) = &args.verb {
        app.ui.note("`dsp config add` is called `dsp profile add` here");
        return super::profile::add(args, app).await;
    }
    let client = app.client().await?;
    match &args.verb {
        Verb::Add(_) => Ok(()),
        Verb::Ls => {
            let settings: Vec<Setting> = client.list(&Url::new(&["settings"]), None).await?;
            app.ui.list(&settings, |ui| human(&settings, ui))
        }
        Verb::Get { name } => {
            let settings: Vec<Setting> = client.list(&Url::new(&["settings"]), None).await?;
            let setting = find(&settings, name)?;
            app.ui.result(setting, |_| format!("{}\n", clean(&setting.value)))
        }
        Verb::Set { name, value } => change(&client, app, name, Some(value)).await,
        Verb::Unset { name } => change(&client, app, name, None).await,
    }
}

async fn change(client: &Client, app: &App, name: &str, value: Option<&str>) -> Result<()> {
    let change = BTreeMap::from([(name, value)]);
    let page: Page = client.send_json(Method::PATCH, &Url::new(&["settings"]), &change).await?;
    let settings =
        page.items.into_iter().map(serde_json::from_value).collect::<Result<Vec<_>, _>>();
    let settings: Vec<Setting> =
        settings.map_err(|e| Error::failed("the daemon's answer is not understood").cause(&e))?;
    let setting = find(&settings, name)?;
    app.ui.result(setting, |_| {
        format!("{} = {} ({})\n", clean(&setting.name), clean(&setting.value), setting.source)
    })?;
    if setting.restart {
        app.ui.note("takes effect after `dsp daemon stop` and the next start");
    }
    Ok(())
}

fn find<'a>(settings: &'a [Setting], name: &str) -> Result<&'a Setting> {
    settings.iter().find(|setting| setting.name == name).ok_or_else(|| {
        Error::not_found(format!("no setting `{name}`")).hint("`dsp config ls` lists them")
    })
}

fn human(settings: &[Setting], ui: &Ui) -> String {
    let mut table = Table::new(&[
        Column::text("SETTING"),
        Column::text("VALUE"),
        Column::text("FROM"),
        Column::wrapped("ABOUT"),
    ]);
    for setting in settings {
        table.row([
            setting.name.clone(),
            setting.value.clone(),
            setting.source.clone(),
            setting.about.clone(),
        ]);
    }
    table.render(ui)
}
