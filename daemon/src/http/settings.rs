//! `/settings`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use dsp_protocol::api::Page;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Query};
use super::contexts::PageQuery;
use super::described::{NoSuch, SettingPage};
use crate::ops::Ops;

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new().routes(routes!(list, change))
}

/// Lists settings with where they come from
#[utoipa::path(get, path = "/settings", tag = "settings",
    operation_id = "listSettings", params(PageQuery),
    responses((status = 200, body = SettingPage)))]
async fn list(State(ops): State<Arc<Ops>>, Query(query): Query<PageQuery>) -> Answer<Page> {
    Ok(Json(ops.settings(&query.into())?))
}

/// Changes settings; null takes one back to its default
#[utoipa::path(patch, path = "/settings", tag = "settings",
    operation_id = "changeSettings", request_body = Object,
    responses((status = 200, body = SettingPage), NoSuch))]
async fn change(
    State(ops): State<Arc<Ops>>,
    Body(changes): Body<serde_json::Map<String, serde_json::Value>>,
) -> Answer<Page> {
    Ok(Json(ops.change_settings(&changes).await?))
}
