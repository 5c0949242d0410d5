//! A virtual network for engines: time, latency, loss, reordering, duplication, partitions,
//! crashes with only durable state kept, all from one seed.
//!
//! [`Sim`] plays the shell of every engine: it stores, judges and fetches with delays, moves
//! messages with faults, and keeps what a real daemon would keep. [`scenario`] tells stories on
//! it and holds the outcome against a naive model. A run is replayed by its seed.

mod host;
pub mod scenario;

use std::collections::{BTreeMap, BTreeSet};

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

pub use self::host::{Host, HostId, Tamper};
use crate::doc::{Judgement, judge};
use crate::id::{BlobHash, ContextId, DeviceId};
use crate::sync::{
    Command, CommandError, CommandId, Defect, Event, Input, Output, Record, Reply, RestoreError,
    SessionRole, Severity, TaskId, TaskResult,
};

/// How badly the network and the machines behave.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// The shortest and longest time a message takes, in milliseconds. Messages that take
    /// different times overtake each other where `reorder` permits.
    pub latency_ms: (i64, i64),
    /// Messages lost, of a thousand.
    pub loss: u32,
    /// Messages that come twice, of a thousand.
    pub duplicate: u32,
    /// Whether messages of one session may overtake each other.
    pub reorder: bool,
    /// The longest time that a store takes, in milliseconds.
    pub disk_ms: i64,
    /// Stores that the disk refuses, of a thousand.
    pub disk_fails: u32,
}

impl Faults {
    /// A quiet network.
    pub const NONE: Faults = Faults {
        latency_ms: (1, 20),
        loss: 0,
        duplicate: 0,
        reorder: false,
        disk_ms: 5,
        disk_fails: 0,
    };
}

/// What will happen at some time.
#[derive(Debug)]
enum Happening {
    SessionUp { host: HostId, peer: DeviceId, session: u64, role: SessionRole },
    SessionDown { host: HostId, peer: DeviceId, session: u64 },
    Message { host: HostId, from: DeviceId, session: u64, bytes: Vec<u8> },
    DialFailed { host: HostId, peer: DeviceId },
    Done { host: HostId, life: u64, task: TaskId, result: TaskResult, records: Vec<Record> },
    Fetch { host: HostId, life: u64, task: TaskId, fetch: FetchTask },
    Wake { host: HostId, life: u64, at: i64 },
}

#[derive(Debug)]
struct FetchTask {
    context: ContextId,
    wants: Vec<crate::sync::BlobWant>,
    providers: Vec<crate::sync::Provider>,
}

/// A penalty that some host gave.
#[derive(Clone, Debug)]
pub struct Penalty {
    /// Who gave it.
    pub by: HostId,
    /// To whom.
    pub device: DeviceId,
    /// How severe.
    pub severity: Severity,
    /// Why.
    pub reason: String,
}

/// Engines on a virtual network.
#[derive(Debug)]
pub struct Sim {
    /// The time in milliseconds since 1970.
    pub now: i64,
    /// The hosts by number.
    pub hosts: BTreeMap<HostId, Host>,
    /// How badly things behave now.
    pub faults: Faults,
    /// Pairs of hosts that cannot reach each other, the smaller first.
    pub cut: BTreeSet<(HostId, HostId)>,
    /// Penalties given so far.
    pub penalties: Vec<Penalty>,
    /// A host that could not start from what it had stored.
    pub broken: Option<(HostId, RestoreError)>,
    /// What hosts left out of what they had stored, when they started.
    pub skipped: Vec<(HostId, RestoreError)>,
    /// Messages delivered so far.
    pub delivered: u64,
    /// The bytes of every blob there is.
    pub blobs: BTreeMap<BlobHash, Vec<u8>>,
    /// What the engines said, newest last.
    pub events: Vec<(HostId, Event)>,
    rng: ChaCha8Rng,
    agenda: BTreeMap<(i64, u64), Happening>,
    sequence: u64,
    next_session: u64,
    next_command: u64,
    replies: BTreeMap<CommandId, Result<Reply, CommandError>>,
    defect: Option<Defect>,
}

