//! `/follows`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use dsp_protocol::api::{ChangeFollow, ContextInfo, Left, NewFollow, Step};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Path, Query};
use super::described::NoSuch;
use super::steps::steps;
use crate::ops::{Leaving, Ops};

/// What becomes of the copy.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum CopyWord {
    /// It stays.
    #[default]
    Keep,
    /// It is forgotten; refused where stacks of mine are in it.
    Drop,
    /// It is forgotten, stacks of mine too.
    DropOwn,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct LeaveQuery {
    /// What becomes of the copy; it stays when left out.
    #[serde(default)]
    #[param(inline)]
    copy: CopyWord,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(change, leave))
}

/// Follows a context by a ticket; the result is a `Followed`
#[utoipa::path(post, path = "/follows", tag = "follows",
    operation_id = "followContext", request_body = NewFollow,
    responses((status = 200, body = Step, content_type = "application/x-ndjson")))]
async fn create(State(ops): State<Arc<Ops>>, Body(new): Body<NewFollow>) -> Response {
    steps(|reporter| async move { ops.follow(new, &reporter).await })
}

/// Changes which bytes of a followed context come by themselves
#[utoipa::path(patch, path = "/follows/{context}", tag = "follows", operation_id = "changeFollow",
    params(("context" = String, Path, description = "label or id")), request_body = ChangeFollow,
    responses((status = 200, body = ContextInfo), NoSuch))]
async fn change(
    State(ops): State<Arc<Ops>>,
    Path(context): Path<String>,
    Body(change): Body<ChangeFollow>,
) -> Answer<ContextInfo> {
    Ok(Json(ops.change_follow(&context, change).await?))
}

/// Leaves a followed context
#[utoipa::path(delete, path = "/follows/{context}", tag = "follows", operation_id = "leaveContext",
    params(("context" = String, Path, description = "label or id"), LeaveQuery),
    responses((status = 200, body = Left), NoSuch))]
async fn leave(
    State(ops): State<Arc<Ops>>,
    Path(context): Path<String>,
    Query(query): Query<LeaveQuery>,
) -> Answer<Left> {
    let leaving = match query.copy {
        CopyWord::Keep => Leaving::Keep,
        CopyWord::Drop => Leaving::Drop,
        CopyWord::DropOwn => Leaving::DropOwn,
    };
    Ok(Json(ops.leave(&context, leaving).await?))
}
