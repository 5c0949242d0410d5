//! What peers bring of dashboards: asked for, judged, stored, passed on.

use std::collections::{BTreeMap, BTreeSet};

use super::super::authority::Authority;
use super::super::event::{Event, Output, Record, Severity};
use super::super::node::{Cx, Node, Task};
use super::super::session::ASK_MS;
use super::{Arrived, BoardTaken, HeldChange};
use crate::doc::{BoardJudged, BoardRefusal, BoardTask, BoardVerdict, Envelope, ForkProof};
use crate::id::{ContextId, DeviceId, DocumentId, UserId};
use crate::identity;
use crate::limits;
use crate::statement::Role;
use crate::wire::{BoardKey, BoardLine, CatalogKey, Message, Tag};

/// Most bytes of envelopes in one message.
const MESSAGE_BYTES: usize = 512 * 1024;

impl Node {
    pub(in crate::sync) fn on_board_have(
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
        // And where ours ends by a fork that its own goes beyond, it has not heard of the fork, or
        // could not tell whose it was.
        let forks = lines.iter().filter_map(|line| {
            let proof = slot.forks.get(&line.key).filter(|proof| proof.n() <= line.n)?;
            let (user, proof) = (line.key.user, proof.encode());
            Some(Message::BoardFork { tag, board, user, proof })
        });
        let forks: Vec<Message> = forks.take(8).collect();
        let behind = lines.iter().any(|line| {
            slot.held(&line.key, line.n).is_none()
                && slot.has_room_for(line.key)
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
        for fork in forks {
            cx.send(device, &fork);
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

    pub(in crate::sync) fn on_board_envelopes(
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
        let place = context.board_place(board);
        let document = place.document();
        let Some(slot) = self.slot_mut(id, board) else { return };
        if slot.asked.is_some_and(|(asked, _)| asked == device) {
            slot.asked = None;
        }
        if more {
            slot.ask.insert(device);
        }
        for (user, bytes) in envelopes {
            let envelope = match Envelope::decode(&bytes) {
                Ok(envelope)
                    if envelope.doc == document
                        && !place.is_author(user, envelope.device, envelope.inc) =>
                {
                    let reason = "sent an envelope under another user's name";
                    return self.end_session(cx, device, Severity::Grave, reason);
                }
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

    /// Lets changes be judged that no peer brought, as far as there is room for them.
    pub(in crate::sync) fn bring_board(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        board: BoardKey,
        changes: Vec<(UserId, Envelope)>,
    ) {
        let from = self.device;
        let Some(slot) = self.slot_mut(id, board) else { return };
        for (user, envelope) in changes {
            let bytes = envelope.encode().len();
            if !slot.arrive(Arrived { from, user, envelope, bytes }) {
                break;
            }
        }
        self.pump_board(cx, id, board);
    }

    /// Tells whether what a device wrote is taken now from who brings it.
    ///
    /// What somebody wrote whose right has ended since is taken from those who may write now: others
    /// built on it. Who may write can say nothing with it that she could not say as hers, and an
    /// honest one has it since it was written in time, or from another such. So nobody alone writes
    /// on with a right that ended, whatever time she names.
    fn takes_of(
        &self,
        id: ContextId,
        document: DocumentId,
        key: CatalogKey,
        from: DeviceId,
        now: i64,
    ) -> bool {
        let kept = self.contexts[&id].view.kept_tips(key.user, key.device, document);
        let granted = self.authority(id, key, now) == Authority::Granted
            || (self.lapsed(id, key) && self.vouches(id, from, now));
        granted && !kept.iter().any(BTreeSet::is_empty)
    }

    /// Tells whether the author of a line may have been a writer once, and was neither revoked nor
    /// removed since: that ends what she wrote with a cut.
    pub(super) fn lapsed(&self, id: ContextId, key: CatalogKey) -> bool {
        let view = &self.contexts[&id].view;
        let standing = self.logs.get(&key.user).map(|log| log.standing(key.device));
        matches!(standing, Some(identity::Standing::Granted(_)))
            && view.highest_role(key.user) >= Role::Writer
            && !view.was_removed(key.user)
    }

    /// Tells whether the peer of a session may write in a context now.
    fn vouches(&self, id: ContextId, device: DeviceId, now: i64) -> bool {
        let session = self.sessions.get(&device);
        let channel = session.and_then(|session| session.channel_of(id));
        let user = channel.and_then(|(_, channel)| channel.user);
        user.is_some_and(|user| {
            let cap = self.device_cap(user, device, id, now).unwrap_or(Role::None);
            self.contexts[&id].view.role(user).min(cap) >= Role::Writer
        })
    }

    pub(super) fn judge_arrived(&mut self, cx: &mut Cx<'_>, id: ContextId, board: BoardKey) {
        let Some(context) = self.contexts.get(&id) else { return };
        let document = context.board_place(board).document();
        let slot = self.slot_mut(id, board).expect("the caller looked it up");
        let most = slot.inbox.len().min(limits::JUDGE_BATCH);
        let arrived: Vec<Arrived> = slot.inbox.drain(..most).collect();
        let mut taken = slot.bytes_by_user();
        slot.inbox_bytes = slot.inbox.iter().map(|arrived| arrived.bytes).sum();
        let mut work = Vec::new();
        let mut forks = Vec::new();
        for arrived in arrived {
            let Arrived { from, user, envelope, bytes } = arrived;
            let key = CatalogKey { user, device: envelope.device, inc: envelope.inc };
            // Its author may not write, or is not known to: it comes again once she is.
            if !self.takes_of(id, document, key, from, cx.now) {
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
            let hers = taken.entry(user).or_default();
            let room = *hers + bytes as u64 <= limits::BOARD_USER_BYTES && slot.has_room_for(key);
            if !behind && room && !slot.was_set_aside(&key, &envelope) {
                *hers += bytes as u64;
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

    pub(in crate::sync) fn board_judged(
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
            if device == self.device {
                let reason = format!("a change of {author} is wrong: {reason}");
                self.import_board_refused(id, board, &reason);
            } else if self.sessions.contains_key(&device) {
                let reason = format!("delivered a change of {author} that is wrong: {reason}");
                self.end_session(cx, device, Severity::Grave, &reason);
            }
        }
        self.pump_board(cx, id, board);
    }

    pub(in crate::sync) fn board_taken(
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

    /// Lets what could not be stored be asked for, or written, again.
    pub(in crate::sync) fn board_store_failed(&mut self, now: i64, id: ContextId, board: BoardKey) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        context.retry.later(now);
        if let Some(slot) = context.boards.get_mut(&board) {
            slot.busy = false;
        }
    }

    /// Sends envelopes that are new here to every session but those that brought them.
    pub(super) fn tell_board(
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
}
