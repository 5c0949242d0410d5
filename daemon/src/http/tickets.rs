//! `/tickets`, and those of a context.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use dsp_protocol::api::{NewTicket, Page, TicketEnded, TicketMade};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Fault, Path, Query};
use super::described::{NoSuch, TicketPage};
use crate::ops::{CameIn, Ops, Paging};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only those of this context, by label or id.
    context: Option<String>,
    /// Most items of the page.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What becomes of those who came in by a ticket.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum MembersWord {
    /// They stay.
    #[default]
    Keep,
    /// They are removed, but for owners.
    Remove,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EndQuery {
    /// What becomes of those who came in by it; they stay when left out.
    #[serde(default)]
    #[param(inline)]
    members: MembersWord,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(list)).routes(routes!(end))
}

/// Makes a ticket; its text is shown this once
#[utoipa::path(post, path = "/contexts/{context}/tickets", tag = "tickets",
    operation_id = "createTicket",
    params(("context" = String, Path, description = "label or id")), request_body = NewTicket,
    responses((status = 201, body = TicketMade), NoSuch))]
async fn create(
    State(ops): State<Arc<Ops>>,
    Path(context): Path<String>,
    Body(new): Body<NewTicket>,
) -> Result<(StatusCode, Json<TicketMade>), Fault> {
    Ok((StatusCode::CREATED, Json(ops.new_ticket(&context, new).await?)))
}

/// Lists tickets
#[utoipa::path(get, path = "/tickets", tag = "tickets",
    operation_id = "listTickets", params(ListQuery),
    responses((status = 200, body = TicketPage), NoSuch))]
async fn list(State(ops): State<Arc<Ops>>, Query(query): Query<ListQuery>) -> Answer<Page> {
    let paging = Paging { limit: query.limit, cursor: query.cursor };
    Ok(Json(ops.tickets(query.context.as_deref(), &paging).await?))
}

/// Revokes a ticket, by its key or the first digits of it
#[utoipa::path(delete, path = "/tickets/{key}", tag = "tickets", operation_id = "revokeTicket",
    params(("key" = String, Path, description = "key, or at least 4 digits of it"), EndQuery),
    responses((status = 200, body = TicketEnded), NoSuch))]
async fn end(
    State(ops): State<Arc<Ops>>,
    Path(key): Path<String>,
    Query(query): Query<EndQuery>,
) -> Answer<TicketEnded> {
    let members = match query.members {
        MembersWord::Keep => CameIn::Stay,
        MembersWord::Remove => CameIn::Removed,
    };
    Ok(Json(ops.end_ticket(&key, members).await?))
}
