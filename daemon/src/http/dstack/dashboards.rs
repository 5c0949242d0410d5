//! `/dashboards` and `/stacks/comments` of dstack's first web application.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use super::answer::{OldPath, OldQuery, answer};
use super::{Answer, Caller, body, needs, reader};
use crate::ops::{Ops, Scope};

pub(super) fn routes() -> Router<Arc<Ops>> {
    Router::new()
        .route("/api/dashboards/create", post(create))
        .route("/api/dashboards/update", post(update))
        .route("/api/dashboards/delete", post(delete))
        .route("/api/dashboards/cards/insert", post(insert))
        .route("/api/dashboards/cards/update", post(card))
        .route("/api/dashboards/cards/delete", post(take))
        .route("/api/dashboards/{user}", get(list))
        .route("/api/dashboards/{user}/{id}", get(show))
        .route("/api/stacks/comments/create", post(say))
        .route("/api/stacks/comments/edit", post(edit))
        .route("/api/stacks/comments/delete", post(take_back))
}

async fn list(
    State(ops): State<Arc<Ops>>,
    caller: Caller,
    OldPath(user): OldPath<String>,
) -> Answer {
    Ok(answer(&ops.dstack_dashboards(reader(caller.as_ref()), &user).await?))
}

async fn show(
    State(ops): State<Arc<Ops>>,
    caller: Caller,
    OldPath((user, id)): OldPath<(String, String)>,
) -> Answer {
    Ok(answer(&ops.dstack_dashboard(reader(caller.as_ref()), &user, &id).await?))
}

async fn create(State(ops): State<Arc<Ops>>, caller: Caller, request: Request) -> Answer {
    needs(caller.as_ref(), Scope::Admin, "making a dashboard")?;
    Ok(answer(&ops.dstack_dashboard_create(&body(request).await?).await?))
}

async fn update(State(ops): State<Arc<Ops>>, caller: Caller, request: Request) -> Answer {
    needs(caller.as_ref(), Scope::Admin, "changing a dashboard")?;
    ops.dstack_dashboard_update(&body(request).await?).await?;
    Ok(answer(&json!({})))
}

async fn delete(State(ops): State<Arc<Ops>>, caller: Caller, request: Request) -> Answer {
    needs(caller.as_ref(), Scope::Admin, "removing a dashboard")?;
    ops.dstack_dashboard_delete(&body(request).await?).await?;
    Ok(answer(&json!({})))
}

/// What stands behind `?` where cards are put on.
#[derive(Debug, Deserialize)]
struct HowMuch {
    #[serde(default)]
    attachments: Option<String>,
}

async fn insert(
    State(ops): State<Arc<Ops>>,
    caller: Caller,
    OldQuery(how): OldQuery<HowMuch>,
    request: Request,
) -> Answer {
    needs(caller.as_ref(), Scope::Admin, "changing a dashboard")?;
    let whole = how.attachments.is_some_and(|word| word.eq_ignore_ascii_case("true"));
    Ok(answer(&ops.dstack_cards_insert(&body(request).await?, whole).await?))
}

async fn card(State(ops): State<Arc<Ops>>, caller: Caller, request: Request) -> Answer {
    needs(caller.as_ref(), Scope::Admin, "changing a dashboard")?;
    Ok(answer(&ops.dstack_card_update(&body(request).await?).await?))
}

async fn take(State(ops): State<Arc<Ops>>, caller: Caller, request: Request) -> Answer {
    needs(caller.as_ref(), Scope::Admin, "changing a dashboard")?;
    Ok(answer(&ops.dstack_card_delete(&body(request).await?).await?))
}

async fn say(State(ops): State<Arc<Ops>>, caller: Caller, request: Request) -> Answer {
    needs(caller.as_ref(), Scope::Admin, "saying something")?;
    Ok(answer(&ops.dstack_comment(&body(request).await?).await?))
}

async fn edit(State(ops): State<Arc<Ops>>, caller: Caller, request: Request) -> Answer {
    needs(caller.as_ref(), Scope::Admin, "changing a comment")?;
    ops.dstack_comment_edit(&body(request).await?).await?;
    Ok(answer(&json!({})))
}

async fn take_back(State(ops): State<Arc<Ops>>, caller: Caller, request: Request) -> Answer {
    needs(caller.as_ref(), Scope::Admin, "taking a comment back")?;
    ops.dstack_comment_delete(&body(request).await?).await?;
    Ok(answer(&json!({})))
}
