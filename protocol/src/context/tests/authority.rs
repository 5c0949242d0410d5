//! Who may do what, after removals, thefts and quarrels.

use std::collections::BTreeMap;

use super::world::*;
use crate::context::*;
use crate::id::*;
use crate::statement::*;

const ALICE: u8 = 1;
const BOB: u8 = 2;
const CAROL: u8 = 3;
const MALLORY: u8 = 9;

#[test]
fn the_genesis_names_the_owners_and_everything_else_is_stated() {
    let mut world = World::new(&[ALICE, BOB]);
    let mut laptop = world.device(ALICE, 11);
    assert_eq!(world.view().owners(), [user(ALICE), user(BOB)]);
    assert_eq!(world.view().role(user(CAROL)), Role::None);
    assert_eq!(world.view().about(), None);

    world.say(&mut laptop, about("main", Access::Private, &[]));
    world.member(&mut laptop, CAROL, Role::Writer);
    let view = world.view();
    assert_eq!(view.about().unwrap().name.as_str(), "main");
    let roles = [(ALICE, Role::Owner), (BOB, Role::Owner), (CAROL, Role::Writer)];
    assert_eq!(view.members(), roles.map(|(seed, role)| (user(seed), role)));
}

#[test]
fn only_owners_say_who_is_what() {
    let mut world = World::new(&[ALICE]);
    let (mut laptop, mut phone) = (world.device(ALICE, 11), world.device(MALLORY, 91));
    world.member(&mut phone, MALLORY, Role::Owner);
    world.member(&mut phone, CAROL, Role::Writer);
    world.say(&mut phone, about("pwned", Access::Public, &[]));
    world.say(&mut phone, PlacedFact::Interest(Interest { generation: 9, key: [9; 32] }));
    world.cut(&mut phone, Subject::User(user(ALICE)), &[]);
    world.push(&mut phone, 5, 5, 1, &[]);
    world.say(&mut laptop, about("main", Access::Private, &[]));
    world.member(&mut laptop, MALLORY, Role::Writer);
    let view = world.view();
    assert_eq!(view.role(user(MALLORY)), Role::Writer);
    assert_eq!(view.role(user(CAROL)), Role::None);
    assert_eq!(view.about().unwrap().name.as_str(), "main");
    assert_eq!(view.interests(), []);
    assert_eq!(heads(&view, MALLORY, 5), [frame(5)], "a writer's heads count");
}

#[test]
fn readers_and_strangers_push_nothing() {
    let mut world = World::new(&[ALICE]);
    let (mut laptop, mut phone) = (world.device(ALICE, 11), world.device(MALLORY, 91));
    world.push(&mut phone, 5, 5, 1, &[]);
    assert_eq!(world.view().stacks(), []);
    world.member(&mut laptop, MALLORY, Role::Reader);
    assert_eq!(world.view().stacks(), []);
}

/// Finding 5: two owner devices apart; the laptop removes Mallory, the desktop promotes her.
#[test]
fn of_roles_that_have_not_seen_each_other_the_least_wins() {
    let mut world = World::new(&[ALICE]);
    let (mut laptop, mut desktop) = (world.device(ALICE, 11), world.device(ALICE, 12));
    world.member(&mut laptop, MALLORY, Role::Reader);
    let seen = world.view().seen();
    world.member_seen(&mut laptop, MALLORY, Role::None, seen.clone());
    world.member_seen(&mut desktop, MALLORY, Role::Writer, seen);
    assert_eq!(world.view().role(user(MALLORY)), Role::None);
    // Whoever has seen both decides.
    world.member(&mut desktop, MALLORY, Role::Writer);
    assert_eq!(world.view().role(user(MALLORY)), Role::Writer);
    world.member(&mut laptop, MALLORY, Role::Reader);
    assert_eq!(world.view().role(user(MALLORY)), Role::Reader);
}

