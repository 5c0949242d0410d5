//! A test binary: built with cargo, run by itself.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::list::Mutant;
use super::web::{self, WebTests};
use crate::man::printed;
use crate::workspace::Workspace;

/// How long a test may run: one that hangs was noticed too.
const LIMIT: Duration = Duration::from_secs(180);

/// The package whose tests drive the programs.
const STORIES: &str = "dsp-tests";

/// What cargo builds for a test: the unit tests of a package, or one of its test binaries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Target {
    package: String,
    binary: Option<String>,
}

impl Target {
    /// Returns where the test of `mutant` is.
    pub(crate) fn of(mutant: &Mutant) -> Self {
        Target { package: mutant.package.clone(), binary: mutant.binary.clone() }
    }

    /// Builds the tests of the tree at `root`, a copy of that of the workspace.
    ///
    /// # Errors
    /// With what the compiler says.
    pub(crate) fn build(
        &self,
        workspace: &Workspace,
        root: &Path,
        target: &Path,
    ) -> anyhow::Result<Tests> {
        match &self.binary {
            Some(file) if self.package == web::PACKAGE => {
                WebTests::build(workspace, root, file).map(Tests::Web)
            }
            _ => self.build_binary(root, target).map(Tests::Binary),
        }
    }

    fn build_binary(&self, root: &Path, target: &Path) -> anyhow::Result<TestBinary> {
        let cargo = || {
            let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            cargo.current_dir(root).env("CARGO_TARGET_DIR", target).env("CARGO_INCREMENTAL", "1");
            // Our own crates are compiled over and over and run once: dependencies keep their level.
            cargo.env("CARGO_PROFILE_DEV_OPT_LEVEL", "0");
            cargo
        };
        if self.package == STORIES {
            // They drive programs of other packages, which cargo does not build for a test.
            let mut programs = cargo();
            finished(programs.args(["build", "--locked", "--quiet", "--workspace", "--bins"]))?;
        }
        let mut cargo = cargo();
        cargo.args(["test", "--locked", "--quiet", "--no-run"]);
        // Features are unified over what is selected. The name of a program or of a test binary
        // selects by itself, so those share the dependencies of the whole workspace; of the
        // libraries only one is to be built.
        match (&self.binary, self.package.as_str()) {
            (Some(binary), _) => cargo.args(["--workspace", "--test", binary]),
            (None, "dsp-cli") => cargo.args(["--workspace", "--bin", "dsp"]),
            (None, package) => cargo.args(["--package", package, "--lib"]),
        };
        // A defect leaves unused things behind; only errors are of interest.
        let output = finished(cargo.args(["--message-format", "json-render-diagnostics"]))?;
        let messages = String::from_utf8(output.stdout)?;
        messages
            .lines()
            .rev()
            .find_map(TestBinary::named_in)
            .with_context(|| format!("{self} has no tests"))
    }
}

/// Runs a command to its end.
///
/// # Errors
/// It fails, with what it says on standard error.
fn finished(command: &mut Command) -> anyhow::Result<Output> {
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} {}", output.status, said.trim_end());
    Ok(output)
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.package, self.binary.as_deref().unwrap_or("unit tests"))
    }
}

/// What the tests said.
pub(crate) enum Outcome {
    /// All passed.
    Green,
    /// One failed, or did not end; how.
    Red(String),
}

/// Tests that are built and can be run.
pub(crate) enum Tests {
    /// Those of cargo.
    Binary(TestBinary),
    /// Those of the web UI.
    Web(WebTests),
}

impl Tests {
    /// Runs the tests of these defects without any, and returns those tests that exist.
    ///
    /// # Errors
    /// Where one of them is red: it would prove nothing.
    pub(crate) fn green(&self, mutants: &[&Mutant]) -> anyhow::Result<Vec<String>> {
        let mut wanted: Vec<String> = mutants.iter().map(|mutant| mutant.test.clone()).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let outcomes = match self {
            Tests::Web(tests) => wanted.iter().map(|test| tests.run(test)).collect(),
            Tests::Binary(binary) => {
                let there = binary.tests()?;
                wanted.retain(|test| there.contains(test));
                let names: Vec<&str> = wanted.iter().map(String::as_str).collect();
                if names.is_empty() { Vec::new() } else { vec![binary.run(&names)] }
            }
        };
        for outcome in outcomes {
            if let Outcome::Red(why) = outcome? {
                bail!("red without a defect: {why}");
            }
        }
        Ok(wanted)
    }

