//! The files of the web UI.

use axum::body::Body;
use axum::http::{Method, StatusCode};

use super::{Lab, body};
use crate::ui::built_in;

#[tokio::test]
async fn pages_and_files_are_served_to_those_who_read_brotli_and_those_who_do_not() {
    let lab = Lab::start().await;
    let get = async |path: &str, accepts: &str| {
        let call = lab.request(Method::GET, path).header("accept-encoding", accepts);
        let response = lab.send(call, Body::empty()).await;
        let headers = response.headers().clone();
        (response.status(), headers, body(response).await)
    };
    for path in ["/", "/stacks", "/s/me/main/sales/weekly", "/peers", "/nobody/nothing"] {
        let (status, headers, page) = get(path, "gzip, deflate").await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(!headers.contains_key("content-encoding"), "{path}");
        assert!(headers["content-type"].to_str().unwrap().starts_with("text/html"), "{path}");
        assert!(page.starts_with(b"<!doctype html>"), "{path}");
    }
    assert_eq!(get("/assets/none.js", "br").await.0, StatusCode::NOT_FOUND);
    assert_eq!(get("/assets/../index.html", "br").await.0, StatusCode::NOT_FOUND);
    if built_in() == "none" {
        return lab.stop().await;
    }
    let (_, headers, packed) = get("/", "gzip, br").await;
    assert_eq!(headers["content-encoding"], "br");
    assert_eq!(headers["cache-control"], "no-cache", "an upgrade brings another page");
    let (_, _, page) = get("/", "br;q=0").await;
    assert!(page.len() > packed.len());
    let page = String::from_utf8(page.to_vec()).unwrap();
    let (_, script) = page.split_once("src=\"").unwrap();
    let (_, headers, _) = get(script.split_once('"').unwrap().0, "br").await;
    assert_eq!(headers["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    let (_, headers, _) = get("/", "br").await;
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("require-trusted-types-for 'script'"), "{policy}");
    lab.stop().await;
}

/// The daemon serves every address that the web UI has a page for.
#[test]
fn every_page_has_an_address() {
    let part = |part: &str| match part.strip_prefix(':') {
        Some(name) if name.ends_with('+') => format!("{{*{}}}", name.trim_end_matches('+')),
        Some(name) => format!("{{{name}}}"),
        None => part.to_owned(),
    };
    let listed = std::fs::read_to_string("../web/src/addresses.ts").unwrap();
    let (_, listed) = listed.split_once("PAGES = [").unwrap();
    let (listed, _) = listed.split_once(']').unwrap();
    let listed: Vec<String> = listed
        .split(',')
        .map(|path| path.trim().trim_matches('"'))
        .filter(|path| !path.is_empty() && *path != "*")
        .map(|path| path.split('/').map(part).collect::<Vec<_>>().join("/"))
        .collect();
    assert_eq!(listed, crate::http::pages::PAGES);
}
