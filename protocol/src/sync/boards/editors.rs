//! Who edits a dashboard just now: said by each device to those that it is connected with, stored by
//! nobody, passed on by nobody.

use super::super::event::{CommandError, CommandId, Event, Reply};
use super::super::node::{Cx, Node};
use super::super::session::Admission;
use crate::id::{ContextId, DeviceId};
use crate::statement::Role;
use crate::wire::{BoardKey, Message, Tag};

impl Node {
    /// Tells who is connected that this user edits a dashboard, or does not any more.
    pub(in crate::sync) fn tell_editing(
        &mut self,
        cx: &mut Cx<'_>,
        command: CommandId,
        id: ContextId,
        board: BoardKey,
        editing: bool,
    ) {
        let reply = match self.contexts.get(&id) {
            None => Err(CommandError::NoContext(id)),
            Some(context) if !context.boards.contains_key(&board) => {
                Err(CommandError::NoBoard(board))
            }
            Some(_) => Ok(Reply::Done),
        };
        if reply.is_ok() {
            for (device, tag) in self.board_channels(id) {
                cx.send(device, &Message::BoardEditing { tag, board, editing });
            }
        }
        cx.reply(command, reply);
    }

    /// Hears that the peer's user edits a dashboard; of who may not write on it nothing is heard.
    pub(in crate::sync) fn on_board_editing(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        board: BoardKey,
        editing: bool,
    ) {
        let Some((channel, context)) = self.channel(device, tag) else { return };
        let writes = matches!(channel.admission, Admission::Admitted(role) if role >= Role::Writer);
        let known = context.is_active() && context.boards.contains_key(&board);
        if let (Some(user), true, true) = (channel.user, writes, known) {
            let context = context.id();
            cx.emit(Event::Editing { context, board, user, device, editing });
        }
    }
}
