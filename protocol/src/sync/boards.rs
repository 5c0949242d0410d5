//! Dashboards: their boards, and how they travel.
//!
//! A dashboard is there once its creator stated it in her catalog. What stands on it is a board of
//! many writers. Two peers tell each other how far each device is on it (`BoardHave`); who is behind
//! asks, and gets what it lacks in an order in which everything follows what it depends on. So
//! nothing has to wait here for something else: what does not fit is left and asked for again.
//!
//! *Forks.* Two envelopes of one device and number are a proof. From that number on nothing of the
//! device in that incarnation counts, nor what others built on it; whose own changes are lost by that
//! writes them again, under another incarnation of its own for this board.
//!
//! *Cuts.* Of somebody who was removed counts what lies in the past of the changes that a cut names.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::context::Context;
use super::event::{CommandError, CommandId, Event, Output, Record, Reply, Severity};
use super::node::{Cx, Node, Task};
use super::session::ASK_MS;
use crate::doc::{
    Board, BoardContent, BoardEdit, BoardJudged, BoardOpError, BoardPlace, BoardRefusal, BoardTask,
    BoardVerdict, Envelope, ForkProof, change_links, past_of,
};
use crate::id::{ChangeId, ContextId, DeviceId, DocumentId, Incarnation, UserId, derive};
use crate::limits;
use crate::statement::Role;
use crate::sync::authority::Authority;
use crate::wire::{BoardKey, BoardLine, CatalogKey, Message, Tag};

/// Most bytes of envelopes in one message.
const MESSAGE_BYTES: usize = 512 * 1024;
/// Most proofs of forks that are kept of one dashboard.
const FORKS: usize = 64;
/// Most of them of one user, so that she leaves room for those of others.
const FORKS_PER_USER: usize = 8;

/// A dashboard as the engine holds it.
#[derive(Debug)]
pub struct BoardSlot {
    board: Board,
    /// What stands on it, by device and incarnation, from number 1 on.
    lines: BTreeMap<CatalogKey, Vec<HeldChange>>,
    /// The same, each after what it depends on.
    order: Vec<(CatalogKey, usize)>,
    /// What was accepted once and does not count: behind a fork, beyond a cut, or built on such.
    aside: Vec<(CatalogKey, HeldChange)>,
    forks: BTreeMap<CatalogKey, ForkProof>,
    /// What cuts keep of each writer, as the board was last made.
    rules: BTreeMap<CatalogKey, Vec<BTreeSet<ChangeId>>>,
    /// Incarnations of this device of which something does not count any more.
    lost: BTreeSet<Incarnation>,
    /// Whether something is being judged or stored.
    busy: bool,
    /// Whether forks, cuts or the epoch changed, so that the board is to be made anew.
    dirty: bool,
    inbox: VecDeque<Arrived>,
    inbox_bytes: usize,
    edits: VecDeque<Edit>,
    asked: Option<(DeviceId, i64)>,
    /// Whom to ask once what came is judged.
    ask: BTreeSet<DeviceId>,
    /// How much was here when each was asked because something did not fit.
    vain: BTreeMap<DeviceId, usize>,
}

/// A change that stands on a board.
#[derive(Clone, Debug)]
pub struct HeldChange {
    /// The envelope.
    pub envelope: Envelope,
    /// The change in it.
    pub change: ChangeId,
    /// When it came here, in milliseconds since 1970.
    pub at: i64,
    hash: [u8; 32],
}

/// An envelope that came and is not judged yet.
#[derive(Debug)]
pub(super) struct Arrived {
    from: DeviceId,
    user: UserId,
    envelope: Envelope,
    bytes: usize,
}

/// Something to write.
#[derive(Debug)]
pub(super) struct Edit {
    pub edits: Vec<BoardEdit>,
    pub command: Option<CommandId>,
    /// Whether it is the first of a dashboard that a command makes.
    pub makes: bool,
}

/// An own change on its way to the store.
#[derive(Debug)]
pub(super) struct BoardWritten {
    next: Board,
    key: CatalogKey,
    held: HeldChange,
    edit: Edit,
}

/// Changes of others on their way to the store.
#[derive(Debug)]
pub(super) struct BoardTaken {
    next: Board,
    accepted: Vec<(CatalogKey, HeldChange)>,
    from: BTreeSet<DeviceId>,
}

impl BoardSlot {
    fn new(place: BoardPlace) -> Self {
        BoardSlot {
            board: Board::new(place),
            lines: BTreeMap::new(),
            order: Vec::new(),
            aside: Vec::new(),
            forks: BTreeMap::new(),
            rules: BTreeMap::new(),
            lost: BTreeSet::new(),
            busy: false,
            dirty: false,
            inbox: VecDeque::new(),
            inbox_bytes: 0,
            edits: VecDeque::new(),
            asked: None,
            ask: BTreeSet::new(),
            vain: BTreeMap::new(),
        }
    }

    /// Returns what stands on it.
    pub fn content(&self) -> BoardContent {
        self.board.content()
    }

    /// Returns its document.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Returns the changes that count with whose device made each, every one after those on which
    /// it depends.
    pub fn changes(&self) -> impl Iterator<Item = (CatalogKey, &HeldChange)> {
        self.order.iter().map(|(key, at)| (*key, &self.lines[key][*at]))
    }

    /// Returns who signed two changes of one number on it.
    pub fn forked_by(&self) -> impl Iterator<Item = CatalogKey> {
        self.forks.keys().copied()
    }

    /// Returns how many changes are here and do not count.
    pub fn set_aside(&self) -> usize {
        self.aside.len()
    }

