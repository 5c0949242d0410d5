//! Types the commands of a page.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use super::diff::{diff, matches};
use super::page::Page;
use crate::programs;

/// What the homes of a page are set to: nothing that leaves this machine. Each was started once.
const SETTINGS: &str = "[net]\nlisten = [\"/ip4/127.0.0.1/tcp/0\"]\nmdns = false\n\
    [http]\nport = 0\n[store]\nmin_free_bytes = 0\n";

/// The homes of a page and the folder in which it is typed.
struct Desk {
    folder: tempfile::TempDir,
    programs: PathBuf,
    owners: BTreeSet<String>,
}

/// Runs the page at `path`. With `DSP_UPDATE=1` what differs is written into the page instead.
///
/// # Errors
/// The first command that prints or ends otherwise, with the difference.
pub fn run(path: &Path) -> anyhow::Result<()> {
    let page = path.display();
    let text = fs::read_to_string(path).with_context(|| page.to_string())?;
    let parsed = Page::parse(&text).with_context(|| page.to_string())?;
    let update = std::env::var_os("DSP_UPDATE").is_some();
    let folder = tempfile::Builder::new().prefix("dsp-").tempdir()?;
    fs::create_dir(folder.path().join("work"))?;
    let mut desk = Desk { folder, programs: programs::folder()?, owners: BTreeSet::new() };
    let mut outputs = Vec::new();
    for block in &parsed.blocks {
        for (at, step) in block.steps.iter().enumerate() {
            let code = if at + 1 == block.steps.len() { block.code } else { 0 };
            let (came, actual) = desk.type_in(&block.owner, &step.command)?;
            let fits = matches(&step.expected, &actual);
            let command = &step.command;
            ensure!(
                came == Some(code),
                "{page}: `{command}` exits with {came:?} instead of {code}:\n{}",
                actual.join("\n")
            );
            ensure!(
                fits || update,
                "{page}: `{command}` prints otherwise (DSP_UPDATE=1 writes it down):\n{}",
                diff(&step.expected, &actual)
            );
            outputs.push(if fits { step.expected.clone() } else { actual });
        }
    }
    let updated = parsed.with_outputs(&outputs);
    if updated != text {
        fs::write(path, updated)?;
    }
    Ok(())
}

impl Desk {
    /// Runs one command and returns its exit code and what a terminal would show.
    fn type_in(
        &mut self,
        owner: &str,
        command: &str,
    ) -> anyhow::Result<(Option<i32>, Vec<String>)> {
        let home = self.folder.path().join(owner);
        if self.owners.insert(owner.to_owned()) {
            fs::create_dir(&home)?;
            let names = format!("[user]\nname = \"{owner}\"\n[device]\nname = \"laptop\"\n");
            fs::write(home.join("config.toml"), names + SETTINGS)?;
            // What the first start of a home says stands on no page but the one about it.
            for verb in ["start", "stop"] {
                let mut begin = self.shell(owner, self.programs.join("dsp"));
                begin.args(["daemon", verb, "--quiet"]).stdin(Stdio::null());
                begin.stdout(Stdio::null()).stderr(Stdio::null());
                ensure!(begin.status()?.success(), "{owner}: the daemon does not {verb}");
            }
        }
        let mut shell = self.shell(owner, "/bin/sh");
        // The shell joins both outputs, so that they come in the order in which they were written.
        shell.args(["-c", &format!("exec 2>&1\n{command}")]).stdin(Stdio::null());
        // A file and not a pipe: a daemon that was started could hold a pipe open.
        let said = self.folder.path().join("said");
        shell.stdout(fs::File::create(&said)?).stderr(Stdio::null());
        let status = shell.status().context("could not run /bin/sh")?;
        let said = String::from_utf8(fs::read(&said)?).context("what it prints is no UTF-8")?;
        Ok((status.code(), said.lines().map(|line| line.trim_end().to_owned()).collect()))
    }

    /// Returns a command that sees nothing of our own environment.
    fn shell(&self, owner: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.programs.display());
        command.env_clear().env("PATH", path).env("HOME", self.folder.path()).env("TZ", "UTC");
        command.env("LC_ALL", "C.UTF-8").env("DSP_HOME", self.folder.path().join(owner));
        command.current_dir(self.folder.path().join("work"));
        command
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        for owner in &self.owners {
            let lock = fs::read_to_string(self.folder.path().join(owner).join("run/lock"));
            let stopped = self
                .shell(owner, self.programs.join("dsp"))
                .args(["daemon", "stop"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            if stopped.is_ok_and(|status| status.success()) {
                continue;
            }
            let pid =
                lock.ok().and_then(|pid| rustix::process::Pid::from_raw(pid.trim().parse().ok()?));
            if let Some(pid) = pid {
                // It may have ended by itself.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}
