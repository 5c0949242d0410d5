//! Who is let in.

use axum::body::Body;
use axum::http::{Method, StatusCode};

use super::{Lab, Peer, body};
use crate::store::{Scope, Token, TokenKind};

const NODE: &str = "/api/v1/node";

#[tokio::test]
async fn other_hosts_are_misdirected() {
    let lab = Lab::start().await;
    let port = lab.daemon.address().port();
    for name in ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"] {
        let host = format!("{name}:{port}");
        let call = lab.with_token(Method::GET, NODE).host(Some(&host));
        assert_eq!(lab.send(call, Body::empty()).await.status(), StatusCode::OK, "{host}");
        // It may be forwarded from another port.
        for host in [name.to_owned(), format!("{name}:1")] {
            let call = lab.request(Method::GET, "/api/v1/health").host(Some(&host));
            assert_eq!(lab.send(call, Body::empty()).await.status(), StatusCode::OK, "{host}");
        }
    }
    let wrong = [
        format!("evil.example:{port}"),
        "evil.example".to_owned(),
        "127.0.0.1:".to_owned(),
        "localhost:x".to_owned(),
        "[::1".to_owned(),
        format!("127.0.0.1.evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
    ];
    for path in [NODE, "/api/v1/health", "/", "/login"] {
        for host in wrong.iter().map(|host| Some(host.as_str())).chain([None]) {
            let call = lab.with_session(Method::GET, path).await.host(host);
            let status = lab.send(call, Body::empty()).await.status();
            assert_eq!(status, StatusCode::MISDIRECTED_REQUEST, "{host:?} {path}");
        }
    }
    let absolute = format!("http://evil.example:{port}{NODE}");
    let call = lab.request(Method::GET, &absolute);
    let status = lab.send(call, Body::empty()).await.status();
    assert_eq!(status, StatusCode::MISDIRECTED_REQUEST, "an absolute address counts too");
    // No browser reaches the socket.
    let call = lab.request(Method::GET, NODE).host(Some("x")).from(Peer::Socket);
    assert_eq!(lab.send(call, Body::empty()).await.status(), StatusCode::OK);
    lab.stop().await;
}

/// A container knows the machine by a name of its own. A page of another site that points a name at
/// this machine has no token, and its browser says where it comes from.
#[tokio::test]
async fn programs_with_a_token_may_use_any_name() {
    let lab = Lab::start().await;
    let host = Some("host.docker.internal:7700");
    let status = async |call| lab.send(call, Body::empty()).await.status();
    let call = || lab.with_token(Method::GET, NODE).host(host);
    assert_eq!(status(call()).await, StatusCode::OK);
    for (name, value) in [
        ("sec-fetch-site", "same-origin"),
        ("origin", "http://host.docker.internal:7700"),
        ("cookie", "a=b"),
    ] {
        let status = status(call().header(name, value)).await;
        assert_eq!(status, StatusCode::MISDIRECTED_REQUEST, "{name}");
    }
    let wrong = lab.request(Method::GET, NODE).host(host);
    let wrong = wrong.header("authorization", "Bearer wrong");
    assert_eq!(status(wrong).await, StatusCode::MISDIRECTED_REQUEST);
    lab.stop().await;
}

#[tokio::test]
async fn callers_are_known() {
    let lab = Lab::start().await;
    let status = async |call| lab.send(call, Body::empty()).await.status();
    let get = || lab.request(Method::GET, NODE);
    assert_eq!(status(get()).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(lab.with_token(Method::GET, NODE)).await, StatusCode::OK);
    let wrong = get().header("authorization", "Bearer wrong");
    assert_eq!(status(wrong).await, StatusCode::UNAUTHORIZED);
    let basic = get().header("authorization", "Basic YTpi");
    assert_eq!(status(basic).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(get().from(Peer::Socket)).await, StatusCode::OK);
    let stranger = lab.with_token(Method::GET, NODE).from(Peer::Stranger);
    assert_eq!(status(stranger).await, StatusCode::FORBIDDEN);
    let open = lab.request(Method::GET, "/api/v1/health");
    assert_eq!(status(open).await, StatusCode::OK);
    let open = lab.request(Method::GET, "/api/openapi.json");
    assert_eq!(status(open).await, StatusCode::OK);
    for path in ["/", "/login", "/login.js", "/style.css"] {
        assert_eq!(status(lab.request(Method::GET, path)).await, StatusCode::OK, "{path}");
    }
    lab.stop().await;
}

