//! Catalogs: who has what, asking for what lacks, judging what comes, passing it on.

use std::collections::BTreeSet;

use super::Defect;
use super::authority::Authority;
use super::context::{Catalog, Pending, Waiting};
use super::event::{Event, Output, Record, Severity, Standing};
use super::forks::fork_of;
use super::node::{Cx, Node, Task};
use super::session::PROBE_LONGEST_MS;
use crate::doc::{Blame, Envelope, JudgeTask, Judgement, RefuseReason, Tip};
use crate::id::{ContextId, DeviceId, StackId, UserId};
use crate::limits;
use crate::statement::{Fact, PlacedFact, Role, Verified};
use crate::wire::{BoardKey, CatalogKey, CatalogState, LogState, Message, Tag};

/// Most bytes of envelopes in one message; the asker asks on from where it ended.
const ENVELOPES_MESSAGE_BYTES: usize = 512 * 1024;
/// Bytes of envelopes from which on one more may not have fitted in a message.
const ENVELOPES_FULL_BYTES: usize = ENVELOPES_MESSAGE_BYTES - limits::ENVELOPE_BYTES;

/// Most redemptions in one message.
const REDEMPTIONS: usize = 256;

/// An envelope that was judged, with what it says.
#[derive(Debug)]
pub(super) struct Accepted {
    pub envelope: Envelope,
    pub tip: Tip,
    pub statements: Vec<Verified>,
}

/// How envelopes came in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Brought {
    /// Who brought them; this very device where the user did, by an archive.
    pub from: DeviceId,
    /// Whether their author may write.
    pub granted: bool,
    /// Whether they were asked for.
    pub asked: bool,
    /// How many bytes of what can only wait are taken.
    pub room: usize,
}

impl Node {
    /// Tells a peer what is here: everything, or only what is small and new.
    pub(super) fn send_have(&mut self, cx: &mut Cx<'_>, device: DeviceId, tag: Tag, whole: bool) {
        let Some((_, context)) = self.channel(device, tag) else { return };
        let id = context.id();
        let docs = context.states();
        // Beginning anywhere, so that all of many have their turn.
        let all = context.redemptions.len();
        let first = if all > REDEMPTIONS { cx.rng.next_u64() as usize % all } else { 0 };
        let redemptions = context.redemptions.values().cycle().skip(first);
        let redemptions: Vec<Vec<u8>> =
            redemptions.take(all.min(REDEMPTIONS)).map(Verified::encode).collect();
        let users: Vec<UserId> =
            self.logs.keys().copied().filter(|user| self.is_known_in(id, *user)).collect();
        let logs = users
            .into_iter()
            .map(|user| {
                let log = &self.logs[&user];
                LogState { user, digest: log.digest() }
            })
            .collect();
        cx.send(device, &Message::Have { tag, logs, docs, whole });
        if whole && !redemptions.is_empty() {
            cx.send(device, &Message::Statements { tag, statements: redemptions });
        }
        self.channel_mut(device, tag).expect("the channel was just used").probe_soon(cx.now);
        if whole {
            self.send_boards(cx, device, tag);
        }
    }

    pub(super) fn on_have(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        logs: &[LogState],
        docs: &[CatalogState],
        whole: bool,
    ) {
        let Some(channel) = self.channel_mut(device, tag) else { return };
        let id = channel.context;
        channel.denied = None;
        channel.told = true;
        let first = channel.look_again();
        channel.synced &= !whole;
        for state in docs {
            if channel.known.len() < limits::CATALOGS || channel.known.contains_key(&state.key) {
                channel.known.insert(state.key, (state.n, state.tip));
            }
        }
        self.compare_tips(cx, device, id, docs);
        self.tell_forks(cx, device, tag, docs);
        for state in logs {
            self.ask_log(cx, device, tag, state.user, Some(state.digest));
        }
        self.check_own(cx, device, tag, docs);
        self.ask_catalogs(cx, device, tag);
        if first {
            // A new provider: what nobody had is asked for again.
            self.retry_wants(id);
        }
        self.pump_context(cx, id);
    }

