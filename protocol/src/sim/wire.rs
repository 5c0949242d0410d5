//! The wire: sessions, and the paths between hosts, one for each direction.

use std::collections::VecDeque;

use super::{Faults, Happening, HostId, Sim, Wire};
use crate::id::DeviceId;
use crate::sync::{Input, SessionRole};

/// How long it takes until a lost message is sent again, in milliseconds; doubles each time.
const AGAIN_MS: i64 = 200;
/// Losses of one message that break its session.
const LOSSES: u32 = 4;
/// Most messages that wait for a path to be mended; more break the session.
const HELD: usize = 256;
/// Messages of a path that are remembered, to be said again.
const SAID: usize = 32;

/// The way from one host to another.
#[derive(Debug, Default)]
pub(super) struct Path {
    /// When what was sent last arrives: nothing overtakes it on a stream.
    free_at: i64,
    /// Whether nothing gets through.
    cut: bool,
    /// What was sent on which session while nothing got through.
    held: VecDeque<(u64, Vec<u8>)>,
    /// What was said lately, on whatever session.
    said: VecDeque<Vec<u8>>,
}

impl Sim {
    /// Cuts or mends the line between two hosts, both ways. The ends of their session notice it
    /// each at a time of its own, up to [`Faults::notice_ms`] later.
    pub fn set_cut(&mut self, a: HostId, b: HostId, cut: bool) {
        self.set_one_way(a, b, cut);
        self.set_one_way(b, a, cut);
    }

    /// As [`set_cut`](Self::set_cut), in one direction only: what is said in the other still comes,
    /// until an end of the session gives up for want of an answer.
    pub fn set_one_way(&mut self, from: HostId, to: HostId, cut: bool) {
        self.path(from, to).cut = cut;
        if !cut {
            return self.release(from, to);
        }
        for (host, other) in [(from, to), (to, from)] {
            let peer = self.hosts[&other].device;
            if let Some(session) = self.hosts[&host].sessions.get(&peer).copied() {
                let after = self.draw(self.faults.notice_ms as u64) as i64;
                self.at(after, Happening::Silence { host, other, session });
            }
        }
    }

    /// Tells whether nothing gets through from one host to another.
    pub fn is_cut(&self, from: HostId, to: HostId) -> bool {
        self.paths.get(&(from, to)).is_some_and(|path| path.cut)
    }

    /// Clogs a path for a time in milliseconds: nothing is lost, all that is sent comes after it.
    pub fn clog(&mut self, from: HostId, to: HostId, millis: i64) {
        let until = self.now + millis;
        let path = self.path(from, to);
        path.free_at = path.free_at.max(until);
    }

    /// Ends all faults: paths are mended and free, what is under way comes soon and in its order,
    /// who holds one end of a session without another is told, and programs that said old things
    /// again are started on new sessions.
    pub fn heal(&mut self) {
        self.faults = Faults::NONE;
        let paths: Vec<(HostId, HostId)> = self.paths.keys().copied().collect();
        self.hasten();
        for (from, to) in paths {
            let now = self.now;
            let path = self.path(from, to);
            path.cut = false;
            path.free_at = path.free_at.min(now + Faults::NONE.latency_ms.1);
            self.release(from, to);
        }
        let confused = std::mem::take(&mut self.confused);
        let ends = self.hosts.values().flat_map(|host| {
            host.sessions.iter().map(|(peer, session)| (host.id, host.device, *peer, *session))
        });
        let dead: Vec<(HostId, DeviceId, u64)> = ends
            .filter(|(_, me, peer, session)| {
                let whole = self.host_of(*peer).is_some_and(|other| {
                    self.is_up(other) && self.hosts[&other].sessions.get(me) == Some(session)
                });
                !whole || confused.contains(session) || self.broken_sessions.contains(session)
            })
            .map(|(host, _, peer, session)| (host, peer, session))
            .collect();
        for (host, peer, session) in dead {
            let after = self.latency();
            self.at(after, Happening::SessionDown { host, peer, session });
        }
    }

    /// Brings forward what the network and the disks still have under way, in its order.
    fn hasten(&mut self) {
        let soon = self.now + Faults::NONE.latency_ms.1;
        let late = self.agenda.split_off(&(soon, u64::MAX));
        for ((at, _), happening) in late {
            let at = if matches!(happening, Happening::Wake { .. }) { at } else { soon };
            self.sequence += 1;
            self.agenda.insert((at, self.sequence), happening);
        }
        for host in self.hosts.values_mut() {
            host.disk_at = host.disk_at.min(soon);
        }
    }

    /// Lets go what waited for a path to be mended.
    fn release(&mut self, from: HostId, to: HostId) {
        let held = std::mem::take(&mut self.path(from, to).held);
        for (session, bytes) in held {
            let after = self.latency();
            let after = self.behind(from, to, after);
            self.at(after, Happening::Message { host: to, from, session, bytes });
        }
    }

    pub(super) fn deliver(&mut self, host: HostId, from: HostId, session: u64, bytes: Vec<u8>) {
        let device = self.hosts[&from].device;
        if !self.is_up(host) || self.hosts[&host].sessions.get(&device) != Some(&session) {
            return;
        }
        let path = self.path(from, host);
        if path.cut {
            path.held.push_back((session, bytes));
            if path.held.len() > HELD {
                path.held.clear();
                self.break_session(from, host, session);
            }
            return;
        }
        self.delivered += 1;
        self.hosts.get_mut(&host).expect("the host exists").note(&bytes);
        self.feed(host, Input::Message { device, bytes });
    }

