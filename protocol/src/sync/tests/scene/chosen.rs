//! What is chosen by a policy comes and the rest does not, and what was let go stays away.

use super::*;
use crate::api::Selection;

fn policy(which: Policy, selection: Selection) -> FollowPolicy {
    FollowPolicy::new(which, &selection).unwrap()
}

fn only(globs: &[&str]) -> Selection {
    Selection { only: globs.iter().map(|glob| (*glob).to_owned()).collect(), ..Default::default() }
}

fn file(scene: &mut Scene, text: &str) -> (Files, Vec<(BlobHash, u64)>, BlobHash) {
    let blob = BlobRef::of(text.as_bytes());
    scene.sim.blobs.insert(blob.hash, text.as_bytes().to_vec());
    let file = Attachment::new("data.txt".parse().unwrap(), blob.clone(), "text/plain");
    (Files::Listed(vec![file]), vec![(blob.hash, blob.size)], blob.hash)
}

fn push(scene: &mut Scene, stack: &str, text: &str) -> (FrameId, BlobHash) {
    let (files, earned, hash) = file(scene, text);
    (scene.push_to(stack, files, earned), hash)
}

fn here(scene: &Scene, host: HostId, blobs: &[BlobHash]) -> Vec<bool> {
    blobs.iter().map(|blob| scene.has_blob(host, *blob)).collect()
}

#[test]
fn stacks_are_chosen_by_their_names() {
    let mut scene = Scene::new(1);
    let not = Selection { not: vec!["sales/raw".to_owned()], ..only(&["sales/*"]) };
    let bob = scene.follower("bob", Role::Reader, policy(Policy::Heads, not));
    let blobs = ["sales/weekly", "sales/raw", "model"].map(|stack| push(&mut scene, stack, stack));
    scene.sim.run_for(20_000);
    assert!(blobs.iter().all(|(frame, _)| scene.has_frame(bob, *frame)), "frames go on");
    assert_eq!(here(&scene, bob, &blobs.map(|(_, blob)| blob)), [true, false, false]);
}

#[test]
fn a_stack_that_is_renamed_into_the_pattern_comes() {
    let mut scene = Scene::new(1);
    let bob = scene.follower("bob", Role::Reader, policy(Policy::All, only(&["sales/*"])));
    let blobs = ["1", "2"].map(|text| push(&mut scene, "draft", text).1);
    scene.sim.run_for(20_000);
    assert_eq!(here(&scene, bob, &blobs), [false, false]);
    let (context, alice) = (scene.context, scene.alice);
    let user = scene.sim.hosts[&alice].user;
    let view = scene.node(alice).contexts[&context].view.stack(user, &"draft".parse().unwrap());
    let (stack, name) = (view.unwrap().stack, "sales/final".parse().unwrap());
    scene.sim.command(alice, Command::Rename { context, stack, name }).unwrap();
    scene.sim.run_for(20_000);
    assert_eq!(here(&scene, bob, &blobs), [true, true]);
}

#[test]
fn the_last_frames_of_each_stack_come_and_no_older_ones() {
    let mut scene = Scene::new(1);
    let old: Vec<BlobHash> = (0..4).map(|n| push(&mut scene, "data", &format!("{n}")).1).collect();
    let last = Selection { last: Some(2), ..Selection::default() };
    let bob = scene.follower("bob", Role::Reader, policy(Policy::All, last));
    assert_eq!(here(&scene, bob, &old), [false, false, true, true]);
    let (_, new) = push(&mut scene, "data", "new");
    scene.sim.run_for(20_000);
    assert!(scene.has_blob(bob, new));
}

#[test]
fn what_is_too_large_stays_away_in_a_directory_too() {
    use crate::object::Mode;
    use crate::object::directory::{Directory, Entry, EntryKind, Node as DirectoryNode};
    let mut scene = Scene::new(1);
    let most = Selection { max_size_bytes: Some(5), ..Selection::default() };
    let bob = scene.follower("bob", Role::Reader, policy(Policy::All, most));
    let (_, small) = push(&mut scene, "data", "small");
    let (_, large) = push(&mut scene, "data", "larger");
    let entries = ["tiny", "gigantic"].map(|text| {
        let (_, _, _) = file(&mut scene, text);
        Entry {
            name: text.to_owned(),
            blob: BlobRef::of(text.as_bytes()),
            kind: EntryKind::File(Mode::default()),
            extra: crate::cbor::Map::new(),
        }
    });
    let [tiny, gigantic] = ["tiny", "gigantic"].map(|text| BlobRef::of(text.as_bytes()));
    let mut entries = Vec::from(entries);
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let directory = Directory::new(DirectoryNode::Leaf(entries)).encode().unwrap();
    let root = BlobRef::of(&directory);
    scene.sim.blobs.insert(root.hash, directory);
    let earned = [&root, &tiny, &gigantic].map(|blob| (blob.hash, blob.size)).to_vec();
    scene.push_to("tree", Files::Tree(root.clone()), earned);
    scene.sim.run_for(20_000);
    let blobs = [small, large, root.hash, tiny.hash, gigantic.hash];
    assert_eq!(here(&scene, bob, &blobs), [true, false, true, true, false]);
}

