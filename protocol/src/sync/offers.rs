//! Offers: members learn of a context over a session of another one.
//!
//! Who was made a member without a ticket has neither the context's genesis nor its interest key.
//! A device of an owner tells them to her devices whenever it meets one in another context. What
//! is told is derived from the member statements, so nothing is kept on this side. On the other
//! side an offer is shown until she follows the context or declines; what one user may offer is
//! bounded, and an offer gives nothing but the way to ask: who is no member is not served.

use std::collections::BTreeSet;

use super::context::Context;
use super::event::{
    Command, CommandError, CommandId, ContextRecord, Event, Record, Standing, StoredOffer,
};
use super::node::{Cx, Node, Task};
use crate::id::{ContextId, DeviceId, UserId};
use crate::limits;
use crate::policy::FollowPolicy;
use crate::statement::Role;
use crate::wire::{Message, Offer, Tag};

impl Node {
    /// Returns the contexts that others offer.
    pub fn offered_contexts(&self) -> impl Iterator<Item = (ContextId, &StoredOffer)> {
        self.offers.iter().map(|(id, offer)| (*id, offer))
    }

    /// Tells every admitted peer of contexts that its user is a member of and does not take part
    /// in on this session.
    pub(super) fn offer_to_all(&mut self, cx: &mut Cx<'_>) {
        for device in self.sessions.keys().copied().collect::<Vec<_>>() {
            let channels = self.sessions[&device].channels.iter();
            let tag = channels.filter(|(_, c)| c.is_admitted()).map(|(tag, _)| *tag).next();
            if let Some(tag) = tag {
                self.offer_to(cx, device, tag);
            }
        }
    }

    /// Tells an admitted peer of contexts that its user is a member of and does not take part in
    /// on this session, each once.
    pub(super) fn offer_to(&mut self, cx: &mut Cx<'_>, device: DeviceId, tag: Tag) {
        let Some((channel, _)) = self.channel(device, tag) else { return };
        let Some(user) = channel.user.filter(|user| *user != self.user) else { return };
        if !channel.is_admitted() {
            return;
        }
        let session = &self.sessions[&device];
        let shared: BTreeSet<ContextId> = session.channels.values().map(|c| c.context).collect();
        let new = self.contexts.values().filter(|context| {
            let id = context.id();
            !shared.contains(&id)
                && !session.offered.contains(&id)
                && self.offers_it(context, user, device, cx.now)
        });
        let mut offers = Vec::new();
        let mut told = Vec::new();
        for context in new.take(limits::OFFERS_MESSAGE) {
            let interest = context.view.interests().into_iter().next();
            let (Some(about), Some(interest)) = (context.view.about(), interest) else { continue };
            let (genesis, name) = (context.record.genesis.clone(), about.name.clone());
            offers.push(Offer { genesis, interest, name });
            told.push(context.id());
        }
        if offers.is_empty() {
            return;
        }
        self.sessions.get_mut(&device).expect("just used").offered.extend(told);
        cx.send(device, &Message::Offer { tag, offers });
    }

    /// Tells whether a context of mine is for a device of a user to know: she is a member by a
    /// statement, and her grant lets the device in.
    fn offers_it(&self, context: &Context, user: UserId, device: DeviceId, now: i64) -> bool {
        let cap = self.device_cap(user, device, context.id(), now);
        let let_in = cap.is_some_and(|cap| cap > Role::None);
        context.is_active()
            && context.is_owner(self.user)
            && context.view.role(user) > Role::None
            && let_in
            && context.view.about().is_some_and(|about| !about.closed)
    }

    pub(super) fn on_offer(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        offers: Vec<Offer>,
    ) {
        let Some(channel) = self.channel_mut(device, tag) else { return };
        channel.offers = offers;
        self.take_offers(cx, device, tag);
    }

    /// Takes in what a peer offered, once it is known who it is.
    pub(super) fn take_offers(&mut self, cx: &mut Cx<'_>, device: DeviceId, tag: Tag) {
        let Some(channel) = self.channel_mut(device, tag) else { return };
        let Some(from) = channel.user.filter(|_| channel.is_admitted()) else { return };
        for offer in std::mem::take(&mut channel.offers) {
            let id = offer.genesis.id();
            if self.contexts.contains_key(&id) || !self.takes_offer(from, id, &offer) {
                continue;
            }
            if !self.offers.contains_key(&id) && !self.make_room_for_offer(cx, from) {
                continue;
            }
            // What was declined stays so.
            let declined = self.offers.get(&id).is_some_and(|known| known.declined);
            let stored = StoredOffer { from, offer, since: cx.now, declined };
            self.store(cx, vec![Record::Offer(stored.clone())], Task::Stored);
            self.offers.insert(id, stored);
            cx.emit(Event::Offer { context: id });
        }
    }

