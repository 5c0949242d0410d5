//! Finds the daemon, and starts it when it does not run.
//!
//! Commands that come at once wait for each other: who holds the lock of `run/start.lock` starts
//! the daemon, the others find it running. The lock goes with its process, so the file never has
//! to be deleted. The daemon is started in a process group of its own, with its streams away from
//! the terminal, so it outlives the shell.

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dsp_protocol::api::{ClientFile, IdentityInfo, LoginCode, NodeStatus, first_steps};
use dsp_protocol::id::UserId;
use tokio::time::Instant;

use crate::client::{Client, Url};
use crate::commands::status::port_taken;
use crate::error::{Error, Result};
use crate::home::Home;
use crate::output::Ui;

/// How long a daemon may take to start, stop, or be started by another command.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long a daemon that listens may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// How often we look whether it is so far.
const POLL: Duration = Duration::from_millis(20);
/// How much of what a failed daemon printed is shown, in lines.
const LAST_WORDS: usize = 8;

/// The version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a daemon is started with.
#[derive(Debug, Default)]
pub(crate) struct Birth<'a> {
    /// The port of the API, where one is asked for.
    pub(crate) port: Option<u16>,
    /// A variable that sets a setting, as the daemon reads them.
    pub(crate) variable: Option<(&'a str, &'a str)>,
}

/// A daemon that answers.
#[derive(Debug)]
pub(crate) struct Running {
    /// How it is called.
    pub(crate) client: Client,
    /// What it says of itself; nothing when it was named by `DSP_URL`.
    pub(crate) file: Option<ClientFile>,
}

/// Finds the daemon without starting it.
///
/// # Errors
/// When `DSP_URL` is no address, `run/client.json` cannot be read, or the daemon listens and does
/// not answer.
pub(crate) async fn find(home: &Home) -> Result<Option<Running>> {
    if let Some(url) = variable("DSP_URL").filter(|_| !home.is_named()) {
        let client = Client::of_url(&url, &variable("DSP_TOKEN").unwrap_or_default())?;
        client.connect().await?;
        return Ok(Some(Running { client, file: None }));
    }
    let Some(mut file) = home.client_file()? else { return Ok(None) };
    if let Some(token) = variable("DSP_TOKEN").filter(|_| !home.is_named()) {
        file.token = token;
    }
    let client = Client::of_file(&file)?;
    if client.connect().await.is_err() {
        return Ok(None);
    }
    let Ok(health) = tokio::time::timeout(ANSWER, client.health()).await else {
        if !is_held(home) {
            return Ok(None);
        }
        let (pid, waited) = (file.pid, ANSWER.as_secs());
        let detail = format!("the daemon (pid {pid}) did not answer for {waited} seconds");
        return Err(Error::unreachable(detail).hint(format!(
            "it is stopped or hangs: `kill -CONT {pid}` lets it go on, `kill -9 {pid}` ends it"
        )));
    };
    // A port may belong to another program by now; the token is shown to the daemon alone.
    if client.is_tcp() && health.ok().is_none_or(|health| health.pid != file.pid) {
        return Ok(None);
    }
    Ok(Some(Running { client, file: Some(file) }))
}

/// Finds the daemon, or starts it; offers to restart one of another version.
///
/// # Errors
/// When it cannot be started, with the reason it gave.
pub(crate) async fn connect(home: &Home, ui: &Ui) -> Result<Client> {
    let Some(running) = find(home).await? else {
        return Ok(start(home, &Birth::default(), ui).await?.client);
    };
    let Some(file) = &running.file else { return Ok(running.client) };
    if file.version == VERSION {
        return Ok(running.client);
    }
    let other = format!("dspd {} is running and this is dsp {VERSION}", file.version);
    if !ui.yes() && !ui.can_ask() {
        ui.warn(&format!("{other}; `dsp daemon stop` or --yes makes the versions equal"));
        return Ok(running.client);
    }
    if ui.confirm(&format!("{other}. Restart the daemon?")).is_err() {
        return Ok(running.client);
    }
    stop(home, &running).await?;
    Ok(start(home, &Birth::default(), ui).await?.client)
}

