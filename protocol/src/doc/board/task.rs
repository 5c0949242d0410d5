//! Judging the envelopes of a board in batches, and making a board of stored ones.

use std::collections::{BTreeMap, BTreeSet};

use automerge::Change;

use super::{Board, BoardJudgement, BoardRefusal, BoardWait};
use crate::doc::change::change_id;
use crate::doc::envelope::Envelope;
use crate::id::{ChangeId, DeviceId, Incarnation, UserId};

/// Envelopes of a board, and the board as it is.
#[derive(Clone, Debug)]
pub struct BoardTask {
    /// The board.
    pub board: Board,
    /// The envelopes with their authors, in the order in which they came.
    pub envelopes: Vec<(UserId, Envelope)>,
}

/// What came of a [`BoardTask`].
#[derive(Debug)]
pub struct BoardJudged {
    /// The board with what was accepted.
    pub board: Board,
    /// One for each envelope.
    pub verdicts: Vec<BoardVerdict>,
}

/// What is to be done with an envelope of a board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoardVerdict {
    /// It stands on the board now.
    Accepted(ChangeId),
    /// Something before it is not here.
    Waits(BoardWait),
    /// It is wrong, whatever else may come.
    Refused(BoardRefusal),
    /// It was there, or is of an epoch that has ended.
    Nothing,
}

/// Judges envelopes in their order, each on the board that those before it made. Heavy: made for a
/// worker thread.
pub fn judge_board(task: BoardTask) -> BoardJudged {
    let BoardTask { mut board, envelopes } = task;
    let verdicts = envelopes.iter().map(|(author, envelope)| board.take(*author, envelope));
    let verdicts = verdicts.collect();
    BoardJudged { board, verdicts }
}

impl Board {
    /// Judges an envelope and applies it if it is right.
    pub fn take(&mut self, author: UserId, envelope: &Envelope) -> BoardVerdict {
        self.settle(self.judge_change(author, envelope))
    }

    fn settle(&mut self, judgement: BoardJudgement) -> BoardVerdict {
        match judgement {
            BoardJudgement::Accept(change) => {
                let id = change.id();
                match self.apply(*change) {
                    Ok(()) => BoardVerdict::Accepted(id),
                    Err(stale) => BoardVerdict::Refused(BoardRefusal::Malformed(stale.to_string())),
                }
            }
            BoardJudgement::Wait(wait) => BoardVerdict::Waits(wait),
            BoardJudgement::Refuse(refusal) => BoardVerdict::Refused(refusal),
            BoardJudgement::Known | BoardJudgement::Outdated => BoardVerdict::Nothing,
        }
    }

    /// Applies stored envelopes of all devices in an order in which each follows what it depends
    /// on, and returns that order: user, envelope and change. What does not hold, or depends on
    /// what is not among them, is left out.
    pub fn replay(
        &mut self,
        lines: &BTreeMap<(UserId, DeviceId, Incarnation), Vec<&Envelope>>,
    ) -> Vec<((UserId, DeviceId, Incarnation), usize, ChangeId)> {
        let mut next: BTreeMap<_, usize> = lines.keys().map(|key| (*key, 0)).collect();
        let mut order = Vec::new();
        loop {
            let before = order.len();
            for (key, envelopes) in lines {
                let at = next.get_mut(key).expect("one for each line");
                while let Some(envelope) = envelopes.get(*at) {
                    let BoardVerdict::Accepted(id) =
                        self.settle(self.judge_stored(key.0, envelope))
                    else {
                        break;
                    };
                    order.push((*key, *at, id));
                    *at += 1;
                }
            }
            if order.len() == before {
                return order;
            }
        }
    }
}

/// Returns the change of an envelope with those on which it depends.
pub fn change_links(envelope: &Envelope) -> Option<(ChangeId, Vec<ChangeId>)> {
    let change = Change::try_from(envelope.change.as_slice()).ok()?;
    let deps = change.deps().iter().map(|dep| ChangeId::from_bytes(dep.0));
    Some((change_id(&change), deps.collect()))
}

/// Returns those of some changes that are one of the tips or lie before one, as far as all of the
/// tips are among them; nothing where one is not.
pub fn past_of(
    changes: &BTreeMap<ChangeId, Vec<ChangeId>>,
    tips: &BTreeSet<ChangeId>,
) -> Option<BTreeSet<ChangeId>> {
    let mut past = BTreeSet::new();
    let mut open: Vec<ChangeId> = tips.iter().copied().collect();
    while let Some(change) = open.pop() {
        match changes.get(&change) {
            Some(deps) if past.insert(change) => open.extend(deps),
            Some(_) => {}
            // The computed change, on which everything depends, is not among them.
            None if tips.contains(&change) => return None,
            None => {}
        }
    }
    Some(past)
}
