//! `/notifications`: what happened, and what of it was read.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use dsp_protocol::api::{Page, ReadNotifications, Unread};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Query};
use super::contexts::PageQuery;
use super::described::{NotNow, NotificationPage};
use crate::ops::Ops;

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read))
}

/// Lists notifications, the latest first
#[utoipa::path(get, path = "/notifications", tag = "notifications",
    operation_id = "listNotifications", params(PageQuery),
    responses((status = 200, body = NotificationPage)))]
async fn list(State(ops): State<Arc<Ops>>, Query(query): Query<PageQuery>) -> Answer<Page> {
    Ok(Json(ops.notifications(&query.into()).await?))
}

/// Marks a notification as read, or all of them
#[utoipa::path(post, path = "/notifications/read", tag = "notifications",
    operation_id = "readNotifications", request_body = ReadNotifications,
    responses((status = 200, body = Unread), NotNow))]
async fn read(State(ops): State<Arc<Ops>>, Body(which): Body<ReadNotifications>) -> Answer<Unread> {
    Ok(Json(ops.read_notifications(which).await?))
}