    fn held(&self, key: &CatalogKey, n: u64) -> Option<&HeldChange> {
        let at = usize::try_from(n.checked_sub(1)?).ok()?;
        self.lines.get(key)?.get(at)
    }

    /// Tells whether an envelope was set aside before: it is neither judged nor told again.
    fn was_set_aside(&self, key: &CatalogKey, envelope: &Envelope) -> bool {
        let same = |held: &HeldChange| held.envelope.n == envelope.n && held.envelope == *envelope;
        self.aside.iter().any(|(line, held)| line == key && same(held))
    }

    fn push(&mut self, key: CatalogKey, held: HeldChange) {
        let line = self.lines.entry(key).or_default();
        self.order.push((key, line.len()));
        line.push(held);
    }

    fn state(&self) -> Vec<BoardLine> {
        let lines = self.lines.iter().filter_map(|(key, line)| {
            let last = line.last()?;
            Some(BoardLine { key: *key, n: last.envelope.n, tip: last.hash })
        });
        lines.take(limits::BOARD_LINES).collect()
    }

    fn has_room_for(&self, key: CatalogKey) -> bool {
        let of_user = || self.lines.keys().filter(|line| line.user == key.user).count();
        self.lines.contains_key(&key)
            || (self.lines.len() < limits::BOARD_LINES && of_user() < limits::BOARD_LINES_PER_USER)
    }

    /// Lets an envelope wait to be judged; tells whether there was room.
    fn arrive(&mut self, arrived: Arrived) -> bool {
        let fits = self.inbox.len() < limits::BOARD_INBOX
            && self.inbox_bytes + arrived.bytes <= limits::BOARD_INBOX_BYTES;
        if fits {
            self.inbox_bytes += arrived.bytes;
            self.inbox.push_back(arrived);
        }
        fits
    }

    /// Tells whether what an epoch carries over is not here yet.
    fn awaits_genesis(&self) -> bool {
        self.board.epoch() > 0 && self.order.is_empty()
    }

    /// Takes what is to be written next; nothing before what the epoch carries over is here.
    fn next_edit(&mut self) -> Option<Edit> {
        if self.awaits_genesis() { None } else { self.edits.pop_front() }
    }

    /// Lets everything under way be forgotten.
    pub(super) fn come_to_rest(&mut self) {
        self.busy = false;
        self.asked = None;
    }
}

impl HeldChange {
    fn of(envelope: Envelope, change: ChangeId, at: i64) -> Self {
        HeldChange { hash: envelope.hash(), envelope, change, at }
    }
}

impl Context {
    /// Returns the dashboards that are known here.
    pub fn boards(&self) -> impl Iterator<Item = (BoardKey, &BoardSlot)> {
        self.boards.iter().map(|(key, slot)| (*key, slot))
    }

    /// Returns a dashboard.
    pub fn board(&self, key: BoardKey) -> Option<&BoardSlot> {
        self.boards.get(&key)
    }

    /// Returns the document of a dashboard.
    pub(super) fn board_place(&self, key: BoardKey) -> BoardPlace {
        BoardPlace { context: self.id(), creator: key.creator, nonce: key.nonce }
    }

    /// Takes in what was stored of a dashboard.
    pub(super) fn stored_change(
        &mut self,
        key: BoardKey,
        user: UserId,
        envelope: Envelope,
        at: i64,
    ) {
        let place = self.board_place(key);
        let slot = self.boards.entry(key).or_insert_with(|| BoardSlot::new(place));
        let (device, inc) = (envelope.device, envelope.inc);
        if let Some((change, _)) = change_links(&envelope) {
            let held = HeldChange::of(envelope, change, at);
            slot.aside.push((CatalogKey { user, device, inc }, held));
        }
    }

    /// Takes in the stored proof of a fork.
    pub(super) fn stored_board_fork(&mut self, key: BoardKey, user: UserId, proof: ForkProof) {
        let place = self.board_place(key);
        let slot = self.boards.entry(key).or_insert_with(|| BoardSlot::new(place));
        let [first, _] = proof.envelopes();
        if first.doc == place.document() {
            let line = CatalogKey { user, device: first.device, inc: first.inc };
            slot.forks.insert(line, proof);
        }
    }

    /// Returns the tips of the dashboards on which a device of a user wrote, for a cut that keeps
    /// what counts now.
    pub(super) fn board_tips(
        &self,
        wrote: impl Fn(&CatalogKey) -> bool,
    ) -> BTreeMap<DocumentId, Vec<ChangeId>> {
        let boards = self.boards.iter().filter(|(_, slot)| slot.lines.keys().any(&wrote));
        let tips = boards.map(|(key, slot)| {
            let tips = slot.lines.iter().filter(|(line, _)| wrote(line));
            let tips = tips.filter_map(|(_, line)| line.last().map(|held| held.change));
            (self.board_place(*key).document(), tips.take(limits::TIPS).collect())
        });
        tips.collect()
    }
}

impl Node {
    fn slot_mut(&mut self, id: ContextId, key: BoardKey) -> Option<&mut BoardSlot> {
        self.contexts.get_mut(&id)?.boards.get_mut(&key)
    }

    /// Returns the sessions of a context whose peers are told of dashboards.
    fn board_channels(&self, id: ContextId) -> Vec<(DeviceId, Tag)> {
        let mut channels = self.admitted_channels(id);
        channels.retain(|(device, _)| self.sessions[device].boards);
        channels
    }

