//! Identity logs are taken only of who matters in a context.

use super::*;
use crate::limits;
use crate::wire::LogState;

fn with_logs(tag: Tag, numbers: std::ops::Range<u32>, docs: Vec<CatalogState>) -> Message {
    let log = |n| LogState { user: somebody(n).1.user, digest: [3; 32] };
    let logs = numbers.map(log).collect();
    Message::Have { tag, logs, docs, whole: false }
}

#[test]
fn logs_of_who_has_no_part_are_not_asked_for() {
    let mut scene = Scene::new(1);
    let (alice, bob) = (scene.alice, scene.follower("bob", Role::Reader, Policy::All));
    let tag = scene.tag(alice, bob);
    let outputs = scene.deliver(alice, bob, &with_logs(tag, 0..5_000, Vec::new()));
    assert_eq!(logs_asked(&outputs), []);
    // An author whom an admitted peer names is heard, later too.
    let author = somebody(17).1;
    let outputs = scene.deliver(alice, bob, &have(tag, vec![state(author, 1)]));
    assert_eq!(logs_asked(&outputs), [author.user]);
}

#[test]
fn logs_of_authors_without_a_part_are_bounded() {
    let mut scene = Scene::new(1);
    let (alice, bob) = (scene.alice, scene.follower("bob", Role::Reader, Policy::All));
    let tag = scene.tag(alice, bob);
    let docs = (0..1_000).map(|n| state(somebody(n).1, 1)).collect();
    let outputs = scene.deliver(alice, bob, &with_logs(tag, 0..1_000, docs));
    assert_eq!(logs_asked(&outputs).len(), limits::GUEST_LOGS);
}

#[test]
fn a_peer_that_is_not_admitted_names_nobody() {
    let mut scene = Scene::new(1);
    let (alice, bob) = (scene.alice, scene.follower("bob", Role::Reader, Policy::All));
    let tag = scene.tag(alice, bob);
    let device = scene.device(bob);
    let channel = scene.node_mut(alice).channel_mut(device, tag).unwrap();
    channel.admission = crate::sync::session::Admission::Pending;
    let docs = vec![state(somebody(1).1, 1)];
    let outputs = scene.deliver(alice, bob, &with_logs(tag, 0..10, docs));
    assert_eq!(logs_asked(&outputs), []);
    assert_eq!(catalogs_asked(&outputs), []);
}

#[test]
fn what_waits_gives_its_author_no_part() {
    let mut scene = Scene::new(1);
    let (alice, bob) = (scene.alice, scene.follower("bob", Role::Reader, Policy::All));
    let tag = scene.tag(alice, bob);
    let all = limits::GUEST_LOGS as u32;
    let docs = (0..all).map(|n| state(somebody(n).1, 1)).collect();
    let outputs = scene.deliver(alice, bob, &with_logs(tag, 0..all, docs));
    assert_eq!(logs_asked(&outputs).len(), limits::GUEST_LOGS);
    let (key, catalog) = somebody(1_000);
    let envelopes = signed(scene.context, catalog, &key, 1..2, 10);
    let outputs = scene.deliver(alice, bob, &Message::Envelopes { tag, catalog, envelopes });
    assert!(scene.node(alice).contexts[&scene.context].catalogs.contains_key(&catalog));
    assert_eq!(logs_asked(&outputs), []);
    assert!(!scene.node(alice).is_known_in(scene.context, catalog.user));
}

#[test]
fn logs_of_who_came_in_by_a_ticket_are_bounded() {
    let mut scene = Scene::new(1);
    let (alice, bob) = (scene.alice, scene.follower("bob", Role::Reader, Policy::All));
    let tag = scene.tag(alice, bob);
    let ticket = scene.ticket(Role::Reader);
    let asks = |scene: &mut Scene, n| {
        let user = somebody(n).1.user;
        let context = scene.context;
        let known = scene.node_mut(alice).contexts.get_mut(&context).unwrap();
        known.redemptions.insert((user, ticket.public()), ticket.redeem(user, [1; 16]));
        let outputs = scene.deliver(alice, bob, &with_logs(tag, n..n + 1, Vec::new()));
        logs_asked(&outputs) == [user]
    };
    assert!(asks(&mut scene, 1));
    let logs = &mut scene.node_mut(alice).logs;
    let any = logs.values().next().unwrap().clone();
    for n in 2.. {
        if logs.len() == limits::LOGS {
            break;
        }
        logs.insert(somebody(n).1.user, any.clone());
    }
    assert!(!asks(&mut scene, 20_000));
    // An owner answers for whom she gives a role.
    let user = somebody(20_000).1.user;
    let context = scene.context;
    scene.sim.command(alice, Command::Member { context, user, role: Role::Reader }).unwrap();
    assert!(asks(&mut scene, 20_000));
}
