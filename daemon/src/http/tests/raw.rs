//! Bytes that others made, at addresses of their own.

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{Lab, Peer, body, json as read};

const PAGE: &[u8] = b"<h1>page</h1><script>alert(1)</script>";

/// The second listener of a daemon, called as a browser would call it.
struct Second {
    router: Router,
    host: String,
}

impl Second {
    fn of(lab: &Lab) -> Second {
        let address = lab.daemon.ops().raw_address().unwrap();
        let ops = std::sync::Arc::clone(lab.daemon.ops());
        let router = crate::http::raw_router(ops, lab.daemon.address(), address);
        Second { router, host: address.to_string() }
    }

    async fn send(&self, method: Method, path: &str, more: &[(&str, &str)]) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        if more.iter().all(|(name, _)| *name != "host") {
            request = request.header(header::HOST, &self.host);
        }
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(Peer::Tcp));
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path, &[]).await
    }
}

/// Asks for an address; returns the path of it, and where it is.
async fn address(lab: &Lab, reference: &str, kind: &str) -> (String, String) {
    let (status, made) = lab.post("/api/v1/raw", json!({ "ref": reference, "as": kind })).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    split(&made)
}

fn split(made: &Value) -> (String, String) {
    let url = made["url"].as_str().unwrap();
    let at = url.find("/raw/").unwrap();
    (url[..at].to_owned(), url[at..].to_owned())
}

fn policy(headers: &HeaderMap) -> &str {
    headers["content-security-policy"].to_str().unwrap()
}

/// Headers that every answer of the second port has, whatever it says.
fn binds(headers: &HeaderMap, what: &str) {
    for (name, value) in [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer")]
    {
        assert_eq!(headers[name], value, "{what}");
    }
    // Only what a page shows as a part of itself, and only for who has the code.
    let code = headers.get("content-type").is_some_and(|media| {
        let media = media.to_str().unwrap();
        !media.starts_with("text/html") && media != "application/problem+json"
    });
    let shown = if code { "cross-origin" } else { "same-site" };
    assert_eq!(headers["cross-origin-resource-policy"], shown, "{what}");
    assert!(headers["cache-control"].to_str().unwrap().ends_with("no-store"), "{what}");
    assert!(policy(headers).contains("default-src 'none'"), "{what}");
    assert!(policy(headers).contains("frame-ancestors "), "{what}");
    for never in ["set-cookie", "access-control-allow-origin"] {
        assert!(!headers.contains_key(never), "{what}: {never}");
    }
}

#[tokio::test]
async fn bytes_of_others_have_a_port_of_their_own() {
    let lab = Lab::start().await;
    lab.push("page", "page.html", PAGE).await;
    let second = Second::of(&lab);
    let (origin, path) = address(&lab, "page", "still").await;
    assert_eq!(origin, format!("http://{}", second.host));
    assert!(path.ends_with("/page.html"), "{path}");
    let response = second.get(&path).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    binds(response.headers(), &path);
    let pages = format!("frame-ancestors http://127.0.0.1:{}", lab.daemon.address().port());
    assert!(policy(response.headers()).contains(&pages), "{}", policy(response.headers()));
    assert_eq!(body(response).await, PAGE);

    // It is good at that port alone.
    let call = lab.request(Method::GET, &path);
    assert_eq!(lab.send(call, Body::empty()).await.status(), StatusCode::NOT_FOUND);
    let (head, name) = path.rsplit_once('/').unwrap();
    let other = format!("{}0/{name}", &head[..head.len() - 1]);
    for wrong in [other.as_str(), "/raw/x/y", "/raw/", "/"] {
        if wrong == path {
            continue;
        }
        let response = second.get(wrong).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{wrong}");
        binds(response.headers(), wrong);
        assert!(policy(response.headers()).starts_with("sandbox;"), "{wrong}");
    }
    lab.stop().await;
}

/// A session opens nothing at the second port, and nothing of the first is there.
#[tokio::test]
async fn the_second_port_has_no_api_and_no_cookies() {
    let lab = Lab::start().await;
    lab.push("page", "page.html", PAGE).await;
    let second = Second::of(&lab);
    let code = lab.daemon.ops().login_code().unwrap();
    let secret = lab.daemon.ops().login(code.url.split("#c=").nth(1).unwrap(), "b").await.unwrap();
    let cookie = format!("{}={secret}", lab.daemon.ops().cookie_name());
    let token = format!("Bearer {}", lab.daemon.client().token);
    let shown = [("cookie", cookie.as_str()), ("authorization", token.as_str())];
    let document = crate::http::document();
    let paths = document["paths"].as_object().unwrap().keys().map(String::as_str);
    for path in paths.chain(["/", "/login", "/render.html", "/stacks", "/api/openapi.json"]) {
        let response = second.send(Method::GET, path, &shown).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        binds(response.headers(), path);
    }
    let (_, path) = address(&lab, "page", "scripts").await;
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let response = second.send(method.clone(), &path, &shown).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        binds(response.headers(), method.as_str());
    }
    for host in ["evil.example", "127.0.0.1.evil.example:1"] {
        let response = second.send(Method::GET, &path, &[("host", host)]).await;
        assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST, "{host}");
        binds(response.headers(), host);
    }
    lab.stop().await;
}