    /// Makes place for dashboards that were stated, and looks whether forks, cuts or epochs of those
    /// here changed.
    pub(super) fn refresh_boards(&mut self, cx: &mut Cx<'_>, id: ContextId) {
        let Some(context) = self.contexts.get(&id) else { return };
        let mut new = Vec::new();
        for stated in context.view.dashboards() {
            let key = BoardKey { creator: stated.creator, nonce: stated.nonce };
            let all = context.boards.len() + new.len();
            let of_user = |k: &&BoardKey| k.creator == key.creator;
            let hers = context.boards.keys().chain(&new).filter(of_user).count();
            let room = all < limits::BOARDS && hers < limits::BOARDS_PER_USER;
            if room && !context.boards.contains_key(&key) {
                new.push(key);
            }
        }
        let changed: Vec<BoardKey> = context
            .boards
            .iter()
            .filter(|(key, slot)| {
                let document = context.board_place(**key).document();
                let epoch = context.view.epoch(document, Some(key.creator));
                let epoch = epoch.map_or((0, None), |epoch| (epoch.epoch, Some(epoch.genesis)));
                let kept = |line: &CatalogKey| {
                    let rule = slot.rules.get(line).map_or(&[][..], Vec::as_slice);
                    context.view.kept_tips(line.user, line.device, document) == rule
                };
                let mut lines = slot.lines.keys().chain(slot.aside.iter().map(|(line, _)| line));
                epoch != (slot.board.epoch(), slot.board.genesis()) || !lines.all(kept)
            })
            .map(|(key, _)| *key)
            .collect();
        for key in changed {
            self.slot_mut(id, key).expect("just listed").dirty = true;
            self.pump_board(cx, id, key);
        }
        for key in new {
            let context = self.contexts.get_mut(&id).expect("just used");
            let slot = BoardSlot::new(context.board_place(key));
            context.boards.insert(key, slot);
            for (device, tag) in self.board_channels(id) {
                self.send_board(cx, device, tag, key, true);
            }
        }
    }

    /// Tells a peer of every dashboard how far it is here.
    pub(super) fn send_boards(&mut self, cx: &mut Cx<'_>, device: DeviceId, tag: Tag) {
        let Some((channel, context)) = self.channel(device, tag) else { return };
        let knows = self.sessions[&device].boards;
        if !channel.is_admitted() || !knows {
            return;
        }
        for key in context.boards.keys().copied().collect::<Vec<_>>() {
            self.send_board_forks(cx, device, tag, key);
            self.send_board(cx, device, tag, key, false);
        }
    }

    fn send_board(&self, cx: &mut Cx<'_>, device: DeviceId, tag: Tag, board: BoardKey, asks: bool) {
        let Some((_, context)) = self.channel(device, tag) else { return };
        let Some(slot) = context.boards.get(&board) else { return };
        let (epoch, lines) = (slot.board.epoch(), slot.state());
        cx.send(device, &Message::BoardHave { tag, board, epoch, lines, asks });
    }

    /// Tells a peer, once each, who forked on a dashboard.
    fn send_board_forks(&mut self, cx: &mut Cx<'_>, device: DeviceId, tag: Tag, board: BoardKey) {
        let Some((channel, context)) = self.channel(device, tag) else { return };
        let Some(slot) = context.boards.get(&board) else { return };
        let untold = slot.forks.iter().filter(|(line, proof)| {
            channel.board_forks_told.get(&(board, **line)) != Some(&proof.n())
        });
        let untold: Vec<_> =
            untold.map(|(line, proof)| (*line, proof.n(), proof.encode())).collect();
        for (line, n, proof) in untold {
            cx.send(device, &Message::BoardFork { tag, board, user: line.user, proof });
            let channel = self.channel_mut(device, tag).expect("just used");
            channel.board_forks_told.insert((board, line), n);
        }
    }

    pub(super) fn on_board_have(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        board: BoardKey,
        (epoch, lines, asks): (u32, &[BoardLine], bool),
    ) {
        let Some((channel, context)) = self.channel(device, tag) else { return };
        if !channel.is_admitted() || !context.is_active() {
            return;
        }
        let id = context.id();
        let Some(slot) = context.boards.get(&board) else { return };
        if slot.board.epoch() != epoch {
            return;
        }
        let theirs: BTreeMap<CatalogKey, &BoardLine> =
            lines.iter().map(|line| (line.key, line)).collect();
        // Where its last of a device is not ours of that number, ours shows it a fork.
        let other = lines.iter().filter_map(|line| {
            let mine = slot.held(&line.key, line.n)?;
            (mine.hash != line.tip).then(|| (line.key.user, mine.envelope.encode()))
        });
        let mut envelopes: Vec<(UserId, Vec<u8>)> = other.take(8).collect();
        let behind = lines.iter().any(|line| {
            slot.held(&line.key, line.n).is_none()
                && slot.forks.get(&line.key).is_none_or(|fork| line.n < fork.n())
        });
        let mut more = false;
        if asks {
            let mut bytes = 0;
            for (key, held) in slot.changes() {
                if theirs.get(&key).is_some_and(|line| held.envelope.n <= line.n) {
                    continue;
                }
                let encoded = held.envelope.encode();
                bytes += encoded.len();
                more = bytes > MESSAGE_BYTES;
                if more {
                    break;
                }
                envelopes.push((key.user, encoded));
            }
        }
        if asks {
            self.send_board_forks(cx, device, tag, board);
        }
        if !envelopes.is_empty() {
            cx.send(device, &Message::BoardEnvelopes { tag, board, envelopes, more });
        }
        if behind {
            let now = cx.now;
            let slot = self.slot_mut(id, board).expect("just used");
            match slot.asked {
                Some((_, at)) if now - at < ASK_MS => drop(slot.ask.insert(device)),
                _ => {
                    slot.asked = Some((device, now));
                    self.send_board(cx, device, tag, board, true);
                }
            }
        }
    }

