//! The tests of the R package, after R's own tools have built and checked it.
//!
//! R and its packages are the system's: `scripts/prerequisites.sh` installs or names them.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, bail, ensure};

use super::libtest::Report;
use super::tally::Tally;
use crate::workspace::{Profile, Workspace};

/// The package, below the workspace.
const PACKAGE: &str = "clients/r";
/// The page whose code the tests run.
const TUTORIAL: &str = "docs/tutorials/r.md";
/// The folder, below the target, in which the package is built, checked and installed.
const FOLDER: &str = "r";

/// Builds and checks the package, and runs its tests against the programs of the workspace.
pub(super) fn run(workspace: &Workspace, profile: Profile) -> anyhow::Result<Tally> {
    let programs = workspace.build(profile)?;
    let programs = programs.dsp.parent().context("dsp is in no folder")?.to_owned();
    let folder = workspace.target.join(FOLDER);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let package = workspace.root.join(PACKAGE);
    let mut tally = super::tell("r::check", check(&folder, &package));

    let mut tests = program("Rscript", &folder);
    tests.arg(package.join("tools/test.R")).arg(package.join("tests/testthat"));
    // `R CMD check` installed it there.
    tests.env("R_LIBS", folder.join("dsp.Rcheck"));
    tests.env("DSP_TUTORIAL", workspace.root.join(TUTORIAL));
    // What Python pushes R pulls, and the other way round.
    tests.env("DSP_PYTHON", super::python_environment(workspace)?);
    let others = env::var_os("PATH").unwrap_or_default();
    let path = [programs].into_iter().chain(env::split_paths(&others));
    tests.env("PATH", env::join_paths(path).context("PATH")?);
    let output = output(&mut tests)?;
    let told = String::from_utf8_lossy(&output.stdout);
    let mut report = Report::default();
    for line in told.lines() {
        if report.read(line) {
            println!("{line}");
        }
    }
    if !output.status.success() {
        println!("{}", String::from_utf8_lossy(&output.stderr));
    }
    tally += report.finish(output.status.success());
    Ok(tally)
}

/// Demands that `R CMD check` finds neither an error nor a warning; the tests run on their own.
fn check(folder: &Path, package: &Path) -> anyhow::Result<()> {
    let mut build = program("R", folder);
    build.args(["CMD", "build", "--no-build-vignettes"]).arg(package);
    let built = output(&mut build)?;
    ensure!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let mut check = program("R", folder);
    check.args(["CMD", "check", "--no-manual", "--ignore-vignettes", "--no-tests"]);
    check.arg(archive(folder)?).env("_R_CHECK_FORCE_SUGGESTS_", "false");
    let checked = output(&mut check)?;
    let told = String::from_utf8_lossy(&checked.stdout);
    let status = told.lines().find(|line| line.starts_with("Status: "));
    let clean = checked.status.success()
        && status.is_some_and(|line| !line.contains("WARNING") && !line.contains("ERROR"));
    ensure!(clean, "{told}");
    Ok(())
}

/// Finds the one archive that was built.
fn archive(folder: &Path) -> anyhow::Result<PathBuf> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "gz") {
            return Ok(path);
        }
    }
    bail!("R CMD build left no archive in {}", folder.display())
}

/// Returns a program of R that runs in a folder.
fn program(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(name);
    command.current_dir(folder);
    // Daemons of the person who runs this are none of the tests' business.
    for variable in ["DSP_HOME", "DSP_URL", "DSP_TOKEN"] {
        command.env_remove(variable);
    }
    command
}

/// Runs it, or says how to get R.
fn output(command: &mut Command) -> anyhow::Result<Output> {
    command.output().map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!(
            "R is missing: scripts/prerequisites.sh test installs it, or says what to install"
        ),
        _ => anyhow::Error::new(error).context("could not run R"),
    })
}
