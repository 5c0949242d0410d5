//! A member who was away while others were removed finds the context again; an old key alone does
//! not.

use super::pair::Pair;
use crate::api::Policy;
use crate::id::UserId;
use crate::statement::Role;
use crate::sync::Command;

/// Enough for both of them to open the session now and then.
const SEEDS: std::ops::Range<u64> = 0..6;

/// Has Alice remove users, which makes a generation of the interest key each.
fn remove(pair: &mut Pair, users: std::ops::Range<u8>) {
    for user in users {
        let user = UserId::from_bytes([user; 32]);
        let command = Command::Member { context: pair.context, user, role: Role::None };
        pair.sim.command(pair.alice, command).unwrap();
    }
}

#[test]
fn a_member_who_missed_many_removals_comes_back() {
    let mut opened_by_bob = 0;
    for seed in SEEDS {
        let mut pair = Pair::of_seed(seed);
        let (alice, bob, key) = (pair.alice, pair.bob, pair.catalog());
        opened_by_bob += usize::from(pair.device(bob) < pair.device(alice));
        pair.sim.crash(bob);
        remove(&mut pair, 1..5);
        let push = pair.push();
        pair.sim.command(alice, push).unwrap();
        pair.sim.start(bob);
        pair.sim.run_for(60_000);
        assert_eq!(pair.count(bob, key), pair.count(alice, key), "seed {seed}");
    }
    assert!(opened_by_bob > 0 && opened_by_bob < SEEDS.count(), "both ways are tried");
}

#[test]
fn an_old_key_in_the_hands_of_an_unknown_device_opens_nothing() {
    for seed in SEEDS {
        let mut pair = Pair::of_seed(seed);
        remove(&mut pair, 1..3);
        let end = Command::EndTicket { context: pair.context, key: pair.ticket.public() };
        pair.sim.command(pair.alice, end).unwrap();
        let eve = pair.sim.add_host("eve");
        let ticket = Box::new(pair.ticket.clone());
        pair.sim.command(eve, Command::Follow { ticket, policy: Policy::All.into() }).unwrap();
        pair.sim.run_for(60_000);
        let received = &pair.sim.hosts[&eve].received;
        assert!(received.keys().all(|kind| *kind == "other"), "seed {seed}: {received:?}");
    }
}
