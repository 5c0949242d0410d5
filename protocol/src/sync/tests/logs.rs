//! Identity logs travel whatever their length, and count once they are stored.

use super::pair::{Pair, answer, sent, store, stores};
use crate::id::{ChangeId, Incarnation};
use crate::identity::{IdentityLog, Standing};
use crate::key::SecretKey;
use crate::statement::{Grant, Verified};
use crate::sync::{Command, Input, Output, Record};
use crate::wire::{CatalogKey, CatalogState, LogState, Message};

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn grant(seed: u8) -> Grant {
    Grant { device: key(seed).device(), name: format!("d{seed}"), scope: None, until: None }
}

/// Signs grants on from a log with its root.
fn grants(log: &IdentityLog, root: &SecretKey, seeds: std::ops::Range<u8>) -> Vec<Verified> {
    let mut log = log.clone();
    let sign = |seed| {
        let entry = log.grant(root, grant(seed)).unwrap();
        log.add(entry.clone()).unwrap();
        entry
    };
    seeds.map(sign).collect()
}

/// Stores entries of Alice's log with Bob while he is off.
fn plant(pair: &mut Pair, entries: &[Verified]) {
    let user = pair.sim.hosts[&pair.alice].user;
    pair.sim.crash(pair.bob);
    let bob = pair.sim.hosts.get_mut(&pair.bob).unwrap();
    bob.records.extend(entries.iter().map(|e| Record::Log { user, entry: e.encode() }));
}

#[test]
fn a_recovery_beats_the_longer_log_of_a_thief() {
    let mut pair = Pair::new();
    let (alice, bob) = (pair.alice, pair.bob);
    let user = pair.sim.hosts[&alice].user;
    let [root, recovery] = pair.sim.hosts[&alice].identity().clone();
    let log = pair.node(alice).log(user).unwrap().clone();
    plant(&mut pair, &grants(&log, &root, 100..103));
    let entry = log.recover(&recovery, log.tip(), &key(1).public(), &key(2).public()).unwrap();
    pair.sim.command(alice, Command::Identity { entry: Box::new(entry.clone()) }).unwrap();
    pair.sim.start(bob);
    let thief = key(100).device();
    let trusted = |pair: &Pair| {
        matches!(pair.node(bob).log(user).unwrap().standing(thief), Standing::Granted(_))
    };
    assert!(trusted(&pair), "the thief's entries count before the recovery is here");
    pair.sim.run_for(60_000);
    assert!(!trusted(&pair) && pair.node(bob).log(user).unwrap().contains(&entry.id()));
    let seen = pair.node(bob).log(user).unwrap().digest();
    assert_eq!(pair.node(alice).log(user).unwrap().digest(), seen, "alice sees the theft");
}

#[test]
fn logs_of_one_length_that_differ_are_joined_and_not_asked_for_for_ever() {
    let mut pair = Pair::new();
    let (alice, bob) = (pair.alice, pair.bob);
    let user = pair.sim.hosts[&alice].user;
    let [root, _] = pair.sim.hosts[&alice].identity().clone();
    let log = pair.node(alice).log(user).unwrap().clone();
    plant(&mut pair, &grants(&log, &root, 100..101));
    let other = grants(&log, &root, 101..102).remove(0);
    pair.sim.command(alice, Command::Identity { entry: Box::new(other) }).unwrap();
    pair.sim.start(bob);
    pair.sim.run_for(60_000);
    for host in [alice, bob] {
        let log = pair.node(host).log(user).unwrap();
        assert!(log.len() == 4 && log.fork().is_some(), "{} entries", log.len());
    }
    let taken = pair.sim.hosts[&bob].received["log"];
    pair.sim.run_for(3_600_000);
    assert_eq!(pair.sim.hosts[&bob].received["log"], taken, "nothing was left to ask for");
}

/// Has Alice tell Bob of a third user, who wrote something, by hand.
fn tell_of(pair: &mut Pair, log: &IdentityLog) -> Vec<Output> {
    let tag = pair.tag(pair.bob, pair.alice);
    let logs = vec![LogState { user: log.user(), digest: log.digest() }];
    let inc = Incarnation::from_bytes([1; 8]);
    let catalog = CatalogKey { user: log.user(), device: key(60).device(), inc };
    let docs =
        vec![CatalogState { key: catalog, epoch: 0, n: 1, tip: ChangeId::from_bytes([1; 32]) }];
    let have = Message::Have { tag, logs, docs, whole: false };
    pair.tell(pair.bob, pair.alice, &have)
}

