//! `/stacks`, `/stack`, `/rename` and `/tags`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use dsp_protocol::api::{Changed, NewShare, Page, Rename, SetTag, Shared, StackInfo};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Query};
use super::described::{NoSuch, StackPage, TooMuch};
use crate::ops::{Ops, Paging, StackFilter};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// A context by label or id, `*` for all; the current one when left out.
    context: Option<String>,
    /// A part of the name.
    q: Option<String>,
    /// Whether removed stacks are listed too.
    #[serde(default)]
    removed: bool,
    /// Most items of the page.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What is meant.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RefQuery {
    /// A reference, `[user[/context]:]stack[@rev][#attachment]`.
    #[serde(rename = "ref")]
    pub(super) reference: String,
}

/// What is meant, and what for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StackQuery {
    /// A reference, `[user[/context]:]stack[@rev][#attachment]`.
    #[serde(rename = "ref")]
    reference: String,
    /// Refuses what could not be removed or renamed: a stack that is not mine, a frame of one.
    #[serde(default)]
    to_change: bool,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, remove))
        .routes(routes!(rename))
        .routes(routes!(tag))
        .routes(routes!(share))
}

/// Lists stacks, the latest first
#[utoipa::path(get, path = "/stacks", tag = "stacks",
    operation_id = "listStacks", params(ListQuery),
    responses((status = 200, body = StackPage), NoSuch))]
async fn list(State(ops): State<Arc<Ops>>, Query(query): Query<ListQuery>) -> Answer<Page> {
    let filter = StackFilter { context: query.context, part: query.q, removed: query.removed };
    let paging = Paging { limit: query.limit, cursor: query.cursor };
    Ok(Json(ops.stacks(&filter, &paging).await?))
}

/// Shows a stack
#[utoipa::path(get, path = "/stack", tag = "stacks", operation_id = "getStack", params(StackQuery),
    responses((status = 200, body = StackInfo), NoSuch))]
async fn get(State(ops): State<Arc<Ops>>, Query(query): Query<StackQuery>) -> Answer<StackInfo> {
    Ok(Json(match query.to_change {
        true => ops.stack_to_change(&query.reference).await?,
        false => ops.stack(&query.reference).await?,
    }))
}

/// Removes a stack of mine
#[utoipa::path(delete, path = "/stack", tag = "stacks",
    operation_id = "removeStack", params(RefQuery),
    responses((status = 200, body = Changed), NoSuch))]
async fn remove(State(ops): State<Arc<Ops>>, Query(query): Query<RefQuery>) -> Answer<Changed> {
    Ok(Json(ops.remove_stack(&query.reference).await?))
}

/// Renames a stack of mine
#[utoipa::path(post, path = "/rename", tag = "stacks",
    operation_id = "renameStack", request_body = Rename,
    responses((status = 200, body = Changed), NoSuch))]
async fn rename(State(ops): State<Arc<Ops>>, Body(rename): Body<Rename>) -> Answer<Changed> {
    Ok(Json(ops.rename_stack(&rename).await?))
}

/// Puts a tag on a frame of a stack of mine, or takes it away
#[utoipa::path(post, path = "/tags", tag = "stacks", operation_id = "setTag", request_body = SetTag,
    responses((status = 200, body = Changed), NoSuch))]
async fn tag(State(ops): State<Arc<Ops>>, Body(set): Body<SetTag>) -> Answer<Changed> {
    Ok(Json(ops.set_tag(&set).await?))
}

/// Shows a stack of mine to named users and nobody else
#[utoipa::path(post, path = "/shares", tag = "stacks",
    operation_id = "shareStack", request_body = NewShare,
    responses((status = 200, body = Shared), NoSuch, TooMuch))]
async fn share(State(ops): State<Arc<Ops>>, Body(new): Body<NewShare>) -> Answer<Shared> {
    Ok(Json(ops.share_stack(new).await?))
}
