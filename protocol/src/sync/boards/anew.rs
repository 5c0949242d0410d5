//! Forks, cuts and epochs: when a board is made anew, and of what.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Defect;
use super::super::authority::Authority;
use super::super::event::{CommandError, Event, Record, Severity};
use super::super::node::{Cx, Node, Task};
use super::again::portion;
use super::room::with_room;
use super::{BoardSlot, HeldChange};
use crate::doc::{
    Board, BoardEdit, BoardPart, BoardPlace, BoardVerdict, Envelope, ForkProof, change_links,
    past_of,
};
use crate::id::{ChangeId, ContextId, DeviceId, UserId};
use crate::limits;
use crate::statement::Role;
use crate::wire::{BoardKey, CatalogKey, Tag};

/// Most proofs of forks that are kept of one dashboard.
const FORKS: usize = 64;
/// Most of them of one user, so that she leaves room for those of others.
const FORKS_PER_USER: usize = 8;

impl Node {
    pub(in crate::sync) fn on_board_fork(
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
        let (id, place) = (context.id(), context.board_place(board));
        let proof = match ForkProof::decode(proof) {
            Ok(proof) if !is_of(place, user, &proof) => {
                let reason = "sent a fork under another user's name";
                return self.end_session(cx, device, Severity::Grave, reason);
            }
            Ok(proof) if proof.envelopes()[0].doc == place.document() => proof,
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
    pub(in crate::sync) fn take_board_fork(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        board: BoardKey,
        key: CatalogKey,
        proof: ForkProof,
        from: Option<DeviceId>,
    ) {
        // Anybody has a device of nobody sign what it likes.
        let unknown = self.authority(id, key, cx.now) == Authority::Wait && !self.lapsed(id, key);
        if unknown || self.broken(Defect::Fork) {
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
    pub(in crate::sync) fn board_forked(
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

    /// Makes a board anew of everything that counts.
    pub(in crate::sync) fn rebuild_board(&mut self, id: ContextId, board: BoardKey) {
        let (user, device) = (self.user, self.device);
        let Some(context) = self.contexts.get_mut(&id) else { return };
        let place = context.board_place(board);
        let document = place.document();
        let epoch = context.view.epoch(document, Some(board.creator)).cloned();
        let Some(slot) = context.boards.get_mut(&board) else { return };
        // Numbers begin again with every epoch, and at a start those of earlier ones are here too.
        let mut all: BTreeMap<CatalogKey, BTreeMap<(u32, u64), HeldChange>> = BTreeMap::new();
        let lines = std::mem::take(&mut slot.lines).into_iter();
        let held = lines.flat_map(|(key, line)| line.into_iter().map(move |held| (key, held)));
        let beside = std::mem::take(&mut slot.aside).into_iter();
        let beside = beside.chain(std::mem::take(&mut slot.earlier));
        for (key, held) in held.chain(beside) {
            let at = (held.envelope.epoch, held.envelope.n);
            all.entry(key).or_default().entry(at).or_insert(held);
        }
        let number = epoch.as_ref().map_or(0, |epoch| epoch.epoch);
        let links = || -> BTreeMap<ChangeId, Vec<ChangeId>> {
            let held = all.values().flat_map(BTreeMap::values);
            held.filter_map(|held| change_links(&held.envelope)).collect()
        };
        slot.forks.retain(|_, proof| proof.envelopes()[0].epoch == number);
        slot.lost.clear();
        slot.vain.clear();
        slot.unsettled = true;
        slot.order.clear();
        slot.dirty = false;
        slot.board = match &epoch {
            Some(epoch) => Board::begin(place, epoch.epoch, epoch.genesis),
            None => Board::new(place),
        };
        slot.parts = epoch.as_ref().map_or(1, |epoch| epoch.parts);
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
        let of_now = |line: &BTreeMap<(u32, u64), HeldChange>| {
            line.range((number, 0)..=(number, u64::MAX)).next().map(|(_, held)| held.hash)
        };
        let begins = epoch.as_ref().and_then(|epoch| {
            let first = |line| of_now(line) == Some(epoch.genesis);
            all.iter().find(|(_, line)| first(line)).map(|(key, _)| *key)
        });
        let here = all.iter().filter(|(_, line)| of_now(line).is_some());
        let room = with_room(here.map(|(key, _)| *key), begins);
        let counts = |key: &CatalogKey, held: &HeldChange| {
            let forked = slot.forks.get(key).is_some_and(|fork| held.envelope.n >= fork.n());
            let kept = pasts.get(key).is_none_or(|pasts| {
                let kept = |past: &Option<BTreeSet<ChangeId>>| {
                    past.as_ref().is_none_or(|past| past.contains(&held.change))
                };
                pasts.iter().all(kept)
            });
            !forked && kept && room.contains(key)
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
        let held = all.values().flat_map(BTreeMap::values);
        let before = held.map(|held| held.envelope.epoch).filter(|epoch| *epoch < number).max();
        for (key, rest) in all {
            for held in rest.into_values() {
                if held.envelope.epoch == number {
                    if (key.user, key.device) == (user, device) {
                        slot.lost.insert(key.inc);
                    }
                    slot.aside.push((key, held));
                } else if Some(held.envelope.epoch) == before {
                    slot.earlier.push((key, held));
                }
            }
        }
    }

    /// Draws the consequences of a board that was made anew.
    pub(super) fn board_changed(&mut self, cx: &mut Cx<'_>, id: ContextId, board: BoardKey) {
        let slot = self.contexts.get(&id).and_then(|context| context.boards.get(&board));
        let asks = slot.is_some_and(BoardSlot::awaits_genesis);
        for (device, tag) in self.board_channels(id) {
            self.send_board(cx, device, tag, board, asks);
        }
        cx.emit(Event::Board { context: id, board });
    }

    /// Drafts how a dashboard begins anew: the envelopes that carry over what stands on it.
    pub(in crate::sync) fn draft_renewal(
        &self,
        now: i64,
        id: ContextId,
        board: BoardKey,
    ) -> Result<(crate::statement::Epoch, Vec<Envelope>), CommandError> {
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
        let mut edits: Vec<BoardEdit> = slot
            .content()
            .into_iter()
            .map(|((part, key), value)| BoardEdit { part, key, value: Some(value) })
            .collect();
        let limit = |error: &dyn std::fmt::Display| CommandError::Limit(error.to_string());
        let inc = self.incarnation_on(id, board);
        let inc = inc.ok_or_else(|| limit(&"no incarnation is left"))?;
        let begun = Board::begin(place, epoch, [0; 32]);
        // The fields come first: only the first envelope may write them whoever begins.
        let fields = edits.iter().take_while(|edit| edit.part == BoardPart::Field).count();
        let first = portion(&edits).max(fields);
        let rest = edits.split_off(first);
        let written = begun.write(&self.key, inc, &edits).map_err(|error| limit(&error))?;
        let genesis = written.ok_or_else(|| {
            CommandError::Invalid("nothing stands on the dashboard to begin anew with".to_owned())
        })?;
        let hash = genesis.hash();
        let mut begun = Board::begin(place, epoch, hash);
        let mut envelopes = Vec::new();
        let (mut next, mut rest) = (Some(genesis), rest);
        while let Some(envelope) = next {
            match begun.take(self.user, &envelope) {
                BoardVerdict::Accepted(_) => envelopes.push(envelope),
                BoardVerdict::Refused(reason) => return Err(limit(&reason)),
                BoardVerdict::Waits(wait) => return Err(limit(&wait)),
                BoardVerdict::Nothing => {}
            }
            let later = rest.split_off(portion(&rest));
            next = begun.write(&self.key, inc, &rest).map_err(|error| limit(&error))?;
            rest = later;
        }
        let base = slot.board.tips();
        if base.len() > limits::TIPS {
            return Err(CommandError::Limit(format!("{} ends to begin anew from", base.len())));
        }
        let parts = u32::try_from(envelopes.len()).unwrap_or(u32::MAX);
        if parts > limits::EPOCH_PARTS {
            return Err(CommandError::Limit(format!("{parts} changes to begin anew with")));
        }
        let doc = place.document();
        Ok((crate::statement::Epoch { doc, epoch, base, genesis: hash, parts }, envelopes))
    }

    /// Takes in the first envelopes of an epoch that this device began.
    pub(in crate::sync) fn begin_epoch(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        board: BoardKey,
        envelopes: Vec<Envelope>,
    ) {
        let (device, user, now) = (self.device, self.user, cx.now);
        let Some(slot) = self.slot_mut(id, board) else { return };
        let mut news = Vec::new();
        for envelope in envelopes {
            // They were stored with the statement. Where something is under way they are there when
            // the board is made anew after it.
            let key = CatalogKey { user, device, inc: envelope.inc };
            if !slot.busy
                && !slot.dirty
                && let BoardVerdict::Accepted(change) = slot.board.take(user, &envelope)
            {
                news.push((user, envelope.encode()));
                slot.push(key, HeldChange::of(envelope, change, now));
            } else if let Some((change, _)) = change_links(&envelope) {
                slot.aside.push((key, HeldChange::of(envelope, change, now)));
                slot.dirty = true;
            }
        }
        if !news.is_empty() {
            self.tell_board(cx, id, board, &news, &BTreeSet::new());
            cx.emit(Event::Board { context: id, board });
        }
        self.pump_board(cx, id, board);
    }
}

/// Tells whether a fork is one of a user's device on a dashboard, as the device itself says.
fn is_of(place: BoardPlace, user: UserId, proof: &ForkProof) -> bool {
    let [first, _] = proof.envelopes();
    first.doc != place.document() || place.is_author(user, first.device, first.inc)
}
