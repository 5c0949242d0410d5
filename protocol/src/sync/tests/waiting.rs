//! What waits gives way to what is needed first, and what could not be stored is asked for again.

use super::super::context::Retry;
use super::bench::*;
use crate::doc::Envelope;
use crate::id::{ContextId, FrameId};
use crate::limits;
use crate::object::Frame;
use crate::statement::{Head, PlacedFact, Role};
use crate::wire::Message;

/// Alice's engine, Bob the writer with more to say than may wait, and two readers.
struct Scene {
    bench: Bench,
    context: ContextId,
    bob: Device,
    person: Person,
    carol: Peer,
    mallory: Peer,
}

const MOST: usize = limits::WAITING_PER_DEVICE;

fn scene() -> Scene {
    let [mut alice, mut bob, mut carol, mut mallory] = [1, 2, 3, 4].map(Person::new);
    let mut bench = Bench::new(&mut alice, 11);
    let context = bench.new_context();
    bench.set_role(context, &bob, Role::Writer);
    bench.set_role(context, &carol, Role::Reader);
    bench.set_role(context, &mallory, Role::Reader);
    let mut laptop = bob.device(21, None);
    let (phone, tablet) = (carol.device(31, None), mallory.device(41, None));
    laptop.say_each(context, (0..MOST as u32 + 40).map(|n| push(n as u8)));
    let interest = bench.interest(context);
    bench.knows(&bob);
    let carol = bench.connect(&carol, &phone, &interest, None);
    let mallory = bench.connect(&mallory, &tablet, &interest, None);
    Scene { bench, context, bob: laptop, person: bob, carol, mallory }
}

impl Scene {
    /// Mallory brings as many genuine envelopes as may wait, and leaves the first out.
    fn fill(&mut self) {
        let all = self.bob.said.split_off(MOST + 1);
        self.bench.deliver(self.mallory, &self.bob, 1);
        self.bob.said.extend(all);
        assert_eq!(self.bench.node.most_waiting(), MOST);
        self.bench.sent.clear();
    }
}

#[test]
fn the_envelope_before_those_that_wait_is_asked_for_and_lets_them_in() {
    let mut scene = scene();
    scene.fill();
    let state = scene.bob.state(scene.context);
    scene.bench.have(scene.carol, Vec::new(), vec![state]);
    assert_eq!(scene.bench.asked(scene.carol, &scene.bob), [1]);
    scene.bench.deliver(scene.carol, &scene.bob, 0);
    assert_eq!(scene.bench.took(scene.context, &scene.bob), MOST as u64 + 40);
}

#[test]
fn the_envelope_before_those_that_wait_finds_room_unasked() {
    let mut scene = scene();
    scene.fill();
    scene.bob.said.truncate(1);
    scene.bench.deliver(scene.carol, &scene.bob, 0);
    // The last gave way to it.
    assert_eq!(scene.bench.took(scene.context, &scene.bob), MOST as u64);
}

#[test]
fn what_is_not_signed_takes_nobodys_room() {
    let mut scene = scene();
    let (context, catalog) = (scene.context, scene.bob.catalog());
    let state = scene.bob.state(context);
    let document = scene.bob.place(context).document();
    let sign = |n| {
        let change = vec![0; limits::CHANGE_BYTES];
        Envelope::sign(document, 0, catalog.inc, n, change, &scene.bob.key)
    };
    let later: Vec<Envelope> = (2..18).map(sign).collect();
    let mut forged = sign(1);
    for half in later.chunks(8) {
        scene.bob.said = half.to_vec();
        scene.bench.deliver(scene.mallory, &scene.bob, 0);
    }
    let waiting =
        |scene: &Scene| scene.bench.node.context(context).unwrap().catalogs[&catalog].pending_bytes;
    assert_eq!(waiting(&scene), limits::WAITING_BYTES);
    scene.bench.have(scene.carol, Vec::new(), vec![state]);
    forged.change[0] = 1;
    scene.bob.said = vec![forged];
    scene.bench.deliver(scene.carol, &scene.bob, 0);
    assert_eq!(waiting(&scene), limits::WAITING_BYTES);
    assert_eq!(scene.bench.penalties.len(), 1);
}

#[test]
fn envelopes_that_the_disk_refused_are_asked_for_again() {
    let mut scene = scene();
    let carol = scene.carol;
    scene.bench.tell_log(carol, &scene.person);
    scene.bob.said.truncate(3);
    let state = scene.bob.state(scene.context);
    scene.bench.have(carol, Vec::new(), vec![state]);
    scene.bench.disk_full = true;
    scene.bench.deliver(carol, &scene.bob, 0);
    scene.bench.disk_full = false;
    scene.bench.sent.clear();
    scene.bench.rest();
    assert_eq!(scene.bench.asked(carol, &scene.bob), [1]);
    scene.bench.deliver(carol, &scene.bob, 0);
    assert_eq!(scene.bench.took(scene.context, &scene.bob), 3);
}