    fn path(&mut self, from: HostId, to: HostId) -> &mut Path {
        self.paths.entry((from, to)).or_default()
    }

    /// Returns after how long something arrives that would take `after` milliseconds, if it may
    /// not overtake what was sent before.
    fn behind(&mut self, from: HostId, to: HostId, after: i64) -> i64 {
        let now = self.now;
        let path = self.path(from, to);
        path.free_at = path.free_at.max(now + after);
        path.free_at - now
    }

    /// Ends a session at both ends at once; what is said on it meanwhile is lost.
    fn break_session(&mut self, a: HostId, b: HostId, session: u64) {
        self.broken_sessions.insert(session);
        for (host, other) in [(a, b), (b, a)] {
            let peer = self.hosts[&other].device;
            let after = self.latency();
            let after = self.behind(other, host, after);
            self.at(after, Happening::SessionDown { host, peer, session });
        }
    }

    /// Tells the other end that a session was closed, unless nothing gets through.
    pub(super) fn tell_closed(&mut self, from: HostId, to: HostId, session: u64) {
        if !self.is_cut(from, to) {
            let (peer, after) = (self.hosts[&from].device, self.latency());
            let after = self.behind(from, to, after);
            self.at(after, Happening::SessionDown { host: to, peer, session });
        }
    }

    /// Dials a device if one of the addresses is its own.
    pub(super) fn look_up(&mut self, id: HostId, device: DeviceId, addresses: &[String]) {
        let address = self.host_of(device).map(|other| self.hosts[&other].address());
        let known = self.hosts[&id].addresses.get(&device);
        let found = address.is_some_and(|address| {
            addresses.contains(&address) || known.is_some_and(|known| known.contains(&address))
        });
        if found {
            self.dial(id, device);
        } else {
            self.at(1, Happening::DialFailed { host: id, peer: device });
        }
    }

    /// Opens a session, which takes a line that works both ways.
    pub(super) fn dial(&mut self, id: HostId, device: DeviceId) {
        let after = self.latency();
        let other = self.host_of(device).filter(|other| {
            self.is_up(*other) && !self.is_cut(id, *other) && !self.is_cut(*other, id)
        });
        let Some(other) = other else {
            return self.at(after + 1000, Happening::DialFailed { host: id, peer: device });
        };
        let me = self.hosts[&id].device;
        if self.hosts[&id].sessions.contains_key(&device) {
            return;
        }
        let after = self.behind(id, other, after).max(self.behind(other, id, after));
        let session = self.next_session;
        self.next_session += 1;
        for (host, peer) in [(id, device), (other, me)] {
            let own = self.hosts[&host].device;
            let role = if own < peer { SessionRole::Initiator } else { SessionRole::Responder };
            let sessions = &mut self.hosts.get_mut(&host).expect("the host exists").sessions;
            let old = sessions.insert(peer, session);
            if old.is_some() && self.is_up(host) {
                self.feed(host, Input::SessionDown { device: peer });
                // The engine may have closed or dialled in answer.
                self.hosts.get_mut(&host).expect("the host exists").sessions.insert(peer, session);
            }
            self.at(after, Happening::SessionUp { host, peer, session, role });
        }
    }

    pub(super) fn send(&mut self, from: HostId, device: DeviceId, bytes: Vec<u8>) {
        let Some(session) = self.hosts[&from].sessions.get(&device).copied() else { return };
        let Some(to) = self.host_of(device) else { return };
        for bytes in self.hosts.get_mut(&from).expect("the host exists").tampered(bytes) {
            match self.faults.wire {
                Wire::Stream => self.send_in_order(from, to, session, bytes),
                Wire::Datagrams { duplicate, reorder } => {
                    let copies = 1 + u64::from(self.chance(duplicate));
                    for _ in 0..copies {
                        if self.chance(self.faults.loss) {
                            continue;
                        }
                        let mut after = self.latency();
                        if !reorder {
                            after = self.behind(from, to, after);
                        }
                        let bytes = bytes.clone();
                        self.at(after, Happening::Message { host: to, from, session, bytes });
                    }
                }
            }
        }
    }

    /// Sends on a stream, and now and then something old after it.
    fn send_in_order(&mut self, from: HostId, to: HostId, session: u64, bytes: Vec<u8>) {
        let mut all = vec![bytes.clone()];
        if self.chance(self.faults.replay) {
            let said = self.path(from, to).said.len() as u64;
            let which = self.draw(said) as usize;
            if let Some(old) = self.path(from, to).said.get(which).cloned() {
                self.confused.insert(session);
                all.push(old);
            }
        }
        if self.faults.replay > 0 {
            let said = &mut self.path(from, to).said;
            said.push_back(bytes);
            if said.len() > SAID {
                said.pop_front();
            }
        }
        for bytes in all {
            if self.broken_sessions.contains(&session) {
                return;
            }
            let Some(after) = self.on_the_way() else {
                return self.break_session(from, to, session);
            };
            let after = self.behind(from, to, after);
            self.at(after, Happening::Message { host: to, from, session, bytes });
        }
    }

    /// Draws how long a message takes with the times it is lost; none when that is too often.
    fn on_the_way(&mut self) -> Option<i64> {
        let mut after = self.latency();
        for lost in 0..LOSSES {
            if !self.chance(self.faults.loss) {
                return Some(after);
            }
            after += AGAIN_MS << lost;
        }
        None
    }

    pub(super) fn latency(&mut self) -> i64 {
        let (low, high) = self.faults.latency_ms;
        low + self.draw((high - low + 1) as u64) as i64
    }
}
