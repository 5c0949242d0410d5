//! The tests of the Python client, in a virtual environment of the checkout.
//!
//! `.venv` is made once and filled with the pinned packages of `requirements-test.txt`; it is
//! filled again when they change. Nothing is installed outside of it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, anyhow, bail, ensure};

use super::junit;
use super::tally::Tally;
use crate::workspace::{Profile, Workspace};

/// The package, below the workspace.
const PACKAGE: &str = "clients/python";
/// What the environment holds, each with its version.
const LOCK: &str = "requirements-test.txt";
/// What it holds beside that where everything is done at length.
const FULL_LOCK: &str = "requirements-full.txt";
/// The file in the environment that says what it was filled with.
const STAMP: &str = "dsp-stamp";

/// Runs the linters and the tests against the programs of the workspace.
pub(super) fn run(workspace: &Workspace, profile: Profile) -> anyhow::Result<Tally> {
    let programs = workspace.build(profile)?;
    let programs = programs.dsp.parent().context("dsp is in no folder")?.to_owned();
    let package = workspace.root.join(PACKAGE);
    let python = environment(workspace, &package)?;
    let mut tally = Tally::default();
    let lints: [(&str, &[&str]); 3] = [
        ("python::lint", &["ruff", "check", "."]),
        ("python::format", &["ruff", "format", "--check", "."]),
        ("python::types", &["mypy"]),
    ];
    for (name, args) in lints {
        let output = module(&python, &package).args(args).output().context("could not lint")?;
        tally += super::tell(
            name,
            match output.status.success() {
                true => Ok(()),
                false => Err(anyhow!("{}", String::from_utf8_lossy(&output.stdout))),
            },
        );
    }
    let report = workspace.target.join("python-tests.xml");
    if report.exists() {
        fs::remove_file(&report).with_context(|| report.display().to_string())?;
    }
    let mut pytest = module(&python, &package);
    pytest.args(["pytest", "-rfEs", "--junitxml"]).arg(&report).env("DSP_PROGRAMS", programs);
    // Daemons of the person who runs this are none of the tests' business.
    for variable in ["DSP_HOME", "DSP_URL", "DSP_TOKEN"] {
        pytest.env_remove(variable);
    }
    let status = pytest.status().context("could not run pytest")?;
    let counted = fs::read_to_string(&report).ok().and_then(|xml| junit::counts(&xml));
    let counted = counted.with_context(|| format!("pytest ended without a report: {status}"))?;
    ensure!(status.success() || !counted.failed.is_empty(), "pytest ended with {status}");
    tally += counted;
    Ok(tally)
}

/// Returns the Python of the environment.
pub(super) fn environment_of(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    environment(workspace, &workspace.root.join(PACKAGE))
}

/// Returns `python -m` of the environment.
fn module(python: &Path, package: &Path) -> Command {
    let mut command = Command::new(python);
    command.arg("-m").current_dir(package);
    command
}

/// Makes the virtual environment and fills it, unless it is filled with the same already.
fn environment(workspace: &Workspace, package: &Path) -> anyhow::Result<PathBuf> {
    let folder = workspace.root.join(".venv");
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let locks: &[&str] = if super::is_full() { &[LOCK, FULL_LOCK] } else { &[LOCK] };
    let wanted = locks.iter().chain(&["pyproject.toml"]);
    let wanted = wanted
        .map(|name| fs::read_to_string(package.join(name)).with_context(|| (*name).to_owned()));
    let wanted = wanted.collect::<anyhow::Result<String>>()?;
    let stamp = folder.join(STAMP);
    if python.exists() && fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == wanted) {
        return Ok(python);
    }
    if !python.exists() {
        let system = env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
        let mut venv = Command::new(&system);
        let status = venv.args(["-m", "venv"]).arg(&folder).status();
        if !status.is_ok_and(|status| status.success()) {
            bail!(
                "{} -m venv failed: install Python 3.11 or newer with venv (Debian: sudo apt-get \
                 install python3-venv)",
                system.to_string_lossy()
            );
        }
    }
    let pip = |args: &[&str]| -> anyhow::Result<()> {
        let mut pip = module(&python, package);
        pip.args(["pip", "--quiet", "--disable-pip-version-check", "install", "--no-deps"]);
        let output = pip.args(args).output().context("could not run pip")?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "pip install {} failed: {told}", args.join(" "));
        Ok(())
    };
    for lock in locks {
        eprintln!("installing the pinned packages of {PACKAGE}/{lock} into .venv");
        pip(&["--requirement", lock])?;
    }
    pip(&["--no-build-isolation", "--editable", "."])?;
    fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())?;
    Ok(python)
}