/// Finding 11: of two owners that remove each other the earlier in the genesis stays.
#[test]
fn of_two_that_remove_each_other_the_earlier_stays() {
    for genesis in [[ALICE, BOB], [BOB, ALICE]] {
        let mut world = World::new(&genesis);
        let (mut a, mut b) = (world.device(ALICE, 11), world.device(BOB, 21));
        world.member(&mut a, CAROL, Role::Writer);
        let seen = world.view().seen();
        world.member_seen(&mut a, BOB, Role::None, seen.clone());
        world.cut(&mut a, Subject::User(user(BOB)), &[(&b, 0)]);
        world.member_seen(&mut b, ALICE, Role::None, seen.clone());
        world.cut(&mut b, Subject::User(user(ALICE)), &[(&a, 1)]);
        let view = world.view();
        assert_eq!(view.owners(), [user(genesis[0])]);
        assert_eq!(view.role(user(genesis[1])), Role::None);
        assert_eq!(view.role(user(CAROL)), Role::Writer);
    }
}

/// An owner made later never beats one of the genesis, whatever their ids.
#[test]
fn owners_made_later_are_weaker() {
    for (first, later) in [(ALICE, BOB), (BOB, ALICE)] {
        let mut world = World::new(&[first]);
        let (mut a, mut b) = (world.device(first, 11), world.device(later, 21));
        world.member(&mut a, later, Role::Owner);
        let seen = world.view().seen();
        world.member_seen(&mut b, first, Role::None, seen.clone());
        world.member_seen(&mut a, later, Role::None, seen);
        assert_eq!(world.view().owners(), [user(first)]);
    }
}

#[test]
fn an_owner_may_remove_an_earlier_one_who_does_not_object() {
    let mut world = World::new(&[ALICE, BOB]);
    let (mut a, mut b) = (world.device(ALICE, 11), world.device(BOB, 21));
    world.member(&mut b, ALICE, Role::Reader);
    assert_eq!(world.view().owners(), [user(BOB)]);
    // Having seen it, Alice is no owner who could remove Bob.
    world.member(&mut a, BOB, Role::None);
    assert_eq!(world.view().owners(), [user(BOB)]);
}

/// A removed owner goes on as if he had not heard of it, with earlier numbers than the removal.
#[test]
fn a_removed_owner_says_nothing_more() {
    let mut world = World::new(&[ALICE]);
    let (mut a, mut b) = (world.device(ALICE, 11), world.device(BOB, 21));
    world.member(&mut a, BOB, Role::Owner);
    world.member(&mut b, CAROL, Role::Writer);
    let before = world.view().seen();
    world.member(&mut a, BOB, Role::Writer);
    world.member_seen(&mut b, MALLORY, Role::Owner, before.clone());
    world.say(&mut b, about("pwned", Access::Public, &[]));
    world.say(&mut b, PlacedFact::Interest(Interest { generation: 9, key: [9; 32] }));
    let ticket = ticket(31, Role::Writer);
    world.say(&mut b, PlacedFact::Ticket(ticket.clone()));
    let view = world.view();
    assert_eq!(view.role(user(MALLORY)), Role::None);
    assert_eq!(view.role(user(CAROL)), Role::Writer, "what was seen of him stands");
    assert_eq!(view.about(), None);
    assert_eq!(view.interests(), []);
    assert_eq!(view.ticket(&ticket.key), None);
    assert_eq!(view.seen(), world.view().seen());
    // A second removal does not let in what the first kept out.
    world.member(&mut a, BOB, Role::Reader);
    assert_eq!(world.view().role(user(MALLORY)), Role::None);
    // Made an owner again, he is trusted with what he said.
    world.member(&mut a, BOB, Role::Owner);
    assert_eq!(world.view().role(user(MALLORY)), Role::Owner);
}

