//! How this node stands with one device, for whoever wants to know why nothing comes.

use super::context::Catalog;
use super::node::Node;
use crate::id::{ContextId, DeviceId};
use crate::wire::{CatalogKey, DenyCode};

/// How far the way to a device in a context goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// No sync stream is open.
    NoSession,
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
        let Some(session) = self.sessions.get(&device) else { return Hop::NoSession };
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
