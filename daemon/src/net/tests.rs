//! Nodes of one process, over loopback.

use std::future::Future;
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use dsp_protocol::id::DeviceId;
use dsp_protocol::key::SecretKey;
use futures::future::join_all;
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use zeroize::Zeroizing;

use super::*;

const TCP: &str = "/ip4/127.0.0.1/tcp/0";
const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";
/// Nothing on loopback takes this long; a test that waits longer has failed.
const DEADLINE: Duration = Duration::from_secs(20);

struct Node {
    net: NetHandle,
    events: mpsc::Receiver<NetEvent>,
}

impl Node {
    async fn start(seed: u8, listen: &[&str]) -> Node {
        Node::with_limits(seed, listen, NetLimits::default()).await
    }

    async fn with_limits(seed: u8, listen: &[&str], limits: NetLimits) -> Node {
        let (net, events) = Net::start(config(seed, listen, limits)).await.unwrap();
        Node { net, events }
    }

    fn device(&self) -> DeviceId {
        self.net.device()
    }

    /// Waits for the first event that `pick` takes, past all others.
    async fn wait_for<T>(&mut self, mut pick: impl FnMut(NetEvent) -> Option<T>) -> T {
        in_time(async {
            loop {
                let event = self.events.recv().await.expect("the node runs");
                if let Some(picked) = pick(event) {
                    return picked;
                }
            }
        })
        .await
    }

    async fn inbound(&mut self) -> (DeviceId, StreamKind, NetStream) {
        self.wait_for(|event| match event {
            NetEvent::Inbound { device, kind, stream } => Some((device, kind, stream)),
            _ => None,
        })
        .await
    }

    async fn connected(&mut self) -> (DeviceId, Direction) {
        self.wait_for(|event| match event {
            NetEvent::Connected { device, direction, .. } => Some((device, direction)),
            _ => None,
        })
        .await
    }

    async fn disconnected(&mut self) -> DeviceId {
        self.wait_for(|event| match event {
            NetEvent::Disconnected { device } => Some(device),
            _ => None,
        })
        .await
    }

    async fn dial(&self, other: &Node) -> Result<(), DialError> {
        in_time(self.net.dial(other.device(), other.net.listening().await)).await
    }
}

fn config(seed: u8, listen: &[&str], limits: NetLimits) -> NetConfig {
    NetConfig {
        seed: Zeroizing::new([seed; 32]),
        listen: listen.iter().map(|address| address.parse().unwrap()).collect(),
        mdns: Mdns::Off,
        limits,
    }
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.expect("it happens in time")
}

/// Two nodes, the first of which dialled the second.
async fn pair(transport: &str) -> (Node, Node) {
    let mut alice = Node::start(1, &[]).await;
    let mut bob = Node::start(2, &[transport]).await;
    alice.dial(&bob).await.unwrap();
    assert_eq!(alice.connected().await, (bob.device(), Direction::Outbound));
    assert_eq!(bob.connected().await, (alice.device(), Direction::Inbound));
    (alice, bob)
}

async fn both_kinds_carry_bytes(transport: &str) {
    let (alice, mut bob) = pair(transport).await;
    for kind in StreamKind::ALL {
        let stream = in_time(alice.net.open(bob.device(), kind)).await.unwrap();
        let (device, inbound_kind, inbound) = bob.inbound().await;
        assert_eq!((device, inbound_kind), (alice.device(), kind));
        let (mut reader, mut writer) = framed(stream);
        let (mut bob_reader, mut bob_writer) = framed(inbound);
        let question = vec![7; 300_000];
        let (sent, received) = in_time(async {
            tokio::join!(
                writer.send(&question, DEADLINE),
                bob_reader.next(question.len(), DEADLINE)
            )
        })
        .await;
        sent.unwrap();
        assert_eq!(received.unwrap().as_ref(), Some(&question));
        bob_writer.send(b"answer", DEADLINE).await.unwrap();
        bob_writer.close(DEADLINE).await.unwrap();
        assert_eq!(in_time(reader.next(64, DEADLINE)).await.unwrap(), Some(b"answer".to_vec()));
        assert_eq!(in_time(reader.next(64, DEADLINE)).await.unwrap(), None);
    }
    assert_eq!(alice.net.device(), SecretKey::from_seed(&[1; 32]).device());
}