fn page(pair: &mut Pair, log: &IdentityLog, from: usize, to: usize) -> Vec<Output> {
    let tag = pair.tag(pair.bob, pair.alice);
    let entries = log.entries().skip(from).take(to - from).map(Verified::encode).collect();
    let (user, more) = (log.user(), to < log.len());
    let message = Message::Log { tag, user, from: from as u64, entries, more };
    pair.tell(pair.bob, pair.alice, &message)
}

fn wanted(outputs: &[Output], log: &IdentityLog) -> Option<u64> {
    sent(outputs).iter().find_map(|message| match message {
        Message::LogWant { user, from, .. } if *user == log.user() => Some(*from),
        _ => None,
    })
}

/// The log of Carol, whom neither knows.
fn carol() -> IdentityLog {
    let (mut log, _) = IdentityLog::create("carol", &key(50), &key(51).public()).unwrap();
    for entry in grants(&log, &key(50), 60..63) {
        log.add(entry).unwrap();
    }
    log
}

#[test]
fn a_long_log_comes_page_by_page_and_counts_once_stored() {
    let (mut pair, carol) = (Pair::new(), carol());
    let (bob, user) = (pair.bob, carol.user());
    assert_eq!(wanted(&tell_of(&mut pair, &carol), &carol), Some(0));
    assert_eq!(wanted(&tell_of(&mut pair, &carol), &carol), None, "it is asked for already");

    let outputs = page(&mut pair, &carol, 0, 2);
    let (task, records) = store(&outputs);
    assert_eq!(records.len(), 2);
    assert!(pair.node(bob).log(user).is_none(), "what is not durable does not count");
    assert!(stores(&page(&mut pair, &carol, 0, 2)).is_empty(), "a page is taken once");
    let outputs = pair.stored(bob, task);
    assert_eq!(wanted(&outputs, &carol), Some(2));
    assert_eq!(pair.node(bob).log(user).unwrap().len(), 2);

    let (task, _) = store(&page(&mut pair, &carol, 2, 4));
    assert_eq!(wanted(&pair.stored(bob, task), &carol), None);
    assert_eq!(pair.node(bob).log(user).unwrap().digest(), carol.digest());
    assert_eq!(wanted(&tell_of(&mut pair, &carol), &carol), None, "nothing is left to ask for");
}

#[test]
fn a_log_that_could_not_be_stored_is_asked_for_again() {
    let (mut pair, carol) = (Pair::new(), carol());
    let bob = pair.bob;
    tell_of(&mut pair, &carol);
    let (task, _) = store(&page(&mut pair, &carol, 0, 4));
    pair.not_stored(bob, task);
    assert!(pair.node(bob).log(carol.user()).is_none());
    pair.sim.now += 6_000;
    assert_eq!(wanted(&pair.feed(bob, Input::Wake), &carol), Some(0));
    let (task, _) = store(&page(&mut pair, &carol, 0, 4));
    pair.stored(bob, task);
    assert_eq!(pair.node(bob).log(carol.user()).unwrap().len(), 4);
}

#[test]
fn an_entry_of_mine_is_answered_with_its_record() {
    let mut pair = Pair::new();
    let alice = pair.alice;
    let user = pair.sim.hosts[&alice].user;
    let [root, _] = pair.sim.hosts[&alice].identity().clone();
    let entry = grants(pair.node(alice).log(user).unwrap(), &root, 100..101).remove(0);
    let id = entry.id();
    let identity = Command::Identity { entry: Box::new(entry) };
    let (asked, outputs) = pair.ask(alice, identity.clone());
    assert_eq!(answer(&outputs, asked), None);
    let (task, records) = store(&outputs);
    assert!(matches!(records, [Record::Log { .. }]));
    let outputs = pair.not_stored(alice, task);
    assert_eq!(answer(&outputs, asked), Some(false));
    assert!(!pair.node(alice).log(user).unwrap().contains(&id));

    let (asked, outputs) = pair.ask(alice, identity);
    let (task, _) = store(&outputs);
    assert_eq!(answer(&pair.stored(alice, task), asked), Some(true));
    assert!(pair.node(alice).log(user).unwrap().contains(&id));
}
