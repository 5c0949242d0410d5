//! All tests, suite by suite, and one closing line with the sum.

mod floor;
mod house;
mod junit;
mod libtest;
mod python;
mod r;
mod tally;
mod web;

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
const SUITES: [Suite; 8] = [
    ("rust", rust),
    ("house", house::run),
    ("python", python::run),
    ("r", r::run),
    ("web", web::run),
    ("guards", guards),
    ("demo", demo),
    ("soak", soak),
];
/// Suites of hours: run where `DSP_TEST_FULL` is set, or by name.
const LONG_SUITES: [Suite; 3] = [("seeds", seeds), ("crashes", crashes), ("fuzz", fuzz)];
/// Seeds of the simulator, rounds of crashes and seconds of each fuzz target in these.
const LONG_SEEDS: u64 = 10_000;
const LONG_ROUNDS: u64 = 1_000;
const LONG_FUZZ: u32 = 300;
/// What property tests draw from with `CI=true`.
const SEED: &str = "20201";
/// Minutes of the soak.
const SOAK: u64 = 5;
/// The same where everything is done at length.
const LONG_SOAK: u64 = 60;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Suites to run instead of all
    #[arg(value_parser = SUITES.iter().chain(&LONG_SUITES).map(|(name, _)| *name).collect::<Vec<_>>())]
    suites: Vec<String>,
}

/// Runs the suites and prints `N passed, N failed, N skipped`.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let profile = Profile::from_env(Profile::Dev)?;
    // Stories drive the real programs, so these are there before the first test.
    workspace.build(profile)?;
    let floors = Floors::read(workspace)?;
    let mut sum = Tally::default();
    let full = is_full();
    let long = LONG_SUITES.into_iter().map(|suite| (suite, full));
    for ((name, suite), unasked) in SUITES.map(|suite| (suite, true)).into_iter().chain(long) {
        if args.suites.is_empty() && unasked || args.suites.iter().any(|wanted| wanted == name) {
            let tally = suite(workspace, profile).unwrap_or_else(|error| {
                println!("suite {name} ended: {error:#}");
                Tally::of_one(name, Err(format!("{error:#}")))
            });
            let tally = floors.hold(name, tally);
            println!("suite {name}: {tally}");
            sum += tally;
        }
    }
    println!();
    for failure in &sum.failed {
        println!("{failure}\n");
    }
    println!("{sum}");
    hold(&sum, if is_strict() { Skips::Refused } else { Skips::Told })
}

/// What a test that was skipped does to the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Skips {
    /// It is counted: not every machine can do all.
    Told,
    /// It fails, as with `CI=true`.
    Refused,
}

/// Judges the sum of all suites.
///
/// # Errors
/// A test failed, none was run, or one was skipped that may not be.
fn hold(sum: &Tally, skips: Skips) -> anyhow::Result<()> {
    ensure!(sum.failed.is_empty(), "tests failed: {}", sum.names());
    ensure!(sum.passed > 0, "no test was run");
    let skipped = sum.skipped;
    ensure!(skips == Skips::Told || skipped == 0, "no test may skip with CI=true: {skipped} did");
    Ok(())
}

/// Returns the Python of the checkout's virtual environment, which is made where it is not there.
pub(crate) fn python_environment(workspace: &Workspace) -> anyhow::Result<std::path::PathBuf> {
    python::environment_of(workspace)
}

/// Runs `cargo test` over the workspace.
fn rust(workspace: &Workspace, profile: Profile) -> anyhow::Result<Tally> {
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--locked", "--workspace", "--no-fail-fast", "--profile", profile.name()]);
    // What passing tests print is hidden otherwise, and with it why one was skipped.
    cargo.args(["--", "--show-output"]);
    // What a change is judged by is the change and not luck; everywhere else luck finds more.
    if is_strict() {
        cargo.env("PROPTEST_RNG_SEED", SEED);
    }
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
    for (name, verdict) in crate::mutate::plant_always(workspace)? {
        tally += Tally::of_one(&name, if verdict.is_caught() { Ok(()) } else { Err(verdict) });
    }
    Ok(tally)
}

/// Tells the demonstration's story as a test.
fn demo(workspace: &Workspace, profile: Profile) -> anyhow::Result<Tally> {
    Ok(tell("demo", crate::demo::tell_and_check(workspace, profile)))
}

/// Has daemons work for some minutes, or an hour where everything is done at length.
fn soak(workspace: &Workspace, profile: Profile) -> anyhow::Result<Tally> {
    let programs = workspace.build(profile)?;
    let minutes = if is_full() { LONG_SOAK } else { SOAK };
    Ok(tell("soak", crate::soak::soak(&programs, minutes, None)))
}

/// Runs many seeds of the simulator, and demands that each planted defect is found.
fn seeds(workspace: &Workspace, _: Profile) -> anyhow::Result<Tally> {
    let mut tally = tell("seeds", crate::simulate::hold(workspace, LONG_SEEDS));
    for (name, found) in crate::simulate::find(workspace) {
        tally += tell(&format!("seeds without {name}"), found);
    }
    Ok(tally)
}

/// Runs many rounds of crashes, and demands that a disk which lies loses something.
fn crashes(workspace: &Workspace, _: Profile) -> anyhow::Result<Tally> {
    let mut tally = tell("crashes", crate::crash::hold(workspace, LONG_ROUNDS));
    tally += tell("crashes on a disk that lies", crate::crash::find(workspace));
    Ok(tally)
}

/// Runs every fuzz target for some minutes.
fn fuzz(workspace: &Workspace, _: Profile) -> anyhow::Result<Tally> {
    Ok(tell("fuzz", crate::fuzz::all(workspace, LONG_FUZZ)))
}

/// Tells whether everything is done at length.
fn is_full() -> bool {
    env::var_os("DSP_TEST_FULL").is_some()
}

/// Tells whether a change is judged: no test may skip, and none draws lots.
fn is_strict() -> bool {
    env::var("CI").is_ok_and(|ci| ci == "true")
}

/// Prints how a test that is none of libtest's ended, as libtest does.
fn tell(name: &str, held: anyhow::Result<()>) -> Tally {
    match &held {
        Ok(()) => println!("test {name} ... ok"),
        Err(error) => println!("test {name} ... FAILED: {error:#}"),
    }
    Tally::of_one(name, held.map_err(|error| format!("{error:#}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skipped_test_fails_the_run_with_ci_alone() {
        let sum = Tally { passed: 5, skipped: 1, ..Tally::default() };
        hold(&sum, Skips::Told).unwrap();
        let error = hold(&sum, Skips::Refused).unwrap_err().to_string();
        assert_eq!(error, "no test may skip with CI=true: 1 did");
        hold(&Tally { skipped: 0, ..sum }, Skips::Refused).unwrap();
    }

    #[test]
    fn a_failed_test_and_none_at_all_fail_the_run() {
        for skips in [Skips::Told, Skips::Refused] {
            assert!(hold(&Tally::default(), skips).is_err());
            let mut sum = Tally { passed: 5, ..Tally::default() };
            sum.fail("sync::loses", "why");
            let error = hold(&sum, skips).unwrap_err().to_string();
            assert_eq!(error, "tests failed: sync::loses");
        }
    }
}
