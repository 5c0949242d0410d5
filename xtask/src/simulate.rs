//! The simulator by hand: any seeds, one seed again, or a planted defect that has to be found.

use anyhow::{Context as _, ensure};
use clap::ValueEnum as _;

use crate::workspace::{Profile, Workspace};

/// How many seeds are run unless told.
const SEEDS: u64 = 1_000;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many seeds to run, on all processors: 1,000, or 1 with --seed
    #[arg(long)]
    seeds: Option<u64>,
    /// The first seed, 0 if not given; alone it runs one seed again, as a failure printed it
    #[arg(long)]
    seed: Option<u64>,
    /// Take a defence out, which has to fail
    #[arg(long = "break", value_name = "DEFENCE")]
    defect: Option<Defence>,
}

/// A defence that can be taken out.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Defence {
    /// Envelopes are judged
    Verify,
    /// Only members and holders of tickets are admitted
    Authorise,
    /// An envelope is taken after the one before
    Order,
    /// What did not come is asked for again
    Resume,
    /// What waits is bounded
    Bound,
    /// Two changes of one number on a dashboard prove a cheat
    Fork,
}

impl Defence {
    fn name(self) -> &'static str {
        match self {
            Defence::Verify => "verify",
            Defence::Authorise => "authorise",
            Defence::Order => "order",
            Defence::Resume => "resume",
            Defence::Bound => "bound",
            Defence::Fork => "fork",
        }
    }
}

/// Runs the seeds and prints the first property that did not hold.
///
/// # Errors
/// A property did not hold, as is right where a defence was taken out.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let (first, alone) = args.seed.map_or((0, SEEDS), |seed| (seed, 1));
    let held = simulate(workspace, first, args.seeds.unwrap_or(alone), args.defect)?;
    match args.defect {
        None => ensure!(held, "a property does not hold"),
        Some(defence) => ensure!(
            held,
            "without the defence `{}` a property does not hold, as it should",
            defence.name()
        ),
    }
    Ok(())
}

/// Runs so many seeds from the first.
///
/// # Errors
/// A property did not hold.
pub(crate) fn hold(workspace: &Workspace, seeds: u64) -> anyhow::Result<()> {
    ensure!(simulate(workspace, 0, seeds, None)?, "a property does not hold");
    Ok(())
}

/// Takes out each defence and tells whether that was found.
pub(crate) fn find(workspace: &Workspace) -> Vec<(&'static str, anyhow::Result<()>)> {
    let found = |defence: &Defence| {
        let held = simulate(workspace, 0, SEEDS, Some(*defence))?;
        ensure!(!held, "{SEEDS} seeds hold without the defence `{}`", defence.name());
        Ok(())
    };
    Defence::value_variants().iter().map(|defence| (defence.name(), found(defence))).collect()
}

/// Tells whether everything held.
fn simulate(
    workspace: &Workspace,
    first: u64,
    count: u64,
    defect: Option<Defence>,
) -> anyhow::Result<bool> {
    // Thousands of seeds take longer than any build.
    let profile = Profile::from_env(Profile::Release)?;
    let mut cargo = workspace.cargo();
    cargo.args(["run", "--quiet", "--locked", "--profile", profile.name()]);
    cargo.args(["--package", "dsp-protocol", "--features", "sim", "--example", "sim", "--"]);
    cargo.args([first.to_string(), count.to_string()]);
    cargo.args(defect.map(Defence::name));
    let status = cargo.status().context("could not run the simulator")?;
    // Any other code is none of a program that ran its seeds.
    let code = status.code().context("the simulator was killed")?;
    ensure!(code == 0 || code == 1, "the simulator ended with {code}");
    Ok(code == 0)
}