    /// Notices where the last envelope of a peer is not ours of that number.
    fn compare_tips(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        id: ContextId,
        docs: &[CatalogState],
    ) {
        let context = &self.contexts[&id];
        let me = CatalogKey { user: self.user, device: self.device, inc: self.inc };
        let differs = |state: &&CatalogState| {
            let mine = context.catalogs.get(&state.key).and_then(|mine| mine.change_at(state.n));
            state.key != me
                && mine.is_some_and(|mine| mine != state.tip)
                && !context.forks.contains_key(&state.key)
        };
        let differing = docs.iter().filter(differs);
        for (key, n) in differing.map(|state| (state.key, state.n)).collect::<Vec<_>>() {
            self.doubt(cx, device, id, key, n);
        }
    }

    pub(super) fn on_want(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        catalog: CatalogKey,
        from: u64,
    ) {
        let Some((channel, context)) = self.channel(device, tag) else { return };
        if !channel.is_admitted() {
            return;
        }
        let id = context.id();
        self.send_fork(cx, device, tag, catalog);
        self.send_envelopes(cx, device, tag, catalog, from, id);
    }

    /// Sends envelopes from a number on; of a forked catalog only those before the fork.
    fn send_envelopes(
        &self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        catalog: CatalogKey,
        from: u64,
        context: ContextId,
    ) {
        let Some(context) = self.contexts.get(&context) else { return };
        let envelopes = Self::envelopes_page(context, catalog, from);
        if !envelopes.is_empty() {
            cx.send(device, &Message::Envelopes { tag, catalog, envelopes });
        }
    }

    /// Returns envelopes from a number on, as many as a message holds; of a forked catalog only
    /// those before the fork.
    pub(super) fn envelopes_page(
        context: &super::context::Context,
        catalog: CatalogKey,
        from: u64,
    ) -> Vec<Vec<u8>> {
        let Some(known) = context.catalogs.get(&catalog) else { return Vec::new() };
        let start = usize::try_from(from.max(1) - 1).unwrap_or(usize::MAX);
        let fork = context.forks.get(&catalog).map(|proof| proof.n() - 1);
        let end = fork.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
        let mut bytes = 0;
        let envelopes = known.envelopes.iter().take(end).skip(start).take_while(|envelope| {
            bytes += envelope.len();
            bytes <= ENVELOPES_MESSAGE_BYTES
        });
        envelopes.cloned().collect()
    }

    pub(super) fn on_envelopes(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        key: CatalogKey,
        envelopes: Vec<Vec<u8>>,
    ) {
        let bounded = !self.broken(Defect::Bound);
        let Some(channel) = self.channel_mut(device, tag) else { return };
        let asked = channel.asked.remove(&key).is_some();
        let claimed = channel.known.get(&key).map_or(0, |known| known.0);
        if asked {
            // Until more comes of it.
            channel.in_vain.insert(key);
        }
        let (id, denied) = (channel.context, channel.is_denied());
        let Some(context) = self.contexts.get(&id) else { return };
        if (denied || !context.is_active()) && !context.is_owner(key.user) {
            return;
        }
        let granted = self.authority(id, key, cx.now) == Authority::Granted;
        let waiting = context.waiting(device);
        if bounded && !self.has_room(device, tag, key, granted, &waiting) {
            return;
        }
        let own = key.user == self.user && key.device == self.device && key.inc == self.inc;
        if own {
            return self.met_own(cx, device, id, &envelopes);
        }
        if envelopes.is_empty() {
            return;
        }
        let before = self.contexts[&id].catalogs.get(&key).map_or(1, Catalog::next_missing);
        let full = envelopes.iter().map(Vec::len).sum::<usize>() >= ENVELOPES_FULL_BYTES;
        let brought = Brought { from: device, granted, asked, room: waiting.room() };
        let last = match self.queue_envelopes(cx, id, key, envelopes, brought) {
            Ok(last) => last,
            Err(reason) => return self.end_session(cx, device, Severity::Grave, &reason),
        };
        let after = self.contexts[&id].catalogs.get(&key).map_or(1, Catalog::next_missing);
        let goes_on = asked && after > before;
        let channel = self.channel_mut(device, tag).expect("the channel was just used");
        if goes_on && (full || last >= claimed) {
            channel.in_vain.remove(&key);
        }
        if channel.known.len() < limits::CATALOGS || channel.known.contains_key(&key) {
            let none = crate::id::ChangeId::from_bytes([0; 32]);
            let known = channel.known.entry(key).or_insert((0, none));
            known.0 = known.0.max(last);
        }
        if !self.logs.contains_key(&key.user) {
            self.ask_log(cx, device, tag, key.user, None);
        }
        self.pump_catalog(cx, id, key);
        if goes_on {
            // The next ones may come while these are judged.
            self.ask_catalogs(cx, device, tag);
        }
    }

