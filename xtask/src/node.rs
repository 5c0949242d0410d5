//! A daemon with a home of its own, driven through `dsp`.
//!
//! All that this crate knows of the programs stands here: verbs, flags and the fields of
//! `--json`. HOME is a folder that belongs to the lab, so that a test can see that nothing was
//! left in it.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::workspace::Programs;

/// How long a daemon may take to end after it was told to.
const STOP: Duration = Duration::from_secs(10);
/// How long what a peer made may take to come.
const COME: Duration = Duration::from_secs(30);

/// Takes what is set for programs of ours out of the environment of a command.
pub(crate) fn forget_settings(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("DSP_") || text.starts_with("XDG_") {
            command.env_remove(&name);
        }
    }
}

/// A temporary folder that holds the homes of some nodes, and everything else they write.
pub(crate) struct Lab {
    programs: Programs,
    folder: tempfile::TempDir,
    allocator: Option<&'static str>,
}

impl Lab {
    /// Makes a lab below `parent`.
    ///
    /// # Errors
    /// Where the folder cannot be made.
    pub(crate) fn new(programs: &Programs, parent: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("dsp-").tempdir_in(parent)?;
        fs::create_dir(folder.path().join("home"))?;
        Ok(Lab { programs: programs.clone(), folder, allocator: None })
    }

    /// Has the allocator of its daemons keep nothing for its threads, so that what is in use is told
    /// to the byte.
    pub(crate) fn without_caches(self) -> Self {
        Lab { allocator: Some("tcache:false"), ..self }
    }

    /// Returns the folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the programs that the lab runs.
    pub(crate) fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Makes nodes, each with a free port; none is started.
    ///
    /// # Errors
    /// Where no port is free.
    pub(crate) fn nodes<const N: usize>(
        &self,
        names: [&'static str; N],
    ) -> anyhow::Result<[Node; N]> {
        // All listeners stay open until every port is known, so that no two are the same.
        let mut listeners = Vec::new();
        for _ in names {
            listeners.push(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?);
        }
        let mut ports = Vec::new();
        for listener in &listeners {
            ports.push(listener.local_addr()?.port());
        }
        let mut ports = ports.into_iter();
        Ok(names.map(|name| Node {
            name,
            home: self.path().join(name),
            user_home: self.path().join("home"),
            port: ports.next().expect("there is a port for each name"),
            dsp: self.programs.dsp.clone(),
            allocator: self.allocator,
        }))
    }

    /// Returns what the programs left in HOME.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub(crate) fn left_in_home(&self) -> anyhow::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(self.path().join("home"))?;
        Ok(entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?)
    }
}

/// One daemon and its home; stopped when dropped.
pub(crate) struct Node {
    /// What the prompt shows.
    pub(crate) name: &'static str,
    /// `$DSP_HOME`.
    pub(crate) home: PathBuf,
    user_home: PathBuf,
    port: u16,
    dsp: PathBuf,
    /// Options of jemalloc.
    allocator: Option<&'static str>,
}

