//! `/archives`.

use std::sync::Arc;

use axum::Json;
use axum::body::Body as AxumBody;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use dsp_protocol::api::{ArchiveTaken, ExportArchive, ProblemCode};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Body, Fault};
use super::blobs::{WAITING, is_bytes, next};
use super::described::{Bytes, NoSuch, NotNow, TooMuch};
use crate::ops::Ops;

/// How many bytes of an archive that was refused are read all the same, so that a caller who is
/// still sending hears why.
const DRAIN_BYTES: u64 = 1 << 30;

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new().routes(routes!(export)).routes(routes!(import))
}

/// Writes a context, or a part of it, as an archive
#[utoipa::path(post, path = "/archives/export", tag = "archives",
    operation_id = "exportArchive", request_body = ExportArchive,
    responses((status = 200, body = inline(Bytes), content_type = "application/octet-stream"), NoSuch, TooMuch))]
async fn export(
    State(ops): State<Arc<Ops>>,
    Body(wanted): Body<ExportArchive>,
) -> Result<Response, Fault> {
    let bytes = ops.export_archive(wanted).await?;
    let media = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok((media, AxumBody::from_stream(bytes)).into_response())
}

/// Takes an archive in
#[utoipa::path(post, path = "/archives/import", tag = "archives", operation_id = "importArchive",
    request_body(content = inline(Bytes), content_type = "application/octet-stream"),
    responses((status = 200, body = ArchiveTaken), NotNow))]
async fn import(State(ops): State<Arc<Ops>>, request: Request) -> Answer<ArchiveTaken> {
    if !is_bytes(request.headers()) {
        let detail = "the body has to be `application/octet-stream`";
        return Err(Fault::new(ProblemCode::UnsupportedMediaType, detail));
    }
    let mut body = request.into_body().into_data_stream();
    let (pieces, stream) = mpsc::channel(WAITING);
    let receive = async move {
        let mut unread = 0;
        while let Some(piece) = next(&mut body).await {
            let (ended, bytes) = (piece.is_err(), piece.as_ref().map_or(0, |p| p.len() as u64));
            if pieces.send(piece).await.is_err() {
                unread += bytes;
            }
            if ended || unread > DRAIN_BYTES {
                return;
            }
        }
    };
    let import = ops.import_archive(ReceiverStream::new(stream));
    let ((), taken) = tokio::join!(receive, import);
    Ok(Json(taken?))
}
