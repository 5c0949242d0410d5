//! Forks: a device that signed two envelopes of one number.
//!
//! A catalog ends before such a number, whichever of the two came first. Peers who hold one side
//! each deliver it in good faith, so nobody but the device is at fault. A side shows as an
//! envelope that does not continue ours, or as a tip that is not ours of its number: then the peer
//! is asked for its envelope of that number, and the two make a proof that holds by itself. It is
//! stored, passed on once, and given to whoever asks for the catalog later.

use std::collections::BTreeSet;

use super::context::{Catalog, Context, first_of};
use super::event::{Event, Record, Severity};
use super::node::{Cx, Node, Task};
use super::restored::{Renewal, Why};
use crate::doc::{CATALOG_EPOCH, CatalogPlace, Envelope, ForkProof, at_place};
use crate::id::{ContextId, DeviceId, UserId};
use crate::limits;
use crate::wire::{CatalogKey, CatalogState, Message, Tag};

/// How many envelopes before a fork are looked at together for its beginning.
const BEFORE_FORK: u64 = 256;

impl Node {
    /// Asks a peer, once, for its envelope of a number that is here, because what it has does not
    /// go with ours. Until ours goes on nothing more of the catalog is asked of it.
    pub(super) fn doubt(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        id: ContextId,
        key: CatalogKey,
        n: u64,
    ) {
        if !self.set_aside(device, id, key) || n == 0 {
            return;
        }
        let session = self.sessions.get_mut(&device).expect("set aside on its channel");
        let (tag, channel) = session.channel_of_mut(id).expect("set aside on it");
        channel.asked.insert(key, cx.now);
        cx.send(device, &Message::Want { tag, catalog: key, from: n });
    }

    /// Asks a peer for nothing more of a catalog until ours goes on; tells whether that is new.
    pub(super) fn set_aside(&mut self, device: DeviceId, id: ContextId, key: CatalogKey) -> bool {
        let catalog = self.contexts.get(&id).and_then(|context| context.catalogs.get(&key));
        let n = catalog.map_or(0, Catalog::n);
        let session = self.sessions.get_mut(&device);
        let channel = session.and_then(|session| session.channel_of_mut(id));
        channel.is_some_and(|(_, channel)| channel.set_aside.insert(key, n) != Some(n))
    }

    /// Tells whether a peer says that it has something of a catalog.
    fn offers(&self, device: DeviceId, id: ContextId, key: CatalogKey) -> bool {
        let channel = self.sessions.get(&device).and_then(|session| session.channel_of(id));
        channel.is_some_and(|(_, channel)| channel.known.contains_key(&key))
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
        let Some(context) = self.contexts.get(&id) else { return };
        let news = context.forks.get(&key).is_none_or(|known| proof.n() < known.n());
        // Incarnations and numbers are the signer's choice, so that of others only what follows on
        // what is here counts. Who is not that far yet meets the proof again on the way.
        let own = key.user == self.user && key.device == self.device && key.inc == self.inc;
        let n = context.catalogs.get(&key).map_or(0, Catalog::n);
        if !news || (!own && proof.n() > n + 1) {
            return;
        }
        if !own && (n == 0 || !context.has_room_for_fork(key)) {
            if let Some(device) = from.filter(|device| self.offers(*device, id, key)) {
                self.set_aside(device, id, key);
            }
            return;
        }
        let storing = self.tasks.values().any(|task| match task {
            Task::Fork { context, key: other, .. } => (*context, *other) == (id, key),
            _ => false,
        });
        if !storing {
            let record = Record::Fork { context: id, user: key.user, proof: proof.encode() };
            let task = Task::Fork { context: id, key, proof: Box::new(proof), from };
            self.store(cx, vec![record], task);
        }
    }

