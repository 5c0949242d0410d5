//! Requests read and answers written: JSON both ways, and one map from problems to responses.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dsp_protocol::api::{PROBLEM_JSON, Problem, ProblemCode};
use serde::de::DeserializeOwned;

use crate::ops::objects;

/// A problem on its way out.
#[derive(Debug)]
pub(crate) struct Fault(pub(crate) Problem);

/// What a route returns.
pub(super) type Answer<T> = Result<Json<T>, Fault>;

impl Fault {
    pub(super) fn new(code: ProblemCode, detail: impl Into<String>) -> Fault {
        Fault(Problem::new(code, detail))
    }

    pub(super) fn method_not_allowed() -> Fault {
        let problem = Problem::new(ProblemCode::BadRequest, "the path does not take this method");
        Fault(Problem { status: StatusCode::METHOD_NOT_ALLOWED.as_u16(), ..problem })
    }
}

impl<E: Into<Problem>> From<E> for Fault {
    fn from(error: E) -> Fault {
        Fault(error.into())
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.0)).into_response();
        let problem = header::HeaderValue::from_static(PROBLEM_JSON);
        response.headers_mut().insert(header::CONTENT_TYPE, problem);
        response
    }
}

/// A JSON body; any other media type is refused, so that no form of another site's page fits.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        if !is_json(request.headers()) {
            let detail = "the body has to be `application/json`";
            return Err(Fault::new(ProblemCode::UnsupportedMediaType, detail));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            let code = match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => ProblemCode::TooLarge,
                _ => ProblemCode::BadRequest,
            };
            Fault::new(code, rejection.body_text())
        })?;
        let read = objects::from_slice(&bytes);
        read.map(Body)
            .map_err(|error| Fault::new(ProblemCode::BadRequest, format!("the body: {error}")))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    is_of(headers, "application/json")
}

/// Tells whether a body is said to be of a media type, whatever is said beside it.
pub(super) fn is_of(headers: &HeaderMap, media: &str) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.map(|value| value.split(';').next().unwrap_or_default().trim());
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case(media))
}

/// The parameters behind `?`.
pub(super) struct Query<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let read = axum::extract::Query::from_request_parts(parts, state).await;
        read.map(|axum::extract::Query(value)| Query(value)).map_err(|rejection| {
            Fault::new(ProblemCode::BadRequest, format!("the query: {}", why(&rejection)))
        })
    }
}

/// Returns what is wrong with a query, in words of ours where the standard library has it.
fn why(rejection: &axum::extract::rejection::QueryRejection) -> String {
    let error: &dyn std::error::Error = rejection;
    let cause = std::iter::successors(Some(error), |error| error.source()).last();
    let cause = cause.map_or_else(|| rejection.body_text(), ToString::to_string);
    let known = [
        ("invalid digit found in string", "no whole number from 0 on"),
        ("cannot parse integer from empty string", "no number, as it is empty"),
        ("number too large to fit in target type", "a number that is too large"),
        ("provided string was not `true` or `false`", "neither `true` nor `false`"),
    ];
    known.iter().fold(cause, |cause, (theirs, ours)| cause.replace(theirs, ours))
}

/// What stands in the path, in the place of a parameter.
pub(super) struct Path<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let read = axum::extract::Path::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(value)| Path(value))
            .map_err(|rejection| Fault::new(ProblemCode::BadRequest, rejection.body_text()))
    }
}

/// Answers with text that is JSON already.
pub(super) fn json_text(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
