//! A team on a bad network: pushes, follows, partitions, crashes, a stranger, the holder of a
//! revoked ticket and a cheat; what must never happen is looked for all the time. Then peace, and
//! within [`CONVERGED_MS`] all members hold the same.

mod boards;
mod cheats;
mod checks;
mod storm;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use self::cheats::{ask_all_the_same, cheat, fork};
use self::storm::Climate;
use super::{Host, HostId, Sim};
use crate::api::Policy;
use crate::id::{ContextId, FrameId, StatementId, UserId};
use crate::object::{Attachment, BlobRef, Files, Frame};
use crate::statement::{Access, Role};
use crate::sync::{Command, CommandError, Defect, Reply};
use crate::ticket::Ticket;
use crate::wire::{BoardKey, CatalogKey};

/// How long it takes in peace until all members hold the same, at most, in milliseconds.
pub const CONVERGED_MS: i64 = 10_000;
/// As [`CONVERGED_MS`], where single messages were lost inside of sessions, which only the engine's
/// own repeats, ever rarer, can make up for.
const REPEATED_MS: i64 = 300_000;
/// How long peace lasts after that, in milliseconds.
const PEACE_MS: i64 = 120_000;
/// Messages that a run may take for each host and each push, at most.
const MESSAGES_PER_HOST_AND_PUSH: u64 = 400;
/// How often a host may be woken in a minute of peace, at most.
const WAKES_PER_MINUTE: u64 = 30;
/// Messages that a run may take for each host besides, at most.
const MESSAGES_PER_HOST: u64 = 4_000;

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Pushes made.
    pub pushes: u64,
    /// Messages delivered.
    pub messages: u64,
    /// Virtual time in milliseconds.
    pub millis: i64,
}

/// Tells the story of a seed.
///
/// # Errors
/// The first property that does not hold, in a sentence that names the seed.
pub fn run(seed: u64, defect: Option<Defect>) -> Result<Report, String> {
    Team::new(seed, defect).run().map_err(|what| told(seed, defect, &what))
}

/// Tells the stories of many seeds on all processors, and sums up what they came to.
///
/// # Errors
/// A property that does not hold, of the smallest seed that was found to break one.
pub fn run_all(seeds: Range<u64>, defect: Option<Defect>) -> Result<Report, String> {
    let next = AtomicU64::new(seeds.start);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let mut sum = Report::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return Ok(sum);
            }
            let report = run(seed, defect).map_err(|what| {
                // Nobody begins another; smaller seeds are under way already.
                next.fetch_max(seeds.end, Ordering::Relaxed);
                (seed, what)
            })?;
            sum.pushes += report.pushes;
            sum.messages += report.messages;
            sum.millis += report.millis;
        }
    };
    let outcomes: Vec<Result<Report, (u64, String)>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("a story does not panic")).collect()
    });
    let failed = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    if let Some((_, what)) = failed.min_by_key(|(seed, _)| *seed) {
        return Err(what.clone());
    }
    Ok(outcomes.into_iter().flatten().fold(Report::default(), |sum, report| Report {
        pushes: sum.pushes + report.pushes,
        messages: sum.messages + report.messages,
        millis: sum.millis + report.millis,
    }))
}

/// Names the seed of a failure, and the command that tells its story again.
fn told(seed: u64, defect: Option<Defect>, what: &str) -> String {
    let name = Defect::ALL.iter().find(|(known, _)| Some(*known) == defect);
    let without = name.map_or(String::new(), |(_, name)| format!(" --break {name}"));
    format!("seed {seed}: {what}\nagain: cargo xtask simulate --seed {seed}{without}")
}

/// Tells the story of a follower who was off when the author pushed and went away: she knows the
/// other followers from the author, and takes from them what they hold.
///
/// # Errors
/// The first property that does not hold, in a sentence that names the seed.
pub fn author_away(seed: u64) -> Result<(), String> {
    Team::new(seed, None)
        .author_away()
        .map_err(|what| format!("seed {seed} of `author_away`: {what}"))
}