#[tokio::test]
async fn both_kinds_carry_bytes_over_tcp() {
    both_kinds_carry_bytes(TCP).await;
}

#[tokio::test]
async fn both_kinds_carry_bytes_over_quic() {
    both_kinds_carry_bytes(QUIC).await;
}

/// Opens 60 streams at once, to a peer that answers on each, and counts those that work.
async fn sixty_streams(transport: &str) {
    let (alice, mut bob) = pair(transport).await;
    let serve = async {
        loop {
            let (_, _, mut stream) = bob.inbound().await;
            tokio::spawn(async move {
                let mut byte = [0];
                stream.read_exact(&mut byte).await.unwrap();
                stream.write_all(&byte).await.unwrap();
                stream.close().await.unwrap();
            });
        }
    };
    let ask = join_all((0..60).map(|n: u8| {
        let (net, device) = (alice.net.clone(), SecretKey::from_seed(&[2; 32]).device());
        async move {
            let mut stream = net.open(device, StreamKind::Blobs).await.unwrap();
            stream.write_all(&[n]).await.unwrap();
            stream.flush().await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            assert_eq!(answer, [n]);
        }
    }));
    in_time(async {
        tokio::select! {
            _ = ask => {}
            () = serve => unreachable!("it serves for ever"),
        }
    })
    .await;
}

#[tokio::test]
async fn sixty_streams_at_once_over_tcp() {
    sixty_streams(TCP).await;
}

#[tokio::test]
async fn sixty_streams_at_once_over_quic() {
    sixty_streams(QUIC).await;
}

/// Streams above the bound of a device are answered, and its places come free again.
async fn too_many_streams(transport: &str) {
    let mut alice = Node::start(1, &[]).await;
    let limits = NetLimits { streams_per_device: 2, ..NetLimits::default() };
    let mut bob = Node::with_limits(2, &[transport], limits).await;
    alice.dial(&bob).await.unwrap();
    alice.connected().await;
    let open = || in_time(alice.net.open(bob.net.device(), StreamKind::Sync));
    let _one = open().await.unwrap();
    let _two = open().await.unwrap();
    assert_eq!(open().await.unwrap_err(), OpenError::Busy);
    let (_, _, held) = bob.inbound().await;
    drop(bob.inbound().await);
    let open = || in_time(alice.net.open(bob.net.device(), StreamKind::Sync));
    let _three = open().await.unwrap();
    assert_eq!(open().await.unwrap_err(), OpenError::Busy);
    drop(held);
}

#[tokio::test]
async fn too_many_streams_are_refused_over_tcp() {
    too_many_streams(TCP).await;
}

#[tokio::test]
async fn too_many_streams_are_refused_over_quic() {
    too_many_streams(QUIC).await;
}

#[tokio::test]
async fn places_are_counted_over_all_connections_and_devices() {
    let limits = NetLimits { streams: 1, ..NetLimits::default() };
    let mut bob = Node::with_limits(2, &[TCP, QUIC], limits).await;
    let (alice, carol) = (Node::start(1, &[]).await, Node::start(3, &[]).await);
    alice.dial(&bob).await.unwrap();
    carol.dial(&bob).await.unwrap();
    let _taken = in_time(alice.net.open(bob.device(), StreamKind::Sync)).await.unwrap();
    let refused = in_time(carol.net.open(bob.device(), StreamKind::Sync)).await;
    assert_eq!(refused.unwrap_err(), OpenError::Busy);
    // A device that comes back while its stream is still held gets no second share.
    let held = bob.inbound().await;
    alice.net.disconnect(bob.device()).await;
    alice.dial(&bob).await.unwrap();
    let refused = in_time(alice.net.open(bob.device(), StreamKind::Sync)).await;
    assert_eq!(refused.unwrap_err(), OpenError::Busy);
    drop(held);
    in_time(alice.net.open(bob.device(), StreamKind::Sync)).await.unwrap();
}