#[test]
fn a_narrower_policy_wants_no_more_what_the_wider_did() {
    let mut scene = Scene::new(1);
    let bob = scene.follower("bob", Role::Reader, Policy::Lazy);
    for text in ["1", "2"] {
        push(&mut scene, "data", text);
    }
    scene.sim.run_for(20_000);
    let (alice, context) = (scene.alice, scene.context);
    scene.sim.set_cut(alice, bob, true);
    scene.sim.run_for(1_000);
    for (which, wanted) in [(Policy::All, 2), (Policy::Heads, 1), (Policy::Lazy, 0)] {
        let command = Command::SetPolicy { context, policy: which.into() };
        scene.sim.command(bob, command).unwrap();
        assert_eq!(scene.node(bob).contexts[&context].wanted().1, wanted, "{which:?}");
    }
}

#[test]
fn what_was_let_go_comes_back_by_no_policy_and_no_restart() {
    let mut scene = Scene::new(1);
    let bob = scene.follower("bob", Role::Reader, Policy::All);
    let (_, blob) = scene.push("data");
    scene.sim.run_for(20_000);
    let context = scene.context;
    scene.sim.command(bob, Command::Drop { context, blobs: vec![(blob, 4)] }).unwrap();
    assert!(!scene.has_blob(bob, blob));
    for which in [Policy::Heads, Policy::All] {
        let command = Command::SetPolicy { context, policy: which.into() };
        scene.sim.command(bob, command).unwrap();
        scene.sim.run_for(20_000);
        assert!(!scene.has_blob(bob, blob), "{which:?}");
    }
    scene.sim.crash(bob);
    scene.sim.start(bob);
    scene.sim.run_for(400_000);
    assert!(!scene.has_blob(bob, blob));

    let kind = crate::sync::BlobKind::Data;
    let wants = vec![crate::sync::BlobWant { hash: blob, size: 4, kind }];
    scene.sim.command_later(bob, Command::Fetch { context, wants });
    scene.sim.run_for(20_000);
    assert!(scene.has_blob(bob, blob), "what is asked for comes");
}

#[test]
fn what_was_let_go_is_taken_back_but_not_what_came_since() {
    let mut scene = Scene::new(1);
    let bob = scene.follower("bob", Role::Reader, Policy::All);
    let (_, blob) = scene.push("data");
    scene.sim.run_for(20_000);
    let context = scene.context;
    let other = BlobHash::from_bytes([7; 32]);
    scene.sim.command(bob, Command::Drop { context, blobs: vec![(blob, 4)] }).unwrap();
    let (alice, blobs) = (scene.alice, vec![(blob, 4), (other, 1)]);
    scene.sim.set_cut(alice, bob, true);
    scene.sim.command(bob, Command::TakeBack { context, blobs }).unwrap();
    assert!(scene.has_blob(bob, blob), "without a peer");
    assert!(!scene.has_blob(bob, other), "it was never let go");
    assert!(scene.node(bob).contexts[&context].dropped.is_empty());
    scene.sim.crash(bob);
    scene.sim.start(bob);
    assert!(scene.has_blob(bob, blob));
}

#[test]
fn what_was_let_go_comes_with_a_new_frame_that_names_it() {
    let mut scene = Scene::new(1);
    let bob = scene.follower("bob", Role::Reader, Policy::Heads);
    let (_, blob) = push(&mut scene, "data", "same");
    scene.sim.run_for(20_000);
    let context = scene.context;
    scene.sim.command(bob, Command::Drop { context, blobs: vec![(blob, 4)] }).unwrap();
    push(&mut scene, "copy", "same");
    scene.sim.run_for(20_000);
    assert!(scene.has_blob(bob, blob));
}

#[test]
fn what_could_not_be_let_go_counts_as_before() {
    let mut pair = super::super::pair::Pair::new();
    let (bob, context) = (pair.bob, pair.context);
    let blob = BlobHash::from_bytes([7; 32]);
    let (id, outputs) = pair.ask(bob, Command::Drop { context, blobs: vec![(blob, 1)] });
    let stores = super::super::pair::stores(&outputs);
    let outputs = pair.not_stored(bob, stores[0].0);
    let refused = outputs
        .iter()
        .any(|output| matches!(output, Output::Reply { id: of, result: Err(_) } if *of == id));
    assert!(refused && pair.node(bob).contexts[&context].dropped.is_empty());
}