/// A removed owner left numbers out, or uses one twice: what he says with them now was not seen,
/// whatever the removal says to have seen.
#[test]
fn numbers_left_out_are_not_filled_in_afterwards() {
    let mut world = World::new(&[ALICE]);
    let (mut a, mut b) = (world.device(ALICE, 11), world.device(BOB, 21));
    world.member(&mut a, BOB, Role::Owner);
    b.n = 4;
    world.member(&mut b, CAROL, Role::Writer);
    world.member(&mut a, BOB, Role::None);
    let promoted = PlacedFact::Member(Member {
        user: user(MALLORY),
        role: Role::Owner,
        seen: Default::default(),
    });
    for n in [3, 5] {
        world.say_as(&mut b, n, promoted.clone());
        let epoch = Epoch { doc: b.doc, epoch: 1, base: vec![], genesis: [n as u8; 32], parts: 1 };
        world.say_as(&mut b, n, PlacedFact::Epoch(epoch));
    }
    let view = world.view();
    assert_eq!(view.role(user(MALLORY)), Role::None);
    assert_eq!(view.role(user(CAROL)), Role::Writer);
    assert_eq!(view.epoch(b.doc, None), None);
}

#[test]
fn nobody_takes_back_what_others_said_of_her() {
    let mut world = World::new(&[ALICE, BOB]);
    let (mut a, mut b) = (world.device(ALICE, 11), world.device(BOB, 21));
    world.member(&mut b, MALLORY, Role::Writer);
    let seen = world.view().seen();
    world.member(&mut b, ALICE, Role::Reader);
    let all = world.view().seen();
    // Alice says she is an owner, a writer; then leaves, so as to replace the statement against her.
    for role in [Role::Owner, Role::Writer] {
        world.member_seen(&mut a, ALICE, role, all.clone());
    }
    assert_eq!(world.view().role(user(ALICE)), Role::Reader);
    world.member_seen(&mut a, CAROL, Role::Owner, seen);
    world.member_seen(&mut a, ALICE, Role::None, all);
    let view = world.view();
    assert_eq!(view.role(user(ALICE)), Role::None);
    assert_eq!(view.role(user(CAROL)), Role::None, "leaving let in what had been kept out");
}

#[test]
fn what_else_one_says_of_oneself_is_void() {
    let mut world = World::new(&[ALICE]);
    let mut a = world.device(ALICE, 11);
    world.push(&mut a, 5, 50, 1, &[]);
    world.member(&mut a, ALICE, Role::Writer);
    world.cut(&mut a, Subject::User(user(ALICE)), &[]);
    let view = world.view();
    assert_eq!(view.owners(), [user(ALICE)]);
    assert_eq!(heads(&view, ALICE, 5), [frame(50)]);
}

#[test]
fn anybody_may_leave_and_come_back() {
    let mut world = World::new(&[ALICE]);
    let (mut a, mut c) = (world.device(ALICE, 11), world.device(CAROL, 31));
    world.member(&mut a, CAROL, Role::Writer);
    world.member(&mut c, CAROL, Role::None);
    assert_eq!(world.view().role(user(CAROL)), Role::None);
    world.member(&mut a, CAROL, Role::Reader);
    assert_eq!(world.view().role(user(CAROL)), Role::Reader);
}

#[test]
fn owners_who_hold_each_other_up_are_none() {
    let mut world = World::new(&[ALICE]);
    let (mut m, mut c) = (world.device(MALLORY, 91), world.device(CAROL, 31));
    world.member(&mut m, CAROL, Role::Owner);
    world.member(&mut c, MALLORY, Role::Owner);
    assert_eq!(world.view().owners(), [user(ALICE)]);
}

#[test]
fn three_who_remove_each_other_in_a_circle_leave_one_answer() {
    let mut world = World::new(&[ALICE, BOB, CAROL]);
    let mut devices = [(ALICE, 11), (BOB, 21), (CAROL, 31)].map(|(u, d)| world.device(u, d));
    for (by, of) in [(0, BOB), (1, CAROL), (2, ALICE)] {
        world.member_seen(&mut devices[by], of, Role::None, Default::default());
    }
    // Alice's removal of Bob stands, so Bob's of Carol falls, so Carol's of Alice stands.
    let view = world.view();
    assert_eq!(view.role(user(BOB)), Role::None);
    assert!(!view.owners().is_empty());
}

