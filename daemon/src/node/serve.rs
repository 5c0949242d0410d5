//! Serving blobs to peers: who may read what, and what is done about damage.

use dsp_protocol::id::{BlobHash, ContextId, DeviceId};

use super::NodeHandle;
use super::clock::now;
use crate::blobs::{Authorise, Blobs, Header, ReadError, ServeError, Served, WireError};
use crate::net::NetStream;
use crate::store::Store;

/// Answers the provider who earned what: the engine knows the session, the store the blobs.
struct Earned {
    node: NodeHandle,
    store: Store,
}

impl Authorise for Earned {
    async fn earned(&self, device: DeviceId, header: Header, hashes: &[BlobHash]) -> bool {
        let readable = self
            .node
            .query(move |engine| engine.readable_by(now(), device, header.tag, header.generation))
            .await;
        // An unknown tag takes the same look-up, under a context that nobody has.
        let context = readable.ok().flatten();
        let looked_up = context.unwrap_or(ContextId::from_bytes([0; 32]));
        let earned = self.store.earned(looked_up, hashes.to_vec()).await.unwrap_or(false);
        earned && context.is_some()
    }
}

/// Serves one stream to its end.
///
/// # Errors
/// The peer asked as no honest program does.
pub(super) async fn serve(
    device: DeviceId,
    stream: NetStream,
    node: NodeHandle,
    store: Store,
    blobs: Blobs,
) -> Result<(), WireError> {
    let transfers = node.transfers().clone();
    // Dropped without a word, the stream is one that broke off: others are asked.
    let Some(outgoing) = transfers.begin_out(device) else { return Ok(()) };
    let authorise = Earned { node, store };
    let stream = outgoing.counted(stream);
    let served = tokio::select! {
        served = blobs.serve(stream, device, &authorise) => served,
        () = outgoing.paused() => return Ok(()),
    };
    match served {
        Ok(Served::Sent { .. }) => {}
        Ok(Served::NotHere) => transfers.refuse(|refused| refused.not_here += 1),
        Ok(Served::Busy) => transfers.refuse(|refused| refused.busy += 1),
        Err(ServeError::Request(error)) => {
            transfers.refuse(|refused| refused.malformed += 1);
            return Err(error);
        }
        Err(ServeError::BrokenOff { hashes, reason }) => {
            tracing::warn!(peer = %device.short(), reason, "blobs cannot be read");
            for hash in hashes {
                give_up_if_damaged(&authorise.store, &blobs, hash).await;
            }
        }
        Err(error) => {
            tracing::debug!(peer = %device.short(), %error, "blobs not served");
        }
    }
    Ok(())
}

/// Takes a damaged blob out of every context, so that it is offered to nobody, and removes it.
async fn give_up_if_damaged(store: &Store, blobs: &Blobs, hash: BlobHash) {
    // Before anybody is kept waiting.
    match blobs.verify(hash).await {
        Ok(_) | Err(ReadError::Missing(_) | ReadError::Partial { .. }) => return,
        Err(error) => tracing::error!(%error, "a blob that is offered cannot be read"),
    }
    // A push may have brought it again meanwhile, and none may come in between.
    let unfit = match blobs.unfit(vec![hash]).await {
        Ok(unfit) if unfit.hashes().is_empty() => return,
        Ok(unfit) => unfit,
        Err(error) => return tracing::warn!(%error, "it is offered still, as that may pass"),
    };
    // In this order: what is not offered may go.
    if let Err(error) = store.unearn(unfit.hashes().to_vec()).await {
        return tracing::error!(blob = %hash, %error, "a damaged blob is still offered");
    }
    tracing::error!(blob = %hash, "damaged; it is offered no more; fetch it again");
    drop(unfit);
    if let Err(error) = blobs.forget_corrupt(hash).await {
        tracing::warn!(blob = %hash, %error, "a damaged blob is not removed yet");
    }
}
