//! `/contexts`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use dsp_protocol::api::{
    ClosedContext, ContextInfo, Forked, NewContext, NewFork, Page, Readable, SetMuted, SetQuota,
    SwitchContext,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Fault, Path, Query};
use super::described::{ContextPage, NoSuch, NotNow, TooMuch};
use crate::ops::{Ops, Paging};

/// Which part of a list is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// Most items of the page.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl From<PageQuery> for Paging {
    fn from(query: PageQuery) -> Paging {
        Paging { limit: query.limit, cursor: query.cursor }
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(switch))
        .routes(routes!(get, close))
        .routes(routes!(readable))
        .routes(routes!(quota))
        .routes(routes!(mute))
        .routes(routes!(fork))
}

/// Lists contexts, own and followed
#[utoipa::path(get, path = "/contexts", tag = "contexts",
    operation_id = "listContexts", params(PageQuery),
    responses((status = 200, body = ContextPage)))]
async fn list(State(ops): State<Arc<Ops>>, Query(query): Query<PageQuery>) -> Answer<Page> {
    Ok(Json(ops.contexts(&query.into()).await?))
}

/// Makes a context
#[utoipa::path(post, path = "/contexts", tag = "contexts",
    operation_id = "createContext", request_body = NewContext,
    responses((status = 201, body = ContextInfo), NotNow))]
async fn create(
    State(ops): State<Arc<Ops>>,
    Body(new): Body<NewContext>,
) -> Result<(StatusCode, Json<ContextInfo>), Fault> {
    Ok((StatusCode::CREATED, Json(ops.new_context(new).await?)))
}

/// Chooses the context that unqualified names mean
#[utoipa::path(put, path = "/contexts/current", tag = "contexts",
    operation_id = "switchContext", request_body = SwitchContext,
    responses((status = 200, body = ContextInfo), NoSuch))]
async fn switch(
    State(ops): State<Arc<Ops>>,
    Body(switch): Body<SwitchContext>,
) -> Answer<ContextInfo> {
    Ok(Json(ops.switch_context(&switch.context).await?))
}

/// Shows a context, by label or id
#[utoipa::path(get, path = "/contexts/{context}", tag = "contexts", operation_id = "getContext",
    params(("context" = String, Path, description = "label or id")),
    responses((status = 200, body = ContextInfo), NoSuch))]
async fn get(State(ops): State<Arc<Ops>>, Path(context): Path<String>) -> Answer<ContextInfo> {
    Ok(Json(ops.context(&context).await?))
}

/// Closes a context of mine for its followers
#[utoipa::path(delete, path = "/contexts/{context}", tag = "contexts",
    operation_id = "closeContext",
    params(("context" = String, Path, description = "label or id")),
    responses((status = 200, body = ClosedContext), NoSuch, NotNow))]
async fn close(State(ops): State<Arc<Ops>>, Path(context): Path<String>) -> Answer<ClosedContext> {
    Ok(Json(ops.close_context(&context).await?))
}

/// Tells what sharing a context would make readable
#[utoipa::path(get, path = "/contexts/{context}/readable", tag = "contexts",
    operation_id = "getReadable",
    params(("context" = String, Path, description = "label or id")),
    responses((status = 200, body = Readable), NoSuch))]
async fn readable(State(ops): State<Arc<Ops>>, Path(context): Path<String>) -> Answer<Readable> {
    Ok(Json(ops.readable(&context).await?))
}

/// Sets how many bytes of a context come by themselves
#[utoipa::path(put, path = "/contexts/{context}/quota", tag = "contexts",
    operation_id = "setContextQuota",
    params(("context" = String, Path, description = "label or id")), request_body = SetQuota,
    responses((status = 200, body = ContextInfo), NoSuch, NotNow))]
async fn quota(
    State(ops): State<Arc<Ops>>,
    Path(context): Path<String>,
    Body(quota): Body<SetQuota>,
) -> Answer<ContextInfo> {
    Ok(Json(ops.set_quota(&context, quota).await?))
}

/// Says whether nothing of a context becomes a notification
#[utoipa::path(put, path = "/contexts/{context}/muted", tag = "contexts",
    operation_id = "muteContext",
    params(("context" = String, Path, description = "label or id")), request_body = SetMuted,
    responses((status = 200, body = ContextInfo), NoSuch, NotNow))]
async fn mute(
    State(ops): State<Arc<Ops>>,
    Path(context): Path<String>,
    Body(set): Body<SetMuted>,
) -> Answer<ContextInfo> {
    Ok(Json(ops.set_muted(&context, set).await?))
}

/// Makes a context of mine with the current heads of another
#[utoipa::path(post, path = "/contexts/{context}/fork", tag = "contexts",
    operation_id = "forkContext",
    params(("context" = String, Path, description = "label or id")), request_body = NewFork,
    responses((status = 201, body = Forked), NoSuch, NotNow, TooMuch))]
async fn fork(
    State(ops): State<Arc<Ops>>,
    Path(context): Path<String>,
    Body(new): Body<NewFork>,
) -> Result<(StatusCode, Json<Forked>), Fault> {
    Ok((StatusCode::CREATED, Json(ops.fork_context(&context, new).await?)))
}
