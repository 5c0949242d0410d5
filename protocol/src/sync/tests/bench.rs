//! One engine with a shell that does everything at once, and the peers it talks to.

use std::collections::BTreeMap;

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use crate::cbor::Map;
use crate::doc::{CatalogPlace, CatalogWriter, Envelope, Tip, catalog_key, judge, judge_board};
use crate::id::{ContextId, DeviceId, FrameId, Incarnation, StackId, StatementId, UserId};
use crate::identity::IdentityLog;
use crate::key::SecretKey;
use crate::statement::samples::key;
use crate::statement::{
    Access, Grant, Head, Interest, Member, Place, PlacedFact, Role, Scope, Verified,
};
use crate::sync::{
    Command, CommandError, CommandId, Config, Event, Input, Node, Output, Record, Reply,
    SessionRole, Severity, TaskResult,
};
use crate::ticket::Ticket;
use crate::wire::{CatalogKey, CatalogState, LogState, Message, Tag};

/// What every clock says.
pub(super) const NOW: i64 = 1_700_000_000_000;

/// A user with her root key.
pub(super) struct Person {
    root: SecretKey,
    log: IdentityLog,
    pub(super) user: UserId,
}

impl Person {
    pub(super) fn new(seed: u8) -> Self {
        let root = key(seed);
        let (log, _) = IdentityLog::create("x", &root, &key(seed + 100).public()).unwrap();
        let user = log.user();
        Person { root, log, user }
    }

    /// Grants a device; of one that is granted already, changes what it may be at most.
    pub(super) fn grant(&mut self, device: &SecretKey, role: Option<Role>) -> Verified {
        let scope = role.map(|role| Scope { contexts: None, role: Some(role) });
        let grant = Grant { device: device.device(), name: "x".into(), scope, until: None };
        let entry = self.log.grant(&self.root, grant).unwrap();
        self.log.add(entry.clone()).unwrap();
        entry
    }

    pub(super) fn device(&mut self, seed: u8, role: Option<Role>) -> Device {
        let key = key(seed);
        self.grant(&key, role);
        Device::new(self.user, key, [seed; 8])
    }

    pub(super) fn revoke(&mut self, device: &Device) {
        let entry = self.log.revoke(&self.root, device.id()).unwrap();
        self.log.add(entry).unwrap();
    }

    /// Returns the last entry of the log.
    pub(super) fn tip(&self) -> StatementId {
        self.log.tip()
    }

    /// Adds an entry that another program made.
    pub(super) fn add(&mut self, entry: Verified) {
        self.log.add(entry).unwrap();
    }

    pub(super) fn entries(&self) -> Vec<Vec<u8>> {
        self.log.entries().map(Verified::encode).collect()
    }

    pub(super) fn state(&self) -> LogState {
        LogState { user: self.user, digest: self.log.digest() }
    }
}

/// A device with its catalog in one context.
pub(super) struct Device {
    pub(super) user: UserId,
    pub(super) key: SecretKey,
    inc: Incarnation,
    n: u64,
    pub(super) said: Vec<Envelope>,
}

impl Device {
    pub(super) fn new(user: UserId, key: SecretKey, inc: [u8; 8]) -> Self {
        Device { user, key, inc: Incarnation::from_bytes(inc), n: 0, said: Vec::new() }
    }

    pub(super) fn id(&self) -> DeviceId {
        self.key.device()
    }

    pub(super) fn catalog(&self) -> CatalogKey {
        CatalogKey { user: self.user, device: self.id(), inc: self.inc }
    }

    pub(super) fn place(&self, context: ContextId) -> CatalogPlace {
        CatalogPlace { context, user: self.user, device: self.id(), inc: self.inc }
    }

    /// The same device before it said all but the first envelopes, and with numbers of its own.
    pub(super) fn back_at(&self, envelopes: usize) -> Device {
        let said = self.said[..envelopes].to_vec();
        Device { user: self.user, key: self.key.clone(), inc: self.inc, n: self.n + 100, said }
    }

