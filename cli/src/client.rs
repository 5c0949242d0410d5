//! The sole HTTP caller: requests to the daemon over its Unix socket or TCP.
//!
//! Connections are kept and used again; as many are opened as there are requests at one time.

use std::cell::RefCell;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use dsp_protocol::api::{BlobPut, ClientFile, Health, Page, Problem, ProblemCode, Step};
use dsp_protocol::id::BlobHash;
use futures::{Stream, TryStreamExt as _};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::progress::Bar;

/// Items asked for in one page of a list.
const PAGE: u64 = 500;
/// The longest answer that is held in memory, in bytes.
const ANSWER_BYTES: usize = 64 << 20;
/// How long a connection may take; the daemon is on this machine.
const CONNECT: Duration = Duration::from_secs(5);

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Where a daemon listens.
#[derive(Clone, Debug)]
enum Endpoint {
    #[cfg(unix)]
    Socket(PathBuf),
    Tcp,
}

/// A daemon that can be called.
#[derive(Debug)]
pub(crate) struct Client {
    endpoint: Endpoint,
    /// `host:port`: where TCP goes, and what is called over the socket.
    host: String,
    token: String,
    idle: RefCell<Vec<SendRequest<Body>>>,
}

/// A path under `/api/v1` with its query.
#[derive(Clone, Debug)]
pub(crate) struct Url(String);

impl Url {
    /// Begins with segments; each is one segment whatever it holds.
    pub(crate) fn new(segments: &[&str]) -> Self {
        let mut url = Url("/api/v1".to_owned());
        for segment in segments {
            url.0.push('/');
            url.0 += &encode(segment);
        }
        url
    }

    /// Adds a parameter.
    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        self.0 += &format!("{name}={}", encode(value));
        self
    }

    /// Adds a parameter if there is one.
    pub(crate) fn query_opt(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }
}

/// Encodes a text for a URL: all but the unreserved characters of RFC 3986.
pub(crate) fn encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let one = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(one).collect()
}

impl Client {
    /// Returns a caller of the daemon that wrote the file; nothing is sent yet.
    ///
    /// The token goes to the socket that the file names and nowhere else: a port may have been
    /// taken over by another program since.
    pub(crate) fn of_file(file: &ClientFile) -> Result<Self> {
        let client = Client::of_url(&file.address, &file.token)?;
        #[cfg(unix)]
        if let Some(socket) = &file.socket {
            return Ok(Client { endpoint: Endpoint::Socket(socket.into()), ..client });
        }
        Ok(client)
    }

