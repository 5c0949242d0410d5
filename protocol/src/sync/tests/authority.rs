//! Who may write: revocations and cuts, and devices that are granted less than their user is.

use std::collections::BTreeMap;

use super::bench::*;
use crate::api::Policy;
use crate::context::{ContextKind, Genesis};
use crate::id::ContextId;
use crate::statement::samples::key;
use crate::statement::{Access, Cut, Interest, PlacedFact, Role, Subject};
use crate::sync::{Command, CommandError};
use crate::ticket::Ticket;

/// Alice's engine, and Bob with two devices in a context of hers.
struct Scene {
    bench: Bench,
    context: ContextId,
    bob: Person,
    laptop: Device,
    phone: Device,
}

fn scene(role: Role) -> Scene {
    let (mut alice, mut bob) = (Person::new(1), Person::new(2));
    let mut bench = Bench::new(&mut alice, 11);
    let (laptop, phone) = (bob.device(21, None), bob.device(22, None));
    let context = bench.new_context();
    bench.set_role(context, &bob, role);
    Scene { bench, context, bob, laptop, phone }
}

fn cut(context: ContextId, subject: Subject, keep: &Device) -> PlacedFact {
    let docs = BTreeMap::from([(keep.place(context).document(), vec![keep.tip(context).change])]);
    PlacedFact::Cut(Cut { subject, docs })
}

fn interest() -> PlacedFact {
    PlacedFact::Interest(Interest { generation: 9, key: [9; 32] })
}

#[test]
fn a_revoked_device_does_not_live_on_by_a_cut_of_its_own() {
    let Scene { mut bench, context, mut bob, laptop, mut phone } = scene(Role::Writer);
    let peer = bench.connect(&bob, &laptop, &bench.interest(context), None);
    phone.say(context, &push(1));
    let own = cut(context, Subject::Device(phone.id()), &phone);
    phone.say(context, &own);
    bench.deliver(peer, &phone, 0);
    assert_eq!(bench.took(context, &phone), 2);
    bob.revoke(&phone);
    bench.tell_log(peer, &bob);
    phone.say(context, &push(3));
    bench.deliver(peer, &phone, 2);
    assert_eq!(bench.took(context, &phone), 2);
    assert!(bench.penalties.is_empty(), "{:?}", bench.penalties);
}

#[test]
fn a_removed_user_does_not_live_on_by_a_cut_of_her_own() {
    let Scene { mut bench, context, bob, mut laptop, .. } = scene(Role::Writer);
    let mut carol = Person::new(3);
    let phone = carol.device(31, None);
    bench.set_role(context, &carol, Role::Reader);
    laptop.say(context, &push(1));
    let own = cut(context, Subject::User(bob.user), &laptop);
    laptop.say(context, &own);
    let peer = bench.connect(&bob, &laptop, &bench.interest(context), None);
    bench.deliver(peer, &laptop, 0);
    assert_eq!(bench.took(context, &laptop), 2);
    bench.set_role(context, &bob, Role::None);
    let peer = bench.connect(&carol, &phone, &bench.interest(context), None);
    laptop.say(context, &push(3));
    bench.deliver(peer, &laptop, 2);
    assert_eq!(bench.took(context, &laptop), 2);
}

#[test]
fn of_a_revoked_device_what_a_cut_keeps_is_taken_and_no_more() {
    let Scene { mut bench, context, mut bob, mut laptop, mut phone } = scene(Role::Writer);
    let peer = bench.connect(&bob, &laptop, &bench.interest(context), None);
    phone.say(context, &push(1));
    phone.say(context, &push(2));
    bob.revoke(&phone);
    bench.tell_log(peer, &bob);
    bench.deliver(peer, &phone, 0);
    assert_eq!(bench.took(context, &phone), 0, "nothing says yet what is kept");
    let keep = cut(context, Subject::Device(phone.id()), &phone);
    laptop.say(context, &keep);
    bench.deliver(peer, &laptop, 0);
    bench.deliver(peer, &phone, 0);
    assert_eq!(bench.took(context, &phone), 2);
    phone.say(context, &push(3));
    bench.deliver(peer, &phone, 2);
    assert_eq!(bench.took(context, &phone), 2);
}

