//! One machine of the simulator: an engine, what is durable, and what it was sent.

use std::collections::{BTreeMap, BTreeSet};

use rand_chacha::ChaCha8Rng;

use crate::id::{BlobHash, ContextId, DeviceId, FrameId, Incarnation, UserId};
use crate::identity::IdentityLog;
use crate::key::SecretKey;
use crate::statement::{Grant, Verified};
use crate::sync::{BlobWant, Config, Defect, Input, Node, Output, Record, RestoreError};
use crate::wire::{CatalogKey, Message};

/// The number of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub usize);

/// What a hostile host does to each message that it sends; honest ones do nothing.
pub type Tamper = fn(&Host, &Message) -> Vec<Message>;

/// One machine.
#[derive(Debug)]
pub struct Host {
    /// Its number.
    pub id: HostId,
    /// Its name, for failures.
    pub name: String,
    /// Its user.
    pub user: UserId,
    /// Its device.
    pub device: DeviceId,
    /// The engine; none while the machine is off.
    pub node: Option<Node>,
    /// What is durable, in the order in which it was stored.
    pub records: Vec<Record>,
    /// Blobs that are here and earned, by context.
    pub earned: BTreeSet<(ContextId, BlobHash)>,
    /// Blobs that were let go, by context.
    dropped: BTreeSet<(ContextId, BlobHash)>,
    /// Addresses of other devices that it remembers: where it reached them, and their own word.
    pub addresses: BTreeMap<DeviceId, BTreeSet<String>>,
    /// How often it was woken.
    pub wakes: u64,
    /// How many messages of each kind came, where [`counts`](Self::counts).
    pub received: BTreeMap<&'static str, u64>,
    /// Whether what comes is counted by kind, which takes its time.
    pub counts: bool,
    /// What it heard of elsewhere: a catalog, and frames.
    pub heard: Option<(CatalogKey, Vec<FrameId>)>,
    /// What it does to what it sends.
    pub tamper: Option<Tamper>,
    /// How many messages it sent, where it does something to some.
    pub sent: u64,
    /// How many messages it did something to.
    pub tampered: u64,
    pub(super) sessions: BTreeMap<DeviceId, u64>,
    pub(super) life: u64,
    pub(super) wake_at: Option<i64>,
    pub(super) disk_at: i64,
    /// How far the clock of the machine is ahead of the time of the simulator, in milliseconds.
    wall: i64,
    /// As `wall`, of the clock of the engine, which does not go back while it runs.
    clock: i64,
    key: SecretKey,
    identity: [SecretKey; 2],
    log: IdentityLog,
    rng: ChaCha8Rng,
}

/// What a user gives each of her machines.
struct Mine {
    log: IdentityLog,
    identity: [SecretKey; 2],
    device: SecretKey,
}

fn grant(log: &mut IdentityLog, root: &SecretKey, device: DeviceId, name: &str) -> Verified {
    let grant = Grant { device, name: name.into(), scope: None, until: None };
    let granted = log.grant(root, grant).expect("the grant fits");
    log.add(granted.clone()).expect("the grant goes on from the entry before it");
    granted
}

impl Host {
    pub(super) fn new(
        id: HostId,
        name: &str,
        seeds: [[u8; 32]; 3],
        inc: [u8; 8],
        rng: ChaCha8Rng,
    ) -> Self {
        let [root, recovery, device] = seeds.map(|seed| SecretKey::from_seed(&seed));
        let (mut log, _) =
            IdentityLog::create(name, &root, &recovery.public()).expect("the name fits");
        grant(&mut log, &root, device.device(), name);
        Host::with(id, name, Mine { log, identity: [root, recovery], device }, inc, rng)
    }

    /// Makes another machine of this one's user, with the entry of her log that grants it.
    pub(super) fn beside(
        &mut self,
        id: HostId,
        name: &str,
        seed: [u8; 32],
        inc: [u8; 8],
        rng: ChaCha8Rng,
    ) -> (Self, Verified) {
        let device = SecretKey::from_seed(&seed);
        let granted = grant(&mut self.log, &self.identity[0], device.device(), name);
        let mine = Mine { log: self.log.clone(), identity: self.identity.clone(), device };
        (Host::with(id, name, mine, inc, rng), granted)
    }

    fn with(id: HostId, name: &str, mine: Mine, inc: [u8; 8], rng: ChaCha8Rng) -> Self {
        let Mine { log, identity, device } = mine;
        let user = log.user();
        let entries = log.entries().map(|entry| Record::Log { user, entry: entry.encode() });
        let inc = Record::Incarnation(Incarnation::from_bytes(inc));
        Host {
            id,
            name: name.to_owned(),
            user,
            device: device.device(),
            node: None,
            records: std::iter::once(inc).chain(entries).collect(),
            earned: BTreeSet::new(),
            dropped: BTreeSet::new(),
            addresses: BTreeMap::new(),
            wakes: 0,
            received: BTreeMap::new(),
            counts: true,
            heard: None,
            tamper: None,
            sent: 0,
            tampered: 0,
            sessions: BTreeMap::new(),
            life: 0,
            wake_at: None,
            disk_at: 0,
            wall: 0,
            clock: 0,
            key: device,
            identity,
            log,
            rng,
        }
    }

    /// Returns the engine.
    ///
    /// # Panics
    /// When the machine is off.
    pub fn node(&self) -> &Node {
        self.node.as_ref().expect("the machine is on")
    }

    /// Returns the keys that sign the identity log, root and recovery: a scenario may steal them.
    pub fn identity(&self) -> &[SecretKey; 2] {
        &self.identity
    }