impl Sim {
    /// Makes an empty network from a seed, with a planted defect in every engine if asked for.
    pub fn new(seed: u64, defect: Option<Defect>) -> Self {
        Sim {
            now: 1_700_000_000_000,
            hosts: BTreeMap::new(),
            faults: Faults::NONE,
            cut: BTreeSet::new(),
            penalties: Vec::new(),
            broken: None,
            skipped: Vec::new(),
            delivered: 0,
            blobs: BTreeMap::new(),
            events: Vec::new(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            agenda: BTreeMap::new(),
            sequence: 0,
            next_session: 0,
            next_command: 0,
            replies: BTreeMap::new(),
            defect,
        }
    }

    /// Draws a number below `bound`.
    pub fn draw(&mut self, bound: u64) -> u64 {
        self.rng.next_u64() % bound.max(1)
    }

    /// Adds a host with keys of its own and starts it.
    pub fn add_host(&mut self, name: &str) -> HostId {
        let id = HostId(self.hosts.len());
        let mut seeds = [[0; 32]; 3];
        seeds.iter_mut().for_each(|seed| self.rng.fill_bytes(seed));
        let mut inc = [0; 8];
        self.rng.fill_bytes(&mut inc);
        let rng = ChaCha8Rng::seed_from_u64(self.rng.next_u64());
        self.hosts.insert(id, Host::new(id, name, seeds, inc, rng));
        self.start(id);
        id
    }

    /// Starts a host from its durable records.
    pub fn start(&mut self, id: HostId) {
        let defect = self.defect;
        match self.hosts.get_mut(&id).expect("the host exists").restore(defect) {
            Ok(()) => {
                let skipped = self.hosts[&id].node().skipped().iter().cloned();
                self.skipped.extend(skipped.map(|reason| (id, reason)));
                let addresses = vec![self.hosts[&id].address()];
                self.feed(id, Input::Listening { addresses });
                self.feed(id, Input::Start);
            }
            Err(error) => self.broken = Some((id, error)),
        }
    }

    /// Stops a host at once: what is not durable is lost.
    pub fn crash(&mut self, id: HostId) {
        let host = self.hosts.get_mut(&id).expect("the host exists");
        host.node = None;
        host.life += 1;
        let sessions = std::mem::take(&mut host.sessions);
        let device = host.device;
        for (peer, session) in sessions {
            if let Some(other) = self.host_of(peer) {
                let after = self.latency();
                self.at(after, Happening::SessionDown { host: other, peer: device, session });
            }
        }
    }

    /// Cuts or mends the line between two hosts; a cut ends their session.
    pub fn set_cut(&mut self, a: HostId, b: HostId, cut: bool) {
        let pair = (a.min(b), a.max(b));
        if !cut {
            self.cut.remove(&pair);
            return;
        }
        self.cut.insert(pair);
        for (host, peer) in [(a, b), (b, a)] {
            let peer = self.hosts[&peer].device;
            if let Some(session) = self.hosts[&host].sessions.get(&peer).copied() {
                self.at(0, Happening::SessionDown { host, peer, session });
            }
        }
    }

    /// Has a host do something and runs until it answered.
    ///
    /// # Panics
    /// When no answer came within ten virtual minutes.
    pub fn command(&mut self, id: HostId, command: Command) -> Result<Reply, CommandError> {
        let command_id = self.command_later(id, command);
        let deadline = self.now + 600_000;
        while !self.replies.contains_key(&command_id) {
            assert!(self.now < deadline && self.step(), "no answer to a command");
        }
        self.replies.remove(&command_id).expect("the loop ended")
    }

    /// Has a host do something without waiting for the answer.
    pub fn command_later(&mut self, id: HostId, command: Command) -> CommandId {
        let command_id = CommandId(self.next_command);
        self.next_command += 1;
        self.feed(id, Input::Command { id: command_id, command });
        command_id
    }

    /// Runs for some virtual time, in milliseconds.
    pub fn run_for(&mut self, millis: i64) {
        let until = self.now + millis;
        while self.agenda.first_key_value().is_some_and(|((at, _), _)| *at <= until) {
            self.step();
        }
        self.now = until;
    }

    /// Lets the next thing happen; false when nothing is left.
    fn step(&mut self) -> bool {
        let Some(((at, _), happening)) = self.agenda.pop_first() else { return false };
        self.now = self.now.max(at);
        match happening {
            Happening::SessionUp { host, peer, session, role } => {
                if self.is_up(host) && self.hosts[&host].sessions.get(&peer) == Some(&session) {
                    self.feed(host, Input::SessionUp { device: peer, role });
                }
            }
            Happening::SessionDown { host, peer, session } => {
                let known = self.hosts.get_mut(&host).expect("the host exists");
                if known.sessions.get(&peer) == Some(&session) {
                    known.sessions.remove(&peer);
                    if self.is_up(host) {
                        self.feed(host, Input::SessionDown { device: peer });
                    }
                }
            }
            Happening::Message { host, from, session, bytes } => {
                if self.is_up(host) && self.hosts[&host].sessions.get(&from) == Some(&session) {
                    self.delivered += 1;
                    self.hosts.get_mut(&host).expect("the host exists").note(&bytes);
                    self.feed(host, Input::Message { device: from, bytes });
                }
            }
            Happening::DialFailed { host, peer } => {
                if self.is_up(host) {
                    self.feed(host, Input::DialFailed { device: peer });
                }
            }
            Happening::Done { host, life, task, result, records } => {
                let known = self.hosts.get_mut(&host).expect("the host exists");
                if known.life == life {
                    known.apply(records);
                    self.feed(host, Input::Done { task, result });
                }
            }
            Happening::Fetch { host, life, task, fetch } => self.fetch(host, life, task, fetch),
            Happening::Wake { host, life, at } => {
                let known = &self.hosts[&host];
                if known.life == life && known.wake_at == Some(at) {
                    self.feed(host, Input::Wake);
                }
            }
        }
        true
    }

    fn is_up(&self, id: HostId) -> bool {
        self.hosts[&id].node.is_some()
    }

    fn host_of(&self, device: DeviceId) -> Option<HostId> {
        self.hosts.values().find(|host| host.device == device).map(|host| host.id)
    }

    fn latency(&mut self) -> i64 {
        let (low, high) = self.faults.latency_ms;
        low + self.draw((high - low + 1) as u64) as i64
    }

    fn at(&mut self, after: i64, happening: Happening) {
        self.sequence += 1;
        self.agenda.insert((self.now + after, self.sequence), happening);
    }

    fn feed(&mut self, id: HostId, input: Input) {
        let now = self.now;
        let outputs = self.hosts.get_mut(&id).expect("the host exists").handle(now, input);
        for output in outputs {
            self.perform(id, output);
        }
    }

    fn perform(&mut self, id: HostId, output: Output) {
        let life = self.hosts[&id].life;
        match output {
            Output::Dial { device, addresses } => self.look_up(id, device, &addresses),
            Output::Reachable { device, addresses } => {
                let known = self.hosts.get_mut(&id).expect("the host exists");
                known.addresses.entry(device).or_default().extend(addresses);
            }
            Output::Send { device, bytes } => self.send(id, device, bytes),
            Output::Close { device, again } => {
                let host = self.hosts.get_mut(&id).expect("the host exists");
                let Some(session) = host.sessions.remove(&device) else { return };
                let me = host.device;
                let after = self.latency();
                if let Some(other) = self.host_of(device) {
                    self.at(after, Happening::SessionDown { host: other, peer: me, session });
                }
                if again {
                    self.dial(id, device);
                }
            }
            Output::Store { task, records } => {
                let after = 1 + self.draw(self.faults.disk_ms as u64) as i64;
                // The disk keeps the order of writes.
                let host = self.hosts.get_mut(&id).expect("the host exists");
                host.disk_at = (self.now + after).max(host.disk_at);
                let after = host.disk_at - self.now;
                let fails = self.draw(1000) < u64::from(self.faults.disk_fails);
                let (result, records) = if fails {
                    let reason = "the disk of the simulator".to_owned();
                    (TaskResult::StoreFailed { reason, disk_full: false }, Vec::new())
                } else {
                    (TaskResult::Stored, records)
                };
                self.at(after, Happening::Done { host: id, life, task, result, records });
            }
            Output::Judge { task, work } => {
                let verdicts = self.judge(&work);
                let result = TaskResult::Judged(verdicts);
                self.at(1, Happening::Done { host: id, life, task, result, records: Vec::new() });
            }
            Output::LoadFrames { task, context, frames } => {
                let result = TaskResult::Frames(self.hosts[&id].frames(context, &frames));
                self.at(1, Happening::Done { host: id, life, task, result, records: Vec::new() });
            }
            Output::LoadBlob { task, hash, .. } => {
                let result = TaskResult::Blob(self.blobs.get(&hash).cloned());
                self.at(1, Happening::Done { host: id, life, task, result, records: Vec::new() });
            }
            Output::Fetch { task, context, wants, providers, asked: _ } => {
                let after = 2 * self.latency();
                let fetch = FetchTask { context, wants, providers };
                self.at(after, Happening::Fetch { host: id, life, task, fetch });
            }
            Output::Reply { id: command, result } => {
                self.replies.insert(command, result);
            }
            Output::Emit(event) => self.events.push((id, event)),
            Output::Penalty { device, severity, reason } => {
                self.penalties.push(Penalty { by: id, device, severity, reason });
            }
            Output::WakeAt(at) => {
                self.hosts.get_mut(&id).expect("the host exists").wake_at = Some(at);
                let after = (at - self.now).max(0);
                self.at(after, Happening::Wake { host: id, life, at });
            }
        }
    }

    fn judge(&self, work: &crate::doc::JudgeTask) -> Vec<Judgement> {
        use crate::doc::{Checks, judge_with};
        match self.defect {
            Some(Defect::Verify) => judge_with(work, Checks { signature: false, chain: true }),
            Some(Defect::Order) => judge_with(work, Checks { signature: true, chain: false }),
            _ => judge(work),
        }
    }

    /// Dials a device if one of the addresses is its own.
    fn look_up(&mut self, id: HostId, device: DeviceId, addresses: &[String]) {
        let address = self.host_of(device).map(|other| self.hosts[&other].address());
        let known = self.hosts[&id].addresses.get(&device);
        let found = address.is_some_and(|address| {
            addresses.contains(&address) || known.is_some_and(|known| known.contains(&address))
        });
        if found {
            self.dial(id, device);
        } else {
            self.at(1, Happening::DialFailed { host: id, peer: device });
        }
    }

    fn dial(&mut self, id: HostId, device: DeviceId) {
        let after = self.latency();
        let other = self.host_of(device).filter(|other| {
            let pair = (id.min(*other), id.max(*other));
            self.is_up(*other) && !self.cut.contains(&pair)
        });
        let Some(other) = other else {
            return self.at(after + 1000, Happening::DialFailed { host: id, peer: device });
        };
        let me = self.hosts[&id].device;
        if self.hosts[&id].sessions.contains_key(&device) {
            return;
        }
        let session = self.next_session;
        self.next_session += 1;
        for (host, peer) in [(id, device), (other, me)] {
            let own = self.hosts[&host].device;
            let role = if own < peer { SessionRole::Initiator } else { SessionRole::Responder };
            let sessions = &mut self.hosts.get_mut(&host).expect("the host exists").sessions;
            let old = sessions.insert(peer, session);
            if old.is_some() && self.is_up(host) {
                self.feed(host, Input::SessionDown { device: peer });
                // The engine may have closed or dialled in answer.
                self.hosts.get_mut(&host).expect("the host exists").sessions.insert(peer, session);
            }
            self.at(after, Happening::SessionUp { host, peer, session, role });
        }
    }

    fn send(&mut self, from: HostId, device: DeviceId, bytes: Vec<u8>) {
        let Some(session) = self.hosts[&from].sessions.get(&device).copied() else { return };
        let Some(host) = self.host_of(device) else { return };
        for bytes in self.hosts.get_mut(&from).expect("the host exists").tampered(device, bytes) {
            let copies = 1 + u64::from(self.draw(1000) < u64::from(self.faults.duplicate));
            for _ in 0..copies {
                if self.draw(1000) < u64::from(self.faults.loss) {
                    continue;
                }
                let mut after = self.latency();
                if !self.faults.reorder {
                    let line = self.hosts.get_mut(&from).expect("the host exists");
                    let last = line.lines.entry(device).or_insert(0);
                    *last = (*last).max(self.now + after);
                    after = *last - self.now;
                }
                let me = self.hosts[&from].device;
                let bytes = bytes.clone();
                self.at(after, Happening::Message { host, from: me, session, bytes });
            }
        }
    }

    /// Brings blobs as the real downloader does: from a provider that may be read there, where
    /// the blob is earned in that context.
    fn fetch(&mut self, id: HostId, life: u64, task: TaskId, fetch: FetchTask) {
        if self.hosts[&id].life != life {
            return;
        }
        let me = self.hosts[&id].device;
        let (mut complete, mut failed) = (Vec::new(), Vec::new());
        for want in &fetch.wants {
            let here = self.hosts[&id].earned.contains(&(fetch.context, want.hash));
            let given = fetch.providers.iter().any(|provider| {
                let other = self.host_of(provider.device);
                other.and_then(|other| self.hosts[&other].node.as_ref()).is_some_and(|node| {
                    let other = other.expect("just used");
                    let pair = (id.min(other), id.max(other));
                    !self.cut.contains(&pair)
                        && node.readable_by(self.now, me, provider.tag, provider.generation)
                            == Some(fetch.context)
                        && self.hosts[&other].earned.contains(&(fetch.context, want.hash))
                })
            });
            if here || given { complete.push(want.hash) } else { failed.push(want.hash) }
        }
        let result = TaskResult::Fetched { complete, failed };
        self.at(1, Happening::Done { host: id, life, task, result, records: Vec::new() });
    }
}
