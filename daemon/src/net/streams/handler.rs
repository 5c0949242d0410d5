//! The part of the behaviour that lives with one connection.

use std::collections::VecDeque;
use std::task::{Context, Poll};
use std::time::Duration;

use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
};
use libp2p::swarm::{
    ConnectionHandler, ConnectionHandlerEvent, StreamUpgradeError, SubstreamProtocol,
};
use tokio::sync::oneshot;

use super::Admission;
use super::upgrade::{Accept, Ask, UpgradeError};
use crate::net::handle::OpenError;
use crate::net::limits::NEGOTIATION;
use crate::net::stream::{NetStream, StreamKind};

type Reply = oneshot::Sender<Result<NetStream, OpenError>>;
type Event = ConnectionHandlerEvent<Ask, Reply, (StreamKind, NetStream)>;

/// A stream that is asked for; dropping it tells the caller that the connection is gone.
#[derive(Debug)]
pub(crate) struct Open {
    pub(super) kind: StreamKind,
    pub(super) reply: Reply,
}

/// Opens and accepts the streams of one connection.
pub(crate) struct Handler {
    admission: Admission,
    open_within: Duration,
    queue: VecDeque<Event>,
}

impl Handler {
    pub(super) fn new(admission: Admission, open_within: Duration) -> Self {
        Handler { admission, open_within, queue: VecDeque::new() }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Open;
    type ToBehaviour = (StreamKind, NetStream);
    type InboundProtocol = Accept;
    type OutboundProtocol = Ask;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Reply;

    fn listen_protocol(&self) -> SubstreamProtocol<Accept> {
        SubstreamProtocol::new(Accept(self.admission.clone()), ()).with_timeout(NEGOTIATION)
    }

    fn on_behaviour_event(&mut self, open: Open) {
        if open.reply.is_closed() {
            return;
        }
        let protocol =
            SubstreamProtocol::new(Ask(open.kind), open.reply).with_timeout(self.open_within);
        self.queue.push_back(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Accept, Ask, (), Reply>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol, ..
            }) => self.queue.push_back(ConnectionHandlerEvent::NotifyBehaviour(protocol)),
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol: stream,
                info: reply,
            }) => {
                // A caller that no longer waits gets nothing; the stream ends here.
                let _ = reply.send(Ok(stream));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info: reply, error }) => {
                let error = match error {
                    StreamUpgradeError::Timeout => OpenError::Timeout { within: self.open_within },
                    StreamUpgradeError::NegotiationFailed => OpenError::Unsupported,
                    StreamUpgradeError::Apply(UpgradeError::Busy) => OpenError::Busy,
                    StreamUpgradeError::Apply(UpgradeError::Answer(answer)) => {
                        OpenError::Answer(answer)
                    }
                    StreamUpgradeError::Apply(UpgradeError::Io(_)) | StreamUpgradeError::Io(_) => {
                        OpenError::Closed
                    }
                };
                let _ = reply.send(Err(error));
            }
            // A refused or broken inbound stream is the loss of the peer, who was told.
            _ => {}
        }
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<Event> {
        // Whatever fills the queue is followed by a poll of the connection: no waker is needed.
        match self.queue.pop_front() {
            Some(event) => Poll::Ready(event),
            None => Poll::Pending,
        }
    }
}
