//! Answers as dstack's clients read them: JSON in everything that succeeds, `{"message": …}` in
//! everything else, and why in the reason phrase too, which is all that they show.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::ext::ReasonPhrase;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::answer::Fault;
use crate::ops::dstack::Refusal;

/// Longest reason phrase in bytes.
const REASON: usize = 400;

/// A refusal on its way out.
#[derive(Debug)]
pub(super) struct OldFault(pub(super) Refusal);

impl From<Refusal> for OldFault {
    fn from(refusal: Refusal) -> OldFault {
        OldFault(refusal)
    }
}

impl IntoResponse for OldFault {
    fn into_response(self) -> Response {
        let OldFault(refusal) = self;
        let status = StatusCode::from_u16(refusal.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut body = json!({ "message": refusal.message });
        for (name, said) in [("detail", &refusal.detail), ("hint", &refusal.hint)] {
            if let Some(said) = said {
                body[name] = json!(said);
            }
        }
        let mut response = answer(&body);
        *response.status_mut() = status;
        response.extensions_mut().insert(reason(&refusal.line()));
        response
    }
}

/// What stands in the path, in the place of a parameter.
pub(super) struct OldPath<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for OldPath<T> {
    type Rejection = OldFault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, OldFault> {
        let read = axum::extract::Path::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(value)| OldPath(value))
            .map_err(|rejection| Refusal::malformed(rejection.body_text()).into())
    }
}

/// The parameters behind `?`.
pub(super) struct OldQuery<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for OldQuery<T> {
    type Rejection = OldFault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, OldFault> {
        let read = axum::extract::Query::from_request_parts(parts, state).await;
        read.map(|axum::extract::Query(value)| OldQuery(value))
            .map_err(|rejection| Refusal::malformed(rejection.body_text()).into())
    }
}

/// Puts a text where it can end no line and start no header.
fn reason(line: &str) -> ReasonPhrase {
    let visible = |b: u8| if (b' '..=b'~').contains(&b) { b } else { b'?' };
    let line: Vec<u8> = line.bytes().take(REASON).map(visible).collect();
    ReasonPhrase::try_from(line).expect("visible ASCII is a reason")
}

/// Answers with JSON.
pub(super) fn answer(value: &Value) -> Response {
    let mut response = value.to_string().into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "application/json;charset=UTF-8"),
        (header::CACHE_CONTROL, "no-cache, no-store"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Answers with what the guard found, in the form of these routes.
pub(in super::super) fn refused(fault: Fault) -> Response {
    OldFault(fault.0.into()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_stays_in_its_line() {
        let phrase = reason("no `ü\r\nSet-Cookie: x`");
        assert_eq!(phrase.as_bytes(), b"no `????Set-Cookie: x`");
        assert_eq!(reason(&"x".repeat(10_000)).as_bytes().len(), REASON);
    }
}
