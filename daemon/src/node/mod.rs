//! The node: one actor that drives the sync engine and performs what it asks for.
//!
//! The actor translates: events of the network, results of tasks and commands of the user become
//! inputs of the engine; its outputs become streams, stores, fetches and replies. It decides
//! nothing itself. Everything that takes long runs in tasks of its own and comes back as a
//! message, so the actor never waits for disk or network.

mod actor;
mod blocked;
mod clock;
mod confirm;
mod fetch;
mod judging;
mod loads;
mod neighbours;
mod pace;
mod quota;
mod reach;
mod serve;
mod session;
mod sessions;
mod storer;
mod transfers;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use dsp_protocol::id::{ContextId, DeviceId};
use dsp_protocol::sync::{self, Command, CommandError, Reply};
use libp2p::Multiaddr;
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::blobs::Blobs;
use crate::net::{NetEvent, NetHandle, NetStream};
use crate::store::Store;

pub(crate) use self::clock::now;
pub(crate) use self::confirm::{Confirmed, confirm};
pub use self::transfers::{Refused, Transfer, Transfers, Way};

/// Events that a slow listener may be behind before it is told that some are lost.
const EVENTS: usize = 4096;
/// Commands that wait for the actor.
const COMMANDS: usize = 256;

/// What the node tells: what the engine emits, and what only the shell knows.
#[derive(Clone, Debug)]
pub enum NodeEvent {
    /// What the engine says.
    Sync(sync::Event),
    /// A session with a device is open.
    Connected(DeviceId),
    /// The session with a device is gone.
    Disconnected(DeviceId),
    /// How far a fetch is.
    Progress {
        /// The context.
        context: ContextId,
        /// Bytes that came.
        bytes: u64,
        /// Bytes of what is fetched.
        bytes_total: u64,
    },
    /// A quota held back what a policy asks for.
    OverQuota {
        /// The context.
        context: ContextId,
    },
    /// A fetch ended.
    Fetched {
        /// The context.
        context: ContextId,
        /// Blobs that are here now.
        blobs: u64,
        /// Blobs that nobody gave.
        failed: u64,
    },
}

/// A cheap handle of the node.
#[derive(Clone, Debug)]
pub struct NodeHandle {
    messages: mpsc::Sender<Message>,
    events: broadcast::Sender<NodeEvent>,
    transfers: Transfers,
    penalties: Arc<Penalties>,
}

/// How often peers broke a rule.
#[derive(Debug, Default)]
pub struct Penalties {
    /// Where it costs them little.
    pub mild: AtomicU64,
    /// Where no honest program does so.
    pub grave: AtomicU64,
}

/// The node is gone: the daemon stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node stopped")]
pub struct NodeStopped;

/// Why a command had no effect.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RunError {
    /// The engine refused it.
    #[error(transparent)]
    Refused(#[from] CommandError),
    /// The daemon stops.
    #[error(transparent)]
    Stopped(#[from] NodeStopped),
}

type Query = Box<dyn FnOnce(&sync::Node) + Send>;

/// What reaches the actor.
enum Message {
    Command(Command, oneshot::Sender<Result<Reply, CommandError>>),
    Query(Query),
    Announce(Vec<Multiaddr>),
    Shutdown(oneshot::Sender<()>),
}

/// What a node is made of.
pub struct Parts {
    /// The engine, restored.
    pub engine: sync::Node,
    /// The network.
    pub net: NetHandle,
    /// Its events.
    pub net_events: mpsc::Receiver<NetEvent>,
    /// The database.
    pub store: Store,
    /// The blobs.
    pub blobs: Blobs,
    /// Addresses that are told to peers besides those listened on.
    pub announce: Vec<Multiaddr>,
    /// Takes the streams of machines that ask to become a device; one that does not fit is closed.
    pub pairing: mpsc::Sender<(DeviceId, NetStream)>,
    /// The transfers, paused or not.
    pub transfers: Transfers,
}

/// Starts the node.
pub fn start(parts: Parts) -> NodeHandle {
    let (messages, inbox) = mpsc::channel(COMMANDS);
    let (events, _) = broadcast::channel(EVENTS);
    let handle = NodeHandle {
        messages,
        events: events.clone(),
        transfers: parts.transfers.clone(),
        penalties: Arc::default(),
    };
    tokio::spawn(actor::Actor::new(parts, handle.clone(), events).run(inbox));
    handle
}

impl NodeHandle {
    /// Has the engine do something and returns its answer, once it is durable.
    ///
    /// # Errors
    /// [`RunError`] says what was refused, or that the daemon stops.
    pub async fn run(&self, command: Command) -> Result<Reply, RunError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.messages.send(Message::Command(command, reply)).await;
        sent.map_err(|_| NodeStopped)?;
        Ok(answer.await.map_err(|_| NodeStopped)??)
    }

    /// Sets the addresses that are told to peers besides those listened on.
    ///
    /// # Errors
    /// [`NodeStopped`].
    pub async fn announce(&self, addresses: Vec<Multiaddr>) -> Result<(), NodeStopped> {
        let sent = self.messages.send(Message::Announce(addresses)).await;
        sent.map_err(|_| NodeStopped)
    }

    /// Looks at the engine between two inputs. `look` is to be quick: it holds everything up.
    ///
    /// # Errors
    /// [`NodeStopped`].
    pub async fn query<R: Send + 'static>(
        &self,
        look: impl FnOnce(&sync::Node) -> R + Send + 'static,
    ) -> Result<R, NodeStopped> {
        let (reply, answer) = oneshot::channel();
        let query: Query = Box::new(move |engine| drop(reply.send(look(engine))));
        self.messages.send(Message::Query(query)).await.map_err(|_| NodeStopped)?;
        answer.await.map_err(|_| NodeStopped)
    }

    /// Returns the transfers that run.
    pub fn transfers(&self) -> &Transfers {
        &self.transfers
    }

    /// Returns how often peers broke a rule.
    pub fn penalties(&self) -> &Penalties {
        &self.penalties
    }

    /// Returns how many messages wait for the node.
    pub fn waiting(&self) -> usize {
        self.messages.max_capacity() - self.messages.capacity()
    }

    /// Returns what the node tells from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<NodeEvent> {
        self.events.subscribe()
    }

    /// Tells listeners something that only the shell knows.
    pub(crate) fn tell(&self, event: NodeEvent) {
        // Nobody listening is no fault.
        let _ = self.events.send(event);
    }

    /// Waits until the node has ended, in order or not.
    pub async fn ended(&self) {
        self.messages.closed().await;
    }

    /// Ends all sessions and waits for what is being stored.
    pub async fn shutdown(&self) {
        let (done, ended) = oneshot::channel();
        if self.messages.send(Message::Shutdown(done)).await.is_ok() {
            // A sender that is gone has ended too.
            let _ = ended.await;
        }
    }
}

#[cfg(test)]
mod tests;