/// Starts the daemon and waits until it answers; if one runs by then, that is it. The first start
/// of a home says what it made.
///
/// # Errors
/// When no `dspd` is found, it ends at once, or is not ready in time.
pub(crate) async fn start(home: &Home, birth: &Birth<'_>, ui: &Ui) -> Result<Running> {
    home.prepare()?;
    let deadline = Instant::now() + DEADLINE;
    let _lock = lock(home, deadline).await?;
    if let Some(running) = find(home).await? {
        return Ok(running);
    }
    let first = !home.keys().exists();
    let mut child = spawn(home, birth)?;
    loop {
        let ended = child.try_wait().ok().flatten();
        if let Some(running) = ready(home).await? {
            let status = running.client.get::<NodeStatus>(&Url::new(&["node"])).await;
            // Who asked for a port is told of that one.
            let taken = status.as_ref().ok().and_then(port_taken);
            if let Some(taken) = taken.filter(|_| birth.port.is_none()) {
                ui.warn(&taken);
            }
            if first {
                greet(home, &running, &status?, ui).await;
            }
            return Ok(running);
        }
        if let Some(status) = ended {
            let mut error = Error::unreachable(format!("dspd ended at once: {status}"));
            let words = LastWords::of(&std::fs::read(home.daemon_out()).unwrap_or_default());
            for line in words.causes {
                error = error.cause_text(line);
            }
            let more = || format!("more is in {}", home.logs().display());
            return Err(error.hint(words.hint.unwrap_or_else(more)));
        }
        if Instant::now() > deadline {
            let waited = DEADLINE.as_secs();
            return Err(Error::unreachable(format!("dspd is not ready after {waited} seconds"))
                .hint(format!("see {}", home.logs().display())));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Says once who the user is now, that the only proof of it is on this disk, and what to do first.
async fn greet(home: &Home, running: &Running, status: &NodeStatus, ui: &Ui) {
    ui.note(&format!(
        "first start: you are {} on {}, and everything is in {}",
        status.name, status.device_name, status.home
    ));
    ui.note(
        "the recovery key is only on this disk: `dsp id backup` shows it in words; who loses the \
         keys loses the name",
    );
    // Where somebody reads it, and not into a file: the code logs in with all rights.
    let login = match ui.stderr_terminal() {
        // A token that was named may not make one.
        true => running.client.post::<LoginCode>(&Url::new(&["login-codes"])).await.ok(),
        false => None,
    };
    let login = login.map(|code| code.url);
    let named = home.needs_a_name().then_some(status.home.as_str());
    for line in first_steps(login.as_deref(), &status.address, &status.dstack_user, named) {
        ui.note(&line);
    }
}

/// Stops the daemon and waits until it is gone; nobody starts another meanwhile.
///
/// # Errors
/// When it refuses, or is still there after the deadline.
pub(crate) async fn stop(home: &Home, running: &Running) -> Result<()> {
    let deadline = Instant::now() + DEADLINE;
    let _lock = match running.file {
        Some(_) => Some(lock(home, deadline).await?),
        None => None,
    };
    let _: serde_json::Value = running.client.post(&Url::new(&["node", "stop"])).await?;
    while still_there(home, running).await {
        if Instant::now() > deadline {
            return Err(Error::failed("the daemon was asked to stop and still runs")
                .hint("see `dsp daemon logs`"));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// Waits until the daemon, which starts anew by itself, answers for a user.
///
/// # Errors
/// It does not within the deadline.
pub(crate) async fn anew(home: &Home, user: UserId) -> Result<()> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Ok(Some(running)) = find(home).await
            && let Ok(me) = running.client.get::<IdentityInfo>(&Url::new(&["identity"])).await
            && me.user == user
        {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Error::unreachable("the daemon is to start anew and does not answer")
                .hint("`dsp daemon start` starts it; see `dsp daemon logs`"));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Tells whether the daemon answers or still holds its lock, which goes with its process.
async fn still_there(home: &Home, running: &Running) -> bool {
    if running.client.connect().await.is_ok() {
        return true;
    }
    running.file.is_some() && is_held(home)
}

/// Tells whether a daemon holds the lock of a home, which goes with its process.
fn is_held(home: &Home) -> bool {
    let lock = File::open(home.daemon_lock()).ok();
    lock.is_some_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
}

async fn ready(home: &Home) -> Result<Option<Running>> {
    let Some(running) = find(home).await? else { return Ok(None) };
    Ok(running.client.health().await.is_ok_and(|health| health.status == "ok").then_some(running))
}

/// The locks of a home in which no daemon runs or starts.
#[derive(Debug)]
pub(crate) struct Held {
    _start: File,
    _daemon: Option<File>,
}

/// Keeps daemons out of a home until what is returned is dropped.
///
/// # Errors
/// One uses it, or is being started.
pub(crate) async fn hold(home: &Home) -> Result<Held> {
    let start = lock(home, Instant::now() + DEADLINE).await?;
    let daemon = File::open(home.daemon_lock()).ok();
    if daemon.as_ref().is_some_and(|lock| lock.try_lock().is_err()) {
        return Err(Error::refused("a daemon still uses this home")
            .hint("`dsp daemon stop`, or wait until it has started; see `dsp daemon logs`"));
    }
    Ok(Held { _start: start, _daemon: daemon })
}

/// Waits for the right to start a daemon.
async fn lock(home: &Home, deadline: Instant) -> Result<File> {
    let path = home.start_lock();
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|e| Error::path("cannot open", &path, &e))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                tokio::time::sleep(POLL).await;
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Error::unreachable("another dsp starts the daemon and is not done")
                    .hint("see `dsp daemon logs`"));
            }
            Err(TryLockError::Error(e)) => return Err(Error::path("cannot lock", &path, &e)),
        }
    }
}

fn spawn(home: &Home, birth: &Birth<'_>) -> Result<Child> {
    let program = program()?;
    let path = home.daemon_out();
    let out = File::options().create(true).append(true).open(&path);
    let out = out.map_err(|e| Error::path("cannot open", &path, &e))?;
    out.set_len(0).map_err(|e| Error::path("cannot write", &path, &e))?;
    let err = out.try_clone().map_err(|e| Error::path("cannot open", &path, &e))?;
    let mut command = Command::new(&program);
    command.arg("--home").arg(home.dir());
    if let Some(port) = birth.port {
        command.arg("--port").arg(port.to_string());
    }
    command.envs(birth.variable.iter().map(|(name, value)| (name, value)));
    command.current_dir("/").stdin(Stdio::null()).stdout(out).stderr(err);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
        .spawn()
        .map_err(|e| Error::unreachable(format!("cannot start {}", program.display())).cause(&e))
}

/// Finds `dspd`: beside this program, else in the folders of `PATH`.
pub(crate) fn program() -> Result<PathBuf> {
    let name = format!("dspd{}", std::env::consts::EXE_SUFFIX);
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned()));
    let path = std::env::var_os("PATH").unwrap_or_default();
    // A relative folder in PATH would run whatever lies where the user happens to be.
    let path = std::env::split_paths(&path).filter(|dir| dir.is_absolute());
    let found = beside.into_iter().chain(path).map(|dir| dir.join(&name)).find(|p| p.is_file());
    found.ok_or_else(|| {
        Error::unreachable("the daemon does not run, and no dspd is here to start")
            .hint("install dspd beside dsp, or put its folder into PATH")
    })
}

