//! Forks: relays of a forked device are not at fault, and what they hold proves it.

use super::bench::*;
use crate::doc::{Envelope, ForkProof};
use crate::id::{ContextId, Incarnation};
use crate::limits;
use crate::statement::Role;
use crate::sync::{Event, Input, Record, Severity};
use crate::wire::Message;

/// Alice's engine, Bob the writer with two stories, and two readers.
struct Scene {
    bench: Bench,
    context: ContextId,
    bob: Person,
    one: Device,
    other: Device,
    carol: Peer,
    dave: Peer,
}

fn scene() -> Scene {
    let [mut alice, mut bob, mut carol, mut dave] = [1, 2, 3, 4].map(Person::new);
    let mut bench = Bench::new(&mut alice, 11);
    let context = bench.new_context();
    bench.set_role(context, &bob, Role::Writer);
    bench.set_role(context, &carol, Role::Reader);
    bench.set_role(context, &dave, Role::Reader);
    let mut one = bob.device(21, None);
    let (phone, tablet) = (carol.device(31, None), dave.device(41, None));
    one.say(context, &push(1));
    let mut other = one.back_at(1);
    for n in [2, 3] {
        one.say(context, &push(n));
        other.say(context, &push(n + 10));
    }
    let interest = bench.interest(context);
    bench.knows(&bob);
    let carol = bench.connect(&carol, &phone, &interest, None);
    let dave = bench.connect(&dave, &tablet, &interest, None);
    Scene { bench, context, bob, one, other, carol, dave }
}

fn proof(scene: &Scene, n: usize) -> ForkProof {
    ForkProof::new(scene.one.said[n - 1].clone(), scene.other.said[n - 1].clone()).unwrap()
}

impl Scene {
    fn fork(&self, proof: Vec<u8>) -> Message {
        Message::Fork { tag: self.carol.tag, catalog: self.one.catalog(), proof }
    }

    fn forks_sent(&self, to: Peer) -> usize {
        self.bench.sent_to(to).filter(|m| matches!(m, Message::Fork { .. })).count()
    }

    /// The stacks of Bob that show.
    fn stacks(&self) -> usize {
        let stacks = self.bench.node.context(self.context).unwrap().view().stacks();
        stacks.iter().filter(|stack| stack.owner == self.bob.user).count()
    }

    fn recorded(&self) -> usize {
        self.bench.records.iter().filter(|r| matches!(r, Record::Fork { .. })).count()
    }
}

#[test]
fn a_relay_of_the_other_side_is_asked_and_not_punished() {
    let mut scene = scene();
    let (carol, dave, context) = (scene.carol, scene.dave, scene.context);
    scene.one.said.truncate(2);
    scene.bench.deliver(dave, &scene.one, 0);
    assert_eq!(scene.bench.took(context, &scene.one), 2);
    scene.bench.sent.clear();
    scene.bench.deliver(carol, &scene.other, 2);
    assert!(scene.bench.penalties.is_empty(), "{:?}", scene.bench.penalties);
    assert_eq!(scene.bench.asked(carol, &scene.one), [2]);
    // A second try changes nothing: the peer is asked once.
    scene.bench.deliver(carol, &scene.other, 2);
    assert_eq!(scene.bench.asked(carol, &scene.one), [2]);
    assert_eq!(scene.stacks(), 2);

    scene.bench.deliver(carol, &scene.other, 1);
    assert!(scene.bench.penalties.is_empty(), "{:?}", scene.bench.penalties);
    let fork = Event::Fork { context, device: scene.one.id() };
    assert!(scene.bench.events.contains(&fork));
    assert_eq!(scene.recorded(), 1);
    assert_eq!((scene.forks_sent(dave), scene.forks_sent(carol)), (1, 0));
    assert_eq!(scene.stacks(), 1, "what was said before the fork stays");
    scene.bench.restart();
    assert_eq!(scene.stacks(), 1);
}

#[test]
fn another_tip_of_the_same_number_is_asked_about() {
    let mut scene = scene();
    let (carol, context) = (scene.carol, scene.context);
    scene.bench.deliver(scene.dave, &scene.one, 0);
    scene.bench.sent.clear();
    let state = scene.other.state(context);
    scene.bench.have(carol, Vec::new(), vec![state]);
    scene.bench.have(carol, Vec::new(), vec![state]);
    assert_eq!(scene.bench.asked(carol, &scene.one), [3]);
}

