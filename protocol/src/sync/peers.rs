//! Peer exchange: members of a context tell each other where they can be reached.
//!
//! A device says where it listens to every peer that it admits; who hears it first hand passes it
//! on inside the contexts where that device is admitted. So two followers who know only the author
//! find each other, and go on when she is away. Hearsay is a hint and nothing more: it is taken
//! for devices that the context's identity logs grant, it never replaces what a device said of
//! itself, and a dial proves the device key anyway.

use std::collections::BTreeSet;

use super::event::Output;
use super::node::{Cx, Node};
use crate::id::{ContextId, DeviceId};
use crate::limits;
use crate::wire::{Message, PeerAddresses, Tag};

/// Most devices whose own word about their addresses is kept.
const STATED: usize = 1024;

impl Node {
    /// Takes in where this device can be reached, and tells it where that changed.
    pub(super) fn listening(&mut self, cx: &mut Cx<'_>, mut addresses: Vec<String>) {
        addresses.retain(|address| address.len() <= limits::ADDRESS_BYTES);
        addresses.truncate(limits::PEER_ADDRESSES);
        if self.stated.get(&self.device) == Some(&addresses) {
            return;
        }
        self.stated.insert(self.device, addresses);
        for context in self.contexts.keys().copied().collect::<Vec<_>>() {
            self.pass_on_addresses(cx, context, self.device);
        }
    }

    /// Tells a peer that was just admitted where this device and others of the context are, and
    /// tells the others where the peer is.
    pub(super) fn introduce(&self, cx: &mut Cx<'_>, device: DeviceId, tag: Tag) {
        let Some((_, context)) = self.channel(device, tag) else { return };
        let id = context.id();
        let users = self.logs.iter().filter(|(user, _)| self.is_known_in(id, **user));
        let granted = users.flat_map(|(_, log)| log.devices().map(|(device, _)| device));
        let devices: BTreeSet<DeviceId> = granted.filter(|other| *other != device).collect();
        // This device first: the list may be cut.
        let mine = self.stated.get_key_value(&self.device);
        let others = devices.iter().filter(|other| **other != self.device);
        let others = others.filter_map(|other| self.stated.get_key_value(other));
        let peers: Vec<PeerAddresses> = mine
            .into_iter()
            .chain(others)
            .filter(|(_, addresses)| !addresses.is_empty())
            .take(limits::PEERS)
            .map(|(device, addresses)| PeerAddresses {
                device: *device,
                addresses: addresses.clone(),
            })
            .collect();
        if !peers.is_empty() {
            cx.send(device, &Message::Peers { tag, peers });
        }
        self.pass_on_addresses(cx, id, device);
    }

    /// Tells every admitted peer of a context what a device said of itself.
    fn pass_on_addresses(&self, cx: &mut Cx<'_>, context: ContextId, device: DeviceId) {
        let Some(addresses) = self.stated.get(&device) else { return };
        for (peer, tag) in self.admitted_channels(context) {
            if peer != device {
                let peers = vec![PeerAddresses { device, addresses: addresses.clone() }];
                cx.send(peer, &Message::Peers { tag, peers });
            }
        }
    }

    pub(super) fn on_peers(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        peers: Vec<PeerAddresses>,
    ) {
        let Some(channel) = self.channel_mut(device, tag) else { return };
        if channel.is_denied() {
            return;
        }
        let context = channel.context;
        let mut itself = None;
        for peer in peers {
            if peer.device == device {
                itself = Some(peer.addresses);
            } else if channel.heard.len() < limits::PEERS_HEARD
                || channel.heard.contains_key(&peer.device)
            {
                channel.heard.insert(peer.device, peer.addresses);
            }
        }
        if let Some(addresses) = itself {
            self.take_stated(cx, device, addresses);
        }
        self.reach(cx, context, false);
    }

    /// Takes in what a device said of itself, and passes it on where the device is admitted.
    fn take_stated(&mut self, cx: &mut Cx<'_>, device: DeviceId, addresses: Vec<String>) {
        let known = self.stated.get(&device);
        if known == Some(&addresses) || (known.is_none() && self.stated.len() >= STATED) {
            return;
        }
        cx.out.push(Output::Reachable { device, addresses: addresses.clone() });
        self.stated.insert(device, addresses);
        let channels = self.sessions.get(&device).into_iter().flat_map(|s| s.channels.values());
        let admitted = channels.filter(|channel| channel.is_admitted());
        for context in admitted.map(|channel| channel.context).collect::<Vec<_>>() {
            self.pass_on_addresses(cx, context, device);
        }
    }
}
