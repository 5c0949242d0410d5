//! Man pages and completions: those of `dsp` as it describes itself, and `docs/dspd.1`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::workspace::{Profile, Workspace};

/// Where each shell looks below a `share` folder.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "bash-completion/completions/dsp"),
    ("zsh", "zsh/site-functions/_dsp"),
    ("fish", "fish/vendor_completions.d/dsp.fish"),
];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folder to write, laid out like /usr/share
    dir: PathBuf,
}

/// Writes `man/man1/*.1` and the completions of three shells.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    make(workspace, Profile::from_env(Profile::Release)?, &args.dir)
}

/// Writes the pages of the programs of a profile into a share folder.
///
/// # Errors
/// Where the programs cannot be built or do not describe themselves.
pub(crate) fn make(workspace: &Workspace, profile: Profile, dir: &Path) -> anyhow::Result<()> {
    let programs = workspace.build(profile)?;
    let pages = dir.join("man/man1");
    if pages.exists() {
        fs::remove_dir_all(&pages).with_context(|| pages.display().to_string())?;
    }
    fs::create_dir_all(&pages).with_context(|| pages.display().to_string())?;
    printed(Command::new(&programs.dsp).arg("man").arg(&pages))?;
    write(&pages.join("dspd.1"), &fs::read(workspace.root.join("docs/dspd.1"))?)?;
    for (shell, path) in COMPLETIONS {
        let script = printed(Command::new(&programs.dsp).args(["completions", shell]))?;
        write(&dir.join(path), &script)?;
    }
    Ok(())
}

/// Returns what a command printed.
///
/// # Errors
/// Where it could not be run, or failed.
pub(crate) fn printed(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let output = command.output().with_context(|| format!("could not run {command:?}"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}: {stderr}", output.status);
    Ok(output.stdout)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    ensure!(!bytes.is_empty(), "nothing to write to {}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    }
    fs::write(path, bytes).with_context(|| path.display().to_string())
}
