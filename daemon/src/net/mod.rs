//! The network: an actor that moves bytes between devices and holds no policy.
//!
//! [`Net::start`] builds a libp2p node over TCP and QUIC whose identity is the device key, and
//! returns a cheap [`NetHandle`] and the receiver of its [`NetEvent`]s. A connection proves which
//! device is at the other end; everything above that (who may see what, when to dial again, whom
//! to block) is decided by the caller.
//!
//! Three kinds of streams are offered: [`StreamKind::Sync`], [`StreamKind::Blobs`] and
//! [`StreamKind::Pair`]. Every wait has
//! an end: a dial, an opening stream and a message in transit each have a deadline, every queue a
//! bound, and an inbound stream above a bound is refused with an answer, never dropped in silence.
//!
//! What a stranger learns by connecting is the device key and that this is dsp: identify carries a
//! constant agent and no listen address. What a LAN learns from [`Mdns::On`] is a random name and
//! two ports (`docs/decisions/0002-mdns-without-device-ids.md`). With mDNS off and no peer, the
//! actor sends nothing at all.
//!
//! Not here: relays, hole punching, the DHT and gossip, which join as further behaviours.

mod actor;
mod address;
mod dial;
mod event;
mod framing;
mod handle;
mod handshake;
mod hearsay;
mod limits;
mod listen;
mod mdns;
mod peer;
mod stall;
mod stream;
mod streams;
mod transport;

#[cfg(all(test, target_os = "linux"))]
mod netns;
#[cfg(test)]
mod tests;

use libp2p::Multiaddr;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

pub use self::address::reachable_at;
pub use self::event::{Direction, NetEvent};
pub use self::framing::{MessageReader, MessageWriter, ReadError, WriteError, framed};
pub use self::handle::{DialError, NetHandle, OpenError};
pub(crate) use self::hearsay::may_be_dialled;
pub use self::limits::NetLimits;
pub use self::peer::{NoPeerId, NotADevice, device_id, peer_id};
pub use self::stream::{NetStream, StreamKind};

/// What a node needs to start.
pub struct NetConfig {
    /// The ed25519 seed of the device key.
    pub seed: Zeroizing<[u8; 32]>,
    /// Addresses to listen on, `/ip4/../tcp/..` or `/ip4/../udp/../quic-v1`, and the same with
    /// `ip6`; port 0 lets the system choose. An empty list makes a node that only dials.
    pub listen: Vec<Multiaddr>,
    /// Whether to find, and be found by, nodes on the local network.
    pub mdns: Mdns,
    /// Bounds on connections, streams and time.
    pub limits: NetLimits,
}

/// Whether a node looks for others on the local network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mdns {
    /// Announce a random name and the ports; report what others announce.
    On,
    /// Neither send nor listen.
    Off,
}

/// Why a node could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The seed is not that of an ed25519 key.
    #[error("cannot use the device key")]
    Key(#[source] libp2p::identity::DecodingError),
    /// The encryption of TCP connections could not be set up.
    #[error("cannot set up encryption")]
    Noise(#[source] libp2p::noise::Error),
    /// Not one of the addresses could be listened on.
    #[error("cannot listen on any address: {}", join(.0))]
    Listen(Vec<(Multiaddr, String)>),
}

/// The node; [`start`](Net::start) is its only use.
pub struct Net;

impl Net {
    /// Starts a node and listens.
    ///
    /// When this returns, [`NetHandle::listening`] holds the addresses of all listeners that could
    /// be opened; the others are reported as [`NetEvent::ListenFailed`]. The receiver has to be
    /// drained: while it is full the node takes no more from the network. Dropping the receiver
    /// or the last handle stops the node, as [`NetHandle::shutdown`] does.
    ///
    /// # Errors
    /// [`StartError`], when the key is unusable or no address could be listened on.
    pub async fn start(
        config: NetConfig,
    ) -> Result<(NetHandle, mpsc::Receiver<NetEvent>), StartError> {
        actor::start(config).await
    }
}

/// Joins addresses and what went wrong at each.
fn join(failures: &[(Multiaddr, String)]) -> String {
    let each = failures.iter().map(|(address, reason)| format!("{address}: {reason}"));
    each.collect::<Vec<_>>().join("; ")
}
