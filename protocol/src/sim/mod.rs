//! A virtual network for engines: time, faults of lines, clocks and disks, crashes with only
//! durable state kept, all from one seed.
//!
//! [`Sim`] plays the shell of every engine: it stores, judges and fetches with delays, moves
//! messages with faults, and keeps what a real daemon would keep. [`scenario`] tells stories on
//! it and holds the outcome against a naive model. A run is replayed by its seed.
//!
//! # What a line does
//! A sync session is a stream of a secured connection, so a message in it is not simply lost, nor
//! does one overtake another. Hence the model of [`Wire::Stream`]:
//! - A lost message is sent again, ever later, and holds up what is behind it; the fourth loss in
//!   a row breaks the session at both ends.
//! - A cut line holds what is said on it until it is mended. Each end of the session notices the
//!   silence by itself, so for a while one may hold a session that the other gave up. A line that
//!   is cut in one direction carries what is said in the other, but no new session.
//! - A clogged path loses nothing; all comes after the clog.
//! - A replay is a whole message that the same host said before, on this session or an earlier
//!   one, said again: what a confused program does, or a hostile one that kept what it heard. Its
//!   key proves the peer, so nobody else can put it there.
//!
//! [`Wire::Datagrams`] drops all of that and loses, doubles and reorders single messages inside a
//! session, which no real line does: the engine repeats its questions by itself, and there it must.
//!
//! # What a machine does
//! Stores are slow and keep their order, other tasks overtake each other and the stores. A crash
//! loses what the store did not acknowledge, but for a prefix that may have reached the disk. The
//! clock of a machine is off and jumps; as in the daemon, an engine's clock follows a jump back
//! only after a restart.

mod faults;
mod host;
pub mod scenario;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

pub use self::faults::{Faults, Wire};
pub use self::host::{Host, HostId, Tamper};
use self::wire::Path;
use crate::doc::{Judgement, judge};
use crate::id::{BlobHash, ContextId, DeviceId};
use crate::sync::{
    Command, CommandError, CommandId, ContextRecord, Defect, Event, Input, Output, Record, Reply,
    RestoreError, SessionRole, Severity, TaskId, TaskResult,
};

/// What will happen at some time.
#[derive(Debug)]
enum Happening {
    SessionUp {
        host: HostId,
        peer: DeviceId,
        session: u64,
        role: SessionRole,
    },
    SessionDown {
        host: HostId,
        peer: DeviceId,
        session: u64,
    },
    /// An end of a session notices that nothing comes, if nothing does.
    Silence {
        host: HostId,
        other: HostId,
        session: u64,
    },
    Message {
        host: HostId,
        from: HostId,
        session: u64,
        bytes: Vec<u8>,
    },
    DialFailed {
        host: HostId,
        peer: DeviceId,
    },
    Done {
        host: HostId,
        life: u64,
        task: TaskId,
        result: TaskResult,
        records: Vec<Record>,
    },
    Fetch {
        host: HostId,
        life: u64,
        task: TaskId,
        fetch: FetchTask,
    },
    Wake {
        host: HostId,
        life: u64,
        at: i64,
    },
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
    paths: BTreeMap<(HostId, HostId), Path>,
    /// Sessions on which everything said is lost from now on.
    broken_sessions: BTreeSet<u64>,
    /// Sessions on which something old was said again.
    confused: BTreeSet<u64>,
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
            penalties: Vec::new(),
            broken: None,
            skipped: Vec::new(),
            delivered: 0,
            blobs: BTreeMap::new(),
            events: Vec::new(),
            paths: BTreeMap::new(),
            broken_sessions: BTreeSet::new(),
            confused: BTreeSet::new(),
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

