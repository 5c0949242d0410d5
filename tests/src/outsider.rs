//! Peers that do what no honest program does.
//!
//! A [`Stranger`] is a bare node of the network: it opens streams and says what it likes. An
//! [`Outsider`] has an identity and a whole engine besides, so that it can be let in, and then
//! state and ask for what it should not; it serves, as its owner says, what it does not have.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use dsp_daemon::blobs::{Blobs, Protect, ProtectError};
use dsp_daemon::net::{Mdns, Net, NetConfig, NetEvent, NetHandle, NetLimits, StreamKind, framed};
use dsp_daemon::node::{self, NodeEvent, NodeHandle, Parts};
use dsp_daemon::store::Store;
use dsp_protocol::api::{NodeStatus, Policy};
use dsp_protocol::cbor::{self, Map, Value};
use dsp_protocol::id::{BlobHash, ContextId, DeviceId, FrameId, Incarnation, UserId};
use dsp_protocol::identity::IdentityLog;
use dsp_protocol::key::SecretKey;
use dsp_protocol::limits::{HELLO_BYTES, MESSAGE_WIRE_BYTES};
use dsp_protocol::object::{Attachment, BlobRef, Files, Frame};
use dsp_protocol::statement::{Access, Grant, Role};
use dsp_protocol::sync::{self, Command, Config, Event, FrameMeta, Provider, Record, Reply};
use dsp_protocol::ticket::{Ticket, TicketAddr};
use dsp_protocol::wire::{DenyCode, Message, VERSIONS};
use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use rand::Rng as _;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::node::DEADLINE;

/// How long one message may take.
const MESSAGE: Duration = Duration::from_secs(10);

/// Which part of what is behind a hash is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The blob itself.
    Whole,
    /// The blobs whose hashes it lists.
    Children,
    /// Both.
    Everything,
}

/// What a provider answered to a request for a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// *Not here*, whatever the reason.
    NotHere,
    /// Bytes, with the hash tree between them.
    Bytes(Vec<u8>),
}

/// A node of the network without an identity.
#[derive(Debug)]
pub struct Stranger {
    net: NetHandle,
    // Dropping it would stop the node.
    _events: mpsc::Receiver<NetEvent>,
}

impl Stranger {
    /// Starts it and connects to a daemon.
    ///
    /// # Errors
    /// The node cannot start, or the daemon cannot be reached.
    pub async fn start(to: &NodeStatus) -> anyhow::Result<Self> {
        // Of two devices the smaller opens the sync stream, and this one wants to.
        let mut key = secret();
        while key.device() > to.device {
            key = secret();
        }
        let (net, events) = start_net(&key).await?;
        let addresses = to.listening.iter().map(|address| address.parse());
        net.dial(to.device, addresses.collect::<Result<_, _>>()?).await?;
        Ok(Stranger { net, _events: events })
    }

    /// Says a hello and `messages` on a sync stream, then more than anybody may say before a
    /// context matched, and returns all that came back until the stream ended for it.
    ///
    /// # Errors
    /// The stream cannot be opened, or does not end.
    pub async fn say(&self, to: DeviceId, messages: &[Message]) -> anyhow::Result<Vec<Message>> {
        self.say_in(VERSIONS, to, messages).await
    }

    /// As [`Stranger::say`], with a hello of other versions of the protocol.
    ///
    /// # Errors
    /// The stream cannot be opened, or does not end.
    pub async fn say_in(
        &self,
        versions: &[u16],
        to: DeviceId,
        messages: &[Message],
    ) -> anyhow::Result<Vec<Message>> {
        let (mut reader, mut writer) = framed(self.net.open(to, StreamKind::Sync).await?);
        let hi = Message::Hi { versions: versions.into(), nonce: random(), features: Vec::new() };
        for message in std::iter::once(&hi).chain(messages) {
            writer.send(&message.encode(), MESSAGE).await?;
        }
        // All before it is answered by the time the stream ends.
        let later = Map::new().with("t", "later").with("x", vec![0; HELLO_BYTES / 2]);
        let later = cbor::encode(&Value::Map(later));
        while writer.send(&later, MESSAGE).await.is_ok() {}
        let mut heard = Vec::new();
        let listen = async {
            while let Ok(Some(bytes)) = reader.next(MESSAGE_WIRE_BYTES, MESSAGE).await {
                heard.push(Message::decode(&bytes)?);
            }
            anyhow::Ok(())
        };
        timeout(DEADLINE, listen).await.context("the stream does not end")??;
        Ok(heard)
    }

