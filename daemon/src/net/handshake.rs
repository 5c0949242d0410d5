//! Noise with a bound on what a peer may say before it proved who it is.
//!
//! A message of noise may have 64 KiB, and is held until it is whole. The three that make a
//! handshake have some hundred bytes together, so whoever announces more only wants to be held in
//! memory: a crowd of those is what this keeps small.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::{AsyncRead, AsyncWrite, FutureExt};
use libp2p::PeerId;
use libp2p::core::UpgradeInfo;
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade};
use libp2p::noise;

/// Most bytes that a peer says in a handshake: ten times those of the longest there is.
const HANDSHAKE_BYTES: usize = 4 * 1024;

/// Sets noise up on a connection.
#[derive(Clone)]
pub(super) struct Handshake(noise::Config);

impl Handshake {
    /// Bounds the handshake of a node.
    pub(super) fn new(noise: noise::Config) -> Self {
        Handshake(noise)
    }
}

impl UpgradeInfo for Handshake {
    type Info = <noise::Config as UpgradeInfo>::Info;
    type InfoIter = <noise::Config as UpgradeInfo>::InfoIter;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.protocol_info()
    }
}

/// Who is at the other end, and the encrypted stream.
type Secured<S> = (PeerId, noise::Output<Bounded<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> InboundConnectionUpgrade<S> for Handshake {
    type Output = Secured<S>;
    type Error = noise::Error;
    type Future = BoxFuture<'static, Result<Self::Output, Self::Error>>;

    fn upgrade_inbound(self, stream: S, info: Self::Info) -> Self::Future {
        let (stream, proved) = Bounded::new(stream);
        let secured = self.0.upgrade_inbound(stream, info);
        secured.inspect(move |_| proved.store(true, Ordering::Release)).boxed()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> OutboundConnectionUpgrade<S>
    for Handshake
{
    type Output = Secured<S>;
    type Error = noise::Error;
    type Future = BoxFuture<'static, Result<Self::Output, Self::Error>>;

    fn upgrade_outbound(self, stream: S, info: Self::Info) -> Self::Future {
        let (stream, proved) = Bounded::new(stream);
        let secured = self.0.upgrade_outbound(stream, info);
        secured.inspect(move |_| proved.store(true, Ordering::Release)).boxed()
    }
}

/// A stream from which few bytes are read until the peer proved who it is.
pub(super) struct Bounded<S> {
    inner: S,
    left: usize,
    proved: Arc<AtomicBool>,
}

impl<S> Bounded<S> {
    /// Wraps a stream; the bound ends once what is returned beside it is true.
    fn new(inner: S) -> (Self, Arc<AtomicBool>) {
        let proved = Arc::new(AtomicBool::new(false));
        (Bounded { inner, left: HANDSHAKE_BYTES, proved: Arc::clone(&proved) }, proved)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.proved.load(Ordering::Acquire) {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        // What the peer says behind its proof may come along, and no more than fits.
        let most = buf.len().min(self.left);
        if most == 0 {
            let text = format!("a handshake of more than {HANDSHAKE_BYTES} bytes");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
        }
        let read = std::task::ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buf[..most]))?;
        self.left -= read;
        Poll::Ready(Ok(read))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    use futures::{AsyncReadExt, AsyncWriteExt};
    use libp2p::identity::Keypair;
    use tokio_util::compat::TokioAsyncReadCompatExt;

    use super::*;

    fn node() -> (Keypair, Handshake) {
        let keypair = Keypair::generate_ed25519();
        let noise = noise::Config::new(&keypair).unwrap();
        (keypair, Handshake::new(noise))
    }

    #[tokio::test]
    async fn a_long_message_of_a_handshake_is_not_held() {
        let (ours, theirs) = tokio::io::duplex(1024);
        let (_, handshake) = node();
        let mut theirs = theirs.compat();
        let flood = async {
            let mut said = 0;
            let message = [&u16::MAX.to_be_bytes()[..], &[7; 1022]].concat();
            while theirs.write_all(&message).await.is_ok() {
                said += message.len();
            }
            said
        };
        let (refused, said) =
            tokio::join!(handshake.upgrade_inbound(ours.compat(), "/noise"), flood);
        let error = refused.err().unwrap();
        assert!(error.to_string().contains("more than"), "{error}");
        assert!(said <= HANDSHAKE_BYTES + 2048, "{said} bytes were taken");
    }

    #[tokio::test]
    async fn who_proved_who_it_is_may_say_more() {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let ((our_key, our), (their_key, their)) = (node(), node());
        let inbound = our.upgrade_inbound(ours.compat(), "/noise");
        let outbound = async {
            let secured = their.upgrade_outbound(theirs.compat(), "/noise").await;
            let (peer, mut stream) = secured.unwrap();
            // At once, so that it may come with the end of the handshake.
            stream.write_all(&[7; 20 * HANDSHAKE_BYTES]).await.unwrap();
            stream.close().await.unwrap();
            peer
        };
        let reading = async {
            let (peer, mut stream) = inbound.await.unwrap();
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).await.unwrap();
            (peer, bytes.len())
        };
        let ((peer, read), other) = tokio::join!(reading, outbound);
        assert_eq!((peer, other), (their_key.public().to_peer_id(), our_key.public().to_peer_id()));
        assert_eq!(read, 20 * HANDSHAKE_BYTES);
    }
}