#[tokio::test]
async fn what_a_page_may_do_is_what_was_asked_for() {
    let lab = Lab::start().await;
    lab.push("page", "page.html", PAGE).await;
    lab.push("drawing", "drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>").await;
    lab.push("paper", "paper.pdf", b"%PDF-1.4").await;
    lab.push("sound", "sound.wav", b"RIFF").await;
    lab.push("bytes", "a.bin", b"<script>").await;
    let second = Second::of(&lab);
    let shown = async |reference: &str, kind: &str| {
        let (_, path) = address(&lab, reference, kind).await;
        let response = second.get(&path).await;
        assert_eq!(response.status(), StatusCode::OK, "{reference}");
        binds(response.headers(), reference);
        assert!(!response.headers().contains_key("x-frame-options"), "{reference}");
        response.headers().clone()
    };
    let still = shown("page", "still").await;
    assert!(policy(&still).starts_with("sandbox; "), "{}", policy(&still));
    assert!(!policy(&still).contains("script") && !policy(&still).contains("allow-"));
    let runs = shown("page", "scripts").await;
    assert!(policy(&runs).starts_with("sandbox allow-scripts; "), "{}", policy(&runs));
    assert_eq!(policy(&runs).matches("allow-").count(), 1, "scripts, and no origin");
    assert!(policy(&runs).contains("connect-src 'none'"), "{}", policy(&runs));
    for (reference, media, how) in [
        ("page", "application/octet-stream", "attachment"),
        ("drawing", "image/svg+xml", "inline"),
        ("paper", "application/pdf", "inline"),
        ("sound", "audio/wav", "inline"),
        ("bytes", "application/octet-stream", "attachment"),
    ] {
        let headers = shown(reference, "media").await;
        assert_eq!(headers["content-type"], media, "{reference}");
        assert!(headers["content-disposition"].to_str().unwrap().starts_with(how), "{reference}");
        assert_eq!(policy(&headers).starts_with("sandbox; "), reference != "paper", "{reference}");
        assert!(!policy(&headers).contains("allow-"), "{reference}");
    }
    // What its author did not call a page is none.
    for reference in ["drawing", "bytes", "paper"] {
        let (status, problem) =
            lab.post("/api/v1/raw", json!({ "ref": reference, "as": "scripts" })).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
    }
    lab.stop().await;
}

#[tokio::test]
async fn a_film_is_fetched_in_parts() {
    let lab = Lab::start().await;
    lab.push("film", "film.webm", b"0123456789").await;
    let second = Second::of(&lab);
    let (_, path) = address(&lab, "film", "media").await;
    let response = second.send(Method::GET, &path, &[("range", "bytes=4-6")]).await;
    assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(response.headers()["content-range"], "bytes 4-6/10");
    assert_eq!(response.headers()["content-type"], "video/webm");
    binds(response.headers(), "a part");
    assert_eq!(body(response).await, "456");
    let response = second.send(Method::HEAD, &path, &[]).await;
    assert_eq!(response.headers()["content-length"], "10");
    lab.stop().await;
}

