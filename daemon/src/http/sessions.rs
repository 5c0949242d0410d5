//! `/sessions`: browsers that are logged in, and logging them out.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use dsp_protocol::api::{Page, SessionInfo};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Path, Query};
use super::described::{NoSuch, NotNow, SessionPage};
use crate::ops::{Client, Ops, Paging};

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
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(end))
}

/// Lists the browsers that are logged in
#[utoipa::path(get, path = "/sessions", tag = "login", operation_id = "listSessions",
    params(ListQuery), responses((status = 200, body = SessionPage)))]
async fn list(
    State(ops): State<Arc<Ops>>,
    Extension(caller): Extension<Client>,
    Query(query): Query<ListQuery>,
) -> Answer<Page> {
    let paging = Paging { limit: query.limit, cursor: query.cursor };
    Ok(Json(ops.sessions(caller, &paging).await?))
}

/// Logs a browser out
#[utoipa::path(delete, path = "/sessions/{id}", tag = "login", operation_id = "endSession",
    params(("id" = String, Path, description = "id of the session")),
    responses((status = 200, body = SessionInfo), NoSuch, NotNow))]
async fn end(
    State(ops): State<Arc<Ops>>,
    Extension(caller): Extension<Client>,
    Path(id): Path<String>,
) -> Answer<SessionInfo> {
    Ok(Json(ops.end_session(caller, &id).await?))
}