    /// Returns a caller of a daemon at an address like `http://127.0.0.1:7700`.
    pub(crate) fn of_url(url: &str, token: &str) -> Result<Self> {
        let host = url.strip_prefix("http://").map(|host| host.trim_end_matches('/'));
        let host = host.filter(|host| !host.is_empty() && !host.contains('/'));
        let host = host.ok_or_else(|| {
            Error::usage(format!("`{url}` is no address of a daemon"))
                .hint("write http://HOST:PORT, such as http://127.0.0.1:7700")
        })?;
        let host = match host.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => host.to_owned(),
            _ => format!("{host}:80"),
        };
        let (token, idle) = (token.to_owned(), RefCell::default());
        Ok(Client { endpoint: Endpoint::Tcp, host, token, idle })
    }

    /// Opens a connection and keeps it for the next request.
    ///
    /// # Errors
    /// [`Exit::Unreachable`](crate::error::Exit::Unreachable).
    pub(crate) async fn connect(&self) -> Result<()> {
        let sender = self.open().await?;
        self.idle.borrow_mut().push(sender);
        Ok(())
    }

    /// Tells whether the token goes over TCP, where anybody may listen.
    pub(crate) fn is_tcp(&self) -> bool {
        matches!(self.endpoint, Endpoint::Tcp)
    }

    /// Asks whether the daemon answers, without showing the token.
    pub(crate) async fn health(&self) -> Result<Health> {
        let request = Request::get("/api/v1/health").header(HOST, &self.host).body(empty());
        let response = self.send(request.expect("the request is well formed")).await?;
        json(&whole(response).await?)
    }

    /// Gets one thing.
    pub(crate) async fn get<T: DeserializeOwned>(&self, url: &Url) -> Result<T> {
        json(&whole(self.call(Method::GET, url, None).await?).await?)
    }

    /// Sends one thing and takes one thing.
    pub(crate) async fn send_json<T: DeserializeOwned>(
        &self,
        method: Method,
        url: &Url,
        body: &impl Serialize,
    ) -> Result<T> {
        json(&whole(self.call(method, url, Some(to_json(body))).await?).await?)
    }

    /// Posts without a body.
    pub(crate) async fn post<T: DeserializeOwned>(&self, url: &Url) -> Result<T> {
        json(&whole(self.call(Method::POST, url, None).await?).await?)
    }

    /// Deletes; nothing comes back when nothing is left.
    pub(crate) async fn delete<T: DeserializeOwned>(&self, url: &Url) -> Result<Option<T>> {
        let response = self.call(Method::DELETE, url, None).await?;
        match response.status() {
            StatusCode::NO_CONTENT => Ok(None),
            _ => json(&whole(response).await?).map(Some),
        }
    }

    /// Gets the items of a list, at most so many, over as many pages as it takes.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        url: &Url,
        most: Option<u64>,
    ) -> Result<Vec<T>> {
        Ok(self.noted_list(url, most).await?.0)
    }

    /// Gets the items of a list as [`list`](Self::list), and what is to be known of it.
    pub(crate) async fn noted_list<T: DeserializeOwned>(
        &self,
        url: &Url,
        most: Option<u64>,
    ) -> Result<(Vec<T>, Option<String>)> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        let mut note;
        loop {
            let left = most.map_or(PAGE, |most| PAGE.min(most - items.len() as u64));
            let url = url.clone().query("limit", &left.to_string());
            let page: Page = self.get(&url.query_opt("cursor", cursor.as_deref())).await?;
            note = page.note;
            let ended = page.items.is_empty();
            for item in page.items {
                items.push(serde_json::from_value(item).map_err(|e| unreadable(&e))?);
            }
            let full = most.is_some_and(|most| items.len() as u64 >= most);
            match page.next_cursor {
                Some(next) if !full && !ended && cursor.as_ref() != Some(&next) => {
                    cursor = Some(next);
                }
                _ => break,
            }
        }
        items.truncate(most.map_or(usize::MAX, |most| most as usize));
        Ok((items, note))
    }

    /// Makes a call that may take long, shows how far it is, and returns its result.
    pub(crate) async fn steps<T: DeserializeOwned>(
        &self,
        url: &Url,
        body: &impl Serialize,
        bar: &mut Bar<'_>,
    ) -> Result<T> {
        let response = self.call(Method::POST, url, Some(to_json(body)));
        let response = bar.while_waiting(response).await?;
        let mut lines = Lines { body: response.into_body(), rest: BytesMut::new() };
        while let Some(line) = bar.while_waiting(lines.next()).await? {
            match serde_json::from_slice(&line).map_err(|e| unreadable(&e))? {
                Step::Progress(progress) => bar.show(&progress),
                Step::Note { text } => bar.note(&text),
                Step::Done { result } => {
                    bar.end();
                    return serde_json::from_value(result).map_err(|e| unreadable(&e));
                }
                Step::Failed { problem } => return Err(problem.into()),
            }
        }
        Err(Error::unreachable("the daemon went away before it was done")
            .hint("see `dsp daemon logs`"))
    }

    /// Gets bytes, piece by piece.
    pub(crate) async fn bytes(
        &self,
        url: &Url,
    ) -> Result<impl Stream<Item = Result<Bytes>> + use<>> {
        let response = self.call(Method::GET, url, None).await?;
        Ok(response.into_body().into_data_stream().map_err(|e| lost(&e)))
    }

    /// Sends one thing and gets bytes, piece by piece.
    pub(crate) async fn post_for_bytes<B: Serialize>(
        &self,
        url: &Url,
        body: &B,
    ) -> Result<impl Stream<Item = Result<Bytes>> + use<B>> {
        let response = self.call(Method::POST, url, Some(to_json(body))).await?;
        Ok(response.into_body().into_data_stream().map_err(|e| lost(&e)))
    }

    /// Sends bytes, piece by piece, and takes one thing.
    pub(crate) async fn send_bytes<T: DeserializeOwned>(
        &self,
        url: &Url,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<T> {
        let body = StreamBody::new(bytes.map_ok(Frame::data)).boxed_unsync();
        let request = self.request(Method::POST, url);
        let request = request.header(CONTENT_TYPE, "application/octet-stream").body(body);
        let response = self.send(request.expect("the request is well formed")).await?;
        json(&whole(checked(response).await?).await?)
    }

    /// Uploads bytes and checks that the daemon got what was sent.
    pub(crate) async fn upload(
        &self,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<BlobPut> {
        let sent = std::sync::Arc::new(std::sync::Mutex::new(blake3::Hasher::new()));
        let hasher = sent.clone();
        let body = bytes.inspect_ok(move |bytes| {
            hasher.lock().expect("no hasher panics").update(bytes);
        });
        let body = StreamBody::new(body.map_ok(Frame::data)).boxed_unsync();
        let request = self.request(Method::PUT, &Url::new(&["blobs"]));
        let request = request.header(CONTENT_TYPE, "application/octet-stream").body(body);
        let response = self.send(request.expect("the request is well formed")).await?;
        let put: BlobPut = json(&whole(checked(response).await?).await?)?;
        let sent = sent.lock().expect("no hasher panics").finalize();
        match put.hash == BlobHash::from_bytes(*sent.as_bytes()) {
            true => Ok(put),
            false => {
                Err(Error::corrupt(format!("sent {}, the daemon has {}", sent.to_hex(), put.hash)))
            }
        }
    }

    async fn call(
        &self,
        method: Method,
        url: &Url,
        body: Option<Bytes>,
    ) -> Result<Response<Incoming>> {
        let request = self.request(method, url);
        let request = match body {
            Some(body) => request
                .header(CONTENT_TYPE, "application/json")
                .body(Full::new(body).map_err(|never| match never {}).boxed_unsync()),
            None => request.body(empty()),
        };
        checked(self.send(request.expect("the request is well formed")).await?).await
    }

    fn request(&self, method: Method, url: &Url) -> hyper::http::request::Builder {
        let request = Request::builder().method(method).uri(&url.0).header(HOST, &self.host);
        match self.token.is_empty() {
            true => request,
            false => request.header(AUTHORIZATION, format!("Bearer {}", self.token)),
        }
    }

    /// Sends over a connection that is free, else over a new one. A kept connection that turns
    /// out to be closed before anything was sent is replaced.
    async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>> {
        let free = {
            let mut idle = self.idle.borrow_mut();
            idle.retain(|sender| !sender.is_closed());
            idle.iter().position(SendRequest::is_ready).map(|at| idle.swap_remove(at))
        };
        let mut request = request;
        if let Some(mut sender) = free {
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(self.keep(sender, response)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(lost(error.error())),
                },
            }
        }
        let mut sender = self.open().await?;
        let response = sender.send_request(request).await.map_err(|e| lost(&e))?;
        Ok(self.keep(sender, response))
    }

    fn keep(&self, sender: SendRequest<Body>, response: Response<Incoming>) -> Response<Incoming> {
        self.idle.borrow_mut().push(sender);
        response
    }

    async fn open(&self) -> Result<SendRequest<Body>> {
        let connected = tokio::time::timeout(CONNECT, async {
            match &self.endpoint {
                #[cfg(unix)]
                Endpoint::Socket(path) => {
                    handshake(tokio::net::UnixStream::connect(path).await?).await
                }
                Endpoint::Tcp => {
                    let stream = tokio::net::TcpStream::connect(&self.host).await?;
                    stream.set_nodelay(true)?;
                    handshake(stream).await
                }
            }
        });
        let error = match connected.await {
            Ok(Ok(sender)) => return Ok(sender),
            Ok(Err(error)) => error,
            Err(_) => io::ErrorKind::TimedOut.into(),
        };
        let place = match &self.endpoint {
            #[cfg(unix)]
            Endpoint::Socket(path) => path.display().to_string(),
            Endpoint::Tcp => self.host.clone(),
        };
        Err(Error::unreachable(format!("no daemon answers at {place}")).cause(&error))
    }
}