    /// Signs a fact in the next place.
    pub(super) fn sign(&mut self, context: ContextId, fact: &PlacedFact) -> Verified {
        self.n += 1;
        let place = Place { context, device: self.id(), inc: self.inc, n: self.n, time: NOW };
        fact.sign(&place, &self.key).unwrap()
    }

    /// Says something in the next envelope.
    pub(super) fn say(&mut self, context: ContextId, fact: &PlacedFact) -> Verified {
        let statement = self.sign(context, fact);
        self.say_signed(context, &statement);
        statement
    }

    /// Puts a statement into the next envelope.
    pub(super) fn say_signed(&mut self, context: ContextId, statement: &Verified) {
        let place = self.place(context);
        let mut writer = CatalogWriter::load(place, self.said.iter()).unwrap();
        let put = (catalog_key(statement).unwrap(), statement.encode());
        self.said.push(writer.append(&self.key, &[put], &[]).unwrap());
    }

    /// Returns the fields of the place so many behind the last.
    pub(super) fn next_place(&self, context: ContextId, ahead: u64) -> Map {
        let fields = Map::new().with("context", context).with("device", self.id());
        fields.with("inc", self.inc).with("n", self.n + ahead).with("time", NOW)
    }

    /// Says one thing in each of many envelopes.
    pub(super) fn say_each(&mut self, context: ContextId, facts: impl Iterator<Item = PlacedFact>) {
        let place = self.place(context);
        let mut writer = CatalogWriter::load(place, self.said.iter()).unwrap();
        for fact in facts {
            let statement = self.sign(context, &fact);
            let put = (catalog_key(&statement).unwrap(), statement.encode());
            self.said.push(writer.append(&self.key, &[put], &[]).unwrap());
        }
    }

    pub(super) fn tip(&self, context: ContextId) -> Tip {
        CatalogWriter::load(self.place(context), self.said.iter()).unwrap().tip().unwrap()
    }

    /// What a peer says that it has of the catalog.
    pub(super) fn state(&self, context: ContextId) -> CatalogState {
        let tip = self.tip(context);
        CatalogState { key: self.catalog(), epoch: 0, n: tip.n, tip: tip.change }
    }
}

pub(super) fn push(to: u8) -> PlacedFact {
    PlacedFact::Head(Head {
        stack: StackId::from_bytes([to; 16]),
        name: format!("stack{to}").parse().unwrap(),
        frame: Some(FrameId::from_bytes([to; 32])),
        generation: 1,
        over: Vec::new(),
        why: None,
    })
}

pub(super) fn member(user: UserId, role: Role) -> PlacedFact {
    PlacedFact::Member(Member { user, role, seen: BTreeMap::new() })
}

/// A session with a device in one context.
#[derive(Clone, Copy)]
pub(super) struct Peer {
    pub(super) device: DeviceId,
    pub(super) tag: Tag,
}

/// An engine whose shell does everything at once.
pub(super) struct Bench {
    pub(super) node: Node,
    pub(super) records: Vec<Record>,
    pub(super) sent: Vec<(DeviceId, Message)>,
    pub(super) events: Vec<Event>,
    pub(super) penalties: Vec<(DeviceId, Severity, String)>,
    pub(super) now: i64,
    /// Whether the disk takes nothing.
    pub(super) disk_full: bool,
    logs: BTreeMap<UserId, Vec<Vec<u8>>>,
    replies: Vec<Result<Reply, CommandError>>,
    user: UserId,
    key: SecretKey,
    rng: ChaCha8Rng,
}

