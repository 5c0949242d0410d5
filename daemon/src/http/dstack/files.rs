//! Large attachments: addresses that show by themselves who may use them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::super::blobs::taken;
use super::super::bytes::{SANDBOX, file_body, shown};
use super::answer::{OldFault, OldQuery};
use super::{Answer, empty};
use crate::ops::Ops;
use crate::ops::dstack::{Refusal, Told};

/// The code of an address.
#[derive(Debug, Deserialize)]
pub(super) struct Code {
    #[serde(default)]
    code: String,
}

/// Returns the object that an address names, as it was written.
fn object(uri: &Uri) -> &str {
    uri.path().strip_prefix("/api/files/").unwrap_or_default()
}

/// Takes the bytes of an attachment in.
pub(super) async fn upload(
    State(ops): State<Arc<Ops>>,
    OldQuery(Code { code }): OldQuery<Code>,
    request: Request,
) -> Answer {
    let upload = ops.dstack_upload(object(request.uri()), &code)?;
    let told = request.headers().get(header::CONTENT_LENGTH);
    let told: Option<u64> = told.and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(told) = told.filter(|told| *told != upload.length) {
        let detail = format!("{told} bytes are to come, not {}", upload.length);
        return Err(Refusal::malformed(detail).into());
    }
    let body = request.into_body();
    taken(body, |bytes| ops.dstack_receive(upload, bytes)).await?;
    Ok(empty())
}

/// Returns the bytes of an attachment: all of them, as they are, and how many they are, as the
/// clients read the socket itself.
pub(super) async fn download(
    State(ops): State<Arc<Ops>>,
    OldQuery(Code { code }): OldQuery<Code>,
    uri: Uri,
) -> Answer {
    let (told, download) = ops.dstack_download(object(&uri), &code).await?;
    let size = told.size();
    let body = match told {
        Told::Pushed(opened) => {
            let pieces = ops.read_blob(&opened, 0..size).await;
            Body::from_stream(pieces.map_err(|problem| OldFault(problem.into()))?)
        }
        Told::Csv { file, .. } => file_body(file),
    };
    let (media, _) = shown(&download.media);
    let mut response: Response = body.into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, media.to_owned()),
        (header::CONTENT_LENGTH, size.to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename={}", download.filename)),
        (header::CONTENT_SECURITY_POLICY, SANDBOX.to_owned()),
    ] {
        let value = HeaderValue::from_str(&value).expect("the value is visible ASCII");
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}
