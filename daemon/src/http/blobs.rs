//! `/blobs` and `/content`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use dsp_protocol::api::{BlobPut, ProblemCode};
use dsp_protocol::id::BlobHash;
use futures::StreamExt as _;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Fault, Path, Query, is_of};
use super::described::{NoSuch, NotNow, Outside, TooMuch};
use super::stacks::RefQuery;
use super::{bytes, described};
use crate::ops::Ops;

/// How long the next piece of an upload may take: whatever makes the bytes may think for a while.
const IDLE: Duration = Duration::from_secs(15 * 60);
/// Pieces of an upload that wait to be written.
pub(super) const WAITING: usize = 8;

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new().routes(routes!(put)).routes(routes!(get)).routes(routes!(content))
}

/// Uploads bytes, for a frame that names their hash
#[utoipa::path(put, path = "/blobs", tag = "blobs", operation_id = "putBlob",
    params(("X-Dsp-Blake3" = Option<String>, Header, description = "what they must hash to")),
    request_body(content = inline(described::Bytes), content_type = "application/octet-stream"),
    responses((status = 201, body = BlobPut)))]
async fn put(
    State(ops): State<Arc<Ops>>,
    request: Request,
) -> Result<(StatusCode, Json<BlobPut>), Fault> {
    let headers = request.headers();
    if !is_bytes(headers) {
        let detail = "the body has to be `application/octet-stream`";
        return Err(Fault::new(ProblemCode::UnsupportedMediaType, detail));
    }
    let expected = expected(headers)?;
    let length = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    let put = taken(request.into_body(), |bytes| ops.put_blob(bytes, length, expected)).await;
    Ok((StatusCode::CREATED, Json(put?)))
}

/// Hands the pieces of a body to what takes them in, a few at a time.
pub(super) async fn taken<F: Future>(
    body: Body,
    take: impl FnOnce(ReceiverStream<io::Result<Bytes>>) -> F,
) -> F::Output {
    let mut body = body.into_data_stream();
    let (pieces, stream) = mpsc::channel(WAITING);
    let receive = async move {
        while let Some(piece) = next(&mut body).await {
            let ended = piece.is_err();
            if pieces.send(piece).await.is_err() || ended {
                return;
            }
        }
    };
    tokio::join!(receive, take(ReceiverStream::new(stream))).1
}

/// Tells whether a body is bytes, which no form of another site's page sends.
pub(super) fn is_bytes(headers: &HeaderMap) -> bool {
    is_of(headers, "application/octet-stream")
}

/// Returns the next piece of a body; one that does not come is an error.
pub(super) async fn next(body: &mut BodyDataStream) -> Option<io::Result<Bytes>> {
    match timeout(IDLE, body.next()).await {
        Ok(piece) => Some(piece?.map_err(io::Error::other)),
        Err(_) => Some(Err(io::ErrorKind::TimedOut.into())),
    }
}

fn expected(headers: &HeaderMap) -> Result<Option<BlobHash>, Fault> {
    let Some(value) = headers.get("x-dsp-blake3") else { return Ok(None) };
    let hash = value.to_str().ok().and_then(|text| text.parse().ok());
    let detail = "the header `X-Dsp-Blake3` is no hash";
    hash.map(Some).ok_or_else(|| Fault::new(ProblemCode::BadRequest, detail))
}

/// Returns the bytes of a blob that is here
#[utoipa::path(get, path = "/blobs/{hash}", tag = "blobs", operation_id = "getBlob",
    params(("hash" = BlobHash, Path, description = "the BLAKE3 of the bytes")),
    responses((status = 200, body = inline(described::Bytes), content_type = "application/octet-stream"),
        (status = 206, body = inline(described::Bytes), content_type = "application/octet-stream"),
        (status = 304, description = "The caller has them, as `If-None-Match` says"), NotNow, Outside))]
async fn get(
    State(ops): State<Arc<Ops>>,
    Path(hash): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let hash: BlobHash = hash.parse().map_err(crate::ops::bad_request)?;
    bytes::answer(&ops, &headers, &ops.open_blob(hash).await?).await
}

/// Returns the bytes of the attachment that a reference means
#[utoipa::path(get, path = "/content", tag = "blobs", operation_id = "getContent", params(RefQuery),
    responses((status = 200, body = inline(described::Bytes), content_type = "application/octet-stream"),
        (status = 206, body = inline(described::Bytes), content_type = "application/octet-stream"),
        (status = 304, description = "The caller has them, as `If-None-Match` says"), NoSuch, TooMuch, Outside))]
async fn content(
    State(ops): State<Arc<Ops>>,
    Query(query): Query<RefQuery>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    bytes::answer(&ops, &headers, &ops.open_content(&query.reference).await?).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_of_which_nothing_comes_is_given_up() {
        let (pieces, stream) = mpsc::channel::<io::Result<Bytes>>(1);
        let mut body = Body::from_stream(ReceiverStream::new(stream)).into_data_stream();
        pieces.send(Ok(Bytes::from_static(b"1"))).await.unwrap();
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "1");
        let error = next(&mut body).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(pieces);
        assert!(next(&mut body).await.is_none());
    }
}
