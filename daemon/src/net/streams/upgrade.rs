//! The first bytes of a stream: its protocol, and the answer of the side that listens.

use std::array;
use std::io;

use futures::future::BoxFuture;
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo};
use libp2p::{Stream, StreamProtocol};

use super::Admission;
use crate::net::stream::{NetStream, StreamKind};

/// The answer to a stream that is served.
pub(super) const ACCEPTED: u8 = 1;
/// The answer to a stream above the bound.
pub(super) const BUSY: u8 = 0;

/// Why a stream did not come up after its protocol was agreed upon.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpgradeError {
    #[error("too many streams of this device")]
    Busy,
    #[error("expected {ACCEPTED} or {BUSY} as the first byte, got {0}")]
    Answer(u8),
    #[error("the stream broke")]
    Io(#[from] io::Error),
}

/// Takes an inbound stream when there is a place for it, and says so either way.
pub(crate) struct Accept(pub(super) Admission);

impl UpgradeInfo for Accept {
    type Info = StreamProtocol;
    type InfoIter = array::IntoIter<StreamProtocol, { StreamKind::ALL.len() }>;

    fn protocol_info(&self) -> Self::InfoIter {
        StreamKind::ALL.map(StreamKind::protocol).into_iter()
    }
}

impl InboundUpgrade<Stream> for Accept {
    type Output = (StreamKind, NetStream);
    type Error = UpgradeError;
    type Future = BoxFuture<'static, Result<Self::Output, Self::Error>>;

    fn upgrade_inbound(self, mut stream: Stream, protocol: StreamProtocol) -> Self::Future {
        Box::pin(async move {
            let Some(permit) = self.0.admit() else {
                stream.write_all(&[BUSY]).await?;
                stream.close().await?;
                return Err(UpgradeError::Busy);
            };
            let kind = StreamKind::ALL.into_iter().find(|kind| kind.protocol() == protocol);
            let kind = kind.expect("only offered protocols are agreed upon");
            stream.write_all(&[ACCEPTED]).await?;
            stream.flush().await?;
            Ok((kind, NetStream::new(stream, Some(permit))))
        })
    }
}

/// Asks for a stream and waits for the answer.
pub(crate) struct Ask(pub(super) StreamKind);

impl UpgradeInfo for Ask {
    type Info = StreamProtocol;
    type InfoIter = array::IntoIter<StreamProtocol, 1>;

    fn protocol_info(&self) -> Self::InfoIter {
        [self.0.protocol()].into_iter()
    }
}

impl OutboundUpgrade<Stream> for Ask {
    type Output = NetStream;
    type Error = UpgradeError;
    type Future = BoxFuture<'static, Result<Self::Output, Self::Error>>;

    fn upgrade_outbound(self, mut stream: Stream, _: StreamProtocol) -> Self::Future {
        Box::pin(async move {
            let mut answer = [0];
            stream.read_exact(&mut answer).await?;
            match answer[0] {
                ACCEPTED => Ok(NetStream::new(stream, None)),
                BUSY => Err(UpgradeError::Busy),
                other => Err(UpgradeError::Answer(other)),
            }
        })
    }
}
