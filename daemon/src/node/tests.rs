//! Nodes with real networks on loopback, and bare networks that say what they like to them.

mod actor;
mod peers;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use dsp_protocol::api::Policy;
use dsp_protocol::id::{BlobHash, ContextId, DeviceId, Incarnation};
use dsp_protocol::identity::IdentityLog;
use dsp_protocol::key::SecretKey;
use dsp_protocol::statement::{Access, Grant, Role};
use dsp_protocol::sync::{Command, Config, Record, Reply};
use dsp_protocol::ticket::Ticket;
use tokio::time::timeout;

use super::*;
use crate::blobs::{Protect, ProtectError};
use crate::net::{Mdns, Net, NetConfig, NetLimits, NetStream, StreamKind};

/// Nothing on loopback takes this long; a test that waits longer has failed.
const DEADLINE: Duration = Duration::from_secs(30);

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.expect("it happens in time")
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

/// Two seeds, that of the smaller device first.
fn seeds() -> [u8; 2] {
    if key(1).device() < key(2).device() { [1, 2] } else { [2, 1] }
}

async fn start_net(seed: u8) -> (NetHandle, mpsc::Receiver<NetEvent>) {
    let config = NetConfig {
        seed: key(seed).to_seed(),
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
        mdns: Mdns::Off,
        limits: NetLimits::default(),
    };
    Net::start(config).await.unwrap()
}

/// What the collector is told to keep: it never runs.
struct Everything;

impl Protect for Everything {
    fn protected(&self, _: &mut dyn FnMut(BlobHash)) -> Result<(), ProtectError> {
        Err("nothing is collected".into())
    }
}

/// A home with an identity, for one node after another.
struct Home {
    seed: u8,
    user: dsp_protocol::id::UserId,
    store: Store,
    blobs: Blobs,
    _folder: tempfile::TempDir,
}

impl Home {
    async fn new(seed: u8) -> Home {
        let folder = tempfile::tempdir().unwrap();
        let (root, recovery) = (key(100 + seed), key(200 + seed));
        let (log, inception) = IdentityLog::create("name", &root, &recovery.public()).unwrap();
        let device = key(seed).device();
        let grant = Grant { device, name: "laptop".into(), scope: None, until: None };
        let grant = log.grant(&root, grant).unwrap();
        let user = log.user();
        let (store, _) = Store::open(&folder.path().join("meta.redb")).await.unwrap();
        let entry = |entry: Vec<u8>| Record::Log { user, entry };
        let incarnation = Record::Incarnation(Incarnation::from_bytes([seed; 8]));
        let records = vec![incarnation, entry(inception.encode()), entry(grant.encode())];
        store.apply(records).await.unwrap();
        let blobs = Blobs::open(&folder.path().join("blobs"), Arc::new(Everything)).await.unwrap();
        Home { seed, user, store, blobs, _folder: folder }
    }

    /// The parts of a node, with what puts events of the network in.
    async fn parts(&self) -> (Parts, mpsc::Sender<NetEvent>) {
        let config = Config { user: self.user, key: key(self.seed), defect: None };
        let records = self.store.restore().await.unwrap();
        let engine = sync::Node::restore(config, records).unwrap();
        let (net, mut told) = start_net(self.seed).await;
        let (inject, net_events) = mpsc::channel(256);
        let pass_on = inject.clone();
        tokio::spawn(async move {
            while let Some(event) = told.recv().await {
                if pass_on.send(event).await.is_err() {
                    return;
                }
            }
        });
        let (store, blobs) = (self.store.clone(), self.blobs.clone());
        (
            Parts {
                engine,
                net,
                net_events,
                store,
                blobs,
                announce: Vec::new(),
                pairing: mpsc::channel(1).0,
                transfers: Transfers::default(),
            },
            inject,
        )
    }
}

/// A node that runs.
struct Running {
    node: NodeHandle,
    net: NetHandle,
    inject: mpsc::Sender<NetEvent>,
    home: Home,
}

impl Running {
    async fn start(seed: u8) -> Running {
        let home = Home::new(seed).await;
        let (parts, inject) = home.parts().await;
        let net = parts.net.clone();
        Running { node: start(parts), net, inject, home }
    }

    /// Makes a context and a ticket of it that names this device where nobody answers.
    async fn share(&self) -> Ticket {
        let name = "main".parse().unwrap();
        let command = Command::NewContext { name, text: String::new(), access: Access::Ticket };
        let Reply::Context(context) = self.node.run(command).await.unwrap() else {
            panic!("no context")
        };
        self.share_of(context).await
    }

    async fn share_of(&self, context: ContextId) -> Ticket {
        let (role, until, uses) = (Role::Reader, None, None);
        let addresses = vec!["/ip4/127.0.0.1/tcp/9".to_owned()];
        let command = Command::Share { context, role, until, uses, addresses };
        let Reply::Ticket(ticket) = self.node.run(command).await.unwrap() else {
            panic!("no ticket")
        };
        *ticket
    }

    async fn follow(&self, ticket: Ticket) {
        let ticket = Box::new(ticket);
        self.node.run(Command::Follow { ticket, policy: Policy::Lazy.into() }).await.unwrap();
    }

    async fn stop(self) -> Home {
        self.node.shutdown().await;
        self.net.shutdown().await;
        self.home
    }
}

/// A ticket of a node that is gone.
async fn ticket_of(seed: u8) -> Ticket {
    let node = Running::start(seed).await;
    let ticket = node.share().await;
    node.stop().await;
    ticket
}

/// A network without a node.
struct Bare {
    net: NetHandle,
    events: mpsc::Receiver<NetEvent>,
}

impl Bare {
    async fn start(seed: u8) -> Bare {
        let (net, events) = start_net(seed).await;
        Bare { net, events }
    }

    fn device(&self) -> DeviceId {
        self.net.device()
    }

    async fn connect(&self, to: &Running) {
        let addresses = to.net.listening().await;
        in_time(self.net.dial(to.net.device(), addresses)).await.unwrap();
    }

    /// Waits for the first event that `pick` takes, past all others.
    async fn wait_for<T>(&mut self, mut pick: impl FnMut(NetEvent) -> Option<T>) -> T {
        in_time(async {
            loop {
                let event = self.events.recv().await.expect("the network runs");
                if let Some(picked) = pick(event) {
                    return picked;
                }
            }
        })
        .await
    }

    async fn sync_stream(&mut self) -> NetStream {
        self.wait_for(|event| match event {
            NetEvent::Inbound { kind: StreamKind::Sync, stream, .. } => Some(stream),
            _ => None,
        })
        .await
    }
}
