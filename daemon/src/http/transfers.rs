//! `/transfers` and `/metrics`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use dsp_protocol::api::{PauseTransfer, TransferList};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Fault};
use super::described::NoSuch;
use crate::ops::Ops;

/// The media type of the text format of OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(metrics))
}

/// Lists the transfers that run
#[utoipa::path(get, path = "/transfers", tag = "transfers", operation_id = "listTransfers",
    responses((status = 200, body = TransferList)))]
async fn list(State(ops): State<Arc<Ops>>) -> Answer<TransferList> {
    Ok(Json(ops.transfers().await?))
}

/// Lets a transfer wait, or all of them
#[utoipa::path(post, path = "/transfers/pause", tag = "transfers",
    operation_id = "pauseTransfers", request_body = PauseTransfer,
    responses((status = 200, body = TransferList), NoSuch))]
async fn pause(
    State(ops): State<Arc<Ops>>,
    Body(which): Body<PauseTransfer>,
) -> Answer<TransferList> {
    Ok(Json(ops.pause_transfers(&which, true).await?))
}

/// Lets a transfer go on, or all of them
#[utoipa::path(post, path = "/transfers/resume", tag = "transfers",
    operation_id = "resumeTransfers", request_body = PauseTransfer,
    responses((status = 200, body = TransferList), NoSuch))]
async fn resume(
    State(ops): State<Arc<Ops>>,
    Body(which): Body<PauseTransfer>,
) -> Answer<TransferList> {
    Ok(Json(ops.pause_transfers(&which, false).await?))
}

/// Counts what goes on, for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "node", operation_id = "getMetrics",
    responses((status = 200, body = String, content_type = "application/openmetrics-text")))]
async fn metrics(State(ops): State<Arc<Ops>>) -> Result<Response, Fault> {
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], ops.metrics().await?).into_response())
}
