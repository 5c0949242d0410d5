//! How this node stands with one device, for whoever wants to know why nothing comes.

use std::collections::BTreeSet;

use super::context::Catalog;
use super::node::Node;
use crate::id::{ContextId, DeviceId};
use crate::wire::{CatalogKey, DenyCode};

/// How far the way to a device in a context goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hop {
    /// No sync stream is open.
    NoSession,
    /// The device, when it was met last, spoke these versions of the protocol and none of ours.
    OtherVersion(Vec<u16>),
    /// The hello, or what follows it, is under way.
    Begins,
    /// The hello is done, and the context is not among those that both have.
    NoMatch,
    /// The device says that it does not serve us.
    Denied(DenyCode),
    /// We do not serve the device.
    DeniedHere,
    /// Both serve each other.
    Syncs,
}

impl Node {
    /// Returns how far the way to a device goes in a context.
    pub fn hop(&self, context: ContextId, device: DeviceId) -> Hop {
        let session = self.sessions.get(&device);
        // What it said last stands until it says another hello.
        if session.is_none_or(|session| session.peer_nonce.is_none())
            && let versions @ [_, ..] = self.other_versions(device)
        {
            return Hop::OtherVersion(versions.to_vec());
        }
        let Some(session) = session else { return Hop::NoSession };
        match session.channel_of(context) {
            None if session.tags_done && !session.channels.is_empty() => Hop::NoMatch,
            None => Hop::Begins,
            Some((_, channel)) => match (channel.denied, channel.serves) {
                (Some(code), _) => Hop::Denied(code),
                (None, true) => Hop::Syncs,
                (None, false) if channel.is_denied() => Hop::DeniedHere,
                (None, false) => Hop::Begins,
            },
        }
    }

    /// Returns the devices that the ticket names by which a context was followed.
    pub fn ticket_devices(&self, context: ContextId) -> BTreeSet<DeviceId> {
        let ticket = self.contexts.get(&context).and_then(|c| c.record.admission.as_ref());
        ticket.into_iter().flat_map(|ticket| &ticket.devices).map(|(device, _)| *device).collect()
    }

    /// Returns where a device is, by its own word, the ticket of a context and what peers say.
    pub fn addresses_of(&self, context: ContextId, device: DeviceId) -> Vec<String> {
        let ticket = self.contexts.get(&context).and_then(|c| c.record.admission.as_ref());
        let ticket = ticket.into_iter().flat_map(|ticket| &ticket.devices);
        let ticket = ticket.filter(|(of, _)| *of == device).map(|(_, address)| address.clone());
        let stated = self.stated.get(&device).into_iter().flatten().cloned();
        stated.chain(ticket).collect()
    }

    /// Tells whether a peer that is connected has all that this device stated in a context.
    pub fn is_told(&self, context: ContextId) -> bool {
        let me = CatalogKey { user: self.user, device: self.device, inc: self.inc };
        let mine = self.contexts.get(&context).and_then(|c| c.catalogs.get(&me));
        let n = mine.map_or(0, Catalog::n);
        let channels = self.sessions.values().filter_map(|session| session.channel_of(context));
        let known = channels.filter_map(|(_, channel)| channel.known.get(&me));
        n > 0 && known.into_iter().any(|(known, _)| *known >= n)
    }
}
