//! How much an identity log takes.
//!
//! The line has room of its own, and so have the entries beside it and a few recoveries, so that
//! none of them can crowd out the others.

use super::{IdentityLog, LogError, Node};
use crate::id::StatementId;
use crate::limits::{IDENTITY_BYTES, IDENTITY_ENTRIES, IDENTITY_RECOVERIES};

/// What the line takes while entries come in and it is not walked anew for each: as it was, with
/// what followed straight on. Only a recovery gives room by another line; then it is walked once
/// room lacks.
#[derive(Debug)]
pub(super) struct Room {
    /// The last entry of the line; none where it is forked.
    tip: Option<StatementId>,
    entries: usize,
    bytes: usize,
    /// Whether a recovery came in beside the line since.
    recovered: bool,
}

impl Room {
    pub(super) fn of(log: &IdentityLog) -> Self {
        let tip = log.tip();
        Room {
            tip: log.fork().is_none().then_some(tip),
            entries: log.line.ids.len(),
            bytes: log.node(&tip).path_bytes,
            recovered: false,
        }
    }

    /// Takes the room of a node that comes in with so many bytes.
    pub(super) fn take(
        &mut self,
        log: &mut IdentityLog,
        id: StatementId,
        node: &Node,
        bytes: usize,
    ) -> Result<(), LogError> {
        if node.n >= IDENTITY_ENTRIES as u64 || node.path_bytes > IDENTITY_BYTES {
            return Err(LogError::Full(log.user));
        }
        if !self.fits(log, node, bytes) && self.recovered {
            log.walk();
            *self = Room::of(log);
        }
        if !self.fits(log, node, bytes) {
            return Err(LogError::Full(log.user));
        }
        if self.extends(node) {
            (self.tip, self.entries, self.bytes) = (Some(id), self.entries + 1, node.path_bytes);
        } else {
            self.recovered |= node.recovery;
        }
        Ok(())
    }

    fn extends(&self, node: &Node) -> bool {
        self.tip.is_some() && node.prev == self.tip
    }

    fn fits(&self, log: &IdentityLog, node: &Node, bytes: usize) -> bool {
        let beside = log.nodes.len() - self.entries;
        let beside_bytes = log.bytes - self.bytes + bytes;
        let fits = beside < IDENTITY_ENTRIES && beside_bytes <= IDENTITY_BYTES;
        let recoveries = || log.nodes.values().filter(|node| node.recovery).count();
        let rescues = || node.recovery && recoveries() < IDENTITY_RECOVERIES;
        self.extends(node) || fits || rescues()
    }
}
