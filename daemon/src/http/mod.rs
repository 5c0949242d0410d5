//! The local HTTP API: thin routes over [`Ops`], a file per resource.
//!
//! What reaches a route has passed the [`guard`]: the right host, no other site's page, a known
//! caller. Answers are JSON of [`dsp_protocol::api`], problems, lines of steps, events, or bytes.

mod answer;
mod archives;
mod blobs;
mod bytes;
mod contexts;
mod described;
mod diff;
mod dstack;
mod events;
mod follows;
mod frames;
pub mod guard;
mod identity;
mod keeping;
pub mod listen;
mod login;
mod members;
mod node;
mod notifications;
mod offers;
mod pages;
mod peers;
mod raw;
mod sessions;
mod settings;
mod stacks;
mod steps;
#[cfg(feature = "tables")]
mod tables;
#[cfg(test)]
mod tests;
mod tickets;
mod tokens;
mod transfers;
mod undo;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use dsp_protocol::api::{Problem, ProblemCode};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

use self::answer::Fault;
use self::guard::Guard;
use self::pages::Pages;
pub use self::raw::router as raw_router;
use crate::ops::Ops;

/// The prefix of every call.
const API: &str = "/api/v1";
/// Largest JSON body in bytes: a frame of many thousand named files.
const JSON_BYTES: usize = 16 << 20;

/// What is said of the API as a whole.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "dsp",
        description = "The local API of dspd. It answers on loopback and on a Unix socket only; \
                       `run/client.json` in the home says where, and holds the token.",
        license(name = "MIT OR Apache-2.0")
    ),
    components(schemas(
        dsp_protocol::api::Step,
        dsp_protocol::api::Event,
        dsp_protocol::api::ClientFile,
        dsp_protocol::api::Pushed,
        dsp_protocol::api::Fetched,
        dsp_protocol::api::Followed,
        dsp_protocol::api::Joined,
        dsp_protocol::api::Verified,
        dsp_protocol::api::Pinned,
        dsp_protocol::api::DropReport,
        dsp_protocol::api::TableOrder,
        dsp_protocol::api::TableCondition,
    )),
    security(("token" = []), ("session" = [])),
    modifiers(&Security)
)]
struct Document;

/// Names the two ways to show who calls.
struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{
            ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme,
        };
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        let cookie = ApiKey::Cookie(ApiKeyValue::new("dsp-<first 8 digits of the device>"));
        components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    }
}

fn routes() -> OpenApiRouter<Arc<Ops>> {
    let api = OpenApiRouter::new()
        .merge(node::routes())
        .merge(contexts::routes())
        .merge(members::routes())
        .merge(tickets::routes())
        .merge(follows::routes())
        .merge(offers::routes())
        .merge(stacks::routes())
        .merge(frames::routes())
        .merge(diff::routes())
        .merge(blobs::routes())
        .merge(keeping::routes())
        .merge(archives::routes())
        .merge(peers::routes())
        .merge(identity::routes())
        .merge(login::routes())
        .merge(raw::routes())
        .merge(sessions::routes())
        .merge(tokens::routes())
        .merge(settings::routes())
        .merge(undo::routes())
        .merge(transfers::routes())
        .merge(notifications::routes())
        .merge(events::routes());
    #[cfg(feature = "tables")]
    let api = api.merge(tables::routes());
    OpenApiRouter::with_openapi(Document::openapi()).nest(API, api)
}

/// Returns the OpenAPI document of the API.
pub fn document() -> serde_json::Value {
    completed(&routes().into_openapi())
}

fn completed(document: &utoipa::openapi::OpenApi) -> serde_json::Value {
    let mut document = serde_json::to_value(document).expect("the document has a JSON form");
    described::complete(&mut document);
    document
}

fn nothing_here() -> Fault {
    let problem = Problem::new(ProblemCode::NotFound, "there is nothing at this path");
    Fault(problem.with_hint("`/api/openapi.json` lists what there is"))
}

/// Answers in the form of the routes beside which a path would be.
fn shaped(uri: &Uri, fault: Fault) -> Response {
    match dstack::is_here(uri.path()) {
        true => dstack::refused(fault),
        false => fault.into_response(),
    }
}

/// Returns all routes behind their guard; `address` is where they answer.
pub fn router(ops: Arc<Ops>, address: SocketAddr) -> Router {
    let guard = Guard::new(Arc::clone(&ops), address);
    let pages = Pages::new(&ops);
    let old = pages.clone();
    let (api, document) = routes().split_for_parts();
    let document = completed(&document).to_string();
    api.route(
        "/api/openapi.json",
        get(move || std::future::ready(answer::json_text(document.clone()))),
    )
    .merge(dstack::routes())
    .merge(pages::routes(&pages))
    .merge(raw::beside())
    .fallback(move |method: Method, uri: Uri, headers: HeaderMap| {
        let page = old.old_page(&method, uri.path(), &headers);
        std::future::ready(page.unwrap_or_else(|| shaped(&uri, nothing_here())))
    })
    .method_not_allowed_fallback(async |uri: Uri| shaped(&uri, Fault::method_not_allowed()))
    .layer(DefaultBodyLimit::max(JSON_BYTES))
    .layer(axum::middleware::from_fn_with_state(guard, guard::check))
    .with_state(ops)
}
