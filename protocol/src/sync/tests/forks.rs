//! Forks: relays of a forked device are not at fault, and what they hold proves it.

use super::bench::*;
use crate::doc::{Envelope, ForkProof};
use crate::id::{ContextId, Incarnation};
use crate::statement::Role;
use crate::sync::{Event, Record, Severity};
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

#[test]
fn devices_that_nobody_granted_fill_nothing() {
    let mut scene = scene();
    let key = crate::statement::samples::key(77);
    let sign = |to| {
        let mut device = Device::new(scene.bob.user, key.clone(), [77; 8]);
        device.say(scene.context, &push(to));
        device
    };
    let (one, other): (Device, Device) = (sign(1), sign(2));
    let both: [Envelope; 2] = [one.said[0].clone(), other.said[0].clone()];
    let proof = ForkProof::new(both[0].clone(), both[1].clone()).unwrap().encode();
    scene.bench.deliver(scene.dave, &scene.one, 0);
    let message = Message::Fork { tag: scene.carol.tag, catalog: one.catalog(), proof };
    scene.bench.tell(scene.carol, &message);
    assert_eq!(scene.recorded(), 0);
    assert!(scene.bench.penalties.is_empty(), "{:?}", scene.bench.penalties);
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
