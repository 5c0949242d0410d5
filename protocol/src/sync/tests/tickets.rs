//! Who is let in: tickets that an owner honours, removals, and peers who are not.

use std::collections::BTreeMap;

use super::bench::*;
use crate::api::Policy;
use crate::context::{ContextKind, Genesis};
use crate::id::ContextId;
use crate::key::SecretKey;
use crate::limits;
use crate::statement::samples::key;
use crate::statement::{About, Access, Interest, Member, PlacedFact, Role, Verified};
use crate::sync::{Command, CommandError, Event, Input, Keeping, Record, Standing};
use crate::ticket::Ticket;
use crate::wire::{DenyCode, Message};

/// Alice's engine with a context, and Bob.
struct Scene {
    bench: Bench,
    context: ContextId,
    bob: Person,
    laptop: Device,
}

fn scene() -> Scene {
    let (mut alice, mut bob) = (Person::new(1), Person::new(2));
    let mut bench = Bench::new(&mut alice, 11);
    let laptop = bob.device(21, None);
    let context = bench.new_context();
    Scene { bench, context, bob, laptop }
}

impl Scene {
    fn come(&mut self, redeem: &Verified) -> Peer {
        let interest = self.bench.interest(self.context);
        self.bench.connect(&self.bob, &self.laptop, &interest, Some(redeem))
    }

    fn redeem(&self, ticket: &Ticket) -> Verified {
        ticket.redeem(self.bob.user, [0; 16])
    }

    fn bobs_role(&self) -> Role {
        self.bench.role(self.context, &self.bob)
    }

    fn is_admitted(&self, peer: Peer) -> bool {
        self.bench.sent_to(peer).any(|message| matches!(message, Message::Have { .. }))
    }
}

#[test]
fn a_reader_who_comes_again_with_a_writers_ticket_becomes_writer() {
    let mut scene = scene();
    let (reader, writer) = (
        scene.bench.share(scene.context, Role::Reader, None),
        scene.bench.share(scene.context, Role::Writer, None),
    );
    let peer = scene.come(&scene.redeem(&reader));
    assert!(scene.is_admitted(peer));
    assert_eq!(scene.bobs_role(), Role::Reader);
    scene.come(&scene.redeem(&writer));
    assert_eq!(scene.bobs_role(), Role::Writer);
}

#[test]
fn what_a_redemption_is_owed_is_given_after_a_stop() {
    let mut scene = scene();
    let writer = scene.bench.share(scene.context, Role::Writer, Some(1));
    scene.come(&scene.redeem(&writer));
    // Killed after the redemption was durable, before the member statement was.
    let stored = scene.bench.records.iter().position(|r| matches!(r, Record::Redemption { .. }));
    scene.bench.records.truncate(stored.unwrap() + 1);
    scene.bench.restart();
    assert_eq!(scene.bobs_role(), Role::Writer);
}

#[test]
fn an_admission_that_cannot_be_stored_is_tried_again() {
    let mut scene = scene();
    let writer = scene.bench.share(scene.context, Role::Writer, None);
    scene.bench.disk_full = true;
    scene.come(&scene.redeem(&writer));
    assert_eq!(scene.bobs_role(), Role::None);
    scene.bench.disk_full = false;
    for _ in 0..2 {
        scene.bench.now += 10_000;
        scene.bench.feed(Input::Wake);
    }
    assert_eq!(scene.bobs_role(), Role::Writer);
}

#[test]
fn a_ticket_raises_nobody_whom_an_owner_lowered() {
    let mut scene = scene();
    let writer = scene.bench.share(scene.context, Role::Writer, None);
    let redeem = scene.redeem(&writer);
    scene.come(&redeem);
    scene.bench.set_role(scene.context, &scene.bob, Role::Reader);
    scene.come(&redeem);
    scene.bench.restart();
    assert_eq!(scene.bobs_role(), Role::Reader);
}

