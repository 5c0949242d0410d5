//! The web UI, built into the program, and the page that logs a browser in.
//!
//! Every page is the same document, which reads the address itself. Where the web UI is not built
//! in, a page says so in its place.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::ops::Ops;
use crate::ops::dstack::is_page;
use crate::ui::File;

/// What pages may do: show themselves, call the API, show what it gives as pictures and sound, and
/// frame what others made, from here and from the second port. A frame that goes elsewhere would
/// take along what it was given. Text of others becomes elements in one place only, the policy that
/// is named.
fn page_policy(raw: &[String]) -> String {
    let raw = raw.join(" ");
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; \
         img-src 'self' blob: data:; media-src 'self' {raw}; connect-src 'self'; \
         frame-src 'self' {raw}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types dsp-markdown dompurify"
    )
}

/// What the page may do that draws figures of others in a frame: run our code, which is given the
/// figure by the page around it, and reach nothing.
const FIGURE: &str = "sandbox allow-scripts; default-src 'none'; script-src 'self'; \
                      style-src 'self' 'unsafe-inline'; img-src data: blob:; font-src data:; \
                      worker-src blob:; connect-src 'none'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'self'";
/// The same for figures that bring code of their own, of those whose code may run.
const FIGURE_WITH_CODE: &str = "sandbox allow-scripts; default-src 'none'; \
                                script-src 'self' 'unsafe-eval'; \
                                style-src 'self' 'unsafe-inline'; img-src data: blob:; \
                                font-src data:; worker-src blob:; connect-src 'none'; \
                                base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// Where pages are; `web/src/routes.tsx` says which is which.
pub(super) const PAGES: [&str; 21] = [
    "/",
    "/activity",
    "/welcome",
    "/search",
    "/stacks",
    "/s/{*rest}",
    "/dashboards",
    "/dashboards/new",
    "/d/{id}",
    "/d/{id}/edit",
    "/d/{id}/history",
    "/d/{id}/print",
    "/c/{context}",
    "/peers",
    "/peers/invite",
    "/peers/{user}",
    "/join",
    "/transfers",
    "/notifications",
    "/settings",
    "/settings/{section}",
];

/// What the pages may do that are built in without the web UI.
const FIXED: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                     connect-src 'self'; \
                     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                     require-trusted-types-for 'script'; trusted-types 'none'";
/// What a file may do that is opened as if it was a page.
const NOTHING: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
);

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

/// The pages, and what they may do.
#[derive(Clone)]
pub(super) struct Pages {
    policy: HeaderValue,
}

impl Pages {
    pub(super) fn new(ops: &Ops) -> Pages {
        let policy = page_policy(&ops.raw_origins());
        Pages { policy: HeaderValue::try_from(policy).expect("origins are visible ASCII") }
    }

    /// Answers the address that a push of dstack's clients was told, whether there is such a stack
    /// or not: who opens it may be nobody known.
    pub(super) fn old_page(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Option<Response> {
        let read = matches!(*method, Method::GET | Method::HEAD) && is_page(path);
        read.then(|| self.page(headers))
    }

    fn page(&self, headers: &HeaderMap) -> Response {
        match File::find("index.html") {
            Some(found) => answer("index.html", found, ASK, headers, self.policy.clone()),
            None => shown("text/html; charset=utf-8", embedded!("unbuilt.html")),
        }
    }
}

pub(super) fn routes(all: &Pages) -> Router<Arc<Ops>> {
    let pages = PAGES.iter().fold(Router::new(), |router, path| {
        let all = all.clone();
        let page = move |headers: HeaderMap| std::future::ready(all.page(&headers));
        router.route(path, get(page))
    });
    pages
        .route("/assets/{*path}", get(asset))
        .route("/icon.svg", get(async |headers: HeaderMap| file("icon.svg", &headers)))
        .route("/render.html", get(async |headers: HeaderMap| figure(&headers, FIGURE)))
        .route("/render-code.html", get(async |h: HeaderMap| figure(&h, FIGURE_WITH_CODE)))
        .route("/login", get(|| fixed("text/html; charset=utf-8", embedded!("login.html"))))
        .route("/login.js", get(|| fixed("text/javascript", embedded!("login.js"))))
        .route("/style.css", get(|| fixed("text/css", embedded!("style.css"))))
}

/// Answers with the page that draws figures, which may be framed by the pages alone.
fn figure(headers: &HeaderMap, policy: &'static str) -> Response {
    let Some(found) = File::find("render.html") else {
        return super::nothing_here().into_response();
    };
    let policy = HeaderValue::from_static(policy);
    let mut response = answer("render.html", found, ASK, headers, policy);
    let own = HeaderValue::from_static("SAMEORIGIN");
    response.headers_mut().insert(header::X_FRAME_OPTIONS, own);
    response
}

async fn asset(uri: Uri, headers: HeaderMap) -> Response {
    // As it is written: no name of a file needs an escape.
    let path = uri.path().trim_start_matches('/');
    match File::find(path) {
        Some(found) => open(answer(path, found, FOR_EVER, &headers, NOTHING)),
        None => super::nothing_here().into_response(),
    }
}

/// Lets everybody read what is the same for everybody: the page that draws figures is of no origin,
/// and has its scripts from here.
fn open(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let policy = HeaderName::from_static("cross-origin-resource-policy");
    headers.insert(policy, HeaderValue::from_static("cross-origin"));
    response
}

fn file(path: &str, headers: &HeaderMap) -> Response {
    match File::find(path) {
        Some(found) => answer(path, found, ASK, headers, NOTHING),
        None => super::nothing_here().into_response(),
    }
}

fn answer(
    path: &str,
    file: File,
    keep: HeaderValue,
    headers: &HeaderMap,
    policy: HeaderValue,
) -> Response {
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
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
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
    ([(header::CONTENT_TYPE, media), (header::CONTENT_SECURITY_POLICY, FIXED)], text)
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame that goes elsewhere takes along what it was given.
    #[test]
    fn pages_frame_this_daemon_alone() {
        let said = page_policy(&["http://127.0.0.1:1".to_owned(), "http://localhost:1".to_owned()]);
        let frames = "; frame-src 'self' http://127.0.0.1:1 http://localhost:1; ";
        assert!(said.contains(frames), "{said}");
        assert!(said.starts_with("default-src 'none'; script-src 'self'; "), "{said}");
        assert!(page_policy(&[]).contains("; frame-src 'self' ; "));
    }

    #[test]
    fn frames_of_figures_have_no_origin_and_no_network() {
        for (said, code) in [(FIGURE, false), (FIGURE_WITH_CODE, true)] {
            assert!(said.starts_with("sandbox allow-scripts; default-src 'none'; "), "{said}");
            assert_eq!(said.matches("allow-").count(), 1, "{said}");
            assert!(said.contains("; connect-src 'none'; "), "{said}");
            assert!(said.ends_with("frame-ancestors 'self'"), "{said}");
            assert_eq!(said.contains("'unsafe-eval'"), code, "{said}");
        }
    }
}
