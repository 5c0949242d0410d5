//! `/frames`, `/frame`, `/files`, `/log`, `/fetch` and `/verify`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::Response;
use dsp_protocol::api::{FrameInfo, NewFrame, Page, RefRequest, Step};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Fault, Query};
use super::described::{FilePage, LogPage, NoSuch, TooMuch};
use super::stacks::RefQuery;
use super::steps::steps;
use crate::ops::{Client, Ops, Paging, Scope};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FilesQuery {
    /// A reference, `[user[/context]:]stack[@rev]`.
    #[serde(rename = "ref")]
    reference: String,
    /// Most items of the page.
    #[param(minimum = 1, maximum = 5000)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct LogQuery {
    /// A reference, `[user[/context]:]stack[@rev]`.
    #[serde(rename = "ref")]
    reference: String,
    /// Most items of the page.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new()
        .routes(routes!(push))
        .routes(routes!(get))
        .routes(routes!(files))
        .routes(routes!(log))
        .routes(routes!(fetch))
        .routes(routes!(verify))
}

/// Makes a frame and moves the head of a stack to it; the result is a `Pushed`
#[utoipa::path(post, path = "/frames", tag = "frames",
    operation_id = "pushFrame", request_body = NewFrame,
    responses((status = 200, body = Step, content_type = "application/x-ndjson")))]
async fn push(
    State(ops): State<Arc<Ops>>,
    Extension(client): Extension<Client>,
    Body(new): Body<NewFrame>,
) -> Result<Response, Fault> {
    if new.files.iter().any(|file| file.source.is_some()) {
        // Who names a path reads any file of this account: a token for pushing uploads bytes.
        client.needs(Scope::Admin, "pushing by path")?;
    }
    Ok(steps(|reporter| async move { ops.push(new, &reporter).await }))
}

/// Shows a frame
#[utoipa::path(get, path = "/frame", tag = "frames", operation_id = "getFrame", params(RefQuery),
    responses((status = 200, body = FrameInfo), NoSuch, TooMuch))]
async fn get(State(ops): State<Arc<Ops>>, Query(query): Query<RefQuery>) -> Answer<FrameInfo> {
    Ok(Json(ops.frame(&query.reference).await?))
}

/// Lists the files of a frame by path
#[utoipa::path(get, path = "/files", tag = "frames", operation_id = "listFiles", params(FilesQuery),
    responses((status = 200, body = FilePage), NoSuch, TooMuch))]
async fn files(State(ops): State<Arc<Ops>>, Query(query): Query<FilesQuery>) -> Answer<Page> {
    let paging = Paging { limit: query.limit, cursor: query.cursor };
    Ok(Json(ops.files(&query.reference, &paging).await?))
}

/// Lists a frame and those behind it
#[utoipa::path(get, path = "/log", tag = "frames", operation_id = "listHistory", params(LogQuery),
    responses((status = 200, body = LogPage), NoSuch, TooMuch))]
async fn log(State(ops): State<Arc<Ops>>, Query(query): Query<LogQuery>) -> Answer<Page> {
    let paging = Paging { limit: query.limit, cursor: query.cursor };
    Ok(Json(ops.log(&query.reference, &paging).await?))
}

/// Brings bytes here; the result is a `Fetched`
#[utoipa::path(post, path = "/fetch", tag = "frames",
    operation_id = "fetchBytes", request_body = RefRequest,
    responses((status = 200, body = Step, content_type = "application/x-ndjson")))]
async fn fetch(State(ops): State<Arc<Ops>>, Body(request): Body<RefRequest>) -> Response {
    steps(|reporter| async move { ops.fetch(&request, &reporter).await })
}

/// Checks what is here; the result is a `Verified`
#[utoipa::path(post, path = "/verify", tag = "frames",
    operation_id = "verify", request_body = RefRequest,
    responses((status = 200, body = Step, content_type = "application/x-ndjson")))]
async fn verify(State(ops): State<Arc<Ops>>, Body(request): Body<RefRequest>) -> Response {
    steps(|reporter| async move { ops.verify(&request, &reporter).await })
}
