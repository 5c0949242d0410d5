//! What one device of a user tells another of hers, and nobody else.

use std::collections::BTreeMap;

use super::lab::Lab;
use super::{ALICE, BOB, MALLORY};
use crate::context::{ContextKind, Genesis};
use crate::id::{ChangeId, ContextId, DocumentId};
use crate::limits;
use crate::statement::{Grant, Role, Scope};
use crate::sync::{Command, CommandError, ContextRecord, Record};
use crate::wire::{HandedContext, Message};

/// Makes a host another device of Alice's, who holds what pairing gives: her log, and one context.
pub(super) fn sister(lab: &mut Lab, scope: Option<Scope>, until: Option<i64>, with: ContextId) {
    let grant = Grant { device: lab[BOB].device, name: "desk".into(), scope, until };
    let grant = lab[ALICE].log.grant(&lab[ALICE].root, grant).unwrap();
    lab[ALICE].log.add(grant.clone()).unwrap();
    lab.command(ALICE, Command::Identity { entry: Box::new(grant) }).unwrap();
    let user = lab[ALICE].user;
    let incarnation = lab[BOB].records[0].clone();
    let entries = lab[ALICE].log.entries();
    let entries = entries.map(|entry| Record::Log { user, entry: entry.encode() });
    let mut records: Vec<Record> = std::iter::once(incarnation).chain(entries).collect();
    let context = lab[ALICE].node.context(with).unwrap();
    let interest = context.interests();
    records.push(Record::Context(ContextRecord { interest, ..context.record.clone() }));
    lab[BOB].user = user;
    lab.restart(BOB, records);
}

fn handed(lab: &Lab, from: usize, to: usize) -> usize {
    let told = lab.said(from, to, 0).into_iter().filter_map(|message| match message {
        Message::Contexts { contexts, .. } => Some(contexts.len()),
        _ => None,
    });
    told.sum()
}

#[test]
fn a_second_device_learns_every_context_and_those_to_come() {
    let mut lab = Lab::new(&["alice", "bob", "mallory"]);
    let (first, second) = (lab.context(ALICE), lab.context(ALICE));
    let theirs = lab.context(MALLORY);
    let ticket = lab.ticket(MALLORY, theirs, None);
    lab.follow(ALICE, &ticket);
    sister(&mut lab, None, None, first);
    lab.connect(BOB, ALICE);
    for context in [first, second, theirs] {
        assert!(lab[BOB].node.context(context).is_some(), "{context}");
    }
    // The session begins anew for them; then one made here is told there.
    lab.connect(BOB, ALICE);
    let third = lab.context(BOB);
    lab.connect(BOB, ALICE);
    assert!(lab[ALICE].node.context(third).is_some());
    // Her redemption lets her in with every device.
    lab.connect(BOB, MALLORY);
    assert!(lab[BOB].node.context(theirs).unwrap().view().about().is_some());
    assert_eq!(lab.penalties.len(), 0);
}

#[test]
fn nobody_else_is_told() {
    let (mut lab, context) = super::members();
    lab.context(ALICE);
    lab.member(ALICE, context, BOB, Role::Owner);
    lab.connect(BOB, ALICE);
    lab.connect(MALLORY, ALICE);
    assert_eq!((handed(&lab, ALICE, BOB), handed(&lab, ALICE, MALLORY)), (0, 0));
    assert!(lab[ALICE].node.handed_to(lab[BOB].device, lab.now).is_empty());
}

#[test]
fn a_limited_device_is_told_what_its_grant_lets_it_into() {
    let mut lab = Lab::new(&["alice", "bob", "mallory"]);
    let (first, second) = (lab.context(ALICE), lab.context(ALICE));
    let scope = Scope { contexts: Some(vec![first]), role: None };
    sister(&mut lab, Some(scope), None, first);
    lab.connect(BOB, ALICE);
    assert_eq!(handed(&lab, ALICE, BOB), 1);
    assert!(lab[BOB].node.context(second).is_none());
}

