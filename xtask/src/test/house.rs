//! What holds the workspace together and no program of it can test: what the packages may link,
//! and that what is installed can be uninstalled.

use anyhow::{Context as _, ensure};

use super::tally::Tally;
use crate::workspace::{Profile, Workspace};
use crate::{files, man};

/// Packages with those that they must not link: the core is pure, and the command line is small
/// and talks to the daemon alone.
const MUST_NOT_LINK: [(&str, &[&str]); 2] =
    [("dsp-cli", &["libp2p", "iroh"]), ("dsp-protocol", &["tokio", "redb", "libp2p", "iroh"])];

/// Runs both.
pub(super) fn run(workspace: &Workspace, profile: Profile) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let tests = [
        ("house::packages_link_what_they_may", links(workspace)),
        ("house::what_is_installed_can_be_uninstalled", install(workspace, profile)),
    ];
    for (name, result) in tests {
        tally += super::tell(name, result);
    }
    Ok(tally)
}

fn links(workspace: &Workspace) -> anyhow::Result<()> {
    for (package, never) in MUST_NOT_LINK {
        let mut tree = workspace.cargo();
        tree.args(["tree", "--locked", "--edges", "normal", "--prefix", "none"]);
        let output = tree.args(["--package", package]).output().context("cargo tree")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let tree = String::from_utf8(output.stdout)?;
        ensure!(tree.starts_with(package), "cargo tree told nothing of {package}");
        let linked = tree.lines().find(|line| never.iter().any(|never| line.starts_with(never)));
        ensure!(linked.is_none(), "{package} links {}", linked.unwrap_or_default());
    }
    Ok(())
}

fn install(workspace: &Workspace, profile: Profile) -> anyhow::Result<()> {
    man::make(workspace, profile, &workspace.target.join("share"))?;
    let prefix = tempfile::tempdir()?;
    let make = |goal: &str| -> anyhow::Result<()> {
        let mut make = std::process::Command::new("make");
        make.arg("--no-print-directory").arg(goal).current_dir(&workspace.root);
        make.arg(format!("PREFIX={}", prefix.path().display()));
        make.env("DSP_PROFILE", profile.name()).env("CARGO_TARGET_DIR", &workspace.target);
        // The goals of an outer make are not this one's. As under sudo, what was built for the
        // tests is installed and nothing is built.
        make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL").env("SUDO_USER", "nobody");
        let output = make.output().context("could not run make")?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "make {goal} failed: {told}");
        Ok(())
    };
    make("install")?;
    let installed = |path: &str| prefix.path().join(path).is_file();
    for path in ["bin/dsp", "bin/dspd", "share/man/man1/dsp-push.1", "share/man/man1/dspd.1"] {
        ensure!(installed(path), "{path} was not installed");
    }
    ensure!(installed("share/bash-completion/completions/dsp"), "completions were not installed");
    make("uninstall")?;
    let left = files::files(prefix.path())?;
    ensure!(left.is_empty(), "make uninstall left {left:?}");
    Ok(())
}