    /// Returns where a ticket would say that it is.
    ///
    /// # Errors
    /// It listens nowhere.
    pub async fn address(&self) -> anyhow::Result<TicketAddr> {
        let listening = self.net.listening().await;
        let address = listening.first().context("a stranger listens")?.to_string();
        Ok(TicketAddr { device: self.net.device(), address })
    }

    /// Asks for a blob under a tag of one's own invention.
    ///
    /// # Errors
    /// The stream breaks.
    pub async fn ask(&self, from: DeviceId, hash: BlobHash) -> anyhow::Result<Answer> {
        let provider = Provider { device: from, tag: random(), generation: 1 };
        ask(&self.net, provider, hash, Part::Whole).await
    }
}

/// A node with an identity and an engine, and no honesty.
#[derive(Debug)]
pub struct Outsider {
    net: NetHandle,
    node: NodeHandle,
    blobs: Blobs,
    user: UserId,
    _folder: tempfile::TempDir,
}

/// What the collector is told to keep: it never runs.
struct Everything;

impl Protect for Everything {
    fn protected(&self, _: &mut dyn FnMut(BlobHash)) -> Result<(), ProtectError> {
        Err("an outsider collects nothing".into())
    }
}

impl Outsider {
    /// Makes an identity and starts a node.
    ///
    /// # Errors
    /// There is no place for it.
    pub async fn start(name: &str) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("dsp-").tempdir()?;
        let (root, recovery, key) = (secret(), secret(), secret());
        let (log, inception) = IdentityLog::create(name, &root, &recovery.public())?;
        let grant = Grant { device: key.device(), name: name.into(), scope: None, until: None };
        let grant = log.grant(&root, grant)?;
        let user = log.user();
        let (store, _) = Store::open(&folder.path().join("meta.redb")).await?;
        let entry = |entry: Vec<u8>| Record::Log { user, entry };
        let incarnation = Record::Incarnation(Incarnation::from_bytes(random()));
        store.apply(vec![incarnation, entry(inception.encode()), entry(grant.encode())]).await?;
        let (net, net_events) = start_net(&key).await?;
        let config = Config { user, key, defect: None };
        let engine = sync::Node::restore(config, store.restore().await?)?;
        let blobs = Blobs::open(&folder.path().join("blobs"), Arc::new(Everything)).await?;
        let parts = Parts {
            engine,
            net: net.clone(),
            net_events,
            store,
            blobs: blobs.clone(),
            announce: Vec::new(),
            pairing: mpsc::channel(1).0,
            transfers: node::Transfers::default(),
        };
        Ok(Outsider { net, node: node::start(parts), blobs, user, _folder: folder })
    }

    /// Returns its user.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// Has the engine do something.
    ///
    /// # Errors
    /// It is refused.
    pub async fn run(&self, command: Command) -> anyhow::Result<Reply> {
        Ok(self.node.run(command).await?)
    }

    /// Makes a context of its own and returns a ticket of it.
    ///
    /// # Errors
    /// It is refused.
    pub async fn share(&self, until: Option<i64>) -> anyhow::Result<Ticket> {
        use dsp_protocol::statement::{Access, Role};
        let name = "main".parse()?;
        let command = Command::NewContext { name, text: String::new(), access: Access::Ticket };
        let Reply::Context(context) = self.run(command).await? else { bail!("no context") };
        let addresses = self.net.listening().await.iter().map(ToString::to_string).collect();
        let role = Role::Reader;
        match self.run(Command::Share { context, role, until, uses: None, addresses }).await? {
            Reply::Ticket(ticket) => Ok(*ticket),
            other => bail!("sharing answered {other:?}"),
        }
    }

    /// Follows by a ticket, waits until it may do what the ticket says, and returns the context.
    ///
    /// # Errors
    /// It is not.
    pub async fn follow(&self, ticket: &str) -> anyhow::Result<ContextId> {
        let ticket: Ticket = ticket.parse()?;
        let (context, wanted, user) = (ticket.context(), ticket.role, self.user);
        let mut events = self.node.subscribe();
        self.run(Command::Follow { ticket: Box::new(ticket), policy: Policy::Lazy.into() }).await?;
        let admitted = async {
            loop {
                let role = self.node.query(move |engine| {
                    let view = engine.context(context)?.view();
                    let public = view.about().is_some_and(|about| about.access == Access::Public);
                    // Whoever reads what is public needs no role.
                    Some(if public { view.role(user).max(Role::Reader) } else { view.role(user) })
                });
                if role.await? >= Some(wanted) {
                    return Ok(context);
                }
                // A member who is no owner may be met first.
                if let NodeEvent::Sync(Event::NotAdmitted { reason, .. }) = events.recv().await?
                    && reason != DenyCode::NeedsOwner.reason()
                {
                    bail!(reason);
                }
            }
        };
        timeout(DEADLINE, admitted).await.context("the outsider was not let in")?
    }

    /// Waits for a frame, and returns what the engine remembers of it.
    ///
    /// # Errors
    /// It does not come.
    pub async fn frame(&self, context: ContextId, frame: FrameId) -> anyhow::Result<FrameMeta> {
        let mut events = self.node.subscribe();
        let came = async {
            loop {
                let meta = self.node.query(move |engine| {
                    engine.context(context).and_then(|known| known.frame(frame).cloned())
                });
                if let Some(meta) = meta.await? {
                    return Ok(meta);
                }
                events.recv().await?;
            }
        };
        timeout(DEADLINE, came).await.context("the frame did not come")?
    }

    /// Tells whether a frame is here.
    ///
    /// # Errors
    /// The engine has stopped.
    pub async fn has_frame(&self, context: ContextId, frame: FrameId) -> anyhow::Result<bool> {
        let here = self.node.query(move |engine| {
            engine.context(context).is_some_and(|known| known.frame(frame).is_some())
        });
        Ok(here.await?)
    }

    /// Takes bytes into its store, so that it really has them.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn keep(&self, bytes: Vec<u8>) -> anyhow::Result<BlobRef> {
        let blob = BlobRef::of(&bytes);
        let imported = self.blobs.import_bytes(bytes).await?;
        ensure!(imported.hash == blob.hash, "another hash");
        self.blobs.sync([&imported.keep]).await?;
        // What nothing collects needs no keep.
        drop(imported);
        Ok(blob)
    }

    /// Pushes a frame that names blobs, whether it has them or not.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn push(
        &self,
        context: ContextId,
        stack: &str,
        blobs: &[BlobRef],
    ) -> anyhow::Result<()> {
        let named = (0..).zip(blobs).map(|(at, blob)| {
            let path = format!("{at}.bin").parse()?;
            Ok(Attachment::new(path, blob.clone(), "application/octet-stream"))
        });
        let files = Files::Listed(named.collect::<anyhow::Result<_>>()?);
        let frame = Frame { files, ..Frame::default() }.encode()?;
        let blobs = blobs.iter().map(|blob| (blob.hash, blob.size)).collect();
        let stack = stack.parse()?;
        self.run(Command::Push { context, stack, frame, blobs, tags: Vec::new() }).await?;
        Ok(())
    }

    /// Asks every peer of a context for a blob under the tag on which they agreed.
    ///
    /// # Errors
    /// No peer is connected, or a stream breaks.
    pub async fn ask(
        &self,
        context: ContextId,
        hash: BlobHash,
        part: Part,
    ) -> anyhow::Result<Vec<Answer>> {
        let providers = self.node.query(move |engine| engine.providers(context)).await?;
        ensure!(!providers.is_empty(), "no peer of the context is connected");
        let mut answers = Vec::new();
        for provider in providers {
            answers.push(ask(&self.net, provider, hash, part).await?);
        }
        Ok(answers)
    }
}

