//! What a node reports.

use dsp_protocol::id::DeviceId;
use libp2p::Multiaddr;

use super::stream::{NetStream, StreamKind};

/// Something that happened on the network.
///
/// For one device the order is [`Connected`](NetEvent::Connected), any number of
/// [`Inbound`](NetEvent::Inbound), [`Disconnected`](NetEvent::Disconnected), and again.
#[derive(Debug)]
pub enum NetEvent {
    /// The first connection with a device is up.
    Connected {
        /// The device, proven by the handshake.
        device: DeviceId,
        /// Its address; of an inbound connection, one that need not be dialable.
        address: Multiaddr,
        /// Who dialled.
        direction: Direction,
    },
    /// The last connection with a device is down.
    Disconnected {
        /// The device.
        device: DeviceId,
    },
    /// A device opened a stream.
    Inbound {
        /// The device.
        device: DeviceId,
        /// What the stream is for.
        kind: StreamKind,
        /// The stream; it counts against the bounds until it is dropped.
        stream: NetStream,
    },
    /// A node announces itself on the local network. Who it is shows when it is dialled with
    /// [`NetHandle::dial_address`](super::NetHandle::dial_address).
    Discovered {
        /// Its addresses, the best first.
        addresses: Vec<Multiaddr>,
    },
    /// The listen addresses changed.
    Listening {
        /// All of them, as [`NetHandle::listening`](super::NetHandle::listening) returns them.
        addresses: Vec<Multiaddr>,
    },
    /// A configured address cannot be, or is no longer, listened on.
    ListenFailed {
        /// The address as configured.
        address: Multiaddr,
        /// What the system said.
        reason: String,
    },
}

/// Who dialled a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The other device.
    Inbound,
    /// This device.
    Outbound,
}
