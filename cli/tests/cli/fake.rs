//! A daemon that answers what it is told and remembers what it was asked.

use std::collections::{HashMap, HashSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use dsp_protocol::api::{Health, Problem, ProblemCode, Step};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{oneshot, watch};

/// The version that client and daemon share.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// `GET /api/v1/stacks`, without the query.
    pub(crate) call: String,
    /// The query, as sent.
    pub(crate) query: String,
    /// The token, if one was shown.
    pub(crate) token: Option<String>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// Reads the body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Default)]
struct State {
    answers: HashMap<String, (u16, Vec<u8>)>,
    held: HashSet<String>,
    released: watch::Sender<bool>,
    seen: Vec<Seen>,
    stop: Option<oneshot::Sender<()>>,
}

/// The daemon, with a home and a folder to work in.
pub(crate) struct Fake {
    dir: tempfile::TempDir,
    state: Arc<Mutex<State>>,
}

/// How a run of `dsp` ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code.
    pub(crate) code: i32,
    /// What it wrote to stdout.
    pub(crate) out: String,
    /// What it wrote to stderr.
    pub(crate) err: String,
}

impl Fake {
    /// Listens on the Unix socket of its home, where its client file says so.
    pub(crate) fn new() -> Self {
        let fake = Fake::silent();
        let listener = std::os::unix::net::UnixListener::bind(fake.socket()).unwrap();
        fake.serve(Listener::Unix(listener));
        fake.write_client_file(VERSION, Some(&fake.socket()), "http://127.0.0.1:9");
        fake
    }

    /// Listens on TCP only; returns its address too.
    pub(crate) fn tcp() -> (Self, String) {
        let fake = Fake::silent();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        fake.serve(Listener::Tcp(listener));
        (fake, address)
    }

    /// Listens nowhere: a home without a daemon.
    pub(crate) fn silent() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("home/run")).unwrap();
        std::fs::create_dir_all(dir.path().join("home/keys")).unwrap();
        std::fs::create_dir_all(dir.path().join("work")).unwrap();
        Fake { dir, state: Arc::default() }
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.home().join("run/dsp.sock")
    }

    pub(crate) fn write_client_file(&self, version: &str, socket: Option<&Path>, address: &str) {
        let file = dsp_protocol::api::ClientFile {
            address: address.to_owned(),
            socket: socket.map(|path| path.to_str().unwrap().to_owned()),
            token: "secret".to_owned(),
            pid: std::process::id(),
            version: version.to_owned(),
        };
        let json = serde_json::to_vec(&file).unwrap();
        std::fs::write(self.home().join("run/client.json"), json).unwrap();
    }

    fn serve(&self, listener: Listener) {
        let (stop, stopped) = oneshot::channel();
        self.state.lock().unwrap().stop = Some(stop);
        let health =
            Health { status: "ok".into(), version: VERSION.into(), pid: std::process::id() };
        self.on("GET /api/v1/health", &health);
        let state = self.state.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                tokio::select! {
                    () = accept(listener, state) => {}
                    _ = stopped => {}
                }
            });
        });
    }

    /// Answers a call with JSON.
    pub(crate) fn on(&self, call: &str, body: &impl Serialize) {
        self.on_bytes(call, 200, &serde_json::to_vec(body).unwrap());
    }

    /// Answers a call with a problem.
    pub(crate) fn on_problem(&self, call: &str, problem: Problem) {
        self.on_bytes(call, problem.status, &serde_json::to_vec(&problem).unwrap());
    }

    /// Answers a call with steps that end in this.
    pub(crate) fn on_steps(&self, call: &str, result: &impl Serialize) {
        let done = Step::Done { result: serde_json::to_value(result).unwrap() };
        let note = Step::Note { text: "half way".to_owned() };
        let line = |step| serde_json::to_string(step).unwrap() + "\n";
        self.on_bytes(call, 200, (line(&note) + &line(&done)).as_bytes());
    }

    /// Answers a call with bytes.
    pub(crate) fn on_bytes(&self, call: &str, status: u16, body: &[u8]) {
        self.state.lock().unwrap().answers.insert(call.to_owned(), (status, body.to_vec()));
    }

    /// Lets answers to this call wait until they are released.
    pub(crate) fn hold(&self, call: &str) {
        self.state.lock().unwrap().held.insert(call.to_owned());
    }

    /// Gives every answer that was held, and holds no more.
    pub(crate) fn release(&self) {
        self.state.lock().unwrap().released.send_replace(true);
    }

    /// Returns the requests that came, but for those that ask how the daemon is.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let state = self.state.lock().unwrap();
        state.seen.iter().filter(|seen| !seen.call.ends_with("/health")).cloned().collect()
    }

    /// Returns the only request of this call.
    pub(crate) fn only(&self, call: &str) -> Seen {
        let seen: Vec<Seen> = self.seen().into_iter().filter(|seen| seen.call == call).collect();
        assert_eq!(seen.len(), 1, "{call}: {:?}", self.seen());
        seen[0].clone()
    }

    /// Prepares a run of `dsp` in the work folder with nothing of our environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dsp"));
        command
            .args(args)
            .env_clear()
            .env("DSP_HOME", self.home())
            .env("HOME", self.work())
            .current_dir(self.work());
        command
    }

    /// Runs `dsp`.
    pub(crate) fn dsp(&self, args: &[&str]) -> Ran {
        run(self.command(args), b"")
    }
}

/// Runs a command with bytes on its standard input.
pub(crate) fn run(mut command: Command, input: &[u8]) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that does not read its input may end before it is written.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().expect("no signal ends it"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

enum Listener {
    Unix(std::os::unix::net::UnixListener),
    Tcp(std::net::TcpListener),
}

async fn accept(listener: Listener, state: Arc<Mutex<State>>) {
    match listener {
        Listener::Unix(listener) => {
            listener.set_nonblocking(true).unwrap();
            let listener = UnixListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                connection(stream, state.clone());
            }
        }
        Listener::Tcp(listener) => {
            listener.set_nonblocking(true).unwrap();
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                connection(stream, state.clone());
            }
        }
    }
}

fn connection<S>(stream: S, state: Arc<Mutex<State>>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |request| answer(request, state.clone()));
    let http = hyper::server::conn::http1::Builder::new();
    tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes().to_vec();
    let call = format!("{} {}", parts.method, parts.uri.path());
    let token = parts.headers.get("authorization").map(|v| v.to_str().unwrap().to_owned());
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let held = {
        let mut state = state.lock().unwrap();
        state.seen.push(Seen { call: call.clone(), query, token, body });
        state.held.contains(&call).then(|| state.released.subscribe())
    };
    if let Some(mut released) = held {
        let _ = released.wait_for(|released| *released).await;
    }
    let mut state = state.lock().unwrap();
    let (status, body) = state.answers.get(&call).cloned().unwrap_or_else(|| {
        let problem = Problem::new(ProblemCode::NotFound, format!("no answer to {call}"));
        (404, serde_json::to_vec(&problem).unwrap())
    });
    if call.ends_with("/node/stop")
        && let Some(stop) = state.stop.take()
    {
        // The answer is written before the connection goes.
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            let _ = stop.send(());
        });
    }
    Ok(Response::builder().status(status).body(Full::new(body.into())).unwrap())
}
