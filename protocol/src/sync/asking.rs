//! Asking: which catalogs and identity logs a peer is asked for, and what is asked again.
//!
//! A peer that is not admitted yet brings only what concerns the owners and whoever they let in;
//! what it offers of others is looked at again as soon as more is known. What this node could not
//! take anyway, because it is full, excluded or over its quota, is not asked for.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Defect;
use super::authority::Authority;
use super::context::{Catalog, Context, Waiting};
use super::node::{Cx, Node};
use super::session::{ASK_MS, Channel};
use crate::id::{ContextId, DeviceId, UserId};
use crate::limits;
use crate::statement::{Fact, Role};
use crate::wire::{CatalogKey, LogDigest, Message, Tag};

/// Most catalogs asked of one peer at a time in one context.
const ASKED_PER_PEER: usize = 64;

impl Node {
    /// Asks every session of a context for what it has more of.
    pub(super) fn ask_everybody(&mut self, cx: &mut Cx<'_>, id: ContextId) {
        for (device, tag) in self.channels_of(id) {
            self.ask_later_logs(cx, device, tag);
            self.ask_catalogs(cx, device, tag);
        }
    }

    /// Asks a peer for what it has more of: catalogs of owners first, which make others
    /// acceptable.
    pub(super) fn ask_catalogs(&mut self, cx: &mut Cx<'_>, device: DeviceId, tag: Tag) {
        self.forget_asked_catalogs(cx.now, device, tag);
        let Some((channel, context)) = self.channel(device, tag) else { return };
        let room = ASKED_PER_PEER.saturating_sub(channel.asked.len());
        let more = channel.known.iter().filter_map(|(key, (n, _))| {
            let next = context.catalogs.get(key).map_or(1, Catalog::next_missing);
            let waits = channel.asked.get(key).is_some_and(|at| cx.now - at < ASK_MS);
            (*n >= next && !waits).then_some((*key, *n, next))
        });
        let more: Vec<(CatalogKey, u64, u64)> = more.collect();
        // This is asked of every session at every word of any: mostly there is nothing to ask.
        if more.is_empty() || room == 0 {
            return;
        }
        let elsewhere = self.asked_elsewhere(cx.now, device, context);
        let mut waiting = None;
        let mut asks: Vec<(Reverse<Role>, CatalogKey, u64)> = Vec::new();
        for (key, n, next) in more {
            if elsewhere.get(&key).is_some_and(|most| *most >= n) {
                continue;
            }
            let waiting = waiting.get_or_insert_with(|| context.waiting(device));
            if self.is_wanted(cx.now, channel, context, key, next, waiting) {
                asks.push((Reverse(context.view.role(key.user)), key, next));
            }
        }
        asks.sort_unstable_by_key(|(role, key, _)| (*role, *key));
        for (_, catalog, from) in asks.into_iter().take(room) {
            let channel = self.channel_mut(device, tag).expect("the channel was just used");
            channel.asked.insert(catalog, cx.now);
            cx.send(device, &Message::Want { tag, catalog, from });
        }
    }

    /// Returns the catalogs that may still come from other peers of a context, with the last number
    /// that one of those says to have. Whoever was asked in vain keeps nobody from being asked.
    fn asked_elsewhere(
        &self,
        now: i64,
        device: DeviceId,
        context: &Context,
    ) -> BTreeMap<CatalogKey, u64> {
        let mut asked = BTreeMap::new();
        let others = self.sessions.iter().filter(|(other, _)| **other != device);
        for (_, channel) in others.filter_map(|(_, session)| session.channel_of(context.id())) {
            let fresh = channel.asked.iter().filter(|(_, at)| now - **at < ASK_MS);
            for (key, _) in fresh.filter(|(key, _)| !channel.in_vain.contains(key)) {
                let here = context.catalogs.get(key).map_or(0, Catalog::n);
                if channel.set_aside.get(key) != Some(&here) {
                    let claimed = channel.known.get(key).map_or(0, |known| known.0);
                    let most = asked.entry(*key).or_insert(0);
                    *most = claimed.max(*most);
                }
            }
        }
        asked
    }