#[test]
fn a_used_up_ticket_raises_nobody() {
    let mut scene = scene();
    let writer = scene.bench.share(scene.context, Role::Writer, Some(1));
    let mut carol = Person::new(3);
    let phone = carol.device(31, None);
    let interest = scene.bench.interest(scene.context);
    scene.bench.connect(&carol, &phone, &interest, Some(&writer.redeem(carol.user, [0; 16])));
    assert_eq!(scene.bench.role(scene.context, &carol), Role::Writer);
    scene.bench.set_role(scene.context, &scene.bob, Role::Reader);
    scene.come(&scene.redeem(&writer));
    assert_eq!(scene.bobs_role(), Role::Reader);
}

#[test]
fn a_private_context_admits_members_only() {
    let mut scene = scene();
    let context = scene.context;
    let reader = scene.bench.share(context, Role::Reader, None);
    let access = Some(Access::Private);
    let about = Command::About { context, name: None, text: None, access, closed: false };
    scene.bench.command(about).unwrap();
    let peer = scene.come(&scene.redeem(&reader));
    let denied = Message::Deny { tag: peer.tag, code: DenyCode::NotAdmitted, proof: None };
    assert_eq!(scene.bench.sent_to(peer).collect::<Vec<_>>(), [&denied]);
    scene.bench.set_role(context, &scene.bob, Role::Reader);
    let peer = scene.come(&scene.redeem(&reader));
    assert!(scene.is_admitted(peer));
}

/// Whoever is not let in learns nothing of what is lacking here.
#[test]
fn a_removed_member_is_asked_for_nothing_but_what_owners_say() {
    let mut scene = scene();
    let context = scene.context;
    scene.bench.set_role(context, &scene.bob, Role::Writer);
    let mut carol = Person::new(3);
    let phone = carol.device(31, None);
    scene.bench.set_role(context, &carol, Role::Reader);
    let old = scene.bench.interest(context);
    scene.bench.set_role(context, &carol, Role::None);
    let interest = scene.bench.interest(context);
    let bob = scene.bench.connect(&scene.bob, &scene.laptop, &interest, None);
    scene.laptop.say(context, &push(1));
    scene.bench.deliver(bob, &scene.laptop, 0);
    let lacking = scene.bench.node.context(context).unwrap().wanted();
    assert_eq!(lacking, (1, 0));

    let peer = scene.bench.connect(&carol, &phone, &old, None);
    scene.bench.sent.clear();
    scene.laptop.say(context, &push(2));
    let mut alice = Device::new(scene.bench.node.user(), key(12), [12; 8]);
    alice.say(context, &push(1));
    let states = vec![scene.laptop.state(context), alice.state(context)];
    scene.bench.have(peer, Vec::new(), states);
    assert!(scene.bench.asked(peer, &scene.laptop).is_empty());
    assert_eq!(scene.bench.asked(peer, &alice), [1], "an owner's word is believed by anybody");
    assert!(!scene.bench.sent_to(peer).any(|m| matches!(m, Message::WantFrames { .. })));
    assert_eq!(scene.bench.node.providers(context), []);
    // Nor is anything of others taken from her.
    scene.bench.deliver(peer, &scene.laptop, 1);
    assert_eq!(scene.bench.took(context, &scene.laptop), 1);
    // Who is let in is asked.
    scene.bench.have(bob, Vec::new(), Vec::new());
    assert!(scene.bench.sent_to(bob).any(|m| matches!(m, Message::WantFrames { .. })));
}

#[test]
fn the_largest_numbers_overflow_nothing() {
    let mut scene = scene();
    let context = scene.context;
    scene.bench.set_role(context, &scene.bob, Role::Owner);
    let interest = scene.bench.interest(context);
    let peer = scene.bench.connect(&scene.bob, &scene.laptop, &interest, None);
    let last = Interest { generation: u32::MAX, key: [7; 32] };
    scene.laptop.say(context, &PlacedFact::Interest(last));
    scene.bench.deliver(peer, &scene.laptop, 0);
    assert_eq!(scene.bench.interest(context).generation, u32::MAX);
    scene.bench.set_role(context, &Person::new(3), Role::None);

    let (genesis, ..) = followed();
    let mut ticket = ticket(genesis, &key(50), Interest { generation: 1, key: [1; 32] });
    ticket.until = Some(i64::MAX);
    let ticket = Box::new(ticket);
    scene.bench.command(Command::Follow { ticket, policy: Policy::All.into() }).unwrap();
}

