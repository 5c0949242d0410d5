//! `/identity`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use dsp_protocol::api::{
    Backup, ConfirmBackup, ConfirmPairing, DeviceInfo, IdentityInfo, Join, NewPairing, Page,
    PairingInfo, PairingMade, Recover, Recovered, Revoke, Revoked, Step,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Path};
use super::described::{DevicePage, NoSuch, NotNow};
use super::steps::steps;
use crate::ops::{Ops, internal};

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new()
        .routes(routes!(get))
        .routes(routes!(backup))
        .routes(routes!(confirm))
        .routes(routes!(devices))
        .routes(routes!(revoke))
        .routes(routes!(pairing, new_pairing, end_pairing))
        .routes(routes!(confirm_pairing))
        .routes(routes!(join))
        .routes(routes!(rotate))
        .routes(routes!(recover))
}

/// Tells who I am
#[utoipa::path(get, path = "/identity", tag = "identity", operation_id = "getIdentity",
    responses((status = 200, body = IdentityInfo), NoSuch))]
async fn get(State(ops): State<Arc<Ops>>) -> Answer<IdentityInfo> {
    Ok(Json(ops.identity().await?))
}

/// Shows the recovery key in words, until they are confirmed
#[utoipa::path(post, path = "/identity/backup", tag = "identity", operation_id = "showBackup",
    responses((status = 200, body = Backup), NotNow))]
async fn backup(State(ops): State<Arc<Ops>>) -> Answer<Backup> {
    Ok(Json(ops.backup()?))
}

/// Confirms that the words are written down; the recovery key is then erased here
#[utoipa::path(post, path = "/identity/backup/confirm", tag = "identity",
    operation_id = "confirmBackup",
    request_body = ConfirmBackup, responses((status = 200, body = IdentityInfo), NoSuch))]
async fn confirm(
    State(ops): State<Arc<Ops>>,
    Body(confirm): Body<ConfirmBackup>,
) -> Answer<IdentityInfo> {
    Ok(Json(ops.confirm_backup(&confirm).await?))
}

/// Lists my devices
#[utoipa::path(get, path = "/identity/devices", tag = "identity", operation_id = "listDevices",
    responses((status = 200, body = DevicePage), NoSuch))]
async fn devices(State(ops): State<Arc<Ops>>) -> Answer<Page> {
    let devices = ops.devices().await?;
    let items = devices.iter().map(|device| serde_json::to_value(device).map_err(|e| internal(&e)));
    Ok(Json(Page { items: items.collect::<Result<_, _>>()?, next_cursor: None, note: None }))
}

/// Revokes a device of mine for ever, and cuts off what is not good of it
#[utoipa::path(post, path = "/identity/devices/{device}/revoke", tag = "identity",
    operation_id = "revokeDevice",
    params(("device" = String, Path, description = "Its name, or the first digits of its id")),
    request_body = Revoke, responses((status = 200, body = Revoked), NoSuch))]
async fn revoke(
    State(ops): State<Arc<Ops>>,
    Path(device): Path<String>,
    Body(revoke): Body<Revoke>,
) -> Answer<Revoked> {
    Ok(Json(ops.revoke_device(&device, &revoke).await?))
}

/// Tells how far a pairing is
#[utoipa::path(get, path = "/identity/pairing", tag = "identity", operation_id = "getPairing",
    responses((status = 200, body = PairingInfo)))]
async fn pairing(State(ops): State<Arc<Ops>>) -> Answer<PairingInfo> {
    Ok(Json(ops.pairing()))
}

/// Makes a ticket by which another machine becomes a device of mine
#[utoipa::path(post, path = "/identity/pairing", tag = "identity", operation_id = "startPairing",
    request_body = NewPairing, responses((status = 200, body = PairingMade), NoSuch))]
async fn new_pairing(
    State(ops): State<Arc<Ops>>,
    Body(new): Body<NewPairing>,
) -> Answer<PairingMade> {
    Ok(Json(ops.new_pairing(&new).await?))
}

/// Ends a pairing; its ticket is void
#[utoipa::path(delete, path = "/identity/pairing", tag = "identity", operation_id = "endPairing",
    responses((status = 200, body = PairingInfo)))]
async fn end_pairing(State(ops): State<Arc<Ops>>) -> Answer<PairingInfo> {
    ops.end_pairing();
    Ok(Json(ops.pairing()))
}

/// Grants the device that asked, where the code is the one that it shows
#[utoipa::path(post, path = "/identity/pairing/confirm", tag = "identity",
    operation_id = "confirmPairing",
    request_body = ConfirmPairing, responses((status = 200, body = DeviceInfo), NoSuch))]
async fn confirm_pairing(
    State(ops): State<Arc<Ops>>,
    Body(confirm): Body<ConfirmPairing>,
) -> Answer<DeviceInfo> {
    Ok(Json(ops.confirm_pairing(&confirm).await?))
}

/// Asks to become a device of the user who made a pairing ticket; the last step holds `Joined`
#[utoipa::path(post, path = "/identity/join", tag = "identity",
    operation_id = "joinUser", request_body = Join,
    responses((status = 200, body = Step, content_type = "application/x-ndjson")))]
async fn join(State(ops): State<Arc<Ops>>, Body(join): Body<Join>) -> Response {
    steps(move |reporter| async move { ops.join(&join, &reporter).await })
}

/// Changes the root and the recovery key
#[utoipa::path(post, path = "/identity/rotate", tag = "identity", operation_id = "rotateKeys",
    responses((status = 200, body = IdentityInfo), NoSuch))]
async fn rotate(State(ops): State<Arc<Ops>>) -> Answer<IdentityInfo> {
    Ok(Json(ops.rotate().await?))
}

/// Takes an identity back with its recovery key
#[utoipa::path(post, path = "/identity/recover", tag = "identity", operation_id = "recoverIdentity",
    request_body = Recover, responses((status = 200, body = Recovered), NoSuch))]
async fn recover(State(ops): State<Arc<Ops>>, Body(recover): Body<Recover>) -> Answer<Recovered> {
    Ok(Json(ops.recover(recover).await?))
}
