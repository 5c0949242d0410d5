//! A team on a bad network: pushes, follows, partitions, crashes, a stranger, the holder of a
//! revoked ticket and a cheat, then peace, then a look at what everybody holds.

use std::collections::BTreeMap;

use super::{Faults, Host, HostId, Sim};
use crate::api::Policy;
use crate::context::StackState;
use crate::doc::{CatalogPlace, CatalogWriter, Envelope, catalog_key};
use crate::id::{ContextId, FrameId, StackId, StatementId, UserId};
use crate::limits;
use crate::object::{Attachment, BlobRef, Files, Frame};
use crate::statement::{Access, Head, Place, PlacedFact, Role};
use crate::sync::{Command, CommandError, Defect, Reply, Standing};
use crate::ticket::Ticket;
use crate::wire::{CatalogKey, Message};

/// How long peace lasts before everybody is compared, in milliseconds.
const PEACE_MS: i64 = 600_000;
/// Messages that a run may take for each host and each push, at most.
const MESSAGES_PER_HOST_AND_PUSH: u64 = 400;
/// How often a host may be woken in a minute of peace, at most.
const WAKES_PER_MINUTE: u64 = 30;
/// Messages that a run may take for each host besides, at most.
const MESSAGES_PER_HOST: u64 = 4_000;

/// What a run came to.
#[derive(Clone, Debug)]
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
    Team::new(seed, defect).run().map_err(|what| format!("seed {seed}: {what}"))
}

/// Tells the story of a follower who was off when the author pushed and went away: she knows the
/// other followers from the author, and takes from them what they hold.
///
/// # Errors
/// The first property that does not hold, in a sentence that names the seed.
pub fn author_away(seed: u64) -> Result<(), String> {
    Team::new(seed, None).author_away().map_err(|what| format!("seed {seed}: {what}"))
}

struct Team {
    sim: Sim,
    begun: i64,
    owner: HostId,
    writer: HostId,
    readers: Vec<HostId>,
    /// A reader who is removed in the middle.
    leaver: HostId,
    /// Holds a ticket that was revoked before it was used, and asks for what she heard of.
    revoked: HostId,
    /// Knows addresses and the context's id, and nothing else.
    stranger: HostId,
    /// A reader whose program forges, floods, and states what only writers may.
    cheat: HostId,
    context: ContextId,
    pushes: u64,
    /// The last frame that was pushed.
    pushed: Option<FrameId>,
    /// The heads that were really signed, with who did.
    genuine: BTreeMap<StatementId, UserId>,
}