#[test]
fn more_owners_devices_than_fit_are_an_error_that_says_so() {
    let mut scene = scene();
    let context = scene.context;
    scene.bench.set_role(context, &scene.bob, Role::Owner);
    let interest = scene.bench.interest(context);
    let peer = scene.bench.connect(&scene.bob, &scene.laptop, &interest, None);
    for inc in 0..limits::SEEN as u8 {
        let mut device = Device::new(scene.bob.user, scene.laptop.key.clone(), [inc; 8]);
        device.say(context, &PlacedFact::TicketEnd { key: key(90).public() });
        scene.bench.deliver(peer, &device, 0);
    }
    let user = Person::new(3).user;
    let refused = scene.bench.command(Command::Member { context, user, role: Role::Reader });
    assert!(matches!(refused, Err(CommandError::Limit(_))), "{refused:?}");
    // What an owner owes by a ticket fails alike, and that is told.
    let writer = scene.bench.share(context, Role::Writer, None);
    let mut carol = Person::new(3);
    let phone = carol.device(31, None);
    let redeem = writer.redeem(carol.user, [0; 16]);
    scene.bench.connect(&carol, &phone, &scene.bench.interest(context), Some(&redeem));
    assert!(scene.bench.events.iter().any(|event| matches!(event, Event::Failed { .. })));
}

#[test]
fn an_owner_who_spoke_from_more_incarnations_than_fit_is_removed_all_the_same() {
    let mut scene = scene();
    let context = scene.context;
    scene.bench.set_role(context, &scene.bob, Role::Owner);
    let interest = scene.bench.interest(context);
    let peer = scene.bench.connect(&scene.bob, &scene.laptop, &interest, None);
    for inc in 0..=limits::SEEN as u8 {
        let mut device = Device::new(scene.bob.user, scene.laptop.key.clone(), [inc; 8]);
        device.say(context, &PlacedFact::TicketEnd { key: key(90).public() });
        if inc > 0 {
            device.say(context, &PlacedFact::TicketEnd { key: key(91).public() });
        }
        scene.bench.deliver(peer, &device, 0);
    }
    let view = |bench: &Bench| bench.node.context(context).unwrap().view().clone();
    assert!(view(&scene.bench).seen_about(scene.bob.user).len() > limits::SEEN);
    let (user, keep) = (scene.bob.user, Keeping::All);
    scene.bench.command(Command::RemoveMember { context, user, keep }).unwrap();
    let view = view(&scene.bench);
    assert_eq!(view.role(user), Role::None);
    let removal = view.removal_of(user).unwrap().placed().unwrap();
    let PlacedFact::Member(member) = &removal.fact else { panic!("a removal is about a member") };
    assert_eq!(member.seen.len(), limits::SEEN);
    // Alice's own goes first, then the one of his that said least.
    let least = (scene.laptop.id(), crate::id::Incarnation::from_bytes([0; 8]));
    assert!(!member.seen.contains_key(&least));
    assert!(member.seen.keys().all(|(device, _)| *device == scene.laptop.id()));
}

#[test]
fn as_many_as_may_be_named_as_seen_fit() {
    let mut device = Person::new(1).device(11, None);
    let seen = (0..limits::SEEN as u8).map(|n| {
        let key = ([n; 32], [n; 8]);
        (
            (crate::id::DeviceId::from_bytes(key.0), crate::id::Incarnation::from_bytes(key.1)),
            u64::MAX,
        )
    });
    let seen: BTreeMap<_, _> = seen.collect();
    let user = Person::new(2).user;
    device.sign(
        ContextId::from_bytes([1; 32]),
        &PlacedFact::Member(Member { user, role: Role::Reader, seen }),
    );
}

