//! `/offers`; one is taken by `POST /follows` with its label.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use dsp_protocol::api::{OfferInfo, Page};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Path, Query};
use super::contexts::PageQuery;
use super::described::{NoSuch, OfferPage};
use crate::ops::Ops;

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(decline))
}

/// Lists contexts that others made me a member of and that I do not follow
#[utoipa::path(get, path = "/offers", tag = "offers",
    operation_id = "listOffers", params(PageQuery),
    responses((status = 200, body = OfferPage)))]
async fn list(State(ops): State<Arc<Ops>>, Query(query): Query<PageQuery>) -> Answer<Page> {
    Ok(Json(ops.offers(&query.into()).await?))
}

/// Shows an offer no more
#[utoipa::path(delete, path = "/offers/{offer}", tag = "offers", operation_id = "declineOffer",
    params(("offer" = String, Path, description = "label, or id of the context")),
    responses((status = 200, body = OfferInfo), NoSuch))]
async fn decline(State(ops): State<Arc<Ops>>, Path(offer): Path<String>) -> Answer<OfferInfo> {
    Ok(Json(ops.decline_offer(&offer).await?))
}
