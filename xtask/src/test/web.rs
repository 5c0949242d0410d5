//! The tests of the web UI: types and lints, units, and pages in Debian's Chromium against real
//! daemons.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::tally::Tally;
use crate::workspace::{Profile, Workspace};

/// The folder, below the workspace.
const FOLDER: &str = "web";

/// The sums of a report as vitest writes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    num_passed_tests: usize,
    num_failed_tests: usize,
    num_failed_test_suites: usize,
    num_pending_tests: usize,
    num_todo_tests: usize,
}

impl From<Report> for Tally {
    fn from(report: Report) -> Tally {
        // A file that cannot be read has no tests that fail.
        let failed = report.num_failed_tests.max(report.num_failed_test_suites.min(1));
        let skipped = report.num_pending_tests + report.num_todo_tests;
        Tally { passed: report.num_passed_tests, failed, skipped }
    }
}

/// Runs all of it against the programs of the workspace, which have the web UI in them.
pub(super) fn run(workspace: &Workspace, profile: Profile) -> anyhow::Result<Tally> {
    let folder = workspace.root.join(FOLDER);
    let status = Command::new(workspace.root.join("scripts/web.sh")).status();
    ensure!(status.context("scripts/web.sh")?.success(), "the web UI could not be built");
    let programs = workspace.build(profile)?;
    let programs = programs.dsp.parent().context("dsp is in no folder")?;
    let mut tally = Tally::default();
    let api = fs::read(folder.join("src/api/schema.d.ts")).context("src/api/schema.d.ts")?;
    for (name, script) in [("web::types-of-the-api", "api"), ("web::types-and-lints", "check")] {
        let output = npm(&folder).args(["run", "--silent", script]).output().context("npm")?;
        let current =
            fs::read(folder.join("src/api/schema.d.ts")).context("src/api/schema.d.ts")?;
        let clean = output.status.success() && current == api;
        println!("test {name} ... {}", if clean { "ok" } else { "FAILED" });
        if !clean {
            println!("{}", String::from_utf8_lossy(&output.stdout));
            println!("{}", String::from_utf8_lossy(&output.stderr));
        }
        tally += Tally::of_one(clean);
    }
    for (name, config) in [("units", "vite.config.ts"), ("pages", "e2e/vitest.config.ts")] {
        let report = workspace.target.join(format!("web-{name}.json"));
        if report.exists() {
            fs::remove_file(&report).with_context(|| report.display().to_string())?;
        }
        let mut vitest = npm(&folder);
        vitest.args(["exec", "--", "vitest", "run", "--config", config]);
        vitest.args(["--reporter=verbose", "--reporter=json", "--outputFile.json"]).arg(&report);
        vitest.env("DSP_PROGRAMS", programs);
        let status = vitest.status().context("could not run vitest")?;
        let text = fs::read_to_string(&report);
        let text = text.with_context(|| format!("vitest ended without a report: {status}"))?;
        let counted: Tally = serde_json::from_str::<Report>(&text).context("its report")?.into();
        ensure!(status.success() || counted.failed > 0, "vitest ended with {status}");
        tally += counted;
    }
    Ok(tally)
}

fn npm(folder: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(folder);
    // Daemons of the person who runs this are none of the tests' business.
    for variable in ["DSP_HOME", "DSP_URL", "DSP_TOKEN"] {
        npm.env_remove(variable);
    }
    npm
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_read() {
        let report = r#"{"numTotalTestSuites": 2, "numFailedTestSuites": 1, "numPassedTests": 3,
            "numFailedTests": 0, "numPendingTests": 1, "numTodoTests": 1, "testResults": []}"#;
        let report: Report = serde_json::from_str(report).unwrap();
        assert_eq!(Tally::from(report), Tally { passed: 3, failed: 1, skipped: 2 });
    }
}