#[test]
fn a_device_that_was_revoked_before_is_cut_in_contexts_that_come_later() {
    let Scene { mut bench, context: first, mut bob, laptop, phone } = scene(Role::Writer);
    bob.revoke(&phone);
    bench.connect(&bob, &laptop, &bench.interest(first), None);
    let made = bench.new_context();
    bench.set_role(made, &bob, Role::Writer);
    let genesis = Genesis { owners: vec![bob.user], nonce: [4; 16], kind: ContextKind::Team };
    let (followed, told) = (genesis.id(), Interest { generation: 1, key: [1; 32] });
    let (addrs, until, role) = (Vec::new(), None, Role::Reader);
    let (owner, interest) = (bob.user, told.clone());
    let ticket = Ticket { genesis, key: key(50), interest, owner, addrs, until, role };
    bench
        .command(Command::Follow { ticket: Box::new(ticket), policy: Policy::All.into() })
        .unwrap();
    for (context, interest) in [(made, bench.interest(made)), (followed, told)] {
        let mut old = Device::new(bob.user, phone.key.clone(), [22; 8]);
        let mut new = Device::new(bob.user, laptop.key.clone(), [21; 8]);
        old.say(context, &push(1));
        let keep = cut(context, Subject::Device(old.id()), &old);
        new.say(context, &keep);
        let peer = bench.connect(&bob, &new, &interest, None);
        bench.deliver(peer, &new, 0);
        bench.deliver(peer, &old, 0);
        assert_eq!((bench.took(context, &new), bench.took(context, &old)), (1, 1));
    }
}

#[test]
fn a_limited_device_of_an_owner_pushes_and_governs_nothing() {
    let Scene { mut bench, context, mut bob, laptop, .. } = scene(Role::Owner);
    let mut ci = bob.device(23, Some(Role::Writer));
    let peer = bench.connect(&bob, &laptop, &bench.interest(context), None);
    ci.say(context, &push(1));
    ci.say(context, &interest());
    ci.say(context, &push(3));
    bench.deliver(peer, &ci, 0);
    assert_eq!(bench.took(context, &ci), 1);
    assert!(
        bench.node.context(context).unwrap().view().interests().iter().all(|i| i.generation < 9)
    );
    assert!(bench.penalties.is_empty(), "{:?}", bench.penalties);

    // It is asked for once, not for ever, and again when the grant changes.
    assert_eq!(bench.asked(peer, &ci), [2]);
    bench.deliver(peer, &ci, 1);
    bench.have(peer, Vec::new(), vec![ci.state(context)]);
    assert_eq!(bench.asked(peer, &ci), [2]);
    bob.grant(&ci.key, None);
    bench.tell_log(peer, &bob);
    assert_eq!(bench.asked(peer, &ci), [2, 2]);
    bench.deliver(peer, &ci, 1);
    assert_eq!(bench.took(context, &ci), 3);
}

#[test]
fn a_device_that_may_only_read_pushes_nothing() {
    let Scene { mut bench, context, mut bob, laptop, .. } = scene(Role::Owner);
    let mut tablet = bob.device(23, Some(Role::Reader));
    let peer = bench.connect(&bob, &laptop, &bench.interest(context), None);
    tablet.say(context, &push(1));
    bench.deliver(peer, &tablet, 0);
    assert_eq!(bench.took(context, &tablet), 0);
    assert!(bench.penalties.is_empty(), "{:?}", bench.penalties);
}

#[test]
fn a_limited_device_of_mine_refuses_what_others_would() {
    let mut alice = Person::new(1);
    let mut bench = Bench::new(&mut alice, 11);
    let context = bench.new_context();
    let entry = Box::new(alice.grant(&key(11), Some(Role::Writer)));
    bench.command(Command::Identity { entry }).unwrap();
    let (needed, granted) = (Role::Owner, Role::Writer);
    let user = Person::new(2).user;
    let refused = bench.command(Command::Member { context, user, role: Role::Reader });
    assert_eq!(refused.unwrap_err(), CommandError::DeviceLimited { needed, granted });
    let (name, text) = ("other".parse().unwrap(), String::new());
    let access = Access::Private;
    let refused = bench.command(Command::NewContext { name, text, access });
    assert_eq!(refused.unwrap_err(), CommandError::DeviceLimited { needed, granted });
    assert_eq!(bench.node.contexts().count(), 1);
}