#[tokio::test]
async fn a_stranger_at_the_address_is_refused() {
    let mut alice = Node::start(1, &[]).await;
    let mallory = Node::start(9, &[TCP]).await;
    let bob = Node::start(2, &[QUIC]).await;
    let strange = mallory.net.listening().await;
    let error = in_time(alice.net.dial(bob.device(), strange.clone())).await.unwrap_err();
    let DialError::WrongDevice { expected, actual, address } = error else { panic!("{error}") };
    assert_eq!((expected, actual), (bob.device(), mallory.device()));
    assert_eq!(address, strange[0]);

    // Beside the right address the wrong one does no harm.
    let both = [strange, bob.net.listening().await].concat();
    in_time(alice.net.dial(bob.device(), both)).await.unwrap();
    assert_eq!(alice.connected().await.0, bob.device());
    let mallory = in_time(alice.net.open(mallory.device(), StreamKind::Sync)).await;
    assert_eq!(mallory.unwrap_err(), OpenError::NotConnected);
}

#[tokio::test]
async fn two_tcp_addresses_of_which_one_is_wrong_still_connect() {
    let alice = Node::start(1, &[]).await;
    let mallory = Node::start(9, &[TCP]).await;
    let bob = Node::start(2, &[TCP]).await;
    let both = [mallory.net.listening().await, bob.net.listening().await].concat();
    in_time(alice.net.dial(bob.device(), both)).await.unwrap();
}

#[tokio::test]
async fn a_blocked_device_is_cut_off_and_kept_out() {
    let (mut alice, mut bob) = pair(TCP).await;
    bob.net.block(alice.device()).await;
    assert_eq!(bob.disconnected().await, alice.device());
    assert_eq!(alice.disconnected().await, bob.device());

    // Neither side can bring the connection back.
    let error = bob.dial(&alice).await.unwrap_err();
    assert!(matches!(error, DialError::NoAddress(_)), "{error}");
    let error =
        in_time(bob.net.dial(alice.device(), vec![TCP.replace("/0", "/1").parse().unwrap()]))
            .await
            .unwrap_err();
    assert!(matches!(error, DialError::Blocked), "{error}");
    // The dialler has its handshake before it is refused; no stream comes of it.
    let _ = alice.dial(&bob).await;
    let open = in_time(alice.net.open(bob.device(), StreamKind::Sync)).await;
    assert!(matches!(open, Err(OpenError::NotConnected | OpenError::Closed)), "{open:?}");

    bob.net.unblock(alice.device()).await;
    alice.net.disconnect(bob.device()).await;
    alice.dial(&bob).await.unwrap();
    in_time(alice.net.open(bob.device(), StreamKind::Sync)).await.unwrap();
    assert_eq!(bob.connected().await.0, alice.device());
}

#[tokio::test]
async fn a_stream_to_a_vanished_peer_fails_at_once() {
    for transport in [TCP, QUIC] {
        let (mut alice, bob) = pair(transport).await;
        bob.net.shutdown().await;
        let began = Instant::now();
        let open = alice.net.open(bob.device(), StreamKind::Sync).await;
        assert!(matches!(open, Err(OpenError::NotConnected | OpenError::Closed)), "{open:?}");
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(alice.disconnected().await, bob.device());
    }
}

