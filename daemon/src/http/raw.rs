//! `/raw`, and the bytes at the addresses that it makes.
//!
//! What others made is shown at a second port, where there is nothing else: no call of the API, no
//! login, no cookie that is looked at. Each answer says what a browser may do with it, so that a
//! header that is forgotten at the one port is made up for by the guard of the other. Where there is
//! no second port, or the browser does not reach it, as behind a forwarded one, the same answers
//! come from the port of the web UI.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Path as UrlPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use dsp_protocol::api::{NewRaw, ProblemCode, RawAddress, RawKind};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Fault};
use super::bytes;
use super::described::{NoSuch, NotNow, TooMuch};
use super::guard::{Names, port_of};
use crate::ops::{Ops, RawPlace};

/// Which pages may show bytes as a part of themselves.
const CROSS_ORIGIN: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// What a page may do in which nothing runs.
const STILL: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline' data:; img-src data:; \
                     font-src data:; media-src data:; base-uri 'none'; form-action 'none'";
/// What a page may do whose scripts run: reach nothing, neither this daemon nor another machine.
const SCRIPTS: &str = "sandbox allow-scripts; default-src 'none'; \
                       script-src 'unsafe-inline' 'unsafe-eval' data: blob:; \
                       style-src 'unsafe-inline' data: blob:; img-src data: blob:; \
                       font-src data: blob:; media-src data: blob:; worker-src blob:; \
                       connect-src 'none'; base-uri 'none'; form-action 'none'";
/// What other bytes may do.
const MEDIA: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
                     media-src 'self'; base-uri 'none'; form-action 'none'";
/// What a PDF may do, which no browser shows in a sandbox. It is no document of the web: its viewer
/// is a part of the browser and reaches nothing of this origin.
const PDF: &str = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; \
                   base-uri 'none'; form-action 'none'";

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new().routes(routes!(address))
}

/// Makes an address at which a browser shows an attachment beside the pages
#[utoipa::path(post, path = "/raw", tag = "blobs", operation_id = "createRawAddress",
    request_body = NewRaw,
    responses((status = 200, body = RawAddress), NoSuch, NotNow, TooMuch))]
async fn address(
    State(ops): State<Arc<Ops>>,
    headers: HeaderMap,
    Body(new): Body<NewRaw>,
) -> Answer<RawAddress> {
    let origin = second_origin(&ops, &headers);
    let place = if origin.is_some() { RawPlace::Apart } else { RawPlace::Beside };
    let path = ops.raw_path(&new, place).await?;
    Ok(Json(RawAddress { url: format!("{}{path}", origin.unwrap_or_default()) }))
}

/// Returns the second port under the name that the caller has for this machine, unless it comes
/// through another port: one that is forwarded brings it to the first alone.
fn second_origin(ops: &Ops, headers: &HeaderMap) -> Option<String> {
    let raw = ops.raw_address()?;
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let (name, port) = host.rsplit_once(':')?;
    let direct = port_of(ops.address()).is_some_and(|own| own == port);
    let origin = format!("http://{name}:{}", raw.port());
    (direct && origins(raw).contains(&origin)).then_some(origin)
}

/// Returns what pages call a port of loopback. No policy of a page can name an address of IPv6.
pub(super) fn origins(address: SocketAddr) -> Vec<String> {
    let own = address.ip().to_string();
    let names = ["127.0.0.1", "localhost"].into_iter();
    let more = Some(own.as_str()).filter(|own| address.is_ipv4() && *own != "127.0.0.1");
    names.chain(more).map(|name| format!("http://{name}:{}", address.port())).collect()
}

/// The bytes of addresses at the port of the web UI.
pub(super) fn beside() -> Router<Arc<Ops>> {
    let show = async |State(ops): State<Arc<Ops>>, path: CodeAndName, headers: HeaderMap| {
        show(&ops, RawPlace::Beside, &path.0.0, &headers, "'self'").await
    };
    Router::new().route("/raw/{code}/{name}", get(show))
}

