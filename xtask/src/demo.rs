//! The demonstration: two daemons, real data, and what a person would type.
//!
//! [`story`] is told once for both: [`run`] lets a person look around until Ctrl-C, or goes on
//! with [`check`].

mod check;
mod story;

use std::sync::mpsc;
use std::{env, thread};

use anyhow::Context as _;

use self::story::Story;
use crate::node::Lab;
use crate::workspace::{Profile, Workspace};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Tell the story unattended; exit 0 only if what it shows is true
    #[arg(long)]
    check: bool,
}

/// Shows the story, or checks it.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let programs = workspace.build(Profile::from_env(Profile::Release)?)?;
    let interrupted = interrupts()?;
    let lab = Lab::new(&programs, &env::temp_dir())?;
    let told = Story::tell(&lab, &workspace.root.join("demo/data")).and_then(|story| {
        if args.check {
            return check::check(story, &lab);
        }
        story.show_addresses()?;
        println!("\nBoth daemons run until Ctrl-C; then nothing of this is left.");
        interrupted.recv().context("nobody listens for Ctrl-C")?;
        println!();
        Ok(())
    });
    // Ctrl-C reaches the command that is running too, which then fails: that is no failure of ours.
    if !args.check && told.is_err() && interrupted.try_recv().is_ok() {
        return Ok(());
    }
    told
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
