//! `/tokens`: those of programs, made and revoked.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use dsp_protocol::api::{NewToken, Page, TokenInfo, TokenMade};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Fault, Path, Query};
use super::described::{NoSuch, NotNow, TokenPage};
use crate::ops::{Ops, Paging};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Most items of the page.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(list)).routes(routes!(end))
}

/// Makes a token that outlives a run; its secret is shown this once
#[utoipa::path(post, path = "/tokens", tag = "tokens",
    operation_id = "createToken", request_body = NewToken,
    responses((status = 201, body = TokenMade), NotNow))]
async fn create(
    State(ops): State<Arc<Ops>>,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<TokenMade>), Fault> {
    Ok((StatusCode::CREATED, Json(ops.new_token(new).await?)))
}

/// Lists the tokens of programs, without their secrets
#[utoipa::path(get, path = "/tokens", tag = "tokens",
    operation_id = "listTokens", params(ListQuery),
    responses((status = 200, body = TokenPage)))]
async fn list(State(ops): State<Arc<Ops>>, Query(query): Query<ListQuery>) -> Answer<Page> {
    Ok(Json(ops.tokens(&Paging { limit: query.limit, cursor: query.cursor }).await?))
}

/// Revokes a token, by its id or the first digits of it
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens", operation_id = "revokeToken",
    params(("id" = String, Path, description = "id, or at least 4 digits of it")),
    responses((status = 200, body = TokenInfo), NoSuch))]
async fn end(State(ops): State<Arc<Ops>>, Path(id): Path<String>) -> Answer<TokenInfo> {
    Ok(Json(ops.end_token(&id).await?))
}
