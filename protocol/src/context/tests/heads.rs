//! Heads, tags, numbers and clocks.

use super::world::*;
use crate::context::*;
use crate::id::*;
use crate::name::{StackName, TagName};
use crate::statement::*;

const ALICE: u8 = 1;
const BOB: u8 = 2;

fn world() -> (World, Device, Device) {
    let world = World::new(&[ALICE]);
    let (laptop, desktop) = (world.device(ALICE, 11), world.device(ALICE, 12));
    (world, laptop, desktop)
}

fn state(world: &World, of: u8) -> StackState {
    world.view().stack_by_id(user(ALICE), stack(of)).unwrap().state
}

#[test]
fn a_head_replaces_those_it_names() {
    let (mut world, mut laptop, mut desktop) = world();
    let first = world.push(&mut laptop, 5, 50, 1, &[]);
    assert_eq!(heads(&world.view(), ALICE, 5), [frame(50)]);
    let second = world.push(&mut desktop, 5, 51, 2, &[first]);
    let view = world.view();
    assert_eq!(heads(&view, ALICE, 5), [frame(51)]);
    let name: StackName = "sales/weekly".parse().unwrap();
    let stack = view.stack(user(ALICE), &name).unwrap();
    assert_eq!(stack.over, [second]);
    assert_eq!(stack.heads[0].device, desktop.key.device());
    assert_eq!(view.stack(user(ALICE), &"other".parse().unwrap()), None);
    assert_eq!(view.stack(user(BOB), &name), None);
}

#[test]
fn who_may_not_write_has_no_stack_whenever_it_is_looked_at() {
    let (mut world, ..) = world();
    let mut bob = world.device(BOB, 21);
    let first = world.push(&mut bob, 5, 50, 1, &[]);
    world.push(&mut bob, 5, 51, 2, &[first]);
    assert_eq!(world.view().stacks(), []);
}

/// Finding 10: pushed while apart; the largest generation comes first, then the smallest id.
#[test]
fn forked_heads_have_one_order() {
    let (mut world, mut laptop, mut desktop) = world();
    let first = world.push(&mut laptop, 5, 50, 1, &[]);
    world.push(&mut laptop, 5, 53, 2, &[first]);
    world.push(&mut desktop, 5, 52, 2, &[first]);
    let mut phone = world.device(ALICE, 13);
    world.push(&mut phone, 5, 99, 3, &[first]);
    let view = world.view();
    assert_eq!(heads(&view, ALICE, 5), [frame(99), frame(52), frame(53)]);
    let over = view.stack_by_id(user(ALICE), stack(5)).unwrap().over;
    assert_eq!(over.len(), 3);
    world.push(&mut laptop, 5, 54, 4, &over);
    assert_eq!(heads(&world.view(), ALICE, 5), [frame(54)]);
}

/// Finding 10: a clock that is far ahead never decides.
#[test]
fn a_clock_of_the_year_2099_decides_nothing() {
    let (mut world, mut laptop, mut desktop) = world();
    laptop.time = 4_070_908_800_000;
    let first = world.push(&mut laptop, 5, 60, 1, &[]);
    world.push(&mut desktop, 5, 50, 1, &[]);
    assert_eq!(heads(&world.view(), ALICE, 5), [frame(50), frame(60)]);
    let replaced = world.push(&mut desktop, 5, 70, 2, &[first]);
    assert_eq!(heads(&world.view(), ALICE, 5), [frame(70), frame(50)]);
    let tag = |frame_: u8, over: &[StatementId]| tag("v1", Some(frame_), over);
    let old = world.say(&mut laptop, tag(60, &[]));
    world.say(&mut desktop, tag(50, &[old]));
    let view = world.view();
    let stack = view.stack_by_id(user(ALICE), stack(5)).unwrap();
    assert_eq!(stack.tags.values().collect::<Vec<_>>(), [&frame(50)]);
    assert_eq!(stack.heads[0].id, replaced);
}

#[test]
fn nobody_elses_head_replaces_mine() {
    let (mut world, mut laptop, _) = world();
    let mut phone = world.device(BOB, 21);
    world.member(&mut laptop, BOB, Role::Writer);
    let mine = world.push(&mut laptop, 5, 50, 1, &[]);
    world.push(&mut phone, 5, 66, 9, &[mine]);
    world.say(&mut laptop, tag("v1", Some(50), &[]));
    world.say(&mut phone, tag("v1", Some(66), &[]));
    let view = world.view();
    assert_eq!(heads(&view, ALICE, 5), [frame(50)]);
    assert_eq!(heads(&view, BOB, 5), [frame(66)]);
    let tags = &view.stack_by_id(user(ALICE), stack(5)).unwrap().tags;
    assert_eq!(tags.values().collect::<Vec<_>>(), [&frame(50)]);
    assert_eq!(view.stacks().len(), 2);
}

