//! Blocked users: no session, nothing given and nothing shown, over restarts too.

use super::lab::Lab;
use super::{ALICE, BOB, MALLORY, members, tells};
use crate::statement::Role;
use crate::sync::{Command, CommandError};
use crate::wire::Message;

fn block(lab: &mut Lab, blocked: bool) {
    let user = lab[BOB].user;
    lab.command(ALICE, Command::Block { user, blocked }).unwrap();
}

#[test]
fn no_session_is_kept_with_a_blocked_user() {
    let (mut lab, context) = members();
    let device = lab[BOB].device;
    block(&mut lab, true);
    for restart in [false, true] {
        if restart {
            let records = lab[ALICE].records.clone();
            lab.restart(ALICE, records);
        }
        assert!(!lab[ALICE].node.connected().any(|other| other == device));
        let since = lab.sent.len();
        for (a, b) in [(BOB, ALICE), (ALICE, BOB)] {
            lab.connect(a, b);
            assert!(!lab[ALICE].node.connected().any(|other| other == device));
        }
        assert_eq!(lab.said(ALICE, BOB, since), Vec::<&Message>::new());
    }
    block(&mut lab, false);
    let pushed = lab.push(ALICE, context, "since");
    lab.connect(BOB, ALICE);
    assert!(lab[BOB].node.context(context).unwrap().frame(pushed).is_some());
}

#[test]
fn a_new_device_of_a_blocked_user_is_barred_once_it_says_whose_it_is() {
    let (mut lab, _) = members();
    block(&mut lab, true);
    // What tells that the device is Bob's is not here.
    let bob = lab[BOB].user;
    lab[ALICE].node.logs.remove(&bob);
    let since = lab.sent.len();
    lab.connect(BOB, ALICE);
    let device = lab[BOB].device;
    assert!(!lab[ALICE].node.connected().any(|other| other == device));
    let asks = |m: &&Message| tells(m) || matches!(m, Message::LogWant { .. });
    assert_eq!(lab.said(ALICE, BOB, since).into_iter().find(asks), None);
}

#[test]
fn what_a_blocked_user_pushes_comes_through_others_and_is_not_brought() {
    let (mut lab, context) = members();
    lab.member(ALICE, context, MALLORY, Role::Writer);
    lab.connect(BOB, MALLORY);
    block(&mut lab, true);
    let pushed = lab.push(BOB, context, "of Bob");
    assert_eq!(lab.stored(ALICE, lab[BOB].catalog()).len(), 1, "members agree on what was said");
    assert!(lab[ALICE].node.context(context).unwrap().frame(pushed).is_none());
    assert_eq!(lab[ALICE].node.context(context).unwrap().wanted(), (0, 0));
    block(&mut lab, false);
    assert!(lab[ALICE].node.context(context).unwrap().frame(pushed).is_some());
}

#[test]
fn nobody_blocks_herself() {
    let (mut lab, _) = members();
    let user = lab[ALICE].user;
    let said = lab.command(ALICE, Command::Block { user, blocked: true });
    assert_eq!(said.unwrap_err(), CommandError::BlocksOneself);
}
