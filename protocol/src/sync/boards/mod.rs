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

mod again;
mod anew;
mod editors;
mod room;
mod taking;
mod writing;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::context::Context;
use super::event::CommandId;
use super::node::{Cx, Node};
use crate::doc::{Board, BoardContent, BoardEdit, BoardPlace, Envelope, ForkProof, change_links};
use crate::id::{ChangeId, ContextId, DeviceId, DocumentId, Incarnation, UserId};
use crate::limits;
use crate::wire::{BoardKey, BoardLine, CatalogKey, Message, Tag};

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
    /// Of the epoch before: needed until what of it was lost is written again.
    earlier: Vec<(CatalogKey, HeldChange)>,
    forks: BTreeMap<CatalogKey, ForkProof>,
    /// How many envelopes carry over what stood there before the epoch.
    parts: u32,
    /// What cuts keep of each writer, as the board was last made.
    rules: BTreeMap<CatalogKey, Vec<BTreeSet<ChangeId>>>,
    /// Incarnations of this device of which something does not count any more.
    lost: BTreeSet<Incarnation>,
    /// Whether something is being judged or stored.
    busy: bool,
    /// Whether something of this device may be lost and is to be written again.
    unsettled: bool,
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
    /// What did not fit into this change.
    rest: Vec<BoardEdit>,
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
            earlier: Vec::new(),
            forks: BTreeMap::new(),
            parts: 1,
            rules: BTreeMap::new(),
            lost: BTreeSet::new(),
            busy: false,
            unsettled: false,
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

    /// Returns the proofs of forks on it, with whose device made each.
    pub(super) fn proofs(&self) -> impl Iterator<Item = (UserId, Vec<u8>)> {
        self.forks.iter().map(|(line, proof)| (line.user, proof.encode()))
    }

    /// Tells whether a change counts here.
    pub(super) fn holds(&self, key: &CatalogKey, n: u64) -> bool {
        self.held(key, n).is_some()
    }

    /// Tells whether nothing that came waits to be judged, stored or counted.
    pub(super) fn rests(&self) -> bool {
        !self.busy && !self.dirty && self.inbox.is_empty()
    }

    pub(super) fn held(&self, key: &CatalogKey, n: u64) -> Option<&HeldChange> {
        let at = usize::try_from(n.checked_sub(1)?).ok()?;
        self.lines.get(key)?.get(at)
    }

    /// Tells whether an envelope was set aside before: it is neither judged nor told again.
    fn was_set_aside(&self, key: &CatalogKey, envelope: &Envelope) -> bool {
        let same = |held: &HeldChange| held.envelope.n == envelope.n && held.envelope == *envelope;
        self.aside.iter().any(|(line, held)| line == key && same(held))
    }

    /// Lets a change stand that was accepted and is stored.
    fn push(&mut self, key: CatalogKey, held: HeldChange) {
        // The proof of a fork may have come while it was judged or stored.
        self.dirty |= self.forks.get(&key).is_some_and(|fork| held.envelope.n >= fork.n());
        let line = self.lines.entry(key).or_default();
        self.order.push((key, line.len()));
        line.push(held);
        self.dirty |= line.len() == 1 && self.is_crowded();
    }

    fn state(&self) -> Vec<BoardLine> {
        let lines = self.lines.iter().filter_map(|(key, line)| {
            let last = line.last()?;
            Some(BoardLine { key: *key, n: last.envelope.n, tip: last.hash })
        });
        lines.take(limits::BOARD_LINES).collect()
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

    /// Returns the line with which an epoch begins; nothing is on it but what the epoch carries over.
    fn genesis_line(&self) -> Option<CatalogKey> {
        self.order.first().filter(|_| self.board.epoch() > 0).map(|(key, _)| *key)
    }

    /// Tells whether some of what an epoch carries over is not here yet.
    fn awaits_genesis(&self) -> bool {
        let here = self.genesis_line().map_or(0, |line| self.lines[&line].len());
        self.board.epoch() > 0 && here < self.parts as usize
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
        if !place.is_author(user, device, inc) {
            return;
        }
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
        let named = place.is_author(user, first.device, first.inc);
        if first.doc == place.document() && named {
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
                let epoch = epoch
                    .map_or((0, None, 1), |epoch| (epoch.epoch, Some(epoch.genesis), epoch.parts));
                let kept = |line: &CatalogKey| {
                    let rule = slot.rules.get(line).map_or(&[][..], Vec::as_slice);
                    context.view.kept_tips(line.user, line.device, document) == rule
                };
                let mut lines = slot.lines.keys().chain(slot.aside.iter().map(|(line, _)| line));
                epoch != (slot.board.epoch(), slot.board.genesis(), slot.parts) || !lines.all(kept)
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
    /// Begins the next thing that is to be done with a dashboard, unless one is under way.
    pub(super) fn pump_board(&mut self, cx: &mut Cx<'_>, id: ContextId, key: BoardKey) {
        loop {
            let Some(slot) = self.slot_mut(id, key).filter(|slot| !slot.busy) else { return };
            if slot.dirty {
                self.rebuild_board(id, key);
                self.board_changed(cx, id, key);
            } else if slot.unsettled && self.write_lost(cx, id, key) {
                return;
            } else if let Some(edit) = self.slot_mut(id, key).and_then(BoardSlot::next_edit) {
                self.write_board(cx, id, key, edit);
            } else if self.slot_mut(id, key).is_some_and(|slot| !slot.inbox.is_empty()) {
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
            !slot.busy
                && (slot.dirty
                    || slot.unsettled
                    || !slot.edits.is_empty()
                    || !slot.inbox.is_empty())
        });
        for key in idle.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.pump_board(cx, id, key);
        }
    }
}
