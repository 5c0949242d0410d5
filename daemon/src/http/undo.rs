//! `/undo` and `/trash`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use dsp_protocol::api::{Freed, Page, TrashInfo, UndoDeed, Undone};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Query};
use super::described::{DeedPage, NoSuch, NotNow};
use crate::ops::{Ops, Paging};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Most items of the page.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new().routes(routes!(list, undo)).routes(routes!(trash, empty))
}

/// Lists what was done and whether it can be undone, the latest first
#[utoipa::path(get, path = "/undo", tag = "undo", operation_id = "listDeeds", params(ListQuery),
    responses((status = 200, body = DeedPage)))]
async fn list(State(ops): State<Arc<Ops>>, Query(query): Query<ListQuery>) -> Answer<Page> {
    let paging = Paging { limit: query.limit, cursor: query.cursor };
    Ok(Json(ops.deeds(&paging).await?))
}

/// Undoes what was done
#[utoipa::path(post, path = "/undo", tag = "undo", operation_id = "undo", request_body = UndoDeed,
    responses((status = 200, body = Undone), NoSuch))]
async fn undo(State(ops): State<Arc<Ops>>, Body(deed): Body<UndoDeed>) -> Answer<Undone> {
    Ok(Json(ops.undo(&deed).await?))
}

/// Tells how much is in the trash
#[utoipa::path(get, path = "/trash", tag = "undo",
    operation_id = "getTrash", responses((status = 200, body = TrashInfo)))]
async fn trash(State(ops): State<Arc<Ops>>) -> Answer<TrashInfo> {
    Ok(Json(ops.trash().await?))
}

/// Frees all that is in the trash
#[utoipa::path(delete, path = "/trash", tag = "undo",
    operation_id = "emptyTrash", responses((status = 200, body = Freed), NotNow))]
async fn empty(State(ops): State<Arc<Ops>>) -> Answer<Freed> {
    Ok(Json(ops.empty_trash().await?))
}
