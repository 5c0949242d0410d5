//! `/contexts/{context}/members`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use dsp_protocol::api::{KeepMore, MemberInfo, Page, SetRole};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Path, Query};
use super::contexts::PageQuery;
use super::described::{MemberPage, NoSuch};
use crate::ops::{Kept, Ops};

/// What of a removed user goes on to count.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum KeepWord {
    /// All that counts now.
    #[default]
    All,
    /// Nothing.
    Nothing,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RemoveQuery {
    /// What of hers goes on to count; all when left out.
    #[serde(default)]
    #[param(inline)]
    keep: KeepWord,
    /// What she said from this time on, RFC 3339, by her own clock, counts no more.
    since: Option<String>,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, set, remove))
        .routes(routes!(keep))
}

/// Lists who is in a context, and who was removed
#[utoipa::path(get, path = "/contexts/{context}/members", tag = "members",
    operation_id = "listMembers",
    params(("context" = String, Path, description = "label or id"), PageQuery),
    responses((status = 200, body = MemberPage), NoSuch))]
async fn list(
    State(ops): State<Arc<Ops>>,
    Path(context): Path<String>,
    Query(query): Query<PageQuery>,
) -> Answer<Page> {
    Ok(Json(ops.members(&context, &query.into()).await?))
}

/// Shows a member
#[utoipa::path(get, path = "/contexts/{context}/members/{user}", tag = "members",
    operation_id = "getMember",
    params(("context" = String, Path, description = "label or id"),
        ("user" = String, Path, description = "petname or id")),
    responses((status = 200, body = MemberInfo), NoSuch))]
async fn get(
    State(ops): State<Arc<Ops>>,
    Path((context, user)): Path<(String, String)>,
) -> Answer<MemberInfo> {
    Ok(Json(ops.member(&context, &user).await?))
}

/// Makes a user a member, or gives her another role
#[utoipa::path(put, path = "/contexts/{context}/members/{user}", tag = "members",
    operation_id = "setMember",
    params(("context" = String, Path, description = "label or id"),
        ("user" = String, Path, description = "petname or id")),
    request_body = SetRole, responses((status = 200, body = MemberInfo), NoSuch))]
async fn set(
    State(ops): State<Arc<Ops>>,
    Path((context, user)): Path<(String, String)>,
    Body(role): Body<SetRole>,
) -> Answer<MemberInfo> {
    Ok(Json(ops.set_member(&context, &user, &role).await?))
}

/// Removes a user; copies that she took stay hers
#[utoipa::path(delete, path = "/contexts/{context}/members/{user}", tag = "members",
    operation_id = "removeMember",
    params(("context" = String, Path, description = "label or id"),
        ("user" = String, Path, description = "petname or id"), RemoveQuery),
    responses((status = 200, body = MemberInfo), NoSuch))]
async fn remove(
    State(ops): State<Arc<Ops>>,
    Path((context, user)): Path<(String, String)>,
    Query(query): Query<RemoveQuery>,
) -> Answer<MemberInfo> {
    let kept = match query.keep {
        KeepWord::All => Kept::All,
        KeepWord::Nothing => Kept::Nothing,
    };
    Ok(Json(ops.remove_member(&context, &user, kept, query.since.as_deref()).await?))
}

/// Lets in again what was cut away of a removed user
#[utoipa::path(post, path = "/contexts/{context}/members/{user}/keep", tag = "members",
    operation_id = "keepMember",
    params(("context" = String, Path, description = "label or id"),
        ("user" = String, Path, description = "petname or id")),
    request_body = KeepMore, responses((status = 200, body = MemberInfo), NoSuch))]
async fn keep(
    State(ops): State<Arc<Ops>>,
    Path((context, user)): Path<(String, String)>,
    Body(keep): Body<KeepMore>,
) -> Answer<MemberInfo> {
    Ok(Json(ops.keep_more(&context, &user, &keep).await?))
}
