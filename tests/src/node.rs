//! One daemon with a home of its own.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use dsp_protocol::api::{
    ContextInfo, Followed, FrameInfo, Health, NewFile, NewFollow, NewFrame, NewTicket, NodeStatus,
    Policy, Pushed, RoleName, StackInfo, SwitchContext, TicketMade,
};
use hyper::Method;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::unix::pipe;
use tokio::time::{Instant, timeout};

use crate::api::{Api, CallError, Events, encode};

/// How long a story waits for anything.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// How long a daemon may take to start or to stop.
const START: Duration = Duration::from_secs(30);
/// How often is looked at what no event tells.
const LOOK: Duration = Duration::from_millis(100);

/// A daemon and its home; killed when dropped.
#[derive(Debug)]
pub struct Node {
    /// The name of its user.
    pub name: String,
    home: PathBuf,
    scratch: PathBuf,
    programs: PathBuf,
    settings: Vec<(String, String)>,
    namespace: Option<String>,
    daemon: Option<Running>,
    pushes: u64,
}

/// A process, and its standard output: a line when it is ready, the end when it is gone.
#[derive(Debug)]
struct Running {
    process: Child,
    stdout: BufReader<pipe::Receiver>,
}

/// What a command of the command line came to.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Node {
    pub(crate) fn new(name: &str, folder: &Path, programs: &Path) -> Self {
        let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Node {
            name: name.to_owned(),
            home: folder.join(name),
            scratch: folder.join(format!("{name}.files")),
            programs: programs.to_owned(),
            settings: vec![
                setting("DSP_USER_NAME", name),
                setting("DSP_DEVICE_NAME", "laptop"),
                setting("DSP_NET_LISTEN", "/ip4/127.0.0.1/tcp/0"),
                setting("DSP_NET_MDNS", "false"),
                setting("DSP_HTTP_PORT", "0"),
                setting("DSP_STORE_MIN_FREE_BYTES", "0"),
                setting("DSP_LOG_LEVEL", "info,dsp_daemon=debug,dsp_protocol=debug"),
            ],
            namespace: None,
            daemon: None,
            pushes: 0,
        }
    }

    /// Sets a setting by its variable, from the next start on.
    #[must_use]
    pub fn with_setting(mut self, variable: &str, value: &str) -> Self {
        self.settings.retain(|(name, _)| name != variable);
        self.settings.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// Runs the daemon in a network namespace, from the next start on.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// Returns the home.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Returns a folder for the files that the node pushes.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn scratch(&self) -> anyhow::Result<&Path> {
        fs::create_dir_all(&self.scratch)?;
        Ok(&self.scratch)
    }

    /// Returns a caller of the daemon.
    pub fn api(&self) -> Api {
        Api::new(&self.home)
    }

    /// Returns the daemon's process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.daemon.as_ref().map(|daemon| daemon.process.id())
    }

    /// Starts the daemon and waits until it answers.
    ///
    /// # Errors
    /// It ends or does not answer; the error holds what it said.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        ensure!(self.daemon.is_none(), "{} runs already", self.name);
        let said = self.home.with_extension("out");
        let out = File::options().create(true).append(true).open(&said)?;
        let program = self.programs.join("dspd");
        let mut command = match &self.namespace {
            None => Command::new(program),
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(program);
                command
            }
        };
        self.clear(&mut command);
        command.args(["--foreground", "--home"]).arg(&self.home);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(out);
        let mut process = command.spawn().context("could not run dspd")?;
        let pid = process.id();
        let stdout = OwnedFd::from(process.stdout.take().expect("it is piped"));
        let stdout = BufReader::new(pipe::Receiver::from_owned_fd(stdout)?);
        let daemon = self.daemon.insert(Running { process, stdout });
        let mut line = String::new();
        let ready = timeout(START, daemon.stdout.read_line(&mut line)).await;
        if !line.starts_with("ready ") {
            let ended = daemon.process.try_wait()?;
            bail!("{} does not get ready ({ready:?}, {ended:?}): {}", self.name, self.said());
        }
        let health: Health = self.api().get("/health", &[]).await?;
        ensure!(health.pid == pid, "{} is answered for by {}", self.name, health.pid);
        Ok(())
    }

    /// Stops the daemon as a system does, and waits until it is gone.
    ///
    /// # Errors
    /// It does not stop in time, or with a failure.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut daemon) = self.daemon.take() else { bail!("{} does not run", self.name) };
        let pid = rustix::process::Pid::from_child(&daemon.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let gone = timeout(START, daemon.stdout.read_to_end(&mut Vec::new())).await;
        let threads = if gone.is_err() { waits(daemon.process.id()) } else { String::new() };
        if gone.is_err() {
            daemon.process.kill()?;
        }
        let status = daemon.process.wait()?;
        if gone.is_err() {
            bail!("{} did not stop within {START:?}\n{threads}{}", self.name, self.said());
        }
        ensure!(status.success(), "{} stopped with {status}", self.name);
        Ok(())
    }

    /// Waits until the daemon ends by itself, and returns whether it was with a failure, and what
    /// it said.
    ///
    /// # Errors
    /// It goes on, or does not run.
    pub async fn ends(&mut self) -> anyhow::Result<(bool, String)> {
        let Some(mut daemon) = self.daemon.take() else { bail!("{} does not run", self.name) };
        let gone = timeout(START, daemon.stdout.read_to_end(&mut Vec::new())).await;
        if gone.is_err() {
            daemon.process.kill()?;
        }
        let status = daemon.process.wait()?;
        ensure!(gone.is_ok(), "{} goes on", self.name);
        Ok((!status.success(), self.said()))
    }

    /// Has the system stop the daemon where it is (`SIGSTOP`), or go on.
    ///
    /// # Errors
    /// It does not run.
    pub fn halt(&self, halted: bool) -> anyhow::Result<()> {
        use rustix::process::{Pid, Signal, kill_process};
        let Some(daemon) = &self.daemon else { bail!("{} does not run", self.name) };
        let signal = if halted { Signal::STOP } else { Signal::CONT };
        Ok(kill_process(Pid::from_child(&daemon.process), signal)?)
    }

    /// Kills the daemon without a word (`SIGKILL`).
    ///
    /// # Errors
    /// It does not run.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let Some(mut daemon) = self.daemon.take() else { bail!("{} does not run", self.name) };
        daemon.process.kill()?;
        daemon.process.wait()?;
        Ok(())
    }

    /// Stops the daemon and starts it again.
    ///
    /// # Errors
    /// As [`stop`](Self::stop) and [`start`](Self::start).
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.stop().await?;
        self.start().await
    }

    /// Runs `dsp` to its end, whatever that is.
    ///
    /// # Errors
    /// It cannot be run.
    pub async fn cli<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> anyhow::Result<Output> {
        let mut command = Command::new(self.programs.join("dsp"));
        self.clear(&mut command);
        command.args(args).current_dir(self.scratch()?).stdin(Stdio::null());
        let output = tokio::process::Command::from(command).output();
        let output = output.await.context("could not run dsp")?;
        let (stdout, stderr) = (output.stdout, output.stderr);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Output { status: output.status, stdout: text(&stdout), stderr: text(&stderr) })
    }

    /// Leaves of our own environment what finds programs, and nothing else.
    fn clear(&self, command: &mut Command) {
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("HOME", &self.scratch).env("DSP_HOME", &self.home);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
    }

    /// Listens to the daemon's events from now on.
    ///
    /// # Errors
    /// The daemon does not answer.
    pub async fn events(&self) -> Result<Events, CallError> {
        self.api().events().await
    }

    /// Waits until `condition` gives something, and returns that.
    ///
    /// It is asked at once, after every event of the daemon, and now and then for what no event
    /// tells; its error says what is still missing.
    ///
    /// # Errors
    /// The last error of the condition, when [`DEADLINE`] is over.
    pub async fn eventually<T>(
        &self,
        condition: impl AsyncFn(Api) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let deadline = Instant::now() + DEADLINE;
        let mut events = self.events().await?;
        loop {
            let missing = match condition(self.api()).await {
                Ok(found) => return Ok(found),
                Err(missing) => missing,
            };
            if Instant::now() > deadline {
                let what = format!("{} waited {DEADLINE:?} in vain", self.name);
                return Err(missing.context(what));
            }
            // An event, or the time to look again: either way the condition is asked.
            if let Ok(event) = timeout(LOOK, events.next()).await {
                event?;
            }
        }
    }

    /// Returns how the daemon is.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn status(&self) -> Result<NodeStatus, CallError> {
        self.api().get("/node", &[]).await
    }

    /// Writes files and pushes them as one frame.
    ///
    /// # Errors
    /// The push fails.
    pub async fn push(&mut self, stack: &str, files: &[(&str, &[u8])]) -> anyhow::Result<Pushed> {
        self.pushes += 1;
        let folder = self.scratch()?.join(self.pushes.to_string());
        let mut list = Vec::new();
        for (path, bytes) in files {
            let source = folder.join(path);
            fs::create_dir_all(source.parent().expect("a file is in a folder"))?;
            fs::write(&source, bytes)?;
            list.push(((*path).to_owned(), source));
        }
        Ok(self.push_paths(stack, list).await?)
    }

    /// Pushes files or folders that are there, each with its path in the frame.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn push_paths(
        &self,
        stack: &str,
        files: impl IntoIterator<Item = (String, PathBuf)>,
    ) -> Result<Pushed, CallError> {
        let files = files.into_iter().map(|(path, source)| NewFile {
            path,
            source: Some(source.to_string_lossy().into_owned()),
            hash: None,
            ..NewFile::default()
        });
        let frame =
            NewFrame { stack: stack.to_owned(), files: files.collect(), ..NewFrame::default() };
        self.api().steps("/frames", &frame).await
    }

    /// Makes a ticket for readers of `main`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn ticket(&self) -> Result<TicketMade, CallError> {
        self.ticket_of("main", &NewTicket { role: None, expires_seconds: None, uses: None }).await
    }

    /// Makes a ticket of a context.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn ticket_of(
        &self,
        context: &str,
        ticket: &NewTicket,
    ) -> Result<TicketMade, CallError> {
        let path = format!("/contexts/{}/tickets", encode(context));
        self.api().send(Method::POST, &path, ticket).await
    }

    /// Follows by a ticket, brings what current heads name, and waits for the first sync.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn follow(&self, ticket: &str) -> Result<Followed, CallError> {
        self.follow_as(ticket, Policy::Heads).await
    }

    /// As [`follow`](Self::follow), with a policy.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn follow_as(&self, ticket: &str, policy: Policy) -> Result<Followed, CallError> {
        let follow = NewFollow {
            ticket: ticket.to_owned(),
            policy: Some(policy),
            selection: None,
            wait_seconds: Some(30),
        };
        self.api().steps("/follows", &follow).await
    }

    /// Returns what the daemon wrote to its terminal since the home was made, as far as it can be
    /// read.
    pub fn said(&self) -> String {
        fs::read_to_string(self.home.with_extension("out")).unwrap_or_default()
    }

    /// Waits until this node may push into a context, and makes it the current one.
    ///
    /// # Errors
    /// It may not, or there is no such context.
    pub async fn writes_into(&self, context: &str) -> anyhow::Result<ContextInfo> {
        self.eventually(async |api| {
            let path = format!("/contexts/{}", encode(context));
            let context: ContextInfo = api.get(&path, &[]).await?;
            ensure!(context.role >= RoleName::Writer, "the role is {:?}", context.role);
            Ok(())
        })
        .await?;
        Ok(self.switch(context).await?)
    }

    /// Makes a context the current one.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn switch(&self, context: &str) -> Result<ContextInfo, CallError> {
        let switch = SwitchContext { context: context.to_owned() };
        self.api().send(Method::PUT, "/contexts/current", &switch).await
    }

    /// Returns a stack.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn stack(&self, reference: &str) -> Result<StackInfo, CallError> {
        self.api().get("/stack", &[("ref", reference)]).await
    }

    /// Waits until a stack's head is a frame whose bytes are all here.
    ///
    /// # Errors
    /// It does not come.
    pub async fn has(&self, reference: &str, pushed: &Pushed) -> anyhow::Result<StackInfo> {
        self.eventually(async |api| {
            let stack: StackInfo = api.get("/stack", &[("ref", reference)]).await?;
            let head = stack.head.clone().with_context(|| format!("{reference} has no head"))?;
            ensure!(head.frame == pushed.frame, "{reference} is at {}", head.frame);
            ensure!(
                head.bytes.is_some() && head.bytes_here == head.bytes,
                "of {reference} {:?} of {:?} bytes are here",
                head.bytes_here,
                head.bytes
            );
            // An empty file has no bytes to be counted.
            let frame: FrameInfo = api.get("/frame", &[("ref", reference)]).await?;
            ensure!(frame.files.iter().all(|file| file.here), "files of {reference} are not here");
            Ok(stack)
        })
        .await
    }

    /// Waits until an attachment can be read as `expected`.
    ///
    /// # Errors
    /// It cannot.
    pub async fn reads(&self, reference: &str, expected: &[u8]) -> anyhow::Result<()> {
        self.eventually(async |api| {
            let bytes = api.content(reference).await?;
            ensure!(bytes == expected, "{reference} is {:?}", String::from_utf8_lossy(&bytes));
            Ok(())
        })
        .await
    }
}

/// Returns what the threads of a process wait for, a line each.
fn waits(process: u32) -> String {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let of = |task: &fs::DirEntry, what: &str| {
        fs::read_to_string(task.path().join(what)).unwrap_or_default().trim_end().to_owned()
    };
    tasks
        .map(|t| format!("{} {} {}\n", of(&t, "comm"), of(&t, "wchan"), of(&t, "syscall")))
        .collect()
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            // It may have ended by itself.
            let _ = daemon.process.kill();
            let _ = daemon.process.wait();
        }
        if std::thread::panicking() || std::env::var_os("DSP_KEEP_LOGS").is_some() {
            eprintln!("---- {} said\n{}", self.name, self.said());
        }
    }
}