/// Finding 5: what a removed member signs with an old number, or pushes late, is cut off.
#[test]
fn a_cut_keeps_what_it_names_and_nothing_else() {
    let mut world = World::new(&[ALICE]);
    let (mut a, mut m) = (world.device(ALICE, 11), world.device(MALLORY, 91));
    world.member(&mut a, MALLORY, Role::Writer);
    let kept = world.push(&mut m, 5, 50, 1, &[]);
    world.member(&mut a, MALLORY, Role::None);
    let before = world.view();
    assert_eq!(heads(&before, MALLORY, 5), [frame(50)], "stands still until a cut");
    world.cut(&mut a, Subject::User(user(MALLORY)), &[(&m, 1)]);
    world.push(&mut m, 5, 51, 2, &[kept]);
    m.time = 0;
    world.say_as(&mut m, 1, push(5, 52, 9, &[]));
    let mut other = world.device(MALLORY, 92);
    world.push(&mut other, 6, 60, 1, &[]);
    let view = world.view();
    assert_eq!(heads(&view, MALLORY, 5), [frame(50)]);
    assert_eq!(heads(&view, MALLORY, 6), [], "a catalog that is not named keeps nothing");
    assert!(view.cut_allows(m.user, m.key.device(), m.doc, 1));
    assert!(!view.cut_allows(m.user, m.key.device(), m.doc, 2));
    assert!(!view.cut_allows(other.user, other.key.device(), other.doc, 1));

    // A wider cut by the same user lets more in by hand.
    world.cut(&mut a, Subject::User(user(MALLORY)), &[(&m, 2)]);
    assert_eq!(heads(&world.view(), MALLORY, 5), [frame(51)]);
}

#[test]
fn of_cuts_by_different_users_the_smaller_counts() {
    let mut world = World::new(&[ALICE, BOB]);
    let (mut a, mut b) = (world.device(ALICE, 11), world.device(BOB, 21));
    let mut m = world.device(MALLORY, 91);
    world.member(&mut a, MALLORY, Role::Writer);
    for i in 1..=4 {
        world.push(&mut m, i, i, 1, &[]);
    }
    let left = |world: &World| world.view().stacks().len();
    world.cut(&mut a, Subject::User(user(MALLORY)), &[(&m, 3)]);
    assert_eq!(left(&world), 3);
    world.cut(&mut b, Subject::User(user(MALLORY)), &[(&m, 2)]);
    assert_eq!(left(&world), 2);
    world.cut(&mut b, Subject::User(user(MALLORY)), &[(&m, 4)]);
    assert_eq!(left(&world), 3, "Bob's together, and Alice's");
}

#[test]
fn a_cut_ends_when_its_subject_is_made_a_writer_again() {
    let mut world = World::new(&[ALICE]);
    let (mut a, mut m) = (world.device(ALICE, 11), world.device(MALLORY, 91));
    world.member(&mut a, MALLORY, Role::Writer);
    world.push(&mut m, 5, 50, 1, &[]);
    world.member(&mut a, MALLORY, Role::None);
    world.cut(&mut a, Subject::User(user(MALLORY)), &[]);
    assert_eq!(world.view().stacks(), []);
    world.member(&mut a, MALLORY, Role::Reader);
    assert_eq!(world.view().stacks(), [], "a reader's heads do not come back");
    world.member(&mut a, MALLORY, Role::Writer);
    assert_eq!(heads(&world.view(), MALLORY, 5), [frame(50)]);
}

#[test]
fn a_cut_whose_change_is_awaited_keeps_what_is_known_and_drops_nothing() {
    let mut world = World::new(&[ALICE]);
    let (mut a, mut m) = (world.device(ALICE, 11), world.device(MALLORY, 91));
    world.member(&mut a, MALLORY, Role::Writer);
    world.push(&mut m, 1, 1, 1, &[]);
    world.cut(&mut a, Subject::User(user(MALLORY)), &[(&m, 2)]);
    let mut view = world.view();
    assert_eq!(view.stacks(), []);
    assert!(view.cut_allows(m.user, m.key.device(), m.doc, 1));
    view.note(m.doc, 2, change(m.doc, 2));
    assert_eq!(view.stacks().len(), 1);
    assert!(view.cut_allows(m.user, m.key.device(), m.doc, 2));
    assert!(!view.cut_allows(m.user, m.key.device(), m.doc, 3));
}

