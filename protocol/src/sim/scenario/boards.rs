//! A dashboard that three machines write on through the storm.

use super::super::HostId;
use super::Team;
use crate::doc::{BoardContent, BoardEdit, BoardPart, BoardValue};
use crate::sync::{Command, CommandError, Reply};

/// What a reader who cheats writes, and nobody may see.
pub(super) const FORBIDDEN: &str = "mallory";

/// What a writer who forks writes.
pub(super) const FORKED: &str = "trudy";

/// Returns an edit of a card.
pub(super) fn edit(key: &str, value: &str) -> BoardEdit {
    let value = Some(BoardValue::Text(value.to_owned()));
    BoardEdit { part: BoardPart::Cards, key: key.to_owned(), value }
}

impl Team {
    /// Alice makes the dashboard.
    pub(super) fn make_board(&mut self) -> Result<(), String> {
        let command = Command::NewBoard { context: self.context, edits: vec![edit("a", "0")] };
        match self.sim.command(self.owner, command) {
            Ok(Reply::Board(board)) => {
                self.board = Some(board);
                Ok(())
            }
            Ok(other) => Err(format!("a dashboard answers with its key, not {other:?}")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Two of three write at once: something of their own, and something that others write too.
    pub(super) fn edit_board(&mut self, round: u64) -> Result<(), String> {
        let Some(board) = self.board else { return Ok(()) };
        let writers = [self.owner, self.writer, self.desk];
        for (at, host) in writers.into_iter().enumerate() {
            if at as u64 == round % 3 || self.sim.hosts[&host].node.is_none() {
                continue;
            }
            let own = edit(&own_key(at), &round.to_string());
            let edits = vec![own, edit("shared", &format!("{at} in {round}"))];
            let command = Command::EditBoard { context: self.context, board, edits };
            let (_, tried) = self.edited.entry(at).or_default();
            *tried = round;
            match self.sim.command(host, command) {
                Ok(_) => self.edited.entry(at).or_default().0 = round,
                // It did not hear of the dashboard, or that it may write, yet.
                Err(
                    CommandError::NotStored { .. }
                    | CommandError::NoBoard(_)
                    | CommandError::NotAllowed { .. }
                    | CommandError::DeviceLimited { .. }
                    | CommandError::NoContext(_),
                ) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    }

    /// All members see the same dashboard, and nothing on it by who may not write.
    pub(super) fn check_board(&self, host: HostId) -> Result<(), String> {
        let Some(board) = self.board else { return Ok(()) };
        let shown = |host: HostId| -> BoardContent {
            let context = self.sim.hosts[&host].node().context(self.context);
            let slot = context.and_then(|context| context.board(board));
            slot.map(|slot| slot.content()).unwrap_or_default()
        };
        let (here, owners) = (shown(host), shown(self.owner));
        let name = &self.sim.hosts[&host].name;
        if here != owners {
            return Err(format!("{name} sees the dashboard {here:?}, alice sees {owners:?}"));
        }
        for (at, (acknowledged, tried)) in &self.edited {
            let value = here.get(&(BoardPart::Cards, own_key(*at)));
            let round = match value {
                Some(BoardValue::Text(text)) => text.parse().unwrap_or_default(),
                _ => 0,
            };
            if !(*acknowledged..=*tried).contains(&round) {
                return Err(format!(
                    "{name} shows what writer {at} wrote in round {round}, not in {acknowledged}"
                ));
            }
        }
        match here.keys().any(|(_, key)| key == FORBIDDEN) {
            true => Err(format!("{name} shows what a reader wrote on the dashboard")),
            false => Ok(()),
        }
    }
}

/// Returns what only one of the writers writes.
fn own_key(writer: usize) -> String {
    format!("of {writer}")
}