struct Team {
    sim: Sim,
    begun: i64,
    owner: HostId,
    writer: HostId,
    /// Her other machine, on which she pushes to the same stacks.
    desk: HostId,
    readers: Vec<HostId>,
    /// A reader who is removed in the middle.
    leaver: HostId,
    /// Holds a ticket that was revoked before it was used, and asks for what she heard of.
    revoked: HostId,
    /// Knows addresses and the context's id, and nothing else.
    stranger: HostId,
    /// A reader whose program forges, floods, and states what only writers may.
    cheat: HostId,
    /// A writer whose program signs two changes of one number on the dashboard.
    forker: HostId,
    context: ContextId,
    /// A dashboard of hers.
    board: Option<BoardKey>,
    /// By writer: the last round of which an edit of the dashboard was acknowledged, and of which one
    /// was tried.
    edited: BTreeMap<usize, (u64, u64)>,
    pushes: u64,
    /// The last frame that was pushed.
    pushed: Option<FrameId>,
    /// The heads that were really signed, with who did.
    genuine: BTreeMap<StatementId, UserId>,
}

impl Team {
    fn new(seed: u64, defect: Option<Defect>) -> Self {
        let mut sim = Sim::new(seed, defect);
        let [owner, writer, leaver, revoked, stranger, cheat, forker] =
            ["alice", "dave", "lena", "rex", "eve", "mallory", "trudy"]
                .map(|name| sim.add_host(name));
        let readers = (0..1 + sim.draw(3)).map(|i| sim.add_host(&format!("reader{i}"))).collect();
        for host in sim.hosts.values_mut() {
            host.counts = [stranger, revoked].contains(&host.id);
        }
        let name = "main".parse().expect("a name");
        let command = Command::NewContext { name, text: String::new(), access: Access::Private };
        let context = match sim.command(owner, command) {
            Ok(Reply::Context(context)) => context,
            other => unreachable!("a new context answers with its id, not {other:?}"),
        };
        let begun = sim.now;
        Team {
            sim,
            begun,
            owner,
            writer,
            desk: writer,
            readers,
            leaver,
            revoked,
            stranger,
            cheat,
            forker,
            context,
            board: None,
            edited: BTreeMap::new(),
            pushes: 0,
            pushed: None,
            genuine: BTreeMap::new(),
        }
    }

    fn run(mut self) -> Result<Report, String> {
        self.let_in()?;
        let climate = self.climate();
        self.storm(&climate)?;
        self.note_genuine(self.owner);
        let own = self.own_heads();
        self.heal(&climate);
        if self.own_heads() != own {
            return Err(format!("alice's own heads are {:?}, not {own:?}", self.own_heads()));
        }
        self.check_starts()?;
        self.check_members()?;
        self.sim.hosts.values_mut().for_each(|host| host.wakes = 0);
        self.sim.run_for(PEACE_MS);
        self.check_wakes()?;
        self.check_members()?;
        self.check_safety()?;
        self.check_leaver()?;
        self.check_safety()?;
        let hosts = self.sim.hosts.len() as u64;
        let bound = hosts * (MESSAGES_PER_HOST + MESSAGES_PER_HOST_AND_PUSH * self.pushes);
        if self.sim.delivered > bound {
            return Err(format!("{} messages, at most {bound} expected", self.sim.delivered));
        }
        Ok(Report {
            pushes: self.pushes,
            messages: self.sim.delivered,
            millis: self.sim.now - self.begun,
        })
    }

