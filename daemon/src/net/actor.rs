//! The task that owns the libp2p node.
//!
//! One loop translates: commands of the handles first, then timers, then what the network brings.
//! Events wait in an outbox; while it is full, nothing more is taken from the network.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use dsp_protocol::id::DeviceId;
use dsp_protocol::key::SecretKey;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use libp2p::core::ConnectedPoint;
use libp2p::identity::Keypair;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, ping};
use tokio::sync::mpsc::error::SendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout_at};
use zeroize::Zeroizing;

use super::address::{self, Transport, dialable, plan, source, split_peer};
use super::dial::{DialId, Dials, Next, transport_reason};
use super::event::{Direction, NetEvent};
use super::handle::{Command, DialError, NetHandle, OpenError};
use super::hearsay::is_of_the_network;
use super::limits::{COMMANDS, EVENTS, GOODBYE, SETTLE, TCP_HEAD_START};
use super::listen::{self, Listeners};
use super::mdns::{Announcement, Discovery};
use super::peer::{device_id, peer_id};
use super::transport::{Behaviour, BehaviourEvent, build};
use super::{Mdns, NetConfig, StartError};

/// Builds a node, listens, and leaves it to its task.
pub(super) async fn start(
    config: NetConfig,
) -> Result<(NetHandle, mpsc::Receiver<NetEvent>), StartError> {
    let device = SecretKey::from_seed(&config.seed).device();
    let mut seed = Zeroizing::new(*config.seed);
    let keypair = Keypair::ed25519_from_bytes(&mut seed[..]).map_err(StartError::Key)?;
    let mut swarm = build(&keypair, &config.limits)?;

    let mut listeners = Listeners::default();
    for address in config.listen {
        if let Err(error) = listen::claim(&address) {
            listeners.failed(address, error.to_string());
            continue;
        }
        match swarm.listen_on(address.clone()) {
            Ok(id) => listeners.opened(id, address),
            Err(error) => listeners.failed(address, transport_reason(&error)),
        }
    }
    let (command_sender, commands) = mpsc::channel(COMMANDS);
    let (events, event_receiver) = mpsc::channel(EVENTS);
    let mut actor = Actor {
        swarm,
        commands,
        events,
        outbox: VecDeque::new(),
        listeners,
        listening: Vec::new(),
        ips: BTreeSet::new(),
        connections: HashMap::new(),
        dials: Dials::default(),
        head_starts: FuturesUnordered::new(),
        closing: BTreeMap::new(),
        discovery: None,
    };
    actor.settle().await;
    if actor.listeners.all_failed() {
        return Err(StartError::Listen(actor.listeners.take_failed()));
    }
    for (address, reason) in actor.listeners.take_failed() {
        actor.outbox.push_back(NetEvent::ListenFailed { address, reason });
    }
    if config.mdns == Mdns::On {
        match Discovery::start() {
            Ok(discovery) => actor.discovery = Some(discovery),
            Err(error) => tracing::warn!(%error, "no search on the local network"),
        }
    }
    actor.announce();
    tokio::spawn(actor.run());
    Ok((NetHandle::new(device, config.limits.open, command_sender), event_receiver))
}

struct Actor {
    swarm: Swarm<Behaviour>,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<NetEvent>,
    outbox: VecDeque<NetEvent>,
    listeners: Listeners,
    /// The dialable listen addresses last reported.
    listening: Vec<Multiaddr>,
    /// The addresses of this machine that are listened on.
    ips: BTreeSet<IpAddr>,
    /// The connections that are up.
    connections: HashMap<ConnectionId, Connection>,
    dials: Dials,
    /// Dials whose QUIC addresses get their turn when the future ends.
    head_starts: FuturesUnordered<BoxFuture<'static, DialId>>,
    /// Who waits for the last connection with a peer to close.
    closing: BTreeMap<PeerId, Vec<oneshot::Sender<()>>>,
    discovery: Option<Discovery>,
}

/// A connection that is up.
struct Connection {
    device: DeviceId,
    /// The address, if we dialled it.
    dialled: Option<Multiaddr>,
    /// Our own address, where the system tells.
    local: Option<IpAddr>,
    /// How long the last ping took there and back, once there was one.
    round_trip: Option<Duration>,
}

