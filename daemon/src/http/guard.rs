//! Who may call, and from where.
//!
//! Ports separate neither cookies nor sites, so a page of any other program on this machine, or of
//! any site that points a name at it, can reach the API. Therefore, in this order:
//! 1. The request names this machine as its host, at whatever port it is forwarded, else it may be
//!    another site's (421). A program that shows a token may call it by any name, as from a
//!    container: no page of another site has one.
//! 2. A token shows a program. Over the Unix socket the system says which account calls, and the
//!    own one needs no token.
//! 3. A browser says whose page asks (`Sec-Fetch-Site`); only our own may (403). One that does not
//!    say must show our origin or a header that pages of others cannot send.
//! 4. Its cookie shows that it logged in.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::serve::IncomingStream;
use dsp_protocol::api::{Problem, ProblemCode};

use super::answer::Fault;
use super::dstack;
use crate::ops::{Client, Ops, Scope};

/// The header that a page of another site cannot send.
pub const CSRF_HEADER: &str = "x-dsp-csrf";

/// What somebody without a good token can do.
const NEW_TOKEN: &str = "`dsp profile add` makes one on the machine of the daemon, and \
                         `dsp profile list` shows which are good";

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Loopback.
    Tcp,
    /// The Unix socket, from this very account.
    Socket,
    /// The Unix socket, from another account.
    Stranger,
}

impl Connected<IncomingStream<'_, super::listen::Tcp>> for Peer {
    fn connect_info(_: IncomingStream<'_, super::listen::Tcp>) -> Peer {
        Peer::Tcp
    }
}

#[cfg(unix)]
impl Connected<IncomingStream<'_, tokio::net::UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, tokio::net::UnixListener>) -> Peer {
        let own = rustix::process::geteuid().as_raw();
        match stream.io().peer_cred() {
            Ok(caller) if caller.uid() == own => Peer::Socket,
            Ok(_) | Err(_) => Peer::Stranger,
        }
    }
}

/// The names of this machine, without their ports.
#[derive(Clone, Debug)]
pub(super) struct Names(Arc<[String]>);

impl Names {
    /// Returns those of loopback, and the address of it where this daemon answers in fact.
    pub(super) fn new(ip: IpAddr) -> Names {
        let own = match ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let names = ["127.0.0.1", "localhost", "[::1]"].map(str::to_owned).into_iter();
        Names(names.chain([own]).collect())
    }

    /// Tells whether a request names this machine.
    pub(super) fn fit(&self, request: &Parts) -> bool {
        let named = request.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let known = |host: &str| {
            let port = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
            let (name, _) = host.rsplit_once(':').filter(|part| port(part.1)).unwrap_or((host, ""));
            self.0.iter().any(|own| own.eq_ignore_ascii_case(name))
        };
        let absolute = request.uri.authority().map(|authority| authority.as_str());
        named.is_some_and(known) && absolute.is_none_or(known)
    }
}

/// Returns the port of an address such as `http://127.0.0.1:7700`.
pub(super) fn port_of(address: &str) -> Option<&str> {
    address.rsplit_once(':').map(|(_, port)| port)
}

/// The guard of one daemon.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    ops: Arc<Ops>,
    names: Names,
    origins: Arc<[String]>,
}

impl Guard {
    pub(super) fn new(ops: Arc<Ops>, address: SocketAddr) -> Guard {
        let names = Names::new(address.ip());
        let origins =
            names.0.iter().map(|name| format!("http://{name}:{}", address.port())).collect();
        Guard { ops, names, origins }
    }

    /// Tells whether a program calls that shows a good token. A browser says whose page asks, or
    /// what it remembers.
    async fn shows_token(&self, headers: &HeaderMap) -> Result<bool, Fault> {
        let of_browsers =
            [header::ORIGIN, header::COOKIE, HeaderName::from_static("sec-fetch-site")];
        if of_browsers.iter().any(|name| headers.contains_key(name)) {
            return Ok(false);
        }
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        match value.and_then(|value| value.strip_prefix("Bearer ")) {
            Some(token) => Ok(self.ops.client_of_token(token).await?.is_some()),
            None => Ok(false),
        }
    }

    /// Finds out who calls the API.
    async fn client(&self, peer: Peer, headers: &HeaderMap) -> Result<Option<Client>, Fault> {
        if let Some(value) = headers.get(header::AUTHORIZATION) {
            let token = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
            let Some(token) = token else {
                let detail = "the header `Authorization` is no `Bearer` token";
                return Err(Fault::new(ProblemCode::Unauthorized, detail));
            };
            if let Some(client) = self.ops.client_of_token(token).await? {
                return Ok(Some(client));
            }
            if peer != Peer::Socket {
                return Err(unknown_token());
            }
        }
        if peer == Peer::Socket {
            return Ok(Some(Client::program(Scope::Admin)));
        }
        self.browser(headers).await
    }

    /// Finds out who calls an address of dstack: a token that is empty shows nobody, and a wrong
    /// one is refused even where nobody needs to be known.
    async fn dstack_client(
        &self,
        peer: Peer,
        headers: &HeaderMap,
    ) -> Result<Option<Client>, Fault> {
        let shown = headers.get(header::AUTHORIZATION).map(|value| value.to_str());
        let token = shown.map(|value| Some(value.ok()?.split_once("Bearer")?.1.trim()));
        match token {
            Some(None) => {
                let detail = "the header `Authorization` is no `Bearer` token";
                return Err(Fault::new(ProblemCode::Refused, detail));
            }
            Some(Some(token)) if !token.is_empty() => {
                if let Some(client) = self.ops.client_of_token(token).await? {
                    return Ok(Some(client));
                }
                if peer != Peer::Socket {
                    return Err(unknown_token());
                }
            }
            Some(Some(_)) | None => {}
        }
        match peer {
            Peer::Socket => Ok(Some(Client::program(Scope::Admin))),
            Peer::Tcp | Peer::Stranger => self.browser(headers).await,
        }
    }

