//! Dialling: which devices are tried, how often, and which give way to others.
//!
//! Members' logs name more devices than can be tried. A ticket's devices come first, since nothing
//! else leads into a context that was just followed; nobody's devices take the room of everybody
//! else's; and a device that was never reached gives way after a few tries.

use std::collections::{BTreeMap, BTreeSet};

use super::backoff::Backoff;
use super::context::Context;
use super::event::{Event, Output};
use super::node::{Cx, Node};
use crate::id::{ContextId, DeviceId, UserId};

/// Most devices that are dialled or connected because a context knows them.
const DIALS_MAX: usize = 256;
/// Most of those that are one user's.
const DIALS_PER_USER: usize = 16;
/// Most addresses of a device that are kept from tickets.
const DIAL_ADDRESSES: usize = 16;
/// How long after a session with a device of a context it is tried often, in milliseconds: most
/// lines and machines that go come back within that time.
const MISSED_MS: i64 = 600_000;
/// The longest wait between tries in that time, in milliseconds: peers meet again within seconds
/// of the line being there.
const MISSED_WAIT_MS: i64 = 5_000;
/// Failures after which a device that was never reached gives way: half a minute of tries.
const TURN: u32 = 5;

/// The effort to reach a device.
#[derive(Debug, Default)]
pub(super) struct Dial {
    backoff: Backoff,
    /// When to try next.
    at: i64,
    /// Whether a try is under way.
    trying: bool,
    /// Whether a context matched with it once.
    useful: bool,
    /// When a session in which a context matched was here last, as far as it has ended.
    missed_since: Option<i64>,
    /// Whose device it is, once a log said so.
    user: Option<UserId>,
    /// Addresses from tickets.
    ticket: Vec<String>,
    /// Addresses that a peer named last.
    heard: Vec<String>,
    /// The versions of the protocol that it speaks, where this program speaks none of them.
    versions: Vec<u16>,
}

impl Dial {
    /// Tells whether it had its turn and came to nothing.
    fn gives_way(&self) -> bool {
        !self.useful && self.ticket.is_empty() && self.backoff.failures() >= TURN
    }
}

impl Node {
    /// Makes an effort to reach the devices of a context.
    pub(super) fn reach(&mut self, cx: &mut Cx<'_>, context: ContextId, at_once: bool) {
        let Some(known) = self.contexts.get(&context) else { return };
        if !known.says_hello() {
            return;
        }
        let mut tickets: BTreeMap<DeviceId, Vec<String>> = BTreeMap::new();
        for (device, address) in known.record.admission.iter().flat_map(|a| &a.devices) {
            tickets.entry(*device).or_default().push(address.clone());
        }
        let mut granted = self.devices_of(known);
        // Beginning anywhere, so that every device has its turn where there is no room for all.
        let first = cx.rng.next_u64() % granted.len().max(1) as u64;
        granted.rotate_left(first as usize);
        for (device, addresses) in tickets {
            self.try_device(cx, context, (device, None), addresses, at_once);
        }
        for (device, user) in granted {
            self.try_device(cx, context, (device, Some(user)), Vec::new(), at_once);
        }
        self.dial_due(cx);
    }

    /// Makes an effort to reach some devices of a context of which a peer said where they are.
    pub(super) fn reach_heard(
        &mut self,
        cx: &mut Cx<'_>,
        context: ContextId,
        heard: &BTreeSet<DeviceId>,
    ) {
        let Some(known) = self.contexts.get(&context).filter(|known| known.says_hello()) else {
            return;
        };
        let mut granted = self.devices_of(known);
        granted.retain(|(device, _)| heard.contains(device));
        for (device, user) in granted {
            self.try_device(cx, context, (device, Some(user)), Vec::new(), false);
        }
        self.dial_due(cx);
    }

    /// Returns the devices of all who have a part in a context, with their users.
    fn devices_of(&self, context: &Context) -> Vec<(DeviceId, UserId)> {
        let mut users: BTreeSet<UserId> =
            context.view.members().into_iter().map(|(user, _)| user).collect();
        users.extend(context.redemptions.keys().map(|(user, _)| *user));
        users.insert(self.user);
        let logs = users.iter().filter_map(|user| Some((*user, self.logs.get(user)?)));
        let devices = logs.flat_map(|(user, log)| log.devices().map(move |(id, _)| (id, user)));
        devices.collect()
    }

    /// Adds a device to those that are tried, or what is new about it.
    fn try_device(
        &mut self,
        cx: &Cx<'_>,
        context: ContextId,
        (device, user): (DeviceId, Option<UserId>),
        ticket: Vec<String>,
        at_once: bool,
    ) {
        if device == self.device || (!self.dials.contains_key(&device) && !self.make_room(user)) {
            return;
        }
        let heard = self.heard_of(context, device).cloned();
        let dial = self.dials.entry(device).or_default();
        dial.user = dial.user.or(user);
        for address in ticket {
            if !dial.ticket.contains(&address) {
                dial.ticket.insert(0, address);
                dial.ticket.truncate(DIAL_ADDRESSES);
            }
        }
        // The first word of where a device is ends the wait; later ones only replace it, so that
        // a peer cannot make this node dial all the time.
        let news = heard.is_some() && dial.heard.is_empty();
        dial.heard = heard.unwrap_or(std::mem::take(&mut dial.heard));
        if at_once || news {
            dial.at = dial.at.min(cx.now);
        }
    }

