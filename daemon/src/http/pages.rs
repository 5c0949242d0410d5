//! The pages that stand in for the web UI, and the one that logs a browser in.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::ops::Ops;

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

async fn page(media: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, media), (header::CONTENT_SECURITY_POLICY, POLICY)], text)
}
