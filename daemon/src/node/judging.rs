//! Judging off the actor, whatever a judge does.

use std::panic::{AssertUnwindSafe, catch_unwind};

use dsp_protocol::doc::{
    BoardJudged, BoardRefusal, BoardTask, BoardVerdict, JudgeTask, Judgement, RefuseReason, judge,
};
use dsp_protocol::sync::TaskResult;

/// Judges envelopes on a worker thread.
pub(super) async fn verdicts(work: JudgeTask) -> Vec<Judgement> {
    let judged = tokio::task::spawn_blocking(move || judge_all(&work, judge)).await;
    // Panics were caught inside; what is left is a runtime that shuts down.
    judged.unwrap_or_default()
}

/// Judges envelopes; one over which the judge panics is refused.
///
/// Whoever delivers an envelope has judged it with the same rules, so no honest node delivers
/// one that cannot be judged. It alone is refused: the others are judged without it. Without a
/// verdict it would be asked for again, for ever.
fn judge_all(work: &JudgeTask, judge: fn(&JudgeTask) -> Vec<Judgement>) -> Vec<Judgement> {
    if let Ok(judged) = catch_unwind(AssertUnwindSafe(|| judge(work))) {
        return judged;
    }
    let mut one = JudgeTask { envelopes: Vec::new(), ..work.clone() };
    let mut judged = Vec::with_capacity(work.envelopes.len());
    for envelope in &work.envelopes {
        one.envelopes = vec![envelope.clone()];
        let verdict = catch_unwind(AssertUnwindSafe(|| judge(&one)));
        let verdict = verdict.ok().and_then(|verdicts| verdicts.into_iter().next());
        let verdict = verdict.unwrap_or_else(|| {
            tracing::error!(device = %envelope.device, n = envelope.n, "the judge panicked");
            Judgement::Refuse(RefuseReason::Malformed("it cannot be judged".to_owned()))
        });
        if let Judgement::Accept { tip, .. } = &verdict {
            one.tip = Some(*tip);
            one.held.push(envelope.clone());
        }
        judged.push(verdict);
    }
    judged
}

/// Judges envelopes of a dashboard on a worker thread.
pub(super) async fn board_verdicts(work: BoardTask) -> TaskResult {
    let board = work.board.clone();
    let judged = tokio::task::spawn_blocking(move || judge_board_all(work)).await;
    // Panics were caught inside; what is left is a runtime that shuts down.
    let judged = judged.unwrap_or(BoardJudged { board, verdicts: Vec::new() });
    TaskResult::BoardJudged(Box::new(judged))
}

/// Returns what is answered where no judge came to a verdict: the board as it was.
pub(super) fn no_board_verdicts(work: &BoardTask) -> TaskResult {
    let board = work.board.clone();
    TaskResult::BoardJudged(Box::new(BoardJudged { board, verdicts: Vec::new() }))
}

/// Judges envelopes of a dashboard; one over which the judge panics is refused alone.
fn judge_board_all(work: BoardTask) -> BoardJudged {
    let BoardTask { mut board, envelopes } = work;
    let mut verdicts = Vec::with_capacity(envelopes.len());
    for (author, envelope) in &envelopes {
        let before = board.clone();
        let verdict = catch_unwind(AssertUnwindSafe(|| board.take(*author, envelope)));
        verdicts.push(verdict.unwrap_or_else(|_| {
            tracing::error!(device = %envelope.device, n = envelope.n, "the judge panicked");
            board = before;
            BoardVerdict::Refused(BoardRefusal::Malformed("it cannot be judged".to_owned()))
        }));
    }
    BoardJudged { board, verdicts }
}

#[cfg(test)]
mod tests {
    use dsp_protocol::doc::{CatalogPlace, Envelope};
    use dsp_protocol::id::{ContextId, DeviceId, DocumentId, Incarnation, UserId};
    use dsp_protocol::key::Signature;

    use super::*;

    fn envelope(n: u64) -> Envelope {
        Envelope {
            doc: DocumentId::from_bytes([1; 32]),
            epoch: 0,
            device: DeviceId::from_bytes([2; 32]),
            inc: Incarnation::from_bytes([3; 8]),
            n,
            change: Vec::new(),
            sig: Signature::from_bytes([4; 64]),
        }
    }

    #[test]
    fn an_envelope_that_makes_the_judge_panic_is_refused_alone() {
        let judge = |work: &JudgeTask| {
            assert!(work.envelopes.iter().all(|envelope| envelope.n != 2), "planted");
            work.envelopes.iter().map(|_| Judgement::Known).collect()
        };
        let work = JudgeTask {
            place: CatalogPlace {
                context: ContextId::from_bytes([5; 32]),
                user: UserId::from_bytes([6; 32]),
                device: DeviceId::from_bytes([2; 32]),
                inc: Incarnation::from_bytes([3; 8]),
            },
            epoch: 0,
            tip: None,
            held: Vec::new(),
            envelopes: [1, 2, 3].map(envelope).into(),
        };
        let judged = judge_all(&work, judge);
        assert_eq!(judged.len(), 3);
        assert_eq!((&judged[0], &judged[2]), (&Judgement::Known, &Judgement::Known));
        assert!(matches!(judged[1], Judgement::Refuse(RefuseReason::Malformed(_))));
    }
}