#[tokio::test]
async fn pages_of_other_sites_are_refused() {
    let lab = Lab::start().await;
    let status = async |call| lab.send(call, Body::empty()).await.status();
    for site in ["cross-site", "same-site", "none"] {
        let call = lab.with_session(Method::GET, NODE).await.header("sec-fetch-site", site);
        assert_eq!(status(call).await, StatusCode::FORBIDDEN, "{site}");
        let call = lab.request(Method::GET, NODE).header("sec-fetch-site", site);
        assert_eq!(status(call).await, StatusCode::FORBIDDEN, "{site}, without a cookie");
        let call = lab.with_token(Method::GET, NODE).header("sec-fetch-site", site);
        assert_eq!(status(call).await, StatusCode::OK, "{site}, with a token");
        let call = lab.request(Method::POST, "/api/v1/login").header("sec-fetch-site", site);
        assert_eq!(status(call).await, StatusCode::FORBIDDEN, "{site} logs in");
    }
    let own = lab.with_session(Method::GET, NODE).await.header("sec-fetch-site", "same-origin");
    assert_eq!(status(own).await, StatusCode::OK);
    lab.stop().await;
}

#[tokio::test]
async fn old_browsers_show_their_origin() {
    let lab = Lab::start().await;
    let status = async |call| lab.send(call, Body::empty()).await.status();
    let session = async || lab.with_session(Method::GET, NODE).await;
    assert_eq!(status(session().await).await, StatusCode::FORBIDDEN);
    let own = format!("http://{}", lab.daemon.address());
    assert_eq!(status(session().await.header("origin", &own)).await, StatusCode::OK);
    for other in ["http://evil.example", "null", "https://127.0.0.1"] {
        let call = session().await.header("origin", other);
        assert_eq!(status(call).await, StatusCode::FORBIDDEN, "{other}");
    }
    assert_eq!(status(session().await.header("x-dsp-csrf", "1")).await, StatusCode::OK);
    lab.stop().await;
}