    /// Lets a fork count whose proof is durable, and passes it on.
    pub(super) fn forked(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        key: CatalogKey,
        proof: ForkProof,
        from: Option<DeviceId>,
    ) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        let (document, n) = (context.place(key).document(), proof.n());
        context.view.forked(document, n);
        context.forks.insert(key, proof);
        cx.emit(Event::Fork { context: id, device: key.device });
        cx.emit(Event::Context(id));
        if (key.user, key.device) == (self.user, self.device) {
            self.tell_undone(cx, id, key);
        }
        let mine = CatalogKey { user: self.user, device: self.device, inc: self.inc };
        if key == mine && self.renewal == Renewal::None {
            self.renew(cx, Why::Restored(id));
        }
        self.evaluate_all(cx);
        for (device, tag) in self.admitted_channels(id) {
            if Some(device) == from {
                let channel = self.channel_mut(device, tag).expect("the channel was just listed");
                channel.forks_told.insert(key, n);
            } else {
                self.send_fork(cx, device, tag, key);
            }
        }
        self.ask_before_fork(cx, id, key, n);
    }

    /// Asks for what peers have of a catalog just before a fork of it. Two tips that differ show
    /// that there is one, not where it begins; until everybody knows that, each keeps another way.
    fn ask_before_fork(&self, cx: &mut Cx<'_>, id: ContextId, key: CatalogKey, n: u64) {
        let Some(last) = n.checked_sub(1).filter(|last| *last > 0) else { return };
        // The one before tells whether the fork begins earlier; many, in one message as far as
        // they fit, lead there in few steps.
        let first = n.saturating_sub(BEFORE_FORK).max(1);
        for (device, tag) in self.channels_of(id) {
            for from in BTreeSet::from([first, last]) {
                cx.send(device, &Message::Want { tag, catalog: key, from });
            }
        }
    }

    /// Keeps a proof that could not be stored: nobody is asked for it again.
    pub(super) fn fork_failed(
        &mut self,
        now: i64,
        id: ContextId,
        key: CatalogKey,
        proof: ForkProof,
        from: Option<DeviceId>,
    ) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        if context.forks_again.len() < limits::FORKS {
            context.forks_again.insert(key, (proof, from));
        }
        context.retry.later(now);
    }

    /// Stores the proofs again that the disk refused.
    pub(super) fn store_forks_again(&mut self, cx: &mut Cx<'_>, id: ContextId) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        for (key, (proof, from)) in std::mem::take(&mut context.forks_again) {
            self.take_fork(cx, id, key, proof, from);
        }
    }

    /// Tells a peer, once each, of the forks before the end of what it has: it may have been behind
    /// them when they were passed on.
    pub(super) fn tell_forks(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        docs: &[CatalogState],
    ) {
        let Some((channel, context)) = self.channel(device, tag) else { return };
        if !channel.is_admitted() {
            return;
        }
        let forks = docs.iter().filter_map(|state| {
            let fork = context.forks.get(&state.key)?.n();
            let untold = channel.forks_told.get(&state.key) != Some(&fork);
            (untold && state.n >= fork).then_some((state.key, fork))
        });
        for (key, fork) in forks.collect::<Vec<_>>() {
            self.send_fork(cx, device, tag, key);
            let channel = self.channel_mut(device, tag).expect("the channel was just used");
            channel.forks_told.insert(key, fork);
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
        self.take_fork(cx, id, key, proof, Some(device));
    }
}

impl Context {
    /// Tells whether a proof about a catalog may be kept; one in the place of another always is.
    fn has_room_for_fork(&self, key: CatalogKey) -> bool {
        let of_user =
            self.forks.range(first_of(key.user)..).take_while(|(k, _)| k.user == key.user);
        self.forks.contains_key(&key)
            || (self.forks.len() < limits::FORKS && of_user.count() < limits::FORKS_PER_USER)
    }

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
pub(super) fn proves(proof: &ForkProof, place: &CatalogPlace) -> bool {
    at_place(place, CATALOG_EPOCH, proof.envelopes()[0])
}