/// What a daemon said before it ended: its error, or its last lines where there is none.
#[derive(Debug, Default, PartialEq)]
struct LastWords {
    causes: Vec<String>,
    hint: Option<String>,
}

impl LastWords {
    fn of(said: &[u8]) -> LastWords {
        let text = String::from_utf8_lossy(said);
        let mut lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        if let Some(at) = lines.iter().rposition(|line| line.starts_with("dspd: ")) {
            lines.drain(..at);
        }
        let hint = lines.iter().rposition(|line| line.starts_with("hint: "));
        let hint = hint.map(|at| lines.remove(at)["hint: ".len()..].to_owned());
        lines.drain(..lines.len().saturating_sub(LAST_WORDS));
        let plain = |line: &&str| {
            let line = line.strip_prefix("dspd: ").unwrap_or(line);
            line.strip_prefix("caused by: ").unwrap_or(line).to_owned()
        };
        LastWords { causes: lines.iter().map(plain).collect(), hint }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_are_the_last_error_and_the_way_out() {
        let said = b"ready\ndspd: old\n\ndspd: c.toml is not valid TOML\ncaused by: line 1\n  |\n";
        let words = LastWords::of(said);
        assert_eq!(words.causes, ["c.toml is not valid TOML", "line 1", "  |"]);
        assert_eq!(words.hint, None);

        let words = LastWords::of(b"dspd: port 8080 is taken\nhint: choose another\n");
        assert_eq!(words.causes, ["port 8080 is taken"]);
        assert_eq!(words.hint.as_deref(), Some("choose another"));

        let panicked = "a line\n".repeat(100);
        assert_eq!(LastWords::of(panicked.as_bytes()).causes.len(), LAST_WORDS);
        assert_eq!(LastWords::of(b"\xff\n").causes, ["\u{fffd}"]);
        assert_eq!(LastWords::of(b""), LastWords::default());
    }
}
