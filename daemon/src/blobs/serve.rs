//! Serving one stream: who may have what is settled before iroh-blobs sees the request.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dsp_protocol::id::{BlobHash, DeviceId};
use futures::{AsyncRead, AsyncWrite};
use iroh_blobs::provider::events::EventSender;
use iroh_blobs::provider::{self, StreamPair};
use iroh_blobs::util::SendStream;

use super::stream::Outgoing;
use super::wire::{self, Ask, FOLLOWS, Header, NOT_HERE, WireError};
use super::{Blobs, to_hash};

/// How long a peer may take to state its request.
const REQUEST_TIME: Duration = Duration::from_secs(10);
/// How long a peer may take to read one piece, of at most 128 KiB.
const WRITE_TIME: Duration = Duration::from_secs(30);

/// Answers for our index who earned what.
pub trait Authorise: Send + Sync {
    /// Tells whether all `hashes` were earned in the context that `header` names in the session
    /// with `device`, and the device may read there. An unknown tag, an old generation and an
    /// unearned hash are one `false`, after one look-up that takes the same time for each.
    fn earned(
        &self,
        device: DeviceId,
        header: Header,
        hashes: &[BlobHash],
    ) -> impl Future<Output = bool> + Send;
}

/// How an honest request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// All of it was sent.
    Sent {
        /// Bytes sent, with hash trees.
        bytes: u64,
    },
    /// The peer was told *not here*.
    NotHere,
    /// Nothing was said: as many streams run as the rate is enough for. The peer tries again.
    Busy,
}

/// Why a request was not served to its end.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The peer broke the protocol; it was told *not here*.
    #[error(transparent)]
    Request(WireError),
    /// The peer went away or stopped reading.
    #[error("the stream failed")]
    Stream(#[source] io::Error),
    /// The answer broke off on this side: one of the blobs is damaged on this disk, which
    /// [`Blobs::verify`] tells, or cannot be read now.
    #[error("the answer broke off: {reason}")]
    BrokenOff {
        /// What was asked for.
        hashes: Vec<BlobHash>,
        /// What iroh-blobs said.
        reason: String,
    },
}

impl Blobs {
    /// Serves the one request of a `/dsp/blobs/1` stream.
    ///
    /// All hashes must be earned and here, else the answer is *not here*, whatever the reason.
    /// Bytes are checked against their hash on the way out; a damaged blob breaks the answer
    /// off. About 1 MiB of memory, whatever is asked for. A peer has 10 s to state its request,
    /// and 30 s to read each piece.
    ///
    /// # Errors
    /// See [`ServeError`]; those of kind [`Request`](ServeError::Request) are the peer's fault.
    pub async fn serve<S>(
        &self,
        mut stream: S,
        who: DeviceId,
        authorise: &impl Authorise,
    ) -> Result<Served, ServeError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(_place) = self.lanes.up.place() else { return Ok(Served::Busy) };
        let asked = tokio::time::timeout(REQUEST_TIME, wire::read_ask(&mut stream)).await;
        let asked = asked.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()));
        let mut out = Outgoing::new(stream, WRITE_TIME, Arc::clone(&self.lanes), who);
        let (header, ask) = match asked {
            Ok(asked) => asked,
            Err(WireError::Io(error)) => return Err(ServeError::Stream(error)),
            Err(error) => {
                answer_not_here(out).await?;
                return Err(ServeError::Request(error));
            }
        };
        let hashes = ask.hashes();
        // Looked at on both sides: what is let go in between is not served.
        let withheld = self.withholding.has_any(&hashes);
        let earned = authorise.earned(who, header, &hashes).await;
        let withheld = withheld || self.withholding.has_any(&hashes);
        if !earned || withheld || !self.all_here(&hashes).await {
            answer_not_here(out).await?;
            return Ok(Served::NotHere);
        }
        out.send(&[FOLLOWS]).await.map_err(ServeError::Stream)?;
        let store = self.store().into();
        // The request was read to its end: what iroh-blobs sees of that direction is its end.
        let pair = StreamPair::new(0, Bytes::new(), &mut out, EventSender::DEFAULT);
        let sent = match ask {
            Ask::One(request) => Box::pin(provider::handle_get(pair, store, request)).await,
            Ask::Many(request) => Box::pin(provider::handle_get_many(pair, store, request)).await,
        };
        if let Err(error) = sent {
            if out.has_failed() {
                return Err(ServeError::Stream(io::Error::other(format!("{error:#}"))));
            }
            // Dropped without being closed, so the peer sees that it is not whole.
            return Err(ServeError::BrokenOff { hashes, reason: format!("{error:#}") });
        }
        let bytes = out.finish().await.map_err(ServeError::Stream)?;
        Ok(Served::Sent { bytes })
    }

    /// Tells whether all of the blobs are here completely.
    async fn all_here(&self, hashes: &[BlobHash]) -> bool {
        for hash in hashes {
            match self.store().has(to_hash(*hash)).await {
                Ok(true) => {}
                Ok(false) => return false,
                Err(error) => {
                    let error = self.live.failed(error);
                    tracing::debug!(%error, "a blob cannot be looked up");
                    return false;
                }
            }
        }
        true
    }
}

async fn answer_not_here<S>(mut out: Outgoing<S>) -> Result<(), ServeError>
where
    S: AsyncWrite + Unpin + Send,
{
    out.send(&[NOT_HERE]).await.map_err(ServeError::Stream)?;
    out.finish().await.map_err(ServeError::Stream)?;
    Ok(())
}
