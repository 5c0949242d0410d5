//! Engines on one table: every message is seen, and may be held back, replayed or forged.
//!
//! The simulator shows that a team gets along on a bad network; here a test says what exactly one
//! peer says to another, and looks at what the other makes of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::{Index, IndexMut};

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::api::Policy;
use crate::doc::{CatalogPlace, CatalogWriter, Envelope, catalog_key, judge, judge_board};
use crate::id::{BlobHash, ContextId, DeviceId, DocumentId, FrameId, Incarnation, UserId};
use crate::identity::IdentityLog;
use crate::key::SecretKey;
use crate::object::{Attachment, BlobRef, Files, Frame};
use crate::statement::{Access, Grant, Place, PlacedFact, Role, Verified};
use crate::sync::{
    BlobWant, Command, CommandError, CommandId, Config, Event, Input, Node, Output, Provider,
    Record, Reply, SessionRole, Severity, TaskId, TaskResult,
};
use crate::ticket::Ticket;
use crate::wire::{CatalogKey, Message, Tag};

/// The number of a host.
pub(super) type At = usize;

/// One machine.
pub(super) struct Host {
    pub(super) user: UserId,
    pub(super) device: DeviceId,
    pub(super) key: SecretKey,
    pub(super) root: SecretKey,
    pub(super) log: IdentityLog,
    pub(super) node: Node,
    /// What is durable, in order.
    pub(super) records: Vec<Record>,
    /// What waits for the disk, where it stands still.
    held: Option<Vec<(TaskId, Vec<Record>)>>,
    /// What was judged of dashboards and is not told yet, where that takes long.
    judged: Option<Vec<(TaskId, TaskResult)>>,
    /// Whether its engine stands still: the test speaks for it.
    pub(super) still: bool,
    /// Which of its messages do not arrive.
    pub(super) withheld: fn(&Message) -> bool,
    /// Frames that were looked up.
    pub(super) looked_up: Vec<(ContextId, Vec<FrameId>)>,
    /// Small blobs that were read, each with the most bytes that it may have.
    pub(super) read: Vec<(BlobHash, usize)>,
    /// Fetches begun.
    pub(super) fetches: Vec<(TaskId, ContextId, Vec<BlobWant>, Vec<Provider>)>,
}

/// Engines and what they said to each other.
pub(super) struct Lab {
    pub(super) now: i64,
    pub(super) hosts: Vec<Host>,
    /// Every message sent: from, to, what.
    pub(super) sent: Vec<(At, At, Message)>,
    pub(super) penalties: Vec<(At, DeviceId, Severity, String)>,
    pub(super) events: Vec<(At, Event)>,
    /// The contents of blobs that may be read.
    pub(super) blobs: BTreeMap<BlobHash, Vec<u8>>,
    rng: ChaCha8Rng,
    queue: VecDeque<(At, Input)>,
    links: BTreeSet<(At, At)>,
    replies: BTreeMap<CommandId, Result<Reply, CommandError>>,
    next_command: u64,
}

impl Index<At> for Lab {
    type Output = Host;
    fn index(&self, at: At) -> &Host {
        &self.hosts[at]
    }
}

impl IndexMut<At> for Lab {
    fn index_mut(&mut self, at: At) -> &mut Host {
        &mut self.hosts[at]
    }
}

impl Host {
    fn new(name: &str, rng: &mut ChaCha8Rng) -> Self {
        let [root, recovery, key] = [(); 3].map(|()| {
            let mut seed = [0; 32];
            rng.fill_bytes(&mut seed);
            SecretKey::from_seed(&seed)
        });
        let mut inc = [0; 8];
        rng.fill_bytes(&mut inc);
        let (mut log, inception) = IdentityLog::create(name, &root, &recovery.public()).unwrap();
        let grant = Grant { device: key.device(), name: name.into(), scope: None, until: None };
        let grant = log.grant(&root, grant).unwrap();
        log.add(grant.clone()).unwrap();
        let user = log.user();
        let entry = |entry: &Verified| Record::Log { user, entry: entry.encode() };
        let inc = Record::Incarnation(Incarnation::from_bytes(inc));
        let records = vec![inc, entry(&inception), entry(&grant)];
        let node = restore(user, &key, &records);
        Host {
            user,
            device: key.device(),
            key,
            root,
            log,
            node,
            records,
            held: None,
            judged: None,
            still: false,
            withheld: |_| false,
            looked_up: Vec::new(),
            read: Vec::new(),
            fetches: Vec::new(),
        }
    }