#[tokio::test]
async fn a_stream_to_a_frozen_peer_fails_by_its_deadline() {
    // Between the two stands a wire that can be cut without either end hearing of it.
    let wire = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = wire.local_addr().unwrap().port();
    let bob = Node::start(2, &[TCP]).await;
    let (_, bobs_port) = address::socket(&bob.net.listening().await[0]).unwrap();
    let (cut, mut is_cut) = tokio::sync::watch::channel(false);
    let carry = tokio::spawn(async move {
        let (mut near, _) = wire.accept().await.unwrap();
        let mut far = tokio::net::TcpStream::connect(("127.0.0.1", bobs_port)).await.unwrap();
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
            _ = is_cut.changed() => {}
        }
        (near, far)
    });
    let limits = NetLimits { open: Duration::from_millis(300), ..NetLimits::default() };
    let alice = Node::with_limits(1, &[], limits).await;
    let address = format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap();
    in_time(alice.net.dial(bob.device(), vec![address])).await.unwrap();
    in_time(alice.net.open(bob.device(), StreamKind::Sync)).await.unwrap();
    cut.send(true).unwrap();
    let _held_open = carry.await.unwrap();
    let open = in_time(alice.net.open(bob.device(), StreamKind::Sync)).await;
    assert!(matches!(open, Err(OpenError::Timeout { .. })), "{open:?}");
}

#[tokio::test]
async fn disconnect_is_over_when_it_returns() {
    for transport in [TCP, QUIC] {
        let (mut alice, mut bob) = pair(transport).await;
        in_time(alice.net.disconnect(bob.device())).await;
        let open = alice.net.open(bob.device(), StreamKind::Sync).await;
        assert_eq!(open.unwrap_err(), OpenError::NotConnected);
        assert_eq!(alice.disconnected().await, bob.device());
        assert_eq!(bob.disconnected().await, alice.device());
        alice.dial(&bob).await.unwrap();
        assert_eq!(bob.connected().await.0, alice.device());
    }
}

#[tokio::test]
async fn an_idle_connection_closes_and_a_stream_keeps_it() {
    let limits = NetLimits { idle: Duration::from_millis(100), ..NetLimits::default() };
    let mut bob = Node::with_limits(2, &[TCP], limits).await;
    let alice = Node::start(1, &[]).await;
    alice.dial(&bob).await.unwrap();
    let mut stream = in_time(alice.net.open(bob.device(), StreamKind::Sync)).await.unwrap();
    let (_, _, mut inbound) = bob.inbound().await;
    assert!(timeout(Duration::from_millis(400), bob.disconnected()).await.is_err());
    stream.write_all(b"x").await.unwrap();
    stream.flush().await.unwrap();
    in_time(inbound.read_exact(&mut [0])).await.unwrap();
    drop((stream, inbound));
    assert_eq!(bob.disconnected().await, alice.device());
}

#[tokio::test]
async fn dials_of_one_device_are_joined() {
    let (mut alice, mut bob) =
        (Node::start(1, &[TCP, QUIC]).await, Node::start(2, &[TCP, QUIC]).await);
    let dials = join_all((0..10).map(|_| alice.dial(&bob))).await;
    assert!(dials.iter().all(Result::is_ok), "{dials:?}");
    assert_eq!(alice.connected().await.0, bob.device());
    assert_eq!(bob.connected().await.0, alice.device());
    in_time(alice.net.disconnect(bob.device())).await;
    assert_eq!(bob.disconnected().await, alice.device());
    assert_eq!(alice.disconnected().await, bob.device());

    // Both at once is one device up on either side, however many connections come of it.
    let (one, other) = tokio::join!(alice.dial(&bob), bob.dial(&alice));
    assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
    assert_eq!(alice.connected().await.0, bob.device());
    assert_eq!(bob.connected().await.0, alice.device());
    in_time(alice.net.open(bob.device(), StreamKind::Sync)).await.unwrap();
    in_time(bob.net.open(alice.device(), StreamKind::Sync)).await.unwrap();
}

