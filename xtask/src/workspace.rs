//! Where the workspace is, and how its programs are built.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// The profile that the programs are built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// `dev`: what tests and CI use.
    Dev,
    /// `release`: what people run.
    Release,
}

impl Profile {
    /// Returns what `DSP_PROFILE` says, or `default` where it says nothing.
    ///
    /// # Errors
    /// For any other value than `dev` and `release`.
    pub(crate) fn from_env(default: Profile) -> anyhow::Result<Profile> {
        match env::var("DSP_PROFILE").as_deref() {
            Err(_) | Ok("") => Ok(default),
            Ok("dev") => Ok(Profile::Dev),
            Ok("release") => Ok(Profile::Release),
            Ok(other) => anyhow::bail!("DSP_PROFILE is `{other}`; it is `dev` or `release`"),
        }
    }

    /// Returns what cargo calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Profile::Dev => "dev",
            Profile::Release => "release",
        }
    }

    fn directory(self) -> &'static str {
        match self {
            Profile::Dev => "debug",
            Profile::Release => "release",
        }
    }
}

/// The programs of one build: `dsp` finds `dspd` beside itself.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// The command line.
    pub(crate) dsp: PathBuf,
}

/// The checked-out workspace.
pub(crate) struct Workspace {
    /// Its root folder.
    pub(crate) root: PathBuf,
    /// The target folder that cargo uses.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Finds the workspace from which cargo runs this program.
    ///
    /// # Errors
    /// Where `cargo metadata` fails.
    pub(crate) fn find() -> anyhow::Result<Self> {
        // What cargo says now comes first: two checkouts may share a target folder, and with it
        // this program.
        let own = env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&own).parent().context("xtask has no parent")?;
        let output = cargo(root)
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .context("could not run cargo metadata")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let target = metadata["target_directory"].as_str().context("no target directory")?;
        Ok(Workspace { root: root.to_owned(), target: target.into() })
    }

    /// Returns a cargo command that runs at the root.
    pub(crate) fn cargo(&self) -> Command {
        cargo(&self.root)
    }

    /// Builds the programs and returns where they are.
    ///
    /// In `dev` the tests are built with them: features are unified over what is built in one
    /// go, and building the programs alone would compile half of the dependencies once more.
    ///
    /// # Errors
    /// Where the build fails.
    pub(crate) fn build(&self, profile: Profile) -> anyhow::Result<Programs> {
        let mut build = self.cargo();
        build.args(["build", "--locked", "--profile", profile.name()]);
        if profile == Profile::Dev {
            build.args(["--workspace", "--all-targets"]);
        }
        let status = build.status().context("could not run cargo build")?;
        ensure!(status.success(), "the build failed");
        let directory = self.target.join(profile.directory());
        Ok(Programs { dsp: directory.join(format!("dsp{}", env::consts::EXE_SUFFIX)) })
    }
}

fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root);
    cargo
}