impl Node {
    /// Returns a `dsp` command of this node, with nothing of our own settings.
    pub(crate) fn dsp<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.dsp);
        forget_settings(&mut command);
        command.env("DSP_HOME", &self.home).env("HOME", &self.user_home);
        if let Some(options) = self.allocator {
            command.env("_RJEM_MALLOC_CONF", options);
        }
        command.stdin(Stdio::null()).args(args);
        command
    }

    /// Returns the arguments that start the daemon on its port.
    pub(crate) fn start_args(&self) -> [String; 4] {
        ["daemon".into(), "start".into(), "--port".into(), self.port.to_string()]
    }

    /// Starts the daemon.
    ///
    /// # Errors
    /// Where it does not start.
    pub(crate) fn start(&self) -> anyhow::Result<()> {
        self.run(self.start_args()).map(drop)
    }

    /// Runs a command to its end, whatever that is.
    ///
    /// # Errors
    /// Where it cannot be run.
    pub(crate) fn output<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> anyhow::Result<Output> {
        let mut command = self.dsp(args);
        command.output().with_context(|| format!("could not run {}", self.dsp.display()))
    }

    /// Runs a command that has to succeed and returns its standard output.
    ///
    /// # Errors
    /// With what it said on standard error.
    pub(crate) fn run<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> anyhow::Result<String> {
        let args: Vec<_> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        let output = self.output(&args)?;
        let line = typed(self.name, &args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{line}\nended with {}: {stderr}", output.status);
        String::from_utf8(output.stdout).with_context(|| format!("{line} printed no UTF-8"))
    }

    /// Runs a command that has to succeed, with `--json`.
    ///
    /// # Errors
    /// Where it fails or prints something else.
    pub(crate) fn json<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> anyhow::Result<Value> {
        let mut all = vec![OsStr::new("--json").to_owned()];
        all.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        let printed = self.run(&all)?;
        let line = || typed(self.name, &all);
        serde_json::from_str(&printed)
            .with_context(|| format!("{} printed no JSON: {printed}", line()))
    }

    /// Shares the current context and returns the ticket.
    ///
    /// # Errors
    /// Where the command fails.
    pub(crate) fn share(&self) -> anyhow::Result<String> {
        field(&self.json(["share", "--yes"])?, "ticket").map(str::to_owned)
    }

    /// Returns the ids of the node's user and device.
    ///
    /// # Errors
    /// Where the command fails.
    pub(crate) fn author(&self) -> anyhow::Result<Author> {
        Author::of(&self.json(["status"])?)
    }

    /// Returns all stacks that this node knows, as `dsp ls` describes them.
    ///
    /// # Errors
    /// Where the command fails.
    pub(crate) fn stacks(&self) -> anyhow::Result<Vec<Value>> {
        match self.json(["ls", "--all"])?["items"].take() {
            Value::Array(stacks) => Ok(stacks),
            other => bail!("`dsp ls` lists no `items`: {other}"),
        }
    }

    /// Returns the stack called `name`, whoever owns it.
    ///
    /// # Errors
    /// Where there is not exactly one.
    pub(crate) fn stack(&self, name: &str) -> anyhow::Result<Value> {
        let mut found: Vec<_> = self.stacks()?;
        found.retain(|stack| stack["name"] == name);
        match found.len() {
            1 => Ok(found.remove(0)),
            n => bail!("{} lists {n} stacks called `{name}`: {found:?}", self.name),
        }
    }

    /// Returns the reference under which this node knows the stack `name`.
    ///
    /// # Errors
    /// Where there is not exactly one.
    pub(crate) fn reference(&self, name: &str) -> anyhow::Result<String> {
        field(&self.stack(name)?, "reference").map(str::to_owned)
    }

    /// Asks the daemon's HTTP API for a path and returns the body of the answer.
    ///
    /// # Errors
    /// Where it does not answer, or with anything but 200.
    pub(crate) fn http_get(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let client = fs::read(self.home.join("run/client.json"))?;
        let client: Value = serde_json::from_slice(&client)?;
        let address = field(&client, "address")?;
        let host = address.strip_prefix("http://").context("an address that is no http://")?;
        let mut stream = TcpStream::connect(host).with_context(|| host.to_owned())?;
        // HTTP/1.0: the body is what comes until the end.
        let token = field(&client, "token")?;
        write!(
            stream,
            "GET {path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n"
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let head = head.context("an answer without a head")?;
        let status = String::from_utf8_lossy(&answer[..head]).lines().next().map(str::to_owned);
        let status = status.unwrap_or_default();
        ensure!(status.contains(" 200 "), "{path} answered {status}");
        Ok(answer.split_off(head + 4))
    }

    /// Stops the daemon and waits until its processes are gone.
    ///
    /// # Errors
    /// Where the command fails, or something still runs after ten seconds.
    pub(crate) fn stop(&self) -> anyhow::Result<()> {
        self.run(["daemon", "stop"])?;
        self.gone()
    }

    /// Waits until what a command tells is as it should be.
    ///
    /// # Errors
    /// Where it is not after half a minute, or the command fails.
    pub(crate) fn until(
        &self,
        args: &[&str],
        holds: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        wait(COME, || {
            let told = self.json(args)?;
            Ok(match holds(&told) {
                true => Ok(told),
                false => Err(format!("{} still tells {told}", typed(self.name, args))),
            })
        })
    }

    /// Waits until no process has this home.
    ///
    /// # Errors
    /// Where something still runs after ten seconds.
    pub(crate) fn gone(&self) -> anyhow::Result<()> {
        wait(STOP, || {
            let pids = self.pids();
            Ok(match pids.is_empty() {
                true => Ok(()),
                false => Err(format!("{} still runs: processes {pids:?}", self.name)),
            })
        })
    }

    /// Returns the daemon's process.
    ///
    /// # Errors
    /// None runs, or a command beside it.
    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        let pids = self.pids();
        let [pid] = pids[..] else { bail!("{} is not one process: {pids:?}", self.name) };
        Ok(pid)
    }

    /// Returns the processes that have this home, where the system can tell (Linux).
    pub(crate) fn pids(&self) -> Vec<u32> {
        let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
        let home = self.home.as_os_str().as_encoded_bytes();
        let variable = [b"DSP_HOME=", home].concat();
        let holds = |file: &str, wanted: &[u8]| {
            let bytes = fs::read(file).unwrap_or_default();
            bytes.split(|byte| *byte == 0).any(|entry| entry == wanted)
        };
        let has_home = |pid: &u32| {
            holds(&format!("/proc/{pid}/environ"), &variable)
                || holds(&format!("/proc/{pid}/cmdline"), home)
        };
        let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(has_home).collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.home.exists() {
            // Already stopped, or never started: both are fine here.
            let _ = self.output(["daemon", "stop"]);
            if let Err(error) = self.gone() {
                eprintln!("{error}");
            }
        }
    }
}

