//! The demonstration: two daemons, real data, and what a person would type.
//!
//! [`story`] is told once for both: [`run`] lets a person look around until Ctrl-C, or goes on
//! with [`check`].

mod check;
mod story;

use std::path::Path;
use std::sync::mpsc;
use std::{env, thread};

use anyhow::{Context as _, ensure};

use self::story::Story;
use crate::node::Lab;
use crate::workspace::{Profile, Workspace};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Tell the story unattended; exit 0 only if what it shows is true
    #[arg(long)]
    check: bool,
}

/// Shows the story until Ctrl-C, or checks it.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let profile = Profile::from_env(Profile::Release)?;
    if args.check {
        return tell_and_check(workspace, profile);
    }
    let programs = workspace.build(profile)?;
    let interrupted = interrupts()?;
    let lab = Lab::new(&programs, &env::temp_dir())?;
    let shown = show(workspace, &lab, &interrupted);
    // Ctrl-C ends the command that is running too, which is then no failure.
    if shown.is_err() && interrupted.try_recv().is_ok() {
        return Ok(());
    }
    shown
}

/// Tells the story unattended and checks that it is true.
///
/// # Errors
/// With the first thing that does not hold; also when interrupted.
pub(crate) fn tell_and_check(workspace: &Workspace, profile: Profile) -> anyhow::Result<()> {
    let programs = workspace.build(profile)?;
    // Listening is enough: the command that is running ends, and what was started is stopped.
    let interrupted = interrupts()?;
    let lab = Lab::new(&programs, &env::temp_dir())?;
    check::check(tell(workspace, &lab)?, &lab)?;
    ensure!(interrupted.try_recv().is_err(), "interrupted");
    Ok(())
}

fn tell(workspace: &Workspace, lab: &Lab) -> anyhow::Result<Story> {
    // So that a person can type the paths as they are shown.
    env::set_current_dir(&workspace.root)?;
    Story::tell(lab, Path::new("demo/data"))
}

fn show(workspace: &Workspace, lab: &Lab, interrupted: &mpsc::Receiver<()>) -> anyhow::Result<()> {
    let story = tell(workspace, lab)?;
    story.show_addresses()?;
    println!("\nBoth daemons run until Ctrl-C; then nothing of this is left.");
    interrupted.recv().context("nobody listens for Ctrl-C")
}

/// Listens for Ctrl-C and a polite kill from now on, so that both clean up.
fn interrupts() -> anyhow::Result<mpsc::Receiver<()>> {
    let (sender, receiver) = mpsc::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (ready, is_ready) = mpsc::channel();
    thread::Builder::new().name("interrupts".into()).spawn(move || {
        runtime.block_on(async {
            match Signals::listen() {
                Ok(mut signals) => {
                    let _ = ready.send(Ok(()));
                    while signals.next().await.is_some() && sender.send(()).is_ok() {}
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            }
        });
    })?;
    is_ready.recv().context("the thread for Ctrl-C ended")??;
    Ok(receiver)
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Signals { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Option<()> {
        tokio::select! {
            signal = self.interrupt.recv() => signal,
            signal = self.terminate.recv() => signal,
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Signals)
    }

    async fn next(&mut self) -> Option<()> {
        self.0.recv().await
    }
}
