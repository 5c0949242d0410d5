//! Forks: a device that signed two envelopes of one number.
//!
//! A catalog ends before such a number, whichever of the two came first. Peers who hold one side
//! each deliver it in good faith, so nobody but the device is at fault. A side shows as an
//! envelope that does not continue ours, or as another tip of the same number: then the peer is
//! asked for its envelope of our last number, and the two make a proof that holds by itself. It is
//! stored, passed on once, and given to whoever asks for the catalog later.

use super::context::Context;
use super::event::{Event, Record, Severity};
use super::node::{Cx, Node, Task};
use crate::doc::{CATALOG_EPOCH, CatalogPlace, Envelope, ForkProof, at_place};
use crate::id::{ContextId, DeviceId, Incarnation, UserId};
use crate::identity::Standing;
use crate::limits;
use crate::wire::{CatalogKey, Message, Tag};

impl Node {
    /// Asks a peer, once, for its envelope of our last number, because what it has does not
    /// continue ours. Until ours goes on nothing more of the catalog is asked of it.
    pub(super) fn doubt(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        id: ContextId,
        key: CatalogKey,
    ) {
        let Some(n) = self.set_aside(device, id, key).filter(|n| *n > 0) else { return };
        let session = self.sessions.get_mut(&device).expect("set aside on its channel");
        let (tag, channel) = session.channel_of_mut(id).expect("set aside on it");
        channel.asked.insert(key, cx.now);
        cx.send(device, &Message::Want { tag, catalog: key, from: n });
    }

    /// Asks a peer for nothing more of a catalog until ours goes on. Returns our last number if
    /// that is new.
    pub(super) fn set_aside(
        &mut self,
        device: DeviceId,
        id: ContextId,
        key: CatalogKey,
    ) -> Option<u64> {
        let n = self.contexts.get(&id)?.catalogs.get(&key).map_or(0, |catalog| catalog.n());
        let (_, channel) = self.sessions.get_mut(&device)?.channel_of_mut(id)?;
        (channel.set_aside.insert(key, n) != Some(n)).then_some(n)
    }

    /// Takes in that a device signed two envelopes of one number.
    pub(super) fn take_fork(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        key: CatalogKey,
        proof: ForkProof,
        from: Option<DeviceId>,
    ) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        let room = context.forks.len() < limits::FORKS;
        let news = match context.forks.get(&key) {
            Some(known) => proof.n() < known.n(),
            None => room,
        };
        if !news {
            return;
        }
        let document = context.place(key).document();
        context.view.forked(document, proof.n());
        let record = Record::Fork { context: id, user: key.user, proof: proof.encode() };
        context.forks.insert(key, proof);
        self.store(cx, vec![record], Task::Fork { context: id, key, from });
        cx.emit(Event::Fork { context: id, device: key.device });
        cx.emit(Event::Context(id));
        if key == (CatalogKey { user: self.user, device: self.device, inc: self.inc }) {
            self.begin_anew(cx, id);
        }
        self.evaluate_all(cx);
    }

    /// Passes a proof on that is durable now.
    pub(super) fn fork_stored(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        key: CatalogKey,
        from: Option<DeviceId>,
    ) {
        for (device, tag) in self.admitted_channels(id) {
            if Some(device) != from {
                self.send_fork(cx, device, tag, key);
            }
        }
    }

    /// Tells a peer that a catalog is forked, if it is.
    pub(super) fn send_fork(
        &self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        catalog: CatalogKey,
    ) {
        let Some((_, context)) = self.channel(device, tag) else { return };
        if let Some(proof) = context.forks.get(&catalog) {
            cx.send(device, &Message::Fork { tag, catalog, proof: proof.encode() });
        }
    }

    pub(super) fn on_fork(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        key: CatalogKey,
        proof: &[u8],
    ) {
        let Some((channel, context)) = self.channel(device, tag) else { return };
        if channel.is_denied() {
            return;
        }
        let (id, place) = (context.id(), context.place(key));
        let proof = match ForkProof::decode(proof) {
            Ok(proof) if proves(&proof, &place) => proof,
            Ok(_) => {
                let reason = "sent the fork of another catalog";
                return self.end_session(cx, device, Severity::Grave, reason);
            }
            Err(error) => {
                let reason = format!("sent a proof of a fork that is none: {error}");
                return self.end_session(cx, device, Severity::Grave, &reason);
            }
        };
        // Anybody may sign with a key of his own; only devices of the context count.
        let standing = self.logs.get(&key.user).map(|log| log.log.standing(key.device));
        match standing {
            Some(Standing::Granted(_) | Standing::Revoked) if self.is_known_in(id, key.user) => {
                self.take_fork(cx, id, key, proof, Some(device));
            }
            Some(_) => {}
            None => self.ask_log(cx, device, tag, key.user),
        }
    }

    /// Goes on as a new incarnation of this device, as what it said under the old one does not
    /// count any more.
    fn begin_anew(&mut self, cx: &mut Cx<'_>, id: ContextId) {
        let mut inc = [0; 8];
        cx.rng.fill_bytes(&mut inc);
        self.inc = Incarnation::from_bytes(inc);
        for context in self.contexts.values_mut() {
            context.writer = None;
            context.last_n = 0;
        }
        self.store(cx, vec![Record::Incarnation(self.inc)], Task::Stored);
        cx.emit(Event::Restored { context: id });
    }
}

impl Context {
    /// Takes in a proof that was stored, if it is about a catalog of the user.
    pub(super) fn take_stored_fork(&mut self, user: UserId, proof: ForkProof) {
        let envelope = proof.envelopes()[0];
        let key = CatalogKey { user, device: envelope.device, inc: envelope.inc };
        let place = self.place(key);
        if proves(&proof, &place) {
            self.view.forked(place.document(), proof.n());
            self.forks.insert(key, proof);
        }
    }
}

/// Proves a fork with what is held and something else of the same number, if it is one.
pub(super) fn fork_of(held: &[u8], other: &Envelope) -> Option<ForkProof> {
    ForkProof::new(Envelope::decode(held).ok()?, other.clone()).ok()
}

/// Tells whether a proof is about the catalog at a place.
fn proves(proof: &ForkProof, place: &CatalogPlace) -> bool {
    at_place(place, CATALOG_EPOCH, proof.envelopes()[0])
}
