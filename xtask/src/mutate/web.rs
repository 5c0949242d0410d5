//! The tests of the web UI: pages in a browser, shown by a daemon that takes the files of the copy
//! of the tree instead of those built into it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::target::Outcome;
use crate::man::printed;
use crate::node::forget_settings;
use crate::workspace::{Profile, Workspace};

/// What a list of planted defects calls the web UI.
pub(super) const PACKAGE: &str = "dsp-web";
/// The folder with the tests, below the workspace.
const TESTS: &str = "web/e2e";

/// The tests of one file.
pub(super) struct WebTests {
    root: PathBuf,
    programs: PathBuf,
    file: String,
}

/// What is read of a report of vitest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    num_passed_tests: usize,
    num_failed_tests: usize,
}

impl WebTests {
    /// Builds the web UI of the copy at `root`, with the packages of the tree.
    ///
    /// # Errors
    /// With what the compiler says.
    pub(super) fn build(workspace: &Workspace, root: &Path, file: &str) -> anyhow::Result<Self> {
        let programs = workspace.build(Profile::Dev)?;
        let programs = programs.dsp.parent().context("dsp is in no folder")?.to_owned();
        let packages = root.join("web/node_modules");
        if !packages.exists() {
            link(&workspace.root.join("web/node_modules"), &packages)?;
        }
        // The copy of a file may not be run by itself.
        printed(Command::new("bash").arg(root.join("scripts/web.sh")))?;
        Ok(WebTests { root: root.to_owned(), programs, file: file.to_owned() })
    }

    /// Runs a test, or several whose names begin alike.
    ///
    /// # Errors
    /// Where none is called so, or vitest cannot be run.
    pub(super) fn run(&self, test: &str) -> anyhow::Result<Outcome> {
        let report = self.root.join("web/report.json");
        let mut vitest = Command::new("npm");
        forget_settings(&mut vitest);
        vitest.current_dir(self.root.join("web")).args(["exec", "--", "vitest", "run"]);
        vitest.args(["--config", "e2e/vitest.config.ts", "--reporter=json", "--outputFile"]);
        vitest.arg(&report).arg(format!("{}.test.ts", self.file));
        vitest.args(["--bail=1", "-t", &test.replace(" > ", " ")]);
        vitest.env("DSP_PROGRAMS", &self.programs);
        vitest.env("DSP_WEB_FOLDER", self.root.join("web/embed/ui"));
        let output = vitest.output().context("npm")?;
        let said = String::from_utf8_lossy(&output.stderr);
        let report: Report =
            serde_json::from_slice(&fs::read(&report).context(said.into_owned())?)?;
        let ran = report.num_passed_tests + report.num_failed_tests;
        ensure!(ran > 0, "no such test: {test}");
        Ok(match report.num_failed_tests {
            0 => Outcome::Green,
            _ => Outcome::Red(format!("test {test} ... FAILED")),
        })
    }
}

/// Returns why the tree at `root` has no such test, if it has none.
pub(super) fn missing(root: &Path, file: &str, test: &str) -> Option<String> {
    let path = root.join(TESTS).join(format!("{file}.test.ts"));
    let text = fs::read_to_string(&path).unwrap_or_default();
    let named = |part: &str| text.contains(&format!("(\"{part}"));
    (!test.split(" > ").all(named)).then(|| format!("{} has no test {test}", path.display()))
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) -> anyhow::Result<()> {
    std::os::unix::fs::symlink(to, at).with_context(|| at.display().to_string())
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> anyhow::Result<()> {
    anyhow::bail!("defects of the web UI are planted on Unix only")
}
