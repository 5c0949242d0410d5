//! `dsp daemon`: starts and stops the daemon, and shows its log.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use dsp_protocol::api::NodeStatus;
use serde::Serialize;

use crate::App;
use crate::client::Url;
use crate::error::{Error, Result};
use crate::output::{Ui, clean_lines};
use crate::start::{self, Birth, Running};

/// How often the log is looked at for news.
const POLL: Duration = Duration::from_millis(200);
/// How much of the end of a log is read, in bytes.
const TAIL: u64 = 1 << 20;

/// Start and stop the daemon, and show its log
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Start the daemon unless it runs
    #[command(after_help = "\
Examples:
  dsp daemon start
  dsp daemon start --port 7800 --home ~/.dsp-work")]
    Start {
        /// Serve the web UI and the API on this port
        #[arg(long, value_name = "N")]
        port: Option<u16>,
    },
    /// Stop the daemon and wait until it is gone
    #[command(after_help = "\
Examples:
  dsp daemon stop")]
    Stop,
    /// Tell whether the daemon runs, without starting it
    #[command(after_help = "\
Examples:
  dsp daemon status")]
    Status,
    /// Let systemd start the daemon when you log in
    #[command(after_help = "\
Examples:
  dsp daemon install
  dsp daemon install --print")]
    Install {
        /// Only show the unit
        #[arg(long)]
        print: bool,
    },
    /// Undo install
    #[command(after_help = "\
Examples:
  dsp daemon uninstall")]
    Uninstall,
    /// Show the log of the daemon
    #[command(after_help = "\
Examples:
  dsp daemon logs
  dsp daemon logs -n 500
  dsp daemon logs -f")]
    Logs {
        /// Show what is logged from now on too
        #[arg(short, long)]
        follow: bool,
        /// Show so many lines of the end
        #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
        number: usize,
    },
}

#[derive(Serialize)]
struct Stopped {
    /// Whether a daemon ran.
    stopped: bool,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    match args.verb {
        Verb::Start { port } => up(port, app).await,
        Verb::Stop => {
            let running = app.running().await?;
            if let Some(running) = &running {
                start::stop(&app.home, running).await?;
            }
            let stopped = running.is_some();
            let text = if stopped { "stopped\n" } else { "the daemon does not run\n" };
            app.ui.result(&Stopped { stopped }, |_| text.to_owned())
        }
        Verb::Status => match app.running().await? {
            Some(running) => print(&running, "runs", app).await,
            None => {
                let home = app.home.dir().display();
                Err(Error::unreachable(format!("no daemon runs for {home}"))
                    .hint("any command starts it; so does `dsp daemon start`"))
            }
        },
        Verb::Install { print } => super::service::install(print, app).await,
        Verb::Uninstall => super::service::uninstall(app),
        Verb::Logs { follow, number } => logs(app, number, follow).await,
    }
}

async fn up(port: Option<u16>, app: &App) -> Result<()> {
    if let Some(running) = app.running().await? {
        let status: NodeStatus = running.client.get(&Url::new(&["node"])).await?;
        let taken = port.filter(|port| !listens_on(&status, *port));
        if let Some(port) = taken {
            let text =
                format!("the daemon runs already, at {} and not on port {port}", status.address);
            return Err(Error::conflict(text).hint("`dsp daemon stop` first"));
        }
        return print(&running, "runs already", app).await;
    }
    let birth = Birth { port, ..Birth::default() };
    let running = start::start(&app.home, &birth, &app.ui).await?;
    let status: NodeStatus = running.client.get(&Url::new(&["node"])).await?;
    if let Some(port) = port.filter(|port| !listens_on(&status, *port)) {
        app.ui.warn(&format!("port {port} is taken; the daemon is at {}", status.address));
    }
    print(&running, "started", app).await
}

/// Tells whether the API is on this port; 0 is any.
fn listens_on(status: &NodeStatus, port: u16) -> bool {
    port == 0 || status.address.ends_with(&format!(":{port}"))
}

async fn print(running: &Running, how: &str, app: &App) -> Result<()> {
    let status: NodeStatus = running.client.get(&Url::new(&["node"])).await?;
    app.ui.result(&status, |_| {
        let NodeStatus { version, pid, address, .. } = &status;
        clean_lines(&format!("dspd {version} {how}, pid {pid}, {address}\n"))
    })
}

async fn logs(app: &App, number: usize, follow: bool) -> Result<()> {
    let path = latest(&app.home.logs())?;
    let mut file = File::open(&path).map_err(|e| Error::path("cannot read", &path, &e))?;
    let text = tail(&mut file).map_err(|e| Error::path("cannot read", &path, &e))?;
    let lines: Vec<&str> = text.lines().collect();
    let lines = &lines[lines.len().saturating_sub(number)..];
    if !follow {
        let items: Vec<Line> = lines.iter().map(|line| Line { line }).collect();
        let text = |_: &Ui| lines.iter().map(|line| clean_lines(line) + "\n").collect();
        return app.ui.list(&items, text);
    }
    print_lines(app, lines.iter().copied())?;
    follow_on(app, path, file).await
}

/// A line of the log, as JSON has it.
#[derive(Serialize)]
struct Line<'a> {
    /// As it was written.
    line: &'a str,
}

/// Prints lines as they come: for programs a document on each.
fn print_lines<'a>(app: &App, lines: impl Iterator<Item = &'a str>) -> Result<()> {
    for line in lines {
        let text = match app.ui.json() {
            true => serde_json::to_string(&Line { line }).expect("a line is JSON"),
            false => clean_lines(line),
        };
        app.ui.out(format!("{text}\n").as_bytes())?;
    }
    Ok(())
}

/// Shows what is logged from now on, until it is interrupted.
async fn follow_on(app: &App, mut path: PathBuf, mut file: File) -> Result<()> {
    let mut rest = Vec::new();
    loop {
        tokio::time::sleep(POLL).await;
        let mut news = Vec::new();
        file.read_to_end(&mut news).map_err(|e| Error::path("cannot read", &path, &e))?;
        rest.extend_from_slice(&news);
        // The last line may be half written.
        let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines: Vec<u8> = rest.drain(..whole).collect();
        print_lines(app, String::from_utf8_lossy(&lines).lines())?;
        // A new day begins a new file.
        let newest = latest(&app.home.logs())?;
        if news.is_empty() && newest != path {
            path = newest;
            file = File::open(&path).map_err(|e| Error::path("cannot read", &path, &e))?;
        }
    }
}

/// Finds the log that was begun last; their names sort by time.
fn latest(dir: &Path) -> Result<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let is_log = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("dspd.log")
    };
    entries.map(|entry| entry.path()).filter(is_log).max().ok_or_else(|| {
        Error::not_found(format!("no log in {}", dir.display())).hint("has the daemon ever run?")
    })
}

/// Reads the end of a file, from the beginning of a line.
fn tail(file: &mut File) -> std::io::Result<String> {
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(match text.split_once('\n') {
        Some((_, rest)) if len > TAIL => rest.to_owned(),
        _ => text,
    })
}