impl Actor {
    async fn run(mut self) {
        let done = loop {
            let is_open = self.outbox.len() < EVENTS;
            let has_events = !self.outbox.is_empty();
            tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    Some(command) => {
                        if let ControlFlow::Break(reply) = self.command(command) {
                            break Some(reply);
                        }
                    }
                    None => break None,
                },
                result = deliver(&self.events, &mut self.outbox), if has_events => {
                    if result.is_err() {
                        break None;
                    }
                }
                Some(id) = self.head_starts.next() => {
                    let next = self.dials.head_start_is_over(id);
                    self.attempt(next);
                }
                event = self.swarm.select_next_some(), if is_open => self.event(event),
                mut addresses = found(&mut self.discovery), if is_open => {
                    addresses.retain(|address| is_of_the_network(address, &self.listening));
                    if !addresses.is_empty() {
                        self.outbox.push_back(NetEvent::Discovered { addresses });
                    }
                }
            }
        };
        self.stop().await;
        if let Some(reply) = done {
            let _ = reply.send(());
        }
    }

    /// Waits until every listener has named its addresses, or a while for those that do not.
    async fn settle(&mut self) {
        let end = Instant::now() + SETTLE;
        loop {
            let event = if self.listeners.is_settled() {
                // Take what is there already: the other interfaces of a wildcard.
                self.swarm.select_next_some().now_or_never()
            } else {
                timeout_at(end, self.swarm.select_next_some()).await.ok()
            };
            match event {
                Some(event) => self.event(event),
                None => return,
            }
        }
    }

    /// Carries out a command; breaks with the one who wants the node to stop.
    fn command(&mut self, command: Command) -> ControlFlow<oneshot::Sender<()>> {
        match command {
            Command::Listening { reply } => {
                let _ = reply.send(self.listening.clone());
            }
            Command::RoundTrips { reply } => {
                let _ = reply.send(self.round_trips());
            }
            Command::Dial { device, addresses, reply } => self.dial(device, &addresses, reply),
            Command::DialAddress { address, reply } => self.dial_address(address, reply),
            Command::Open { device, kind, reply } => match peer_id(device) {
                Ok(peer) => self.swarm.behaviour_mut().streams.open(peer, kind, reply),
                Err(_) => {
                    let _ = reply.send(Err(OpenError::NotConnected));
                }
            },
            Command::Disconnect { device, reply } => {
                if let Ok(peer) = peer_id(device) {
                    let _ = self.swarm.disconnect_peer_id(peer);
                    self.when_closed(peer, reply);
                }
            }
            Command::Block { device, reply } => {
                if let Ok(peer) = peer_id(device) {
                    self.swarm.behaviour_mut().blocked.block_peer(peer);
                    self.when_closed(peer, reply);
                }
            }
            Command::Unblock { device, reply } => {
                if let Ok(peer) = peer_id(device) {
                    self.swarm.behaviour_mut().blocked.unblock_peer(peer);
                }
                let _ = reply.send(());
            }
            Command::Shutdown { reply } => return ControlFlow::Break(reply),
        }
        ControlFlow::Continue(())
    }

    /// Answers when no connection with a peer is left.
    fn when_closed(&mut self, peer: PeerId, reply: oneshot::Sender<()>) {
        if self.swarm.is_connected(&peer) {
            self.closing.entry(peer).or_default().push(reply);
        } else {
            let _ = reply.send(());
        }
    }

    fn dial(
        &mut self,
        device: DeviceId,
        addresses: &[Multiaddr],
        reply: oneshot::Sender<Result<(), DialError>>,
    ) {
        let peer = match peer_id(device) {
            Ok(peer) if peer == *self.swarm.local_peer_id() => {
                let _ = reply.send(Err(DialError::Itself));
                return;
            }
            Ok(peer) => peer,
            Err(error) => {
                let _ = reply.send(Err(error.into()));
                return;
            }
        };
        if self.swarm.is_connected(&peer) && !self.closing.contains_key(&peer) {
            let _ = reply.send(Ok(()));
            return;
        }
        let next = self.dials.join(peer, device, plan(&peer, addresses), reply);
        self.attempt(next);
        if let Some(id) = self.dials.has_later(&peer) {
            self.head_starts.push(sleep(TCP_HEAD_START).map(move |()| id).boxed());
        }
    }

    /// Hands an attempt to the swarm, and the next one when it fails at once.
    fn attempt(&mut self, mut next: Option<Next>) {
        while let Some(attempt) = next {
            let options = DialOpts::peer_id(attempt.dial.peer)
                .condition(PeerCondition::Always)
                .addresses(attempt.addresses.clone());
            // A QUIC dial shares the socket of the listener. A TCP dial must not share its port:
            // dialling a peer again would meet the remains of the last connection.
            let is_tcp =
                attempt.addresses.iter().any(|a| address::transport(a) == Some(Transport::Tcp));
            let options = if is_tcp { options.allocate_new_port() } else { options }.build();
            let connection = options.connection_id();
            self.dials.attempt(connection, attempt);
            next = match self.swarm.dial(options) {
                Ok(()) => None,
                Err(error) => self.dials.failed(connection, &error),
            };
        }
    }

    fn dial_address(
        &mut self,
        address: Multiaddr,
        reply: oneshot::Sender<Result<DeviceId, DialError>>,
    ) {
        let Some(transport) = address::transport(&address) else {
            let _ = reply.send(Err(DialError::Address(address)));
            return;
        };
        let (address, _) = split_peer(&address);
        let known =
            self.connections.values().find(|known| known.dialled.as_ref() == Some(&address));
        if let Some(known) = known {
            let _ = reply.send(Ok(known.device));
            return;
        }
        if !self.dials.join_address(&address, reply) {
            return;
        }
        let options = DialOpts::unknown_peer_id().address(address.clone());
        let options = match transport {
            Transport::Tcp => options.allocate_new_port(),
            Transport::Quic => options,
        };
        let options = options.build();
        let connection = options.connection_id();
        self.dials.attempt_address(connection, address);
        if let Err(error) = self.swarm.dial(options) {
            self.dials.failed(connection, &error);
        }
    }

    fn event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Streams(inbound)) => {
                if let Ok(device) = device_id(&inbound.peer) {
                    let (kind, stream) = (inbound.kind, inbound.stream);
                    self.outbox.push_back(NetEvent::Inbound { device, kind, stream });
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Ping(ping)) => self.ping(ping),
            SwarmEvent::Behaviour(BehaviourEvent::Identify) => {}
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                num_established,
                ..
            } => {
                // A peer that is no device was refused by the streams behaviour.
                if let Ok(device) = device_id(&peer_id) {
                    self.connected(
                        peer_id,
                        device,
                        connection_id,
                        &endpoint,
                        num_established.get(),
                    );
                }
            }
            SwarmEvent::ConnectionClosed {
                peer_id, connection_id, num_established, cause, ..
            } => {
                self.connections.remove(&connection_id);
                if num_established > 0 {
                    return;
                }
                for reply in self.closing.remove(&peer_id).into_iter().flatten() {
                    let _ = reply.send(());
                }
                if let Ok(device) = device_id(&peer_id) {
                    tracing::debug!(peer = %device.short(), ?cause, "disconnected");
                    self.outbox.push_back(NetEvent::Disconnected { device });
                }
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                let next = self.dials.failed(connection_id, &error);
                self.attempt(next);
            }
            SwarmEvent::IncomingConnectionError { send_back_addr, error, .. } => {
                tracing::debug!(from = %send_back_addr, %error, "inbound connection failed");
            }
            SwarmEvent::NewListenAddr { listener_id, .. } => {
                self.listeners.named(listener_id);
                self.listening_changed();
            }
            SwarmEvent::ExpiredListenAddr { .. } => self.listening_changed(),
            SwarmEvent::ListenerClosed { listener_id, reason, .. } => {
                if let (Some(address), Err(error)) = (self.listeners.closed(listener_id), reason) {
                    let reason = error.to_string();
                    self.outbox.push_back(NetEvent::ListenFailed { address, reason });
                }
                self.listening_changed();
            }
            SwarmEvent::ListenerError { error, .. } => {
                tracing::debug!(%error, "a listener failed to accept");
            }
            _ => {}
        }
    }

    fn connected(
        &mut self,
        peer: PeerId,
        device: DeviceId,
        connection: ConnectionId,
        endpoint: &ConnectedPoint,
        connections: u32,
    ) {
        let (address, _) = split_peer(endpoint.get_remote_address());
        let direction = match endpoint {
            ConnectedPoint::Dialer { .. } => Direction::Outbound,
            ConnectedPoint::Listener { .. } => Direction::Inbound,
        };
        let local = match endpoint {
            ConnectedPoint::Dialer { .. } => source(&address),
            ConnectedPoint::Listener { local_addr, .. } => address::socket(local_addr),
        };
        let dialled = (direction == Direction::Outbound).then(|| address.clone());
        let local = local.map(|(ip, _)| ip);
        let up = Connection { device, dialled, local, round_trip: None };
        self.connections.insert(connection, up);
        self.dials.connected(connection, &peer, device);
        if connections == 1 {
            tracing::debug!(peer = %device.short(), %address, ?direction, "connected");
            self.outbox.push_back(NetEvent::Connected { device, address, direction });
        }
    }

    /// Returns how long a ping takes, over the fastest connection with each device.
    fn round_trips(&self) -> BTreeMap<DeviceId, Duration> {
        let mut fastest = BTreeMap::new();
        for connection in self.connections.values() {
            if let Some(new) = connection.round_trip {
                let known = fastest.entry(connection.device).or_insert(new);
                *known = new.min(*known);
            }
        }
        fastest
    }

    /// Notes how fast a peer answers; gives up a connection whose peer no longer does.
    fn ping(&mut self, ping: ping::Event) {
        match ping.result {
            Ok(round_trip) => {
                if let Some(connection) = self.connections.get_mut(&ping.connection) {
                    connection.round_trip = Some(round_trip);
                }
            }
            Err(ping::Failure::Unsupported) => {}
            Err(failure) => {
                tracing::debug!(peer = %ping.peer, %failure, "no answer to a ping");
                self.swarm.close_connection(ping.connection);
            }
        }
    }

    fn listening_changed(&mut self) {
        self.leave_lost_addresses();
        let listening = dialable(self.swarm.listeners());
        if listening != self.listening {
            self.listening = listening;
            let addresses = self.listening.clone();
            self.outbox.push_back(NetEvent::Listening { addresses });
            self.announce();
        }
    }

    /// Closes the connections of addresses that this machine has no more. Nothing would come over
    /// them, and it would be half a minute until a ping told.
    fn leave_lost_addresses(&mut self) {
        let ips = self.swarm.listeners().filter_map(address::socket).map(|(ip, _)| ip).collect();
        let before = std::mem::replace(&mut self.ips, ips);
        for (id, connection) in &self.connections {
            if let Some(local) = &connection.local
                && before.contains(local)
                && !self.ips.contains(local)
            {
                tracing::debug!(peer = %connection.device.short(), %local, "the address is gone");
                self.swarm.close_connection(*id);
            }
        }
    }

    fn announce(&mut self) {
        if let Some(discovery) = &mut self.discovery
            && let Err(error) = discovery.announce(Announcement::of(&self.listening))
        {
            tracing::warn!(%error, "cannot announce on the local network");
        }
    }

    /// Says goodbye and closes everything; connections that do not close in time are dropped.
    async fn stop(mut self) {
        self.dials.stop();
        self.commands.close();
        for id in self.listeners.ids() {
            self.swarm.remove_listener(id);
        }
        let peers: Vec<_> = self.swarm.connected_peers().copied().collect();
        for peer in peers {
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        let end = Instant::now() + GOODBYE;
        while self.swarm.network_info().num_peers() > 0
            && timeout_at(end, self.swarm.select_next_some()).await.is_ok()
        {}
        if let Some(discovery) = self.discovery.take() {
            discovery.stop().await;
        }
    }
}

/// Delivers the oldest event; fails when nobody takes events any more. Cancel safe.
async fn deliver(
    events: &mpsc::Sender<NetEvent>,
    outbox: &mut VecDeque<NetEvent>,
) -> Result<(), SendError<()>> {
    let place = events.reserve().await?;
    if let Some(event) = outbox.pop_front() {
        place.send(event);
    }
    Ok(())
}

/// Returns the next node found on the local network; never without a search.
async fn found(discovery: &mut Option<Discovery>) -> Vec<Multiaddr> {
    match discovery {
        Some(discovery) => discovery.next().await,
        None => std::future::pending().await,
    }
}
