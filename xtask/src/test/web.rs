//! The tests of the web UI: types and lints, units, and pages in Debian's Chromium against real
//! daemons.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, anyhow, ensure};
use serde::Deserialize;

use super::tally::Tally;
use crate::workspace::{Profile, Workspace};

/// The folder, below the workspace.
const FOLDER: &str = "web";

/// What the files of tests of pages are about; all others are about how pages behave.
const KINDS: [(&str, &str); 2] =
    [("accessibility.test.ts", "accessibility"), ("attacks.test.ts", "security")];
const PAGES: &str = "pages";
const UNITS: &str = "units";

/// A report as vitest writes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
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

/// A test of it: `passed`, `failed`, or skipped in one way or another.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    full_name: String,
    status: String,
    failure_messages: Option<Vec<String>>,
}

impl TestFile {
    /// Returns what the tests are about.
    fn kind(&self) -> &'static str {
        let kind = KINDS.into_iter().find(|(file, _)| self.name.ends_with(file));
        kind.map_or(PAGES, |(_, kind)| kind)
    }

    fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for test in &self.assertion_results {
            match test.status.as_str() {
                "passed" => tally.passed += 1,
                "failed" => {
                    let told = test.failure_messages.as_deref().unwrap_or_default();
                    tally.fail(&test.full_name, told.join("\n"));
                }
                _ => tally.skipped += 1,
            }
        }
        if self.status == "failed" && tally.failed.is_empty() {
            tally.fail(&self.name, &self.message);
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
    let mut kinds: BTreeMap<&str, Tally> = BTreeMap::new();
    for (name, config) in [(UNITS, "vite.config.ts"), (PAGES, "e2e/vitest.config.ts")] {
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
        let report: Report = serde_json::from_str(&text).context("its report")?;
        let mut failed = false;
        for file in &report.test_results {
            let counted = file.tally();
            failed |= !counted.failed.is_empty();
            let kind = if name == UNITS { UNITS } else { file.kind() };
            *kinds.entry(kind).or_default() += counted;
        }
        ensure!(status.success() || failed, "vitest ended with {status}");
    }
    for (kind, counted) in kinds {
        println!("suite web::{kind}: {counted}");
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
    fn tests_are_counted_by_file_and_what_failed_has_a_name() {
        let report = r#"{"testResults": [
            {"name": "e2e/attacks.test.ts", "status": "passed", "message": "", "assertionResults": [
                {"fullName": "a holds", "status": "passed"},
                {"fullName": "a waits", "status": "pending"},
                {"fullName": "a shall", "status": "todo"}]},
            {"name": "b.ts", "status": "failed", "message": "no such import",
                "assertionResults": []},
            {"name": "c.ts", "status": "failed", "message": "", "assertionResults": [
                {"fullName": "c holds", "status": "failed", "failureMessages": ["why"]}]}]}"#;
        let report: Report = serde_json::from_str(report).unwrap();
        let [held, unread, broken] = &report.test_results[..] else { panic!("three files") };
        assert_eq!((held.kind(), unread.kind()), ("security", PAGES));
        assert_eq!(held.tally(), Tally { passed: 1, skipped: 2, ..Tally::default() });
        assert_eq!(unread.tally(), Tally::of_one("b.ts", Err("no such import")));
        assert_eq!(broken.tally(), Tally::of_one("c holds", Err("why")));
    }
}
