//! `/peers`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use dsp_protocol::api::{Page, PeerInfo, RenamePeer};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Query};
use super::contexts::PageQuery;
use crate::ops::Ops;

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(rename))
}

/// Lists the users that this node knows
#[utoipa::path(get, path = "/peers", tag = "peers", params(PageQuery),
    responses((status = 200, body = Page)))]
async fn list(State(ops): State<Arc<Ops>>, Query(query): Query<PageQuery>) -> Answer<Page> {
    Ok(Json(ops.peers(&query.into()).await?))
}

/// Gives a user another petname
#[utoipa::path(patch, path = "/peers/{user}", tag = "peers",
    params(("user" = String, Path, description = "petname or id")), request_body = RenamePeer,
    responses((status = 200, body = PeerInfo)))]
async fn rename(
    State(ops): State<Arc<Ops>>,
    Path(user): Path<String>,
    Body(new): Body<RenamePeer>,
) -> Answer<PeerInfo> {
    Ok(Json(ops.rename_peer(&user, &new).await?))
}