#[test]
fn a_stack_that_left_tells_where_it_stood() {
    let (mut world, mut laptop, mut desktop) = world();
    let left_at = |world: &World| world.view().left_at(user(ALICE), stack(5));
    let gone = |generation, over: &[StatementId]| {
        PlacedFact::Head(Head { why: Some(Why::Removed), ..head(5, None, generation, over) })
    };
    assert_eq!(left_at(&world), []);
    let first = world.push(&mut laptop, 5, 50, 1, &[]);
    let one = world.push(&mut laptop, 5, 52, 2, &[first]);
    let other = world.push(&mut desktop, 5, 51, 2, &[first]);
    assert_eq!(left_at(&world), [], "it is here");
    let removed = world.say(&mut laptop, gone(3, &[one, other]));
    assert_eq!(left_at(&world), [frame(51), frame(52)]);
    // Removed once more, as two devices may do it one after the other.
    let again = world.say(&mut desktop, gone(4, &[removed]));
    assert_eq!(left_at(&world), [frame(51), frame(52)]);
    world.push(&mut laptop, 5, 53, 5, &[again]);
    assert_eq!(left_at(&world), []);
    let all = world.view().head_frames(user(ALICE), stack(5));
    assert_eq!(all.into_iter().collect::<Vec<_>>(), [frame(50), frame(51), frame(52), frame(53)]);
    assert!(world.view().head_frames(user(BOB), stack(5)).is_empty());
}

#[test]
fn a_stack_is_removed_moved_and_brought_back() {
    let (mut world, mut laptop, mut desktop) = world();
    let first = world.push(&mut laptop, 5, 50, 1, &[]);
    let gone = |why, over: &[StatementId]| {
        PlacedFact::Head(Head { why: Some(why), ..head(5, None, 2, over) })
    };
    let removed = world.say(&mut laptop, gone(Why::Removed, &[first]));
    assert_eq!(state(&world, 5), StackState::Removed);
    assert_eq!(heads(&world.view(), ALICE, 5), []);
    assert_eq!(world.view().stack_by_id(user(ALICE), stack(5)).unwrap().over, [removed]);
    // A push made apart from the removal is not lost.
    let apart = world.push(&mut desktop, 5, 51, 2, &[first]);
    assert_eq!(state(&world, 5), StackState::Live);
    assert_eq!(heads(&world.view(), ALICE, 5), [frame(51)]);
    let over = world.view().stack_by_id(user(ALICE), stack(5)).unwrap().over;
    assert_eq!(over, [apart, removed]);
    let moved = world.say(&mut desktop, gone(Why::Moved, &over));
    assert_eq!(state(&world, 5), StackState::Moved);
    world.push(&mut laptop, 5, 52, 3, &[moved]);
    assert_eq!(state(&world, 5), StackState::Live);
}

#[test]
fn a_renamed_stack_keeps_its_id() {
    let (mut world, mut laptop, _) = world();
    let first = world.push(&mut laptop, 5, 50, 1, &[]);
    let [old, new] = ["sales/weekly", "sales/all"].map(|name| name.parse::<StackName>().unwrap());
    let renamed = Head { name: new.clone(), ..head(5, Some(50), 1, &[first]) };
    world.say(&mut laptop, PlacedFact::Head(renamed));
    let view = world.view();
    assert_eq!(view.stack(user(ALICE), &old), None);
    assert_eq!(view.stack(user(ALICE), &new).unwrap().stack, stack(5));
}

#[test]
fn of_stacks_with_one_name_the_best_one_is_found() {
    let (mut world, mut laptop, mut desktop) = world();
    world.push(&mut laptop, 5, 50, 1, &[]);
    world.push(&mut desktop, 6, 60, 2, &[]);
    let removed = Head { generation: 9, ..head(7, None, 9, &[]) };
    world.say(&mut desktop, PlacedFact::Head(removed));
    let name: StackName = "sales/weekly".parse().unwrap();
    assert_eq!(world.view().stack(user(ALICE), &name).unwrap().stack, stack(6));
}

fn tag(name: &str, to: Option<u8>, over: &[StatementId]) -> PlacedFact {
    let tag: TagName = name.parse().unwrap();
    PlacedFact::Tag(Tag { stack: stack(5), tag, frame: to.map(frame), over: over.to_vec() })
}