/// Finding 3 (b): the thief pushes on Tuesday, the desktop goes on, and Alice revokes on Wednesday
/// with a cut at Monday. The desktop's work stays.
#[test]
fn a_stolen_device_is_cut_and_the_others_work_stays() {
    let mut world = World::new(&[ALICE]);
    let (mut stolen, mut desktop) = (world.device(ALICE, 11), world.device(ALICE, 12));
    let monday = world.push(&mut stolen, 5, 50, 1, &[]);
    let tuesday = world.push(&mut stolen, 5, 66, 2, &[monday]);
    world.member(&mut stolen, MALLORY, Role::Owner);
    let later = world.push(&mut desktop, 5, 51, 3, &[tuesday]);
    world.cut(&mut desktop, Subject::Device(stolen.key.device()), &[(&stolen, 1)]);
    assert_eq!(world.view().role(user(MALLORY)), Role::Owner, "a cut of a live device is void");

    world.retire(&stolen, 4);
    let view = world.view();
    assert_eq!(view.role(user(MALLORY)), Role::None);
    // The head before the theft is not replaced any more by one that counts.
    assert_eq!(heads(&view, ALICE, 5), [frame(51), frame(50)]);
    assert_eq!(view.stack_by_id(user(ALICE), stack(5)).unwrap().over, [later, monday]);
}

#[test]
fn what_cuts_keep_and_a_narrower_one_would_not_is_told() {
    let mut world = World::new(&[ALICE]);
    let (mut stolen, mut desktop) = (world.device(ALICE, 11), world.device(ALICE, 12));
    let monday = world.push(&mut stolen, 5, 50, 1, &[]);
    let tuesday = world.push(&mut stolen, 5, 66, 2, &[monday]);
    world.push(&mut stolen, 5, 67, 3, &[tuesday]);
    world.retire(&stolen, 4);
    let docs = |n: u64| BTreeMap::from([(stolen.doc, vec![change(stolen.doc, n)])]);
    let beyond = |world: &World, docs: &BTreeMap<DocumentId, Vec<ChangeId>>| -> Vec<u64> {
        let view = world.view();
        let held = view.kept_beyond(user(ALICE), stolen.key.device(), docs);
        held.into_iter().map(|said| said.placed().unwrap().place.n).collect()
    };
    assert_eq!(beyond(&world, &docs(1)), [0; 0], "no cut stands");
    world.cut(&mut desktop, Subject::Device(stolen.key.device()), &[(&stolen, 2)]);
    assert_eq!(beyond(&world, &docs(1)), [2]);
    let mut all = beyond(&world, &BTreeMap::new());
    all.sort_unstable();
    assert_eq!(all, [1, 2]);
    assert_eq!(beyond(&world, &docs(2)), [0; 0], "the same again");
    assert_eq!(beyond(&world, &docs(3)), [0; 0], "a wider one");
}

#[test]
fn a_stolen_device_cannot_cut_the_others() {
    let mut world = World::new(&[ALICE]);
    let (mut stolen, mut desktop) = (world.device(ALICE, 11), world.device(ALICE, 12));
    world.push(&mut desktop, 5, 50, 1, &[]);
    world.cut(&mut stolen, Subject::Device(desktop.key.device()), &[]);
    assert_eq!(heads(&world.view(), ALICE, 5), [frame(50)]);
    world.retire(&stolen, 4);
    assert_eq!(heads(&world.view(), ALICE, 5), [frame(50)]);
    // Nor once they are sold, years later.
    world.retire(&desktop, 9);
    assert_eq!(heads(&world.view(), ALICE, 5), [frame(50)]);
}

