//! The engine sleeps while there is nothing to do.

use super::*;

#[test]
fn a_question_without_an_answer_does_not_wake_for_ever() {
    let mut scene = Scene::new(1);
    let (alice, bob) = (scene.alice, scene.follower("bob", Role::Reader, Policy::All));
    let tag = scene.tag(alice, bob);
    let (_, catalog) = somebody(1);
    let asked = scene.deliver(alice, bob, &have(tag, vec![state(catalog, 5)]));
    assert_eq!(catalogs_asked(&asked), [catalog]);
    // The peer takes it back: nothing will come.
    scene.deliver(alice, bob, &have(tag, vec![state(catalog, 0)]));
    let until = scene.sim.now + 60_000;
    let mut wakes = 0;
    while scene.sim.now < until {
        let next = scene.feed(alice, Input::Wake).iter().find_map(|output| match output {
            Output::WakeAt(at) => Some(*at),
            _ => None,
        });
        let Some(next) = next else { break };
        scene.sim.now = next;
        wakes += 1;
        assert!(wakes <= 30, "woken {wakes} times in {} ms", 60_000 - (until - scene.sim.now));
    }
}