    /// Finds out who logged in with a browser.
    async fn browser(&self, headers: &HeaderMap) -> Result<Option<Client>, Fault> {
        self.check_site(headers)?;
        match cookie(headers, &self.ops.cookie_name()) {
            Some(secret) => {
                if !headers.contains_key("sec-fetch-site") {
                    self.check_origin(headers)?;
                }
                Ok(self.ops.client_of_session(secret).await?)
            }
            None => Ok(None),
        }
    }

    /// Refuses what a page of another site asks.
    fn check_site(&self, headers: &HeaderMap) -> Result<(), Fault> {
        match headers.get("sec-fetch-site") {
            Some(site) if site != "same-origin" => {
                Err(Fault::new(ProblemCode::Refused, "a page of another site may not call the API"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Refuses a browser that does not say whose page asks, unless it shows that in another way.
    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Fault> {
        let own = |origin: &HeaderValue| self.origins.iter().any(|own| origin == own.as_str());
        if headers.get(header::ORIGIN).is_some_and(own) || headers.contains_key(CSRF_HEADER) {
            return Ok(());
        }
        let detail = format!("a session needs the header `Origin` or `{CSRF_HEADER}`");
        Err(Fault::new(ProblemCode::Refused, detail))
    }

    /// Lets a request in, and returns who calls where that has to be known.
    async fn admit(&self, peer: Peer, request: &Parts) -> Result<Option<Client>, Fault> {
        if peer == Peer::Stranger {
            let detail = "another account called over the socket";
            return Err(Fault::new(ProblemCode::Refused, detail));
        }
        if peer == Peer::Tcp
            && !self.names.fit(request)
            && !self.shows_token(&request.headers).await?
        {
            let detail = "the request names another host than this daemon";
            return Err(Fault(Problem::new(ProblemCode::Misdirected, detail).with_hint(
                "call it by `127.0.0.1` or `localhost`; programs may use any name once they show \
                 a token",
            )));
        }
        let path = request.uri.path();
        if !path.starts_with("/api/") {
            return Ok(None);
        }
        if dstack::is_file(path) {
            return Ok(None);
        }
        if dstack::is_here(path) {
            return self.dstack_client(peer, &request.headers).await;
        }
        let client = self.client(peer, &request.headers).await?;
        if is_open(path) {
            return Ok(None);
        }
        let client = client.ok_or_else(|| {
            let problem = Problem::new(ProblemCode::Unauthorized, "nobody is logged in");
            Fault(problem.with_hint("`dsp open` logs a browser in; programs show a token"))
        })?;
        client.needs(needed(&request.method, path), "this")?;
        Ok(Some(client))
    }
}

impl Client {
    /// Refuses what goes beyond the scope of the caller's token.
    pub(super) fn needs(&self, scope: Scope, what: &str) -> Result<(), Fault> {
        if self.scope < scope {
            let detail = format!("{what} needs a token with the scope {}", word(scope));
            let hint = format!(
                "`dsp profile add --scope {}` makes one on the machine of the daemon",
                word(scope)
            );
            return Err(Fault(Problem::new(ProblemCode::Refused, detail).with_hint(hint)));
        }
        Ok(())
    }
}

fn unknown_token() -> Fault {
    let problem = Problem::new(ProblemCode::Unauthorized, "the token is unknown, or has ended");
    Fault(problem.with_hint(NEW_TOKEN))
}

/// Tells whether a call needs nobody to be known.
fn is_open(path: &str) -> bool {
    matches!(path, "/api/v1/health" | "/api/v1/login" | "/api/openapi.json")
}

/// Returns what a call needs: reading, pushing, or all rights.
fn needed(method: &Method, path: &str) -> Scope {
    match (method.as_str(), path) {
        // Which other programs hold tokens is no matter of a program, nor who else is logged in.
        ("GET" | "HEAD", "/api/v1/tokens") => Scope::Admin,
        ("GET" | "HEAD", "/api/v1/sessions") => Scope::Admin,
        ("GET" | "HEAD", _) => Scope::Read,
        ("PUT", "/api/v1/blobs") | ("POST", "/api/v1/frames" | "/api/v1/tags") => Scope::Push,
        _ => Scope::Admin,
    }
}

fn word(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "read",
        Scope::Push => "push",
        Scope::Admin => "admin",
    }
}

/// Returns the value of a cookie.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.trim(), value.trim())).find(|(key, _)| *key == name).map(|p| p.1)
}

/// Lets a request through, or answers why not; every answer gets the headers that bind a browser.
pub(super) async fn check(
    State(guard): State<Guard>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let old = dstack::is_here(parts.uri.path());
    let admitted = guard.admit(peer, &parts).await.map(|client| {
        client.and_then(|client| parts.extensions.insert(client));
    });
    let mut response = match admitted {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(fault) if old => dstack::refused(fault),
        Err(fault) => fault.into_response(),
    };
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        // A route that knows better has said so.
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

impl Ops {
    /// Returns the name of the cookie: two daemons on one machine share their cookies otherwise,
    /// as ports do not separate them.
    pub(super) fn cookie_name(&self) -> String {
        format!("dsp-{}", self.device().short())
    }
}
