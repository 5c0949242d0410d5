//! Who edits a dashboard just now: heard by those who are connected, and by nobody else.

use super::*;
use crate::sync::{CommandError, Event, Reply};
use crate::wire::BoardKey;

fn made(lab: &mut Lab, context: ContextId) -> BoardKey {
    match lab.command(ALICE, Command::NewBoard { context, edits: Vec::new() }) {
        Ok(Reply::Board(board)) => board,
        other => panic!("a new dashboard answers with its key, not {other:?}"),
    }
}

#[test]
fn who_edits_a_dashboard_is_heard_by_those_who_are_connected() {
    let (mut lab, context) = members();
    lab.member(ALICE, context, MALLORY, Role::Writer);
    let board = made(&mut lab, context);
    let tell = |lab: &mut Lab, at: At, editing: bool| {
        lab.command(at, Command::Editing { context, board, editing })
    };
    let heard = |lab: &mut Lab, at: At| {
        let events = std::mem::take(&mut lab.events).into_iter();
        let editing = events.filter_map(|(by, event)| match event {
            Event::Editing { context: of, board: on, user, editing, .. } if by == at => {
                assert_eq!((of, on), (context, board));
                Some((user, editing))
            }
            _ => None,
        });
        editing.collect::<Vec<_>>()
    };
    let (alice, mallory) = (lab[ALICE].user, lab[MALLORY].user);
    let records = lab[BOB].records.len();
    tell(&mut lab, ALICE, true).unwrap();
    tell(&mut lab, ALICE, false).unwrap();
    assert_eq!(heard(&mut lab, BOB), [(alice, true), (alice, false)]);
    assert_eq!(lab[BOB].records.len(), records, "nothing of it is stored");
    // Nobody passes it on: Mallory is connected with Alice alone.
    tell(&mut lab, MALLORY, true).unwrap();
    assert_eq!(heard(&mut lab, ALICE), [(mallory, true)]);
    assert_eq!(heard(&mut lab, BOB), []);

    // Who may not write edits nothing, whatever she says, and of what is not known nothing is.
    lab.member(ALICE, context, MALLORY, Role::Reader);
    let tag = lab.tag(MALLORY, ALICE);
    lab.say(MALLORY, ALICE, &Message::BoardEditing { tag, board, editing: true });
    assert_eq!(heard(&mut lab, ALICE), []);
    let other = BoardKey { nonce: [9; 16], ..board };
    let tag = lab.tag(BOB, ALICE);
    lab.say(BOB, ALICE, &Message::BoardEditing { tag, board: other, editing: true });
    assert_eq!(heard(&mut lab, ALICE), []);
    let refused = lab.command(BOB, Command::Editing { context, board: other, editing: true });
    assert!(matches!(refused, Err(CommandError::NoBoard(_))), "{refused:?}");
}

#[test]
fn of_who_is_not_admitted_nobody_hears_that_she_edits() {
    let (mut lab, context) = outsider();
    let board = made(&mut lab, context);
    let tag = lab.tag(MALLORY, ALICE);
    lab.say(MALLORY, ALICE, &Message::BoardEditing { tag, board, editing: true });
    let heard = lab.events.iter().any(|(_, event)| matches!(event, Event::Editing { .. }));
    assert!(!heard);
}
