//! `/login-codes` and `/login`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use dsp_protocol::api::{Login, LoginCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Fault};
use crate::ops::{Ops, SESSION_SECONDS};

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new().routes(routes!(code)).routes(routes!(login))
}

/// Makes a code with which a browser logs in once, within a minute
#[utoipa::path(post, path = "/login-codes", tag = "login", operation_id = "createLoginCode",
    responses((status = 200, body = LoginCode)))]
async fn code(State(ops): State<Arc<Ops>>) -> Answer<LoginCode> {
    Ok(Json(ops.login_code()?))
}

/// Logs a browser in with a code; sets its cookie
#[utoipa::path(post, path = "/login", tag = "login",
    operation_id = "logIn", security(()), request_body = Login,
    responses((status = 204, description = "logged in", headers(("Set-Cookie" = String)))))]
async fn login(
    State(ops): State<Arc<Ops>>,
    headers: HeaderMap,
    Body(login): Body<Login>,
) -> Result<Response, Fault> {
    let browser = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let secret = ops.login(&login.code, browser.unwrap_or("browser")).await?;
    let cookie = format!(
        "{}={secret}; HttpOnly; SameSite=Strict; Path=/; Max-Age={SESSION_SECONDS}",
        ops.cookie_name()
    );
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}