    /// Lets envelopes wait to be judged, whoever brought them, and returns the largest number
    /// among them. Those that are here are held against ours: a fork shows there.
    ///
    /// # Errors
    /// What no honest program passes on: no envelope, one of another catalog, or one that its
    /// author did not sign. Nothing behind it is taken.
    pub(super) fn queue_envelopes(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        key: CatalogKey,
        envelopes: Vec<Vec<u8>>,
        brought: Brought,
    ) -> Result<u64, String> {
        let bounded = !self.broken(Defect::Bound);
        let verified = bounded && !self.broken(Defect::Verify);
        let Brought { from, granted, asked, mut room } = brought;
        let Some(context) = self.contexts.get_mut(&id) else { return Ok(0) };
        let document = context.place(key).document();
        let mut fork = None;
        let mut last = 0;
        for bytes in envelopes {
            let envelope = match Envelope::decode(&bytes) {
                Ok(e) if e.doc == document && e.device == key.device && e.inc == key.inc => e,
                Ok(_) => return Err("sent an envelope under another catalog's name".to_owned()),
                Err(error) => return Err(format!("sent an envelope that is none: {error}")),
            };
            last = last.max(envelope.n);
            let catalog = context.catalogs.entry(key).or_default();
            if envelope.n <= catalog.n() {
                let at = usize::try_from(envelope.n.saturating_sub(1));
                let mine = at.ok().and_then(|at| catalog.envelopes.get(at));
                if let Some(mine) = mine
                    && *mine != bytes
                    && fork.is_none()
                {
                    fork = fork_of(mine, &envelope);
                }
                continue;
            }
            if catalog.pending.contains_key(&envelope.n) {
                continue;
            }
            // What was asked for of an author who may write is judged at once, and all of it is
            // bounded. What can only wait is signed, and bounded more narrowly: else anybody
            // could fill the room that honest authors need.
            let run = granted && asked && envelope.n == catalog.next_missing();
            let most = limits::WAITING_PER_DEVICE * if run { 4 } else { 1 };
            let in_the_way = catalog.in_the_way(envelope.n, envelope.change.len(), most);
            let fits = in_the_way.is_some() && (granted || bytes.len() <= room);
            if bounded && (!fits || catalog.over_quota) {
                continue;
            }
            let in_the_way = in_the_way.unwrap_or(0);
            if verified && (!run || in_the_way > 0) && envelope.verify().is_err() {
                return Err(format!("sent a change of {} that it did not sign", key.device));
            }
            catalog.give_way(in_the_way);
            room = room.saturating_sub(bytes.len());
            catalog.pending_bytes += envelope.change.len();
            let size = bytes.len();
            let pending = Pending { from, since: cx.now, size, envelope };
            catalog.pending.insert(pending.envelope.n, pending);
        }
        if let Some(proof) = fork {
            let from = self.sessions.contains_key(&from).then_some(from);
            self.take_fork(cx, id, key, proof, from);
        }
        Ok(last)
    }

