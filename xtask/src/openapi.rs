//! The committed description of the HTTP API, as a running daemon gives it.

use std::{env, fs};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::node::Lab;
use crate::workspace::{Profile, Workspace};

const PATH: &str = "docs/openapi.json";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only compare, and fail where the committed file is stale
    #[arg(long)]
    check: bool,
}

/// Writes the description, or compares with it.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let programs = workspace.build(Profile::from_env(Profile::Dev)?)?;
    let lab = Lab::new(&programs, &env::temp_dir())?;
    let [node] = lab.nodes(["a"])?;
    node.start()?;
    let current: Value = serde_json::from_slice(&node.http_get("/api/openapi.json")?)?;
    let current = serde_json::to_string_pretty(&current)? + "\n";
    let path = workspace.root.join(PATH);
    if args.check {
        let committed = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        ensure!(committed == current, "{PATH} is stale: run `cargo xtask openapi`");
        return Ok(());
    }
    fs::write(&path, current).with_context(|| path.display().to_string())
}
