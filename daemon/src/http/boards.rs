//! `/boards`: dashboards.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use dsp_protocol::api::{
    BoardChanged, BoardInfo, BoardView, ChangeBoard, CopyBoard, Editing, Editors, NewBoard, Page,
    UndoBoard,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Path, Query};
use super::contexts::PageQuery;
use super::described::{BoardChangePage, BoardPage, NoSuch, NotNow};
use crate::ops::{BoardFilter, Ops, Paging};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// A context by label or id, `*` for all; the current one when left out.
    context: Option<String>,
    /// Whether removed dashboards are listed too.
    #[serde(default)]
    removed: bool,
    /// Most items of the page.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new()
        .routes(routes!(list, make))
        .routes(routes!(get, remove))
        .routes(routes!(restore))
        .routes(routes!(change))
        .routes(routes!(history))
        .routes(routes!(undo))
        .routes(routes!(copy))
        .routes(routes!(renew))
        .routes(routes!(editing))
}

/// Lists dashboards, the last changed first
#[utoipa::path(get, path = "/boards", tag = "boards", operation_id = "listBoards",
    params(ListQuery), responses((status = 200, body = BoardPage), NoSuch))]
async fn list(State(ops): State<Arc<Ops>>, Query(query): Query<ListQuery>) -> Answer<Page> {
    let filter = BoardFilter { context: query.context, removed: query.removed };
    let paging = Paging { limit: query.limit, cursor: query.cursor };
    Ok(Json(ops.boards(&filter, &paging).await?))
}

/// Makes a dashboard
#[utoipa::path(post, path = "/boards", tag = "boards", operation_id = "makeBoard",
    request_body = NewBoard, responses((status = 200, body = BoardChanged), NoSuch, NotNow))]
async fn make(State(ops): State<Arc<Ops>>, Body(new): Body<NewBoard>) -> Answer<BoardChanged> {
    Ok(Json(ops.new_board(new).await?))
}

/// Shows a dashboard with its cards
#[utoipa::path(get, path = "/boards/{board}", tag = "boards", operation_id = "getBoard",
    params(("board" = String, Path, description = "id, or first digits of it")),
    responses((status = 200, body = BoardView), NoSuch, NotNow))]
async fn get(State(ops): State<Arc<Ops>>, Path(board): Path<String>) -> Answer<BoardView> {
    Ok(Json(ops.board(&board).await?))
}

/// Removes a dashboard of mine
#[utoipa::path(delete, path = "/boards/{board}", tag = "boards", operation_id = "removeBoard",
    params(("board" = String, Path, description = "id, or first digits of it")),
    responses((status = 200, body = BoardInfo), NoSuch, NotNow))]
async fn remove(State(ops): State<Arc<Ops>>, Path(board): Path<String>) -> Answer<BoardInfo> {
    Ok(Json(ops.remove_board(&board, true).await?))
}

/// Puts a dashboard of mine back that was removed
#[utoipa::path(post, path = "/boards/{board}/restore", tag = "boards",
    operation_id = "restoreBoard",
    params(("board" = String, Path, description = "id, or first digits of it")),
    responses((status = 200, body = BoardInfo), NoSuch, NotNow))]
async fn restore(State(ops): State<Arc<Ops>>, Path(board): Path<String>) -> Answer<BoardInfo> {
    Ok(Json(ops.remove_board(&board, false).await?))
}

/// Writes on a dashboard, all or nothing
#[utoipa::path(post, path = "/boards/{board}/changes", tag = "boards",
    operation_id = "changeBoard", request_body = ChangeBoard,
    params(("board" = String, Path, description = "id, or first digits of it")),
    responses((status = 200, body = BoardChanged), NoSuch, NotNow))]
async fn change(
    State(ops): State<Arc<Ops>>,
    Path(board): Path<String>,
    Body(change): Body<ChangeBoard>,
) -> Answer<BoardChanged> {
    Ok(Json(ops.change_board(&board, change).await?))
}

/// Lists the changes of a dashboard that count, the last one first
#[utoipa::path(get, path = "/boards/{board}/history", tag = "boards",
    operation_id = "getBoardHistory",
    params(("board" = String, Path, description = "id, or first digits of it"), PageQuery),
    responses((status = 200, body = BoardChangePage), NoSuch, NotNow))]
async fn history(
    State(ops): State<Arc<Ops>>,
    Path(board): Path<String>,
    Query(query): Query<PageQuery>,
) -> Answer<Page> {
    Ok(Json(ops.board_history(&board, &query.into()).await?))
}

/// Undoes a change of a dashboard
#[utoipa::path(post, path = "/boards/{board}/undo", tag = "boards", operation_id = "undoBoard",
    request_body = UndoBoard,
    params(("board" = String, Path, description = "id, or first digits of it")),
    responses((status = 200, body = BoardChanged), NoSuch, NotNow))]
async fn undo(
    State(ops): State<Arc<Ops>>,
    Path(board): Path<String>,
    Body(undo): Body<UndoBoard>,
) -> Answer<BoardChanged> {
    Ok(Json(ops.undo_board(&board, &undo).await?))
}

/// Makes a dashboard of mine with what stands on another
#[utoipa::path(post, path = "/boards/{board}/copy", tag = "boards", operation_id = "copyBoard",
    request_body = CopyBoard,
    params(("board" = String, Path, description = "id, or first digits of it")),
    responses((status = 200, body = BoardChanged), NoSuch, NotNow))]
async fn copy(
    State(ops): State<Arc<Ops>>,
    Path(board): Path<String>,
    Body(copy): Body<CopyBoard>,
) -> Answer<BoardChanged> {
    Ok(Json(ops.copy_board(&board, copy).await?))
}

/// Begins a dashboard anew with what stands on it, without its history
#[utoipa::path(post, path = "/boards/{board}/renew", tag = "boards", operation_id = "renewBoard",
    params(("board" = String, Path, description = "id, or first digits of it")),
    responses((status = 200, body = BoardInfo), NoSuch, NotNow))]
async fn renew(State(ops): State<Arc<Ops>>, Path(board): Path<String>) -> Answer<BoardInfo> {
    Ok(Json(ops.renew_board(&board).await?))
}

/// Tells the others that I edit a dashboard, or do not any more, and who of them does
#[utoipa::path(post, path = "/boards/{board}/editing", tag = "boards",
    operation_id = "editingBoard", request_body = Editing,
    params(("board" = String, Path, description = "id, or first digits of it")),
    responses((status = 200, body = Editors), NoSuch, NotNow))]
async fn editing(
    State(ops): State<Arc<Ops>>,
    Path(board): Path<String>,
    Body(said): Body<Editing>,
) -> Answer<Editors> {
    Ok(Json(ops.edit_board(&board, said.editing).await?))
}
