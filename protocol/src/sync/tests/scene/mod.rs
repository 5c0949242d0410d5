//! The engine held against what it promises, one subject a file.

mod blobs;
mod bounds;
mod chosen;
mod dials;
mod frames;
mod logs_asked;
mod quota;
mod timers;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::api::Policy;
use crate::doc::Envelope;
use crate::id::{BlobHash, ChangeId, ContextId, DeviceId, FrameId, Incarnation, UserId};
use crate::key::SecretKey;
use crate::object::{Attachment, BlobRef, Files, Frame};
use crate::policy::FollowPolicy;
use crate::sim::{HostId, Sim};
use crate::statement::{Access, Role};
use crate::sync::event::{Command, Input, Output, Reply, Severity};
use crate::sync::node::Node;
use crate::ticket::Ticket;
use crate::wire::{CatalogKey, CatalogState, Message, Tag};

/// A context of alice's on a quiet network.
struct Scene {
    sim: Sim,
    alice: HostId,
    context: ContextId,
}

impl Scene {
    fn new(seed: u64) -> Scene {
        let mut sim = Sim::new(seed, None);
        let alice = sim.add_host("alice");
        let name = "main".parse().unwrap();
        let command = Command::NewContext { name, text: String::new(), access: Access::Private };
        let Ok(Reply::Context(context)) = sim.command(alice, command) else {
            panic!("a new context answers with its id")
        };
        Scene { sim, alice, context }
    }

    fn ticket(&mut self, role: Role) -> Ticket {
        let addresses = vec![self.sim.hosts[&self.alice].address()];
        let context = self.context;
        let command = Command::Share { context, role, until: None, uses: None, addresses };
        match self.sim.command(self.alice, command) {
            Ok(Reply::Ticket(ticket)) => *ticket,
            other => panic!("sharing gave {other:?}"),
        }
    }

    /// Adds a host that follows the context, and lets it get everything.
    fn follower(&mut self, name: &str, role: Role, policy: impl Into<FollowPolicy>) -> HostId {
        let policy = policy.into();
        let ticket = Box::new(self.ticket(role));
        let host = self.sim.add_host(name);
        self.sim.command(host, Command::Follow { ticket, policy }).unwrap();
        self.sim.run_for(20_000);
        host
    }

    /// Pushes a frame with one file to the stack `data`, which goes on from its head.
    fn push(&mut self, text: &str) -> (FrameId, BlobHash) {
        let blob = BlobRef::of(text.as_bytes());
        self.sim.blobs.insert(blob.hash, text.as_bytes().to_vec());
        let file = Attachment::new("data.txt".parse().unwrap(), blob.clone(), "text/plain");
        let earned = vec![(blob.hash, blob.size)];
        (self.push_files(Files::Listed(vec![file]), earned), blob.hash)
    }

    fn push_files(&mut self, files: Files, earned: Vec<(BlobHash, u64)>) -> FrameId {
        self.push_to("data", files, earned)
    }

    fn push_to(&mut self, name: &str, files: Files, earned: Vec<(BlobHash, u64)>) -> FrameId {
        let name = name.parse().unwrap();
        let alice = &self.sim.hosts[&self.alice];
        let stack = self.node(self.alice).contexts[&self.context].view.stack(alice.user, &name);
        let parents = stack.map_or_else(Vec::new, |s| s.heads.iter().map(|h| h.frame).collect());
        let frame = Frame { parents, time: self.sim.now, files, ..Frame::default() };
        let frame = frame.encode().unwrap();
        let id = FrameId::of(&frame);
        let context = self.context;
        let command = Command::Push { context, stack: name, frame, blobs: earned, tags: vec![] };
        self.sim.command(self.alice, command).unwrap();
        id
    }

    fn node(&self, host: HostId) -> &Node {
        self.sim.hosts[&host].node()
    }

    fn node_mut(&mut self, host: HostId) -> &mut Node {
        self.sim.hosts.get_mut(&host).unwrap().node.as_mut().unwrap()
    }

    fn device(&self, host: HostId) -> DeviceId {
        self.sim.hosts[&host].device
    }

    fn has_frame(&self, host: HostId, frame: FrameId) -> bool {
        self.node(host).contexts[&self.context].frames.contains_key(&frame)
    }

    fn has_blob(&self, host: HostId, blob: BlobHash) -> bool {
        self.sim.hosts[&host].earned.contains(&(self.context, blob))
    }

    /// Returns the tag of the context in the session that a host has with another.
    fn tag(&self, host: HostId, with: HostId) -> Tag {
        let session = &self.node(host).sessions[&self.device(with)];
        session.channel_of(self.context).unwrap().0
    }

    /// Hands a host a message as if another had sent it, and returns what it does then.
    fn deliver(&mut self, to: HostId, from: HostId, message: &Message) -> Vec<Output> {
        let input = Input::Message { device: self.device(from), bytes: message.encode() };
        self.feed(to, input)
    }

    fn feed(&mut self, to: HostId, input: Input) -> Vec<Output> {
        let now = self.sim.now;
        self.node_mut(to).handle(now, &mut ChaCha8Rng::seed_from_u64(1), input)
    }
}

/// Returns the messages among what an engine does.
fn sent(outputs: &[Output]) -> Vec<Message> {
    let bytes = outputs.iter().filter_map(|output| match output {
        Output::Send { bytes, .. } => Some(bytes),
        _ => None,
    });
    bytes.map(|bytes| Message::decode(bytes).unwrap()).collect()
}

fn catalogs_asked(outputs: &[Output]) -> Vec<CatalogKey> {
    let wants = sent(outputs).into_iter().filter_map(|message| match message {
        Message::Want { catalog, .. } => Some(catalog),
        _ => None,
    });
    wants.collect()
}

fn logs_asked(outputs: &[Output]) -> Vec<UserId> {
    let wants = sent(outputs).into_iter().filter_map(|message| match message {
        Message::LogWant { user, .. } => Some(user),
        _ => None,
    });
    wants.collect()
}

fn penalty(outputs: &[Output]) -> Option<Severity> {
    outputs.iter().find_map(|output| match output {
        Output::Penalty { severity, .. } => Some(*severity),
        _ => None,
    })
}

/// Returns somebody's key, user and first catalog.
fn somebody(n: u32) -> (SecretKey, CatalogKey) {
    let mut seed = [9; 32];
    seed[..4].copy_from_slice(&n.to_be_bytes());
    let key = SecretKey::from_seed(&seed);
    let user = UserId::from_bytes(*key.device().as_bytes());
    let inc = Incarnation::from_bytes([1; 8]);
    let catalog = CatalogKey { user, device: key.device(), inc };
    (key, catalog)
}

fn state(key: CatalogKey, n: u64) -> CatalogState {
    CatalogState { key, epoch: 0, n, tip: ChangeId::from_bytes([n as u8; 32]) }
}

fn have(tag: Tag, docs: Vec<CatalogState>) -> Message {
    Message::Have { tag, logs: Vec::new(), docs, whole: false }
}

/// Returns envelopes of a catalog that are signed, though what is in them is nothing.
fn signed(
    context: ContextId,
    catalog: CatalogKey,
    key: &SecretKey,
    numbers: std::ops::Range<u64>,
    size: usize,
) -> Vec<Vec<u8>> {
    let doc = crate::id::DocumentId::catalog(context, catalog.user, catalog.device, catalog.inc);
    let sign = |n| Envelope::sign(doc, 0, catalog.inc, n, vec![7; size], key).encode();
    numbers.map(sign).collect()
}