    /// Runs a test.
    ///
    /// # Errors
    /// Where it cannot be run, or is not there.
    pub(crate) fn run(&self, test: &str) -> anyhow::Result<Outcome> {
        match self {
            Tests::Binary(binary) => binary.run(&[test]),
            Tests::Web(tests) => tests.run(test),
        }
    }
}

/// A built test binary.
pub(crate) struct TestBinary {
    path: PathBuf,
    package: PathBuf,
}

impl TestBinary {
    /// Reads one of cargo's messages: of those that name an executable, the one built for tests
    /// is what was asked for; the others are programs that it drives.
    fn named_in(message: &str) -> Option<Self> {
        let message: Value = serde_json::from_str(message).ok()?;
        if message["profile"]["test"] != true {
            return None;
        }
        let path = message["executable"].as_str()?.into();
        let manifest = Path::new(message["manifest_path"].as_str()?);
        Some(TestBinary { path, package: manifest.parent()?.to_owned() })
    }

    /// Returns the paths of all its tests.
    ///
    /// # Errors
    /// Where it cannot be run.
    pub(crate) fn tests(&self) -> anyhow::Result<Vec<String>> {
        let listed = printed(Command::new(&self.path).args(["--list", "--format", "terse"]))?;
        let listed = String::from_utf8(listed)?;
        Ok(listed.lines().filter_map(|l| l.strip_suffix(": test")).map(str::to_owned).collect())
    }

    /// Runs the tests with exactly these paths.
    ///
    /// # Errors
    /// Where it cannot be run, or one of the tests is not there.
    pub(crate) fn run(&self, tests: &[&str]) -> anyhow::Result<Outcome> {
        let mut unique = tests.to_vec();
        unique.sort_unstable();
        unique.dedup();
        let mut command = Command::new(&self.path);
        command.args(["--exact", "--test-threads", "2"]).args(&unique);
        command.current_dir(&self.package).env("CARGO_MANIFEST_DIR", &self.package);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut stdout = child.stdout.take().context("a test binary without output")?;
        let reader = thread::spawn(move || {
            let mut text = Vec::new();
            stdout.read_to_end(&mut text).map(|_| String::from_utf8_lossy(&text).into_owned())
        });
        let limit = LIMIT * u32::try_from(unique.len())?;
        let deadline = Instant::now() + limit;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if Instant::now() > deadline {
                child.kill()?;
                child.wait()?;
                return Ok(Outcome::Red(format!("not done after {} s", limit.as_secs())));
            }
            thread::sleep(Duration::from_millis(20));
        };
        let text = reader.join().expect("reading a pipe does not panic")?;
        let ran = text.lines().filter(|line| line.starts_with("test ") && line.contains(" ... "));
        let died = status.code().is_none();
        ensure!(died || ran.count() == unique.len(), "no such test among {unique:?}:\n{text}");
        if status.success() {
            return Ok(Outcome::Green);
        }
        match text.lines().find(|line| line.starts_with("test ") && line.ends_with("FAILED")) {
            Some(line) => Ok(Outcome::Red(line.to_owned())),
            None if died => Ok(Outcome::Red(status.to_string())),
            None => bail!("{} ended with {status}:\n{text}", self.path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_not_taken_for_its_tests() {
        let message = |test: bool, executable: Option<&str>| {
            let manifest = "/w/cli/Cargo.toml";
            serde_json::json!({
                "reason": "compiler-artifact", "manifest_path": manifest,
                "profile": {"test": test}, "executable": executable,
            })
        };
        let named = |message: Value| TestBinary::named_in(&message.to_string());
        assert!(named(message(false, Some("/t/debug/dsp"))).is_none());
        assert!(named(message(true, None)).is_none());
        assert!(TestBinary::named_in("Compiling").is_none());
        let tests = named(message(true, Some("/t/debug/deps/cli-1"))).unwrap();
        assert_eq!(tests.package, Path::new("/w/cli"));
    }
}
