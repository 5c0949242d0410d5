//! What this device writes on dashboards.

use std::collections::BTreeSet;

use super::super::event::{CommandError, Event, Record, Reply};
use super::super::node::{Cx, Node, Task};
use super::{BoardSlot, BoardWritten, Edit, HeldChange};
use crate::doc::{Board, BoardEdit, BoardOpError, BoardRefusal, BoardVerdict};
use crate::id::{ChangeId, ContextId, DocumentId, Incarnation, derive};
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

    /// Returns under which incarnation this device writes on a dashboard: its own, or another made
    /// of it where something of the earlier ones does not count.
    fn board_incarnation(&self, slot: &BoardSlot, document: DocumentId) -> Incarnation {
        let usable = |inc: &Incarnation| {
            let key = CatalogKey { user: self.user, device: self.device, inc: *inc };
            !slot.lost.contains(inc) && !slot.forks.contains_key(&key)
        };
        let mut all = self.board_incarnations(document);
        all.find(usable).expect("each is another, and few are lost")
    }

    /// Returns the incarnations under which this device writes on a dashboard, one after the other.
    pub(super) fn board_incarnations(
        &self,
        document: DocumentId,
    ) -> impl Iterator<Item = Incarnation> {
        let inc = self.inc;
        let nth = move |k: u64| {
            let bytes = derive("board-inc", vec![inc.into(), document.into(), k.into()]);
            Incarnation::from_bytes(std::array::from_fn(|at| bytes[at]))
        };
        std::iter::once(inc).chain((1..=u64::MAX).map(nth))
    }

    pub(super) fn write_board(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        board: BoardKey,
        edit: Edit,
    ) {
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

    pub(in crate::sync) fn board_written(
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

/// Answers whoever waits for a change of a dashboard.
fn answer(cx: &mut Cx<'_>, board: BoardKey, edit: &Edit, change: Option<ChangeId>) {
    if let Some(command) = edit.command {
        let reply = if edit.makes { Reply::Board(board) } else { Reply::Edited(change) };
        cx.reply(command, Ok(reply));
    }
}