#[tokio::test]
async fn an_address_tells_who_is_there() {
    let (mut alice, bob) = (Node::start(1, &[TCP]).await, Node::start(2, &[TCP, QUIC]).await);
    for address in bob.net.listening().await {
        for _ in 0..2 {
            let device = in_time(alice.net.dial_address(address.clone())).await.unwrap();
            assert_eq!(device, bob.device());
        }
    }
    assert_eq!(alice.connected().await.0, bob.device());
    let own = alice.net.listening().await.remove(0);
    let error = in_time(alice.net.dial_address(own)).await.unwrap_err();
    assert!(matches!(error, DialError::Itself), "{error}");
    let error = alice.net.dial(alice.device(), vec![]).await.unwrap_err();
    assert!(matches!(error, DialError::Itself), "{error}");
    let odd = "/ip4/127.0.0.1/tcp/1/ws".parse().unwrap();
    let error = in_time(alice.net.dial_address(odd)).await.unwrap_err();
    assert!(matches!(error, DialError::Address(_)), "{error}");
}

#[tokio::test]
async fn nobody_there_is_said_for_each_address() {
    let alice = Node::start(1, &[]).await;
    let nobody = SecretKey::from_seed(&[3; 32]).device();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address: Multiaddr = format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap();
    let error = in_time(alice.net.dial(nobody, vec![address.clone()])).await.unwrap_err();
    let DialError::Unreachable(failures) = error else { panic!("{error}") };
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].0, address);
    let error = in_time(alice.net.dial_address(address)).await.unwrap_err();
    assert!(matches!(error, DialError::Unreachable(_)), "{error}");
    let error = in_time(alice.net.dial(nobody, vec![])).await.unwrap_err();
    assert!(matches!(error, DialError::NoAddress(device) if device == nobody), "{error}");
}

#[tokio::test]
async fn connections_above_the_bound_are_refused() {
    let limits = NetLimits { established_inbound: 1, ..NetLimits::default() };
    let mut bob = Node::with_limits(2, &[TCP], limits).await;
    let (alice, mut carol) = (Node::start(1, &[]).await, Node::start(3, &[]).await);
    alice.dial(&bob).await.unwrap();
    assert_eq!(bob.connected().await.0, alice.device());
    // The refusal comes after the handshake, so the dial itself may have succeeded.
    if carol.dial(&bob).await.is_ok() {
        assert_eq!(carol.disconnected().await, bob.device());
    }
    let limits = NetLimits { established_outbound: 0, ..NetLimits::default() };
    let dave = Node::with_limits(4, &[], limits).await;
    let error = dave.dial(&bob).await.unwrap_err();
    assert!(matches!(error, DialError::Limit(_)), "{error}");
}

#[tokio::test]
async fn a_node_without_memory_takes_no_connection() {
    let limits = NetLimits { memory_share: 0.0, ..NetLimits::default() };
    let bob = Node::with_limits(2, &[TCP], limits.clone()).await;
    let alice = Node::start(1, &[]).await;
    assert!(alice.dial(&bob).await.is_err());
    let poor = Node::with_limits(3, &[], limits).await;
    let error = poor.dial(&bob).await.unwrap_err();
    assert!(matches!(error, DialError::Limit(_)), "{error}");
}

#[tokio::test]
async fn shutdown_ends_calls_events_and_listeners() {
    let (mut alice, mut bob) = pair(TCP).await;
    let _ = alice.net.open(bob.device(), StreamKind::Sync).await.unwrap();
    let (_, tcp) = address::socket(&bob.net.listening().await[0]).unwrap();
    in_time(bob.net.shutdown()).await;
    TcpListener::bind(("127.0.0.1", tcp)).expect("the port is free");
    assert_eq!(alice.disconnected().await, bob.device());
    in_time(async { while bob.events.recv().await.is_some() {} }).await;
    assert!(bob.net.listening().await.is_empty());
    let open = bob.net.open(alice.device(), StreamKind::Sync).await;
    assert_eq!(open.unwrap_err(), OpenError::Stopped);
    assert!(matches!(bob.dial(&alice).await, Err(DialError::Stopped)));
    in_time(bob.net.shutdown()).await;
}

