//! The API in process: the router of a daemon is called as a server would call it.

mod arbitrary;
mod bytes;
mod document;
mod dstack;
mod events;
mod guards;
mod hostile;
mod metrics;
mod notifications;
mod pages;
mod problems;
mod raw;
mod sessions;
#[cfg(feature = "tables")]
mod tables;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use super::guard::Peer;
use crate::daemon::{Daemon, Options};

/// A daemon and its routes.
struct Lab {
    daemon: Daemon,
    router: Router,
    _home: tempfile::TempDir,
}

impl Lab {
    async fn start() -> Lab {
        Lab::start_with(None).await
    }

    /// Starts a daemon with a setting of its own.
    async fn start_with(setting: Option<(&str, &str)>) -> Lab {
        let home = tempfile::tempdir().unwrap();
        let mut options = Options::local(home.path(), "alice");
        options.flags.extend(setting.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let daemon = Daemon::start(options).await.unwrap();
        let router = super::router(Arc::clone(daemon.ops()), daemon.address());
        Lab { daemon, router, _home: home }
    }

    /// Begins a request over loopback that names the right host and shows nobody.
    fn request(&self, method: Method, path: &str) -> Call {
        let host = self.daemon.address().to_string();
        Call {
            peer: Peer::Tcp,
            request: Request::builder().method(method).uri(path).header(header::HOST, host),
        }
    }

    /// Begins a request that shows the token.
    fn with_token(&self, method: Method, path: &str) -> Call {
        let token = &self.daemon.client().token;
        self.request(method, path).header("authorization", &format!("Bearer {token}"))
    }

    /// Begins a request of a browser that logged in.
    async fn with_session(&self, method: Method, path: &str) -> Call {
        let code = self.daemon.ops().login_code().unwrap();
        let code = code.url.split("#c=").nth(1).unwrap();
        let secret = self.daemon.ops().login(code, "test").await.unwrap();
        let name = self.daemon.ops().cookie_name();
        self.request(method, path).header("cookie", &format!("other=1; {name}={secret}"))
    }

    async fn send(&self, call: Call, body: impl Into<Body>) -> Response {
        let mut request = call.request.body(body.into()).unwrap();
        request.extensions_mut().insert(ConnectInfo(call.peer));
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.unwrap();
        document::is_described(&method, &path, response.status());
        response
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        json(self.send(self.with_token(Method::GET, path), Body::empty()).await).await
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let call = self.with_token(Method::POST, path).header("content-type", "application/json");
        json(self.send(call, body.to_string()).await).await
    }

    /// Uploads bytes and pushes them as the only file of a stack.
    async fn push(&self, stack: &str, path: &str, bytes: &'static [u8]) -> Value {
        self.push_files(stack, &[(path, bytes)]).await
    }

    /// Uploads bytes and pushes them as the files of a stack.
    async fn push_files(&self, stack: &str, files: &[(&str, &'static [u8])]) -> Value {
        let mut listed = Vec::new();
        for (path, bytes) in files {
            let call = self
                .with_token(Method::PUT, "/api/v1/blobs")
                .header("content-type", "application/octet-stream");
            let (status, put) = json(self.send(call, *bytes).await).await;
            assert!(status.is_success(), "{put}");
            listed.push(serde_json::json!({ "path": path, "hash": put["hash"] }));
        }
        let files = Value::from(listed);
        let frame = serde_json::json!({ "stack": stack, "files": files });
        let call = self
            .with_token(Method::POST, "/api/v1/frames")
            .header("content-type", "application/json");
        let body = body(self.send(call, frame.to_string()).await).await;
        let last = body.split(|b| *b == b'\n').rfind(|line| !line.is_empty()).unwrap();
        let step: Value = serde_json::from_slice(last).unwrap();
        assert_eq!(step["step"], "done", "{step}");
        step["result"].clone()
    }

    async fn stop(self) {
        drop(self.router);
        self.daemon.stop().await;
    }
}

/// A request in the making.
struct Call {
    peer: Peer,
    request: axum::http::request::Builder,
}

impl Call {
    fn header(self, name: &str, value: &str) -> Call {
        Call { request: self.request.header(name, value), ..self }
    }

    fn from(self, peer: Peer) -> Call {
        Call { peer, ..self }
    }

    /// Names another host, or none.
    fn host(mut self, host: Option<&str>) -> Call {
        let headers = self.request.headers_mut().unwrap();
        headers.remove(header::HOST);
        if let Some(host) = host {
            headers.insert(header::HOST, host.parse().unwrap());
        }
        self
    }
}

async fn body(response: Response) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

async fn json(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let body = body(response).await;
    let value = serde_json::from_slice(&body);
    (status, value.unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&body).into_owned())))
}