    /// Tells whether an offer by a user is news, and to be believed before the one that is known: an
    /// owner of the first hour is before others, whose key may be a wrong one.
    fn takes_offer(&self, from: UserId, id: ContextId, offer: &Offer) -> bool {
        let is_owner = |user| offer.genesis.owners.contains(&user);
        self.offers.get(&id).is_none_or(|known| match known.from == from {
            true => known.offer != *offer,
            false => is_owner(from) && !is_owner(known.from),
        })
    }

    /// Makes room for one more offer of a user. Where there is none left, one by somebody who owns
    /// nothing that I take part in gives way to one by somebody who does: of what was declined the
    /// oldest, then of what was not.
    fn make_room_for_offer(&mut self, cx: &mut Cx<'_>, from: UserId) -> bool {
        let of_user = self.offers.values().filter(|offer| offer.from == from).count();
        if of_user >= limits::OFFERS_PER_USER {
            return false;
        }
        if self.offers.len() < limits::OFFERS {
            return true;
        }
        if !self.owns_something_here(from) {
            return false;
        }
        let strangers = self.offers.iter().filter(|(_, o)| !self.owns_something_here(o.from));
        let oldest = strangers.min_by_key(|(id, offer)| (!offer.declined, offer.since, **id));
        let Some(gives_way) = oldest.map(|(id, _)| *id) else { return false };
        self.offer_done(cx, gives_way);
        true
    }

    /// Tells whether a user is an owner of a context that I take part in. Whoever came in by a
    /// ticket may have made herself up; an owner is somebody whom I follow.
    fn owns_something_here(&self, user: UserId) -> bool {
        self.contexts.values().any(|context| context.is_active() && context.is_owner(user))
    }

    /// Begins to follow a context that was offered.
    pub(super) fn accept_offer(
        &mut self,
        cx: &mut Cx<'_>,
        id: CommandId,
        context: ContextId,
        policy: FollowPolicy,
    ) {
        let Some(offered) = self.offers.get(&context) else {
            return cx.reply(id, Err(CommandError::NoOffer(context)));
        };
        if self.is_being_forgotten(context) {
            let error = CommandError::Ticket("the context is still being forgotten".to_owned());
            return cx.reply(id, Err(error));
        }
        if !self.contexts.contains_key(&context) {
            self.insert_context(Context::new(ContextRecord {
                genesis: offered.offer.genesis.clone(),
                interest: Vec::new(),
                policy: policy.clone(),
                standing: Standing::NEW,
                admission: None,
            }));
        }
        self.enqueue(cx, context, Some(id), Command::Accept { context, policy });
    }

    /// Returns the record of a context as an offer makes it; without the offer as it was.
    pub(super) fn accepted_offer(
        &self,
        mut record: ContextRecord,
        context: ContextId,
        policy: FollowPolicy,
    ) -> ContextRecord {
        if let Some(offered) = self.offers.get(&context) {
            let interest = &offered.offer.interest;
            record.interest.retain(|known| known.generation != interest.generation);
            record.interest.push(interest.clone());
        }
        let synced = self.was_synced(context, record.standing);
        record.standing = Standing::Active { synced };
        record.policy = policy;
        record
    }

    /// Forgets an offer of a context that is followed now.
    pub(super) fn offer_done(&mut self, cx: &mut Cx<'_>, context: ContextId) {
        if self.offers.remove(&context).is_some() {
            self.store(cx, vec![Record::DropOffer(context)], Task::Stored);
            cx.emit(Event::Offer { context });
        }
    }

    /// Shows an offer no more.
    pub(super) fn decline_offer(&mut self, cx: &mut Cx<'_>, id: CommandId, context: ContextId) {
        let Some(offered) = self.offers.get(&context) else {
            return cx.reply(id, Err(CommandError::NoOffer(context)));
        };
        let declined = StoredOffer { declined: true, ..offered.clone() };
        let records = vec![Record::Offer(declined.clone())];
        self.store(cx, records, Task::Declined { offer: Box::new(declined), command: id });
    }

    pub(super) fn declined(&mut self, cx: &mut Cx<'_>, offer: StoredOffer, id: CommandId) {
        let context = offer.offer.genesis.id();
        // Followed meanwhile, it is no offer any more.
        if let Some(known) = self.offers.get_mut(&context) {
            *known = offer;
        }
        cx.emit(Event::Offer { context });
        cx.reply(id, Ok(super::Reply::Done));
    }
}