#[tokio::test]
async fn shutdown_frees_the_quic_port() {
    let (mut alice, bob) = pair(QUIC).await;
    let (_, port) = address::socket(&bob.net.listening().await[0]).unwrap();
    in_time(bob.net.shutdown()).await;
    assert_eq!(alice.disconnected().await, bob.device());
    // The closed connections linger for a few round trips before the socket goes.
    in_time(async {
        while UdpSocket::bind(("127.0.0.1", port)).is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn dropping_the_handles_stops_the_node() {
    let (mut alice, bob) = pair(TCP).await;
    let device = bob.device();
    drop(bob.net);
    assert_eq!(alice.disconnected().await, device);
}

#[tokio::test]
async fn listen_addresses_are_real_and_failures_are_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("/ip4/127.0.0.1/tcp/{}", taken.local_addr().unwrap().port());
    // Held by a node of ours, as two daemons of one machine would.
    let holder = Node::start(1, &[&taken]).await;
    let mut bob = Node::start(2, &[&taken, QUIC, TCP]).await;
    let failed = bob
        .wait_for(|event| match event {
            NetEvent::ListenFailed { address, reason } => Some((address, reason)),
            _ => None,
        })
        .await;
    assert_eq!(failed.0.to_string(), taken);
    let listening = bob.net.listening().await;
    assert_eq!(listening.len(), 2, "{listening:?}");
    assert!(listening.iter().all(|address| !address.iter().any(|p| p == Protocol::Tcp(0))));

    let error = Net::start(config(3, &[&taken], NetLimits::default())).await.err();
    assert!(matches!(error, Some(StartError::Listen(failures)) if failures.len() == 1));
    drop(holder);
}

#[tokio::test]
async fn a_wildcard_stands_as_the_addresses_of_the_interfaces() {
    let mut bob = Node::start(2, &["/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1"]).await;
    let listening = bob.net.listening().await;
    assert!(listening.len() >= 2, "{listening:?}");
    for address in &listening {
        assert!(!address::socket(address).unwrap().0.is_unspecified(), "{address}");
    }
    let last = address::socket(listening.last().unwrap()).unwrap().0;
    assert!(last.is_loopback(), "{listening:?}");
    let reported = bob
        .wait_for(|event| match event {
            NetEvent::Listening { addresses } if addresses == listening => Some(addresses),
            _ => None,
        })
        .await;
    assert_eq!(reported, listening);
}

/// What a stranger with a stock libp2p learns by connecting.
#[tokio::test]
async fn identify_tells_nothing_of_the_node() {
    use libp2p::{SwarmBuilder, identify, noise, swarm::SwarmEvent, tcp, yamux};

    let bob = Node::start(2, &[TCP, QUIC]).await;
    let mut stranger = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|key| {
            identify::Behaviour::new(identify::Config::new("/x".into(), key.public()))
        })
        .unwrap()
        .with_swarm_config(|config| config.with_idle_connection_timeout(DEADLINE))
        .build();
    stranger.dial(bob.net.listening().await.remove(0)).unwrap();
    let info = in_time(async {
        loop {
            let event = stranger.select_next_some().await;
            if let SwarmEvent::Behaviour(identify::Event::Received { info, .. }) = event {
                return info;
            }
        }
    })
    .await;
    assert_eq!(info.listen_addrs, []);
    assert!(info.signed_peer_record.is_none());
    assert_eq!((info.agent_version.as_str(), info.protocol_version.as_str()), ("dsp", "/dsp/1"));
    let mut protocols: Vec<_> = info.protocols.iter().map(AsRef::as_ref).collect();
    protocols.sort_unstable();
    assert_eq!(
        protocols,
        [
            "/dsp/blobs/1",
            "/dsp/sync/1",
            "/ipfs/id/1.0.0",
            "/ipfs/id/push/1.0.0",
            "/ipfs/ping/1.0.0"
        ]
    );
}
