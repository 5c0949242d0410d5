//! Identity logs between nodes: compared by what was seen, fetched whole, in effect once stored.
//!
//! Neither a length nor the last entry tells who lacks something: a recovery makes a log shorter
//! than what a thief made of it. So nodes compare digests of the sets of entries, and whoever
//! sees another digest takes the other's log page by page and joins it to her own.

use std::collections::{BTreeMap, VecDeque};

use super::event::{CommandError, CommandId, Imported, Record, Reply, Severity};
use super::node::{Cx, Node, Task};
use super::session::ASK_MS;
use crate::id::{DeviceId, UserId};
use crate::identity::{Added, IdentityLog, LogError};
use crate::limits;
use crate::statement::{Statement, Verified};
use crate::wire::{LogDigest, Message, Tag};

/// Most bytes of entries in one message.
const PAGE_BYTES: usize = 256 * 1024;
/// Most entries that a log holds, and so most that are taken of a peer's in a row.
const ENTRIES_MAX: u64 = 2 * limits::IDENTITY_ENTRIES as u64 + limits::IDENTITY_RECOVERIES as u64;

/// A log asked of a peer.
#[derive(Debug)]
pub(super) struct LogAsk {
    /// When; none while what came is being stored.
    pub at: Option<i64>,
    /// What the peer said that it saw, if it did.
    stated: Option<LogDigest>,
    /// How many entries of it came before.
    from: u64,
    /// Whether there are more after the page that is being stored.
    more: bool,
}

/// A log taken from a peer to its end: what the peer stated, and what was seen here afterwards.
/// While neither changes there is nothing to gain from asking again.
pub(super) type LogTaken = (Option<LogDigest>, Option<LogDigest>);

/// Entries on their way into a log, one batch after the other, so that each is tried on what is
/// durable.
#[derive(Debug, Default)]
pub(super) struct Intake {
    storing: bool,
    queue: VecDeque<(Vec<Verified>, EntrySource)>,
}

/// Where entries came from, and who waits for them.
#[derive(Clone, Copy, Debug)]
pub(super) enum EntrySource {
    Peer { device: DeviceId, tag: Tag },
    Command(CommandId),
    Archive(CommandId),
}

impl Node {
    /// Asks a peer for an identity log, unless it is asked for or there is nothing to gain.
    pub(super) fn ask_log(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        user: UserId,
        stated: Option<LogDigest>,
    ) {
        let mine = self.logs.get(&user).map(IdentityLog::digest);
        if mine.is_some() && mine == stated {
            return;
        }
        if !self.takes_log_of(device, tag, user) {
            return self.ask_log_later(device, tag, user, stated);
        }
        let Some(channel) = self.channel_mut(device, tag) else { return };
        let taken = channel.taken_logs.get(&user) == Some(&(stated, mine));
        if taken || channel.asked_logs.contains_key(&user) {
            return;
        }
        let ask = LogAsk { at: Some(cx.now), stated, from: 0, more: false };
        channel.asked_logs.insert(user, ask);
        cx.send(device, &Message::LogWant { tag, user, from: 0 });
    }

    /// Asks again for the logs that did not come in time.
    pub(super) fn ask_late_logs(&mut self, cx: &mut Cx<'_>, device: DeviceId, tag: Tag) {
        let Some(channel) = self.channel_mut(device, tag) else { return };
        for (user, ask) in &mut channel.asked_logs {
            if ask.at.is_some_and(|at| cx.now - at >= ASK_MS) {
                ask.at = Some(cx.now);
                cx.send(device, &Message::LogWant { tag, user: *user, from: ask.from });
            }
        }
    }

    pub(super) fn on_log_want(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        user: UserId,
        from: u64,
    ) {
        let Some((channel, context)) = self.channel(device, tag) else { return };
        // A stranger learns my own log, which he needs to judge me, and no other. What is unknown
        // and what is not told look the same: an empty log.
        let known_here =
            user == self.user || (channel.is_admitted() && self.is_known_in(context.id(), user));
        let log = self.logs.get(&user).filter(|_| known_here);
        let start = usize::try_from(from).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let page = log.into_iter().flat_map(IdentityLog::entries).skip(start);
        let entries: Vec<Vec<u8>> = page
            .take(limits::IDENTITY_ENTRIES)
            .map(Verified::encode)
            .take_while(|entry| {
                bytes += entry.len();
                bytes <= PAGE_BYTES
            })
            .collect();
        let more = log.is_some_and(|log| start.saturating_add(entries.len()) < log.len());
        cx.send(device, &Message::Log { tag, user, from, entries, more });
    }