    /// Tells whether the envelopes of a catalog from a number on would be taken from a peer.
    fn is_wanted(
        &self,
        now: i64,
        channel: &Channel,
        context: &Context,
        key: CatalogKey,
        next: u64,
        waiting: &Waiting,
    ) -> bool {
        let own = key.user == self.user && key.device == self.device && key.inc == self.inc;
        let mine = context.catalogs.get(&key);
        if own || mine.is_some_and(|catalog| catalog.over_quota || !catalog.has_room_for(next)) {
            return false;
        }
        // Whoever is not let in here may still bring what tells that she is, or that I am again.
        let believed = (context.is_active() && !channel.is_denied()) || context.is_owner(key.user);
        let aside = channel.set_aside.get(&key) == Some(&mine.map_or(0, Catalog::n));
        if !believed || aside {
            return false;
        }
        let document = context.place(key).document();
        if !context.view.cut_allows(key.user, key.device, document, next) {
            return false;
        }
        match self.authority(context.id(), key, now) {
            Authority::Granted => true,
            Authority::Excluded => false,
            Authority::Wait => {
                let room = waiting.room() >= limits::ENVELOPE_BYTES;
                let begins = mine.is_none();
                room && (!begins || waiting.takes_catalog()) && self.hears_of(channel, key.user)
            }
        }
    }

    /// Tells whether a peer is believed that a user has a part in the context.
    pub(super) fn hears_of(&self, channel: &Channel, user: UserId) -> bool {
        channel.is_admitted() || self.is_known_in(channel.context, user)
    }

    /// Forgets questions that were answered elsewhere or wait too long.
    fn forget_asked_catalogs(&mut self, now: i64, device: DeviceId, tag: Tag) {
        if self.broken(Defect::Resume) {
            return;
        }
        let Some((channel, context)) = self.channel(device, tag) else { return };
        let next = |key: &CatalogKey| context.catalogs.get(key).map_or(1, Catalog::next_missing);
        let open = |key: &CatalogKey| channel.known.get(key).is_some_and(|k| k.0 >= next(key));
        let lacking = channel.asked.iter().filter(|(key, _)| open(key));
        let (late, asked): (Vec<_>, Vec<_>) =
            lacking.map(|(key, at)| (*key, *at)).partition(|(_, at)| now - at >= ASK_MS);
        let channel = self.channel_mut(device, tag).expect("the channel was just used");
        channel.in_vain.extend(late.into_iter().map(|(key, _)| key));
        channel.asked = asked.into_iter().collect();
    }

    // Identity logs.

    /// Tells whether the identity log of a user is any business of this node, or becomes it when
    /// a peer names it: the log of the peer itself, of who has a part in the context, and of the
    /// authors of catalogs that an admitted peer offers. All but those of who has a role or wrote
    /// are bounded together: others need nobody's leave to make up users. A user without a part is
    /// a guest, and guests are bounded in each context too.
    pub(super) fn takes_log_of(&mut self, device: DeviceId, tag: Tag, user: UserId) -> bool {
        let Some((channel, context)) = self.channel(device, tag) else { return false };
        let id = context.id();
        if user == self.user || context.view.role(user) > Role::None || context.wrote(user) {
            return true;
        }
        if !self.logs.contains_key(&user) && self.logs.len() >= limits::LOGS {
            return false;
        }
        if context.came_in(user) {
            return true;
        }
        let itself = channel.user == Some(user);
        let redeems = channel.redeem.as_ref().is_some_and(|redeem| match redeem.fact() {
            Fact::Redeem(fact) => context.view.ticket(&fact.ticket).is_some_and(|t| !t.ended),
            _ => false,
        });
        if itself && redeems {
            return true;
        }
        let author = channel.is_admitted() && channel.offers_of(user);
        if !itself && !author {
            return false;
        }
        if context.guests.contains(&user) {
            return true;
        }
        if context.guests.len() >= limits::GUEST_LOGS {
            self.forget_guests(id);
        }
        let context = self.contexts.get_mut(&id).expect("just used");
        context.guests.len() < limits::GUEST_LOGS && context.guests.insert(user)
    }