impl Bench {
    /// Starts the engine of a person on a new device.
    pub(super) fn new(me: &mut Person, seed: u8) -> Self {
        let device = me.device(seed, None);
        let mut records = vec![Record::Incarnation(device.inc)];
        records.extend(me.entries().into_iter().map(|entry| Record::Log { user: me.user, entry }));
        let config = Config { user: me.user, key: device.key.clone(), defect: None };
        let mut bench = Bench {
            node: Node::restore(config, records.clone()).unwrap(),
            records,
            sent: Vec::new(),
            events: Vec::new(),
            penalties: Vec::new(),
            now: NOW,
            disk_full: false,
            logs: BTreeMap::new(),
            replies: Vec::new(),
            user: me.user,
            key: device.key.clone(),
            rng: ChaCha8Rng::seed_from_u64(1),
        };
        bench.feed(Input::Start);
        bench
    }

    /// Stops the engine and starts it from what is durable.
    pub(super) fn restart(&mut self) {
        let mut records = self.records.clone();
        records.sort_by_key(|record| match record {
            Record::Incarnation(_) => 0,
            Record::Log { .. } => 1,
            Record::Context(_) => 2,
            Record::Envelope { .. } => 3,
            _ => 4,
        });
        let config = Config { user: self.user, key: self.key.clone(), defect: None };
        self.node = Node::restore(config, records).unwrap();
        self.feed(Input::Start);
    }