/// A code, and what a browser is to call the file.
type CodeAndName = UrlPath<(String, String)>;

/// Who may frame what the second listener shows, and by which names it is called.
#[derive(Clone)]
struct Apart {
    ops: Arc<Ops>,
    pages: Arc<str>,
    names: Names,
}

/// Returns the routes of the second listener; `pages` is where the web UI answers.
pub fn router(ops: Arc<Ops>, pages: SocketAddr, address: SocketAddr) -> Router {
    let apart =
        Apart { ops, pages: origins(pages).join(" ").into(), names: Names::new(address.ip()) };
    let show = async |State(apart): State<Apart>, path: CodeAndName, headers: HeaderMap| {
        show(&apart.ops, RawPlace::Apart, &path.0.0, &headers, &apart.pages).await
    };
    Router::new()
        .route("/raw/{code}/{name}", get(show))
        .fallback(async || super::nothing_here())
        .method_not_allowed_fallback(async || Fault::method_not_allowed())
        .layer(axum::middleware::from_fn_with_state(apart.clone(), check))
        .with_state(apart)
}

/// Answers only who reads and names this machine. A cookie that comes along, as cookies ignore
/// ports, opens nothing here: nobody looks at it.
async fn check(State(apart): State<Apart>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    let mut response = if !apart.names.fit(&parts) {
        let detail = "the request names another host than this daemon";
        Fault::new(ProblemCode::Misdirected, detail).into_response()
    } else if !reads {
        // Wherever it leads: nothing is changed at this port.
        Fault::method_not_allowed().into_response()
    } else {
        parts.headers.remove(header::COOKIE);
        parts.headers.remove(header::AUTHORIZATION);
        next.run(Request::from_parts(parts, body)).await
    };
    bind(response.headers_mut());
    response
}

/// Adds the headers that every answer of these addresses has, where it did not say more.
fn bind(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'; frame-ancestors 'none'"),
        (CROSS_ORIGIN, "same-site"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("x-dns-prefetch-control"), "off"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

async fn show(
    ops: &Ops,
    place: RawPlace,
    code: &str,
    headers: &HeaderMap,
    pages: &str,
) -> Result<Response, Fault> {
    let shown = ops.raw(place, code)?;
    let mut response = bytes::answer(ops, headers, &shown.opened).await?;
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &str| {
        headers.insert(name, HeaderValue::from_str(value).expect("the value is visible ASCII"));
    };
    let policy = match shown.kind {
        RawKind::Still => STILL,
        RawKind::Scripts => SCRIPTS,
        RawKind::Media if is_pdf(shown.opened.media.as_deref()) => PDF,
        RawKind::Media => MEDIA,
    };
    set(header::CONTENT_SECURITY_POLICY, &format!("{policy}; frame-ancestors {pages}"));
    set(header::CACHE_CONTROL, "private, no-store");
    match shown.kind {
        RawKind::Still | RawKind::Scripts => {
            set(header::CONTENT_TYPE, "text/html; charset=utf-8");
            set(header::CONTENT_DISPOSITION, "inline");
        }
        // Sites are told apart by domains, which an address of loopback has none of: with less, a
        // page at the first port could not show it. Who has the code has it from that page.
        RawKind::Media => set(CROSS_ORIGIN, "cross-origin"),
    }
    match place {
        // The older header knows no ports; the policy says who may frame it.
        RawPlace::Apart => {
            headers.remove(header::X_FRAME_OPTIONS);
        }
        RawPlace::Beside => set(header::X_FRAME_OPTIONS, "SAMEORIGIN"),
    }
    bind(headers);
    Ok(response)
}

fn is_pdf(media: Option<&str>) -> bool {
    bytes::shown(media.unwrap_or_default()).0 == "application/pdf"
}

impl Ops {
    /// Returns the origins at which bytes that others made are shown, apart from the own.
    pub(super) fn raw_origins(&self) -> Vec<String> {
        self.raw_address().map(origins).unwrap_or_default()
    }
}
