//! The handle through which the daemon uses its node.

use std::collections::BTreeMap;
use std::time::Duration;

use dsp_protocol::id::DeviceId;
use libp2p::Multiaddr;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::limits::{DIAL, GOODBYE};
use super::peer::{NoPeerId, NotADevice};
use super::stream::{NetStream, StreamKind};

/// Why a device could not be dialled.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DialError {
    /// The id names no device.
    #[error(transparent)]
    NoPeerId(#[from] NoPeerId),
    /// None of the addresses is one that can be dialled.
    #[error("no address of device {0} can be dialled")]
    NoAddress(DeviceId),
    /// The address is neither TCP nor QUIC, or leads nowhere.
    #[error("address {0} cannot be dialled")]
    Address(Multiaddr),
    /// The device, or who answers at the address, is this one.
    #[error("the device at the other end is this one")]
    Itself,
    /// The device is blocked here.
    #[error("the device is blocked")]
    Blocked,
    /// A bound on connections or memory is reached here.
    #[error("no more connections: {0}")]
    Limit(String),
    /// Another device than the one that was dialled answers at its address.
    #[error("expected device {expected} at {address}, got {actual}")]
    WrongDevice {
        /// Who was dialled.
        expected: DeviceId,
        /// Who answered.
        actual: DeviceId,
        /// Where.
        address: Multiaddr,
    },
    /// Something else than a device answers at the address.
    #[error(transparent)]
    NotADevice(#[from] NotADevice),
    /// No address answered.
    #[error("no answer: {}", super::join(.0))]
    Unreachable(Vec<(Multiaddr, String)>),
    /// The dial took too long.
    #[error("no connection within {within:?}")]
    Timeout {
        /// How long it was given.
        within: Duration,
    },
    /// The node is shut down.
    #[error("the node has stopped")]
    Stopped,
}

/// Why a stream could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There is no connection with the device; dial first.
    #[error("not connected")]
    NotConnected,
    /// The connection went while the stream was opening.
    #[error("the connection closed")]
    Closed,
    /// The device serves as many of our streams as it will; try again when one has ended.
    #[error("the device takes no more streams")]
    Busy,
    /// The device does not speak this protocol.
    #[error("the device does not speak this protocol")]
    Unsupported,
    /// The device broke the protocol of opening.
    #[error("the device answered {0}, which means nothing")]
    Answer(u8),
    /// The stream took too long to open.
    #[error("no answer within {within:?}")]
    Timeout {
        /// How long it was given.
        within: Duration,
    },
    /// The node is shut down.
    #[error("the node has stopped")]
    Stopped,
}

/// What a handle asks of the actor.
#[derive(Debug)]
pub(super) enum Command {
    Listening {
        reply: oneshot::Sender<Vec<Multiaddr>>,
    },
    RoundTrips {
        reply: oneshot::Sender<BTreeMap<DeviceId, Duration>>,
    },
    Dial {
        device: DeviceId,
        addresses: Vec<Multiaddr>,
        reply: oneshot::Sender<Result<(), DialError>>,
    },
    DialAddress {
        address: Multiaddr,
        reply: oneshot::Sender<Result<DeviceId, DialError>>,
    },
    Open {
        device: DeviceId,
        kind: StreamKind,
        reply: oneshot::Sender<Result<NetStream, OpenError>>,
    },
    Disconnect {
        device: DeviceId,
        reply: oneshot::Sender<()>,
    },
    Block {
        device: DeviceId,
        reply: oneshot::Sender<()>,
    },
    Unblock {
        device: DeviceId,
        reply: oneshot::Sender<()>,
    },
    Shutdown {
        reply: oneshot::Sender<()>,
    },
}

/// A cheap handle to a running node.
///
/// All methods are cancel safe: giving up on one leaves at most a connection that was asked for.
#[derive(Clone, Debug)]
pub struct NetHandle {
    device: DeviceId,
    open_within: Duration,
    commands: mpsc::Sender<Command>,
}

impl NetHandle {
    pub(super) fn new(
        device: DeviceId,
        open_within: Duration,
        commands: mpsc::Sender<Command>,
    ) -> Self {
        NetHandle { device, open_within, commands }
    }

