//! Blobs that the policy asks for come, through restarts too, and those that are here do not.

use super::*;
use crate::object::Mode;
use crate::object::directory::{Directory, Entry, EntryKind, Node as DirectoryNode};

#[test]
fn a_policy_set_without_peers_holds_after_a_restart() {
    let mut scene = Scene::new(1);
    let bob = scene.follower("bob", Role::Reader, Policy::Lazy);
    let blobs: Vec<BlobHash> = (0..3).map(|n| scene.push(&format!("{n}")).1).collect();
    scene.sim.run_for(20_000);
    assert!(!blobs.iter().any(|blob| scene.has_blob(bob, *blob)));
    let (alice, context) = (scene.alice, scene.context);
    scene.sim.set_cut(alice, bob, true);
    scene.sim.run_for(1_000);
    scene.sim.command(bob, Command::SetPolicy { context, policy: Policy::All.into() }).unwrap();
    scene.sim.crash(bob);
    scene.sim.start(bob);
    scene.sim.set_cut(alice, bob, false);
    scene.sim.run_for(400_000);
    assert!(blobs.iter().all(|blob| scene.has_blob(bob, *blob)));
}

#[test]
fn what_is_here_is_not_wanted_after_a_restart() {
    let mut scene = Scene::new(1);
    let bob = scene.follower("bob", Role::Reader, Policy::All);
    let (_, blob) = scene.push("data");
    scene.sim.run_for(20_000);
    assert!(scene.has_blob(bob, blob));
    scene.sim.crash(bob);
    scene.sim.start(bob);
    assert_eq!(scene.node(bob).contexts[&scene.context].wanted(), (0, 0));
}

#[test]
fn what_a_directory_lists_is_still_wanted_after_a_restart() {
    let mut scene = Scene::new(1);
    let bob = scene.follower("bob", Role::Reader, Policy::All);
    let file = BlobRef::of(b"file");
    let entry = Entry {
        name: "file".to_owned(),
        blob: file.clone(),
        kind: EntryKind::File(Mode::default()),
        extra: crate::cbor::Map::new(),
    };
    let directory = Directory::new(DirectoryNode::Leaf(vec![entry])).encode().unwrap();
    let root = BlobRef::of(&directory);
    scene.sim.blobs.insert(root.hash, directory);
    // The file itself is nowhere yet.
    scene.push_files(Files::Tree(root.clone()), vec![(root.hash, root.size)]);
    scene.sim.run_for(20_000);
    assert!(scene.has_blob(bob, root.hash));
    scene.sim.crash(bob);
    scene.sim.start(bob);
    let context = &scene.node(bob).contexts[&scene.context];
    let wanted: Vec<BlobHash> = context.wanted_blobs().map(|want| want.hash).collect();
    assert_eq!(wanted, [file.hash]);
}

#[test]
fn a_directory_that_was_not_read_to_its_end_is_read_after_a_restart() {
    let mut scene = Scene::new(1);
    let bob = scene.follower("bob", Role::Reader, Policy::Lazy);
    let (context, want) = (scene.context, somebody_blob());
    let host = scene.sim.hosts.get_mut(&bob).unwrap();
    host.earned.insert((context, want.hash));
    host.records.push(crate::sync::Record::Want { context, want });
    let (hash, size) = (want.hash, want.size);
    host.records.push(crate::sync::Record::Earned { context, hash, size });
    scene.sim.crash(bob);
    scene.sim.start(bob);
    assert_eq!(scene.node(bob).contexts[&context].wanted().1, 1);
}

fn somebody_blob() -> crate::sync::BlobWant {
    let blob = BlobRef::of(b"directory");
    let kind = crate::sync::BlobKind::Directory;
    crate::sync::BlobWant { hash: blob.hash, size: blob.size, kind }
}
