//! The simulator by hand: any seeds, one seed again, or a planted defect that has to be found.

use anyhow::{Context as _, ensure};

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
}

impl Defence {
    fn name(self) -> &'static str {
        match self {
            Defence::Verify => "verify",
            Defence::Authorise => "authorise",
            Defence::Order => "order",
            Defence::Resume => "resume",
            Defence::Bound => "bound",
        }
    }
}

/// Runs the seeds and prints the first property that did not hold.
///
/// # Errors
/// A property did not hold, as is right where a defence was taken out.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    // Thousands of seeds take longer than any build.
    let profile = Profile::from_env(Profile::Release)?;
    let (first, alone) = args.seed.map_or((0, SEEDS), |seed| (seed, 1));
    let count = args.seeds.unwrap_or(alone);
    let mut cargo = workspace.cargo();
    cargo.args(["run", "--quiet", "--locked", "--profile", profile.name()]);
    cargo.args(["--package", "dsp-protocol", "--features", "sim", "--example", "sim", "--"]);
    cargo.args([first.to_string(), count.to_string()]);
    cargo.args(args.defect.map(Defence::name));
    let status = cargo.status().context("could not run the simulator")?;
    match args.defect {
        None => ensure!(status.success(), "a property does not hold"),
        Some(defence) => ensure!(
            status.success(),
            "without the defence `{}` a property does not hold, as it should",
            defence.name()
        ),
    }
    Ok(())
}