    /// Tells whether envelopes of a catalog may come in from a peer at all: a catalog that is new
    /// here takes room that others need.
    fn has_room(
        &self,
        device: DeviceId,
        tag: Tag,
        key: CatalogKey,
        granted: bool,
        waiting: &Waiting,
    ) -> bool {
        let Some((channel, context)) = self.channel(device, tag) else { return false };
        if context.catalogs.contains_key(&key) {
            return true;
        }
        if context.catalogs_of(key.user) >= limits::CATALOGS_PER_USER {
            return false;
        }
        if granted {
            context.catalogs.len() - waiting.catalogs < limits::CATALOGS
        } else {
            waiting.takes_catalog() && self.hears_of(channel, key.user)
        }
    }

    /// Looks at everything that may go on in a context: judging, asking, wanting, syncing.
    pub(super) fn pump_context(&mut self, cx: &mut Cx<'_>, id: ContextId) {
        let Some(context) = self.contexts.get(&id) else { return };
        for key in context.catalogs.keys().copied().collect::<Vec<_>>() {
            self.pump_catalog(cx, id, key);
        }
        self.ask_everybody(cx, id);
        self.pump_frames(cx, id);
        self.pump_blobs(cx, id);
        self.pump_boards(cx, id);
        self.check_synced(cx, id);
    }

    /// Hands the next envelopes of a catalog to a judge, if their author may write.
    fn pump_catalog(&mut self, cx: &mut Cx<'_>, id: ContextId, key: CatalogKey) {
        let Some(context) = self.contexts.get(&id) else { return };
        let Some(catalog) = context.catalogs.get(&key) else { return };
        if catalog.is_unused() {
            // Made for what turned out to be nothing: another may have its room.
            self.contexts.get_mut(&id).expect("just used").catalogs.remove(&key);
            return;
        }
        if catalog.busy || catalog.pending.is_empty() {
            return;
        }
        match self.authority(id, key, cx.now) {
            Authority::Granted => {}
            Authority::Wait => return,
            Authority::Excluded => return self.drop_waiting(id, key),
        }
        let next = self.contexts[&id].catalogs[&key].n() + 1;
        if !self.may_take(id, key, next, cx.now) {
            return self.drop_waiting(id, key);
        }
        let ahead = 0..catalog.pending.len().min(limits::JUDGE_BATCH) as u64;
        let most = ahead.take_while(|n| self.may_take(id, key, next + n, cx.now)).count();
        let in_order = !self.broken(Defect::Order);
        let place = context.place(key);
        let catalog = self.catalog_mut(id, key);
        let mut envelopes = Vec::new();
        let mut bytes = catalog.bytes;
        let mut over = None;
        let mut next = catalog.n() + 1;
        while envelopes.len() < most {
            let n = if in_order {
                next
            } else {
                match catalog.pending.keys().next() {
                    Some(n) => *n,
                    None => break,
                }
            };
            let Some(pending) = catalog.take_pending(n) else { break };
            bytes += pending.size as u64;
            if bytes > limits::DEVICE_QUOTA_BYTES {
                over = Some(pending);
                break;
            }
            envelopes.push((pending.envelope, pending.from));
            next = n + 1;
        }
        // Every node ends the chain at the same envelope, whatever came in one message. Only what
        // the author signed ends it; whoever passes that on did no harm.
        let mut forger = None;
        if let Some(pending) = over {
            if pending.envelope.verify().is_ok() {
                catalog.over_quota = true;
                catalog.drop_pending();
            } else {
                forger = Some(pending.from);
            }
        }
        if !envelopes.is_empty() {
            catalog.busy = true;
            catalog.busy_to = next - 1;
            let work = JudgeTask {
                place,
                epoch: 0,
                tip: catalog.tip,
                // What is at or below the tip was compared when it came; see `on_envelopes`.
                held: Vec::new(),
                envelopes: envelopes.iter().map(|(e, _)| e.clone()).collect(),
            };
            let task = self.task(Task::Judge { context: id, key, envelopes });
            cx.out.push(Output::Judge { task, work: Box::new(work) });
        }
        if let Some(device) = forger.filter(|device| self.sessions.contains_key(device)) {
            let reason = format!("sent a change of {} that it did not sign", key.device);
            self.end_session(cx, device, Severity::Grave, &reason);
        }
    }

