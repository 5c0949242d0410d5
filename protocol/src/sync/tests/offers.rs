//! Offers: who was made a member of a context hears of it in another one, and nobody else does.

use std::collections::BTreeSet;

use super::handover::sister;
use super::lab::{At, Lab};
use super::{ALICE, BOB, MALLORY, members};
use crate::api::Policy;
use crate::context::{ContextKind, Genesis};
use crate::id::ContextId;
use crate::limits;
use crate::statement::{Interest, Scope};
use crate::sync::{Command, CommandError, Record, Reply, Standing, StoredOffer};
use crate::wire::{Message, Offer};

/// Has Alice make a context for Bob; sessions begin anew.
fn for_bob(lab: &mut Lab) -> ContextId {
    let readers = BTreeSet::from([lab[BOB].user]);
    let command = Command::NewAudience { name: "for-bob".parse().unwrap(), readers };
    let Ok(Reply::Context(context)) = lab.command(ALICE, command) else { panic!("none made") };
    lab.connect(BOB, ALICE);
    lab.connect(MALLORY, ALICE);
    context
}

fn offered(lab: &Lab, at: At) -> Vec<ContextId> {
    lab[at].node.offered_contexts().map(|(id, _)| id).collect()
}

#[test]
fn a_member_follows_what_was_offered_and_others_hear_nothing() {
    let (mut lab, _) = members();
    let context = for_bob(&mut lab);
    assert_eq!((offered(&lab, BOB), offered(&lab, MALLORY)), (vec![context], vec![]));
    assert!(lab.said(ALICE, MALLORY, 0).iter().all(|m| !matches!(m, Message::Offer { .. })));
    let pushed = lab.push(ALICE, context, "for Bob");
    let accept = Command::Accept { context, policy: Policy::All.into() };
    let reply = lab.command(BOB, accept.clone()).unwrap();
    assert!(matches!(reply, Reply::Following { known: false, .. }), "{reply:?}");
    lab.connect(BOB, ALICE);
    let followed = lab[BOB].node.context(context).unwrap();
    assert_eq!(followed.standing(), Standing::Active { synced: true });
    assert!(followed.frame(pushed).is_some());
    assert_eq!(offered(&lab, BOB), []);
    assert_eq!(lab.command(BOB, accept).unwrap_err(), CommandError::NoOffer(context));
}

#[test]
fn an_offer_lasts_and_one_that_was_declined_stays_declined() {
    let (mut lab, _) = members();
    let context = for_bob(&mut lab);
    let records = lab[BOB].records.clone();
    lab.restart(BOB, records);
    assert_eq!(offered(&lab, BOB), [context]);
    lab.command(BOB, Command::Decline { context }).unwrap();
    let records = lab[BOB].records.clone();
    lab.restart(BOB, records);
    lab.connect(BOB, ALICE);
    let declined: Vec<bool> = lab[BOB].node.offered_contexts().map(|(_, o)| o.declined).collect();
    assert_eq!(declined, [true]);
}

#[test]
fn what_one_user_offers_is_bounded() {
    let (mut lab, _) = members();
    let tag = lab.tag(ALICE, BOB);
    let offer = |n: u8| Offer {
        genesis: Genesis {
            owners: vec![crate::id::UserId::from_bytes([9; 32])],
            nonce: [n; 16],
            kind: ContextKind::Team,
        },
        interest: Interest { generation: 1, key: [n; 32] },
        name: "plans".parse().unwrap(),
    };
    for first in (0..64).step_by(limits::OFFERS_MESSAGE) {
        let offers = (first..).take(limits::OFFERS_MESSAGE).map(offer).collect();
        lab.say(ALICE, BOB, &Message::Offer { tag, offers });
    }
    assert_eq!(offered(&lab, BOB).len(), limits::OFFERS_PER_USER);
}

/// Fills all places with offers of users who own nothing, the last one declined.
fn fill_with_strangers(lab: &mut Lab, at: At) -> Vec<ContextId> {
    let mut made = Vec::new();
    for n in 0..limits::OFFERS {
        let from = crate::id::UserId::from_bytes([100 + (n / limits::OFFERS_PER_USER) as u8; 32]);
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&(n as u64).to_be_bytes());
        let genesis = Genesis { owners: vec![from], nonce, kind: ContextKind::Team };
        let id = genesis.id();
        let interest = Interest { generation: 1, key: [1; 32] };
        let offer = Offer { genesis, interest, name: "plans".parse().unwrap() };
        let declined = n + 1 == limits::OFFERS;
        let stored = StoredOffer { from, offer, since: n as i64, declined };
        lab[at].node.offers.insert(id, stored);
        made.push(id);
    }
    made
}

