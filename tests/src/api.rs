//! Calls of a daemon's HTTP API over its Unix socket.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use dsp_protocol::api::{ClientFile, Event, Page, Problem, ProblemCode, Step};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

/// How long any one call may take: the longest is a large push or fetch.
const CALL: Duration = Duration::from_secs(120);

/// Why a call gave no result.
#[derive(Debug)]
pub enum CallError {
    /// The daemon said why.
    Problem(Box<Problem>),
    /// The daemon did not answer, or not as it should.
    Broken(anyhow::Error),
}

impl CallError {
    /// Returns the code of the problem, if the daemon told one.
    pub fn code(&self) -> Option<ProblemCode> {
        match self {
            CallError::Problem(problem) => Some(problem.code),
            CallError::Broken(_) => None,
        }
    }
}

impl std::fmt::Display for CallError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CallError::Problem(problem) => {
                write!(f, "{}: {}", problem.code.as_str(), problem.detail)?;
                problem.causes.iter().try_for_each(|cause| write!(f, ": {cause}"))
            }
            CallError::Broken(error) => write!(f, "{error:#}"),
        }
    }
}

impl std::error::Error for CallError {}

impl From<anyhow::Error> for CallError {
    fn from(error: anyhow::Error) -> Self {
        CallError::Broken(error)
    }
}

/// A caller of one daemon; it finds the daemon anew for every call.
#[derive(Clone, Debug)]
pub struct Api {
    home: PathBuf,
}

impl Api {
    /// Returns a caller of the daemon with this home; nothing is sent yet.
    pub fn new(home: &Path) -> Self {
        Api { home: home.to_owned() }
    }

    /// Gets one thing.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, CallError> {
        self.json(Method::GET, path, query, None).await
    }

    /// Gets the items of a list, over all of its pages.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, CallError> {
        let (mut items, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut query = query.to_vec();
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page: Page = self.get(path, &query).await?;
            for item in page.items {
                items.push(serde_json::from_value(item).context("an item of a list")?);
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(items);
            }
        }
    }

    /// Sends one thing and takes one thing.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        self.json(method, path, &[], Some(to_json(body))).await
    }

    /// Deletes; what the daemon says to it is left.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn delete(&self, path: &str, query: &[(&str, &str)]) -> Result<(), CallError> {
        self.bytes(Method::DELETE, path, query, None).await.map(drop)
    }

    /// Gets the bytes of an attachment.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn content(&self, reference: &str) -> Result<Bytes, CallError> {
        self.bytes(Method::GET, "/content", &[("ref", reference)], None).await
    }

    /// Gets a text.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn text(&self, path: &str) -> Result<String, CallError> {
        let bytes = self.bytes(Method::GET, path, &[], None).await?;
        Ok(String::from_utf8(bytes.to_vec()).with_context(|| format!("{path} is no text"))?)
    }

    /// Makes a call that may take long and returns its result with the notes on the way.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn steps<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        let lines = self.bytes(Method::POST, path, &[], Some(to_json(body))).await?;
        let last = lines.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
        let last = last.context("an answer without a step")?;
        match serde_json::from_slice(last).context("a step")? {
            Step::Done { result } => Ok(serde_json::from_value(result).context("a result")?),
            Step::Failed { problem } => Err(CallError::Problem(Box::new(problem))),
            other => Err(anyhow::anyhow!("the last step is {other:?}").into()),
        }
    }

    /// Listens to the daemon's events from now on.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn events(&self) -> Result<Events, CallError> {
        let response = self.request(Method::GET, "/events", &[], None).await?;
        Ok(Events { body: response.into_body(), rest: Vec::new(), ready: VecDeque::new() })
    }

    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Bytes>,
    ) -> Result<T, CallError> {
        let bytes = self.bytes(method, path, query, body).await?;
        let text = || format!("{path} answered {}", String::from_utf8_lossy(&bytes));
        Ok(serde_json::from_slice(&bytes).with_context(text)?)
    }

    async fn bytes(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Bytes>,
    ) -> Result<Bytes, CallError> {
        let whole = async {
            let response = self.request(method, path, query, body).await?;
            let body = response.into_body().collect().await;
            Ok(body.with_context(|| format!("the answer of {path} broke off"))?.to_bytes())
        };
        let whole = tokio::time::timeout(CALL, whole).await;
        whole.map_err(|_| anyhow::anyhow!("{path} took more than {CALL:?}"))?
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Bytes>,
    ) -> Result<Response<Incoming>, CallError> {
        let response = self.try_request(method, path, query, body).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = response.into_body().collect().await.context("a problem")?.to_bytes();
        match serde_json::from_slice(&body) {
            Ok(problem) => Err(CallError::Problem(Box::new(problem))),
            Err(_) => Err(anyhow::anyhow!("{path} answered {status} without a problem").into()),
        }
    }

    async fn try_request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Bytes>,
    ) -> anyhow::Result<Response<Incoming>> {
        let file = std::fs::read(self.home.join("run/client.json")).context("no daemon runs")?;
        let file: ClientFile = serde_json::from_slice(&file)?;
        let socket = file.socket.context("no Unix socket")?;
        let stream = UnixStream::connect(&socket).await.context(socket)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // Its errors reach the request that is on it.
        tokio::spawn(connection);
        let mut target = format!("/api/v1{path}");
        for (at, (name, value)) in query.iter().enumerate() {
            target.push(if at == 0 { '?' } else { '&' });
            target += &format!("{name}={}", encode(value));
        }
        let host = file.address.strip_prefix("http://").unwrap_or("127.0.0.1").to_owned();
        let mut request = Request::builder().method(method).uri(target).header(HOST, host);
        request = request.header(AUTHORIZATION, format!("Bearer {}", file.token));
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::new(body.unwrap_or_default()))?;
        Ok(sender.send_request(request).await?)
    }
}

