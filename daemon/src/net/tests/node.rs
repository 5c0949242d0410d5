//! The node as a whole: listening, shutting down, and what it reveals.

use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use futures::StreamExt;
use libp2p::multiaddr::Protocol;

use super::*;

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
async fn a_node_whose_events_nobody_takes_still_obeys() {
    let limits = NetLimits::default();
    let bob = Node::with_limits(2, &[TCP], limits.clone()).await;
    let alice = Node::start(1, &[]).await;
    alice.dial(&bob).await.unwrap();
    let mut held = Vec::new();
    let refused = in_time(async {
        loop {
            match alice.net.open(bob.device(), StreamKind::Sync).await {
                Ok(stream) => held.push(stream),
                Err(error) => return error,
            }
        }
    })
    .await;
    assert_eq!((refused, held.len()), (OpenError::Busy, limits.streams_per_device));
    assert_eq!(in_time(bob.net.listening()).await.len(), 1);
    in_time(bob.net.shutdown()).await;
}

#[tokio::test]
async fn a_connection_knows_how_fast_the_other_answers() {
    for transport in [TCP, QUIC] {
        let (mut alice, mut bob) = pair(transport).await;
        for (node, other) in [(&alice, bob.device()), (&bob, alice.device())] {
            let round_trip = in_time(async {
                loop {
                    if let Some(known) = node.net.round_trips().await.remove(&other) {
                        return known;
                    }
                    tokio::task::yield_now().await;
                }
            });
            let round_trip = round_trip.await;
            assert!(!round_trip.is_zero() && round_trip < DEADLINE, "{transport}: {round_trip:?}");
        }
        in_time(alice.net.disconnect(bob.device())).await;
        assert_eq!(alice.disconnected().await, bob.device());
        assert_eq!(bob.disconnected().await, alice.device());
        for node in [&alice, &bob] {
            assert!(node.net.round_trips().await.is_empty(), "{transport}: it is gone");
        }
    }
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
    // Held by a node of ours, as two daemons of one machine would.
    let holder = Node::start(1, &[TCP]).await;
    let taken = holder.net.listening().await.remove(0).to_string();
    let mut bob = Node::start(2, &[&taken, QUIC, TCP]).await;
    let failed = bob
        .wait_for(|event| match event {
            NetEvent::ListenFailed { address, reason } => Some((address, reason)),
            _ => None,
        })
        .await;
    assert_eq!(failed.0.to_string(), taken);
    assert!(failed.1.contains("in use"), "{}", failed.1);
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
            "/dsp/pair/1",
            "/dsp/sync/1",
            "/ipfs/id/1.0.0",
            "/ipfs/id/push/1.0.0",
            "/ipfs/ping/1.0.0"
        ]
    );
}
