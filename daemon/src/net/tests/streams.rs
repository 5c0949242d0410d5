//! Streams: what they carry, how many there may be, and how they fail.

use std::time::Duration;

use dsp_protocol::key::SecretKey;
use futures::future::join_all;
use futures::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::*;

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
async fn places_are_counted_over_all_devices() {
    let limits = NetLimits { streams: 1, ..NetLimits::default() };
    let mut bob = Node::with_limits(2, &[TCP, QUIC], limits).await;
    let (alice, carol) = (Node::start(1, &[]).await, Node::start(3, &[]).await);
    alice.dial(&bob).await.unwrap();
    carol.dial(&bob).await.unwrap();
    let _taken = in_time(alice.net.open(bob.device(), StreamKind::Sync)).await.unwrap();
    let refused = in_time(carol.net.open(bob.device(), StreamKind::Sync)).await;
    assert_eq!(refused.unwrap_err(), OpenError::Busy);
    drop(bob.inbound().await);
    in_time(carol.net.open(bob.device(), StreamKind::Sync)).await.unwrap();
}

#[tokio::test]
async fn a_device_that_comes_back_gets_no_second_share() {
    let limits = NetLimits { streams_per_device: 1, ..NetLimits::default() };
    let mut bob = Node::with_limits(2, &[TCP], limits).await;
    let alice = Node::start(1, &[]).await;
    alice.dial(&bob).await.unwrap();
    let _taken = in_time(alice.net.open(bob.device(), StreamKind::Sync)).await.unwrap();
    let held = bob.inbound().await;
    alice.net.disconnect(bob.device()).await;
    assert_eq!(bob.disconnected().await, alice.device());
    alice.dial(&bob).await.unwrap();
    let refused = in_time(alice.net.open(bob.device(), StreamKind::Sync)).await;
    assert_eq!(refused.unwrap_err(), OpenError::Busy);
    drop(held);
    in_time(alice.net.open(bob.device(), StreamKind::Sync)).await.unwrap();
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
