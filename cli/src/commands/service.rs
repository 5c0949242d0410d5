//! `dsp daemon install` and `uninstall`: the daemon as a service of the account.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Serialize;

use crate::App;
use crate::error::{Error, Result};
use crate::output::clean_lines;
use crate::service::{self, Unwritable};
use crate::start;

/// What became of a unit.
#[derive(Serialize)]
struct Service {
    /// The file of the unit.
    unit: PathBuf,
    /// Whether the user manager did what it was asked to.
    active: bool,
    /// What is left to be typed, where it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    type_this: Option<String>,
}

/// A unit that is only shown.
#[derive(Serialize)]
struct Printed<'a> {
    text: &'a str,
}

/// Writes the unit and has the user manager start it; with `print` only shows it.
pub(crate) async fn install(print: bool, app: &App) -> Result<()> {
    if !cfg!(target_os = "linux") && !print {
        return Err(Error::failed("only user units of systemd can be installed")
            .hint("start it by `dsp daemon start`; any command starts it, too"));
    }
    let program = start::program()?;
    let text = service::unit(&program, app.home.dir()).map_err(|Unwritable(path)| {
        Error::failed(format!("{} cannot stand in a unit", path.display()))
            .hint("choose a path without control characters")
    })?;
    if print {
        return app.ui.result(&Printed { text: &text }, |_| text.clone());
    }
    let (folder, name) = place(app)?;
    let path = folder.join(&name);
    let made = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, text));
    made.map_err(|e| Error::path("cannot write", &path, &e))?;
    app.home.prepare()?;
    let there = manager(&["daemon-reload"]);
    // Two daemons on one home do not go together: the unit's takes the place of one that runs.
    if there && let Some(running) = app.running().await? {
        app.ui.note("the daemon that runs is stopped; the unit's takes its place");
        start::stop(&app.home, &running).await?;
    }
    let asked = there && manager(&["enable", "--now", &name]);
    let type_this = format!("systemctl --user daemon-reload; systemctl --user enable --now {name}");
    tell(path, asked, type_this, "installed, and started by the user manager", app)
}

/// Has the user manager stop the unit and removes it.
pub(crate) fn uninstall(app: &App) -> Result<()> {
    let (folder, name) = place(app)?;
    let path = folder.join(&name);
    if !path.exists() {
        return Err(Error::not_found(format!("there is no unit {}", path.display()))
            .hint("`dsp daemon install` writes it"));
    }
    let asked = manager(&["disable", "--now", &name]);
    std::fs::remove_file(&path).map_err(|e| Error::path("cannot remove", &path, &e))?;
    let asked = asked && manager(&["daemon-reload"]);
    let type_this = format!("systemctl --user stop {name}; systemctl --user daemon-reload");
    tell(path, asked, type_this, "stopped and removed", app)
}

fn tell(unit: PathBuf, active: bool, type_this: String, how: &str, app: &App) -> Result<()> {
    let type_this = (!active).then_some(type_this);
    let service = Service { unit, active, type_this };
    app.ui.result(&service, |_| {
        let unit = service.unit.display();
        clean_lines(&match &service.type_this {
            None => format!("{unit}: {how}\n"),
            Some(commands) => format!(
                "{unit}: done, but no user manager of systemd answers here\nwhere one runs, type: \
                 {commands}\n"
            ),
        })
    })
}

fn place(app: &App) -> Result<(PathBuf, String)> {
    let folder = service::folder(|name| std::env::var_os(name).map(PathBuf::from));
    let folder = folder.ok_or_else(|| {
        Error::failed("this account has no folder for units").hint("set HOME or XDG_CONFIG_HOME")
    })?;
    let home = app.home.dir();
    let usual = std::env::home_dir().is_some_and(|account| account.join(".dsp") == *home);
    Ok((folder, service::unit_name(Path::new(home), usual)))
}

/// Asks the user manager, and tells whether it did so.
fn manager(args: &[&str]) -> bool {
    let mut command = Command::new("systemctl");
    command.arg("--user").args(args).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
