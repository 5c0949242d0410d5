//! The quota of a device: its author keeps it, everybody else ends the chain at the same place.

use super::*;
use crate::limits;
use crate::sync::{CommandError, Event};

fn own_catalog(scene: &Scene, host: HostId) -> CatalogKey {
    let (host, inc) = (&scene.sim.hosts[&host], scene.node(host).inc);
    CatalogKey { user: host.user, device: host.device, inc }
}

fn set_bytes(scene: &mut Scene, host: HostId, catalog: CatalogKey, bytes: u64) {
    let context = scene.context;
    let known = scene.node_mut(host).contexts.get_mut(&context).unwrap();
    known.catalogs.get_mut(&catalog).unwrap().bytes = bytes;
}

#[test]
fn a_full_catalog_is_gone_on_from_in_a_new_one() {
    let mut scene = Scene::new(1);
    let bob = scene.follower("bob", Role::Reader, Policy::All);
    let (alice, context) = (scene.alice, scene.context);
    let (before, _) = scene.push("before");
    let full = own_catalog(&scene, alice);
    set_bytes(&mut scene, alice, full, limits::DEVICE_QUOTA_BYTES - 100_000);
    let (after, _) = scene.push("after");
    assert_ne!(own_catalog(&scene, alice), full);
    scene.sim.run_for(10_000);
    assert!(scene.has_frame(bob, before) && scene.has_frame(bob, after));
    let heads = |host| {
        let stacks = scene.node(host).contexts[&context].view.stacks();
        stacks.iter().map(|stack| (stack.name.to_string(), stack.heads.len())).collect::<Vec<_>>()
    };
    assert_eq!(heads(bob), heads(alice));
    let restored = |(_, event): &(HostId, Event)| matches!(event, Event::Restored { .. });
    assert!(!scene.sim.events.iter().any(restored), "nothing was put back");
}

#[test]
fn the_author_is_told_and_can_still_remove_somebody() {
    let mut scene = Scene::new(1);
    let bob = scene.follower("bob", Role::Writer, Policy::All);
    let (alice, context) = (scene.alice, scene.context);
    let catalog = own_catalog(&scene, alice);
    set_bytes(&mut scene, alice, catalog, limits::DEVICE_QUOTA_BYTES - 100_000);
    // She has no further catalog to go on in.
    let known = scene.node_mut(alice).contexts.get_mut(&context).unwrap();
    for n in 1..limits::CATALOGS_PER_USER as u64 {
        let inc = Incarnation::from_bytes(n.to_be_bytes());
        known.catalogs.entry(CatalogKey { inc, ..catalog }).or_default().over_quota = true;
    }
    let frame = Frame::default().encode().unwrap();
    let command = |frame| Command::Push {
        context,
        stack: "full".parse().unwrap(),
        frame,
        blobs: Vec::new(),
        tags: Vec::new(),
    };
    let n = scene.node(alice).contexts[&context].last_n;
    let refused = scene.sim.command(alice, command(frame));
    assert!(matches!(refused, Err(CommandError::Limit(_))), "{refused:?}");
    assert_eq!(scene.node(alice).contexts[&context].last_n, n);
    let user = scene.sim.hosts[&bob].user;
    let remove = Command::Member { context, user, role: Role::None };
    assert!(scene.sim.command(alice, remove).is_ok());
}

#[test]
fn what_is_over_quota_is_refused_without_blame_and_not_asked_for_again() {
    let mut scene = Scene::new(1);
    let (alice, context) = (scene.alice, scene.context);
    let bob = scene.follower("bob", Role::Reader, Policy::All);
    let catalog = own_catalog(&scene, alice);
    set_bytes(&mut scene, bob, catalog, limits::DEVICE_QUOTA_BYTES - 10);
    let (over, _) = scene.push("one too many");
    scene.sim.run_for(60_000);
    assert!(!scene.has_frame(bob, over));
    assert!(scene.sim.penalties.is_empty(), "{:?}", scene.sim.penalties);
    assert!(scene.node(bob).contexts[&context].catalogs[&catalog].over_quota);
    let n = scene.node(alice).contexts[&context].catalogs[&catalog].n();
    let tag = scene.tag(bob, alice);
    let outputs = scene.deliver(bob, alice, &have(tag, vec![state(catalog, n + 3)]));
    assert_eq!(catalogs_asked(&outputs), []);
}

#[test]
fn a_forged_envelope_does_not_end_a_chain() {
    let mut scene = Scene::new(1);
    let (alice, context) = (scene.alice, scene.context);
    let bob = scene.follower("bob", Role::Reader, Policy::All);
    let catalog = own_catalog(&scene, alice);
    set_bytes(&mut scene, bob, catalog, limits::DEVICE_QUOTA_BYTES - 10_000);
    let n = scene.node(bob).contexts[&context].catalogs[&catalog].n();
    let tag = scene.tag(bob, alice);
    scene.deliver(bob, alice, &have(tag, vec![state(catalog, n + 1)]));
    let (key, _) = somebody(1);
    let forged = signed(context, catalog, &key, n + 1..n + 2, 50_000);
    let mut forged = Envelope::decode(&forged[0]).unwrap();
    forged.device = catalog.device;
    let envelopes = vec![forged.encode()];
    let outputs = scene.deliver(bob, alice, &Message::Envelopes { tag, catalog, envelopes });
    assert_eq!(penalty(&outputs), Some(Severity::Grave));
    assert!(!scene.node(bob).contexts[&context].catalogs[&catalog].over_quota);
}

#[test]
fn what_a_removed_writer_says_is_not_asked_for() {
    let mut scene = Scene::new(1);
    let (alice, context) = (scene.alice, scene.context);
    let dave = scene.follower("dave", Role::Writer, Policy::All);
    let bob = scene.follower("bob", Role::Reader, Policy::All);
    let theirs = own_catalog(&scene, dave);
    let tag = scene.tag(bob, alice);
    let asked = scene.deliver(bob, alice, &have(tag, vec![state(theirs, 5)]));
    assert_eq!(catalogs_asked(&asked), [theirs]);
    let user = scene.sim.hosts[&dave].user;
    scene.sim.command(alice, Command::Member { context, user, role: Role::None }).unwrap();
    scene.sim.run_for(20_000);
    let tag = scene.tag(bob, alice);
    let asked = scene.deliver(bob, alice, &have(tag, vec![state(theirs, 6)]));
    assert_eq!(catalogs_asked(&asked), []);
}