#[test]
fn frames_that_the_disk_refused_are_asked_for_again() {
    let mut scene = scene();
    let carol = scene.carol;
    let frame = Frame { message: "here".into(), ..Frame::default() }.encode().unwrap();
    let id = FrameId::of(&frame);
    let PlacedFact::Head(head) = push(1) else { panic!("a push states a head") };
    scene.bob.said.clear();
    scene.bob.say(scene.context, &PlacedFact::Head(Head { frame: Some(id), ..head }));
    scene.bench.have(carol, Vec::new(), Vec::new());
    scene.bench.deliver(carol, &scene.bob, 0);
    let asked = |scene: &Scene| {
        let all = scene.bench.sent_to(carol);
        let wants =
            all.filter(|m| matches!(m, Message::WantFrames { frames, .. } if *frames == [id]));
        wants.count()
    };
    assert_eq!(asked(&scene), 1);
    let frames = Message::Frames { tag: carol.tag, frames: vec![frame], missing: Vec::new() };
    scene.bench.disk_full = true;
    scene.bench.tell(carol, &frames);
    scene.bench.disk_full = false;
    scene.bench.rest();
    assert_eq!(asked(&scene), 2);
    scene.bench.tell(carol, &frames);
    assert!(scene.bench.node.context(scene.context).unwrap().frame(id).is_some());
}

impl Scene {
    /// Both readers say that they have some of Bob's envelopes; returns who is asked, from where.
    fn offered(&mut self, first: (Peer, usize), second: (Peer, usize)) -> [Vec<u64>; 2] {
        for (peer, count) in [first, second] {
            let state = self.bob.back_at(count).state(self.context);
            self.bench.have(peer, Vec::new(), vec![state]);
        }
        [first, second].map(|(peer, _)| self.bench.asked(peer, &self.bob))
    }

    fn deliver(&mut self, peer: Peer, numbers: std::ops::RangeInclusive<usize>) {
        let mut some = self.bob.back_at(*numbers.end());
        some.said.drain(..numbers.start() - 1);
        self.bench.deliver(peer, &some, 0);
    }
}

#[test]
fn one_peer_is_asked_and_another_where_it_gives_nothing() {
    // Whoever of the two comes first when everybody is asked again.
    for swapped in [false, true] {
        let mut scene = scene();
        let (mut silent, mut other) = (scene.mallory, scene.carol);
        if swapped {
            std::mem::swap(&mut silent, &mut other);
        }
        assert_eq!(scene.offered((silent, 5), (other, 5)), [vec![1], vec![]]);
        scene.bench.rest();
        assert_eq!(scene.bench.asked(other, &scene.bob), [1]);
    }
}

#[test]
fn who_answers_with_less_than_she_has_is_not_waited_for() {
    for numbers in [2..=5, 1..=3] {
        let mut scene = scene();
        let (carol, mallory) = (scene.carol, scene.mallory);
        scene.bench.tell_log(carol, &scene.person);
        assert_eq!(scene.offered((mallory, 5), (carol, 5)), [vec![1], vec![]]);
        let next = if *numbers.start() == 1 { 4 } else { 1 };
        scene.deliver(mallory, numbers);
        scene.bench.have(mallory, Vec::new(), Vec::new());
        scene.bench.have(carol, Vec::new(), Vec::new());
        assert_eq!(scene.bench.asked(carol, &scene.bob), [next]);
    }
}

#[test]
fn who_has_more_is_asked_beside_who_has_less() {
    let mut scene = scene();
    let (carol, mallory) = (scene.carol, scene.mallory);
    assert_eq!(scene.offered((mallory, 3), (carol, 5)), [vec![1], vec![1]]);
}

#[test]
fn what_is_being_judged_is_not_asked_for_again() {
    let mut scene = scene();
    let (carol, mallory) = (scene.carol, scene.mallory);
    // Bob's log comes when envelopes of his do, and with it everything is looked at anew.
    assert_eq!(scene.offered((carol, 5), (mallory, 2)), [vec![1], vec![]]);
    scene.deliver(carol, 1..=4);
    assert_eq!(scene.bench.asked(carol, &scene.bob), [1, 5]);
    assert!(scene.bench.asked(mallory, &scene.bob).is_empty());
}

#[test]
fn what_comes_ends_a_long_wait_for_the_rest() {
    let mut retry = Retry::default();
    let mut now = 0;
    for _ in 0..4 {
        retry.later(now);
        now = retry.at.take().unwrap();
    }
    retry.later(now);
    assert_eq!(retry.at, Some(now + 16_000));
    // Others that fail in that time wait along, and count once.
    retry.later(now + 10);
    assert_eq!(retry.at, Some(now + 16_000));
    retry.came();
    retry.later(now + 100);
    assert_eq!(retry.at, Some(now + 1_100));
}
