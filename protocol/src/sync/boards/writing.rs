//! What this device writes on dashboards.

use std::collections::BTreeSet;

use super::super::event::{CommandError, Event, Record, Reply};
use super::super::node::{Cx, Node, Task};
use super::again::portion;
use super::{BoardWritten, Edit, HeldChange};
use crate::doc::{Board, BoardEdit, BoardOpError, BoardPlace, BoardRefusal, BoardVerdict};
use crate::id::{ChangeId, ContextId, Incarnation, derive};
use crate::limits;
use crate::statement::Role;
use crate::wire::{BoardKey, CatalogKey};

impl Node {
    /// Lets something be written on a dashboard once what is under way is done.
    pub(in crate::sync) fn edit_board(
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

    /// Returns under which incarnation this device writes on a dashboard that is here: the first of
    /// which all counts, and under which it did not begin the epoch.
    pub fn incarnation_on(&self, id: ContextId, board: BoardKey) -> Option<Incarnation> {
        let context = self.contexts.get(&id)?;
        let slot = context.boards.get(&board)?;
        let usable = |inc: &Incarnation| {
            let key = CatalogKey { user: self.user, device: self.device, inc: *inc };
            !slot.lost.contains(inc)
                && !slot.forks.contains_key(&key)
                && slot.genesis_line() != Some(key)
                && slot.has_room_for(key)
        };
        self.board_incarnations(context.board_place(board)).find(usable)
    }

    /// Returns the incarnations under which this device writes on a dashboard, one after the other.
    pub(super) fn board_incarnations(
        &self,
        place: BoardPlace,
    ) -> impl Iterator<Item = Incarnation> {
        let (user, device) = (self.user, self.device);
        let drawn = derive("board-draw", vec![self.inc.into(), place.document().into()]);
        let first = u16::from_be_bytes([drawn[0], drawn[1]]);
        (0..=u16::MAX).map(move |k| place.incarnation(user, device, first.wrapping_add(k)))
    }

    pub(super) fn write_board(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        board: BoardKey,
        mut edit: Edit,
    ) {
        // What a dashboard is made of may take several changes.
        let all = if edit.makes { portion(&edit.edits) } else { edit.edits.len() };
        let rest = edit.edits.split_off(all);
        match self.draft_change(cx.now, id, board, &edit.edits) {
            Err(error) => match edit.command {
                Some(command) => cx.reply(command, Err(error)),
                None => cx.emit(Event::Failed { context: id, reason: error.to_string() }),
            },
            Ok(None) => self.go_on_or_answer(cx, id, board, (edit, rest), None),
            Ok(Some((next, key, held))) => {
                let record = Record::BoardEnvelope {
                    context: id,
                    board,
                    user: self.user,
                    envelope: held.envelope.clone(),
                    at: held.at,
                };
                self.slot_mut(id, board).expect("just used").busy = true;
                let written = Box::new(BoardWritten { next, key, held, edit, rest });
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
        let inc = self.incarnation_on(id, board);
        let inc = inc.ok_or_else(|| CommandError::Limit("no incarnation is left".to_owned()))?;
        let written = slot.board.write(&self.key, inc, edits);
        let written = written.map_err(|e| CommandError::Limit(e.to_string()))?;
        let Some(envelope) = written else { return Ok(None) };
        // Half of what others take: another device of mine may be writing as well.
        let mine = slot.bytes_by_user().remove(&self.user).unwrap_or_default();
        let most = limits::BOARD_USER_BYTES / 2;
        if mine + envelope.change.len() as u64 > most {
            return Err(CommandError::Limit(format!(
                "you wrote {mine} bytes on the dashboard, of at most {most}: begin it anew"
            )));
        }
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

    pub(in crate::sync) fn board_written(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        board: BoardKey,
        written: BoardWritten,
    ) {
        let BoardWritten { next, key, held, edit, rest } = written;
        let Some(slot) = self.slot_mut(id, board) else { return };
        slot.busy = false;
        slot.board = next;
        let (change, news) = (held.change, vec![(key.user, held.envelope.encode())]);
        slot.push(key, held);
        self.tell_board(cx, id, board, &news, &BTreeSet::new());
        cx.emit(Event::Board { context: id, board });
        self.go_on_or_answer(cx, id, board, (edit, rest), Some(change));
        self.pump_board(cx, id, board);
    }

    /// Lets the rest of something be written next, or answers whoever waits for all of it.
    fn go_on_or_answer(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        board: BoardKey,
        (edit, rest): (Edit, Vec<BoardEdit>),
        change: Option<ChangeId>,
    ) {
        if rest.is_empty() {
            if let Some(command) = edit.command {
                let reply = if edit.makes { Reply::Board(board) } else { Reply::Edited(change) };
                cx.reply(command, Ok(reply));
            }
        } else if let Some(slot) = self.slot_mut(id, board) {
            slot.edits.push_front(Edit { edits: rest, ..edit });
        }
    }

    pub(in crate::sync) fn board_write_failed(
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
            // Nobody waits for it: what is lost is found again.
            slot.unsettled = true;
        }
        self.board_store_failed(now, id, board);
    }
}
