//! A table of a million rows: pushed and pulled by the Python client, and read in pages.

use std::collections::HashMap;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::Effort;
use super::figure::Figure;
use crate::http::Connection;
use crate::node::{Lab, forget_settings};
use crate::workspace::Workspace;

/// Beside writing and reading a file of the same compression.
const FILE_GOAL: f64 = 1.5;
/// Beside Base64 of CSV in JSON: five times as fast.
const OLD_GOAL: f64 = 0.2;
/// A page of rows.
const PAGE: Duration = Duration::from_millis(10);
/// Where the pages begin, in the middle of the table, and how far one is from the next.
const MIDDLE: (u64, u64) = (500_000, 100);
/// The program that pushes and pulls.
const PROGRAM: &str = include_str!("dataframe.py");

/// What was measured.
pub(crate) struct Measured {
    pub(crate) push: Figure,
    pub(crate) pull: Figure,
    pub(crate) page: Figure,
}

/// Measures a push, a pull and a page of a table of a million rows and ten columns.
///
/// # Errors
/// The virtual environment cannot be made, or a program fails.
pub(crate) fn measure(
    workspace: &Workspace,
    lab: &Lab,
    effort: Effort,
) -> anyhow::Result<Measured> {
    let python = crate::test::python_environment(workspace)?;
    let [node] = lab.nodes(["a"])?;
    node.start()?;
    let mut program = Command::new(python);
    forget_settings(&mut program);
    program.arg("-c").arg(PROGRAM).arg(lab.path()).arg(effort.transfers.to_string());
    let output = program.env("DSP_HOME", &node.home).output().context("could not run Python")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: HashMap<String, Vec<f64>> =
        serde_json::from_slice(&output.stdout).context("what Python measured")?;
    let times = |name: &str| -> anyhow::Result<Vec<Duration>> {
        let seconds = told.get(name).filter(|times| !times.is_empty()).context(name.to_owned())?;
        Ok(seconds.iter().copied().map(Duration::from_secs_f64).collect())
    };
    let figure = |name: &str, file: &str, old: &str| -> anyhow::Result<Figure> {
        let mut figure = Figure::seconds(&times(name)?, &times(file)?, FILE_GOAL);
        figure.also.push(Figure::seconds(&times(name)?, &times(old)?, OLD_GOAL));
        Ok(figure)
    };

    let mut connection = Connection::open(&node.home)?;
    let mut pages = Vec::with_capacity(effort.samples);
    for n in 0..effort.samples as u64 {
        let path = format!("/rows?ref=bench/table&limit=100&offset={}", MIDDLE.0 + n * MIDDLE.1);
        let begun = Instant::now();
        connection.get(&path)?;
        pages.push(begun.elapsed());
    }
    Ok(Measured {
        push: figure("push", "to_parquet", "old_push")?,
        pull: figure("pull", "read_parquet", "old_pull")?,
        page: Figure::milliseconds(&pages, PAGE),
    })
}
