//! A small home of today's format, kept so that later programs can be shown to open it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, ensure};

use crate::node::forget_settings;
use crate::workspace::{Profile, Workspace};

/// Where the homes of all formats are.
const FIXTURES: &str = "tests/fixtures/homes";
/// What of a home is kept.
const KEPT: &[&str] = &["config.toml", "keys", "meta.redb", "blobs"];
/// Settings of a home that talks to nobody.
const SETTINGS: &str = "[user]\nname = \"alice\"\n[device]\nname = \"laptop\"\n[net]\nlisten = \
    [\"/ip4/127.0.0.1/tcp/0\"]\nmdns = false\n[http]\nport = 0\n[store]\nmin_free_bytes = 0\n";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Name of the fixture, such as home-v0.1.0-schema4
    name: String,
}

/// Makes a home by pushing what `tests/tests/stories/upgrade.rs` looks for.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let place = workspace.root.join(FIXTURES).join(&args.name);
    ensure!(!place.exists(), "{} is there; none is ever made anew", place.display());
    let programs = workspace.build(Profile::from_env(Profile::Dev)?)?;
    let folder = env::temp_dir().join(format!("dsp-fixture-{}", std::process::id()));
    let (home, data) = (folder.join("home"), folder.join("data"));
    fs::create_dir_all(&home)?;
    fs::create_dir_all(&data)?;
    fs::write(home.join("config.toml"), SETTINGS)?;
    fs::write(data.join("report.csv"), "week,total\n46,12\n")?;
    fs::write(data.join("large.txt"), "x".repeat(40_000))?;
    let dsp = |args: &[&str]| -> anyhow::Result<()> {
        let mut command = Command::new(&programs.dsp);
        command.args(args).args(["--quiet", "--yes"]).current_dir(&folder);
        forget_settings(&mut command);
        command.env("DSP_HOME", &home);
        ensure!(command.status()?.success(), "dsp {}", args.join(" "));
        Ok(())
    };
    let first = ["-m", "week 46", "--param", "region=EU", "--metric", "total=12", "--tag", "v1"];
    dsp(&[&["push", "sales/weekly", "data"], &first[..]].concat())?;
    dsp(&["push", "sales/weekly", "data/report.csv", "-m", "week 47"])?;
    dsp(&["share"])?;
    dsp(&["daemon", "stop"])?;
    for name in KEPT {
        copy(&home.join(name), &place.join(name))?;
    }
    fs::remove_dir_all(&folder)?;
    println!("{}", place.display());
    Ok(())
}

/// Copies a file or a folder; folders without files are left out.
fn copy(from: &Path, to: &PathBuf) -> anyhow::Result<()> {
    if from.is_dir() {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    fs::create_dir_all(to.parent().context("a file is in a folder")?)?;
    fs::copy(from, to).with_context(|| from.display().to_string())?;
    Ok(())
}