    /// Drops what waits of a catalog and is not wanted any more.
    fn drop_waiting(&mut self, id: ContextId, key: CatalogKey) {
        self.catalog_mut(id, key).drop_pending();
    }

    fn catalog_mut(&mut self, id: ContextId, key: CatalogKey) -> &mut Catalog {
        let context = self.contexts.get_mut(&id).expect("the caller looked it up");
        context.catalogs.entry(key).or_default()
    }

    pub(super) fn judged(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        key: CatalogKey,
        envelopes: Vec<(Envelope, DeviceId)>,
        verdicts: Vec<Judgement>,
    ) {
        if !self.contexts.contains_key(&id) {
            return;
        }
        let mut accepted = Vec::new();
        let mut from = None;
        let mut refused: Option<(DeviceId, RefuseReason)> = None;
        for ((envelope, device), verdict) in envelopes.into_iter().zip(verdicts) {
            match verdict {
                Judgement::Accept { tip, statements } => {
                    from = Some(device);
                    accepted.push(Accepted { envelope, tip, statements });
                }
                Judgement::Known => {}
                Judgement::Wait(_) => {}
                Judgement::Refuse(RefuseReason::Fork(proof)) => {
                    self.take_fork(cx, id, key, *proof, Some(device));
                }
                Judgement::Refuse(reason) => {
                    refused.get_or_insert((device, reason));
                }
            }
        }
        let exceeds = self.within_grant(cx, id, key, &mut accepted);
        if exceeds {
            self.catalog_mut(id, key).drop_pending();
        }
        if let Some((device, reason)) = &refused {
            let device = *device;
            if device == self.device && reason.blame() == Blame::Deliverer {
                self.import_refused(id, key, &reason.to_string());
            }
            if reason.blame() == Blame::Deliverer && self.sessions.contains_key(&device) {
                let reason =
                    format!("delivered a change of {} that is wrong: {reason}", key.device);
                self.end_session(cx, device, Severity::Grave, &reason);
            }
            // An honest copy may be with somebody else.
            let catalog = self.catalog_mut(id, key);
            catalog.pending.retain(|_, pending| pending.from != device);
            catalog.pending_bytes = catalog.pending.values().map(|p| p.envelope.change.len()).sum();
        }
        let Some(from) = from.filter(|_| !accepted.is_empty()) else {
            self.catalog_mut(id, key).busy = false;
            if let Some(device) = from.filter(|_| exceeds) {
                self.set_aside(device, id, key);
            }
            if let Some((device, reason)) = refused
                && reason.blame() == Blame::Signer
            {
                let n = self.contexts[&id].catalogs[&key].n();
                self.doubt(cx, device, id, key, n);
            }
            return self.ask_everybody(cx, id);
        };
        let records = accepted
            .iter()
            .map(|a| Record::Envelope { context: id, user: key.user, envelope: a.envelope.clone() })
            .collect();
        self.store(cx, records, Task::Accept { context: id, key, accepted, from });
    }

