//! Who is removed is cut in the same change; what was cut away is known, and may be let in again.

use super::lab::{At, Lab};
use super::{ALICE, BOB, MALLORY, members};
use crate::id::{ContextId, StackId};
use crate::statement::{Head, PlacedFact, Role};
use crate::sync::{Command, CommandError, Keeping};
use crate::wire::Message;

/// Returns how many stacks of Bob a host shows.
fn of_bob(lab: &Lab, at: At, context: ContextId) -> usize {
    let stacks = lab[at].node.context(context).unwrap().view().stacks();
    let of_bob = |stack: &&crate::context::StackView| stack.owner == lab[BOB].user;
    stacks.iter().filter(of_bob).filter(|stack| !stack.heads.is_empty()).count()
}

fn remove(lab: &mut Lab, context: ContextId, keep: Keeping) {
    let user = lab[BOB].user;
    lab.command(ALICE, Command::RemoveMember { context, user, keep }).unwrap();
    lab.connect(MALLORY, ALICE);
}

fn keep_more(lab: &mut Lab, context: ContextId, before: Option<i64>) -> Result<(), CommandError> {
    let user = lab[BOB].user;
    lab.command(ALICE, Command::KeepMore { context, user, before }).map(drop)
}

/// Signs a head as Bob's next change, whatever his engine knows, and hands it to a host.
fn back_dated(lab: &mut Lab, context: ContextId, to: At) {
    let over = Vec::new();
    let frame = Some(crate::id::FrameId::from_bytes([7; 32]));
    let stack = StackId::from_bytes([7; 16]);
    let name = "late".parse().unwrap();
    let head = Head { stack, name, frame, generation: 1, over, why: None };
    lab.now -= 1_000_000;
    let envelope = lab.sign(BOB, context, vec![PlacedFact::Head(head)]).encode();
    lab.now += 1_000_000;
    let (tag, catalog) = (lab.tag(BOB, to), lab[BOB].catalog());
    lab.say(BOB, to, &Message::Envelopes { tag, catalog, envelopes: vec![envelope] });
}

#[test]
fn what_counted_of_a_removed_writer_goes_on_to_and_what_he_says_later_does_not() {
    let (mut lab, context) = members();
    lab.push(BOB, context, "before");
    remove(&mut lab, context, Keeping::All);
    for at in [ALICE, MALLORY] {
        assert_eq!(of_bob(&lab, at, context), 1);
    }
    let key = lab[BOB].catalog();
    let stored = lab.stored(MALLORY, key).len();
    lab.connect(BOB, MALLORY);
    back_dated(&mut lab, context, MALLORY);
    assert_eq!(lab.stored(MALLORY, key).len(), stored);
    assert_eq!(of_bob(&lab, MALLORY, context), 1);
}

#[test]
fn who_is_lowered_to_a_reader_is_cut_too() {
    let (mut lab, context) = members();
    lab.push(BOB, context, "before");
    lab.member(ALICE, context, BOB, Role::Reader);
    let (view, bob) = (lab[ALICE].node.context(context).unwrap().view(), &lab[BOB]);
    assert!(view.has_cut(bob.user, bob.device));
    assert_eq!(of_bob(&lab, ALICE, context), 1);
    // And is whole again as a writer.
    lab.member(ALICE, context, BOB, Role::Writer);
    lab.push(BOB, context, "after");
    assert_eq!(lab.stored(ALICE, lab[BOB].catalog()).len(), 2);
    assert_eq!(of_bob(&lab, ALICE, context), 1);
}

#[test]
fn what_a_cut_took_away_is_known_and_comes_back_with_a_wider_one() {
    let (mut lab, context) = members();
    lab.push(BOB, context, "before");
    assert_eq!(keep_more(&mut lab, context, None), Err(CommandError::NothingCut(lab[BOB].user)));
    remove(&mut lab, context, Keeping::Nothing);
    for at in [ALICE, MALLORY] {
        assert_eq!(of_bob(&lab, at, context), 0);
        let away = lab[at].node.context(context).unwrap().view().cut_away(lab[BOB].user);
        assert_eq!((away.statements, away.stacks.len()), (1, 1));
    }
    keep_more(&mut lab, context, None).unwrap();
    for at in [ALICE, MALLORY] {
        assert_eq!(of_bob(&lab, at, context), 1);
        let away = lab[at].node.context(context).unwrap().view().cut_away(lab[BOB].user);
        assert_eq!(away.statements, 0);
    }
    assert_eq!(keep_more(&mut lab, context, None), Err(CommandError::NothingCut(lab[BOB].user)));
}

#[test]
fn a_cut_at_a_time_keeps_nothing_that_stands_behind_a_later_change() {
    let (mut lab, context) = members();
    lab.push(BOB, context, "one");
    lab.now += 1000;
    let at = lab.now;
    lab.push(BOB, context, "two");
    // The clock of Bob goes back: the chain does not.
    lab.now -= 2000;
    let last = lab.push(BOB, context, "three");
    lab.now += 2000;
    let heads = |lab: &Lab| {
        let view = lab[ALICE].node.context(context).unwrap().view();
        view.stack(lab[BOB].user, &"stack".parse().unwrap()).unwrap().heads[0].frame
    };
    assert_eq!(heads(&lab), last);
    remove(&mut lab, context, Keeping::Before(at));
    let away = lab[ALICE].node.context(context).unwrap().view().cut_away(lab[BOB].user);
    assert_eq!(away.statements, 2);
    assert_eq!(of_bob(&lab, ALICE, context), 1);
    assert_ne!(heads(&lab), last);
}

#[test]
fn what_only_another_member_has_of_a_removed_one_can_be_let_in() {
    let (mut lab, context) = members();
    lab.push(BOB, context, "one");
    lab.disconnect(ALICE, MALLORY);
    lab.disconnect(ALICE, BOB);
    lab.connect(BOB, MALLORY);
    lab.push(BOB, context, "two");
    let key = lab[BOB].catalog();
    assert_eq!(lab.stored(MALLORY, key).len(), 2);
    remove(&mut lab, context, Keeping::All);
    assert_eq!(lab.stored(ALICE, key).len(), 1, "it was cut away before it came");
    assert_eq!(lab[ALICE].node.offered(context, key.user)[&key].0, 2);
    keep_more(&mut lab, context, None).unwrap();
    assert_eq!(lab.stored(ALICE, key).len(), 2);
    for at in [ALICE, MALLORY] {
        let view = lab[at].node.context(context).unwrap().view();
        assert_eq!(view.cut_away(key.user).statements, 0);
    }
}

#[test]
fn nobody_says_what_she_is_herself() {
    let (mut lab, context) = members();
    let user = lab[ALICE].user;
    for role in [Role::None, Role::Reader, Role::Writer, Role::Owner] {
        let said = lab.command(ALICE, Command::Member { context, user, role });
        assert_eq!(said.unwrap_err(), CommandError::Oneself);
    }
}

#[test]
fn of_several_removals_the_last_is_shown() {
    let (mut lab, context) = members();
    let bob = lab[BOB].user;
    let mut last = 0;
    for _ in 0..8 {
        lab.member(ALICE, context, BOB, Role::None);
        let view = lab[ALICE].node.context(context).unwrap().view();
        let n = view.removal_of(bob).unwrap().placed().unwrap().place.n;
        assert!(n > last, "{n} after {last}");
        last = n;
        lab.member(ALICE, context, BOB, Role::Reader);
    }
}
