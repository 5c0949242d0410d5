//! The bounds of a node, with their units and reasons.

use std::time::Duration;

/// How long the transport may take to connect one address, handshakes included: a distant peer
/// needs a second or two, a silent one must not hold a slot for longer.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a whole dial may take: TCP, QUIC, and another try past an address of someone else.
pub(super) const DIAL: Duration = Duration::from_secs(30);
/// How long TCP has before QUIC is tried beside it.
pub(super) const TCP_HEAD_START: Duration = Duration::from_millis(500);
/// Most addresses tried in one dial; tickets name eight.
pub(super) const DIAL_ADDRESSES: usize = 16;
/// Most inbound streams per connection whose protocol is being agreed upon.
pub(super) const NEGOTIATING: usize = 32;
/// How long an inbound stream may take to agree on its protocol.
pub(super) const NEGOTIATION: Duration = Duration::from_secs(10);
/// Time between pings on a connection: keeps address mappings alive and finds dead peers.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(15);
/// How long a pong may take before the connection is given up.
pub(super) const PING_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a TCP connection may take nothing that is written to it.
pub(super) const STALL: Duration = Duration::from_secs(30);
/// Most streams of one QUIC or yamux connection: those of the peer and ours, and room for ping
/// and identify.
pub(super) const CONNECTION_STREAMS: u32 = 256;
/// Most bytes in flight on one QUIC stream.
pub(super) const QUIC_STREAM_WINDOW: u32 = 16 << 20;
/// Most bytes in flight on one QUIC connection.
pub(super) const QUIC_CONNECTION_WINDOW: u32 = 32 << 20;
/// Events that wait for the owner of the node before it stops taking from the network.
pub(super) const EVENTS: usize = 256;
/// Commands that wait for the node before a caller has to.
pub(super) const COMMANDS: usize = 256;
/// How long a start waits for the system to name the listen addresses.
pub(super) const SETTLE: Duration = Duration::from_secs(2);
/// How long closing connections may say goodbye.
pub(super) const GOODBYE: Duration = Duration::from_secs(2);

/// Bounds a node is started with; [`default`](Default::default) suits a laptop.
#[derive(Clone, Debug)]
pub struct NetLimits {
    /// Most inbound connections in their handshake.
    pub pending_inbound: u32,
    /// Most outbound connections in their handshake.
    pub pending_outbound: u32,
    /// Most inbound connections.
    pub established_inbound: u32,
    /// Most outbound connections.
    pub established_outbound: u32,
    /// Most connections with one device: both may dial at once, over TCP and QUIC.
    pub connections_per_device: u32,
    /// Most concurrent inbound streams of one device, over all its connections.
    pub streams_per_device: usize,
    /// Most concurrent inbound streams of all devices.
    pub streams: usize,
    /// New connections are refused while the process uses more than this share of the memory of
    /// the machine, from 0 to 1.
    pub memory_share: f64,
    /// A connection without a stream is closed after this time.
    pub idle: Duration,
    /// How long [`NetHandle::open`](super::NetHandle::open) may take.
    pub open: Duration,
}

impl Default for NetLimits {
    fn default() -> Self {
        NetLimits {
            pending_inbound: 64,
            pending_outbound: 64,
            established_inbound: 256,
            established_outbound: 256,
            connections_per_device: 4,
            streams_per_device: 64,
            streams: 1024,
            memory_share: 0.8,
            idle: Duration::from_secs(60),
            open: Duration::from_secs(10),
        }
    }
}
