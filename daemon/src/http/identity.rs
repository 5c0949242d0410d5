//! `/identity`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use dsp_protocol::api::{Backup, ConfirmBackup, IdentityInfo};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body};
use crate::ops::Ops;

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new().routes(routes!(get)).routes(routes!(backup)).routes(routes!(confirm))
}

/// Tells who I am
#[utoipa::path(get, path = "/identity", tag = "identity",
    responses((status = 200, body = IdentityInfo)))]
async fn get(State(ops): State<Arc<Ops>>) -> Answer<IdentityInfo> {
    Ok(Json(ops.identity().await?))
}

/// Shows the recovery key in words, until they are confirmed
#[utoipa::path(post, path = "/identity/backup", tag = "identity",
    responses((status = 200, body = Backup)))]
async fn backup(State(ops): State<Arc<Ops>>) -> Answer<Backup> {
    Ok(Json(ops.backup()?))
}

/// Confirms that the words are written down; the recovery key is then erased here
#[utoipa::path(post, path = "/identity/backup/confirm", tag = "identity",
    request_body = ConfirmBackup, responses((status = 200, body = IdentityInfo)))]
async fn confirm(
    State(ops): State<Arc<Ops>>,
    Body(confirm): Body<ConfirmBackup>,
) -> Answer<IdentityInfo> {
    Ok(Json(ops.confirm_backup(&confirm).await?))
}