    /// Makes room for one more device: of a user, or of a ticket.
    fn make_room(&mut self, user: Option<UserId>) -> bool {
        let full = self.dials.len() >= DIALS_MAX;
        let Some(user) = user else {
            return !full
                || self.give_way(Dial::gives_way)
                || self.give_way(|dial| !dial.useful && dial.ticket.is_empty())
                || self.give_way(|dial| !dial.useful)
                || self.give_way(|_| true);
        };
        if self.dials.values().filter(|dial| dial.user == Some(user)).count() >= DIALS_PER_USER {
            return self.give_way(|dial| dial.user == Some(user) && dial.gives_way());
        }
        !full || self.give_way(Dial::gives_way)
    }

    /// Forgets the device that failed most often among some that are not connected.
    fn give_way(&mut self, among: impl Fn(&Dial) -> bool) -> bool {
        let candidates = self
            .dials
            .iter()
            .filter(|(device, dial)| among(dial) && !self.sessions.contains_key(device));
        let worst = candidates.max_by_key(|(_, dial)| dial.backoff.failures());
        let worst = worst.map(|(device, _)| *device);
        worst.is_some_and(|device| self.dials.remove(&device).is_some())
    }

    /// Tries everybody now: this device has another address, so the line may be another one.
    pub(super) fn dial_at_once(&mut self, cx: &mut Cx<'_>) {
        for dial in self.dials.values_mut() {
            dial.at = dial.at.min(cx.now);
        }
        self.dial_due(cx);
    }

    /// Returns where peers of a context say that a device is.
    fn heard_of(&self, context: ContextId, device: DeviceId) -> Option<&Vec<String>> {
        let channels = self.sessions.values().filter_map(|session| session.channel_of(context));
        let mut heard = channels.filter_map(|(_, channel)| channel.heard.get(&device));
        heard.find(|addresses| !addresses.is_empty())
    }

    pub(super) fn dial_due(&mut self, cx: &mut Cx<'_>) {
        let dialled = self.dials.keys().copied();
        let barred: BTreeSet<DeviceId> = dialled.filter(|device| self.is_barred(*device)).collect();
        for (device, dial) in &mut self.dials {
            let barred = barred.contains(device);
            if !barred && !dial.trying && dial.at <= cx.now && !self.sessions.contains_key(device) {
                dial.trying = true;
                let addresses = dial.ticket.clone();
                let mut heard = self.stated.get(device).unwrap_or(&dial.heard).clone();
                heard.retain(|address| !addresses.contains(address));
                cx.out.push(Output::Dial { device: *device, addresses, heard });
            }
        }
    }

    pub(super) fn dial_failed(&mut self, cx: &mut Cx<'_>, device: DeviceId) {
        if let Some(dial) = self.dials.get_mut(&device) {
            dial.trying = false;
            let wait = dial.backoff.fail(cx.rng);
            let missed = dial.missed_since.is_some_and(|since| cx.now - since < MISSED_MS);
            dial.at = cx.now + if missed { wait.min(MISSED_WAIT_MS) } else { wait };
        }
    }

    pub(super) fn dial_succeeded(&mut self, device: DeviceId) {
        if let Some(dial) = self.dials.get_mut(&device) {
            dial.trying = false;
        }
    }

    /// Notes that a device speaks a version that this program speaks too.
    pub(super) fn dial_same_version(&mut self, device: DeviceId) {
        if let Some(dial) = self.dials.get_mut(&device) {
            dial.versions.clear();
        }
    }

    /// Remembers that a device speaks other versions of the protocol. Of strangers nothing is said.
    pub(super) fn dial_other_version(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        versions: &[u16],
    ) {
        if let Some(dial) = self.dials.get_mut(&device) {
            dial.versions = versions.to_vec();
            cx.emit(Event::OtherVersion { device, versions: versions.to_vec() });
        }
    }

    /// Returns the versions that a device spoke last, where this program speaks none of them.
    pub(super) fn other_versions(&self, device: DeviceId) -> &[u16] {
        self.dials.get(&device).map_or(&[], |dial| &dial.versions)
    }

    /// Forgets the failures of a device once a context matched with it.
    pub(super) fn dial_useful(&mut self, device: DeviceId) {
        if let Some(dial) = self.dials.get_mut(&device) {
            dial.backoff.succeed();
            dial.useful = true;
        }
    }

    /// Remembers that a session with a device ended in which a context had matched.
    pub(super) fn dial_missed(&mut self, now: i64, device: DeviceId) {
        if let Some(dial) = self.dials.get_mut(&device) {
            dial.missed_since = Some(now);
        }
    }

    pub(super) fn redial_later(&mut self, cx: &mut Cx<'_>, device: DeviceId) {
        self.dial_failed(cx, device);
    }

    /// Returns when devices are tried next.
    pub(super) fn dial_deadlines(&self) -> impl Iterator<Item = i64> {
        let open = self
            .dials
            .iter()
            .filter(|(device, dial)| !dial.trying && !self.sessions.contains_key(device))
            .filter(|(device, _)| self.blocked.is_empty() || !self.is_barred(**device));
        open.map(|(_, dial)| dial.at)
    }
}
