//! `/tickets`, and those of a context.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use dsp_protocol::api::{NewTicket, Page, TicketInfo, TicketMade};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Fault, Query};
use crate::ops::{Ops, Paging};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only those of this context, by label or id.
    context: Option<String>,
    /// Most items of the page.
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(list)).routes(routes!(end))
}

/// Makes a ticket; its text is shown this once
#[utoipa::path(post, path = "/contexts/{context}/tickets", tag = "tickets",
    params(("context" = String, Path, description = "label or id")), request_body = NewTicket,
    responses((status = 201, body = TicketMade)))]
async fn create(
    State(ops): State<Arc<Ops>>,
    Path(context): Path<String>,
    Body(new): Body<NewTicket>,
) -> Result<(StatusCode, Json<TicketMade>), Fault> {
    Ok((StatusCode::CREATED, Json(ops.new_ticket(&context, new).await?)))
}

/// Lists tickets
#[utoipa::path(get, path = "/tickets", tag = "tickets", params(ListQuery),
    responses((status = 200, body = Page)))]
async fn list(State(ops): State<Arc<Ops>>, Query(query): Query<ListQuery>) -> Answer<Page> {
    let paging = Paging { limit: query.limit, cursor: query.cursor };
    Ok(Json(ops.tickets(query.context.as_deref(), &paging).await?))
}

/// Revokes a ticket, by its key or the first digits of it
#[utoipa::path(delete, path = "/tickets/{key}", tag = "tickets",
    params(("key" = String, Path, description = "key, or at least 4 digits of it")),
    responses((status = 200, body = TicketInfo)))]
async fn end(State(ops): State<Arc<Ops>>, Path(key): Path<String>) -> Answer<TicketInfo> {
    Ok(Json(ops.end_ticket(&key).await?))
}
