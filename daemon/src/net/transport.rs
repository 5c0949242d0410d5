//! The libp2p node: its transports, its behaviours and their bounds.

use std::convert::Infallible;
use std::num::NonZeroU8;

use futures::future::Either;
use libp2p::allow_block_list::{self, BlockedPeers};
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::timeout::TransportTimeout;
use libp2p::core::transport::{Boxed, OrTransport};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::swarm::NetworkBehaviour;
use libp2p::{PeerId, Swarm, Transport as _, dns, identify, noise, ping, quic, swarm, tcp, yamux};
use libp2p_connection_limits::{self as connection_limits, ConnectionLimits};
use libp2p_memory_connection_limits as memory_limits;

use super::handshake::Handshake;
use super::limits::{
    CONNECTION_STREAMS, DIAL_ADDRESSES, HANDSHAKE, NEGOTIATING, NetLimits, PING_INTERVAL,
    PING_TIMEOUT, QUIC_CONNECTION_WINDOW, QUIC_STREAM_WINDOW, STALL,
};
use super::stall::Stall;
use super::{StartError, streams};

/// The version and agent that identify tells every peer: the same for all nodes.
const IDENTIFY: &str = "/dsp/1";
const AGENT: &str = "dsp";

/// All that a node does on its connections.
#[derive(NetworkBehaviour)]
#[behaviour(to_swarm = "BehaviourEvent")]
pub(super) struct Behaviour {
    // The refusals come first: what they refuse, the others do not see.
    pub(super) blocked: allow_block_list::Behaviour<BlockedPeers>,
    limits: connection_limits::Behaviour,
    memory: memory_limits::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    pub(super) streams: streams::Behaviour,
}

/// What the behaviours report.
#[derive(Debug)]
pub(super) enum BehaviourEvent {
    Streams(streams::Inbound),
    Ping(ping::Event),
    Identify,
}

impl From<streams::Inbound> for BehaviourEvent {
    fn from(inbound: streams::Inbound) -> Self {
        BehaviourEvent::Streams(inbound)
    }
}

impl From<ping::Event> for BehaviourEvent {
    fn from(event: ping::Event) -> Self {
        BehaviourEvent::Ping(event)
    }
}

impl From<identify::Event> for BehaviourEvent {
    fn from(_: identify::Event) -> Self {
        BehaviourEvent::Identify
    }
}

impl From<Infallible> for BehaviourEvent {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Builds a node that neither listens nor dials yet.
pub(super) fn build(keypair: &Keypair, limits: &NetLimits) -> Result<Swarm<Behaviour>, StartError> {
    let connections = ConnectionLimits::default()
        .with_max_pending_incoming(Some(limits.pending_inbound))
        .with_max_pending_outgoing(Some(limits.pending_outbound))
        .with_max_established_incoming(Some(limits.established_inbound))
        .with_max_established_outgoing(Some(limits.established_outbound))
        .with_max_established_per_peer(Some(limits.connections_per_device));
    let identify = identify::Config::new(IDENTIFY.to_owned(), keypair.public())
        .with_agent_version(AGENT.to_owned())
        .with_hide_listen_addrs(true)
        .with_cache_size(0);
    let behaviour = Behaviour {
        blocked: allow_block_list::Behaviour::default(),
        limits: connection_limits::Behaviour::new(connections),
        memory: memory_limits::Behaviour::with_max_percentage(limits.memory_share),
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::new(
            ping::Config::new().with_interval(PING_INTERVAL).with_timeout(PING_TIMEOUT),
        ),
        streams: streams::Behaviour::new(limits),
    };
    let at_once = u8::try_from(DIAL_ADDRESSES).ok().and_then(NonZeroU8::new);
    let config = swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(limits.idle)
        .with_max_negotiating_inbound_streams(NEGOTIATING)
        .with_dial_concurrency_factor(at_once.expect("the bound is between 1 and 255"));
    let peer = keypair.public().to_peer_id();
    Ok(Swarm::new(transport(keypair)?, behaviour, peer, config))
}

/// TCP with noise and yamux, and QUIC, reached by address or by name.
fn transport(keypair: &Keypair) -> Result<Boxed<(PeerId, StreamMuxerBox)>, StartError> {
    // Without a readable resolver configuration names do not resolve; addresses still work.
    let transport = match dns::tokio::Transport::system(plain(keypair)?) {
        Ok(transport) => transport,
        Err(error) => {
            tracing::warn!(%error, "names of peers cannot be resolved");
            let none = dns::ResolverConfig::from_parts(None, Vec::new(), Vec::new());
            let options = dns::ResolverOpts::default();
            dns::tokio::Transport::custom(plain(keypair)?, none, options)
        }
    };
    Ok(TransportTimeout::new(transport, HANDSHAKE)
        .map(|output, _| match output {
            Either::Left((peer, muxer)) => (peer, muxer),
            Either::Right((peer, connection)) => (peer, StreamMuxerBox::new(connection)),
        })
        .boxed())
}

type Plain = OrTransport<Boxed<(PeerId, StreamMuxerBox)>, quic::tokio::Transport>;

fn plain(keypair: &Keypair) -> Result<Plain, StartError> {
    let mut muxer = yamux::Config::default();
    muxer.set_max_num_streams(CONNECTION_STREAMS as usize);
    let tcp = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .map(|stream, _| Stall::new(stream, STALL))
        .upgrade(Version::V1Lazy)
        .authenticate(Handshake::new(noise::Config::new(keypair).map_err(StartError::Noise)?))
        .multiplex(muxer)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
        .boxed();
    let mut config = quic::Config::new(keypair);
    config.max_concurrent_stream_limit = CONNECTION_STREAMS;
    config.max_stream_data = QUIC_STREAM_WINDOW;
    config.max_connection_data = QUIC_CONNECTION_WINDOW;
    Ok(tcp.or_transport(quic::tokio::Transport::new(config)))
}
