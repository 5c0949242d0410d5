//! Nodes of one process, over loopback.

mod dial;
mod node;
mod streams;

use std::future::Future;
use std::time::Duration;

use dsp_protocol::id::DeviceId;
use libp2p::Multiaddr;
use tokio::sync::mpsc;
use tokio::time::timeout;
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
