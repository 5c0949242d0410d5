//! A test binary: built with cargo, run by itself.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::list::Mutant;

/// How long the tests of one defect may run: one that hangs was noticed too.
const LIMIT: Duration = Duration::from_secs(180);

/// What cargo builds for a test: the library's tests of a package, or one of its binaries.
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

    /// Builds the tests of the tree at `root`.
    ///
    /// # Errors
    /// With what the compiler says.
    pub(crate) fn build(&self, root: &Path, target: &Path) -> anyhow::Result<TestBinary> {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(root).env("CARGO_TARGET_DIR", target).env("CARGO_INCREMENTAL", "1");
        cargo.args(["test", "--locked", "--quiet", "--no-run", "--package", &self.package]);
        match &self.binary {
            None => cargo.arg("--lib"),
            Some(binary) => cargo.args(["--test", binary]),
        };
        // A defect leaves unused things behind; only errors are of interest.
        let output = cargo.args(["--message-format", "json-render-diagnostics"]).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let messages = String::from_utf8(output.stdout)?;
        messages
            .lines()
            .rev()
            .find_map(TestBinary::named_in)
            .with_context(|| format!("{self} has no tests"))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.package, self.binary.as_deref().unwrap_or("library"))
    }
}

/// What the tests said.
pub(crate) enum Outcome {
    /// All passed.
    Green,
    /// One failed, or did not end; how.
    Red(String),
}

/// A built test binary.
pub(crate) struct TestBinary {
    path: PathBuf,
    package: PathBuf,
}

impl TestBinary {
    /// Reads one of cargo's messages: one that names an executable is what was asked for.
    fn named_in(message: &str) -> Option<Self> {
        let message: Value = serde_json::from_str(message).ok()?;
        let path = message["executable"].as_str()?.into();
        let manifest = Path::new(message["manifest_path"].as_str()?);
        Some(TestBinary { path, package: manifest.parent()?.to_owned() })
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
        let deadline = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if Instant::now() > deadline {
                child.kill()?;
                child.wait()?;
                return Ok(Outcome::Red(format!("not done after {} s", LIMIT.as_secs())));
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