    pub(super) fn on_board_envelopes(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        board: BoardKey,
        envelopes: Vec<(UserId, Vec<u8>)>,
        more: bool,
    ) {
        let Some((channel, context)) = self.channel(device, tag) else { return };
        if !channel.is_admitted() || !context.is_active() {
            return;
        }
        let id = context.id();
        let document = context.board_place(board).document();
        let Some(slot) = self.slot_mut(id, board) else { return };
        if slot.asked.is_some_and(|(asked, _)| asked == device) {
            slot.asked = None;
        }
        if more {
            slot.ask.insert(device);
        }
        for (user, bytes) in envelopes {
            let envelope = match Envelope::decode(&bytes) {
                Ok(envelope) if envelope.doc == document => envelope,
                Ok(_) => {
                    let reason = "sent an envelope under another dashboard's name";
                    return self.end_session(cx, device, Severity::Grave, reason);
                }
                Err(error) => {
                    let reason = format!("sent an envelope that is none: {error}");
                    return self.end_session(cx, device, Severity::Grave, &reason);
                }
            };
            let bytes = bytes.len();
            let arrived = Arrived { from: device, user, envelope, bytes };
            let slot = self.slot_mut(id, board).expect("just used");
            if !slot.arrive(arrived) {
                slot.ask.insert(device);
                break;
            }
        }
        self.pump_board(cx, id, board);
    }

    /// Begins the next thing that is to be done with a dashboard, unless one is under way.
    pub(super) fn pump_board(&mut self, cx: &mut Cx<'_>, id: ContextId, key: BoardKey) {
        loop {
            let Some(slot) = self.slot_mut(id, key).filter(|slot| !slot.busy) else { return };
            if slot.dirty {
                let again = self.rebuild_board(id, key);
                self.board_changed(cx, id, key, again);
            } else if let Some(edit) = slot.next_edit() {
                self.write_board(cx, id, key, edit);
            } else if !slot.inbox.is_empty() {
                self.judge_arrived(cx, id, key);
            } else {
                break;
            }
        }
        // Nothing is under way: now what is here says what lacks.
        let Some(slot) = self.slot_mut(id, key) else { return };
        for device in std::mem::take(&mut slot.ask) {
            let session = self.sessions.get(&device);
            let tag = session.and_then(|session| session.channel_of(id)).map(|(tag, _)| tag);
            if let Some(tag) = tag {
                self.slot_mut(id, key).expect("just used").asked = Some((device, cx.now));
                self.send_board(cx, device, tag, key, true);
            }
        }
    }

