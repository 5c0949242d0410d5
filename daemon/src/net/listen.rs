//! The configured listen addresses and what became of each.

use std::collections::{HashMap, HashSet};

use libp2p::Multiaddr;
use libp2p::core::transport::ListenerId;

/// The listeners of a node.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    configured: HashMap<ListenerId, Multiaddr>,
    /// Those that have not named an address yet.
    pending: HashSet<ListenerId>,
    failed: Vec<(Multiaddr, String)>,
}

impl Listeners {
    /// Notes a listener that was opened.
    pub(super) fn opened(&mut self, id: ListenerId, configured: Multiaddr) {
        self.configured.insert(id, configured);
        self.pending.insert(id);
    }

    /// Notes an address that could not be listened on.
    pub(super) fn failed(&mut self, configured: Multiaddr, reason: String) {
        self.failed.push((configured, reason));
    }

    /// Notes that a listener named an address.
    pub(super) fn named(&mut self, id: ListenerId) {
        self.pending.remove(&id);
    }

    /// Forgets a listener that closed, and returns its configured address.
    pub(super) fn closed(&mut self, id: ListenerId) -> Option<Multiaddr> {
        self.pending.remove(&id);
        self.configured.remove(&id)
    }

    /// Says whether every listener has named an address or closed.
    pub(super) fn is_settled(&self) -> bool {
        self.pending.is_empty()
    }

    /// Says whether addresses were configured and none of them is listened on.
    pub(super) fn all_failed(&self) -> bool {
        self.configured.is_empty() && !self.failed.is_empty()
    }

    /// Returns the failures not taken before.
    pub(super) fn take_failed(&mut self) -> Vec<(Multiaddr, String)> {
        std::mem::take(&mut self.failed)
    }

    /// Returns the ids of all listeners.
    pub(super) fn ids(&self) -> Vec<ListenerId> {
        self.configured.keys().copied().collect()
    }
}
