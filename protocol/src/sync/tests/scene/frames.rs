//! Frames come newest first, within their bounds, whoever stays silent.

use super::*;
use crate::limits;
use crate::sim::Host;
use crate::sync::{Event, FrameMeta};

fn without_frames(_: &Host, message: &Message) -> Vec<Message> {
    match message {
        Message::Frames { .. } => Vec::new(),
        other => vec![other.clone()],
    }
}

#[test]
fn a_peer_that_stays_silent_withholds_nothing() {
    let (mut scene, _) = (0..)
        .map(|seed| {
            let mut scene = Scene::new(seed);
            let bob = scene.follower("bob", Role::Reader, Policy::All);
            (scene, bob)
        })
        .find(|(scene, bob)| scene.device(scene.alice) < scene.device(*bob))
        .unwrap();
    let frames: Vec<FrameId> = (0..5).map(|n| scene.push(&format!("{n}")).0).collect();
    scene.sim.run_for(20_000);
    scene.sim.hosts.get_mut(&scene.alice).unwrap().tamper = Some(without_frames);
    let carol = scene.follower("carol", Role::Reader, Policy::All);
    scene.sim.run_for(100_000);
    assert!(frames.iter().all(|frame| scene.has_frame(carol, *frame)));
}

#[test]
fn of_a_long_history_the_newest_come_and_the_head_first() {
    let mut scene = Scene::new(1);
    let mut history: Vec<FrameId> = (0..1_000)
        .map(|n| scene.push_files(Files::Tree(BlobRef::of(&[n as u8, (n >> 8) as u8])), vec![]))
        .collect();
    let bob = scene.follower("bob", Role::Reader, Policy::Lazy);
    scene.sim.run_for(120_000);
    let came: Vec<FrameId> = scene
        .sim
        .events
        .iter()
        .filter_map(|(host, event)| match event {
            Event::Frame { frame, .. } if *host == bob => Some(*frame),
            _ => None,
        })
        .collect();
    // Frames that were heads while the statements still came were asked for then, and the one before
    // while the next page was on its way.
    let head = came.iter().position(|frame| frame == history.last().unwrap()).unwrap();
    let (early, came) = came.split_at(head);
    let pages = scene.sim.hosts[&bob].received["envelopes"] as usize;
    let heads = 2 * pages + history.len() / limits::JUDGE_BATCH;
    assert!(early.len() < heads, "{} came before the head, {pages} pages", early.len());
    history.reverse();
    history.truncate(limits::FRAMES_EAGER);
    history.retain(|frame| !early.contains(frame));
    assert_eq!(came, history);
    assert_eq!(scene.node(bob).contexts[&scene.context].wanted(), (0, 0));
}

#[test]
fn large_frames_come_unasked_only_up_to_their_bytes() {
    let mut scene = Scene::new(1);
    let (id, alice) = (scene.context, scene.alice);
    let frame = |n: u8| FrameId::from_bytes([n; 32]);
    let context = scene.node_mut(alice).contexts.get_mut(&id).unwrap();
    for n in 1..=100 {
        let meta = FrameMeta { parents: vec![frame(n + 1)], size: 1 << 20, blobs: Vec::new() };
        context.frames.insert(frame(n), meta);
    }
    let fits = (limits::FRAMES_EAGER_BYTES >> 20) as u8;
    for gone in [fits, fits + 1] {
        context.frames.remove(&frame(gone));
    }
    scene.node_mut(alice).want_asked_frames(id, &[frame(1)]);
    assert_eq!(scene.node(alice).contexts[&id].wanted().0, 1);
    let context = scene.node_mut(alice).contexts.get_mut(&id).unwrap();
    context.frame_wants.clear();
    let meta = FrameMeta { parents: vec![frame(fits + 1)], size: 1 << 20, blobs: Vec::new() };
    context.frames.insert(frame(fits), meta);
    scene.node_mut(alice).want_asked_frames(id, &[frame(1)]);
    assert_eq!(scene.node(alice).contexts[&id].wanted().0, 0);
}
