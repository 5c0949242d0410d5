//! An author and a follower on the simulator, whose engines can also be driven by hand.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::api::Policy;
use crate::id::{ContextId, DeviceId};
use crate::object::Frame;
use crate::sim::{HostId, Sim};
use crate::statement::{Access, Role};
use crate::sync::{Command, CommandId, Input, Node, Output, Record, Reply, TaskId, TaskResult};
use crate::ticket::Ticket;
use crate::wire::{CatalogKey, Message, Tag};

/// Alice's context, which Bob follows.
pub(super) struct Pair {
    pub sim: Sim,
    pub alice: HostId,
    pub bob: HostId,
    pub context: ContextId,
    pub ticket: Ticket,
    pushes: u64,
    commands: u64,
}

impl Pair {
    pub(super) fn new() -> Self {
        Pair::of_seed(7)
    }

    /// Keys, and with them who opens the session, depend on the seed.
    pub(super) fn of_seed(seed: u64) -> Self {
        let mut sim = Sim::new(seed, None);
        let [alice, bob] = ["alice", "bob"].map(|name| sim.add_host(name));
        let name = "main".parse().unwrap();
        let command = Command::NewContext { name, text: String::new(), access: Access::Private };
        let Ok(Reply::Context(context)) = sim.command(alice, command) else { panic!("no context") };
        let addresses = vec![sim.hosts[&alice].address()];
        let share =
            Command::Share { context, role: Role::Reader, until: None, uses: None, addresses };
        let Ok(Reply::Ticket(ticket)) = sim.command(alice, share) else { panic!("no ticket") };
        let follow = Command::Follow { ticket: ticket.clone(), policy: Policy::All.into() };
        sim.command(bob, follow).unwrap();
        sim.run_for(20_000);
        Pair { sim, alice, bob, context, ticket: *ticket, pushes: 0, commands: 1 << 40 }
    }

    pub(super) fn node(&self, host: HostId) -> &Node {
        self.sim.hosts[&host].node()
    }

    /// Returns the command that pushes something new.
    pub(super) fn push(&mut self) -> Command {
        self.pushes += 1;
        let message = format!("push {}", self.pushes);
        let frame = Frame { message, ..Frame::default() };
        Command::Push {
            context: self.context,
            stack: format!("stack{}", self.pushes).parse().unwrap(),
            frame: frame.encode().unwrap(),
            blobs: Vec::new(),
            tags: Vec::new(),
        }
    }

    /// The catalog of Alice's device.
    pub(super) fn catalog(&self) -> CatalogKey {
        let host = &self.sim.hosts[&self.alice];
        CatalogKey { user: host.user, device: host.device, inc: host.node().incarnation() }
    }

    /// How many envelopes of a catalog a host has.
    pub(super) fn count(&self, host: HostId, key: CatalogKey) -> u64 {
        let catalogs = &self.node(host).contexts[&self.context].catalogs;
        catalogs.get(&key).map_or(0, |catalog| catalog.n())
    }

    pub(super) fn device(&self, host: HostId) -> DeviceId {
        self.sim.hosts[&host].device
    }

    /// The tag of the context on the session of two hosts.
    pub(super) fn tag(&self, at: HostId, of: HostId) -> Tag {
        let session = &self.node(at).sessions[&self.device(of)];
        session.channel_of(self.context).expect("the context matched").0
    }

    // By hand: what comes of it stays here.

    pub(super) fn feed(&mut self, host: HostId, input: Input) -> Vec<Output> {
        let now = self.sim.now;
        let node = self.sim.hosts.get_mut(&host).unwrap().node.as_mut().unwrap();
        node.handle(now, &mut ChaCha8Rng::seed_from_u64(now as u64), input)
    }

    pub(super) fn tell(&mut self, host: HostId, from: HostId, message: &Message) -> Vec<Output> {
        let device = self.device(from);
        self.feed(host, Input::Message { device, bytes: message.encode() })
    }

    pub(super) fn ask(&mut self, host: HostId, command: Command) -> (CommandId, Vec<Output>) {
        self.commands += 1;
        let id = CommandId(self.commands);
        (id, self.feed(host, Input::Command { id, command }))
    }

    pub(super) fn stored(&mut self, host: HostId, task: TaskId) -> Vec<Output> {
        self.feed(host, Input::Done { task, result: TaskResult::Stored })
    }

    pub(super) fn not_stored(&mut self, host: HostId, task: TaskId) -> Vec<Output> {
        let reason = "the disk is gone".to_owned();
        let result = TaskResult::StoreFailed { reason, disk_full: false };
        self.feed(host, Input::Done { task, result })
    }
}

/// Returns what was to be stored.
pub(super) fn stores(outputs: &[Output]) -> Vec<(TaskId, &[Record])> {
    let stores = outputs.iter().filter_map(|output| match output {
        Output::Store { task, records } => Some((*task, &records[..])),
        _ => None,
    });
    stores.collect()
}

/// Returns the one thing that was to be stored.
pub(super) fn store(outputs: &[Output]) -> (TaskId, &[Record]) {
    let stores = stores(outputs);
    assert_eq!(stores.len(), 1, "{outputs:?}");
    stores[0]
}

pub(super) fn sent(outputs: &[Output]) -> Vec<Message> {
    let sent = outputs.iter().filter_map(|output| match output {
        Output::Send { bytes, .. } => Some(Message::decode(bytes).unwrap()),
        _ => None,
    });
    sent.collect()
}

/// Tells how a command was answered, if it was: whether it succeeded.
pub(super) fn answer(outputs: &[Output], asked: CommandId) -> Option<bool> {
    outputs.iter().find_map(|output| match output {
        Output::Reply { id, result } if *id == asked => Some(result.is_ok()),
        _ => None,
    })
}