    /// Forgets the guests of a context that no open session is about.
    fn forget_guests(&mut self, id: ContextId) {
        let channels: Vec<&Channel> =
            self.sessions.values().filter_map(|s| Some(s.channel_of(id)?.1)).collect();
        let present = |user: &UserId| {
            channels.iter().any(|channel| {
                channel.user == Some(*user) || channel.is_admitted() && channel.offers_of(*user)
            })
        };
        let context = self.contexts.get(&id).expect("the caller looked it up");
        let guests = context.guests.iter().copied().filter(present).collect();
        self.contexts.get_mut(&id).expect("just used").guests = guests;
    }

    /// Remembers that a peer has a log that is none of this node's business yet.
    pub(super) fn ask_log_later(
        &mut self,
        device: DeviceId,
        tag: Tag,
        user: UserId,
        stated: Option<LogDigest>,
    ) {
        let Some(channel) = self.channel_mut(device, tag) else { return };
        let known = channel.later_logs.contains_key(&user);
        if known || channel.later_logs.len() < limits::CATALOGS {
            channel.later_logs.insert(user, stated);
        }
    }

    /// Asks for logs that were none of this node's business before.
    fn ask_later_logs(&mut self, cx: &mut Cx<'_>, device: DeviceId, tag: Tag) {
        let Some(channel) = self.channel_mut(device, tag) else { return };
        for (user, stated) in std::mem::take(&mut channel.later_logs) {
            self.ask_log(cx, device, tag, user, stated);
        }
    }

    // Timers.

    /// Asks again for what did not come in time.
    pub(super) fn ask_again(&mut self, cx: &mut Cx<'_>) {
        if self.broken(Defect::Resume) {
            return;
        }
        for id in self.contexts.keys().copied().collect::<Vec<_>>() {
            if self.contexts[&id].retry.at.is_some_and(|at| at <= cx.now) {
                self.store_forks_again(cx, id);
                self.retry_wants(id);
            }
            self.forget_late_frames(cx.now, id);
            for (device, tag) in self.channels_of(id) {
                self.ask_late_logs(cx, device, tag);
            }
            self.pump_context(cx, id);
        }
    }

    /// Drops envelopes that waited too long for authority or for the one before.
    pub(super) fn expire_pending(&mut self, cx: &mut Cx<'_>) {
        for context in self.contexts.values_mut() {
            for catalog in context.catalogs.values_mut() {
                let old: Vec<u64> = catalog
                    .pending
                    .iter()
                    .filter(|(_, p)| cx.now - p.since >= limits::WAITING_MS)
                    .map(|(n, _)| *n)
                    .collect();
                for n in old {
                    catalog.take_pending(n);
                }
            }
        }
    }

    /// Returns when an answer is late. Each such time passes once: [`Node::ask_again`] forgets
    /// what is late, or asks anew.
    pub(super) fn ask_deadlines(&self) -> impl Iterator<Item = i64> {
        let channels = self.sessions.values().flat_map(|session| session.channels.values());
        let asked = channels.flat_map(|channel| {
            let frames = (!channel.asked_frames.is_empty()).then_some(&channel.frames_at);
            let logs = channel.asked_logs.values().filter_map(|ask| ask.at.as_ref());
            let asked = channel.asked.values().chain(logs).chain(frames);
            asked.map(|at| at + ASK_MS)
        });
        let resume = !self.broken(Defect::Resume);
        let retries = self.contexts.values().filter_map(|context| context.retry.at);
        asked.chain(retries).filter(move |_| resume)
    }
}