/// The events of a daemon, as they come.
#[derive(Debug)]
pub struct Events {
    body: Incoming,
    rest: Vec<u8>,
    ready: VecDeque<Event>,
}

impl Events {
    /// Returns the next event.
    ///
    /// # Errors
    /// The stream ended, or sent what is no event.
    pub async fn next(&mut self) -> anyhow::Result<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            let Some(frame) = self.body.frame().await else { bail!("the events ended") };
            let Ok(data) = frame?.into_data() else { continue };
            self.rest.extend_from_slice(&data);
            while let Some(end) = self.rest.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.rest.drain(..end + 2).collect();
                let block = String::from_utf8(block)?;
                let data: Vec<&str> = block
                    .lines()
                    .filter_map(|line| line.strip_prefix("data:"))
                    .map(|data| data.strip_prefix(' ').unwrap_or(data))
                    .collect();
                if !data.is_empty() {
                    let data = data.join("\n");
                    self.ready.push_back(serde_json::from_str(&data).context(data)?);
                }
            }
        }
    }

    /// Waits for an event that `pick` takes.
    ///
    /// # Errors
    /// None came within `deadline`; the error names those that did.
    pub async fn find<T>(
        &mut self,
        deadline: Duration,
        mut pick: impl FnMut(&Event) -> Option<T>,
    ) -> anyhow::Result<T> {
        let mut seen = Vec::new();
        let search = async {
            loop {
                let event = self.next().await?;
                if let Some(found) = pick(&event) {
                    return Ok(found);
                }
                seen.push(event);
            }
        };
        let found = tokio::time::timeout(deadline, search).await;
        found.unwrap_or_else(|_| bail!("not within {deadline:?}; what came: {seen:?}"))
    }
}

/// Encodes a text for a URL: all but the unreserved characters of RFC 3986.
pub fn encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let one = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(one).collect()
}

fn to_json(body: &impl Serialize) -> Bytes {
    serde_json::to_vec(body).expect("API types are JSON").into()
}
