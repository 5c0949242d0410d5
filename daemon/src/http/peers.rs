//! `/peers`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use dsp_protocol::api::{Page, PeerInfo, RenamePeer, SetTrust};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Path, Query};
use super::contexts::PageQuery;
use super::described::{KeyChangePage, NoSuch, PeerPage};
use crate::ops::Ops;

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, rename))
        .routes(routes!(keys))
        .routes(routes!(trust))
        .routes(routes!(block, unblock))
}

/// Lists the users that this node knows
#[utoipa::path(get, path = "/peers", tag = "peers", operation_id = "listPeers", params(PageQuery),
    responses((status = 200, body = PeerPage)))]
async fn list(State(ops): State<Arc<Ops>>, Query(query): Query<PageQuery>) -> Answer<Page> {
    Ok(Json(ops.peers(&query.into()).await?))
}

/// Gives a user another petname
#[utoipa::path(patch, path = "/peers/{user}", tag = "peers", operation_id = "renamePeer",
    params(("user" = String, Path, description = "petname or id")), request_body = RenamePeer,
    responses((status = 200, body = PeerInfo), NoSuch))]
async fn rename(
    State(ops): State<Arc<Ops>>,
    Path(user): Path<String>,
    Body(new): Body<RenamePeer>,
) -> Answer<PeerInfo> {
    Ok(Json(ops.rename_peer(&user, &new).await?))
}

/// Shows a user that this node knows, or me
#[utoipa::path(get, path = "/peers/{user}", tag = "peers", operation_id = "getPeer",
    params(("user" = String, Path, description = "petname or id; `me` for me")),
    responses((status = 200, body = PeerInfo), NoSuch))]
async fn get(State(ops): State<Arc<Ops>>, Path(user): Path<String>) -> Answer<PeerInfo> {
    Ok(Json(ops.peer(&user).await?))
}

/// Lists what the identity log of a user says: devices granted and revoked, changes of its keys
#[utoipa::path(get, path = "/peers/{user}/keys", tag = "peers", operation_id = "listKeyChanges",
    params(("user" = String, Path, description = "petname or id; `me` for me"), PageQuery),
    responses((status = 200, body = KeyChangePage), NoSuch))]
async fn keys(
    State(ops): State<Arc<Ops>>,
    Path(user): Path<String>,
    Query(query): Query<PageQuery>,
) -> Answer<Page> {
    Ok(Json(ops.key_changes(&user, &query.into()).await?))
}

/// Says whether a user's id was compared, and what of hers may be used on this machine
#[utoipa::path(patch, path = "/peers/{user}/trust", tag = "peers", operation_id = "setTrust",
    params(("user" = String, Path, description = "petname or id")), request_body = SetTrust,
    responses((status = 200, body = PeerInfo), NoSuch))]
async fn trust(
    State(ops): State<Arc<Ops>>,
    Path(user): Path<String>,
    Body(set): Body<SetTrust>,
) -> Answer<PeerInfo> {
    Ok(Json(ops.set_trust(&user, set).await?))
}

/// Has nothing more to do with a user on this node
#[utoipa::path(put, path = "/peers/{user}/block", tag = "peers", operation_id = "blockPeer",
    params(("user" = String, Path, description = "petname or id")),
    responses((status = 200, body = PeerInfo), NoSuch))]
async fn block(State(ops): State<Arc<Ops>>, Path(user): Path<String>) -> Answer<PeerInfo> {
    Ok(Json(ops.block(&user, true).await?))
}

/// Takes a block back
#[utoipa::path(delete, path = "/peers/{user}/block", tag = "peers", operation_id = "unblockPeer",
    params(("user" = String, Path, description = "petname or id")),
    responses((status = 200, body = PeerInfo), NoSuch))]
async fn unblock(State(ops): State<Arc<Ops>>, Path(user): Path<String>) -> Answer<PeerInfo> {
    Ok(Json(ops.block(&user, false).await?))
}