#[test]
fn a_number_that_a_ticket_made_up_does_not_replace_those_of_owners() {
    let mut scene = scene();
    let context = scene.context;
    scene.bench.set_role(context, &Person::new(3), Role::None);
    let known = scene.bench.node.contexts.get_mut(&context).unwrap();
    let told = |generation| Interest { generation, key: [8; 32] };
    known.record.interest = vec![told(1), told(u32::MAX), told(u32::MAX - 1), told(5)];
    let numbers = |all: Vec<Interest>| all.iter().map(|i| i.generation).collect::<Vec<_>>();
    assert_eq!(numbers(known.open_interests(2)), [2, 1, 5, u32::MAX - 1]);
    assert_eq!(known.interests()[0].generation, 2);
    // A follower who knows nothing else goes by what her ticket told.
    let told_only = scene.bench.share(context, Role::Reader, None);
    assert_eq!(told_only.interest.generation, 2);
}

/// A context of Alice, who is played by hand, with her device.
fn followed() -> (Genesis, Person, Device) {
    let mut alice = Person::new(1);
    let device = alice.device(11, None);
    let genesis = Genesis { owners: vec![alice.user], nonce: [4; 16], kind: ContextKind::Team };
    (genesis, alice, device)
}

fn ticket(genesis: Genesis, key: &SecretKey, interest: Interest) -> Ticket {
    let owner = genesis.owners[0];
    let (addrs, until, role) = (Vec::new(), None, Role::Reader);
    Ticket { genesis, key: key.clone(), interest, owner, addrs, until, role }
}

#[test]
fn a_removal_that_was_taken_back_is_not_believed_again() {
    let (genesis, alice, mut laptop) = followed();
    let mut bob = Person::new(2);
    let mut bench = Bench::new(&mut bob, 21);
    let context = genesis.id();
    let interest = Interest { generation: 1, key: [1; 32] };
    let ticket = Box::new(ticket(genesis, &key(50), interest.clone()));
    bench.command(Command::Follow { ticket, policy: Policy::All.into() }).unwrap();
    let about = About {
        name: "main".parse().unwrap(),
        text: String::new(),
        access: Access::Ticket,
        closed: false,
        over: Vec::new(),
    };
    laptop.say(context, &PlacedFact::About(about));
    laptop.say(context, &PlacedFact::Interest(interest.clone()));
    let removal = laptop.say(context, &member(bob.user, Role::None));
    laptop.say(context, &member(bob.user, Role::Reader));
    // Said elsewhere, never brought here, and seen by the last.
    let mut phone = Device::new(alice.user, key(11), [12; 8]);
    let elsewhere = phone.sign(context, &member(bob.user, Role::None));
    let mut unseen = phone.back_at(0);
    let unseen = unseen.sign(context, &member(bob.user, Role::None));
    let seen = BTreeMap::from([((phone.id(), phone.catalog().inc), 1)]);
    let back = Member { user: bob.user, role: Role::Reader, seen };
    laptop.say(context, &PlacedFact::Member(back));

    let peer = bench.connect(&alice, &laptop, &interest, None);
    let standing = |bench: &Bench| bench.node.context(context).unwrap().standing();
    let (whole, all) = (laptop.back_at(3), laptop);
    bench.deliver(peer, &whole, 0);
    assert_eq!(standing(&bench), Standing::Removed, "the statement itself says so");
    bench.deliver(peer, &all, 3);
    assert!(matches!(standing(&bench), Standing::Active { .. }), "an owner took her back");
    let mut deny = |proof: &Verified| {
        let (code, proof) = (DenyCode::Removed, Some(proof.encode()));
        bench.tell(peer, &Message::Deny { tag: peer.tag, code, proof });
        bench.node.context(context).unwrap().standing()
    };
    assert!(matches!(deny(&removal), Standing::Active { .. }), "superseded, and held");
    assert!(matches!(deny(&elsewhere), Standing::Active { .. }), "superseded, and not held");
    assert_eq!(deny(&unseen), Standing::Removed, "news");
}