#[test]
fn tags_move_are_taken_away_and_set_apart() {
    let (mut world, mut laptop, mut desktop) = world();
    world.push(&mut laptop, 5, 50, 1, &[]);
    let v1: TagName = "v1".parse().unwrap();
    let at = |world: &World| {
        let stack = world.view().stack_by_id(user(ALICE), stack(5)).unwrap();
        stack.tags.get(&v1).copied()
    };
    let over = |world: &World| world.view().tag_over(user(ALICE), stack(5), &v1);
    let first = world.say(&mut laptop, tag("v1", Some(50), &[]));
    world.say(&mut laptop, tag("v2", Some(51), &[first]));
    assert_eq!(at(&world), Some(frame(50)), "a tag does not replace one of another name");
    assert_eq!(over(&world), [first]);
    world.say(&mut laptop, tag("v1", Some(53), &[first]));
    world.say(&mut desktop, tag("v1", Some(52), &[first]));
    assert_eq!(at(&world), Some(frame(52)));
    let both = over(&world);
    assert_eq!(both.len(), 2);
    world.say(&mut desktop, tag("v1", None, &both));
    assert_eq!(at(&world), None);
    world.say(&mut laptop, tag("v1", Some(55), &both));
    assert_eq!(at(&world), Some(frame(55)), "set apart from taken away");
}

/// Finding 3 (a): a restored backup goes on as another incarnation, and its old numbers say
/// nothing new.
#[test]
fn a_restored_device_goes_on_as_another_incarnation() {
    let (mut world, mut laptop, _) = world();
    let first = world.push(&mut laptop, 5, 50, 1, &[]);
    let backup = laptop.clone();
    let second = world.push(&mut laptop, 5, 51, 2, &[first]);
    let mut restored = Device { inc: Incarnation::from_bytes([77; 8]), n: 0, carried: 0, ..backup };
    restored.doc =
        DocumentId::catalog(world.genesis.id(), restored.user, restored.key.device(), restored.inc);
    // It takes its lost head back by name, and pushes on.
    world.push(&mut restored, 5, 52, 3, &[second]);
    assert_eq!(heads(&world.view(), ALICE, 5), [frame(52)]);
}

/// A number that an earlier envelope reached is old news: it may add, never replace.
#[test]
fn old_news_never_moves_a_view_back() {
    let (mut world, mut laptop, mut desktop) = world();
    let first = world.push(&mut desktop, 5, 50, 1, &[]);
    laptop.n = 9;
    world.push(&mut laptop, 6, 60, 1, &[]);
    world.say_as(&mut laptop, 3, push(5, 40, 7, &[first]));
    assert_eq!(heads(&world.view(), ALICE, 5), [frame(50)]);
    world.say_as(&mut laptop, 4, push(7, 70, 1, &[]));
    assert_eq!(heads(&world.view(), ALICE, 7), [frame(70)]);
    world.say_as(&mut laptop, 5, tag("v1", Some(50), &[first]));
    let tags = world.view().stack_by_id(user(ALICE), stack(5)).unwrap().tags;
    assert!(tags.is_empty());
    // With a number above all before, it counts.
    world.say_as(&mut laptop, 11, push(5, 41, 7, &[first]));
    assert_eq!(heads(&world.view(), ALICE, 5), [frame(41)]);
}

#[test]
fn a_statement_carried_twice_counts_from_the_first() {
    let (mut world, mut laptop, _) = world();
    let first = world.push(&mut laptop, 5, 50, 1, &[]);
    world.push(&mut laptop, 5, 51, 2, &[first]);
    world.push(&mut laptop, 6, 60, 1, &[]);
    let again = world.items[1].clone();
    let (doc, carried) = (again.doc, 4);
    for order in [[2, 4], [4, 2]] {
        let mut view = View::new(world.genesis.clone());
        for item in [&world.items[0], &world.items[2]] {
            let Item { user, doc, change, carried, statement } = item.clone();
            view.insert(user, doc, change, carried, statement);
        }
        for n in order {
            view.insert(again.user, doc, change(doc, n), n, again.statement.clone());
        }
        assert_eq!(heads(&view, ALICE, 5), [frame(51)], "carried by {carried} first");
    }
}

#[test]
fn what_needs_a_newer_version_is_told() {
    let (mut world, mut laptop, _) = world();
    world.push(&mut laptop, 5, 50, 1, &[]);
    let mut view = world.view();
    assert_eq!(view.unknown().count(), 0);
    let fields = crate::cbor::Map::new()
        .with("context", view.context())
        .with("device", laptop.key.device())
        .with("inc", laptop.inc)
        .with("n", 2u64)
        .with("time", 0i64);
    let newer = Statement::sign("poll", fields, &[], &laptop.key).unwrap();
    view.insert(laptop.user, laptop.doc, change(laptop.doc, 2), 2, newer.clone());
    assert_eq!(view.unknown().collect::<Vec<_>>(), [&newer]);
}