    pub(super) fn on_log(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        user: UserId,
        from: u64,
        (entries, more): (Vec<Vec<u8>>, bool),
    ) {
        let Some(channel) = self.channel_mut(device, tag) else { return };
        // Only the page that was asked for is taken.
        let ask = channel.asked_logs.get_mut(&user);
        let Some(ask) = ask.filter(|ask| ask.at.is_some() && ask.from == from) else { return };
        ask.at = None;
        ask.from += entries.len() as u64;
        ask.more = more && !entries.is_empty() && ask.from < ENTRIES_MAX;
        // What is known was verified before.
        let log = self.logs.get(&user);
        let known = |entry: &Statement| log.is_some_and(|log| log.contains(&entry.id()));
        let entries = entries.iter().filter_map(|entry| match Statement::decode(entry) {
            Ok(entry) => (!known(&entry)).then(|| entry.verify()),
            Err(error) => Some(Err(error)),
        });
        match entries.collect::<Result<Vec<Verified>, _>>() {
            Ok(entries) => {
                self.take_entries(cx, user, entries, EntrySource::Peer { device, tag });
            }
            Err(error) => {
                let reason = format!("sent an identity entry that is none: {error}");
                self.end_session(cx, device, Severity::Grave, &reason);
            }
        }
    }

    /// Takes entries of an identity log in, once those before are stored.
    pub(super) fn take_entries(
        &mut self,
        cx: &mut Cx<'_>,
        user: UserId,
        entries: Vec<Verified>,
        source: EntrySource,
    ) {
        self.intakes.entry(user).or_default().queue.push_back((entries, source));
        self.next_entries(cx, user);
    }

    fn next_entries(&mut self, cx: &mut Cx<'_>, user: UserId) {
        loop {
            let Some(intake) = self.intakes.get_mut(&user).filter(|i| !i.storing) else { return };
            let Some((entries, source)) = intake.queue.pop_front() else {
                self.intakes.remove(&user);
                return;
            };
            let log = self.logs.get(&user);
            let fresh = match source {
                EntrySource::Peer { .. } | EntrySource::Archive(_) => {
                    fresh(log, user, entries).map_err(|e| e.to_string())
                }
                EntrySource::Command(_) => fresh_own(log, user, entries),
            };
            match fresh {
                Ok((entries, Some(log))) if !entries.is_empty() => {
                    intake.storing = true;
                    let record = |e: &Verified| Record::Log { user, entry: e.encode() };
                    let records = entries.iter().map(record).collect();
                    let log = Box::new(log);
                    return self.store(cx, records, Task::Entries { user, log, source });
                }
                Ok(_) => self.entries_ended(cx, user, source),
                Err(reason) => match source {
                    EntrySource::Peer { device, .. } => {
                        let reason = format!("sent an entry that does not belong: {reason}");
                        self.end_session(cx, device, Severity::Grave, &reason);
                    }
                    EntrySource::Command(id) | EntrySource::Archive(id) => {
                        cx.reply(id, Err(CommandError::Invalid(reason)));
                    }
                },
            }
        }
    }

    pub(super) fn entries_stored(
        &mut self,
        cx: &mut Cx<'_>,
        user: UserId,
        log: IdentityLog,
        source: EntrySource,
    ) {
        self.logs.insert(user, log);
        self.retire_devices(user);
        self.entries_ended(cx, user, source);
        self.log_changed(cx, user);
        self.intake_goes_on(cx, user);
    }

    pub(super) fn entries_failed(
        &mut self,
        cx: &mut Cx<'_>,
        user: UserId,
        source: EntrySource,
        error: CommandError,
    ) {
        match source {
            EntrySource::Command(id) | EntrySource::Archive(id) => cx.reply(id, Err(error)),
            // Asked for again, from the beginning, when the time for it comes.
            EntrySource::Peer { device, tag } => {
                let channel = self.channel_mut(device, tag);
                if let Some(ask) = channel.and_then(|channel| channel.asked_logs.get_mut(&user)) {
                    *ask = LogAsk { at: Some(cx.now), from: 0, more: false, ..*ask };
                }
            }
        }
        self.intake_goes_on(cx, user);
    }