/// Returns the first packets of so many QUIC connections, which nobody answered: those of each
/// connection by themselves.
///
/// # Errors
/// They do not come.
pub async fn quic_beginnings(count: usize) -> anyhow::Result<Vec<Vec<Vec<u8>>>> {
    let trap = UdpSocket::bind("127.0.0.1:0").await?;
    let port = trap.local_addr()?.port();
    let limits = NetLimits { pending_outbound: u32::try_from(count)?, ..NetLimits::default() };
    let (net, _events) = start_net_with(&secret(), limits).await?;
    let mut dials = JoinSet::new();
    for _ in 0..count {
        let (net, device) = (net.clone(), secret().device());
        let address = format!("/ip4/127.0.0.1/udp/{port}/quic-v1").parse()?;
        dials.spawn(async move { net.dial(device, vec![address]).await });
    }
    let mut beginnings: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
    let mut packet = vec![0; 65_536];
    // What belongs to a connection already begun comes right behind; then nothing does for a while.
    let mut patience = MESSAGE;
    while let Ok(received) = timeout(patience, trap.recv(&mut packet)).await {
        let packet = &packet[..received?];
        // A long header: type, version, and the length of the id that the connection begins with.
        let id = packet.get(5).and_then(|len| packet.get(6..6 + usize::from(*len)));
        let id = id.context("no QUIC packet")?.to_vec();
        beginnings.entry(id).or_default().push(packet.to_vec());
        if beginnings.len() == count {
            patience = Duration::from_millis(100);
        }
    }
    ensure!(beginnings.len() == count, "{} of {count} connections began", beginnings.len());
    Ok(beginnings.into_values().collect())
}

