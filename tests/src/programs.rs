//! Where the programs are that the tests run.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};

/// The folder with `dsp` and `dspd` of the build that the running test belongs to.
///
/// # Errors
/// They are not there: cargo builds them with `cargo test --workspace`, and not with
/// `cargo test -p dsp-tests`.
pub fn folder() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(|deps| deps.parent()).context("a test without a folder")?;
    for name in ["dsp", "dspd"] {
        let program = folder.join(name).with_extension(std::env::consts::EXE_EXTENSION);
        ensure!(
            program.is_file(),
            "{} is not built: run `cargo test --workspace`, or `cargo build` before",
            program.display()
        );
    }
    Ok(folder.to_owned())
}
