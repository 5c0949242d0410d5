//! `dspd`, the daemon of dsp.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use dsp_daemon::daemon::{Daemon, Environment, Options};
use dsp_daemon::home::Home;
use dsp_daemon::log::Target;

/// Gives back what is free, by threads of its own also while nothing is allocated. The allocator of
/// the C library keeps, for each of its arenas, the most that was ever in use there: a daemon that
/// runs for weeks would only grow.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The exit code where the home went while the daemon ran; the unit does not start it again then:
/// in an empty place it would begin as somebody else.
const HOME_GONE: i32 = 3;
/// How long a thread may go on once all is stored and closed: it reads for nobody.
const LEFT: Duration = Duration::from_secs(2);

/// Share the artifacts of data science with peers, without a server
///
/// `dsp` starts this daemon when it is needed.
#[derive(Debug, Parser)]
#[command(name = "dspd", version)]
struct Args {
    /// Folder that holds everything, else $DSP_HOME or ~/.dsp
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// Port of the web UI and the API
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Log to standard error instead of files, and say `ready` and the address on standard output
    #[arg(long)]
    foreground: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        let result = runtime.block_on(run(args));
        runtime.shutdown_timeout(LEFT);
        result
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("dspd: {error}"));
            for cause in error.chain().skip(1) {
                say(&format!("caused by: {cause}"));
            }
            let hint =
                error.downcast_ref::<dsp_daemon::daemon::StartError>().and_then(|e| e.hint());
            if let Some(hint) = hint {
                say(&format!("hint: {hint}"));
            }
            ExitCode::FAILURE
        }
    }
}

/// Writes a line to standard error, which may be a file on a full disk.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

async fn run(args: Args) -> anyhow::Result<()> {
    let home = Home::place(args.home, |name| std::env::var(name).ok())?;
    let port = args.port.map(|port| ("http.port".to_owned(), port.to_string()));
    let options = Options {
        home,
        flags: port.into_iter().collect(),
        environment: Environment::Read,
        log: Some(if args.foreground { Target::Foreground } else { Target::Files }),
    };
    let daemon = Daemon::start(options).await?;
    // Before anybody hears that it is ready, and asks it to end.
    let signalled = signals()?;
    if let Some(note) = daemon.first_words() {
        say(&note);
    }
    // Where somebody reads it, and not into a file: it holds a code that logs in.
    if std::io::stderr().is_terminal() {
        daemon.first_steps().await.iter().for_each(|line| say(line));
    }
    if args.foreground {
        // Whoever started it may not listen.
        let _ = writeln!(std::io::stdout(), "ready {}", daemon.client().address);
    }
    tokio::select! {
        () = daemon.asked_to_stop() => {}
        () = signalled => {}
        () = daemon.home_gone() => {
            say("dspd: the home is gone, so the daemon ends");
            std::process::exit(HOME_GONE);
        }
    }
    let (failed, anew) = (daemon.failed(), daemon.begins_anew());
    daemon.stop().await;
    if anew && failed.is_none() {
        return begin_anew();
    }
    match failed {
        None => Ok(()),
        Some(part) => anyhow::bail!("{part} ended without being asked to; the log tells more"),
    }
}

/// Listens from now on; the future ends once the system asks the process to end.
#[cfg(unix)]
fn signals() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Listens from now on; the future ends once the system asks the process to end.
#[cfg(not(unix))]
fn signals() -> std::io::Result<impl Future<Output = ()>> {
    let mut ended = Box::pin(tokio::signal::ctrl_c());
    Ok(async move {
        let _ = ended.as_mut().await;
    })
}

/// Runs this program again in the place of this process, with the same arguments.
#[cfg(unix)]
fn begin_anew() -> anyhow::Result<()> {
    use std::os::unix::process::CommandExt as _;
    Err(again()?.exec()).context("could not start anew; `dsp daemon start` does")
}

/// Runs this program again beside this process, which ends.
#[cfg(not(unix))]
fn begin_anew() -> anyhow::Result<()> {
    again()?.spawn().context("could not start anew; `dsp daemon start` does").map(drop)
}

fn again() -> anyhow::Result<std::process::Command> {
    let program = std::env::current_exe().context("could not find this program")?;
    let mut command = std::process::Command::new(program);
    command.args(std::env::args_os().skip(1));
    Ok(command)
}