    /// Returns the key of the device.
    pub fn key(&self) -> &SecretKey {
        &self.key
    }

    /// Returns where the machine can be reached.
    pub fn address(&self) -> String {
        format!("/memory/{}", self.id.0)
    }

    /// Returns what the clock of the engine says at a time of the simulator.
    pub(super) fn time(&self, now: i64) -> i64 {
        now + self.clock
    }

    pub(super) fn set_clock(&mut self, ahead: i64) {
        self.wall = ahead;
        self.clock = self.clock.max(ahead);
    }

    pub(super) fn restore(&mut self, defect: Option<Defect>) -> Result<(), RestoreError> {
        let config = Config { user: self.user, key: self.key.clone(), defect };
        let records = self.ordered();
        self.node = Some(Node::restore(config, records)?);
        self.life += 1;
        self.wake_at = None;
        self.disk_at = 0;
        self.clock = self.wall;
        self.sessions.clear();
        Ok(())
    }

    /// Returns the records as a database gives them: contexts first, then catalogs by number.
    fn ordered(&self) -> Vec<Record> {
        let rank = |record: &Record| match record {
            Record::Incarnation(_) => 0,
            Record::Log { .. } => 1,
            Record::Context(_) => 2,
            Record::Envelope { .. } => 3,
            _ => 4,
        };
        let mut contexts: BTreeMap<ContextId, usize> = BTreeMap::new();
        let mut wants: BTreeMap<(ContextId, BlobHash), usize> = BTreeMap::new();
        for (at, record) in self.records.iter().enumerate() {
            match record {
                Record::Context(context) => drop(contexts.insert(context.genesis.id(), at)),
                Record::Want { context, want } => drop(wants.insert((*context, want.hash), at)),
                Record::Unwant { context, hash } => drop(wants.remove(&(*context, *hash))),
                _ => {}
            }
        }
        let mut records: Vec<(usize, Record)> = self
            .records
            .iter()
            .enumerate()
            .filter(|(at, record)| match record {
                Record::Context(context) => contexts[&context.genesis.id()] == *at,
                Record::Want { context, want } => wants.get(&(*context, want.hash)) == Some(at),
                _ => true,
            })
            .map(|(at, record)| (at, record.clone()))
            .collect();
        records.sort_by_key(|(at, record)| match record {
            Record::Envelope { context, user, envelope } => {
                (3, Some((*context, *user, envelope.device, envelope.inc, envelope.n)), 0)
            }
            record => (rank(record), None, *at),
        });
        records.into_iter().map(|(_, record)| record).collect()
    }

    /// Forgets that a blob is here, or was let go.
    fn forget_blob(&mut self, of: ContextId, blob: BlobHash) {
        self.records.retain(|record| match record {
            Record::Earned { context, hash, .. } | Record::Dropped { context, hash, .. } => {
                (*context, *hash) != (of, blob)
            }
            _ => true,
        });
    }

    pub(super) fn apply(&mut self, records: Vec<Record>) {
        for record in records {
            if let Record::Earned { context, hash, .. } = &record {
                self.earned.insert((*context, *hash));
            }
            match &record {
                Record::Dropped { context, hash, .. } => {
                    self.earned.remove(&(*context, *hash));
                    self.dropped.insert((*context, *hash));
                    self.forget_blob(*context, *hash);
                }
                Record::Want { context, want: BlobWant { hash, .. } }
                | Record::Earned { context, hash, .. }
                    if self.dropped.remove(&(*context, *hash)) =>
                {
                    self.forget_blob(*context, *hash);
                }
                _ => {}
            }
            if let Record::ForgetContext(context) = &record {
                self.earned.retain(|(c, _)| c != context);
                self.records.retain(|record| record.context() != Some(*context));
                continue;
            }
            self.records.push(record);
        }
    }

    pub(super) fn handle(&mut self, now: i64, input: Input) -> Vec<Output> {
        self.wakes += u64::from(matches!(input, Input::Wake));
        match &mut self.node {
            Some(node) => node.handle(now, &mut self.rng, input),
            None => Vec::new(),
        }
    }

    pub(super) fn frames(&self, context: ContextId, wanted: &[FrameId]) -> Vec<(FrameId, Vec<u8>)> {
        let stored: BTreeMap<FrameId, &Vec<u8>> = self
            .records
            .iter()
            .filter_map(|record| match record {
                Record::Frame { context: c, id, bytes } if *c == context => Some((*id, bytes)),
                _ => None,
            })
            .collect();
        wanted.iter().filter_map(|id| Some((*id, (*stored.get(id)?).clone()))).collect()
    }

    pub(super) fn note(&mut self, bytes: &[u8]) {
        if !self.counts {
            return;
        }
        let kind = match Message::decode(bytes) {
            Ok(Message::Envelopes { .. }) => "envelopes",
            Ok(Message::Frames { .. }) => "frames",
            Ok(Message::Have { .. }) => "have",
            Ok(Message::Log { .. }) => "log",
            Ok(Message::Open { .. }) => "open",
            Ok(Message::Peers { .. }) => "peers",
            Ok(_) => "other",
            Err(_) => "garbage",
        };
        *self.received.entry(kind).or_insert(0) += 1;
    }

    pub(super) fn tampered(&mut self, bytes: Vec<u8>) -> Vec<Vec<u8>> {
        let Some(tamper) = self.tamper else { return vec![bytes] };
        self.sent += 1;
        match Message::decode(&bytes) {
            Ok(message) => {
                let sent = tamper(self, &message);
                self.tampered += u64::from(sent.len() > 1);
                sent.iter().map(Message::encode).collect()
            }
            Err(_) => vec![bytes],
        }
    }
}
