//! From the wish to talk to a device to a sync stream with it.
//!
//! Who opens the stream: the smaller of two devices as soon as they are connected. When the engine
//! wants a device that is connected without a session, the smaller opens at once and the larger
//! after a moment in which the smaller may do so. Should both open, the stream of the smaller one
//! counts; but nobody opens a stream beside a session, so a peer that opens one long after ours
//! began has lost that, as a machine has that changed its address, and its stream counts. Nothing
//! opens a stream because another ended: the engine asks for that in its own time,
//! and [`Pace`](super::pace::Pace) spreads whatever is opened. What a peer opens faster than that is
//! dropped.

use std::time::Duration;

use dsp_protocol::id::DeviceId;
use dsp_protocol::sync::{Input, SessionRole};
use futures::StreamExt as _;
use libp2p::Multiaddr;
use tokio::time::{Instant, sleep};

use super::actor::{Actor, Internal};
use super::session::SessionStream;
use crate::net::{NetStream, StreamKind, may_be_dialled};

/// How long the larger device leaves it to the smaller one to open the sync stream.
const MOMENT: Duration = Duration::from_secs(1);
/// With a session older than this, a stream that the peer opens does not cross ours on the way.
/// Over a line so slow that it does, the session begins once more.
const CROSSING: Duration = Duration::from_secs(5);
/// Nodes of the local network dialled at a time.
const DIALS: usize = 8;

impl Actor {
    /// Tries to reach a device; a session or [`Input::DialFailed`] comes of it.
    pub(super) fn dial(&mut self, device: DeviceId, addresses: Vec<String>) {
        if self.connected.contains(&device) {
            return self.meet(device);
        }
        let (net, store) = (self.net.clone(), self.store.clone());
        self.spawn(Internal::Unreachable(device), async move {
            let mut known = store.addresses(device).await.unwrap_or_default();
            for address in addresses {
                if !known.contains(&address) {
                    known.push(address);
                }
            }
            let known: Vec<Multiaddr> = known.iter().filter_map(|a| a.parse().ok()).collect();
            match net.dial(device, known).await {
                Ok(()) => Internal::Reached(device),
                Err(error) => {
                    tracing::debug!(peer = %device.short(), %error, "not reached");
                    Internal::Unreachable(device)
                }
            }
        });
    }

    /// Tells whether an address that a peer named may be dialled.
    pub(super) fn is_worth_a_dial(&self, address: &str) -> bool {
        let address = address.parse::<Multiaddr>();
        address.is_ok_and(|address| may_be_dialled(&address, &self.listening))
    }

    /// Gets a session with a device that is connected.
    pub(super) fn meet(&mut self, device: DeviceId) {
        if self.engine.device() < device {
            self.open(device);
        } else {
            self.spawn(Internal::OpenNow(device), async move {
                sleep(MOMENT).await;
                Internal::OpenNow(device)
            });
        }
    }

    /// Opens the sync stream if this is the smaller device.
    pub(super) fn open_if_smaller(&mut self, device: DeviceId) {
        if self.engine.device() < device {
            self.open(device);
        }
    }

    /// Opens the sync stream with a device, unless there is one or it is being opened.
    pub(super) fn open(&mut self, device: DeviceId) {
        if self.sessions.contains_key(&device) || !self.opening.insert(device) {
            return;
        }
        let wait = self.pace.take(device, Instant::now());
        let net = self.net.clone();
        self.spawn(Internal::NotOpened(device), async move {
            sleep(wait).await;
            match net.open(device, StreamKind::Sync).await {
                Ok(stream) => Internal::Opened(device, stream),
                Err(error) => {
                    tracing::debug!(peer = %device.short(), %error, "no sync stream");
                    Internal::NotOpened(device)
                }
            }
        });
    }

    /// Takes a stream that was opened here.
    pub(super) fn opened(&mut self, device: DeviceId, stream: NetStream) {
        self.opening.remove(&device);
        // A session that is there is one of the smaller device's stream.
        if !self.sessions.contains_key(&device) {
            self.start_session(device, stream, SessionRole::Initiator);
        }
    }

    /// Takes a stream that the peer opened.
    pub(super) fn accept(&mut self, device: DeviceId, stream: NetStream) {
        let is_fresh = |session: &SessionStream| session.since.elapsed() < CROSSING;
        let has_own =
            self.opening.contains(&device) || self.sessions.get(&device).is_some_and(is_fresh);
        if self.engine.device() < device && has_own {
            tracing::debug!(peer = %device.short(), "the stream opened here counts");
            return;
        }
        if !self.accepted.admits(device, Instant::now()) {
            tracing::debug!(peer = %device.short(), "it opens streams too often");
            return;
        }
        self.start_session(device, stream, SessionRole::Responder);
    }

    fn start_session(&mut self, device: DeviceId, stream: NetStream, role: SessionRole) {
        let number = self.next_session;
        self.next_session += 1;
        let stream = SessionStream::start(device, number, stream, self.streams.0.clone());
        self.adopt(device, stream, role);
    }

    /// Tells the engine that an effort came to nothing, unless a session came in another way.
    pub(super) fn not_reached(&mut self, device: DeviceId) {
        if !self.sessions.contains_key(&device) {
            self.feed(Input::DialFailed { device });
        }
    }

    /// Takes in that a node of the local network was found.
    pub(super) fn discovered(&mut self, addresses: Vec<Multiaddr>) {
        self.neighbours.add(addresses.clone());
        if self.shares() && self.neighbours.may_be_dialled(Instant::now()) {
            self.dial_neighbours(vec![addresses]);
        }
    }

    /// Dials the nodes of the local network if that was not done lately: one of them may be whom
    /// the engine does not reach.
    pub(super) fn look_around_now_and_then(&mut self) {
        if self.neighbours.is_due(Instant::now()) {
            self.look_around();
        }
    }

    /// Dials the nodes of the local network, if there is anything to talk about.
    pub(super) fn look_around(&mut self) {
        if self.shares() {
            let all = self.neighbours.all(Instant::now());
            self.dial_neighbours(all);
        }
    }

    /// Tells whether there is anything to talk about with anybody.
    fn shares(&self) -> bool {
        self.engine.contexts().any(|context| {
            context.view().members().len() > 1
                || context.came_in_by().is_some()
                || !context.view().tickets().is_empty()
        })
    }

    fn dial_neighbours(&self, neighbours: Vec<Vec<Multiaddr>>) {
        let net = self.net.clone();
        tokio::spawn(async move {
            let each = futures::stream::iter(neighbours);
            each.for_each_concurrent(DIALS, async |addresses| {
                for address in addresses {
                    match net.dial_address(address).await {
                        Ok(_) => return,
                        Err(error) => tracing::debug!(%error, "discovered, not reached"),
                    }
                }
            })
            .await;
        });
    }
}