    /// Lets envelopes that could not be stored be asked for again.
    pub(super) fn accept_failed(&mut self, now: i64, id: ContextId, key: CatalogKey) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        context.catalogs.entry(key).or_default().busy = false;
        context.retry.later(now);
    }

    pub(super) fn accepted(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        key: CatalogKey,
        accepted: Vec<Accepted>,
        from: DeviceId,
    ) {
        if !self.contexts.contains_key(&id) {
            return;
        }
        let first = accepted.first().map_or(0, |a| a.envelope.n);
        let (mut statements, mut fork) = (Vec::new(), None);
        let context = self.contexts.get_mut(&id).expect("checked above");
        context.retry.came();
        let document = context.place(key).document();
        let catalog = context.catalogs.entry(key).or_default();
        catalog.busy = false;
        for Accepted { envelope, tip, statements: said } in accepted {
            let (change, encoded) = (tip.change, envelope.encode());
            // Another of its number may have come while it was judged.
            let other = catalog.take_pending(envelope.n);
            fork = fork.or_else(|| fork_of(&encoded, &other?.envelope));
            catalog.push(encoded, tip);
            statements.extend(said.into_iter().map(|s| (change, envelope.n, s)));
        }
        let mut changed = Vec::new();
        for (change, n, statement) in statements {
            context.view.insert(key.user, document, change, n, statement.clone());
            changed.push(statement);
        }
        if let Some(proof) = fork {
            self.take_fork(cx, id, key, proof, None);
        }
        self.pass_on(cx, id, key, first, Some(from));
        self.statements_changed(cx, id, key.user, &changed);
        self.ask_everybody(cx, id);
        self.pump_context(cx, id);
    }

    /// Sends envelopes that are new here to every other admitted session of the context.
    pub(super) fn pass_on(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        key: CatalogKey,
        first: u64,
        except: Option<DeviceId>,
    ) -> usize {
        let Some(state) = self.contexts[&id].catalogs.get(&key).and_then(|c| c.state(key)) else {
            return 0;
        };
        let mut told = 0;
        for (device, tag) in self.admitted_channels(id) {
            let channel = self.channel_mut(device, tag).expect("the channel was just listed");
            let known = channel.known.get(&key).map_or(0, |k| k.0);
            if Some(device) == except || known >= state.n {
                continue;
            }
            told += 1;
            channel.probe_soon(cx.now);
            if known + 1 >= first {
                channel.known.insert(key, (state.n, state.tip));
                self.send_envelopes(cx, device, tag, key, first, id);
            } else {
                let docs = vec![state];
                cx.send(device, &Message::Have { tag, logs: Vec::new(), docs, whole: false });
            }
        }
        told
    }

    /// Draws the consequences of statements that now count: authority, heads, events.
    pub(super) fn statements_changed(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        user: UserId,
        statements: &[Verified],
    ) {
        let mut stacks: BTreeSet<StackId> = BTreeSet::new();
        let (mut authority, mut withdrawn, mut boards) = (false, false, BTreeSet::new());
        let mut begun = false;
        for statement in statements {
            let Fact::Placed(placed) = statement.fact() else { continue };
            match &placed.fact {
                PlacedFact::Head(head) => {
                    stacks.insert(head.stack);
                }
                PlacedFact::Tag(tag) => {
                    stacks.insert(tag.stack);
                }
                PlacedFact::About(_)
                | PlacedFact::Member(_)
                | PlacedFact::Interest(_)
                | PlacedFact::Ticket(_)
                | PlacedFact::TicketEnd { .. }
                | PlacedFact::Cut(_) => authority = true,
                PlacedFact::Withdraw(_) => withdrawn = true,
                PlacedFact::Dashboard(dashboard) => {
                    boards.insert(BoardKey { creator: user, nonce: dashboard.nonce });
                }
                PlacedFact::Comment(comment) => {
                    cx.emit(Event::Comment { context: id, author: user, id: comment.id });
                }
                PlacedFact::Epoch(_) => begun = true,
                PlacedFact::Unknown { .. } => {}
            }
        }
        if !boards.is_empty() || begun {
            self.refresh_boards(cx, id);
        }
        for board in boards {
            cx.emit(Event::Board { context: id, board });
        }
        if authority || withdrawn {
            self.withdraw(cx, id);
        }
        for stack in stacks {
            self.want_heads(id, user, stack);
            cx.emit(Event::Stack { context: id, user, stack, created: false });
        }
        if authority {
            cx.emit(Event::Context(id));
            self.want_all_heads(id);
            self.evaluate_all(cx);
            self.reach(cx, id, false);
            self.follow_removal(cx, id);
        }
    }

    /// Learns from the statements themselves whether I was removed, or am somebody again.
    fn follow_removal(&mut self, cx: &mut Cx<'_>, id: ContextId) {
        let Some(context) = self.contexts.get(&id) else { return };
        if context.view.was_removed(self.user) && context.is_active() {
            self.set_standing(cx, id, Standing::Removed);
        } else if context.record.standing == Standing::Removed
            && context.view.role(self.user) > Role::None
        {
            for (device, tag) in self.channels_of(id) {
                self.channel_mut(device, tag).expect("the channel was just listed").synced = false;
            }
            self.set_standing(cx, id, Standing::NEW);
        }
    }

    /// Notices that everything a peer offered has been taken.
    fn check_synced(&mut self, cx: &mut Cx<'_>, id: ContextId) {
        for (device, tag) in self.channels_of(id) {
            let Some((channel, context)) = self.channel(device, tag) else { continue };
            let taken = |(key, (n, _)): (&CatalogKey, &(u64, _))| {
                let mine = context.catalogs.get(key);
                if mine.is_some_and(|c| !c.busy && (c.n() >= *n || c.over_quota)) {
                    return true;
                }
                let here = mine.map_or(0, Catalog::n);
                self.authority(id, *key, cx.now) != Authority::Granted
                    || !self.may_take(id, *key, here + 1, cx.now)
                    || channel.set_aside.get(key) == Some(&here)
            };
            let frames = context
                .frame_wants
                .values()
                .all(|want| want.tried.contains(&device) || want.asked.is_none());
            let done = channel.serves
                && !channel.synced
                && context.view.about().is_some()
                && channel.asked_logs.is_empty()
                && channel.known.iter().all(taken)
                && frames
                && !context.frame_wants.values().any(|want| want.tried.is_empty());
            if !done {
                continue;
            }
            self.channel_mut(device, tag).expect("the channel was just used").synced = true;
            cx.emit(Event::Synced { context: id, device });
            if self.contexts[&id].record.standing == Standing::NEW {
                self.set_standing(cx, id, Standing::Active { synced: true });
            }
        }
    }

    /// Says again what is here, ever more rarely, in case a message was lost.
    pub(super) fn probe(&mut self, cx: &mut Cx<'_>) {
        let due: Vec<(DeviceId, Tag)> = self
            .sessions
            .iter()
            .flat_map(|(device, s)| s.channels.iter().map(move |(tag, c)| (*device, *tag, c)))
            .filter(|(_, _, channel)| channel.probe_at <= cx.now)
            .map(|(device, tag, _)| (device, tag))
            .collect();
        for (device, tag) in due {
            // Its grant or its ticket may have ended meanwhile.
            self.evaluate(cx, device, tag);
            let Some(channel) = self.channel_mut(device, tag) else { continue };
            let step = (channel.probe_step * 2).min(PROBE_LONGEST_MS);
            if channel.is_admitted() && !self.broken(Defect::Resume) {
                self.send_have(cx, device, tag, true);
            }
            // A peer that tells nothing may not know us: what we said was lost.
            self.open_again(cx, device, tag);
            let channel = self.channel_mut(device, tag).expect("the channel was just used");
            channel.probe_step = step;
            channel.probe_at = cx.now + step;
        }
    }
}
