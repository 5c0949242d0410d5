//! `/pins`, `/drop` and `/forget`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use dsp_protocol::api::{DropRequest, ForgetRequest, Forgotten, NewPin, Page, Step, Unpinned};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Query};
use super::contexts::PageQuery;
use super::described::{NoSuch, PinPage, TooMuch};
use super::stacks::RefQuery;
use super::steps::steps;
use crate::ops::Ops;

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new()
        .routes(routes!(list, pin, unpin))
        .routes(routes!(drop_bytes))
        .routes(routes!(forget))
}

/// Lists what is pinned
#[utoipa::path(get, path = "/pins", tag = "keeping", operation_id = "listPins", params(PageQuery),
    responses((status = 200, body = PinPage)))]
async fn list(State(ops): State<Arc<Ops>>, Query(query): Query<PageQuery>) -> Answer<Page> {
    Ok(Json(ops.pins(&query.into()).await?))
}

/// Keeps the bytes of a frame or a stack here; the result is a `Pinned`
#[utoipa::path(post, path = "/pins", tag = "keeping", operation_id = "pin", request_body = NewPin,
    responses((status = 200, body = Step, content_type = "application/x-ndjson")))]
async fn pin(State(ops): State<Arc<Ops>>, Body(new): Body<NewPin>) -> Response {
    steps(|reporter| async move { ops.pin(new, &reporter).await })
}

/// Takes pins away; the bytes stay until they are dropped
#[utoipa::path(delete, path = "/pins", tag = "keeping", operation_id = "unpin", params(RefQuery),
    responses((status = 200, body = Unpinned), NoSuch))]
async fn unpin(State(ops): State<Arc<Ops>>, Query(query): Query<RefQuery>) -> Answer<Unpinned> {
    Ok(Json(ops.unpin(&query.reference).await?))
}

/// Frees bytes that somebody else proved to hold; the result is a `DropReport`
#[utoipa::path(post, path = "/drop", tag = "keeping",
    operation_id = "dropBytes", request_body = DropRequest,
    responses((status = 200, body = Step, content_type = "application/x-ndjson")))]
async fn drop_bytes(State(ops): State<Arc<Ops>>, Body(request): Body<DropRequest>) -> Response {
    steps(|reporter| async move { ops.drop_bytes(&request, &reporter).await })
}

/// Withdraws a frame or a file of mine from everybody, for good
#[utoipa::path(post, path = "/forget", tag = "keeping",
    operation_id = "forget", request_body = ForgetRequest,
    responses((status = 200, body = Forgotten), NoSuch, TooMuch))]
async fn forget(
    State(ops): State<Arc<Ops>>,
    Body(request): Body<ForgetRequest>,
) -> Answer<Forgotten> {
    Ok(Json(ops.forget(&request).await?))
}