    /// Returns the id of this device.
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// Returns the addresses others can dial: a wildcard stands as the addresses of all
    /// interfaces, the local network comes first and loopback last. Empty once shut down.
    pub async fn listening(&self) -> Vec<Multiaddr> {
        self.ask(|reply| Command::Listening { reply }).await.unwrap_or_default()
    }

    /// Returns how long the last ping took there and back, for each connected device that answered
    /// one: the first goes out with the connection, and one every 15 seconds after it.
    pub async fn round_trips(&self) -> BTreeMap<DeviceId, Duration> {
        self.ask(|reply| Command::RoundTrips { reply }).await.unwrap_or_default()
    }

    /// Connects to a device, unless it is connected already, and waits for the outcome.
    ///
    /// TCP addresses are tried first and at once, QUIC half a second later or when all of TCP has
    /// failed. A dial of the same device under way is joined, and extended by new addresses. An
    /// address at which somebody else answers does not spoil the others.
    ///
    /// # Errors
    /// [`DialError`], after 30 seconds at the latest.
    pub async fn dial(&self, device: DeviceId, addresses: Vec<Multiaddr>) -> Result<(), DialError> {
        let dial = self.ask(|reply| Command::Dial { device, addresses, reply });
        let result = timeout(DIAL, dial).await;
        result.map_err(|_| DialError::Timeout { within: DIAL })?.ok_or(DialError::Stopped)?
    }

    /// Connects to whoever answers at an address, and returns who that is. A peer that the address
    /// names at its end is ignored.
    ///
    /// # Errors
    /// [`DialError`], after 30 seconds at the latest; [`DialError::Itself`] at an own address.
    pub async fn dial_address(&self, address: Multiaddr) -> Result<DeviceId, DialError> {
        let dial = self.ask(|reply| Command::DialAddress { address, reply });
        let result = timeout(DIAL, dial).await;
        result.map_err(|_| DialError::Timeout { within: DIAL })?.ok_or(DialError::Stopped)?
    }

    /// Opens a stream to a connected device; it is served when this returns.
    ///
    /// # Errors
    /// [`OpenError`], at once when the device is not connected or its connection closes, and after
    /// [`NetLimits::open`](super::NetLimits::open) at the latest.
    pub async fn open(&self, device: DeviceId, kind: StreamKind) -> Result<NetStream, OpenError> {
        let within = self.open_within;
        let open = async {
            let (reply, answer) = oneshot::channel();
            let command = Command::Open { device, kind, reply };
            self.commands.send(command).await.map_err(|_| OpenError::Stopped)?;
            answer.await.unwrap_or(Err(OpenError::Closed))
        };
        timeout(within, open).await.unwrap_or(Err(OpenError::Timeout { within }))
    }

    /// Closes all connections with a device, and waits until they are closed (at most two
    /// seconds).
    pub async fn disconnect(&self, device: DeviceId) {
        self.ask_in_time(|reply| Command::Disconnect { device, reply }).await;
    }

    /// Closes all connections with a device, and refuses new ones until
    /// [`unblock`](Self::unblock).
    pub async fn block(&self, device: DeviceId) {
        self.ask_in_time(|reply| Command::Block { device, reply }).await;
    }

    /// Lets a device connect again.
    pub async fn unblock(&self, device: DeviceId) {
        self.ask_in_time(|reply| Command::Unblock { device, reply }).await;
    }

    /// Closes all connections and listeners, and waits until they are closed. Afterwards every
    /// call fails with `Stopped`.
    pub async fn shutdown(&self) {
        self.ask(|reply| Command::Shutdown { reply }).await;
    }

    /// Waits until the node has ended, in order or not.
    pub async fn ended(&self) {
        self.commands.closed().await;
    }

    async fn ask_in_time(&self, command: impl FnOnce(oneshot::Sender<()>) -> Command) {
        // The actor has taken the command by then; what is left is a goodbye nobody hears.
        let _ = timeout(GOODBYE, self.ask(command)).await;
    }

    /// Sends a command and waits for its reply; `None` once the actor is gone.
    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.ok()?;
        answer.await.ok()
    }
}