    fn author_away(mut self) -> Result<(), String> {
        let late = self.readers[0];
        self.let_in()?;
        self.sim.crash(late);
        self.push(self.owner)?;
        self.sim.run_for(10_000);
        let pushed = self.view_of(self.owner)?;
        self.sim.crash(self.owner);
        self.sim.start(late);
        self.sim.run_for(60_000);
        let here = self.view_of(late)?;
        if here != pushed {
            return Err(format!("the late follower sees {here:?}, alice pushed {pushed:?}"));
        }
        let late = &self.sim.hosts[&late];
        let context = late.node().context(self.context).expect("just viewed");
        let wants = pushed.iter().flat_map(|(_, _, frame)| context.frame(*frame));
        let lacks = wants
            .flat_map(|meta| &meta.blobs)
            .find(|b| !late.earned.contains(&(self.context, b.hash)));
        lacks.map_or(Ok(()), |blob| Err(format!("the late follower lacks {:?}", blob.hash)))
    }

    /// Shares with everybody who belongs in.
    fn let_in(&mut self) -> Result<(), String> {
        self.push(self.owner)?;
        self.make_board()?;
        let reader = self.ticket(Role::Reader, None)?;
        let writer = self.ticket(Role::Writer, Some(1))?;
        let forker = self.ticket(Role::Writer, Some(1))?;
        let revoked = self.ticket(Role::Reader, None)?;
        let end = Command::EndTicket { context: self.context, key: revoked.public() };
        self.sim.command(self.owner, end).map_err(|e| e.to_string())?;
        self.follow(self.writer, &writer);
        self.follow(self.forker, &forker);
        self.follow(self.revoked, &revoked);
        self.follow(self.cheat, &reader);
        self.follow(self.leaver, &reader);
        for host in self.readers.clone() {
            self.follow(host, &reader);
        }
        self.sim.run_for(20_000);
        self.desk = self.sim.add_device(self.writer, "desk").map_err(|e| e.to_string())?;
        self.sim.run_for(5_000);
        // A look-up of everybody's address, as a stranger could have.
        let devices: Vec<_> = self.sim.hosts.values().map(|host| host.device).collect();
        for device in devices {
            if device != self.sim.hosts[&self.stranger].device {
                self.sim.dial(self.stranger, device);
            }
        }
        self.host_mut(self.cheat).tamper = Some(cheat);
        self.host_mut(self.forker).tamper = Some(fork);
        // What a colleague told her: ids, which are no secret.
        let owner = self.sim.hosts[&self.owner].node();
        let context = owner.context(self.context).expect("her own context");
        let frames = context.frames().map(|(frame, _)| frame).collect();
        let host = &self.sim.hosts[&self.owner];
        let key = CatalogKey { user: host.user, device: host.device, inc: owner.incarnation() };
        let rex = self.host_mut(self.revoked);
        rex.heard = Some((key, frames));
        rex.tamper = Some(ask_all_the_same);
        Ok(())
    }

    fn host_mut(&mut self, host: HostId) -> &mut Host {
        self.sim.hosts.get_mut(&host).expect("the host exists")
    }

    fn ticket(&mut self, role: Role, uses: Option<u32>) -> Result<Ticket, String> {
        let addresses = vec![self.sim.hosts[&self.owner].address()];
        let context = self.context;
        let command = Command::Share { context, role, until: None, uses, addresses };
        match self.sim.command(self.owner, command) {
            Ok(Reply::Ticket(ticket)) => Ok(*ticket),
            other => Err(format!("sharing gave {other:?}")),
        }
    }

    fn follow(&mut self, host: HostId, ticket: &Ticket) {
        let ticket = Box::new(ticket.clone());
        self.sim.command_later(host, Command::Follow { ticket, policy: Policy::All.into() });
    }

    /// Remembers the heads that a host signed.
    fn note_genuine(&mut self, host: HostId) {
        let host = &self.sim.hosts[&host];
        let context = host.node().context(self.context).expect("it signed something there");
        let stacks = context.view().stacks();
        let own = stacks.iter().filter(|stack| stack.owner == host.user);
        let heads = own.flat_map(|stack| stack.heads.iter().map(|head| (head.id, host.user)));
        self.genuine.extend(heads);
    }

