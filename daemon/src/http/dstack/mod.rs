//! The routes of dstack's clients, beside those of `/api/v1`: `docs/dstack.md` lists them.
//!
//! They are thin over `ops/dstack` and no part of the OpenAPI document, as they are what other
//! programs have called for years and not ours to shape.

mod answer;
mod files;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Extension, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
use futures::StreamExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use self::answer::{OldFault, OldPath, OldQuery, answer};
use super::JSON_BYTES;
use super::guard::Peer;
use crate::ops::dstack::{Reader, Refusal};
use crate::ops::{Client, Ops, Scope, objects};

pub(super) use self::answer::refused;

/// What a route returns.
type Answer = Result<Response, OldFault>;

/// What the paths of an old server began with, behind `/api/`.
const PARTS: &[&str] = &[
    "apps",
    "attachs",
    "config",
    "dashboards",
    "files",
    "frames",
    "jobs",
    "permissions",
    "stacks",
    "support",
    "uploads",
    "users",
];

/// Tells whether a path is one of these routes, or could have been one of an old server.
pub(super) fn is_here(path: &str) -> bool {
    let rest = path.strip_prefix("/api/");
    rest.and_then(|rest| rest.split('/').next()).is_some_and(|part| PARTS.contains(&part))
}

/// Tells whether a path shows by itself who may use it.
pub(super) fn is_file(path: &str) -> bool {
    path.starts_with("/api/files/")
}

pub(super) fn routes() -> Router<Arc<Ops>> {
    Router::new()
        .route("/api/stacks/access", post(access))
        .route("/api/stacks/push", post(push))
        .route("/api/stacks/create", post(create))
        .route("/api/stacks/delete", post(delete))
        .route("/api/stacks/update", post(update))
        .route("/api/stacks/comments/{what}", any(|ops, caller| missing(ops, caller, "comments")))
        .route("/api/stacks", get(every_stack))
        .route("/api/stacks/{user}", get(stacks))
        .route("/api/stacks/{user}/{*stack}", get(stack))
        .route("/api/frames/{user}/{*frame}", get(frame))
        .route("/api/attachs/{user}/{*attachment}", get(attachment))
        .route("/api/files/{*path}", get(files::download).put(files::upload))
        .route("/api/permissions/add", post(permit))
        .route("/api/permissions/delete", post(forbid))
        .route("/api/users/info", post(info))
        .route("/api/users/remember", get(remember))
        .route("/api/users/exists/{user}", get(exists))
        .route("/api/users/update/token", post(token))
        .route("/api/users/update/settings", post(settings))
        .route("/api/users/{*rest}", any(|ops, caller| missing(ops, caller, "users")))
        .route("/api/dashboards/{*rest}", any(|ops, caller| missing(ops, caller, "dashboards")))
        .route("/api/jobs/{*rest}", any(|ops, caller| missing(ops, caller, "jobs")))
        .route("/api/apps/{*rest}", any(|ops, caller| missing(ops, caller, "apps")))
        .route("/api/uploads/{*rest}", any(|ops, caller| missing(ops, caller, "uploads")))
        .route("/api/support/submit", any(|ops, caller| missing(ops, caller, "support")))
        .route("/api/config/info", get(config))
}

/// Who calls, as the guard found out.
type Caller = Option<Extension<Client>>;

fn reader(caller: Option<&Extension<Client>>) -> Reader {
    if caller.is_some() { Reader::Me } else { Reader::Anyone }
}

/// Makes sure that a caller may do something.
fn needs(caller: Option<&Extension<Client>>, scope: Scope, what: &str) -> Result<(), OldFault> {
    let Some(Extension(client)) = caller else {
        let refusal = Refusal::credentials(format!("{what} needs a token, and none was shown"));
        return Err(refusal.with_hint("a profile holds it as `token`").into());
    };
    client.needs(scope, what).map_err(|fault| OldFault(Refusal::credentials(fault.0.detail)))
}