#[test]
fn a_proof_is_taken_from_anybody_and_passed_on_once() {
    let mut scene = scene();
    let (carol, dave, context) = (scene.carol, scene.dave, scene.context);
    scene.bench.deliver(dave, &scene.one, 0);
    scene.bench.sent.clear();
    let message = scene.fork(proof(&scene, 3).encode());
    scene.bench.tell(carol, &message);
    scene.bench.tell(carol, &message);
    assert_eq!((scene.stacks(), scene.recorded(), scene.forks_sent(dave)), (2, 1, 1));
    // An earlier fork takes its place, a later one does not.
    let message = scene.fork(proof(&scene, 2).encode());
    scene.bench.tell(carol, &message);
    let message = scene.fork(proof(&scene, 3).encode());
    scene.bench.tell(carol, &message);
    assert_eq!((scene.stacks(), scene.recorded(), scene.forks_sent(dave)), (1, 2, 2));

    // Whoever asks for the catalog gets the proof, and nothing from the fork on.
    scene.bench.sent.clear();
    let want = Message::Want { tag: dave.tag, catalog: scene.one.catalog(), from: 1 };
    scene.bench.tell(dave, &want);
    assert_eq!(scene.forks_sent(dave), 1);
    let given = scene.bench.sent_to(dave).find_map(|message| match message {
        Message::Envelopes { envelopes, .. } => Some(envelopes.clone()),
        _ => None,
    });
    assert_eq!(given.unwrap(), [scene.one.said[0].encode()]);
    // Nothing more is taken or asked for.
    let mut longer = scene.one.back_at(3);
    longer.say(context, &push(9));
    scene.bench.sent.clear();
    scene.bench.have(carol, Vec::new(), vec![longer.state(context)]);
    scene.bench.deliver(carol, &longer, 3);
    assert_eq!(scene.bench.took(context, &longer), 3);
    assert!(scene.bench.asked(carol, &longer).is_empty());
}

#[test]
fn a_forged_proof_costs_its_sender() {
    let scene_of = |proof: fn(&Scene) -> Vec<u8>| {
        let mut scene = scene();
        scene.bench.deliver(scene.dave, &scene.one, 0);
        let message = scene.fork(proof(&scene));
        scene.bench.tell(scene.carol, &message);
        assert_eq!((scene.stacks(), scene.recorded()), (3, 0));
        scene.bench.penalties.first().map(|(_, severity, _)| *severity)
    };
    assert_eq!(scene_of(|_| vec![1]), Some(Severity::Grave));
    // Of another incarnation of the same device.
    let elsewhere = |scene: &Scene| {
        let sign = |to| {
            let mut device = Device::new(scene.bob.user, scene.one.key.clone(), [99; 8]);
            device.say(scene.context, &push(to));
            device.said.remove(0)
        };
        ForkProof::new(sign(1), sign(2)).unwrap().encode()
    };
    assert_eq!(scene_of(elsewhere), Some(Severity::Grave));
}

/// Two envelopes of a device with one number, whatever is in them.
fn made_up(device: &Device, context: ContextId, n: u64) -> ForkProof {
    let (doc, inc) = (device.place(context).document(), device.catalog().inc);
    let [one, other] = [1, 2].map(|with| Envelope::sign(doc, 0, inc, n, vec![with], &device.key));
    ForkProof::new(one, other).unwrap()
}

#[test]
fn incarnations_and_numbers_that_nobody_has_fill_nothing() {
    let mut scene = scene();
    let (carol, context) = (scene.carol, scene.context);
    scene.bench.deliver(scene.dave, &scene.one, 0);
    for inc in 100..120 {
        let device = Device::new(scene.bob.user, scene.one.key.clone(), [inc; 8]);
        let proof = made_up(&device, context, 1).encode();
        let fork = Message::Fork { tag: carol.tag, catalog: device.catalog(), proof };
        scene.bench.tell(carol, &fork);
    }
    for n in [u64::MAX, u64::MAX - 1, 5] {
        let fork = scene.fork(made_up(&scene.one, context, n).encode());
        scene.bench.tell(carol, &fork);
    }
    assert_eq!(scene.recorded(), 0);
    assert!(scene.bench.penalties.is_empty(), "{:?}", scene.bench.penalties);
    // The next number is one that somebody may have.
    let fork = scene.fork(made_up(&scene.one, context, 4).encode());
    scene.bench.tell(carol, &fork);
    assert_eq!(scene.recorded(), 1);
}

