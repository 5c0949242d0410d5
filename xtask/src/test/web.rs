//! The tests of the web UI: types and lints, units, and pages in Debian's Chromium against real
//! daemons.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, anyhow, ensure};
use serde::Deserialize;

use super::tally::Tally;
use crate::workspace::{Profile, Workspace};

/// The folder, below the workspace.
const FOLDER: &str = "web";

/// A report as vitest writes it: the sums, and the files.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    num_passed_tests: usize,
    num_pending_tests: usize,
    num_todo_tests: usize,
    test_results: Vec<TestFile>,
}

/// A file of tests; one that cannot be read says why and has no tests.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TestFile {
    name: String,
    status: String,
    #[serde(default)]
    message: String,
    assertion_results: Vec<Test>,
}

/// A test of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    full_name: String,
    status: String,
    failure_messages: Option<Vec<String>>,
}

impl From<Report> for Tally {
    fn from(report: Report) -> Tally {
        let skipped = report.num_pending_tests + report.num_todo_tests;
        let mut tally = Tally { passed: report.num_passed_tests, skipped, ..Tally::default() };
        for file in report.test_results {
            let before = tally.failed.len();
            for test in file.assertion_results.iter().filter(|test| test.status == "failed") {
                let told = test.failure_messages.clone().unwrap_or_default();
                tally.fail(&test.full_name, told.join("\n"));
            }
            if file.status == "failed" && tally.failed.len() == before {
                tally.fail(&file.name, file.message);
            }
        }
        tally
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
        let told = [output.stdout, output.stderr].concat();
        tally += super::tell(
            name,
            match clean {
                true => Ok(()),
                false => Err(anyhow!("{}", String::from_utf8_lossy(&told))),
            },
        );
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
        ensure!(status.success() || !counted.failed.is_empty(), "vitest ended with {status}");
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
    fn sums_are_read_and_what_failed() {
        let report = r#"{"numPassedTests": 3, "numPendingTests": 1, "numTodoTests": 1,
            "testResults": [
                {"name": "a.ts", "status": "passed", "message": "", "assertionResults": []},
                {"name": "b.ts", "status": "failed", "message": "no such import",
                    "assertionResults": []},
                {"name": "c.ts", "status": "failed", "message": "", "assertionResults": [
                    {"fullName": "c holds", "status": "failed", "failureMessages": ["why"]},
                    {"fullName": "c else", "status": "passed"}]}]}"#;
        let tally = Tally::from(serde_json::from_str::<Report>(report).unwrap());
        assert_eq!((tally.passed, tally.skipped), (3, 2));
        let failed: Vec<_> =
            tally.failed.iter().map(|test| (test.name.as_str(), test.told.as_str())).collect();
        assert_eq!(failed, [("b.ts", "no such import"), ("c holds", "why")]);
    }
}