    /// Returns the key of its own catalog.
    pub(super) fn catalog(&self) -> CatalogKey {
        CatalogKey { user: self.user, device: self.device, inc: self.node.incarnation() }
    }
}

fn restore(user: UserId, key: &SecretKey, records: &[Record]) -> Node {
    // A database gives contexts before what is in them.
    let rank = |record: &&Record| match record {
        Record::Incarnation(_) | Record::Log { .. } => 0,
        Record::Context(_) => 1,
        _ => 2,
    };
    let mut records: Vec<&Record> = records.iter().collect();
    records.sort_by_key(rank);
    let config = Config { user, key: key.clone(), defect: None };
    Node::restore(config, records.into_iter().cloned()).unwrap()
}

impl Lab {
    /// Makes machines with these names, none connected.
    pub(super) fn new(names: &[&str]) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(names.len() as u64);
        let hosts = names.iter().map(|name| Host::new(name, &mut rng)).collect();
        Lab {
            now: 1_700_000_000_000,
            hosts,
            sent: Vec::new(),
            penalties: Vec::new(),
            events: Vec::new(),
            blobs: BTreeMap::new(),
            rng,
            queue: VecDeque::new(),
            links: BTreeSet::new(),
            replies: BTreeMap::new(),
            next_command: 0,
        }
    }

    /// Has a host do something and returns its answer.
    pub(super) fn command(&mut self, at: At, command: Command) -> Result<Reply, CommandError> {
        let id = self.command_later(at, command);
        self.replies.remove(&id).expect("the engine answers")
    }

    /// Has a host do something that may take longer.
    pub(super) fn command_later(&mut self, at: At, command: Command) -> CommandId {
        let id = CommandId(self.next_command);
        self.next_command += 1;
        self.feed(at, Input::Command { id, command });
        id
    }

    /// Makes a context of a host.
    pub(super) fn context(&mut self, owner: At) -> ContextId {
        let name = "main".parse().unwrap();
        let command = Command::NewContext { name, text: String::new(), access: Access::Private };
        match self.command(owner, command) {
            Ok(Reply::Context(context)) => context,
            other => panic!("a new context answers with its id, not {other:?}"),
        }
    }

    /// Makes a ticket of an owner's context.
    pub(super) fn ticket(&mut self, owner: At, context: ContextId, uses: Option<u32>) -> Ticket {
        let (role, until, addresses) = (Role::Reader, None, vec!["/memory/1".to_owned()]);
        match self.command(owner, Command::Share { context, role, until, uses, addresses }) {
            Ok(Reply::Ticket(ticket)) => *ticket,
            other => panic!("sharing gave {other:?}"),
        }
    }

    /// Has a host follow what a ticket names.
    pub(super) fn follow(&mut self, at: At, ticket: &Ticket) {
        let ticket = Box::new(ticket.clone());
        self.command(at, Command::Follow { ticket, policy: Policy::All.into() }).unwrap();
    }

    /// Gives a user of a host a role.
    pub(super) fn member(&mut self, owner: At, context: ContextId, of: At, role: Role) {
        let user = self[of].user;
        self.command(owner, Command::Member { context, user, role }).unwrap();
    }

    /// Pushes a frame with one file to a stack, and returns the frame's id.
    pub(super) fn push(&mut self, at: At, context: ContextId, text: &str) -> FrameId {
        let blob = BlobRef::of(text.as_bytes());
        let file = Attachment::new("data.txt".parse().unwrap(), blob.clone(), "text/plain");
        let frame = Frame {
            message: text.to_owned(),
            files: Files::Listed(vec![file]),
            ..Frame::default()
        };
        self.push_frame(at, context, &frame)
    }

    /// Pushes a frame to a stack, and returns its id.
    pub(super) fn push_frame(&mut self, at: At, context: ContextId, frame: &Frame) -> FrameId {
        let frame = frame.encode().unwrap();
        let id = FrameId::of(&frame);
        let stack = "stack".parse().unwrap();
        let command = Command::Push { context, stack, frame, blobs: vec![], tags: vec![] };
        self.command(at, command).unwrap();
        id
    }

    /// Opens a session; `a` is the initiator.
    pub(super) fn connect(&mut self, a: At, b: At) {
        for (at, peer) in [(a, b), (b, a)] {
            let device = self[peer].device;
            self.queue.push_back((at, Input::SessionDown { device }));
        }
        self.links.insert((a.min(b), a.max(b)));
        for (at, peer, role) in [(a, b, SessionRole::Initiator), (b, a, SessionRole::Responder)] {
            let device = self[peer].device;
            self.queue.push_back((at, Input::SessionUp { device, role }));
        }
        self.settle();
    }

    /// Ends the session of two hosts.
    pub(super) fn disconnect(&mut self, a: At, b: At) {
        self.links.remove(&(a.min(b), a.max(b)));
        for (at, peer) in [(a, b), (b, a)] {
            let device = self[peer].device;
            self.feed(at, Input::SessionDown { device });
        }
    }

    /// Has one host say something to another that its engine did not make.
    pub(super) fn say(&mut self, from: At, to: At, message: &Message) {
        let device = self[from].device;
        self.feed(to, Input::Message { device, bytes: message.encode() });
    }

    /// Lets time pass, in milliseconds.
    pub(super) fn wait(&mut self, millis: i64) {
        self.now += millis;
        for at in 0..self.hosts.len() {
            self.feed(at, Input::Wake);
        }
    }

    /// Lets the disk of a host stand still.
    pub(super) fn stop_disk(&mut self, at: At) {
        self[at].held = Some(Vec::new());
    }

    /// Lets the disk of a host do what waits, and go on.
    pub(super) fn run_disk(&mut self, at: At) {
        for (task, records) in self[at].held.take().unwrap_or_default() {
            self[at].records.extend(records);
            self.queue.push_back((at, Input::Done { task, result: TaskResult::Stored }));
        }
        self.settle();
    }

    /// Lets the judging of dashboards on a host take long.
    pub(super) fn stop_judging(&mut self, at: At) {
        self[at].judged = Some(Vec::new());
    }

    /// Lets a host hear what was judged meanwhile, and go on.
    pub(super) fn run_judging(&mut self, at: At) {
        for (task, result) in self[at].judged.take().unwrap_or_default() {
            self.queue.push_back((at, Input::Done { task, result }));
        }
        self.settle();
    }

    /// Ends a fetch as if the downloader had brought everything.
    pub(super) fn fetched(&mut self, at: At) {
        for (task, _, wants, _) in std::mem::take(&mut self[at].fetches) {
            let complete = wants.iter().map(|want| want.hash).collect();
            self.feed(
                at,
                Input::Done { task, result: TaskResult::Fetched { complete, failed: vec![] } },
            );
        }
    }

    /// Starts a host anew from these records; every session of it is gone.
    pub(super) fn restart(&mut self, at: At, records: Vec<Record>) {
        let device = self[at].device;
        for peer in 0..self.hosts.len() {
            self.feed(peer, Input::SessionDown { device });
        }
        self.links.retain(|(a, b)| *a != at && *b != at);
        let host = &mut self[at];
        host.node = restore(host.user, &host.key, &records);
        host.records = records;
        self.feed(at, Input::Start);
    }

    /// Returns what one host said to another since the `since`-th message of all.
    pub(super) fn said(&self, from: At, to: At, since: usize) -> Vec<&Message> {
        let sent = self.sent[since..].iter();
        sent.filter(|(f, t, _)| (*f, *t) == (from, to)).map(|(_, _, message)| message).collect()
    }

    /// Returns the tag that a session of two hosts has for their only context.
    pub(super) fn tag(&self, at: At, peer: At) -> Tag {
        let session = &self[at].node.sessions[&self[peer].device];
        *session.channels.keys().next().expect("a context matched")
    }

    /// Returns the envelopes of a catalog as a host stored them.
    pub(super) fn stored(&self, at: At, key: CatalogKey) -> Vec<Envelope> {
        let envelopes = self[at].records.iter().filter_map(|record| match record {
            Record::Envelope { user, envelope, .. }
                if (*user, envelope.device, envelope.inc) == (key.user, key.device, key.inc) =>
            {
                Some(envelope.clone())
            }
            _ => None,
        });
        envelopes.collect()
    }

    /// Signs facts as the next change of a host's catalog, whatever its engine thinks of it.
    pub(super) fn sign(&self, at: At, context: ContextId, facts: Vec<PlacedFact>) -> Envelope {
        let (host, key) = (&self[at], self[at].catalog());
        let place = CatalogPlace { context, user: key.user, device: key.device, inc: key.inc };
        let mut writer = CatalogWriter::load(place, self.stored(at, key).iter()).unwrap();
        let last_n = host.node.contexts.get(&context).map_or(0, |context| context.last_n);
        let puts: Vec<(String, Vec<u8>)> = facts
            .into_iter()
            .zip(last_n + 1..)
            .map(|(fact, n)| {
                let fact = self.fact(at, context, n, fact);
                (catalog_key(&fact).unwrap(), fact.encode())
            })
            .collect();
        writer.append(&host.key, &puts, &[]).unwrap()
    }

    /// Returns the document of a catalog.
    pub(super) fn document(&self, context: ContextId, key: CatalogKey) -> DocumentId {
        DocumentId::catalog(context, key.user, key.device, key.inc)
    }

    /// Signs one fact.
    pub(super) fn fact(&self, at: At, context: ContextId, n: u64, fact: PlacedFact) -> Verified {
        let (device, inc) = (self[at].device, self[at].node.incarnation());
        fact.sign(&Place { context, device, inc, n, time: self.now }, &self[at].key).unwrap()
    }

    /// Gives an input to an engine and lets everything that follows happen.
    pub(super) fn feed(&mut self, at: At, input: Input) {
        self.queue.push_back((at, input));
        self.settle();
    }

    fn settle(&mut self) {
        while let Some((at, input)) = self.queue.pop_front() {
            if self[at].still {
                continue;
            }
            let outputs = self.hosts[at].node.handle(self.now, &mut self.rng, input);
            outputs.into_iter().for_each(|output| self.perform(at, output));
        }
    }

    fn perform(&mut self, at: At, output: Output) {
        let done = |task, result| (at, Input::Done { task, result });
        match output {
            Output::Send { device, bytes } => {
                let Some(to) = self.at(device) else { return };
                let message = Message::decode(&bytes).expect("an engine writes messages");
                let arrives = !(self[at].withheld)(&message);
                self.sent.push((at, to, message));
                if arrives && self.links.contains(&(at.min(to), at.max(to))) {
                    let device = self[at].device;
                    self.queue.push_back((to, Input::Message { device, bytes }));
                }
            }
            Output::Close { device, .. } => {
                let Some(to) = self.at(device) else { return };
                self.links.remove(&(at.min(to), at.max(to)));
                let device = self[at].device;
                self.queue.push_back((to, Input::SessionDown { device }));
            }
            Output::Store { task, records } => match &mut self[at].held {
                Some(held) => held.push((task, records)),
                None => {
                    self[at].records.extend(records);
                    self.queue.push_back(done(task, TaskResult::Stored));
                }
            },
            Output::Judge { task, work } => {
                self.queue.push_back(done(task, TaskResult::Judged(judge(&work))));
            }
            Output::JudgeBoard { task, work } => {
                let judged = TaskResult::BoardJudged(Box::new(judge_board(*work)));
                match &mut self[at].judged {
                    Some(waiting) => waiting.push((task, judged)),
                    None => self.queue.push_back(done(task, judged)),
                }
            }
            Output::LoadFrames { task, context, frames } => {
                let stored = self[at].records.iter().filter_map(|record| match record {
                    Record::Frame { context: c, id, bytes } if *c == context => {
                        frames.contains(id).then(|| (*id, bytes.clone()))
                    }
                    _ => None,
                });
                let result = TaskResult::Frames(stored.collect());
                self[at].looked_up.push((context, frames));
                self.queue.push_back(done(task, result));
            }
            Output::LoadBlob { task, hash, limit } => {
                self[at].read.push((hash, limit));
                let bytes = self.blobs.get(&hash).filter(|bytes| bytes.len() <= limit).cloned();
                self.queue.push_back(done(task, TaskResult::Blob(bytes)));
            }
            Output::Fetch { task, context, wants, providers, asked: _ } => {
                self[at].fetches.push((task, context, wants, providers));
            }
            Output::Reply { id, result } => drop(self.replies.insert(id, result)),
            Output::Emit(event) => self.events.push((at, event)),
            Output::Penalty { device, severity, reason } => {
                self.penalties.push((at, device, severity, reason));
            }
            // Tests connect and let time pass themselves.
            Output::Dial { .. } | Output::Reachable { .. } | Output::WakeAt(_) => {}
        }
    }

    fn at(&self, device: DeviceId) -> Option<At> {
        self.hosts.iter().position(|host| host.device == device)
    }
}