    fn intake_goes_on(&mut self, cx: &mut Cx<'_>, user: UserId) {
        if let Some(intake) = self.intakes.get_mut(&user) {
            intake.storing = false;
        }
        self.next_entries(cx, user);
    }

    /// Answers who waits for entries that are in the log now, or asks for the next page.
    fn entries_ended(&mut self, cx: &mut Cx<'_>, user: UserId, source: EntrySource) {
        let (device, tag) = match source {
            EntrySource::Peer { device, tag } => (device, tag),
            EntrySource::Command(id) => return cx.reply(id, Ok(Reply::Done)),
            EntrySource::Archive(id) => {
                return cx.reply(id, Ok(Reply::Imported(Imported::default())));
            }
        };
        let mine = self.logs.get(&user).map(IdentityLog::digest);
        let Some((_, context)) = self.channel(device, tag) else { return };
        let context = context.id();
        let channel = self.channel_mut(device, tag).expect("the channel was just used");
        let Some(ask) = channel.asked_logs.get_mut(&user) else { return };
        if ask.more {
            ask.at = Some(cx.now);
            return cx.send(device, &Message::LogWant { tag, user, from: ask.from });
        }
        let stated = ask.stated;
        channel.asked_logs.remove(&user);
        channel.taken_logs.insert(user, (stated, mine));
        self.pump_context(cx, context);
    }
}

/// Entries that are new, and the log with them.
type Fresh = (Vec<Verified>, Option<IdentityLog>);

/// Returns the entries of a peer's log that are new here. Those that find no room, or follow one
/// that is not here, are left out: they come again.
fn fresh(
    log: Option<&IdentityLog>,
    user: UserId,
    mut entries: Vec<Verified>,
) -> Result<Fresh, LogError> {
    entries.retain(|entry| log.is_none_or(|log| !log.contains(&entry.id())));
    if entries.is_empty() {
        return Ok((entries, None));
    }
    let mut tried = log.cloned();
    let mut fresh = Vec::new();
    let added = add(&mut tried, user, entries.clone(), IdentityLog::add_all);
    for (entry, added) in entries.into_iter().zip(added) {
        match added {
            Ok(Added::New) => fresh.push(entry),
            Ok(Added::Known | Added::Waits) | Err(LogError::Full(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok((fresh, tried))
}

/// Returns those of my own entries that are new, or why one of them cannot be taken.
fn fresh_own(
    log: Option<&IdentityLog>,
    user: UserId,
    entries: Vec<Verified>,
) -> Result<Fresh, String> {
    let mut tried = log.cloned();
    let mut fresh = Vec::new();
    let added = add(&mut tried, user, entries.clone(), IdentityLog::add_all);
    for (entry, added) in entries.into_iter().zip(added) {
        match added.map_err(|error| error.to_string())? {
            Added::New => fresh.push(entry),
            Added::Known => {}
            Added::Waits => return Err(format!("the entry before {} is not here", entry.id())),
        }
    }
    Ok((fresh, tried))
}

/// Adds entries to a log that they may begin, and returns what came of each.
pub(super) fn add(
    log: &mut Option<IdentityLog>,
    user: UserId,
    entries: Vec<Verified>,
    how: impl FnOnce(&mut IdentityLog, Vec<Verified>) -> Vec<Result<Added, LogError>>,
) -> Vec<Result<Added, LogError>> {
    let mut added = Vec::new();
    let mut entries = entries.into_iter();
    while log.is_none()
        && let Some(entry) = entries.next()
    {
        added.push(begin(user, entry).map(|begun| {
            *log = Some(begun);
            Added::New
        }));
    }
    if let Some(log) = log {
        added.extend(how(log, entries.collect()));
    }
    added
}

fn begin(user: UserId, entry: Verified) -> Result<IdentityLog, LogError> {
    let begun = IdentityLog::begin(entry)?;
    if begun.user() != user {
        return Err(LogError::OtherUser { expected: user, actual: begun.user() });
    }
    Ok(begun)
}

/// The intakes of all users that have one.
pub(super) type Intakes = BTreeMap<UserId, Intake>;
