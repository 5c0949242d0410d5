//! `/health` and `/node`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use dsp_protocol::api::{Alone, Examine, Freed, Garbage, Health, NodeStatus, Step, StoredTypes};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body};
use super::described::NotNow;
use super::steps::steps;
use crate::ops::Ops;

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(status))
        .routes(routes!(types))
        .routes(routes!(garbage))
        .routes(routes!(collect))
        .routes(routes!(examine))
        .routes(routes!(alone))
        .routes(routes!(stop))
}

/// Tells that the daemon answers
#[utoipa::path(get, path = "/health", tag = "node", operation_id = "getHealth", security(()),
    responses((status = 200, body = Health)))]
async fn health(State(ops): State<Arc<Ops>>) -> Answer<Health> {
    Ok(Json(ops.health().await?))
}

/// Tells how the daemon is
#[utoipa::path(get, path = "/node", tag = "node",
    operation_id = "getNode", responses((status = 200, body = NodeStatus)))]
async fn status(State(ops): State<Arc<Ops>>) -> Answer<NodeStatus> {
    Ok(Json(ops.status().await?))
}

/// Tells how many bytes of which media types are here
#[utoipa::path(get, path = "/node/types", tag = "node", operation_id = "listStoredTypes",
    responses((status = 200, body = StoredTypes)))]
async fn types(State(ops): State<Arc<Ops>>) -> Answer<StoredTypes> {
    Ok(Json(ops.stored_types().await?))
}

/// Tells what `POST /node/collect` would free, and who else holds it
#[utoipa::path(get, path = "/node/garbage", tag = "node", operation_id = "listGarbage",
    responses((status = 200, body = Garbage)))]
async fn garbage(State(ops): State<Arc<Ops>>) -> Answer<Garbage> {
    Ok(Json(ops.garbage().await?))
}

/// Frees the bytes that nothing here names, and those of what its author removed
#[utoipa::path(post, path = "/node/collect", tag = "node",
    operation_id = "collectGarbage", responses((status = 200, body = Freed), NotNow))]
async fn collect(State(ops): State<Arc<Ops>>) -> Answer<Freed> {
    Ok(Json(ops.free().await?))
}

/// Examines the node, and mends it where asked to; the result is a `Diagnosis`
#[utoipa::path(post, path = "/node/examine", tag = "node",
    operation_id = "examineNode", request_body = Examine,
    responses((status = 200, body = Step, content_type = "application/x-ndjson")))]
async fn examine(State(ops): State<Arc<Ops>>, Body(examine): Body<Examine>) -> Response {
    steps(|reporter| async move { ops.examine(&examine, &reporter).await })
}

/// Lists what may exist nowhere else
#[utoipa::path(get, path = "/node/alone", tag = "node",
    operation_id = "listAlone", responses((status = 200, body = Alone)))]
async fn alone(State(ops): State<Arc<Ops>>) -> Answer<Alone> {
    Ok(Json(ops.alone().await?))
}

/// Stops the daemon in order
#[utoipa::path(post, path = "/node/stop", tag = "node",
    operation_id = "stopNode", responses((status = 202, body = Object)))]
async fn stop(State(ops): State<Arc<Ops>>) -> (StatusCode, Json<serde_json::Value>) {
    ops.stop();
    (StatusCode::ACCEPTED, Json(serde_json::json!({})))
}
