//! `dsp man`: writes manual pages, for those who package dsp.

use std::path::PathBuf;

use crate::error::{Error, Result};

/// Write manual pages to a folder
#[derive(clap::Args, Debug)]
#[command(hide = true)]
pub(crate) struct Args {
    /// Folder to write to
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(crate) fn run(args: &Args, command: clap::Command) -> Result<()> {
    let fail = |e: &std::io::Error| Error::path("cannot write", &args.dir, e);
    std::fs::create_dir_all(&args.dir).map_err(|e| fail(&e))?;
    let command = command.version(crate::start::VERSION);
    clap_mangen::generate_to(command, &args.dir).map_err(|e| fail(&e))
}
