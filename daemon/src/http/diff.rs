//! `/diff` and `/search`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use dsp_protocol::api::{FrameDiff, Page};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Query};
use super::described::{HitPage, NoSuch, TooMuch};
use crate::ops::{Bytes, Ops, Paging, SearchFilter};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DiffQuery {
    /// A reference of a frame: the one before where two are named, else the one after.
    #[serde(rename = "ref")]
    reference: String,
    /// The frame after; left out, `ref` is compared with its first parent.
    to: Option<String>,
    /// Whether bytes are compared, too; they are unless this is false.
    content: Option<bool>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SearchQuery {
    /// Words and filters, all of which have to fit; at most 1 KiB.
    q: String,
    /// A context by label or id; all when left out.
    context: Option<String>,
    /// Only stacks of mine.
    #[serde(default)]
    mine: bool,
    /// Most items of the page.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new().routes(routes!(diff)).routes(routes!(search))
}

/// Tells what differs between two frames
#[utoipa::path(get, path = "/diff", tag = "frames", operation_id = "diffFrames", params(DiffQuery),
    responses((status = 200, body = FrameDiff), NoSuch, TooMuch))]
async fn diff(State(ops): State<Arc<Ops>>, Query(query): Query<DiffQuery>) -> Answer<FrameDiff> {
    let bytes = if query.content == Some(false) { Bytes::Left } else { Bytes::Compared };
    Ok(Json(ops.diff(&query.reference, query.to.as_deref(), bytes).await?))
}

/// Finds frames by name, message, params, tags, metrics and columns of tables, the latest first
#[utoipa::path(get, path = "/search", tag = "frames", operation_id = "search", params(SearchQuery),
    responses((status = 200, body = HitPage), NoSuch))]
async fn search(State(ops): State<Arc<Ops>>, Query(query): Query<SearchQuery>) -> Answer<Page> {
    let filter = SearchFilter { query: query.q, context: query.context, mine: query.mine };
    let paging = Paging { limit: query.limit, cursor: query.cursor };
    Ok(Json(ops.search(&filter, &paging).await?))
}