/// Reads a JSON body, whatever its media type is said to be: no page of another site gets here.
async fn body<T: DeserializeOwned>(request: Request) -> Result<T, OldFault> {
    let bytes = bytes(request).await?;
    let read = objects::last_counts(&bytes);
    read.map_err(|error| Refusal::malformed(format!("the body: {error}")).into())
}

/// Collects a body into the room that it says it takes: what came of it is not kept twice.
async fn bytes(request: Request) -> Result<Bytes, OldFault> {
    let said = request.headers().get(header::CONTENT_LENGTH);
    let said = said.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let mut collected = Vec::with_capacity(said.unwrap_or_default().min(JSON_BYTES));
    let mut body = request.into_body().into_data_stream();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| Refusal::malformed(format!("the body: {error}")))?;
        if collected.len() + piece.len() > JSON_BYTES {
            return Err(OldFault(Refusal {
                status: StatusCode::PAYLOAD_TOO_LARGE.as_u16(),
                ..Refusal::malformed(format!("the body has more than {JSON_BYTES} bytes"))
            }));
        }
        collected.extend_from_slice(&piece);
    }
    Ok(collected.into())
}

/// Returns where the client reaches this daemon: the guard has checked that name.
fn base(ops: &Ops, peer: Peer, parts: &Parts) -> String {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    match (peer, host) {
        (Peer::Tcp, Some(host)) => format!("http://{host}"),
        _ => ops.address().to_owned(),
    }
}

async fn access(State(ops): State<Arc<Ops>>, caller: Caller, request: Request) -> Answer {
    needs(caller.as_ref(), Scope::Push, "pushing")?;
    ops.dstack_access(&body(request).await?).await?;
    Ok(answer(&serde_json::json!({})))
}

async fn push(
    State(ops): State<Arc<Ops>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    caller: Caller,
    request: Request,
) -> Answer {
    needs(caller.as_ref(), Scope::Push, "pushing")?;
    let (parts, body) = request.into_parts();
    let base = base(&ops, peer, &parts);
    let body = bytes(Request::from_parts(parts, body)).await?;
    Ok(answer(&ops.dstack_push(body, &base).await?))
}

async fn create(State(ops): State<Arc<Ops>>, caller: Caller, request: Request) -> Answer {
    needs(caller.as_ref(), Scope::Push, "pushing")?;
    ops.dstack_create(&body(request).await?).await?;
    Ok(answer(&serde_json::json!({})))
}

async fn delete(State(ops): State<Arc<Ops>>, caller: Caller, request: Request) -> Answer {
    needs(caller.as_ref(), Scope::Admin, "removing a stack")?;
    ops.dstack_delete(&body(request).await?).await?;
    Ok(answer(&serde_json::json!({})))
}

async fn update(State(ops): State<Arc<Ops>>, caller: Caller, request: Request) -> Answer {
    needs(caller.as_ref(), Scope::Admin, "changing a stack")?;
    ops.dstack_update(&body(request).await?).await?;
    Ok(answer(&serde_json::json!({})))
}

async fn every_stack(State(ops): State<Arc<Ops>>, caller: Caller) -> Answer {
    Ok(answer(&ops.dstack_stacks(reader(caller.as_ref()), None).await?))
}

async fn stacks(
    State(ops): State<Arc<Ops>>,
    caller: Caller,
    OldPath(user): OldPath<String>,
) -> Answer {
    Ok(answer(&ops.dstack_stacks(reader(caller.as_ref()), Some(&user)).await?))
}

async fn stack(
    State(ops): State<Arc<Ops>>,
    caller: Caller,
    OldPath((user, stack)): OldPath<(String, String)>,
) -> Answer {
    let reader = reader(caller.as_ref());
    let found = ops.dstack_stack(reader, &user, &stack).await;
    // A stack may be called `…/head` itself.
    match (found, stack.strip_suffix("/head")) {
        (Err(_), Some(of)) => Ok(answer(&ops.dstack_head(reader, &user, of).await?)),
        (found, _) => Ok(answer(&found?)),
    }
}