impl Team {
    fn new(seed: u64, defect: Option<Defect>) -> Self {
        let mut sim = Sim::new(seed, defect);
        let [owner, writer, leaver, revoked, stranger, cheat] =
            ["alice", "dave", "lena", "rex", "eve", "mallory"].map(|name| sim.add_host(name));
        let readers = (0..1 + sim.draw(3)).map(|i| sim.add_host(&format!("reader{i}"))).collect();
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
            readers,
            leaver,
            revoked,
            stranger,
            cheat,
            context,
            pushes: 0,
            pushed: None,
            genuine: BTreeMap::new(),
        }
    }

    fn run(mut self) -> Result<Report, String> {
        self.let_in()?;
        self.storm()?;
        let own = self.own_heads();
        self.peace();
        if self.own_heads() != own {
            return Err(format!("alice's own heads are {:?}, not {own:?}", self.own_heads()));
        }
        if let Some((host, reason)) = &self.sim.broken {
            return Err(format!("{} does not start again: {reason}", self.sim.hosts[host].name));
        }
        // The disk may refuse, but it does not lie: all that was stored makes an engine again.
        if let Some((host, reason)) = self.sim.skipped.first() {
            return Err(format!("{} left out: {reason}", self.sim.hosts[host].name));
        }
        self.check_wakes()?;
        self.check_members()?;
        self.check_strangers()?;
        self.check_leaver()?;
        self.check_penalties()?;
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
        let reader = self.ticket(Role::Reader, None)?;
        let writer = self.ticket(Role::Writer, Some(1))?;
        let revoked = self.ticket(Role::Reader, None)?;
        let end = Command::EndTicket { context: self.context, key: revoked.public() };
        self.sim.command(self.owner, end).map_err(|e| e.to_string())?;
        self.follow(self.writer, &writer);
        self.follow(self.revoked, &revoked);
        self.follow(self.cheat, &reader);
        self.follow(self.leaver, &reader);
        for host in self.readers.clone() {
            self.follow(host, &reader);
        }
        self.sim.run_for(20_000);
        // A look-up of everybody's address, as a stranger could have.
        let devices: Vec<_> = self.sim.hosts.values().map(|host| host.device).collect();
        for device in devices {
            if device != self.sim.hosts[&self.stranger].device {
                self.sim.dial(self.stranger, device);
            }
        }
        self.host_mut(self.cheat).tamper = Some(cheat);
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

    /// Everything goes wrong for a while.
    fn storm(&mut self) -> Result<(), String> {
        let all: Vec<HostId> = self.sim.hosts.keys().copied().collect();
        let rounds = 8 + self.sim.draw(8);
        for round in 0..rounds {
            if round == rounds / 2 {
                self.remove_leaver()?;
            }
            self.sim.faults = Faults {
                latency_ms: (1, 10 + self.sim.draw(500) as i64),
                loss: self.sim.draw(150) as u32,
                duplicate: self.sim.draw(200) as u32,
                reorder: self.sim.draw(2) == 0,
                disk_ms: 1 + self.sim.draw(200) as i64,
                disk_fails: self.sim.draw(150) as u32,
            };
            match self.sim.draw(7) {
                0 => {
                    let (a, b) = (self.pick(&all), self.pick(&all));
                    if a != b {
                        let cut = self.sim.draw(3) > 0;
                        self.sim.set_cut(a, b, cut);
                    }
                }
                1 => {
                    let host = self.pick(&all);
                    self.sim.crash(host);
                    let pause = self.sim.draw(5_000) as i64;
                    self.sim.run_for(pause);
                    self.sim.start(host);
                }
                2 => self.push_soon(self.owner)?,
                3 => {
                    // One right after the other: the second may overtake the first.
                    self.push_soon(self.owner)?;
                    self.push_soon(self.owner)?;
                }
                4 => self.push_soon(self.writer)?,
                5 => self.change_stack()?,
                _ => {}
            }
            let pause = 200 + self.sim.draw(8_000) as i64;
            self.sim.run_for(pause);
            self.check_bounds()?;
        }
        Ok(())
    }

    /// Alice removes Lena from the context.
    fn remove_leaver(&mut self) -> Result<(), String> {
        let user = self.sim.hosts[&self.leaver].user;
        let command = Command::Member { context: self.context, user, role: Role::None };
        for _ in 0..100 {
            match self.sim.command(self.owner, command.clone()) {
                Err(CommandError::NotStored { .. }) => self.sim.run_for(1_000),
                result => return result.map(drop).map_err(|error| error.to_string()),
            }
        }
        Err("alice could not remove lena".to_owned())
    }

    /// Alice renames one of her stacks, or removes it.
    fn change_stack(&mut self) -> Result<(), String> {
        let host = &self.sim.hosts[&self.owner];
        let (context, user) = (self.context, host.user);
        let view = host.node().context(context).expect("her own context").view().stacks();
        let live = view.iter().filter(|s| s.owner == user && s.state == StackState::Live);
        let stacks: Vec<StackId> = live.map(|stack| stack.stack).collect();
        if stacks.is_empty() {
            return Ok(());
        }
        let stack = stacks[self.sim.draw(stacks.len() as u64) as usize];
        self.pushes += 1;
        let command = match self.sim.draw(2) {
            0 => Command::Remove { context, stack },
            _ => {
                let name = format!("renamed{}", self.pushes).parse().expect("a name");
                Command::Rename { context, stack, name }
            }
        };
        match self.sim.command(self.owner, command) {
            Ok(_) => {
                self.note_genuine(self.owner);
                Ok(())
            }
            Err(CommandError::NotStored { .. }) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
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
            Err(_) if host == self.writer => Ok(()),
            other => other,
        }
    }

    fn push(&mut self, host: HostId) -> Result<(), String> {
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
        self.pushed = Some(FrameId::of(&frame));
        self.sim.blobs.insert(blob.hash, data);
        let command = Command::Push {
            context: self.context,
            stack: format!("stack{}", self.pushes % 3).parse().expect("a name"),
            frame,
            blobs: vec![(blob.hash, blob.size)],
            tags: Vec::new(),
        };
        match self.sim.command(host, command) {
            Ok(Reply::Pushed { head, .. }) => {
                self.genuine.insert(head, self.sim.hosts[&host].user);
                Ok(())
            }
            Ok(other) => Err(format!("a push answered {other:?}")),
            Err(CommandError::NotStored { .. }) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn heads(&self, host: HostId) -> Vec<FrameId> {
        let name = format!("stack{}", self.pushes % 3).parse().expect("a name");
        let host = &self.sim.hosts[&host];
        let Some(context) = host.node().context(self.context) else { return Vec::new() };
        let stack = context.view().stack(host.user, &name);
        stack.map_or_else(Vec::new, |stack| stack.heads.iter().map(|h| h.frame).collect())
    }

    /// No queue grows beyond its bound and no catalog has a gap, whatever comes.
    fn check_bounds(&self) -> Result<(), String> {
        for host in self.sim.hosts.values() {
            let Some(node) = &host.node else { continue };
            let most = node.most_waiting();
            if most > 4 * limits::WAITING_PER_DEVICE + limits::JUDGE_BATCH {
                return Err(format!("{} lets {most} envelopes of one device wait", host.name));
            }
            if !node.catalogs_are_whole() {
                return Err(format!("{} holds a catalog with a gap", host.name));
            }
        }
        Ok(())
    }

    fn peace(&mut self) {
        self.sim.hosts.get_mut(&self.cheat).expect("the cheat exists").tamper = None;
        self.sim.faults = Faults::NONE;
        for pair in std::mem::take(&mut self.sim.cut) {
            self.sim.set_cut(pair.0, pair.1, false);
        }
        for host in self.sim.hosts.keys().copied().collect::<Vec<_>>() {
            if self.sim.hosts[&host].node.is_none() {
                self.sim.start(host);
            }
        }
        self.sim.run_for(PEACE_MS / 2);
        self.sim.hosts.values_mut().for_each(|host| host.wakes = 0);
        self.sim.run_for(PEACE_MS / 2);
    }

    /// Nobody is woken all the time for what will not come.
    fn check_wakes(&self) -> Result<(), String> {
        let most = WAKES_PER_MINUTE * (PEACE_MS / 2) as u64 / 60_000;
        let busy = self.sim.hosts.values().find(|host| host.wakes > most);
        busy.map_or(Ok(()), |host| Err(format!("{} was woken {} times", host.name, host.wakes)))
    }

    /// Members hold the same heads, all of them genuine, with every frame and blob.
    fn check_members(&self) -> Result<(), String> {
        let owner = self.view_of(self.owner)?;
        for host in self.readers.iter().chain([&self.writer]) {
            let host = &self.sim.hosts[host];
            let view = self.view_of(host.id)?;
            if view != owner {
                return Err(format!("{} sees {view:?}, alice sees {owner:?}", host.name));
            }
            let context = host.node().context(self.context).expect("just viewed");
            for (user, head, frame) in &view {
                if self.genuine.get(head) != Some(user) {
                    return Err(format!("{} shows head {head:?}, which nobody signed", host.name));
                }
                let Some(meta) = context.frame(*frame) else {
                    return Err(format!("{} lacks frame {frame:?}", host.name));
                };
                let lacks = |blob: &&crate::sync::BlobWant| {
                    !host.earned.contains(&(self.context, blob.hash))
                };
                if let Some(blob) = meta.blobs.iter().find(lacks) {
                    return Err(format!("{} lacks blob {:?}", host.name, blob.hash));
                }
            }
            if context.standing() != (Standing::Active { synced: true }) {
                return Err(format!("{} is not synced: {:?}", host.name, context.standing()));
            }
        }
        Ok(())
    }

    fn view_of(&self, host: HostId) -> Result<Vec<(UserId, StatementId, FrameId)>, String> {
        let host = &self.sim.hosts[&host];
        let context = host.node().context(self.context);
        let context = context.ok_or_else(|| format!("{} lost the context", host.name))?;
        let mut heads: Vec<_> = context
            .view()
            .stacks()
            .iter()
            .flat_map(|s| s.heads.iter().map(|h| (s.owner, h.id, h.frame)).collect::<Vec<_>>())
            .collect();
        heads.sort_unstable();
        Ok(heads)
    }

    /// Returns the heads that Alice signed and sees; none while her machine is off.
    fn own_heads(&self) -> Option<Vec<(UserId, StatementId, FrameId)>> {
        self.sim.hosts[&self.owner].node.as_ref()?;
        let mut heads = self.view_of(self.owner).ok()?;
        heads.retain(|(user, ..)| *user == self.sim.hosts[&self.owner].user);
        Some(heads)
    }

    /// Who is not let in gets nothing: no statement, no frame, no blob, no name.
    fn check_strangers(&self) -> Result<(), String> {
        let eve = &self.sim.hosts[&self.stranger];
        if eve.received.keys().any(|kind| *kind != "other") {
            return Err(format!("a stranger was told things: {:?}", eve.received));
        }
        let rex = &self.sim.hosts[&self.revoked];
        let told = ["envelopes", "frames", "have", "peers"];
        if told.iter().any(|kind| rex.received.contains_key(kind)) || !rex.earned.is_empty() {
            return Err(format!("a revoked ticket opened the context: {:?}", rex.received));
        }
        Ok(())
    }

    /// Who was removed knows it, and gets nothing that was pushed after that.
    fn check_leaver(&mut self) -> Result<(), String> {
        let lena = self.sim.hosts[&self.leaver].node().context(self.context);
        // She may have been removed before she ever got in.
        let Some(standing) = lena.map(|context| context.standing()) else { return Ok(()) };
        if lena.is_some_and(|context| context.view().about().is_some())
            && standing != Standing::Removed
        {
            return Err(format!("lena was removed and is {standing:?}"));
        }
        self.push(self.owner)?;
        self.sim.run_for(60_000);
        let owner = self.sim.hosts[&self.owner].node().context(self.context);
        let lena = self.sim.hosts[&self.leaver].node().context(self.context);
        let (owner, lena) = (owner.expect("her own"), lena.expect("just seen"));
        let late = self.pushed.expect("just pushed");
        if owner.frame(late).is_some() && lena.frame(late).is_some() {
            return Err("lena got what was pushed after she was removed".to_owned());
        }
        Ok(())
    }

    /// Only the cheat is penalised: relays pass on in good faith what others made.
    fn check_penalties(&self) -> Result<(), String> {
        let cheat = self.sim.hosts[&self.cheat].device;
        let unjust = self.sim.penalties.iter().find(|p| p.device != cheat && p.by != self.cheat);
        match unjust {
            None => Ok(()),
            Some(p) => Err(format!("{:?} was penalised though honest: {}", p.device, p.reason)),
        }
    }
}

/// What the holder of a revoked ticket sends beside the rest: questions that are not hers to ask.
fn ask_all_the_same(host: &Host, message: &Message) -> Vec<Message> {
    let mut sent = vec![message.clone()];
    if let (Message::Open { tag, .. }, Some((catalog, frames))) = (message, &host.heard) {
        let (tag, catalog, frames) = (*tag, *catalog, frames.clone());
        sent.push(Message::Want { tag, catalog, from: 1 });
        sent.push(Message::WantFrames { tag, frames });
    }
    sent
}

/// What a cheat sends: envelopes whose signature does not hold, under the names of others, and
/// floods of envelopes from far ahead that can only wait, and, under her own name and rightly
/// signed, heads that a reader may not state.
fn cheat(host: &Host, message: &Message) -> Vec<Message> {
    let mut sent = vec![message.clone()];
    let Message::Have { tag, docs, .. } = message else { return sent };
    let Some(node) = &host.node else { return sent };
    let (user, device, inc) = (host.user, host.device, node.incarnation());
    let key = CatalogKey { user, device, inc };
    if let Some(envelope) = node.contexts().next().and_then(|c| state_a_head(host, key, c.id())) {
        let envelopes = vec![envelope.encode()];
        sent.push(Message::Envelopes { tag: *tag, catalog: key, envelopes });
    }
    for state in docs.iter().filter(|state| state.key.user != host.user) {
        let Some(envelope) = node.forge(state.key) else { continue };
        let envelopes = vec![envelope.encode()];
        sent.push(Message::Envelopes { tag: *tag, catalog: state.key, envelopes });
        // More than may ever wait, though some of it is lost.
        let flood = (0..2_000).map(|ahead| {
            let mut far = envelope.clone();
            far.n = state.n + 100 + ahead;
            far.encode()
        });
        for chunk in flood.collect::<Vec<_>>().chunks(200) {
            let envelopes = chunk.to_vec();
            sent.push(Message::Envelopes { tag: *tag, catalog: state.key, envelopes });
        }
    }
    sent
}

/// Returns the first envelope of a host's catalog, with a head in it.
fn state_a_head(host: &Host, key: CatalogKey, context: ContextId) -> Option<Envelope> {
    let place = CatalogPlace { context, user: key.user, device: key.device, inc: key.inc };
    let head = PlacedFact::Head(Head {
        stack: StackId::from_bytes([7; 16]),
        name: "hers".parse().ok()?,
        frame: Some(FrameId::from_bytes([7; 32])),
        generation: 1,
        over: Vec::new(),
        why: None,
    });
    let at = Place { context, device: key.device, inc: key.inc, n: 1, time: 0 };
    let statement = head.sign(&at, host.key()).ok()?;
    let put = (catalog_key(&statement)?, statement.encode());
    CatalogWriter::new(place).append(host.key(), &[put], &[]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cargo xtask sim` runs others.
    const SEEDS: std::ops::Range<u64> = 0..200;

    #[test]
    fn a_team_converges_and_nobody_else_learns_anything() {
        let failed: Vec<String> = SEEDS.clone().filter_map(|seed| run(seed, None).err()).collect();
        assert!(failed.is_empty(), "{} seeds failed, first: {}", failed.len(), failed[0]);
    }

    #[test]
    fn followers_of_an_absent_author_feed_each_other() {
        let failed: Vec<String> = (0..16).filter_map(|seed| author_away(seed).err()).collect();
        assert!(failed.is_empty(), "{} seeds failed, first: {}", failed.len(), failed[0]);
    }

    #[test]
    fn every_planted_defect_is_found() {
        for (defect, name) in Defect::ALL {
            let found = SEEDS.clone().find_map(|seed| run(seed, Some(defect)).err());
            assert!(found.is_some(), "nobody noticed the defect `{name}` in {SEEDS:?}");
        }
    }
}
