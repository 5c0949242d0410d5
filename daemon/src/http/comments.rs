//! `/comments`: what is said about stacks, frames and cards.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use dsp_protocol::api::{CommentInfo, EditComment, NewComment, Page};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Path, Query};
use super::described::{CommentPage, NoSuch, NotNow};
use crate::ops::{CommentFilter, Ops, Paging};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// A stack by reference, or a frame of one.
    #[serde(rename = "ref")]
    reference: Option<String>,
    /// A dashboard by its id, instead.
    board: Option<String>,
    /// A card of it.
    card: Option<String>,
    /// A context by label or id, `*` for all, where neither is named; the current one when left
    /// out.
    context: Option<String>,
    /// Words that a comment holds, all of them in any order, without regard to case.
    #[param(max_length = 256)]
    q: Option<String>,
    /// Most items of the page.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new().routes(routes!(list, say)).routes(routes!(edit, remove))
}

/// Lists comments: on a stack or a dashboard the first one first, of a context the last one first
#[utoipa::path(get, path = "/comments", tag = "comments", operation_id = "listComments",
    params(ListQuery), responses((status = 200, body = CommentPage), NoSuch, NotNow))]
async fn list(State(ops): State<Arc<Ops>>, Query(query): Query<ListQuery>) -> Answer<Page> {
    let ListQuery { reference, board, card, context, q, limit, cursor } = query;
    let filter = CommentFilter { reference, board, card, context, words: q };
    Ok(Json(ops.comments(&filter, &Paging { limit, cursor }).await?))
}

/// Says something about a stack, a frame or a card
#[utoipa::path(post, path = "/comments", tag = "comments", operation_id = "makeComment",
    request_body = NewComment, responses((status = 200, body = CommentInfo), NoSuch, NotNow))]
async fn say(State(ops): State<Arc<Ops>>, Body(new): Body<NewComment>) -> Answer<CommentInfo> {
    Ok(Json(ops.new_comment(new).await?))
}

/// Says a comment of mine otherwise
#[utoipa::path(patch, path = "/comments/{comment}", tag = "comments",
    operation_id = "editComment", request_body = EditComment,
    params(("comment" = String, Path, description = "id")),
    responses((status = 200, body = CommentInfo), NoSuch, NotNow))]
async fn edit(
    State(ops): State<Arc<Ops>>,
    Path(comment): Path<String>,
    Body(edit): Body<EditComment>,
) -> Answer<CommentInfo> {
    Ok(Json(ops.edit_comment(&comment, edit.text).await?))
}

/// Takes a comment of mine back
#[utoipa::path(delete, path = "/comments/{comment}", tag = "comments",
    operation_id = "removeComment",
    params(("comment" = String, Path, description = "id")),
    responses((status = 200, body = CommentInfo), NoSuch, NotNow))]
async fn remove(State(ops): State<Arc<Ops>>, Path(comment): Path<String>) -> Answer<CommentInfo> {
    Ok(Json(ops.remove_comment(&comment).await?))
}
