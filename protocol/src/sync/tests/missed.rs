//! Peers of a context meet again soon after the line between them is back.

use super::pair::Pair;

/// How long the line is away, in milliseconds: tries have become rare by then, if at all.
const AWAY_MS: i64 = 300_000;

#[test]
fn peers_meet_again_within_seconds_of_the_line_being_back() {
    for seed in 0..8 {
        let mut pair = Pair::of_seed(seed);
        let (alice, bob) = (pair.alice, pair.bob);
        pair.sim.set_cut(alice, bob, true);
        pair.sim.run_for(AWAY_MS);
        assert_eq!(pair.node(bob).connected().count(), 0);
        pair.sim.set_cut(alice, bob, false);
        pair.sim.run_for(7_000);
        assert_eq!(pair.node(bob).connected().count(), 1, "seed {seed}");
    }
}

#[test]
fn a_peer_that_stays_away_is_tried_ever_more_rarely() {
    let mut pair = Pair::new();
    let (alice, bob) = (pair.alice, pair.bob);
    pair.sim.set_cut(alice, bob, true);
    pair.sim.run_for(3_600_000);
    pair.sim.hosts.get_mut(&bob).unwrap().wakes = 0;
    pair.sim.run_for(3_600_000);
    let wakes = pair.sim.hosts[&bob].wakes;
    assert!(wakes <= 30, "woken {wakes} times in an hour");
}
