//! Nodes that announce themselves on the local network.

use std::collections::VecDeque;
use std::time::Duration;

use libp2p::Multiaddr;
use tokio::time::Instant;

/// Most nodes remembered; the one heard of first makes room.
const NEIGHBOURS: usize = 64;
/// The time between two looks around.
const PAUSE: Duration = Duration::from_secs(30);

/// The time between two dials of nodes just heard of, in the long run.
const EVERY: Duration = Duration::from_secs(2);
/// Such dials that may come at once: a room of laptops that are opened.
const AT_ONCE: u32 = 32;

/// Where nodes of the local network answer; who they are shows when they are dialled.
///
/// They are remembered because each is told of once, often before there is a reason to dial it.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    /// The addresses of each, the best first.
    known: VecDeque<Vec<Multiaddr>>,
    looked: Option<Instant>,
    /// When the dials of those that were just heard of are over at the long run's pace.
    until: Option<Instant>,
}

impl Neighbours {
    /// Remembers a node.
    pub(super) fn add(&mut self, addresses: Vec<Multiaddr>) {
        self.known.retain(|known| *known != addresses);
        if self.known.len() == NEIGHBOURS {
            self.known.pop_front();
        }
        self.known.push_back(addresses);
    }

    /// Counts a dial of one that was just heard of, and tells whether it may be: anybody on the
    /// network can announce new ones all the time. One too many waits for the next look around.
    pub(super) fn may_be_dialled(&mut self, now: Instant) -> bool {
        let until = self.until.filter(|until| *until > now).unwrap_or(now) + EVERY;
        let may_be = until.saturating_duration_since(now) <= EVERY * AT_ONCE;
        if may_be {
            self.until = Some(until);
        }
        may_be
    }

    /// Tells whether it is time to look around again without being asked to.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.looked.is_none_or(|looked| now >= looked + PAUSE)
    }

    /// Returns all nodes, the latest first.
    pub(super) fn all(&mut self, now: Instant) -> Vec<Vec<Multiaddr>> {
        if !self.known.is_empty() {
            self.looked = Some(now);
        }
        self.known.iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: usize) -> Vec<Multiaddr> {
        vec![format!("/ip4/10.0.0.1/tcp/{port}").parse().unwrap()]
    }

    #[test]
    fn the_latest_are_remembered_and_told_now_and_then() {
        let (mut neighbours, start) = (Neighbours::default(), Instant::now());
        assert_eq!(neighbours.all(start), Vec::<Vec<Multiaddr>>::new());
        assert!(neighbours.is_due(start), "a look that found nobody does not count");
        for port in [1, 2, 1] {
            neighbours.add(at(port));
        }
        assert_eq!(neighbours.all(start), [at(1), at(2)]);
        assert!(!neighbours.is_due(start + PAUSE / 2) && neighbours.is_due(start + PAUSE));
        for port in 0..2 * NEIGHBOURS {
            neighbours.add(at(port));
        }
        let all = neighbours.all(start);
        assert_eq!((all.len(), &all[0]), (NEIGHBOURS, &at(2 * NEIGHBOURS - 1)));
    }

    #[test]
    fn who_announces_new_nodes_all_the_time_is_dialled_now_and_then() {
        let (mut neighbours, start) = (Neighbours::default(), Instant::now());
        let dialled = (0..1000).filter(|_| neighbours.may_be_dialled(start)).count();
        assert_eq!(dialled, AT_ONCE as usize);
        assert!(neighbours.may_be_dialled(start + EVERY));
        assert!(!neighbours.may_be_dialled(start + EVERY));
    }
}
