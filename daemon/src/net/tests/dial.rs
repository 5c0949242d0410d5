//! Dials: who is reached, who is refused, and what is said.

use std::net::TcpListener;

use dsp_protocol::key::SecretKey;
use futures::future::join_all;

use super::*;

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
    // Both are dialled at once; over ten times the stranger is the first to answer in some.
    for _ in 0..10 {
        in_time(alice.net.dial(bob.device(), both.clone())).await.unwrap();
        in_time(alice.net.disconnect(bob.device())).await;
    }
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
    assert!(failures[0].1.contains("refused"), "{}", failures[0].1);
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
