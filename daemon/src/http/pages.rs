//! The web UI, built into the program, and the page that logs a browser in.
//!
//! Every page is the same document, which reads the address itself. Where the web UI is not built
//! in, a page says so in its place.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::ops::Ops;
use crate::ops::dstack::is_page;
use crate::ui::File;

/// What pages may do: show themselves, call the API, and show what it gives as pictures and sound.
/// Text of others becomes elements in one place only, the policy that is named.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; \
                      img-src 'self' blob: data:; media-src 'self'; connect-src 'self'; \
                      frame-src 'none'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types dsp-markdown dompurify";

/// Where pages are; `web/src/routes.ts` says which is which.
pub(super) const PAGES: [&str; 11] = [
    "/",
    "/stacks",
    "/s/{*rest}",
    "/c/{context}",
    "/peers",
    "/peers/{user}",
    "/join",
    "/transfers",
    "/notifications",
    "/settings",
    "/settings/{section}",
];

/// How long a browser keeps what never changes: a year, as its name tells what is in it.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// How long it keeps what may be another file after an upgrade: until it has asked.
const ASK: HeaderValue = HeaderValue::from_static("no-cache");

/// A file of this folder, built into the program.
macro_rules! embedded {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../web/embed/", $name))
    };
}

pub(super) fn routes() -> Router<Arc<Ops>> {
    let pages = PAGES.iter().fold(Router::new(), |router, path| {
        router.route(path, get(async |headers: HeaderMap| page(&headers)))
    });
    pages
        .route("/assets/{*path}", get(asset))
        .route("/icon.svg", get(async |headers: HeaderMap| file("icon.svg", &headers)))
        .route("/login", get(|| fixed("text/html; charset=utf-8", embedded!("login.html"))))
        .route("/login.js", get(|| fixed("text/javascript", embedded!("login.js"))))
        .route("/style.css", get(|| fixed("text/css", embedded!("style.css"))))
}

/// Answers the address that a push of dstack's clients was told, whether there is such a stack or
/// not: who opens it may be nobody known.
pub(super) fn old_page(method: &Method, path: &str, headers: &HeaderMap) -> Option<Response> {
    let read = matches!(*method, Method::GET | Method::HEAD) && is_page(path);
    read.then(|| page(headers))
}

fn page(headers: &HeaderMap) -> Response {
    match File::find("index.html") {
        Some(found) => answer("index.html", found, ASK, headers),
        None => shown("text/html; charset=utf-8", embedded!("unbuilt.html")),
    }
}

async fn asset(uri: Uri, headers: HeaderMap) -> Response {
    // As it is written: no name of a file needs an escape.
    let path = uri.path().trim_start_matches('/');
    match File::find(path) {
        Some(found) => answer(path, found, FOR_EVER, &headers),
        None => super::nothing_here().into_response(),
    }
}

fn file(path: &str, headers: &HeaderMap) -> Response {
    match File::find(path) {
        Some(found) => answer(path, found, ASK, headers),
        None => super::nothing_here().into_response(),
    }
}

fn answer(path: &str, file: File, keep: HeaderValue, headers: &HeaderMap) -> Response {
    let media = mime_guess::from_path(path).first_or_octet_stream();
    let media = match media.type_() {
        mime_guess::mime::TEXT => format!("{media}; charset=utf-8"),
        _ => media.to_string(),
    };
    let mut response = match takes_brotli(headers) {
        true => {
            let mut response = match file.compressed {
                Cow::Borrowed(built_in) => Bytes::from_static(built_in).into_response(),
                Cow::Owned(read) => read.into_response(),
            };
            let brotli = HeaderValue::from_static("br");
            response.headers_mut().insert(header::CONTENT_ENCODING, brotli);
            response
        }
        false => match file.plain() {
            Ok(plain) => plain.into_response(),
            Err(error) => {
                tracing::error!(path, %error, "a file of the web UI is damaged");
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
        },
    };
    let headers = response.headers_mut();
    let media = HeaderValue::try_from(media).expect("a media type is ASCII");
    headers.insert(header::CONTENT_TYPE, media);
    headers.insert(header::CACHE_CONTROL, keep);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

fn takes_brotli(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut codings = accepted.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
    codings.any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim() == "br" && !matches!(quality.trim(), "q=0" | "q=0.0")
    })
}

async fn fixed(media: &'static str, text: &'static str) -> Response {
    shown(media, text)
}

fn shown(media: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, media), (header::CONTENT_SECURITY_POLICY, POLICY)], text)
        .into_response()
}