#[test]
fn forks_of_one_user_leave_room_for_others() {
    let mut scene = scene();
    let (carol, dave, context) = (scene.carol, scene.dave, scene.context);
    scene.bench.deliver(dave, &scene.one, 0);
    let mut last = None;
    for inc in 100..=100 + limits::FORKS_PER_USER as u8 {
        let mut device = Device::new(scene.bob.user, scene.one.key.clone(), [inc; 8]);
        device.say(context, &push(inc));
        scene.bench.deliver(dave, &device, 0);
        device.say(context, &push(1));
        scene.bench.have(carol, Vec::new(), vec![device.state(context)]);
        let proof = made_up(&device, context, 2).encode();
        let fork = Message::Fork { tag: carol.tag, catalog: device.catalog(), proof };
        scene.bench.tell(carol, &fork);
        last = Some(device);
    }
    assert_eq!(scene.recorded(), limits::FORKS_PER_USER);
    // What finds no room is not asked for again and again.
    scene.bench.sent.clear();
    scene.bench.now += 10_000;
    scene.bench.feed(Input::Wake);
    assert!(scene.bench.asked(carol, &last.unwrap()).is_empty());

    let mut erin = Person::new(5);
    let mut theirs = erin.device(51, None);
    scene.bench.set_role(context, &erin, Role::Writer);
    theirs.say(context, &push(7));
    scene.bench.tell_log(carol, &erin);
    scene.bench.deliver(carol, &theirs, 0);
    let proof = made_up(&theirs, context, 1).encode();
    let fork = Message::Fork { tag: carol.tag, catalog: theirs.catalog(), proof };
    scene.bench.tell(carol, &fork);
    assert_eq!(scene.recorded(), limits::FORKS_PER_USER + 1);
}

#[test]
fn who_was_behind_a_fork_meets_it_on_the_way() {
    let mut scene = scene();
    let (carol, context) = (scene.carol, scene.context);
    scene.bench.tell_log(carol, &scene.bob);
    scene.bench.have(carol, Vec::new(), vec![scene.one.state(context)]);
    assert_eq!(scene.bench.asked(carol, &scene.one), [1]);
    let fork = scene.fork(proof(&scene, 3).encode());
    scene.bench.tell(carol, &fork);
    assert_eq!(scene.recorded(), 0);
    scene.one.said.truncate(2);
    scene.bench.deliver(carol, &scene.one, 0);
    assert_eq!(scene.bench.asked(carol, &scene.one), [1, 3]);
    scene.bench.tell(carol, &fork);
    assert_eq!(scene.recorded(), 1);
}

#[test]
fn who_has_more_than_a_fork_allows_is_told_of_it_once() {
    let mut scene = scene();
    let (carol, dave, context) = (scene.carol, scene.dave, scene.context);
    scene.bench.deliver(dave, &scene.one, 0);
    let fork = scene.fork(proof(&scene, 3).encode());
    scene.bench.tell(carol, &fork);
    scene.bench.sent.clear();
    let state = scene.one.state(context);
    for _ in 0..2 {
        scene.bench.have(dave, Vec::new(), vec![state]);
        scene.bench.have(carol, Vec::new(), vec![state]);
    }
    // Carol told of it herself.
    assert_eq!((scene.forks_sent(dave), scene.forks_sent(carol)), (1, 0));
}

#[test]
fn a_proof_that_the_disk_refused_is_stored_when_there_is_room() {
    let mut scene = scene();
    let carol = scene.carol;
    scene.bench.deliver(scene.dave, &scene.one, 0);
    scene.bench.disk_full = true;
    let fork = scene.fork(proof(&scene, 3).encode());
    scene.bench.tell(carol, &fork);
    scene.bench.disk_full = false;
    // What peers have is looked at meanwhile, and does not take the date away.
    scene.bench.have(carol, Vec::new(), Vec::new());
    scene.bench.rest();
    assert_eq!((scene.recorded(), scene.stacks()), (1, 2));
}

/// A copy of Alice's home says something else, and Carol shows both.
fn fork_of_mine(scene: &mut Scene) -> Incarnation {
    let before = scene.bench.node.incarnation();
    let mine = |record: &Record| match record {
        Record::Envelope { envelope, .. } => Some(envelope.clone()),
        _ => None,
    };
    let mine: Vec<Envelope> = scene.bench.records.iter().filter_map(mine).collect();
    let key = crate::statement::samples::key(11);
    let mut alice = Device::new(scene.bench.node.user(), key, *before.as_bytes());
    alice.said = vec![mine[0].clone()];
    let mut copy = alice.back_at(1);
    copy.say(scene.context, &push(5));
    let proof = ForkProof::new(mine[1].clone(), copy.said[1].clone()).unwrap().encode();
    let message = Message::Fork { tag: scene.carol.tag, catalog: copy.catalog(), proof };
    scene.bench.tell(scene.carol, &message);
    before
}

#[test]
fn a_fork_of_mine_makes_me_a_new_incarnation() {
    let mut scene = scene();
    let before = fork_of_mine(&mut scene);
    assert_ne!(scene.bench.node.incarnation(), before);
    assert_eq!(scene.recorded(), 1);
}

#[test]
fn a_fork_of_mine_is_not_forgotten_by_a_stop_before_the_new_incarnation() {
    let mut scene = scene();
    let before = fork_of_mine(&mut scene);
    let kept = |record: &Record| !matches!(record, Record::Incarnation(inc) if *inc != before);
    scene.bench.records.retain(kept);
    scene.bench.restart();
    let inc = scene.bench.node.incarnation();
    assert_ne!(inc, before);
    assert!(scene.bench.records.contains(&Record::Incarnation(inc)));
}