async fn start_net(key: &SecretKey) -> anyhow::Result<(NetHandle, mpsc::Receiver<NetEvent>)> {
    start_net_with(key, NetLimits::default()).await
}

async fn start_net_with(
    key: &SecretKey,
    limits: NetLimits,
) -> anyhow::Result<(NetHandle, mpsc::Receiver<NetEvent>)> {
    let config = NetConfig {
        seed: key.to_seed(),
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse()?],
        mdns: Mdns::Off,
        limits,
    };
    Ok(Net::start(config).await?)
}

async fn ask(
    net: &NetHandle,
    provider: Provider,
    hash: BlobHash,
    part: Part,
) -> anyhow::Result<Answer> {
    let mut stream = net.open(provider.device, StreamKind::Blobs).await?;
    let answer = async {
        stream.write_all(&request(provider, hash, part)).await?;
        stream.close().await?;
        let mut bytes = Vec::new();
        // An answer that breaks off is judged by what came.
        let _ = stream.read_to_end(&mut bytes).await;
        match bytes.split_first() {
            Some((0, rest)) => Ok(Answer::Bytes(rest.to_vec())),
            Some((1, [])) => Ok(Answer::NotHere),
            _ => bail!("an answer of no kind: {bytes:?}"),
        }
    };
    timeout(DEADLINE, answer).await.context("no answer")?
}

/// Writes what is said on a stream for blobs: `daemon/src/blobs/wire.rs` has the form.
fn request(provider: Provider, hash: BlobHash, part: Part) -> Vec<u8> {
    let header = Map::new().with("tag", provider.tag).with("gen", provider.generation);
    let header = cbor::encode(&Value::Map(header));
    let mut bytes = (header.len() as u32).to_be_bytes().to_vec();
    bytes.extend(header);
    bytes.push(0);
    bytes.extend_from_slice(hash.as_bytes());
    // How many spans of blobs, each with the distance of its first from the last span's, and the
    // ranges of its blobs: `1 0` is all, `0` is nothing.
    bytes.extend_from_slice(match part {
        Part::Whole => &[2, 0, 1, 0, 1, 0],
        Part::Children => &[1, 1, 1, 0],
        Part::Everything => &[1, 0, 1, 0],
    });
    bytes
}

fn secret() -> SecretKey {
    SecretKey::from_seed(&random())
}

fn random<const N: usize>() -> [u8; N] {
    // Nothing here has to be secret, only different in every process and at every call.
    use std::hash::{BuildHasher as _, Hasher as _};
    let seed = std::hash::RandomState::new().build_hasher().finish();
    let mut bytes = [0; N];
    <rand_chacha::ChaCha8Rng as rand::SeedableRng>::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}