/// One port, or one that is forwarded: the same answers come from the first.
#[tokio::test]
async fn with_one_port_a_page_is_shut_in_all_the_same() {
    let lab = Lab::start_with(Some(("http.single_port", "true"))).await;
    assert!(lab.daemon.ops().raw_address().is_none());
    lab.push("page", "page.html", PAGE).await;
    let (origin, path) = address(&lab, "page", "scripts").await;
    assert_eq!(origin, "");
    let response = lab.send(lab.request(Method::GET, &path), Body::empty()).await;
    assert_eq!(response.status(), StatusCode::OK);
    binds(response.headers(), &path);
    assert_eq!(response.headers()["x-frame-options"], "SAMEORIGIN");
    let said = policy(response.headers());
    assert!(said.starts_with("sandbox allow-scripts; default-src 'none'"), "{said}");
    assert!(said.ends_with("frame-ancestors 'self'"), "{said}");
    let page = lab.send(lab.request(Method::GET, "/"), Body::empty()).await;
    assert!(!policy(page.headers()).contains("http://"), "{}", policy(page.headers()));
    lab.stop().await;

    let lab = Lab::start().await;
    lab.push("page", "page.html", PAGE).await;
    for (host, apart) in [
        (format!("localhost:{}", lab.daemon.address().port()), true),
        ("127.0.0.1:1".to_owned(), false),
        (format!("[::1]:{}", lab.daemon.address().port()), false),
        ("localhost".to_owned(), false),
    ] {
        let call = lab
            .with_token(Method::POST, "/api/v1/raw")
            .host(Some(&host))
            .header("content-type", "application/json");
        let asked = json!({ "ref": "page", "as": "still" }).to_string();
        let (status, made) = read(lab.send(call, asked).await).await;
        assert_eq!(status, StatusCode::OK, "{made}");
        let (origin, path) = split(&made);
        assert_eq!(origin.starts_with("http://localhost:"), apart, "{host}");
        let call = lab.request(Method::GET, &path).host(Some(&host));
        let beside = lab.send(call, Body::empty()).await.status() == StatusCode::OK;
        assert_eq!(beside, !apart, "{host}");
    }
    lab.stop().await;
}

/// An address is made for who is logged in.
#[tokio::test]
async fn addresses_are_made_for_who_is_known() {
    let lab = Lab::start().await;
    lab.push("page", "page.html", PAGE).await;
    let asked = json!({ "ref": "page", "as": "still" }).to_string();
    let call =
        || lab.request(Method::POST, "/api/v1/raw").header("content-type", "application/json");
    let response = lab.send(call(), asked.clone()).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let session = lab.with_session(Method::POST, "/api/v1/raw").await;
    let session = session.header("content-type", "application/json");
    let other = session.header("sec-fetch-site", "same-site");
    assert_eq!(lab.send(other, asked.clone()).await.status(), StatusCode::FORBIDDEN);
    let session = lab.with_session(Method::POST, "/api/v1/raw").await;
    let session = session.header("content-type", "application/json");
    let own = session.header("sec-fetch-site", "same-origin");
    assert_eq!(lab.send(own, asked).await.status(), StatusCode::OK);
    lab.stop().await;
}

/// The page may frame itself and the second port, and nothing else: a frame that goes elsewhere
/// takes along what it was given. The frame of figures has no origin and no network.
#[tokio::test]
async fn frames_lead_nowhere() {
    let lab = Lab::start().await;
    let get = async |path: &str| lab.send(lab.request(Method::GET, path), Body::empty()).await;
    if crate::ui::built_in() == "none" {
        println!("SKIPPED: no web UI is built in");
        return lab.stop().await;
    }
    let page = get("/").await;
    let port = lab.daemon.ops().raw_address().unwrap().port();
    let frames = policy(page.headers()).split("; ").find(|part| part.starts_with("frame-src"));
    let expected = format!("frame-src 'self' http://127.0.0.1:{port} http://localhost:{port}");
    assert_eq!(frames, Some(expected.as_str()));
    for (path, code) in [("/render.html", false), ("/render-code.html", true)] {
        let response = get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let said = policy(response.headers());
        assert!(said.starts_with("sandbox allow-scripts; default-src 'none'; "), "{said}");
        assert_eq!(said.matches("allow-").count(), 1, "{said}");
        assert!(said.contains("connect-src 'none'; "), "{said}");
        assert!(said.ends_with("frame-ancestors 'self'"), "{said}");
        assert_eq!(said.contains("unsafe-eval"), code, "{said}");
        assert_eq!(response.headers()["x-frame-options"], "SAMEORIGIN");
        assert!(!response.headers().contains_key("access-control-allow-origin"));
    }
    lab.stop().await;
}