    /// Tells whether something happens that happens so often of a thousand times.
    fn chance(&mut self, of_thousand: u32) -> bool {
        self.draw(1000) < u64::from(of_thousand)
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

    /// Adds another machine of a host's user and starts it, as pairing does: the first states that
    /// it grants it, and gives it the contexts that she takes part in.
    ///
    /// # Errors
    /// The first cannot state it.
    pub fn add_device(&mut self, of: HostId, name: &str) -> Result<HostId, CommandError> {
        let id = HostId(self.hosts.len());
        let (mut seed, mut inc) = ([0; 32], [0; 8]);
        self.rng.fill_bytes(&mut seed);
        self.rng.fill_bytes(&mut inc);
        let rng = ChaCha8Rng::seed_from_u64(self.rng.next_u64());
        let first = self.hosts.get_mut(&of).expect("the host exists");
        let (mut host, granted) = first.beside(id, name, seed, inc, rng);
        self.command(of, Command::Identity { entry: Box::new(granted) })?;
        let first = &self.hosts[&of];
        let handed = first.node().handed_to(host.device, first.time(self.now));
        let user = first.user;
        let contexts = handed.into_iter().filter_map(|c| ContextRecord::handed(c, user));
        host.records.extend(contexts.map(Record::Context));
        self.hosts.insert(id, host);
        self.start(id);
        Ok(id)
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

    /// Stops a host at once: what is not durable is lost. Of what the store did not acknowledge, a
    /// prefix may be durable.
    pub fn crash(&mut self, id: HostId) {
        let life = self.hosts[&id].life;
        let stores = self.agenda.values_mut().filter_map(|happening| match happening {
            Happening::Done { host, life: of, records, .. } if *host == id && *of == life => {
                (!records.is_empty()).then(|| std::mem::take(records))
            }
            _ => None,
        });
        let unfinished: Vec<Vec<Record>> = stores.collect();
        let durable = self.draw(unfinished.len() as u64 + 1) as usize;
        let host = self.hosts.get_mut(&id).expect("the host exists");
        unfinished.into_iter().take(durable).for_each(|records| host.apply(records));
        host.node = None;
        host.life += 1;
        let sessions = std::mem::take(&mut host.sessions);
        for (peer, session) in sessions {
            if let Some(other) = self.host_of(peer) {
                self.tell_closed(id, other, session);
            }
        }
    }

    /// Sets the clock of a host's machine, in milliseconds ahead of the time of the simulator.
    pub fn set_clock(&mut self, id: HostId, ahead: i64) {
        self.hosts.get_mut(&id).expect("the host exists").set_clock(ahead);
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

    /// Returns the answer to a command, if there is one.
    pub fn reply(&mut self, id: CommandId) -> Option<Result<Reply, CommandError>> {
        self.replies.remove(&id)
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
            Happening::Silence { host, other, session } => {
                let peer = self.hosts[&other].device;
                if self.is_cut(host, other) || self.is_cut(other, host) {
                    self.at(0, Happening::SessionDown { host, peer, session });
                }
            }
            Happening::Message { host, from, session, bytes } => {
                self.deliver(host, from, session, bytes);
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

    fn at(&mut self, after: i64, happening: Happening) {
        self.sequence += 1;
        self.agenda.insert((self.now + after, self.sequence), happening);
    }

    fn feed(&mut self, id: HostId, input: Input) {
        let now = self.hosts[&id].time(self.now);
        let outputs = self.hosts.get_mut(&id).expect("the host exists").handle(now, input);
        for output in outputs {
            self.perform(id, output);
        }
    }

    fn perform(&mut self, id: HostId, output: Output) {
        let life = self.hosts[&id].life;
        match output {
            Output::Dial { device, mut addresses, heard } => {
                addresses.extend(heard);
                self.look_up(id, device, &addresses);
            }
            Output::Reachable { device, addresses } => {
                let known = self.hosts.get_mut(&id).expect("the host exists");
                known.addresses.entry(device).or_default().extend(addresses);
            }
            Output::Send { device, bytes } => self.send(id, device, bytes),
            Output::Close { device, again } => {
                let host = self.hosts.get_mut(&id).expect("the host exists");
                let Some(session) = host.sessions.remove(&device) else { return };
                if let Some(other) = self.host_of(device) {
                    self.tell_closed(id, other, session);
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
                let fails = self.chance(self.faults.disk_fails);
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
                self.answer(id, task, result);
            }
            Output::JudgeBoard { task, work } => {
                let judged = crate::doc::judge_board(*work);
                self.answer(id, task, TaskResult::BoardJudged(Box::new(judged)));
            }
            Output::LoadFrames { task, context, frames } => {
                let result = TaskResult::Frames(self.hosts[&id].frames(context, &frames));
                self.answer(id, task, result);
            }
            Output::LoadBlob { task, hash, .. } => {
                let result = TaskResult::Blob(self.blobs.get(&hash).cloned());
                self.answer(id, task, result);
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
                let after = (at - self.hosts[&id].time(self.now)).max(0);
                self.at(after, Happening::Wake { host: id, life, at });
            }
        }
    }

    /// Ends a task that stores nothing, after a while.
    fn answer(&mut self, id: HostId, task: TaskId, result: TaskResult) {
        let life = self.hosts[&id].life;
        let after = 1 + self.draw(self.faults.task_ms as u64) as i64;
        self.at(after, Happening::Done { host: id, life, task, result, records: Vec::new() });
    }

    fn judge(&self, work: &crate::doc::JudgeTask) -> Vec<Judgement> {
        use crate::doc::{Checks, judge_with};
        match self.defect {
            Some(Defect::Verify) => judge_with(work, Checks { signature: false, chain: true }),
            Some(Defect::Order) => judge_with(work, Checks { signature: true, chain: false }),
            _ => judge(work),
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
                    let now = self.hosts[&other].time(self.now);
                    !self.is_cut(id, other)
                        && !self.is_cut(other, id)
                        && node.readable_by(now, me, provider.tag, provider.generation)
                            == Some(fetch.context)
                        && self.hosts[&other].earned.contains(&(fetch.context, want.hash))
                })
            });
            if here || given { complete.push(want.hash) } else { failed.push(want.hash) }
        }
        self.answer(id, task, TaskResult::Fetched { complete, failed });
    }
}
