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
use crate::id::{ContextId, DeviceId, UserId};
use crate::limits;
use crate::wire::{Message, PeerAddresses, Tag};

/// Most devices whose own word about their addresses is kept.
pub(super) const STATED: usize = 1024;

impl Node {
    /// Takes in where this device can be reached, and tells it where that changed.
    pub(super) fn listening(&mut self, cx: &mut Cx<'_>, mut addresses: Vec<String>) {
        addresses.retain(|address| address.len() <= limits::ADDRESS_BYTES);
        addresses.truncate(limits::PEER_ADDRESSES);
        let before = self.stated.get(&self.device);
        if before == Some(&addresses) {
            return;
        }
        let new = |before: &Vec<String>| addresses.iter().any(|one| !before.contains(one));
        let moved = before.is_some_and(new);
        self.stated.insert(self.device, addresses);
        if moved {
            self.dial_at_once(cx);
        }
        for context in self.contexts.keys().copied().collect::<Vec<_>>() {
            self.pass_on_addresses(cx, context, self.device);
        }
    }

    /// Tells a peer that was just admitted where this device and others of the context are, and
    /// tells the others where the peer is. What it said before counts from now on.
    pub(super) fn introduce(&mut self, cx: &mut Cx<'_>, device: DeviceId, tag: Tag) {
        let Some((channel, context)) = self.channel(device, tag) else { return };
        let (id, heard) = (context.id(), !channel.heard.is_empty());
        self.send_addresses(cx, device, tag);
        self.offer_to(cx, device, tag);
        self.take_offers(cx, device, tag);
        if !self.take_stated(cx, device, tag) {
            self.pass_on_addresses(cx, id, device);
        }
        if heard {
            self.reach(cx, id, false);
        }
    }

    /// Tells a peer where this device and others of the context are.
    fn send_addresses(&self, cx: &mut Cx<'_>, device: DeviceId, tag: Tag) {
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
        let (context, admitted) = (channel.context, channel.is_admitted());
        let mut news = BTreeSet::new();
        for peer in peers {
            if peer.device == device {
                channel.itself = Some(peer.addresses);
            } else if channel.heard.len() < limits::PEERS_HEARD
                || channel.heard.contains_key(&peer.device)
            {
                let known = channel.heard.insert(peer.device, peer.addresses.clone());
                if known != Some(peer.addresses) {
                    news.insert(peer.device);
                }
            }
        }
        if admitted {
            if self.take_stated(cx, device, tag) {
                news.insert(device);
            }
            if !news.is_empty() {
                self.reach_heard(cx, context, &news);
            }
        }
    }

    /// Takes in what an admitted device said of itself, and passes it on where it is admitted.
    /// Tells whether it is news.
    fn take_stated(&mut self, cx: &mut Cx<'_>, device: DeviceId, tag: Tag) -> bool {
        let channel = self.channel_mut(device, tag);
        let Some(addresses) = channel.and_then(|channel| channel.itself.take()) else {
            return false;
        };
        let known = self.stated.get(&device);
        if known == Some(&addresses) || (known.is_none() && !self.has_room_for_stated()) {
            return false;
        }
        cx.out.push(Output::Reachable { device, addresses: addresses.clone() });
        self.stated.insert(device, addresses);
        let channels = self.sessions.get(&device).into_iter().flat_map(|s| s.channels.values());
        let admitted = channels.filter(|channel| channel.is_admitted());
        for context in admitted.map(|channel| channel.context).collect::<Vec<_>>() {
            self.pass_on_addresses(cx, context, device);
        }
        true
    }

    /// Tells whether the word of one more device may be kept; where there are too many, one gives
    /// way that is not connected and whose user has no role anywhere.
    fn has_room_for_stated(&mut self) -> bool {
        if self.stated.len() < STATED {
            return true;
        }
        let members = self.contexts.values().flat_map(|context| context.view.members());
        let users: BTreeSet<UserId> = members.map(|(user, _)| user).chain([self.user]).collect();
        let logs = users.iter().filter_map(|user| self.logs.get(user));
        let of_members: BTreeSet<DeviceId> =
            logs.flat_map(|log| log.devices().map(|(device, _)| device)).collect();
        let stays =
            |device: &DeviceId| self.sessions.contains_key(device) || of_members.contains(device);
        let gives_way = self.stated.keys().find(|device| !stays(device)).copied();
        gives_way.is_some_and(|device| self.stated.remove(&device).is_some())
    }
}