#[test]
fn a_device_that_retires_later_takes_no_cut_back() {
    let mut world = World::new(&[ALICE]);
    let (mut stolen, mut desktop) = (world.device(ALICE, 11), world.device(ALICE, 12));
    let mut phone = world.device(ALICE, 13);
    world.push(&mut stolen, 5, 66, 1, &[]);
    world.cut(&mut desktop, Subject::Device(stolen.key.device()), &[]);
    world.retire(&stolen, 4);
    assert_eq!(world.view().stacks(), []);
    world.retire(&desktop, 9);
    assert_eq!(world.view().stacks(), []);
    // Cut itself at a point that keeps its cut, and at one that does not.
    let keeps = world.clone();
    world.cut(&mut phone, Subject::Device(desktop.key.device()), &[(&desktop, 1)]);
    assert_eq!(world.view().stacks(), []);
    let mut world = keeps;
    let mut phone = world.device(ALICE, 13);
    world.cut(&mut phone, Subject::Device(desktop.key.device()), &[]);
    assert_eq!(heads(&world.view(), ALICE, 5), [frame(66)]);
}

#[test]
fn nobody_cuts_another_users_device() {
    let mut world = World::new(&[ALICE, BOB]);
    let (mut a, mut b) = (world.device(ALICE, 11), world.device(BOB, 21));
    world.push(&mut a, 5, 50, 1, &[]);
    world.cut(&mut b, Subject::Device(a.key.device()), &[]);
    world.retire(&a, 4);
    assert_eq!(heads(&world.view(), ALICE, 5), [frame(50)]);
}

#[test]
fn a_forked_catalog_ends_before_the_fork() {
    let mut world = World::new(&[ALICE]);
    let mut a = world.device(ALICE, 11);
    world.push(&mut a, 1, 1, 1, &[]);
    world.push(&mut a, 2, 2, 1, &[]);
    world.member(&mut a, BOB, Role::Writer);
    let mut view = world.view();
    assert_eq!(view.role(user(BOB)), Role::Writer);
    view.forked(a.doc, 3);
    assert_eq!(view.role(user(BOB)), Role::None);
    assert_eq!(view.stacks().len(), 2);
    view.forked(a.doc, 2);
    view.forked(a.doc, 3);
    assert_eq!(view.stacks().len(), 1);
    assert!(view.cut_allows(a.user, a.key.device(), a.doc, 1));
    assert!(!view.cut_allows(a.user, a.key.device(), a.doc, 2));
}

#[test]
fn statements_of_other_places_do_not_come_in() {
    let mut world = World::new(&[ALICE]);
    let mut a = world.device(ALICE, 11);
    world.push(&mut a, 5, 50, 1, &[]);
    let Item { user: of, doc, change, carried, statement } = world.items[0].clone();
    let mut other = View::new(World::new(&[BOB]).genesis);
    assert_eq!(other.insert(of, doc, change, carried, statement.clone()), Inserted::Foreign);
    let mut view = View::new(world.genesis.clone());
    assert_eq!(view.insert(user(BOB), doc, change, 1, statement.clone()), Inserted::Foreign);
    let bobs = DocumentId::catalog(world.genesis.id(), user(BOB), a.key.device(), a.inc);
    assert_eq!(view.insert(of, bobs, change, 1, statement.clone()), Inserted::Foreign);
    let elsewhere = PlacedFact::Head(head(5, Some(50), 1, &[]));
    let place = Place { context: other.context(), ..statement.placed().unwrap().place };
    let elsewhere = elsewhere.sign(&place, &a.key).unwrap();
    assert_eq!(view.insert(of, doc, change, carried, elsewhere), Inserted::Foreign);
    let redeem = samples::redeem().sign(&samples::key(4)).unwrap();
    assert_eq!(view.insert(of, doc, change, 1, redeem), Inserted::Foreign);
    assert_eq!(view.insert(of, doc, change, 1, statement.clone()), Inserted::New);
    assert_eq!(view.insert(of, doc, change, 1, statement), Inserted::Known);
}

#[test]
fn two_statements_of_one_number_are_told() {
    let mut world = World::new(&[ALICE]);
    let mut a = world.device(ALICE, 11);
    let first = world.push(&mut a, 5, 50, 1, &[]);
    world.say_as(&mut a, 1, push(5, 51, 1, &[]));
    let mut view = View::new(world.genesis.clone());
    let inserted = world.items.iter().map(|item| {
        let Item { user, doc, change, carried, statement } = item.clone();
        view.insert(user, doc, change, carried, statement)
    });
    assert_eq!(inserted.collect::<Vec<_>>(), [Inserted::New, Inserted::Conflict(first)]);
}