async fn frame(
    State(ops): State<Arc<Ops>>,
    caller: Caller,
    OldPath((user, rest)): OldPath<(String, String)>,
) -> Answer {
    let (stack, frame) = last(&rest)?;
    let found = ops.dstack_frame_info(reader(caller.as_ref()), (&user, stack), frame).await?;
    Ok(answer(&found))
}

/// What stands behind `?` of an attachment.
#[derive(Debug, Deserialize)]
struct HowMuch {
    #[serde(default)]
    download: Option<String>,
}

async fn attachment(
    State(ops): State<Arc<Ops>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    caller: Caller,
    OldPath((user, rest)): OldPath<(String, String)>,
    OldQuery(how): OldQuery<HowMuch>,
    request: Request,
) -> Answer {
    let (rest, index) = last(&rest)?;
    let (stack, frame) = last(rest)?;
    let download = how.download.is_some_and(|word| word.eq_ignore_ascii_case("true"));
    let base = base(&ops, peer, &request.into_parts().0);
    let reader = reader(caller.as_ref());
    let place = ((user.as_str(), stack), (frame, index));
    let (found, lasts) = ops.dstack_attachment(reader, place.0, place.1, download, &base).await?;
    let mut response = answer(&found);
    if lasts {
        let lasting = HeaderValue::from_static("private, max-age=31536000");
        response.headers_mut().insert(header::CACHE_CONTROL, lasting);
    }
    Ok(response)
}

/// Splits the last part off a path; names of stacks have slashes too.
fn last(path: &str) -> Result<(&str, &str), OldFault> {
    path.rsplit_once('/')
        .ok_or_else(|| Refusal::not_found("frame", "the path names no frame of a stack").into())
}

async fn permit(State(ops): State<Arc<Ops>>, caller: Caller, request: Request) -> Answer {
    needs(caller.as_ref(), Scope::Admin, "sharing")?;
    ops.dstack_permit(&body(request).await?).await?;
    Ok(answer(&serde_json::json!({})))
}

async fn forbid(State(ops): State<Arc<Ops>>, caller: Caller, request: Request) -> Answer {
    needs(caller.as_ref(), Scope::Admin, "sharing")?;
    ops.dstack_forbid(&body(request).await?).await?;
    Ok(answer(&serde_json::json!({})))
}

async fn info(State(ops): State<Arc<Ops>>, caller: Caller, request: Request) -> Answer {
    needs(caller.as_ref(), Scope::Read, "this")?;
    Ok(answer(&ops.dstack_info(&body(request).await?).await?))
}

async fn token(State(ops): State<Arc<Ops>>, caller: Caller, request: Request) -> Answer {
    needs(caller.as_ref(), Scope::Admin, "another token")?;
    Ok(answer(&ops.dstack_token(&body(request).await?).await?))
}

async fn settings(State(ops): State<Arc<Ops>>, caller: Caller, request: Request) -> Answer {
    needs(caller.as_ref(), Scope::Admin, "changing settings")?;
    ops.dstack_settings(&body(request).await?).await?;
    Ok(answer(&serde_json::json!({})))
}

async fn remember(State(ops): State<Arc<Ops>>, caller: Caller) -> Answer {
    needs(caller.as_ref(), Scope::Read, "this")?;
    Ok(answer(&ops.dstack_me().await?))
}

async fn exists(
    State(ops): State<Arc<Ops>>,
    caller: Caller,
    OldPath(user): OldPath<String>,
) -> Answer {
    needs(caller.as_ref(), Scope::Read, "this")?;
    Ok(answer(&ops.dstack_exists(&user).await?))
}

/// What the old pages asked before anything else.
async fn config() -> Response {
    answer(&serde_json::json!({ "runtimes": [], "email_enabled": false }))
}

async fn missing(State(ops): State<Arc<Ops>>, caller: Caller, part: &'static str) -> Response {
    // Who may not read learns no more than that.
    match needs(caller.as_ref(), Scope::Read, "this") {
        Err(fault) if part != "users" => fault.into_response(),
        _ => OldFault(ops.dstack_missing(part)).into_response(),
    }
}

/// Nothing: what an upload is answered with.
fn empty() -> Response {
    Body::empty().into_response()
}
