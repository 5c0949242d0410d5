//! All tests, suite by suite, and one closing line with the sum.

mod floor;
mod house;
mod junit;
mod libtest;
mod python;
mod tally;

use std::env;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use anyhow::{Context as _, ensure};

use self::floor::Floors;
use self::libtest::Report;
use self::tally::Tally;
use crate::workspace::{Profile, Workspace};

/// A suite: its name, and how it is run.
type Suite = (&'static str, fn(&Workspace, Profile) -> anyhow::Result<Tally>);

/// Every suite there is; a new one is a function and a line here.
const SUITES: [Suite; 6] = [
    ("rust", rust),
    ("house", house::run),
    ("python", python::run),
    ("guards", guards),
    ("demo", demo),
    ("soak", soak),
];
/// Minutes of the soak.
const SOAK: u64 = 5;
/// The same where everything is done at length.
const LONG_SOAK: u64 = 60;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Suites to run instead of all
    #[arg(value_parser = SUITES.map(|(name, _)| name))]
    suites: Vec<String>,
}

/// Runs the suites and prints `N passed, N failed, N skipped`.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let profile = Profile::from_env(Profile::Dev)?;
    // Stories drive the real programs, so these are there before the first test.
    workspace.build(profile)?;
    let floors = Floors::read(workspace)?;
    let mut sum = Tally::default();
    for (name, suite) in SUITES {
        if args.suites.is_empty() || args.suites.iter().any(|wanted| wanted == name) {
            let tally = suite(workspace, profile).unwrap_or_else(|error| {
                println!("suite {name} ended: {error:#}");
                Tally::of_one(false)
            });
            let tally = floors.hold(name, tally);
            println!("suite {name}: {tally}");
            sum += tally;
        }
    }
    println!("\n{sum}");
    let strict = env::var("CI").is_ok_and(|ci| ci == "true");
    ensure!(sum.failed == 0, "tests failed");
    ensure!(sum.passed > 0, "no test was run");
    ensure!(!strict || sum.skipped == 0, "no test may skip with CI=true");
    Ok(())
}

/// Runs `cargo test` over the workspace.
fn rust(workspace: &Workspace, profile: Profile) -> anyhow::Result<Tally> {
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--locked", "--workspace", "--no-fail-fast", "--profile", profile.name()]);
    // What passing tests print is hidden otherwise, and with it why one was skipped.
    cargo.args(["--", "--show-output"]);
    let mut child = cargo.stdout(Stdio::piped()).spawn().context("could not run cargo test")?;
    let stdout = child.stdout.take().context("cargo test has no output")?;
    let mut report = Report::default();
    for line in BufReader::new(stdout).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        if report.read(&line) {
            println!("{line}");
        }
    }
    let status = child.wait()?;
    Ok(report.finish(status.success()))
}

/// Plants a few defects: a test that cannot turn red is none.
fn guards(workspace: &Workspace, _: Profile) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    for (_, verdict) in crate::mutate::plant_always(workspace)? {
        tally += Tally::of_one(verdict.is_caught());
    }
    Ok(tally)
}

/// Tells the demonstration's story as a test.
fn demo(workspace: &Workspace, profile: Profile) -> anyhow::Result<Tally> {
    let held = crate::demo::tell_and_check(workspace, profile);
    match &held {
        Ok(()) => println!("test demo ... ok"),
        Err(error) => println!("test demo ... FAILED: {error:#}"),
    }
    Ok(Tally::of_one(held.is_ok()))
}

/// Has daemons work for some minutes, or an hour where `DSP_TEST_FULL` is set.
fn soak(workspace: &Workspace, profile: Profile) -> anyhow::Result<Tally> {
    let programs = workspace.build(profile)?;
    let minutes = if env::var_os("DSP_TEST_FULL").is_some() { LONG_SOAK } else { SOAK };
    let held = crate::soak::soak(&programs, minutes, None);
    match &held {
        Ok(()) => println!("test soak ... ok"),
        Err(error) => println!("test soak ... FAILED: {error:#}"),
    }
    Ok(Tally::of_one(held.is_ok()))
}
