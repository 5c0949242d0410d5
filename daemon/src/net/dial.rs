//! Dials under way: who waits for which, and what is tried next.
//!
//! One dial of a device may take several attempts: TCP first, QUIC a little later, and again
//! without an address at which somebody else answered. It succeeds with the first connection, in
//! whichever direction, and fails when no attempt is running or left.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use dsp_protocol::id::DeviceId;
use libp2p::TransportError;
use libp2p::allow_block_list::Blocked;
use libp2p::swarm::{self, ConnectionId};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::oneshot;

use super::address::{Plan, split_peer};
use super::handle::DialError;
use super::peer::device_id;

type Waiter<T> = oneshot::Sender<Result<T, DialError>>;

/// Names one dial of one device, so that what is left of an earlier one does not disturb it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct DialId {
    pub(super) peer: PeerId,
    serial: u64,
}

/// All dials under way.
#[derive(Debug, Default)]
pub(super) struct Dials {
    devices: BTreeMap<PeerId, DeviceDial>,
    addresses: BTreeMap<Multiaddr, Vec<Waiter<DeviceId>>>,
    attempts: HashMap<ConnectionId, Attempt>,
    serial: u64,
}

#[derive(Debug)]
struct DeviceDial {
    id: DialId,
    device: DeviceId,
    waiters: Vec<Waiter<()>>,
    /// Attempts that have neither succeeded nor failed.
    running: usize,
    /// QUIC addresses whose turn has not come.
    later: Vec<Multiaddr>,
    known: BTreeSet<Multiaddr>,
    failures: Vec<(Multiaddr, String)>,
    /// A failure that says more than that nobody answered.
    reason: Option<DialError>,
}

#[derive(Debug)]
enum Attempt {
    Device { dial: DialId, addresses: Vec<Multiaddr> },
    Address { address: Multiaddr },
}

/// Addresses of a device to be dialled in one attempt.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) dial: DialId,
    pub(super) addresses: Vec<Multiaddr>,
}

impl Dials {
    /// Begins a dial of a device, or joins the one under way, and says what to try at once.
    /// Whatever is left for [`head_start_is_over`](Self::head_start_is_over) has to be timed.
    pub(super) fn join(
        &mut self,
        peer: PeerId,
        device: DeviceId,
        plan: Plan,
        waiter: Waiter<()>,
    ) -> Option<Next> {
        self.serial += 1;
        let id = DialId { peer, serial: self.serial };
        let dial = self.devices.entry(peer).or_insert_with(|| DeviceDial {
            id,
            device,
            waiters: Vec::new(),
            running: 0,
            later: Vec::new(),
            known: BTreeSet::new(),
            failures: Vec::new(),
            reason: None,
        });
        dial.waiters.push(waiter);
        let mut new = |address: &Multiaddr| dial.known.insert(address.clone());
        let now: Vec<_> = plan.tcp.into_iter().filter(&mut new).collect();
        let later: Vec<_> = plan.quic.into_iter().filter(&mut new).collect();
        dial.later.extend(later);
        self.next(peer, now)
    }

    /// Says whether QUIC addresses of a device wait for their turn, and for which dial.
    pub(super) fn has_later(&self, peer: &PeerId) -> Option<DialId> {
        self.devices.get(peer).filter(|dial| !dial.later.is_empty()).map(|dial| dial.id)
    }

    /// Gives the QUIC addresses of a dial their turn.
    pub(super) fn head_start_is_over(&mut self, id: DialId) -> Option<Next> {
        let dial = self.devices.get_mut(&id.peer).filter(|dial| dial.id == id)?;
        let later = std::mem::take(&mut dial.later);
        self.next(id.peer, later)
    }

    /// Waits for whoever answers at an address, and says whether it has to be dialled.
    pub(super) fn join_address(&mut self, address: &Multiaddr, waiter: Waiter<DeviceId>) -> bool {
        let waiters = self.addresses.entry(address.clone()).or_default();
        waiters.push(waiter);
        waiters.len() == 1
    }

    /// Notes an attempt that was handed to the swarm.
    pub(super) fn attempt(&mut self, connection: ConnectionId, next: Next) {
        if let Some(dial) = self.devices.get_mut(&next.dial.peer) {
            dial.running += 1;
        }
        let attempt = Attempt::Device { dial: next.dial, addresses: next.addresses };
        self.attempts.insert(connection, attempt);
    }

    /// Notes an attempt at an address whose device is unknown.
    pub(super) fn attempt_address(&mut self, connection: ConnectionId, address: Multiaddr) {
        self.attempts.insert(connection, Attempt::Address { address });
    }

    /// Tells all who wait for a device that it is connected.
    pub(super) fn connected(&mut self, connection: ConnectionId, peer: &PeerId, device: DeviceId) {
        if let Some(Attempt::Address { address }) = self.attempts.remove(&connection) {
            reply(self.addresses.remove(&address), &Ok(device));
        }
        reply(self.devices.remove(peer).map(|dial| dial.waiters), &Ok(()));
    }

