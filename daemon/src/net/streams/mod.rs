//! The libp2p behaviour that opens and accepts our streams.
//!
//! A stream is only ever opened on a connection that is up: no dialling in between, so an opening
//! ends at once when the device is not connected or its connection closes, and by its deadline
//! otherwise. The listening side answers every stream with one byte, in the same packet that
//! confirms the protocol: [`upgrade::ACCEPTED`], or [`upgrade::BUSY`] when the device has its share
//! of streams already. So the dialling side knows that it is served, and nobody waits on a stream
//! that was dropped.

mod handler;
mod upgrade;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use self::handler::{Handler, Open};
use super::handle::OpenError;
use super::limits::NetLimits;
use super::peer::device_id;
use super::stream::{NetStream, StreamKind};

/// A stream that a peer opened and that was accepted.
#[derive(Debug)]
pub(super) struct Inbound {
    pub(super) peer: PeerId,
    pub(super) kind: StreamKind,
    pub(super) stream: NetStream,
}

/// The place of an inbound stream among those allowed at once; dropping it frees the place.
#[derive(Debug)]
pub(super) struct Permit {
    _of_device: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

/// Decides whether one more inbound stream of a device is taken.
#[derive(Clone, Debug)]
struct Admission {
    of_device: Arc<Semaphore>,
    of_all: Arc<Semaphore>,
}

impl Admission {
    fn admit(&self) -> Option<Permit> {
        let _of_device = self.of_device.clone().try_acquire_owned().ok()?;
        let _of_all = self.of_all.clone().try_acquire_owned().ok()?;
        Some(Permit { _of_device, _of_all })
    }
}

/// Opens streams on connections that are up, and accepts them up to a bound per device.
pub(super) struct Behaviour {
    /// The connections of each peer, the oldest first.
    connections: BTreeMap<PeerId, Vec<ConnectionId>>,
    /// The places of each peer; kept past its last connection while a stream holds one.
    places: BTreeMap<PeerId, Arc<Semaphore>>,
    all_places: Arc<Semaphore>,
    places_per_device: usize,
    open_within: Duration,
    queue: VecDeque<ToSwarm<Inbound, Open>>,
    waker: Option<Waker>,
}

impl Behaviour {
    pub(super) fn new(limits: &NetLimits) -> Self {
        Behaviour {
            connections: BTreeMap::new(),
            places: BTreeMap::new(),
            all_places: Arc::new(Semaphore::new(limits.streams)),
            places_per_device: limits.streams_per_device,
            open_within: limits.open,
            queue: VecDeque::new(),
            waker: None,
        }
    }

    /// Opens a stream on the latest connection with a peer: one before it may be of an address that
    /// the peer has no more.
    ///
    /// The reply comes by the deadline; when the connection goes, the sender is dropped.
    pub(super) fn open(
        &mut self,
        peer: PeerId,
        kind: StreamKind,
        reply: oneshot::Sender<Result<NetStream, OpenError>>,
    ) {
        let Some(connection) = self.connections.get(&peer).and_then(|ids| ids.last()) else {
            let _ = reply.send(Err(OpenError::NotConnected));
            return;
        };
        self.queue.push_back(ToSwarm::NotifyHandler {
            peer_id: peer,
            handler: NotifyHandler::One(*connection),
            event: Open { kind, reply },
        });
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Makes the handler of a new connection; a peer that is no device is refused.
    fn handler(&mut self, peer: &PeerId) -> Result<Handler, ConnectionDenied> {
        device_id(peer).map_err(ConnectionDenied::new)?;
        let places = self.places.entry(*peer);
        let places = places.or_insert_with(|| Arc::new(Semaphore::new(self.places_per_device)));
        let admission = Admission { of_device: places.clone(), of_all: self.all_places.clone() };
        Ok(Handler::new(admission, self.open_within))
    }

    /// Forgets the places of peers that have neither a connection nor a stream.
    fn forget_places(&mut self) {
        let (connections, all) = (&self.connections, self.places_per_device);
        self.places.retain(|peer, places| {
            connections.contains_key(peer) || places.available_permits() < all
        });
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Inbound;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        self.handler(&peer)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        self.handler(&peer)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished {
                peer_id,
                connection_id,
                ..
            }) => self.connections.entry(peer_id).or_default().push(connection_id),
            FromSwarm::ConnectionClosed(ConnectionClosed { peer_id, connection_id, .. }) => {
                if let Some(ids) = self.connections.get_mut(&peer_id) {
                    ids.retain(|id| *id != connection_id);
                    if ids.is_empty() {
                        self.connections.remove(&peer_id);
                    }
                }
                self.forget_places();
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        _: ConnectionId,
        (kind, stream): (StreamKind, NetStream),
    ) {
        self.queue.push_back(ToSwarm::GenerateEvent(Inbound { peer, kind, stream }));
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Inbound, Open>> {
        match self.queue.pop_front() {
            Some(event) => Poll::Ready(event),
            None => {
                self.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