    /// Goes on with every dashboard of a context where something rested.
    pub(super) fn pump_boards(&mut self, cx: &mut Cx<'_>, id: ContextId) {
        let Some(context) = self.contexts.get(&id) else { return };
        let idle = context.boards.iter().filter(|(_, slot)| {
            !slot.busy && (slot.dirty || !slot.edits.is_empty() || !slot.inbox.is_empty())
        });
        for key in idle.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.pump_board(cx, id, key);
        }
    }

    /// Tells what of a device that wrote is kept now; nothing where nothing of it is taken.
    fn board_rule(
        &self,
        id: ContextId,
        document: DocumentId,
        key: CatalogKey,
        now: i64,
    ) -> Option<Vec<BTreeSet<ChangeId>>> {
        let kept = self.contexts[&id].view.kept_tips(key.user, key.device, document);
        let granted = self.authority(id, key, now) == Authority::Granted;
        (granted && !kept.iter().any(BTreeSet::is_empty)).then_some(kept)
    }

    fn judge_arrived(&mut self, cx: &mut Cx<'_>, id: ContextId, board: BoardKey) {
        let Some(context) = self.contexts.get(&id) else { return };
        let document = context.board_place(board).document();
        let slot = self.slot_mut(id, board).expect("the caller looked it up");
        let most = slot.inbox.len().min(limits::JUDGE_BATCH);
        let arrived: Vec<Arrived> = slot.inbox.drain(..most).collect();
        slot.inbox_bytes = slot.inbox.iter().map(|arrived| arrived.bytes).sum();
        let mut work = Vec::new();
        let mut forks = Vec::new();
        for arrived in arrived {
            let Arrived { from, user, envelope, bytes: _ } = arrived;
            let key = CatalogKey { user, device: envelope.device, inc: envelope.inc };
            // Its author may not write, or is not known to: it comes again once she is.
            if self.board_rule(id, document, key, cx.now).is_none() {
                continue;
            }
            let slot = &self.contexts[&id].boards[&board];
            if let Some(held) = slot.held(&key, envelope.n) {
                let differs = held.hash != envelope.hash() && held.envelope.epoch == envelope.epoch;
                if let Some(proof) =
                    differs.then(|| ForkProof::new(held.envelope.clone(), envelope).ok()).flatten()
                {
                    forks.push((key, proof, from));
                }
                continue;
            }
            let behind = slot.forks.get(&key).is_some_and(|fork| envelope.n >= fork.n());
            if !behind && slot.has_room_for(key) && !slot.was_set_aside(&key, &envelope) {
                work.push((from, user, envelope));
            }
        }
        for (key, proof, from) in forks {
            self.take_board_fork(cx, id, board, key, proof, Some(from));
        }
        if work.is_empty() {
            return;
        }
        let slot = self.slot_mut(id, board).expect("just used");
        slot.busy = true;
        let envelopes = work.iter().map(|(_, user, envelope)| (*user, envelope.clone())).collect();
        let task = BoardTask { board: slot.board.clone(), envelopes };
        let id = self.task(Task::BoardJudge { context: id, board, envelopes: work });
        cx.out.push(Output::JudgeBoard { task: id, work: Box::new(task) });
    }

    pub(super) fn board_judged(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        board: BoardKey,
        envelopes: Vec<(DeviceId, UserId, Envelope)>,
        judged: BoardJudged,
    ) {
        let now = cx.now;
        let Some(slot) = self.slot_mut(id, board) else { return };
        let mut accepted = Vec::new();
        let mut from = BTreeSet::new();
        let mut refused = BTreeMap::new();
        let mut forks = Vec::new();
        let mut here: BTreeMap<CatalogKey, Vec<Envelope>> = BTreeMap::new();
        for ((device, user, envelope), verdict) in envelopes.into_iter().zip(judged.verdicts) {
            let key = CatalogKey { user, device: envelope.device, inc: envelope.inc };
            match verdict {
                BoardVerdict::Accepted(change) => {
                    from.insert(device);
                    here.entry(key).or_default().push(envelope.clone());
                    accepted.push((key, HeldChange::of(envelope, change, now)));
                }
                BoardVerdict::Waits(_) => {
                    // Asked once for as much as is here.
                    if slot.vain.insert(device, slot.order.len()) != Some(slot.order.len()) {
                        slot.ask.insert(device);
                    }
                }
                BoardVerdict::Refused(BoardRefusal::Fork { n }) => {
                    // Of one that came beside it.
                    let other = here.get(&key).and_then(|line| line.iter().find(|e| e.n == n));
                    let proof = other.and_then(|o| ForkProof::new(o.clone(), envelope).ok());
                    forks.extend(proof.map(|proof| (key, proof, device)));
                }
                // The deliverer may know of another epoch of the same number.
                BoardVerdict::Refused(BoardRefusal::Genesis) => {}
                BoardVerdict::Refused(reason) => {
                    refused.entry(device).or_insert((key.device, reason));
                }
                BoardVerdict::Nothing => {}
            }
        }
        if accepted.is_empty() {
            slot.busy = false;
        } else {
            let records = accepted.iter().map(|(key, held)| Record::BoardEnvelope {
                context: id,
                board,
                user: key.user,
                envelope: held.envelope.clone(),
                at: held.at,
            });
            let records = records.collect();
            let taken = BoardTaken { next: judged.board, accepted, from };
            self.store(
                cx,
                records,
                Task::BoardTaken { context: id, board, taken: Box::new(taken) },
            );
        }
        for (key, proof, from) in forks {
            self.take_board_fork(cx, id, board, key, proof, Some(from));
        }
        for (device, (author, reason)) in refused {
            if self.sessions.contains_key(&device) {
                let reason = format!("delivered a change of {author} that is wrong: {reason}");
                self.end_session(cx, device, Severity::Grave, &reason);
            }
        }
        self.pump_board(cx, id, board);
    }

    pub(super) fn board_taken(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        board: BoardKey,
        taken: BoardTaken,
    ) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        context.retry.came();
        let document = context.board_place(board).document();
        let Some(slot) = context.boards.get_mut(&board) else { return };
        slot.busy = false;
        slot.board = taken.next;
        let mut news = Vec::new();
        for (key, held) in taken.accepted {
            news.push((key.user, held.envelope.encode()));
            slot.push(key, held);
            // What a cut keeps shows once all that it names is here.
            let kept = context.view.kept_tips(key.user, key.device, document);
            slot.dirty |= !kept.is_empty();
        }
        self.tell_board(cx, id, board, &news, &taken.from);
        cx.emit(Event::Board { context: id, board });
        self.pump_board(cx, id, board);
    }

    /// Lets what could not be stored be asked for again.
    pub(super) fn board_taken_failed(&mut self, now: i64, id: ContextId, board: BoardKey) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        context.retry.later(now);
        if let Some(slot) = context.boards.get_mut(&board) {
            slot.busy = false;
        }
    }

    /// Sends envelopes that are new here to every session but those that brought them.
    fn tell_board(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        board: BoardKey,
        news: &[(UserId, Vec<u8>)],
        except: &BTreeSet<DeviceId>,
    ) {
        let bytes: usize = news.iter().map(|(_, bytes)| bytes.len()).sum();
        for (device, tag) in self.board_channels(id) {
            if except.contains(&device) {
                continue;
            }
            self.channel_mut(device, tag).expect("the channel was just listed").probe_soon(cx.now);
            if bytes > MESSAGE_BYTES {
                self.send_board(cx, device, tag, board, false);
            } else {
                let envelopes = news.to_vec();
                let more = false;
                cx.send(device, &Message::BoardEnvelopes { tag, board, envelopes, more });
            }
        }
    }

    // Forks, cuts and epochs.

    pub(super) fn on_board_fork(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        board: BoardKey,
        user: UserId,
        proof: &[u8],
    ) {
        let Some((channel, context)) = self.channel(device, tag) else { return };
        if !channel.is_admitted() || !context.is_active() {
            return;
        }
        let (id, document) = (context.id(), context.board_place(board).document());
        let proof = match ForkProof::decode(proof) {
            Ok(proof) if proof.envelopes()[0].doc == document => proof,
            Ok(_) => {
                let reason = "sent the fork of another dashboard";
                return self.end_session(cx, device, Severity::Grave, reason);
            }
            Err(error) => {
                let reason = format!("sent a proof of a fork that is none: {error}");
                return self.end_session(cx, device, Severity::Grave, &reason);
            }
        };
        let [first, _] = proof.envelopes();
        let key = CatalogKey { user, device: first.device, inc: first.inc };
        self.take_board_fork(cx, id, board, key, proof, Some(device));
    }

    /// Takes in that a device signed two envelopes of one number on a dashboard.
    fn take_board_fork(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        board: BoardKey,
        key: CatalogKey,
        proof: ForkProof,
        from: Option<DeviceId>,
    ) {
        // Anybody has a device of nobody sign what it likes.
        if self.authority(id, key, cx.now) == Authority::Wait {
            return;
        }
        let Some(slot) = self.contexts[&id].boards.get(&board) else { return };
        let news = slot.forks.get(&key).is_none_or(|known| proof.n() < known.n());
        let hers = || slot.forks.keys().filter(|line| line.user == key.user).count();
        let room =
            slot.forks.contains_key(&key) || (slot.forks.len() < FORKS && hers() < FORKS_PER_USER);
        let of_now = proof.envelopes()[0].epoch == slot.board.epoch();
        let storing = self.tasks.values().any(|task| match task {
            Task::BoardFork { context, board: other, key: line, proof: known, .. } => {
                (*context, *other, *line) == (id, board, key) && known.n() <= proof.n()
            }
            _ => false,
        });
        if news && room && of_now && !storing {
            let encoded = proof.encode();
            let record = Record::BoardFork { context: id, board, user: key.user, proof: encoded };
            let proof = Box::new(proof);
            self.store(cx, vec![record], Task::BoardFork { context: id, board, key, proof, from });
        }
    }

    /// Lets a fork count whose proof is durable, and passes it on.
    pub(super) fn board_forked(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        board: BoardKey,
        key: CatalogKey,
        proof: ForkProof,
        from: Option<DeviceId>,
    ) {
        let n = proof.n();
        let Some(slot) = self.slot_mut(id, board) else { return };
        if slot.forks.get(&key).is_some_and(|known| known.n() <= n) {
            return;
        }
        slot.forks.insert(key, proof);
        // What is not here yet changes nothing that stands.
        slot.dirty |= slot.held(&key, n).is_some();
        cx.emit(Event::Fork { context: id, device: key.device });
        if let Some((device, tag)) =
            self.board_channels(id).into_iter().find(|(device, _)| Some(*device) == from)
        {
            let channel = self.channel_mut(device, tag).expect("the channel was just listed");
            channel.board_forks_told.insert((board, key), n);
        }
        for (device, tag) in self.board_channels(id) {
            self.send_board_forks(cx, device, tag, board);
        }
        self.pump_board(cx, id, board);
    }

    /// Makes a board anew of everything that counts, and returns what of this device's own changes
    /// is lost by that and is to be written again.
    pub(super) fn rebuild_board(&mut self, id: ContextId, board: BoardKey) -> Vec<BoardEdit> {
        let (user, device) = (self.user, self.device);
        let Some(context) = self.contexts.get_mut(&id) else { return Vec::new() };
        let place = context.board_place(board);
        let document = place.document();
        let epoch = context.view.epoch(document, Some(board.creator)).cloned();
        let Some(slot) = context.boards.get_mut(&board) else { return Vec::new() };
        let counted: BTreeSet<ChangeId> = slot.changes().map(|(_, held)| held.change).collect();
        let old = slot.board.clone();
        // Numbers begin again with every epoch, and at a start those of earlier ones are here too.
        let mut all: BTreeMap<CatalogKey, BTreeMap<(u32, u64), HeldChange>> = BTreeMap::new();
        let lines = std::mem::take(&mut slot.lines).into_iter();
        let held = lines.flat_map(|(key, line)| line.into_iter().map(move |held| (key, held)));
        for (key, held) in held.chain(std::mem::take(&mut slot.aside)) {
            let at = (held.envelope.epoch, held.envelope.n);
            all.entry(key).or_default().entry(at).or_insert(held);
        }
        let number = epoch.as_ref().map_or(0, |epoch| epoch.epoch);
        let links = || -> BTreeMap<ChangeId, Vec<ChangeId>> {
            let held = all.values().flat_map(BTreeMap::values);
            held.filter_map(|held| change_links(&held.envelope)).collect()
        };
        let mut again = Vec::new();
        if old.epoch() != number {
            // What the new epoch does not carry over of mine is written again there.
            let base = epoch.as_ref().map(|epoch| epoch.base.iter().copied().collect());
            let past = base.and_then(|base| past_of(&links(), &base)).unwrap_or_default();
            let mine = slot.order.iter().filter_map(|(key, at)| {
                let held = all.get(key)?.get(&(old.epoch(), *at as u64 + 1))?;
                let own = (key.user, key.device) == (user, device);
                (own && !past.contains(&held.change)).then_some(held)
            });
            again.extend(mine.flat_map(|held| old.edits(&held.envelope)));
            slot.forks.retain(|_, proof| proof.envelopes()[0].epoch == number);
            slot.lost.clear();
        }
        slot.order.clear();
        slot.dirty = false;
        slot.board = match &epoch {
            Some(epoch) => Board::begin(place, epoch.epoch, epoch.genesis),
            None => Board::new(place),
        };
        slot.rules = all
            .keys()
            .map(|key| (*key, context.view.kept_tips(key.user, key.device, document)))
            .collect();
        let pasts: BTreeMap<CatalogKey, Vec<Option<BTreeSet<ChangeId>>>> = {
            let cut: Vec<_> = slot.rules.iter().filter(|(_, tips)| !tips.is_empty()).collect();
            let links = if cut.is_empty() { BTreeMap::new() } else { links() };
            let past = |tips: &BTreeSet<ChangeId>| match tips.is_empty() {
                true => Some(BTreeSet::new()),
                false => past_of(&links, tips),
            };
            cut.into_iter().map(|(key, tips)| (*key, tips.iter().map(past).collect())).collect()
        };
        let counts = |key: &CatalogKey, held: &HeldChange| {
            let forked = slot.forks.get(key).is_some_and(|fork| held.envelope.n >= fork.n());
            let kept = pasts.get(key).is_none_or(|pasts| {
                let kept = |past: &Option<BTreeSet<ChangeId>>| {
                    past.as_ref().is_none_or(|past| past.contains(&held.change))
                };
                pasts.iter().all(kept)
            });
            !forked && kept
        };
        let mut lines: BTreeMap<_, Vec<&Envelope>> = BTreeMap::new();
        for (key, line) in &all {
            let line = line.range((number, 0)..=(number, u64::MAX)).map(|(_, held)| held);
            let line = line.take_while(|held| counts(key, held));
            lines.insert((key.user, key.device, key.inc), line.map(|h| &h.envelope).collect());
        }
        let order = slot.board.replay(&lines);
        for ((user, device, inc), _, _) in order {
            let key = CatalogKey { user, device, inc };
            let line = slot.lines.entry(key).or_default();
            let at = (number, line.len() as u64 + 1);
            let held = all.get_mut(&key).and_then(|held| held.remove(&at));
            if let Some(held) = held {
                slot.order.push((key, line.len()));
                line.push(held);
            }
        }
        for (key, rest) in all {
            for held in rest.into_values().filter(|held| held.envelope.epoch == number) {
                if (key.user, key.device) == (user, device) {
                    slot.lost.insert(key.inc);
                    // At a start nothing counted before: what was lost then was written again.
                    if counted.contains(&held.change) {
                        again.extend(old.edits(&held.envelope));
                    }
                }
                slot.aside.push((key, held));
            }
        }
        again
    }

    /// Draws the consequences of a board that was made anew.
    fn board_changed(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        board: BoardKey,
        again: Vec<BoardEdit>,
    ) {
        if !again.is_empty() {
            let slot = self.slot_mut(id, board).expect("just made anew");
            slot.edits.push_back(Edit { edits: again, command: None, makes: false });
        }
        let slot = self.contexts.get(&id).and_then(|context| context.boards.get(&board));
        let asks = slot.is_some_and(BoardSlot::awaits_genesis);
        for (device, tag) in self.board_channels(id) {
            self.send_board(cx, device, tag, board, asks);
        }
        cx.emit(Event::Board { context: id, board });
    }

    // Writing.

    /// Lets something be written on a dashboard once what is under way is done.
    pub(super) fn edit_board(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        board: BoardKey,
        edit: Edit,
    ) {
        let error = match self.contexts.get_mut(&id) {
            None => CommandError::NoContext(id),
            Some(context) => match context.boards.get_mut(&board) {
                None => CommandError::NoBoard(board),
                Some(slot) => {
                    slot.edits.push_back(edit);
                    return self.pump_board(cx, id, board);
                }
            },
        };
        if let Some(command) = edit.command {
            cx.reply(command, Err(error));
        }
    }

    /// Returns under which incarnation this device writes on a dashboard: its own, or another made
    /// of it where something of the earlier ones does not count.
    fn board_incarnation(&self, slot: &BoardSlot, document: DocumentId) -> Incarnation {
        let usable = |inc: &Incarnation| {
            let key = CatalogKey { user: self.user, device: self.device, inc: *inc };
            !slot.lost.contains(inc) && !slot.forks.contains_key(&key)
        };
        let nth = |k: u64| {
            let list = vec![self.inc.into(), document.into(), k.into()];
            let bytes = derive("board-inc", list);
            Incarnation::from_bytes(std::array::from_fn(|at| bytes[at]))
        };
        let mut all = std::iter::once(self.inc).chain((1..=u64::MAX).map(nth));
        all.find(usable).expect("each is another, and few are lost")
    }

    fn write_board(&mut self, cx: &mut Cx<'_>, id: ContextId, board: BoardKey, edit: Edit) {
        match self.draft_change(cx.now, id, board, &edit.edits) {
            Err(error) => match edit.command {
                Some(command) => cx.reply(command, Err(error)),
                None => cx.emit(Event::Failed { context: id, reason: error.to_string() }),
            },
            Ok(None) => answer(cx, board, &edit, None),
            Ok(Some((next, key, held))) => {
                let record = Record::BoardEnvelope {
                    context: id,
                    board,
                    user: self.user,
                    envelope: held.envelope.clone(),
                    at: held.at,
                };
                self.slot_mut(id, board).expect("just used").busy = true;
                let written = Box::new(BoardWritten { next, key, held, edit });
                self.store(cx, vec![record], Task::BoardWritten { context: id, board, written });
            }
        }
    }

    fn draft_change(
        &self,
        now: i64,
        id: ContextId,
        board: BoardKey,
        edits: &[BoardEdit],
    ) -> Result<Option<(Board, CatalogKey, HeldChange)>, CommandError> {
        let context = self.contexts.get(&id).ok_or(CommandError::NoContext(id))?;
        self.need(context, Role::Writer, now)?;
        let slot = context.boards.get(&board).ok_or(CommandError::NoBoard(board))?;
        if context.view.dashboard(board.creator, board.nonce).is_none_or(|stated| stated.removed) {
            return Err(CommandError::NoBoard(board));
        }
        let inc = self.board_incarnation(slot, context.board_place(board).document());
        let written = slot.board.write(&self.key, inc, edits);
        let written = written.map_err(|e| CommandError::Limit(e.to_string()))?;
        let Some(envelope) = written else { return Ok(None) };
        let mut next = slot.board.clone();
        match next.take(self.user, &envelope) {
            BoardVerdict::Accepted(change) => {
                let key = CatalogKey { user: self.user, device: self.device, inc };
                Ok(Some((next, key, HeldChange::of(envelope, change, now))))
            }
            BoardVerdict::Refused(BoardRefusal::Op { reason: BoardOpError::Creator, .. }) => {
                Err(CommandError::NotCreator)
            }
            BoardVerdict::Refused(reason) => Err(CommandError::Limit(reason.to_string())),
            BoardVerdict::Waits(wait) => Err(CommandError::Limit(wait.to_string())),
            BoardVerdict::Nothing => Ok(None),
        }
    }

    pub(super) fn board_written(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        board: BoardKey,
        written: BoardWritten,
    ) {
        let BoardWritten { next, key, held, edit } = written;
        let Some(slot) = self.slot_mut(id, board) else { return };
        slot.busy = false;
        slot.board = next;
        let (change, news) = (held.change, vec![(key.user, held.envelope.encode())]);
        slot.push(key, held);
        self.tell_board(cx, id, board, &news, &BTreeSet::new());
        cx.emit(Event::Board { context: id, board });
        answer(cx, board, &edit, Some(change));
        self.pump_board(cx, id, board);
    }

    pub(super) fn board_write_failed(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        board: BoardKey,
        written: BoardWritten,
        error: CommandError,
    ) {
        let now = cx.now;
        if let Some(command) = written.edit.command {
            cx.reply(command, Err(error));
        } else if let Some(slot) = self.slot_mut(id, board) {
            // Nobody waits for it: it is written again with what is asked for again.
            slot.edits.push_front(written.edit);
        }
        let Some(context) = self.contexts.get_mut(&id) else { return };
        context.retry.later(now);
        if let Some(slot) = context.boards.get_mut(&board) {
            slot.busy = false;
        }
    }

    /// Drafts how a dashboard begins anew: the envelope that carries over what stands on it.
    pub(super) fn draft_renewal(
        &self,
        now: i64,
        id: ContextId,
        board: BoardKey,
    ) -> Result<(crate::statement::Epoch, Envelope), CommandError> {
        let context = &self.contexts[&id];
        let creator = board.creator == self.user;
        self.need(context, if creator { Role::Writer } else { Role::Owner }, now)?;
        let slot = context.boards.get(&board).ok_or(CommandError::NoBoard(board))?;
        if slot.busy {
            return Err(CommandError::Limit("the dashboard is being written on".to_owned()));
        }
        let place = context.board_place(board);
        let epoch = slot.board.epoch().checked_add(1).ok_or_else(|| {
            CommandError::Limit("the dashboard was begun anew as often as it can be".to_owned())
        })?;
        let edits: Vec<BoardEdit> = slot
            .content()
            .into_iter()
            .map(|((part, key), value)| BoardEdit { part, key, value: Some(value) })
            .collect();
        let begun = Board::begin(place, epoch, [0; 32]);
        let written = begun.write(&self.key, self.inc, &edits);
        let written = written.map_err(|e| CommandError::Limit(e.to_string()))?;
        let envelope = written.ok_or_else(|| {
            CommandError::Invalid("nothing stands on the dashboard to begin anew with".to_owned())
        })?;
        let base = slot.board.tips();
        if base.len() > limits::TIPS {
            return Err(CommandError::Limit(format!("{} ends to begin anew from", base.len())));
        }
        let doc = place.document();
        Ok((crate::statement::Epoch { doc, epoch, base, genesis: envelope.hash() }, envelope))
    }

    /// Takes in the first envelope of an epoch that this device began.
    pub(super) fn begin_epoch(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        board: BoardKey,
        envelope: Envelope,
    ) {
        let (from, user, now) = (self.device, self.user, cx.now);
        let Some(slot) = self.slot_mut(id, board) else { return };
        let bytes = envelope.encode();
        // It was stored with the statement. Where something is under way it waits for its turn.
        if !slot.busy
            && !slot.dirty
            && let BoardVerdict::Accepted(change) = slot.board.take(user, &envelope)
        {
            let key = CatalogKey { user, device: from, inc: envelope.inc };
            slot.push(key, HeldChange::of(envelope, change, now));
            self.tell_board(cx, id, board, &[(user, bytes)], &BTreeSet::new());
            cx.emit(Event::Board { context: id, board });
        } else {
            let bytes = bytes.len();
            slot.arrive(Arrived { from, user, envelope, bytes });
        }
        self.pump_board(cx, id, board);
    }
}

/// Answers whoever waits for a change of a dashboard.
fn answer(cx: &mut Cx<'_>, board: BoardKey, edit: &Edit, change: Option<ChangeId>) {
    if let Some(command) = edit.command {
        let reply = if edit.makes { Reply::Board(board) } else { Reply::Edited(change) };
        cx.reply(command, Ok(reply));
    }
}