    /// Notes that an attempt failed, and says what to try next.
    pub(super) fn failed(
        &mut self,
        connection: ConnectionId,
        error: &swarm::DialError,
    ) -> Option<Next> {
        match self.attempts.remove(&connection)? {
            Attempt::Address { address } => {
                let (reason, failures) = explain(None, error, std::slice::from_ref(&address));
                let reason = reason.unwrap_or(DialError::Unreachable(failures));
                reply(self.addresses.remove(&address), &Err(reason));
                None
            }
            Attempt::Device { dial: id, addresses } => {
                let dial = self.devices.get_mut(&id.peer).filter(|dial| dial.id == id)?;
                dial.running -= 1;
                let (reason, failures) = explain(Some(dial.device), error, &addresses);
                dial.reason = dial.reason.take().or(reason);
                dial.failures.extend(failures);
                // The first connection decides an attempt, even when it leads to somebody else:
                // the other addresses have not had their chance.
                let rest = match error {
                    swarm::DialError::WrongPeerId { address, .. } => {
                        let (wrong, _) = split_peer(address);
                        addresses.into_iter().filter(|address| *address != wrong).collect()
                    }
                    _ => Vec::new(),
                };
                self.next(id.peer, rest)
            }
        }
    }

    /// Tells all who wait that the node stops.
    pub(super) fn stop(&mut self) {
        for (_, dial) in std::mem::take(&mut self.devices) {
            reply(Some(dial.waiters), &Err(DialError::Stopped));
        }
        for (_, waiters) in std::mem::take(&mut self.addresses) {
            reply(Some(waiters), &Err(DialError::Stopped));
        }
    }

    /// Tries `now`; without it, and with nothing running, what was kept for later; without that,
    /// the dial has failed.
    fn next(&mut self, peer: PeerId, now: Vec<Multiaddr>) -> Option<Next> {
        let dial = self.devices.get_mut(&peer)?;
        let addresses = match now.is_empty() && dial.running == 0 {
            true => std::mem::take(&mut dial.later),
            false => now,
        };
        if !addresses.is_empty() {
            return Some(Next { dial: dial.id, addresses });
        }
        if dial.running == 0 {
            let dial = self.devices.remove(&peer).expect("it was just found");
            let error = match dial.reason {
                Some(reason) => reason,
                None if dial.known.is_empty() => DialError::NoAddress(dial.device),
                None => DialError::Unreachable(dial.failures),
            };
            reply(Some(dial.waiters), &Err(error));
        }
        None
    }
}

/// Answers all who wait; who has given up is no concern.
fn reply<T: Clone>(waiters: Option<Vec<Waiter<T>>>, result: &Result<T, DialError>) {
    for waiter in waiters.into_iter().flatten() {
        let _ = waiter.send(result.clone());
    }
}

/// Translates an error of the swarm: a telling reason if there is one, and what went wrong where.
fn explain(
    expected: Option<DeviceId>,
    error: &swarm::DialError,
    addresses: &[Multiaddr],
) -> (Option<DialError>, Vec<(Multiaddr, String)>) {
    let reason = match error {
        swarm::DialError::WrongPeerId { obtained, address } => match device_id(obtained) {
            Ok(actual) => expected.map(|expected| {
                let (address, _) = split_peer(address);
                DialError::WrongDevice { expected, actual, address }
            }),
            Err(error) => Some(DialError::NotADevice(error)),
        },
        swarm::DialError::LocalPeerId { .. } | swarm::DialError::NoAddresses => {
            Some(DialError::Itself)
        }
        swarm::DialError::Denied { cause } if cause.downcast_ref::<Blocked>().is_some() => {
            Some(DialError::Blocked)
        }
        swarm::DialError::Denied { cause } => {
            let cause = std::error::Error::source(cause).map(ToString::to_string);
            Some(DialError::Limit(cause.unwrap_or_default()))
        }
        swarm::DialError::Transport(_)
        | swarm::DialError::Aborted
        | swarm::DialError::DialPeerConditionFalse(_) => None,
    };
    let failures = match error {
        swarm::DialError::Transport(failures) => failures
            .iter()
            .map(|(address, error)| (split_peer(address).0, transport_reason(error)))
            .collect(),
        other => addresses.iter().map(|address| (address.clone(), other.to_string())).collect(),
    };
    (reason, failures)
}

/// Says what went wrong in a transport; the error itself prints nothing of its source.
pub(super) fn transport_reason(error: &TransportError<std::io::Error>) -> String {
    match error {
        TransportError::MultiaddrNotSupported(_) => "not supported".to_owned(),
        TransportError::Other(error) => error.to_string(),
    }
}