    fn pick(&mut self, hosts: &[HostId]) -> HostId {
        hosts[self.sim.draw(hosts.len() as u64) as usize]
    }

    fn push_soon(&mut self, host: HostId) -> Result<(), String> {
        match self.push(host) {
            // The writer may not have been let in yet.
            Err(_) if [self.writer, self.desk].contains(&host) => Ok(()),
            other => other,
        }
    }

    fn push(&mut self, host: HostId) -> Result<(), String> {
        let (push, _) = self.new_push(host)?;
        match self.sim.command(host, push) {
            Ok(Reply::Pushed { head, .. }) => {
                self.genuine.insert(head, self.sim.hosts[&host].user);
                Ok(())
            }
            Ok(other) => Err(format!("a push answered {other:?}")),
            Err(CommandError::NotStored { .. }) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Makes something new on a host, to be pushed: the command and the frame.
    fn new_push(&mut self, host: HostId) -> Result<(Command, FrameId), String> {
        self.pushes += 1;
        let data = format!("revision {} of host {}", self.pushes, host.0).into_bytes();
        let blob = BlobRef::of(&data);
        let path = "data.txt".parse().expect("a path");
        let files = vec![Attachment::new(path, blob.clone(), "text/plain")];
        let parents = self.heads(host);
        let frame = Frame {
            parents,
            time: self.sim.now,
            message: format!("push {}", self.pushes),
            files: Files::Listed(files),
            ..Frame::default()
        };
        let frame = frame.encode().map_err(|e| e.to_string())?;
        let id = FrameId::of(&frame);
        self.pushed = Some(id);
        self.sim.blobs.insert(blob.hash, data);
        let command = Command::Push {
            context: self.context,
            stack: format!("stack{}", self.pushes % 3).parse().expect("a name"),
            frame,
            blobs: vec![(blob.hash, blob.size)],
            tags: Vec::new(),
        };
        Ok((command, id))
    }

    fn heads(&self, host: HostId) -> Vec<FrameId> {
        let name = format!("stack{}", self.pushes % 3).parse().expect("a name");
        let host = &self.sim.hosts[&host];
        let Some(context) = host.node().context(self.context) else { return Vec::new() };
        let stack = context.view().stack(host.user, &name);
        stack.map_or_else(Vec::new, |stack| stack.heads.iter().map(|h| h.frame).collect())
    }

    /// Ends the storm: everybody is on and reached, and the cheats' programs honest.
    fn heal(&mut self, climate: &Climate) {
        self.host_mut(self.cheat).tamper = None;
        self.host_mut(self.forker).tamper = None;
        for host in self.sim.hosts.keys().copied().collect::<Vec<_>>() {
            if self.sim.hosts[&host].node.is_none() {
                self.sim.start(host);
            }
        }
        self.sim.heal();
        self.sim.run_for(if Self::is_real(climate) { CONVERGED_MS } else { REPEATED_MS });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many as take a few minutes on two processors; `cargo xtask simulate` runs others.
    const SEEDS: Range<u64> = 0..1_000;

    #[test]
    fn a_team_converges_and_nobody_else_learns_anything() {
        run_all(SEEDS, None).unwrap_or_else(|what| panic!("{what}"));
    }

    #[test]
    fn a_seed_tells_the_same_story_again() {
        for seed in 0..2 {
            assert_eq!(run(seed, None), run(seed, None), "seed {seed}");
        }
    }

    #[test]
    fn followers_of_an_absent_author_feed_each_other() {
        let failed: Vec<String> = (0..16).filter_map(|seed| author_away(seed).err()).collect();
        assert!(failed.is_empty(), "{} seeds failed, first: {}", failed.len(), failed[0]);
    }

    #[test]
    fn every_planted_defect_is_found_and_its_seed_told() {
        for (defect, name) in Defect::ALL {
            let found = run_all(SEEDS, Some(defect)).expect_err(name);
            assert!(found.contains(&format!("--break {name}")), "{found}");
        }
    }
}