#[tokio::test]
async fn bodies_are_json() {
    let lab = Lab::start().await;
    for media in [Some("text/plain"), Some("application/x-www-form-urlencoded"), None] {
        let mut call = lab.with_token(Method::POST, "/api/v1/contexts");
        if let Some(media) = media {
            call = call.header("content-type", media);
        }
        let status = lab.send(call, r#"{"name":"x"}"#).await.status();
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{media:?}");
    }
    let call = lab.with_token(Method::PUT, "/api/v1/blobs").header("content-type", "text/plain");
    assert_eq!(lab.send(call, "x").await.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let call = lab
        .with_token(Method::POST, "/api/v1/contexts")
        .header("content-type", "application/json; charset=utf-8");
    assert_eq!(lab.send(call, r#"{"name":"x"}"#).await.status(), StatusCode::CREATED);
    let call =
        lab.with_token(Method::POST, "/api/v1/contexts").header("content-type", "application/json");
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(super::super::JSON_BYTES));
    assert_eq!(lab.send(call, large).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    lab.stop().await;
}

#[tokio::test]
async fn scopes_bind() {
    let lab = Lab::start().await;
    for (scope, secret) in [(Scope::Read, "reads"), (Scope::Push, "pushes")] {
        let token = Token {
            kind: TokenKind::Token,
            name: secret.to_owned(),
            scope,
            created: 0,
            expires: None,
        };
        lab.daemon.store().add_token(secret, token, 0).await.unwrap();
    }
    let status = async |secret: &str, method, path: &str| {
        let call = lab
            .request(method, path)
            .header("authorization", &format!("Bearer {secret}"))
            .header("content-type", "application/octet-stream");
        lab.send(call, "x").await.status()
    };
    assert_eq!(status("reads", Method::GET, NODE).await, StatusCode::OK);
    assert_eq!(status("reads", Method::PUT, "/api/v1/blobs").await, StatusCode::FORBIDDEN);
    assert_eq!(status("pushes", Method::PUT, "/api/v1/blobs").await, StatusCode::CREATED);
    for path in ["/api/v1/contexts", "/api/v1/follows", "/api/v1/node/stop", "/api/v1/login-codes"]
    {
        assert_eq!(status("pushes", Method::POST, path).await, StatusCode::FORBIDDEN, "{path}");
    }
    // A path would read any file of the account.
    let named = lab.daemon.home().config();
    let files = serde_json::json!([{ "path": "x", "source": named.display().to_string() }]);
    let frame = serde_json::json!({ "stack": "x", "files": files }).to_string();
    for (secret, expected) in [("pushes", StatusCode::FORBIDDEN), ("admin", StatusCode::OK)] {
        let call = match secret {
            "admin" => lab.with_token(Method::POST, "/api/v1/frames"),
            secret => lab
                .request(Method::POST, "/api/v1/frames")
                .header("authorization", &format!("Bearer {secret}")),
        };
        let call = call.header("content-type", "application/json");
        assert_eq!(lab.send(call, frame.clone()).await.status(), expected, "{secret}");
    }
    // A token is no cookie, and the secret of a cookie is no token.
    let cookie = format!("{}=reads", lab.daemon.ops().cookie_name());
    let call = lab
        .request(Method::GET, NODE)
        .header("cookie", &cookie)
        .header("sec-fetch-site", "same-origin");
    assert_eq!(lab.send(call, Body::empty()).await.status(), StatusCode::UNAUTHORIZED);
    let code = lab.daemon.ops().login_code().unwrap();
    let session = lab.daemon.ops().login(code.url.split("#c=").nth(1).unwrap(), "b").await.unwrap();
    assert_eq!(status(&session, Method::GET, NODE).await, StatusCode::UNAUTHORIZED);
    lab.stop().await;
}

#[tokio::test]
async fn a_browser_logs_in_once() {
    let lab = Lab::start().await;
    let (status, made) = lab.post("/api/v1/login-codes", serde_json::json!({})).await;
    assert_eq!(status, StatusCode::OK);
    let url = made["url"].as_str().unwrap().to_owned();
    let code = url.split("/login#c=").nth(1).unwrap();
    let login = async || {
        let call = lab
            .request(Method::POST, "/api/v1/login")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/json");
        lab.send(call, serde_json::json!({ "code": code }).to_string()).await
    };
    let response = login().await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    let name = format!("dsp-{}=", &lab.daemon.device().to_string()[..8]);
    assert!(cookie.starts_with(&name), "{cookie}");
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let session = cookie.split(';').next().unwrap();
    let call = lab
        .request(Method::GET, NODE)
        .header("cookie", session)
        .header("sec-fetch-site", "same-origin");
    assert_eq!(lab.send(call, Body::empty()).await.status(), StatusCode::OK);
    assert_eq!(login().await.status(), StatusCode::UNAUTHORIZED, "a code is good once");
    lab.stop().await;
}

#[tokio::test]
async fn every_answer_binds_the_browser() {
    let lab = Lab::start().await;
    let stack = "/s/me/main/sales/weekly@v1";
    for path in ["/", "/login", stack, NODE, "/api/v1/nothing", "/api/openapi.json"] {
        let response = lab.send(lab.with_token(Method::GET, path), Body::empty()).await;
        let headers = response.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        assert_eq!(headers["x-frame-options"], "DENY", "{path}");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin", "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(!headers.contains_key("access-control-allow-origin"), "{path}");
        let found = path != "/api/v1/nothing";
        assert_eq!(response.status().is_success(), found, "{path}");
        assert!(!body(response).await.is_empty(), "{path}");
    }
    lab.stop().await;
}

#[tokio::test]
async fn reading_changes_nothing() {
    let lab = Lab::start().await;
    for path in ["/api/v1/node/stop", "/api/v1/login-codes", "/api/v1/identity/backup"] {
        let response = lab.send(lab.with_token(Method::GET, path), Body::empty()).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
    assert!(!lab.daemon.ops().stopping().is_cancelled());
    lab.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn any_address_of_loopback_is_a_host() {
    let lab = Lab::start_with(Some(("http.listen", "127.0.0.2"))).await;
    assert!(lab.daemon.client().address.starts_with("http://127.0.0.2:"));
    assert_eq!(lab.get("/api/v1/node").await.0, StatusCode::OK);
    let call = lab.with_session(Method::GET, "/api/v1/node").await;
    let call = call.header("origin", &lab.daemon.client().address);
    assert_eq!(lab.send(call, Body::empty()).await.status(), StatusCode::OK);
    lab.daemon.stop().await;
}
