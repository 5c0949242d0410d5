//! Documents: what a device or a team writes, and what of it is taken.
//!
//! Two kinds. A [catalog](CatalogWriter) holds one device's own statements; a [board](Board) is
//! written by many. Every change travels in an [`Envelope`], and its bytes pass a signature and
//! [`scan`](scan()) before automerge sees them. Nothing here stores, sends or knows who may write:
//! that is the engine's part.

mod board;
mod catalog;
mod change;
mod envelope;
mod fork;
mod judge;
mod scan;
#[cfg(test)]
mod testing;

pub use board::{
    BOARD_FIELDS, BOARD_MAPS, Board, BoardChange, BoardContent, BoardEdit, BoardJudged,
    BoardJudgement, BoardOpError, BoardPart, BoardPlace, BoardRefusal, BoardTask, BoardValue,
    BoardVerdict, BoardWait, BoardWriteError, Excess, Stale, change_links, judge_board, past_of,
    winning_epoch,
};
pub(crate) use catalog::at_place;
pub use catalog::{
    AppendError, CATALOG_EPOCH, CatalogPlace, CatalogWriter, LoadError, Tip, catalog_key,
};
pub use change::ChangeError;
pub use envelope::{Envelope, EnvelopeError};
pub use fork::{ForkError, ForkProof};
pub use judge::{
    Blame, EntryError, JudgeTask, Judgement, OpError, RefuseReason, WaitReason, judge,
};
#[cfg(any(test, feature = "sim"))]
pub(crate) use judge::{Checks, judge_with};
pub use scan::{Counts, ScanError, scan};