    pub(super) fn feed(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let outputs = self.node.handle(self.now, &mut self.rng, input);
            let mut next: Vec<Input> =
                outputs.into_iter().filter_map(|o| self.perform(o)).collect();
            next.reverse();
            inputs.extend(next);
        }
    }

    fn perform(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Send { device, bytes } => match Message::decode(&bytes).unwrap() {
                Message::LogWant { tag, user, from } => {
                    let (entries, more) = (self.logs.get(&user)?.clone(), false);
                    let bytes = Message::Log { tag, user, from, entries, more }.encode();
                    return Some(Input::Message { device, bytes });
                }
                message => self.sent.push((device, message)),
            },
            Output::Store { task, .. } if self.disk_full => {
                let result = TaskResult::StoreFailed { reason: "full".into(), disk_full: true };
                return Some(Input::Done { task, result });
            }
            Output::Store { task, records } => {
                self.records.extend(records);
                return Some(Input::Done { task, result: TaskResult::Stored });
            }
            Output::Judge { task, work } => {
                return Some(Input::Done { task, result: TaskResult::Judged(judge(&work)) });
            }
            Output::JudgeBoard { task, work } => {
                let result = TaskResult::BoardJudged(Box::new(judge_board(*work)));
                return Some(Input::Done { task, result });
            }
            Output::LoadFrames { task, context, frames } => {
                let stored = self.records.iter().filter_map(|record| match record {
                    Record::Frame { context: of, id, bytes }
                        if *of == context && frames.contains(id) =>
                    {
                        Some((*id, bytes.clone()))
                    }
                    _ => None,
                });
                let result = TaskResult::Frames(stored.collect());
                return Some(Input::Done { task, result });
            }
            Output::Reply { result, .. } => self.replies.push(result),
            Output::Emit(event) => self.events.push(event),
            Output::Penalty { device, severity, reason } => {
                self.penalties.push((device, severity, reason));
            }
            _ => {}
        }
        None
    }

    /// Wakes the engine when what failed is due again, which has to be within 5 s.
    pub(super) fn rest(&mut self) {
        let due = self.node.ask_deadlines().min().expect("nothing is tried again");
        assert!(due <= self.now + 5_000, "tried again after {} ms", due - self.now);
        self.now = due;
        self.feed(Input::Wake);
    }

    pub(super) fn command(&mut self, command: Command) -> Result<Reply, CommandError> {
        self.feed(Input::Command { id: CommandId(0), command });
        self.replies.pop().unwrap()
    }

    pub(super) fn new_context(&mut self) -> ContextId {
        let (name, text) = ("main".parse().unwrap(), String::new());
        match self.command(Command::NewContext { name, text, access: Access::Private }) {
            Ok(Reply::Context(context)) => context,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn set_role(&mut self, context: ContextId, person: &Person, role: Role) {
        self.command(Command::Member { context, user: person.user, role }).unwrap();
    }

    pub(super) fn share(&mut self, context: ContextId, role: Role, uses: Option<u32>) -> Ticket {
        let addresses = Vec::new();
        match self.command(Command::Share { context, role, until: None, uses, addresses }) {
            Ok(Reply::Ticket(ticket)) => *ticket,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn role(&self, context: ContextId, person: &Person) -> Role {
        self.node.context(context).unwrap().view().role(person.user)
    }

    pub(super) fn interest(&self, context: ContextId) -> Interest {
        self.node.context(context).unwrap().interests()[0].clone()
    }

    /// Lets peers tell the log of a user as it is now.
    pub(super) fn knows(&mut self, person: &Person) {
        self.logs.insert(person.user, person.entries());
    }

    /// Opens a session in a context, begun by the peer; what was sent before is forgotten.
    pub(super) fn connect(
        &mut self,
        person: &Person,
        device: &Device,
        interest: &Interest,
        redeem: Option<&Verified>,
    ) -> Peer {
        self.knows(person);
        let id = device.id();
        self.feed(Input::SessionDown { device: id });
        self.sent.clear();
        self.feed(Input::SessionUp { device: id, role: SessionRole::Responder });
        let [(_, Message::Hi { nonce: theirs, .. })] = &self.sent[..] else {
            panic!("{:?}", self.sent)
        };
        let (theirs, mut nonce) = (*theirs, [0; 32]);
        self.rng.fill_bytes(&mut nonce);
        let mut hasher = blake3::Hasher::new_keyed(&interest.key);
        hasher.update(b"i").update(id.as_bytes()).update(self.key.device().as_bytes());
        hasher.update(&nonce).update(&theirs).update(&interest.generation.to_be_bytes());
        let tag: Tag = hasher.finalize().as_bytes()[..16].try_into().unwrap();
        let peer = Peer { device: id, tag };
        self.tell(peer, &Message::Hi { versions: vec![1], nonce, features: Vec::new() });
        self.tell(peer, &Message::Tags { tags: vec![tag] });
        let LogState { user, digest: log } = person.state();
        self.sent.clear();
        let redeem = redeem.map(Verified::encode);
        self.tell(peer, &Message::Open { tag, user, log, redeem });
        peer
    }

    pub(super) fn tell(&mut self, peer: Peer, message: &Message) {
        self.feed(Input::Message { device: peer.device, bytes: message.encode() });
    }

    /// Sends envelopes of a catalog, from one on.
    pub(super) fn deliver(&mut self, peer: Peer, by: &Device, from: usize) {
        let envelopes = by.said[from..].iter().map(Envelope::encode).collect();
        self.tell(peer, &Message::Envelopes { tag: peer.tag, catalog: by.catalog(), envelopes });
    }

    pub(super) fn have(&mut self, peer: Peer, logs: Vec<LogState>, docs: Vec<CatalogState>) {
        self.tell(peer, &Message::Have { tag: peer.tag, logs, docs, whole: false });
    }

    /// Tells the engine that a log went on.
    pub(super) fn tell_log(&mut self, peer: Peer, person: &Person) {
        self.knows(person);
        self.have(peer, vec![person.state()], Vec::new());
    }

    /// Returns how many envelopes of a catalog were taken.
    pub(super) fn took(&self, context: ContextId, of: &Device) -> u64 {
        let catalogs = &self.node.context(context).unwrap().catalogs;
        catalogs.get(&of.catalog()).map_or(0, |catalog| catalog.n())
    }

    pub(super) fn sent_to(&self, peer: Peer) -> impl Iterator<Item = &Message> {
        self.sent.iter().filter(move |(to, _)| *to == peer.device).map(|(_, message)| message)
    }

    /// Returns the numbers from which envelopes of a catalog were asked of a peer.
    pub(super) fn asked(&self, peer: Peer, of: &Device) -> Vec<u64> {
        let wants = self.sent_to(peer).filter_map(|message| match message {
            Message::Want { catalog, from, .. } if *catalog == of.catalog() => Some(*from),
            _ => None,
        });
        wants.collect()
    }
}