async fn handshake<S>(stream: S) -> io::Result<SendRequest<Body>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    // An error of the connection reaches the request that is on it.
    tokio::spawn(connection);
    Ok(sender)
}

fn empty() -> Body {
    Full::new(Bytes::new()).map_err(|never| match never {}).boxed_unsync()
}

fn to_json(body: &impl Serialize) -> Bytes {
    serde_json::to_vec(body).expect("API types are JSON").into()
}

/// Returns the response if it is a success, else the problem in it.
async fn checked(response: Response<Incoming>) -> Result<Response<Incoming>> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = whole(response).await?;
    Err(match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => problem.into(),
        Err(_) => {
            let code = match status {
                StatusCode::NOT_FOUND => ProblemCode::NotFound,
                StatusCode::UNAUTHORIZED => ProblemCode::Unauthorized,
                StatusCode::FORBIDDEN => ProblemCode::Refused,
                _ => ProblemCode::Internal,
            };
            Problem::new(code, format!("the daemon answered {status}"))
                .with_hint("is it a daemon of another version? see `dsp --version`")
                .into()
        }
    })
}

async fn whole(response: Response<Incoming>) -> Result<Bytes> {
    let body = http_body_util::Limited::new(response.into_body(), ANSWER_BYTES);
    match body.collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => Err(lost(error.as_ref())),
    }
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|e| unreadable(&e))
}

