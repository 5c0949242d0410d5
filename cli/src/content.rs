//! The bytes of a file, and what is said where they cannot be read to their end.

use bytes::Bytes;
use dsp_protocol::api::{FileInfo, FrameInfo, ProblemCode, RefRequest, Verified};
use futures::Stream;

use crate::client::{Client, Url};
use crate::error::{Error, Result};
use crate::output::Ui;
use crate::progress::Bar;
use crate::reference::exact;

/// Gets the bytes of a file that is here, piece by piece.
///
/// # Errors
/// The daemon does not have it whole.
pub(crate) async fn bytes(
    client: &Client,
    file: &FileInfo,
) -> Result<impl Stream<Item = Result<Bytes>> + use<>> {
    client.bytes(&Url::new(&["blobs", &file.hash.to_string()])).await
}

/// Returns why the bytes of a file broke off. Damage shows only when it is reached, and an answer
/// that has begun can but break off then: the daemon is asked once more, whether it was that.
pub(crate) async fn broken(
    error: Error,
    (client, ui): (&Client, &Ui),
    (frame, file): (&FrameInfo, &FileInfo),
) -> Error {
    let reference = format!("{}#{}", exact(frame), file.path);
    let hint = format!(
        "`dsp fetch {}@{}#{}` brings it again from whoever has it; its author can push it again",
        frame.stack.reference,
        frame.id.short(),
        file.path
    );
    if error.code() == ProblemCode::Corrupt {
        return error.hint(hint);
    }
    let request = RefRequest { reference: Some(reference) };
    let mut bar = Bar::new(ui, "looking for damage");
    let asked = client.steps::<Verified>(&Url::new(&["verify"]), &request, &mut bar).await;
    match asked.ok().and_then(|verified| verified.faults.into_iter().next()) {
        Some(fault) => {
            Error::corrupt(format!("{} is damaged here: {}", file.path, fault.reason)).hint(hint)
        }
        None => error,
    }
}
