//! A home put back from an old copy goes on as a new incarnation, and only then.

use super::pair::{Pair, answer, sent, store, stores};
use crate::doc::{CatalogWriter, Envelope};
use crate::id::ChangeId;
use crate::key::SecretKey;
use crate::name::StackName;
use crate::sync::{Event, Output, Record};
use crate::wire::{CatalogState, Message};

#[test]
fn a_home_that_went_on_from_an_old_copy_notices_though_it_is_ahead() {
    let mut pair = Pair::new();
    let (alice, bob) = (pair.alice, pair.bob);
    let (old, key) = (pair.sim.hosts[&alice].records.clone(), pair.catalog());
    for _ in 0..2 {
        let push = pair.push();
        pair.sim.command(alice, push).unwrap();
    }
    pair.sim.run_for(20_000);
    let known = pair.count(bob, key);
    pair.sim.crash(alice);
    pair.sim.set_cut(alice, bob, true);
    pair.sim.hosts.get_mut(&alice).unwrap().records = old;
    pair.sim.start(alice);
    for _ in 0..4 {
        let push = pair.push();
        pair.sim.command(alice, push).unwrap();
    }
    assert!(pair.count(alice, key) > known, "the old copy is ahead, on another way");
    pair.sim.set_cut(alice, bob, false);
    pair.sim.run_for(600_000);
    assert_ne!(pair.node(alice).incarnation(), key.inc);
    let restored =
        |(host, event): &&(_, Event)| *host == alice && matches!(event, Event::Restored { .. });
    assert_eq!(pair.sim.events.iter().filter(restored).count(), 1);

    // Neither way counts from the fork on, and she is told what that is of hers.
    let undone = pair.sim.events.iter().rev().find_map(|(host, event)| match event {
        Event::Undone { stacks, others, .. } if *host == alice => Some((stacks.clone(), *others)),
        _ => None,
    });
    let name = |n: u8| format!("stack{n}").parse().unwrap();
    assert_eq!(undone, Some(((3..7).map(name).collect(), 0)));
    let shown = |pair: &Pair, host| -> Vec<StackName> {
        let stacks = pair.node(host).contexts[&pair.context].view.stacks();
        stacks.into_iter().map(|stack| stack.name).collect()
    };
    assert_eq!((shown(&pair, alice), shown(&pair, bob)), (vec![], vec![]));
    let push = pair.push();
    pair.sim.command(alice, push).unwrap();
    pair.sim.run_for(20_000);
    assert_eq!((shown(&pair, alice), shown(&pair, bob)), (vec![name(7)], vec![name(7)]));
}

/// Has Bob claim to have an envelope of Alice.
fn claim(pair: &mut Pair, n: u64, tip: ChangeId) -> Vec<Output> {
    let (tag, key) = (pair.tag(pair.alice, pair.bob), pair.catalog());
    let docs = vec![CatalogState { key, epoch: 0, n, tip }];
    let have = Message::Have { tag, logs: Vec::new(), docs, whole: false };
    pair.tell(pair.alice, pair.bob, &have)
}

/// An envelope that continues Alice's catalog and that she does not have.
fn lost(pair: &Pair, signer: &SecretKey) -> Envelope {
    let context = &pair.node(pair.alice).contexts[&pair.context];
    let stored = context.catalogs[&pair.catalog()].envelopes.iter();
    let stored: Vec<Envelope> = stored.map(|e| Envelope::decode(e).unwrap()).collect();
    let place = context.place(pair.catalog());
    let envelope = CatalogWriter::load(place, stored.iter()).unwrap().forge(signer).unwrap();
    assert_eq!(envelope.n, stored.len() as u64 + 1);
    envelope
}

fn give(pair: &mut Pair, envelope: &Envelope) -> Vec<Output> {
    let (tag, catalog) = (pair.tag(pair.alice, pair.bob), pair.catalog());
    let message = Message::Envelopes { tag, catalog, envelopes: vec![envelope.encode()] };
    pair.tell(pair.alice, pair.bob, &message)
}

#[test]
fn a_claim_alone_costs_a_question() {
    let mut pair = Pair::new();
    let (alice, key) = (pair.alice, pair.catalog());
    let mine = pair.count(alice, key);
    let asks = |outputs: &[Output]| {
        sent(outputs).iter().find_map(|message| match message {
            Message::Want { catalog, from, .. } if *catalog == key => Some(*from),
            _ => None,
        })
    };
    let other = ChangeId::from_bytes([9; 32]);
    let outputs = claim(&mut pair, 1 << 40, other);
    assert_eq!((asks(&outputs), stores(&outputs).len()), (Some(mine + 1), 0));
    assert_eq!(asks(&claim(&mut pair, 1 << 41, other)), None, "one question at a time");
    pair.sim.now += 6_000;
    assert_eq!(asks(&claim(&mut pair, mine, other)), Some(mine), "a fork is asked for, too");
    pair.sim.now += 6_000;
    let tip = pair.node(alice).contexts[&pair.context].catalogs[&key].change_at(mine).unwrap();
    assert_eq!(asks(&claim(&mut pair, mine, tip)), None, "what is known is not");

    let bob = pair.sim.hosts[&pair.bob].key().clone();
    let forged = lost(&pair, &bob);
    let outputs = give(&mut pair, &forged);
    assert!(stores(&outputs).is_empty(), "{outputs:?}");
    assert!(outputs.iter().any(|output| matches!(output, Output::Penalty { .. })));
}

#[test]
fn nothing_is_stated_until_the_new_incarnation_is_stored() {
    let mut pair = Pair::new();
    let (alice, key) = (pair.alice, pair.catalog());
    let signer = pair.sim.hosts[&alice].key().clone();
    let outputs = {
        let lost = lost(&pair, &signer);
        give(&mut pair, &lost)
    };
    let (task, records) = store(&outputs);
    assert!(matches!(records, [Record::Incarnation(_)]));
    assert_eq!(pair.node(alice).incarnation(), key.inc, "it is not durable yet");
    let push = pair.push();
    let (asked, outputs) = pair.ask(alice, push);
    assert!(stores(&outputs).is_empty() && answer(&outputs, asked).is_none());
    assert_eq!(answer(&pair.not_stored(alice, task), asked), Some(false));

    let push = pair.push();
    let (asked, outputs) = pair.ask(alice, push);
    let (task, records) = store(&outputs);
    let [Record::Incarnation(inc)] = records else { panic!("{records:?}") };
    let inc = *inc;
    let outputs = pair.stored(alice, task);
    assert_eq!(pair.node(alice).incarnation(), inc);
    let pushed = stores(&outputs).into_iter().find_map(|(task, records)| {
        let of = |r: &Record| matches!(r, Record::Envelope { envelope: e, .. } if e.inc == inc);
        records.iter().any(of).then_some(task)
    });
    let outputs = pair.stored(alice, pushed.expect("the push goes on"));
    assert_eq!(answer(&outputs, asked), Some(true));
}
