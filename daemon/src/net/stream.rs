//! A stream to a device and what it is for.

use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::{AsyncRead, AsyncWrite};
use libp2p::StreamProtocol;
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt};

use super::streams::Permit;

/// What a stream is for; the peer learns it from the name of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamKind {
    /// Messages of the sync protocol.
    Sync,
    /// Requests for blobs and the bytes themselves.
    Blobs,
    /// A machine that asks to become a device of this user.
    Pair,
}

impl StreamKind {
    /// All kinds, in the order in which they are offered.
    pub(super) const ALL: [StreamKind; 3] = [StreamKind::Sync, StreamKind::Blobs, StreamKind::Pair];

    /// Returns the name on the wire; it carries the major version.
    pub(super) const fn protocol(self) -> StreamProtocol {
        match self {
            StreamKind::Sync => StreamProtocol::new("/dsp/sync/1"),
            StreamKind::Blobs => StreamProtocol::new("/dsp/blobs/1"),
            StreamKind::Pair => StreamProtocol::new("/dsp/pair/1"),
        }
    }
}

/// A stream of bytes in both directions; it keeps its connection up.
///
/// `close` ends the own direction: what was written is delivered, and the peer may go on sending.
/// Dropping the stream gives up both directions and what was not flushed. The peer reads an end in
/// either case, so what has to be whole must carry its own length.
#[derive(Debug)]
pub struct NetStream {
    /// Never locked: it makes the stream `Sync`, which tasks that borrow it have to be.
    inner: Mutex<libp2p::Stream>,
    /// The place of an inbound stream among those that are allowed at once.
    _permit: Option<Permit>,
}

impl NetStream {
    pub(super) fn new(inner: libp2p::Stream, permit: Option<Permit>) -> Self {
        NetStream { inner: Mutex::new(inner), _permit: permit }
    }

    fn stream(&mut self) -> &mut libp2p::Stream {
        self.inner.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wraps the stream for code that uses tokio's traits.
    pub fn into_tokio(self) -> Compat<NetStream> {
        self.compat()
    }
}

impl AsyncRead for NetStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.stream()).poll_read(cx, buf)
    }
}

impl AsyncWrite for NetStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.stream()).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream()).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream()).poll_close(cx)
    }
}