fn unreadable(error: &serde_json::Error) -> Error {
    Error::failed("the daemon's answer is not understood")
        .cause(error)
        .hint("is it a daemon of another version? see `dsp --version`")
}

fn lost(error: &dyn std::error::Error) -> Error {
    Error::unreachable("the connection to the daemon broke")
        .cause(error)
        .hint("see `dsp daemon logs`")
}

/// The lines of a body.
struct Lines {
    body: Incoming,
    rest: BytesMut,
}

impl Lines {
    /// Returns the next line that is not empty; nothing at the end.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            while let Some(at) = self.rest.iter().position(|b| *b == b'\n') {
                let line = self.rest.split_to(at + 1).freeze();
                if !line.trim_ascii().is_empty() {
                    return Ok(Some(line));
                }
            }
            if self.rest.len() > ANSWER_BYTES {
                return Err(Error::failed("the daemon's answer is too long"));
            }
            match self.body.frame().await {
                Some(frame) => {
                    let frame = frame.map_err(|e| lost(&e))?;
                    self.rest.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
                }
                None if self.rest.trim_ascii().is_empty() => return Ok(None),
                None => return Ok(Some(self.rest.split().freeze())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(socket: Option<&str>) -> ClientFile {
        ClientFile {
            address: "http://127.0.0.1:7700".into(),
            socket: socket.map(Into::into),
            token: "secret".into(),
            pid: 1,
            version: "0.1.0".into(),
        }
    }

    #[test]
    fn names_become_one_segment() {
        let url = Url::new(&["contexts", "alice/main"]).query("ref", "a b#ü").query("q", "x");
        assert_eq!(url.0, "/api/v1/contexts/alice%2Fmain?ref=a%20b%23%C3%BC&q=x");
    }

    #[cfg(unix)]
    #[test]
    fn a_token_of_a_socket_never_goes_to_a_port() {
        assert!(!Client::of_file(&file(Some("/run/dsp.sock"))).unwrap().is_tcp());
        assert!(Client::of_file(&file(None)).unwrap().is_tcp());
    }

    #[test]
    fn addresses() {
        assert_eq!(Client::of_url("http://localhost/", "").unwrap().host, "localhost:80");
        assert_eq!(Client::of_url("http://[::1]:7700", "").unwrap().host, "[::1]:7700");
        for bad in ["https://x", "127.0.0.1:1", "http://", "http://a/b"] {
            assert!(Client::of_url(bad, "").is_err(), "{bad}");
        }
    }
}