#[test]
fn only_a_device_without_limits_cuts_another() {
    let mut lab = Lab::new(&["alice", "bob", "mallory"]);
    let first = lab.context(ALICE);
    let scope = Scope { contexts: None, role: Some(Role::Writer) };
    sister(&mut lab, Some(scope), None, first);
    lab.connect(BOB, ALICE);
    let cut = |device| Command::Cut { context: first, device, docs: BTreeMap::new() };
    let (of_alice, of_bob) = (lab[ALICE].device, lab[BOB].device);
    let refused = lab.command(BOB, cut(of_alice)).unwrap_err();
    assert!(matches!(refused, CommandError::DeviceLimited { .. }), "{refused}");
    lab.command(ALICE, cut(of_bob)).unwrap();
}

#[test]
fn however_many_catalogs_a_device_has_it_can_be_cut() {
    let mut lab = Lab::new(&["alice", "bob", "mallory"]);
    let context = lab.context(ALICE);
    sister(&mut lab, None, None, context);
    let doc = |n: u16| {
        let mut id = [0; 32];
        id[..2].copy_from_slice(&n.to_be_bytes());
        (DocumentId::from_bytes(id), vec![ChangeId::from_bytes(id)])
    };
    let docs = (0..limits::CATALOGS_PER_USER as u16).map(doc).collect();
    let device = lab[BOB].device;
    lab.command(ALICE, Command::Cut { context, device, docs }).unwrap();
}

#[test]
fn a_device_past_its_time_is_told_nothing() {
    let mut lab = Lab::new(&["alice", "bob", "mallory"]);
    let first = lab.context(ALICE);
    let until = lab.now + 1000;
    sister(&mut lab, None, Some(until), first);
    lab.connect(BOB, ALICE);
    assert_eq!(handed(&lab, ALICE, BOB), 1);
    lab.now += 2000;
    lab.connect(BOB, ALICE);
    assert_eq!(handed(&lab, ALICE, BOB), 1);
}

#[test]
fn what_a_device_tells_past_its_time_is_not_taken() {
    let mut lab = Lab::new(&["alice", "bob", "mallory"]);
    let first = lab.context(ALICE);
    let until = lab.now + 1000;
    sister(&mut lab, None, Some(until), first);
    lab.connect(BOB, ALICE);
    let (tag, owner) = (lab.tag(ALICE, BOB), lab[ALICE].user);
    for (nonce, taken) in [([1; 16], true), ([2; 16], false)] {
        let genesis = Genesis { owners: vec![owner], nonce, kind: ContextKind::Team };
        let context = genesis.id();
        let told = HandedContext { genesis, interests: Vec::new(), admission: None };
        lab.say(BOB, ALICE, &Message::Contexts { tag, contexts: vec![told] });
        assert_eq!(lab[ALICE].node.context(context).is_some(), taken);
        lab.now += 2000;
    }
}

#[test]
fn what_others_or_limited_devices_tell_is_not_taken() {
    // Of a member who is another user.
    let (mut lab, _) = super::members();
    let other = lab.context(MALLORY);
    let handed = lab[MALLORY].node.context(other).unwrap().record.clone();
    let handed = HandedContext { genesis: handed.genesis, interests: Vec::new(), admission: None };
    let tag = lab.tag(ALICE, BOB);
    lab.say(BOB, ALICE, &Message::Contexts { tag, contexts: vec![handed.clone()] });
    assert!(lab[ALICE].node.context(other).is_none());
    // Of a device of hers that speaks for a part of her.
    let mut lab = Lab::new(&["alice", "bob", "mallory"]);
    let first = lab.context(ALICE);
    let scope = Scope { contexts: Some(vec![first]), role: None };
    sister(&mut lab, Some(scope), None, first);
    lab.connect(BOB, ALICE);
    let tag = lab.tag(ALICE, BOB);
    lab.say(BOB, ALICE, &Message::Contexts { tag, contexts: vec![handed] });
    assert!(lab[ALICE].node.context(other).is_none());
}

#[test]
fn what_was_forgotten_does_not_come_back() {
    let mut lab = Lab::new(&["alice", "bob", "mallory"]);
    let (first, second) = (lab.context(ALICE), lab.context(ALICE));
    sister(&mut lab, None, None, first);
    lab.connect(BOB, ALICE);
    lab.connect(BOB, ALICE);
    assert!(lab[BOB].node.context(second).is_some());
    lab.command(BOB, Command::Forget { context: second }).unwrap();
    lab.connect(BOB, ALICE);
    lab.connect(BOB, ALICE);
    assert!(lab[BOB].node.context(second).is_none());
}
