//! The committed description of the HTTP API.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::man::printed;
use crate::workspace::{Profile, Workspace};

const PATH: &str = "docs/openapi.json";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only compare, and fail where the committed file is stale
    #[arg(long)]
    check: bool,
}

/// Writes what `dspd --openapi` prints, or compares with it.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let programs = workspace.build(Profile::from_env(Profile::Dev)?)?;
    let current = printed(Command::new(&programs.dspd).arg("--openapi"))?;
    let path = workspace.root.join(PATH);
    if args.check {
        let committed = fs::read(&path).with_context(|| path.display().to_string())?;
        ensure!(committed == current, "{PATH} is stale: run `cargo xtask openapi`");
        return Ok(());
    }
    fs::write(&path, current).with_context(|| path.display().to_string())
}
