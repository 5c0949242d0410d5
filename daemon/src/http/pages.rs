//! The pages that stand in for the web UI, and the one that logs a browser in.

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::ops::Ops;
use crate::ops::dstack::is_page;

/// What these pages may do: show themselves and call the API.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'";

/// A file of the web UI, built into the program.
macro_rules! asset {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../web/", $name))
    };
}

pub(super) fn routes() -> Router<Arc<Ops>> {
    Router::new()
        .route("/", get(|| page("text/html; charset=utf-8", asset!("index.html"))))
        // Where `dsp open REF` leads.
        .route("/s/{*stack}", get(|| page("text/html; charset=utf-8", asset!("index.html"))))
        .route("/login", get(|| page("text/html; charset=utf-8", asset!("login.html"))))
        .route("/login.js", get(|| page("text/javascript", asset!("login.js"))))
        .route("/style.css", get(|| page("text/css", asset!("style.css"))))
}

/// Answers the address that a push of dstack's clients was told, whether there is such a stack or
/// not: who opens it may be nobody known.
pub(super) fn old_page(method: &Method, path: &str) -> Option<Response> {
    let read = matches!(*method, Method::GET | Method::HEAD) && is_page(path);
    read.then(|| shown("text/html; charset=utf-8", asset!("index.html")))
}

async fn page(media: &'static str, text: &'static str) -> Response {
    shown(media, text)
}

fn shown(media: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, media), (header::CONTENT_SECURITY_POLICY, POLICY)], text)
        .into_response()
}
