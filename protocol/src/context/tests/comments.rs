//! Comments: whose they are, and for how long they count.

use super::world::*;
use crate::context::*;
use crate::id::*;
use crate::limits;
use crate::statement::*;

const ALICE: u8 = 1;
const BOB: u8 = 2;
const MALLORY: u8 = 3;

const ID: [u8; 16] = [0xc1; 16];

/// Alice's context, where Bob and Mallory write.
fn world() -> (World, Device, Device, Device) {
    let mut world = World::new(&[ALICE]);
    let mut alice = world.device(ALICE, 11);
    let (bob, mallory) = (world.device(BOB, 21), world.device(MALLORY, 31));
    world.member(&mut alice, BOB, Role::Writer);
    world.member(&mut alice, MALLORY, Role::Writer);
    (world, alice, bob, mallory)
}

fn comment(text: Option<&str>, over: &[StatementId]) -> PlacedFact {
    let on = CommentOn::Stack { user: user(ALICE), stack: stack(5) };
    PlacedFact::Comment(Comment { id: ID, on, text: text.map(str::to_owned), over: over.to_vec() })
}

/// Who says what, taken back or not.
fn said(view: &View) -> Vec<(UserId, Option<String>)> {
    view.comments().into_iter().map(|comment| (comment.author, comment.text)).collect()
}

fn texts(all: &[(u8, Option<&str>)]) -> Vec<(UserId, Option<String>)> {
    all.iter().map(|(of, text)| (user(*of), text.map(str::to_owned))).collect()
}

#[test]
fn nobody_says_anothers_comment_otherwise_or_takes_it_back() {
    let (mut world, mut alice, mut bob, mut mallory) = world();
    let bobs = world.say(&mut bob, comment(Some("is this right?"), &[]));
    // Under its id and naming it as replaced: a comment of hers, and none of his.
    world.say(&mut mallory, comment(Some("it is"), &[bobs]));
    let all = [(BOB, Some("is this right?")), (MALLORY, Some("it is"))];
    assert_eq!(said(&world.view()), texts(&all));
    // Nor does an owner.
    world.say(&mut alice, comment(None, &[bobs]));
    let all = [(ALICE, None), (BOB, Some("is this right?")), (MALLORY, Some("it is"))];
    assert_eq!(said(&world.view()), texts(&all));
    world.say(&mut bob, comment(None, &[bobs]));
    assert_eq!(said(&world.view())[1], (user(BOB), None));
}

#[test]
fn who_may_not_write_says_nothing_about_anything() {
    let (mut world, mut alice, mut bob, ..) = world();
    let mut stranger = world.device(9, 91);
    world.say(&mut stranger, comment(Some("buy"), &[]));
    world.member(&mut alice, 9, Role::Reader);
    assert_eq!(said(&world.view()), []);
    world.say(&mut bob, comment(Some("mine"), &[]));
    assert_eq!(said(&world.view()), texts(&[(BOB, Some("mine"))]));
}

#[test]
fn what_is_said_after_a_removal_or_a_revocation_counts_nowhere() {
    let (mut world, mut alice, mut bob, mut mallory) = world();
    world.say(&mut bob, comment(Some("in time"), &[]));
    world.say(&mut mallory, comment(Some("in time"), &[]));
    world.member(&mut alice, BOB, Role::None);
    world.cut(&mut alice, Subject::User(user(BOB)), &[(&bob, 1)]);
    // Mallory's device is lost; another of hers keeps what it said until then.
    let lost = Subject::Device(mallory.key.device());
    let mut other = world.device(MALLORY, 32);
    world.retire(&mallory, 1);
    world.cut(&mut other, lost, &[(&mallory, 1)]);
    for device in [&mut bob, &mut mallory] {
        let seen = world.view().comment(device.user, ID).unwrap().over;
        world.say(device, comment(Some("late"), &seen));
    }
    let all = [(BOB, Some("in time")), (MALLORY, Some("in time"))];
    assert_eq!(said(&world.view()), texts(&all));
}

#[test]
fn a_comment_has_a_length() {
    let read = |bytes: usize| {
        let text = "a".repeat(bytes);
        let fact = comment(Some(&text), &[]);
        let key = crate::statement::samples::key(3);
        let signed = fact.sign(&crate::statement::samples::place(), &key);
        signed.ok().and_then(|signed| Statement::decode(&signed.encode()).ok()?.verify().ok())
    };
    assert!(read(limits::COMMENT_BYTES).is_some());
    assert!(read(limits::COMMENT_BYTES + 1).is_none());
}