#[test]
fn strangers_cannot_keep_an_owners_offers_out() {
    let (mut lab, _) = members();
    let strangers = fill_with_strangers(&mut lab, BOB);
    let first = for_bob(&mut lab);
    let all = offered(&lab, BOB);
    assert!(all.contains(&first), "Alice owns what Bob follows");
    assert_eq!(all.len(), limits::OFFERS);
    assert!(!all.contains(strangers.last().unwrap()), "what was declined goes first");
    let second = for_bob(&mut lab);
    let all = offered(&lab, BOB);
    assert!(all.contains(&second) && !all.contains(&strangers[0]), "then the oldest");
    // Mallory, who owns nothing here, pushes nobody out.
    lab.connect(BOB, MALLORY);
    let tag = lab.tag(MALLORY, BOB);
    let genesis =
        Genesis { owners: vec![lab[MALLORY].user], nonce: [7; 16], kind: ContextKind::Team };
    let interest = Interest { generation: 1, key: [1; 32] };
    let offer = Offer { genesis, interest, name: "plans".parse().unwrap() };
    lab.say(MALLORY, BOB, &Message::Offer { tag, offers: vec![offer] });
    assert_eq!(offered(&lab, BOB), all);
}

#[test]
fn who_is_not_admitted_offers_nothing() {
    let (mut lab, _) = super::outsider();
    let tag = lab.tag(ALICE, MALLORY);
    let offer = Offer {
        genesis: Genesis {
            owners: vec![lab[MALLORY].user],
            nonce: [1; 16],
            kind: ContextKind::Team,
        },
        interest: Interest { generation: 1, key: [1; 32] },
        name: "plans".parse().unwrap(),
    };
    lab.say(MALLORY, ALICE, &Message::Offer { tag, offers: vec![offer] });
    assert_eq!(offered(&lab, ALICE), []);
}

#[test]
fn a_device_hears_of_no_context_that_its_grant_does_not_let_it_into() {
    let mut lab = Lab::new(&["alice", "bob", "mallory"]);
    let theirs = lab.context(MALLORY);
    let ticket = lab.ticket(MALLORY, theirs, None);
    lab.follow(ALICE, &ticket);
    let scope = Scope { contexts: Some(vec![theirs]), role: None };
    sister(&mut lab, Some(scope), None, theirs);
    let readers = BTreeSet::from([lab[ALICE].user]);
    let command = Command::NewAudience { name: "for-alice".parse().unwrap(), readers };
    lab.command(MALLORY, command).unwrap();
    lab.connect(BOB, MALLORY);
    assert_eq!(offered(&lab, BOB), []);
    lab.connect(ALICE, MALLORY);
    assert_eq!(offered(&lab, ALICE).len(), 1);
}

#[test]
fn an_owner_is_believed_before_others_that_offer_her_context() {
    let (mut lab, shared) = members();
    let context = for_bob(&mut lab);
    let genesis = lab[ALICE].node.context(context).unwrap().record.genesis.clone();
    let offer = |key| Offer {
        genesis: genesis.clone(),
        interest: Interest { generation: 1, key: [key; 32] },
        name: "plans".parse().unwrap(),
    };
    let keys = |lab: &Lab| -> Vec<u8> {
        lab[BOB].node.offered_contexts().map(|(_, known)| known.offer.interest.key[0]).collect()
    };
    let records = lab[BOB].records.clone();
    let none = records.into_iter().filter(|record| !matches!(record, Record::Offer(_))).collect();
    lab.restart(BOB, none);
    lab.connect(BOB, MALLORY);
    assert!(lab[BOB].node.context(shared).is_some());
    let tag = lab.tag(MALLORY, BOB);
    lab.say(MALLORY, BOB, &Message::Offer { tag, offers: vec![offer(66)] });
    assert_eq!(keys(&lab), [66]);
    lab.connect(BOB, ALICE);
    let hers = keys(&lab);
    assert_ne!(hers, [66]);
    let tag = lab.tag(MALLORY, BOB);
    lab.say(MALLORY, BOB, &Message::Offer { tag, offers: vec![offer(67)] });
    assert_eq!(keys(&lab), hers);
}
