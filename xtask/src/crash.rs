//! Crashes by hand: any seeds, one seed again, or a disk that only says that it syncs.

use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::workspace::{Profile, Workspace};

/// How many rounds are run unless told.
const ROUNDS: u64 = 100;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many rounds to run: 100, or 1 with --seed
    #[arg(long)]
    rounds: Option<u64>,
    /// The first seed, 0 if not given; alone it runs one round again, as a failure printed it
    #[arg(long)]
    seed: Option<u64>,
    /// Rounds of one kind instead of all
    #[arg(long, default_value = "all")]
    only: Kind,
    /// Take away what the daemon relies on, which has to lose something
    #[arg(long = "break", value_name = "WHAT")]
    defect: Option<Defect>,
}

/// What befalls a home.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// Any of these
    All,
    /// A loss of power
    Power,
    /// Calls to the disk that fail
    Fault,
    /// A loss of power while a home of an earlier format is brought to this one
    Upgrade,
    /// `kill -9`, on a sound disk
    Kill,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::All => "all",
            Kind::Power => "power",
            Kind::Fault => "fault",
            Kind::Upgrade => "upgrade",
            Kind::Kill => "kill",
        }
    }
}

/// What can be taken away.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Defect {
    /// The disk says that it synced, and did not
    Sync,
}

/// Rounds within which a disk that lies has to lose something.
const ROUNDS_TO_FIND: u64 = 50;

/// Runs the rounds and prints the first in which something was lost.
///
/// # Errors
/// Something was lost, as is right where the disk lies, or no such disk can be had here.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let (first, alone) = args.seed.map_or((0, ROUNDS), |seed| (seed, 1));
    let count = args.rounds.unwrap_or(alone);
    let kept = crash(workspace, (first, count), args.only, args.defect)?;
    match args.defect {
        None => ensure!(kept, "something was lost"),
        Some(Defect::Sync) => ensure!(kept, "without syncs something was lost, as it should be"),
    }
    Ok(())
}

/// Runs so many rounds of all kinds.
///
/// # Errors
/// Something was lost, or no such disk can be had here.
pub(crate) fn hold(workspace: &Workspace, rounds: u64) -> anyhow::Result<()> {
    ensure!(crash(workspace, (0, rounds), Kind::All, None)?, "something was lost");
    Ok(())
}

/// Demands that a disk which lies loses something.
///
/// # Errors
/// It lost nothing.
pub(crate) fn find(workspace: &Workspace) -> anyhow::Result<()> {
    let kept = crash(workspace, (0, ROUNDS_TO_FIND), Kind::All, Some(Defect::Sync))?;
    ensure!(!kept, "nothing was lost in {ROUNDS_TO_FIND} rounds without syncs");
    Ok(())
}

/// Tells whether nothing was lost.
fn crash(
    workspace: &Workspace,
    (first, count): (u64, u64),
    only: Kind,
    defect: Option<Defect>,
) -> anyhow::Result<bool> {
    // The tests, and with them the program that runs the rounds, are built in this profile.
    let programs = workspace.build(Profile::Dev)?;
    let folder = programs.dsp.parent().context("a program without a folder")?;
    let driver = folder.join("examples").join(format!("crash{}", std::env::consts::EXE_SUFFIX));
    let mut command = Command::new(&driver);
    command.args([first.to_string(), count.to_string(), only.name().to_owned()]);
    command.current_dir(workspace.root.join("tests"));
    command.args(defect.map(|Defect::Sync| "sync"));
    let status = command.status().with_context(|| format!("could not run {}", driver.display()))?;
    let code = status.code().context("the rounds were killed")?;
    ensure!(code == 0 || code == 1, "the rounds could not be run");
    Ok(code == 0)
}