/// Who signs: the ids of a user and of one of her devices.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Author {
    user: String,
    device: String,
}

impl Author {
    /// Reads the fields `user` and `device`.
    ///
    /// # Errors
    /// Where one is missing.
    pub(crate) fn of(object: &Value) -> anyhow::Result<Self> {
        let (user, device) = (field(object, "user")?, field(object, "device")?);
        Ok(Author { user: user.to_owned(), device: device.to_owned() })
    }

    /// Returns who signed the head of a stack.
    ///
    /// # Errors
    /// Where it has none.
    pub(crate) fn of_head(stack: &Value) -> anyhow::Result<Self> {
        let device = field(&stack["head"], "device")?;
        Ok(Author { user: field(stack, "user")?.to_owned(), device: device.to_owned() })
    }
}

/// Returns a text field of a JSON object.
///
/// # Errors
/// Where it has none of this name.
pub(crate) fn field<'a>(object: &'a Value, name: &str) -> anyhow::Result<&'a str> {
    object[name].as_str().with_context(|| format!("no text `{name}` in {object}"))
}

/// Looks until there is what is waited for, which nothing tells of itself.
///
/// # Errors
/// With what was there instead once the time is over, or where it cannot be looked at.
fn wait<T>(
    most: Duration,
    mut look: impl FnMut() -> anyhow::Result<Result<T, String>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + most;
    loop {
        match look()? {
            Ok(there) => return Ok(there),
            Err(other) => ensure!(Instant::now() < deadline, "{other}"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Returns a command as a person types it, after the prompt of a node.
pub(crate) fn typed<S: AsRef<OsStr>>(name: &str, args: &[S]) -> String {
    let mut line = format!("{name}$ dsp");
    for arg in args {
        let arg = arg.as_ref().to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@#+,".contains(c);
        if !arg.is_empty() && arg.chars().all(plain) {
            line.push_str(&format!(" {arg}"));
        } else {
            line.push_str(&format!(" '{}'", arg.replace('\'', r"'\''")));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_can_be_typed_again() {
        let args = ["push", "penguins", "a b.csv", "-m", "it's", "--param", "k=v", ""];
        let line = r"a$ dsp push penguins 'a b.csv' -m 'it'\''s' --param k=v ''";
        assert_eq!(typed("a", &args), line);
    }
}