#[test]
fn about_is_replaced_by_name_and_the_least_access_wins() {
    let mut world = World::new(&[ALICE, BOB]);
    let (mut a, mut b) = (world.device(ALICE, 11), world.device(BOB, 21));
    let first = world.say(&mut a, about("main", Access::Private, &[]));
    let public = world.say(&mut b, about("open", Access::Public, &[first]));
    assert_eq!(world.view().about().unwrap().name.as_str(), "open");
    let ticket = world.say(&mut a, about("team", Access::Ticket, &[first]));
    let view = world.view();
    assert_eq!(view.about().unwrap().name.as_str(), "team");
    let mut over = view.about_over();
    over.sort();
    let mut both = [public, ticket];
    both.sort();
    assert_eq!(over, both);
    world.say(&mut b, about("all", Access::Public, &view.about_over()));
    assert_eq!(world.view().about().unwrap().access, Access::Public);
}

#[test]
fn interests_come_newest_first() {
    let mut world = World::new(&[ALICE, BOB]);
    let (mut a, mut b) = (world.device(ALICE, 11), world.device(BOB, 21));
    let interest = |generation, byte| Interest { generation, key: [byte; 32] };
    world.say(&mut a, PlacedFact::Interest(interest(1, 1)));
    world.say(&mut a, PlacedFact::Interest(interest(2, 9)));
    world.say(&mut b, PlacedFact::Interest(interest(2, 8)));
    let expected = [interest(2, 8), interest(2, 9), interest(1, 1)];
    assert_eq!(world.view().interests(), expected);
}

#[test]
fn epochs_are_begun_by_the_creator_or_an_owner() {
    let mut world = World::new(&[ALICE]);
    let (mut a, mut c) = (world.device(ALICE, 11), world.device(CAROL, 31));
    let mut m = world.device(MALLORY, 91);
    world.member(&mut a, CAROL, Role::Writer);
    world.member(&mut a, MALLORY, Role::Writer);
    let doc = DocumentId::board(world.genesis.id(), user(CAROL), [0; 16]);
    let epoch = |epoch, byte| {
        PlacedFact::Epoch(Epoch { doc, epoch, base: vec![], genesis: [byte; 32], parts: 1 })
    };
    world.say(&mut m, epoch(9, 9));
    assert_eq!(world.view().epoch(doc, Some(user(CAROL))), None);
    world.say(&mut c, epoch(2, 5));
    world.say(&mut a, epoch(2, 4));
    world.say(&mut a, epoch(1, 1));
    let view = world.view();
    let genesis = |creator| view.epoch(doc, creator).map(|epoch| epoch.genesis[0]);
    assert_eq!(genesis(Some(user(CAROL))), Some(4), "higher, then smaller hash");
    world.say(&mut c, epoch(3, 3));
    let view = world.view();
    assert_eq!(view.epoch(doc, Some(user(CAROL))).unwrap().epoch, 3);
    assert_eq!(view.epoch(doc, None).unwrap().epoch, 2);
}

fn ticket(seed: u8, role: Role) -> TicketFact {
    let key = samples::key(seed).public();
    TicketFact { key, role, until: None, uses: None, generation: 0 }
}

/// Whoever leaves says nothing that others have to name, except to take her back.
#[test]
fn who_left_is_named_as_seen_by_who_takes_her_back_only() {
    let mut world = World::new(&[ALICE]);
    let mut laptop = world.device(ALICE, 11);
    let mut phone = world.device(BOB, 21);
    world.member(&mut laptop, BOB, Role::Reader);
    world.member_seen(&mut phone, BOB, Role::None, Default::default());
    assert_eq!(world.view().role(user(BOB)), Role::None);
    let place = (phone.key.device(), phone.inc);
    assert!(!world.view().seen().contains_key(&place));
    assert!(!world.view().seen_about(user(CAROL)).contains_key(&place));
    assert!(world.view().seen_about(user(BOB)).contains_key(&place));
    world.member(&mut laptop, BOB, Role::Reader);
    assert_eq!(world.view().role(user(BOB)), Role::Reader);
}
