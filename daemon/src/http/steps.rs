//! Answers of long calls: a JSON line a step.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use dsp_protocol::api::{JSON_LINES, Problem, Step};
use futures::{Stream, StreamExt as _};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::ops::Reporter;

/// Steps that wait for a slow reader.
const WAITING: usize = 32;

/// Runs a long call and answers with its steps. When the caller goes, the call ends.
pub(super) fn steps<T, F, W>(work: F) -> Response
where
    T: Serialize,
    F: FnOnce(Reporter) -> W,
    W: Future<Output = Result<T, Problem>> + Send + 'static,
{
    let (sender, steps) = mpsc::channel(WAITING);
    let work = work(Reporter::new(sender.clone()));
    tokio::spawn(async move {
        let result = tokio::select! {
            result = work => result,
            () = sender.closed() => return,
        };
        let last = match result.map(|value| serde_json::to_value(value)) {
            Ok(Ok(result)) => Step::Done { result },
            Ok(Err(error)) => Step::Failed { problem: crate::ops::internal(&error) },
            Err(problem) => Step::Failed { problem },
        };
        // The caller may go at the last moment.
        let _ = sender.send(last).await;
    });
    let body = Body::from_stream(lines(ReceiverStream::new(steps)));
    ([(header::CONTENT_TYPE, JSON_LINES)], body).into_response()
}

fn lines(steps: impl Stream<Item = Step>) -> impl Stream<Item = Result<Bytes, Infallible>> {
    steps.map(|step| {
        let mut line = serde_json::to_vec(&step).expect("the types of the API have a JSON form");
        line.push(b'\n');
        Ok(Bytes::from(line))
    })
}
