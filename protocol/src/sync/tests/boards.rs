//! Dashboards: written by several, cheated on, cut, begun anew.
//!
//! ```text
//! alice (owner) ── bob (writer)
//!        └──────── mallory (reader, then writer)
//! ```

use super::*;
use crate::doc::{BoardEdit, BoardPart, BoardPlace, BoardValue, Envelope, ForkProof};
use crate::limits;
use crate::statement::{CommentOn, Grant};
use crate::sync::{ArchivePart, CommandError, Keeping, Record, Reply, Severity};
use crate::wire::{BoardKey, BoardLine};

fn restart(lab: &mut Lab, at: At) {
    let records = lab[at].records.clone();
    lab.restart(at, records);
}

fn set(key: &str, value: &str) -> BoardEdit {
    let value = Some(BoardValue::Text(value.to_owned()));
    BoardEdit { part: BoardPart::Cards, key: key.to_owned(), value }
}

fn title(value: &str) -> BoardEdit {
    BoardEdit { part: BoardPart::Field, key: "title".to_owned(), ..set("", value) }
}

fn make(lab: &mut Lab, at: At, context: ContextId, edits: Vec<BoardEdit>) -> BoardKey {
    match lab.command(at, Command::NewBoard { context, edits }) {
        Ok(Reply::Board(board)) => board,
        other => panic!("a new dashboard answers with its key, not {other:?}"),
    }
}

fn write(lab: &mut Lab, at: At, context: ContextId, board: BoardKey, edit: BoardEdit) {
    lab.command(at, Command::EditBoard { context, board, edits: vec![edit] }).unwrap();
}

/// What stands on a dashboard as a host has it, as texts by key.
fn shown(lab: &Lab, at: At, context: ContextId, board: BoardKey) -> Vec<(String, String)> {
    let context = lab[at].node.context(context).unwrap();
    let Some(slot) = context.board(board) else { return Vec::new() };
    let content = slot.content().into_iter();
    let texts = content.filter_map(|((_, key), value)| match value {
        BoardValue::Text(text) => Some((key, text)),
        _ => None,
    });
    texts.collect()
}

fn texts(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// As [`members`], with Mallory a writer too.
fn writers() -> (Lab, ContextId) {
    let (mut lab, context) = members();
    lab.member(ALICE, context, MALLORY, Role::Writer);
    (lab, context)
}

/// An envelope of a host's device on a dashboard, made aside on what it has.
fn aside(lab: &Lab, at: At, context: ContextId, board: BoardKey, edit: BoardEdit) -> Envelope {
    let held = lab[at].node.context(context).unwrap().board(board).unwrap();
    let inc = lab[at].node.incarnation_on(context, board).unwrap();
    held.board().write(&lab[at].key, inc, &[edit]).unwrap().unwrap()
}

/// Has Mallory's device say something to a host, as if its engine had sent it.
fn slip(lab: &mut Lab, to: At, board: BoardKey, envelope: &Envelope) {
    let user = lab[MALLORY].user;
    let tag = lab.tag(MALLORY, to);
    let envelopes = vec![(user, envelope.encode())];
    let more = false;
    lab.say(MALLORY, to, &Message::BoardEnvelopes { tag, board, envelopes, more });
}

#[test]
fn two_who_edit_at_once_end_at_the_same_board() {
    let (mut lab, context) = writers();
    let board = make(&mut lab, ALICE, context, vec![title("Sales"), set("a/stack", "x")]);
    for at in [BOB, MALLORY] {
        assert_eq!(shown(&lab, at, context, board), texts(&[("title", "Sales"), ("a/stack", "x")]));
    }
    lab.disconnect(BOB, ALICE);
    write(&mut lab, BOB, context, board, set("b/stack", "by bob"));
    write(&mut lab, BOB, context, board, set("b/stack", "by bob again"));
    write(&mut lab, ALICE, context, board, set("a/stack", "by alice"));
    lab.connect(BOB, ALICE);
    let all = texts(&[("title", "Sales"), ("a/stack", "by alice"), ("b/stack", "by bob again")]);
    for at in [ALICE, BOB, MALLORY] {
        assert_eq!(shown(&lab, at, context, board), all, "host {at}");
    }
    assert!(lab.penalties.is_empty(), "{:?}", lab.penalties);
}

#[test]
fn what_is_written_is_stored_first_and_back_after_a_start() {
    let (mut lab, context) = writers();
    let board = make(&mut lab, ALICE, context, vec![title("Sales")]);
    write(&mut lab, BOB, context, board, set("b", "1"));
    write(&mut lab, ALICE, context, board, set("b", "2"));
    let here = shown(&lab, BOB, context, board);
    for at in [ALICE, BOB] {
        restart(&mut lab, at);
        assert_eq!(shown(&lab, at, context, board), here, "host {at}");
    }
    lab.connect(BOB, ALICE);
    write(&mut lab, BOB, context, board, set("b", "3"));
    assert_eq!(shown(&lab, ALICE, context, board), shown(&lab, BOB, context, board));
}

#[test]
fn a_reader_writes_nothing_and_nobody_but_the_creator_the_title() {
    let (mut lab, context) = members();
    let board = make(&mut lab, ALICE, context, vec![title("Sales")]);
    let edits = vec![set("m", "mine")];
    let refused = lab.command(MALLORY, Command::EditBoard { context, board, edits });
    assert!(matches!(refused, Err(CommandError::NotAllowed { .. })), "{refused:?}");
    let edits = vec![title("Bob's")];
    let refused = lab.command(BOB, Command::EditBoard { context, board, edits });
    assert!(matches!(refused, Err(CommandError::NotCreator)), "{refused:?}");

    // What she signs all the same is taken by nobody.
    let envelope = aside(&lab, MALLORY, context, board, set("m", "mine"));
    lab[MALLORY].still = true;
    slip(&mut lab, ALICE, board, &envelope);
    assert_eq!(shown(&lab, ALICE, context, board), texts(&[("title", "Sales")]));
}

#[test]
fn who_passes_on_what_nobody_signed_is_blocked() {
    let (mut lab, context) = writers();
    let board = make(&mut lab, ALICE, context, vec![title("Sales")]);
    let mut envelope = aside(&lab, MALLORY, context, board, set("m", "mine"));
    envelope.n += 1;
    lab[MALLORY].still = true;
    slip(&mut lab, ALICE, board, &envelope);
    let mallory = lab[MALLORY].device;
    let grave = |p: &(At, crate::id::DeviceId, Severity, String)| {
        (p.0, p.1, p.2) == (ALICE, mallory, Severity::Grave)
    };
    assert!(lab.penalties.iter().any(grave), "{:?}", lab.penalties);
    assert_eq!(shown(&lab, ALICE, context, board), texts(&[("title", "Sales")]));
}

#[test]
fn a_change_of_one_dashboard_is_none_of_another() {
    let (mut lab, context) = writers();
    let board = make(&mut lab, ALICE, context, vec![title("Sales")]);
    let other = make(&mut lab, ALICE, context, vec![title("Costs")]);
    let envelope = aside(&lab, MALLORY, context, board, set("m", "mine"));
    lab[MALLORY].still = true;
    slip(&mut lab, ALICE, other, &envelope);
    assert_eq!(shown(&lab, ALICE, context, other), texts(&[("title", "Costs")]));
    assert!(!lab.penalties.is_empty());
}

/// Mallory tells Alice one thing and Bob another under one number; Bob builds on his.
fn forked() -> (Lab, ContextId, BoardKey) {
    let (mut lab, context) = writers();
    let board = make(&mut lab, ALICE, context, vec![title("Sales")]);
    let [x, y] = ["x", "y"].map(|v| aside(&lab, MALLORY, context, board, set("m", v)));
    lab.connect(MALLORY, BOB);
    lab.disconnect(BOB, ALICE);
    lab[MALLORY].still = true;
    slip(&mut lab, ALICE, board, &x);
    slip(&mut lab, BOB, board, &y);
    assert_eq!(shown(&lab, ALICE, context, board).last().unwrap().1, "x");
    assert_eq!(shown(&lab, BOB, context, board).last().unwrap().1, "y");
    write(&mut lab, BOB, context, board, set("b", "built on y"));
    (lab, context, board)
}

#[test]
fn a_fork_is_found_proved_and_counts_for_nothing_but_what_honest_ones_built_on_it_stays() {
    let (mut lab, context, board) = forked();
    lab.connect(BOB, ALICE);
    let all = texts(&[("title", "Sales"), ("b", "built on y")]);
    for at in [ALICE, BOB] {
        assert_eq!(shown(&lab, at, context, board), all, "host {at}");
        let node = &lab[at].node;
        let slot = node.context(context).unwrap().board(board).unwrap();
        let forkers: Vec<_> = slot.forked_by().map(|key| key.device).collect();
        assert_eq!(forkers, [lab[MALLORY].device], "host {at}");
        let stored = |r: &&Record| matches!(r, Record::BoardFork { .. });
        assert_eq!(lab[at].records.iter().filter(stored).count(), 1, "host {at}");
    }
    // Nobody who passed it on is to blame.
    assert!(lab.penalties.is_empty(), "{:?}", lab.penalties);
    // It stays so after a start, and both go on.
    for at in [ALICE, BOB] {
        restart(&mut lab, at);
        assert_eq!(shown(&lab, at, context, board), all, "host {at}");
    }
    lab.connect(BOB, ALICE);
    write(&mut lab, BOB, context, board, set("b", "on"));
    write(&mut lab, ALICE, context, board, set("a", "on"));
    let all = texts(&[("title", "Sales"), ("a", "on"), ("b", "on")]);
    for at in [ALICE, BOB] {
        assert_eq!(shown(&lab, at, context, board), all, "host {at}");
    }
}

#[test]
fn the_proof_of_a_fork_needs_no_trust_and_one_of_another_board_is_none() {
    let (mut lab, context) = writers();
    let board = make(&mut lab, ALICE, context, vec![title("Sales")]);
    let other = make(&mut lab, ALICE, context, vec![title("Costs")]);
    let [x, y] = ["x", "y"].map(|v| aside(&lab, MALLORY, context, board, set("m", v)));
    let proof = ForkProof::new(x.clone(), y).unwrap().encode();
    let (user, tag) = (lab[MALLORY].user, lab.tag(BOB, ALICE));
    lab[BOB].still = true;
    lab.say(BOB, ALICE, &Message::BoardFork { tag, board, user, proof: proof.clone() });
    lab[MALLORY].still = true;
    slip(&mut lab, ALICE, board, &x);
    assert_eq!(shown(&lab, ALICE, context, board), texts(&[("title", "Sales")]));
    lab.say(BOB, ALICE, &Message::BoardFork { tag, board: other, user, proof });
    assert!(!lab.penalties.is_empty());
}

#[test]
fn the_proof_of_a_fork_counts_for_what_is_being_judged_as_it_comes() {
    let (mut lab, context) = writers();
    let board = make(&mut lab, ALICE, context, vec![title("Sales")]);
    let [x, y] = ["x", "y"].map(|v| aside(&lab, MALLORY, context, board, set("m", v)));
    let proof = ForkProof::new(x.clone(), y).unwrap().encode();
    lab[MALLORY].still = true;
    lab.stop_judging(ALICE);
    slip(&mut lab, ALICE, board, &x);
    let (user, tag) = (lab[MALLORY].user, lab.tag(BOB, ALICE));
    lab.say(BOB, ALICE, &Message::BoardFork { tag, board, user, proof });
    let stored = |r: &&Record| matches!(r, Record::BoardFork { .. });
    assert_eq!(lab[ALICE].records.iter().filter(stored).count(), 1);
    lab.run_judging(ALICE);
    assert_eq!(shown(&lab, ALICE, context, board), texts(&[("title", "Sales")]));
    let slot = lab[ALICE].node.context(context).unwrap().board(board).unwrap();
    assert_eq!((slot.changes().count(), slot.set_aside()), (1, 1));
}

/// As [`writers`], and Mallory's log grants Bob's device.
fn claimed() -> (Lab, ContextId, BoardKey) {
    let (mut lab, context) = writers();
    let board = make(&mut lab, ALICE, context, vec![title("Sales")]);
    let grant = Grant { device: lab[BOB].device, name: "hers".into(), scope: None, until: None };
    let entry = Box::new(lab[MALLORY].log.grant(&lab[MALLORY].root, grant).unwrap());
    lab.command(MALLORY, Command::Identity { entry }).unwrap();
    (lab, context, board)
}

#[test]
fn a_change_is_its_authors_whoever_brings_it_first() {
    for order in [[MALLORY, BOB], [BOB, MALLORY]] {
        let (mut lab, context, board) = claimed();
        let change = aside(&lab, BOB, context, board, set("b", "bob's"));
        lab[BOB].still = true;
        lab[MALLORY].still = true;
        for from in order {
            // Each says that it is a change of hers or his.
            let (tag, user) = (lab.tag(from, ALICE), lab[from].user);
            let envelopes = vec![(user, change.encode())];
            let more = false;
            lab.say(from, ALICE, &Message::BoardEnvelopes { tag, board, envelopes, more });
        }
        let authors = |lab: &Lab| -> Vec<_> {
            let slot = lab[ALICE].node.context(context).unwrap().board(board).unwrap();
            slot.changes().map(|(key, _)| key.user).collect()
        };
        assert_eq!(authors(&lab), [lab[ALICE].user, lab[BOB].user], "in the order {order:?}");
        let blamed: Vec<_> = lab.penalties.iter().map(|p| p.1).collect();
        assert_eq!(blamed, [lab[MALLORY].device], "in the order {order:?}");
        restart(&mut lab, ALICE);
        assert_eq!(authors(&lab), [lab[ALICE].user, lab[BOB].user], "in the order {order:?}");
    }
}

#[test]
fn a_fork_is_its_makers_whoever_tells_of_it() {
    let (mut lab, context, board) = claimed();
    let [x, y] = ["x", "y"].map(|v| aside(&lab, BOB, context, board, set("b", v)));
    let proof = ForkProof::new(x, y).unwrap().encode();
    let (tag, user) = (lab.tag(MALLORY, ALICE), lab[MALLORY].user);
    lab[MALLORY].still = true;
    lab.say(MALLORY, ALICE, &Message::BoardFork { tag, board, user, proof });
    let slot = lab[ALICE].node.context(context).unwrap().board(board).unwrap();
    assert_eq!(slot.forked_by().count(), 0);
    assert_eq!(lab.penalties.len(), 1, "{:?}", lab.penalties);
}

#[test]
fn of_more_lines_than_there_is_room_for_the_same_count_everywhere() {
    let (mut lab, context) = writers();
    let board = make(&mut lab, ALICE, context, vec![title("Sales")]);
    let place = BoardPlace { context, creator: board.creator, nonce: board.nonce };
    let (user, device) = (lab[MALLORY].user, lab[MALLORY].device);
    let most = limits::BOARD_LINES_PER_USER;
    let many: Vec<Envelope> = (0..most as u16 + 20)
        .map(|number| {
            let slot = lab[MALLORY].node.context(context).unwrap().board(board).unwrap();
            let inc = place.incarnation(user, device, number);
            let edit = set(&format!("m{number:03}"), "mine");
            slot.board().write(&lab[MALLORY].key, inc, &[edit]).unwrap().unwrap()
        })
        .collect();
    lab[MALLORY].still = true;
    lab.connect(MALLORY, BOB);
    lab.disconnect(BOB, ALICE);
    // Alice hears them from the first on and Bob from the last, which he builds on.
    let tag = lab.tag(MALLORY, ALICE);
    let all = |many: &[Envelope]| Message::BoardEnvelopes {
        tag,
        board,
        envelopes: many.iter().map(|envelope| (user, envelope.encode())).collect(),
        more: false,
    };
    for part in many.chunks(10) {
        lab.say(MALLORY, ALICE, &all(part));
    }
    for part in many.rchunks(10) {
        lab.say(MALLORY, BOB, &all(part));
        write(&mut lab, BOB, context, board, set("b", "built on it"));
    }
    lab.connect(BOB, ALICE);
    let mut stands = texts(&[("title", "Sales"), ("b", "built on it")]);
    stands.extend((0..most).map(|number| (format!("m{number:03}"), "mine".to_owned())));
    for at in [ALICE, BOB] {
        assert_eq!(shown(&lab, at, context, board), stands, "host {at}");
        restart(&mut lab, at);
        assert_eq!(shown(&lab, at, context, board), stands, "host {at}");
    }
    assert!(lab.penalties.is_empty(), "{:?}", lab.penalties);
}

#[test]
fn nobody_writes_more_on_a_dashboard_than_others_take() {
    let (mut lab, context) = writers();
    let board = make(&mut lab, ALICE, context, vec![title("Sales")]);
    let long = |n: u64| set("b", &n.to_string().repeat(60_000));
    let most = limits::BOARD_USER_BYTES / 2 / 62_000;
    for n in 0..most {
        write(&mut lab, BOB, context, board, long(n));
    }
    let edits = vec![long(most)];
    let refused = lab.command(BOB, Command::EditBoard { context, board, edits });
    assert!(matches!(refused, Err(CommandError::Limit(_))), "{refused:?}");
    // Begun anew it holds what stands there alone.
    lab.command(ALICE, Command::RenewBoard { context, board }).unwrap();
    write(&mut lab, BOB, context, board, long(most));
    assert_eq!(shown(&lab, ALICE, context, board), shown(&lab, BOB, context, board));
}

#[test]
fn more_bytes_of_one_user_than_there_is_room_for_are_not_taken() {
    let (mut lab, context) = writers();
    let board = make(&mut lab, ALICE, context, vec![title("Sales")]);
    let place = BoardPlace { context, creator: board.creator, nonce: board.nonce };
    let (user, device) = (lab[MALLORY].user, lab[MALLORY].device);
    let edit = set("m", &"m".repeat(60_000));
    let slot = lab[MALLORY].node.context(context).unwrap().board(board).unwrap();
    let fits = limits::BOARD_USER_BYTES / 60_000;
    let many: Vec<Envelope> = (0..fits as u16 + 10)
        .map(|number| {
            let inc = place.incarnation(user, device, number);
            let edits = std::slice::from_ref(&edit);
            slot.board().write(&lab[MALLORY].key, inc, edits).unwrap().unwrap()
        })
        .collect();
    lab[MALLORY].still = true;
    for envelope in &many {
        slip(&mut lab, ALICE, board, envelope);
    }
    let slot = lab[ALICE].node.context(context).unwrap().board(board).unwrap();
    let bytes = slot.changes().map(|(_, held)| held.envelope.change.len() as u64).sum::<u64>();
    assert!(bytes <= limits::BOARD_USER_BYTES && slot.changes().count() > 10, "{bytes} bytes");
    // Others have their room.
    write(&mut lab, BOB, context, board, set("b", "by bob"));
    assert_eq!(shown(&lab, ALICE, context, board)[1], ("b".to_owned(), "by bob".to_owned()));
}

/// Alice's dashboard, on which Bob wrote and Alice went on from that, before his right ends.
fn written_on() -> (Lab, ContextId, BoardKey) {
    let (mut lab, context) = team();
    lab.member(ALICE, context, BOB, Role::Writer);
    let board = make(&mut lab, ALICE, context, vec![title("Sales")]);
    write(&mut lab, BOB, context, board, set("b", "in time"));
    write(&mut lab, ALICE, context, board, set("a", "built on it"));
    write(&mut lab, BOB, context, board, set("c", "the last"));
    (lab, context, board)
}

/// What the dashboard of [`written_on`] shows.
fn all_in_time() -> Vec<(String, String)> {
    texts(&[("title", "Sales"), ("a", "built on it"), ("b", "in time"), ("c", "the last")])
}

/// Lets Mallory come later, who hears from Alice alone.
fn newcomer(lab: &mut Lab, context: ContextId) {
    let ticket = lab.ticket(ALICE, context, None);
    lab.follow(MALLORY, &ticket);
    lab.connect(MALLORY, ALICE);
}

#[test]
fn a_newcomer_takes_what_somebody_wrote_before_she_became_a_reader() {
    let (mut lab, context, board) = written_on();
    lab.member(ALICE, context, BOB, Role::Reader);
    newcomer(&mut lab, context);
    for at in [ALICE, BOB, MALLORY] {
        assert_eq!(shown(&lab, at, context, board), all_in_time(), "host {at}");
    }
}

#[test]
fn a_newcomer_takes_what_a_device_wrote_before_its_grant_ended() {
    let (mut lab, context, board) = written_on();
    end_grant(&mut lab, BOB);
    newcomer(&mut lab, context);
    assert_eq!(shown(&lab, MALLORY, context, board), all_in_time());
}

#[test]
fn whose_right_ended_writes_on_for_nobody_by_herself_or_by_a_reader() {
    let (mut lab, context, board) = written_on();
    let late = aside(&lab, BOB, context, board, set("b", "late"));
    lab.member(ALICE, context, BOB, Role::Reader);
    newcomer(&mut lab, context);
    nobody_takes(&mut lab, context, board, &late);
}

#[test]
fn whose_grant_ended_writes_on_for_nobody_by_herself_or_by_a_reader() {
    let (mut lab, context, board) = written_on();
    let late = aside(&lab, BOB, context, board, set("b", "late"));
    end_grant(&mut lab, BOB);
    newcomer(&mut lab, context);
    nobody_takes(&mut lab, context, board, &late);
}

/// A late change of Bob's counts for Alice by neither him nor Mallory.
fn nobody_takes(lab: &mut Lab, context: ContextId, board: BoardKey, late: &Envelope) {
    let (user, more) = (lab[BOB].user, false);
    for from in [BOB, MALLORY] {
        let (tag, envelopes) = (lab.tag(from, ALICE), vec![(user, late.encode())]);
        lab.say(from, ALICE, &Message::BoardEnvelopes { tag, board, envelopes, more });
        assert_eq!(shown(lab, ALICE, context, board), all_in_time(), "by host {from}");
    }
}

/// Lets the grant of a host's device end by its time.
fn end_grant(lab: &mut Lab, at: At) {
    let (device, until) = (lab[at].device, Some(lab.now + 60_000));
    let grant = Grant { device, name: "ci".into(), scope: None, until };
    let entry = Box::new(lab[at].log.grant(&lab[at].root, grant).unwrap());
    lab.command(at, Command::Identity { entry }).unwrap();
    lab.wait(60_001);
}

#[test]
fn what_a_removed_writer_wrote_stays_and_what_she_writes_later_counts_for_nobody() {
    let (mut lab, context) = writers();
    let board = make(&mut lab, ALICE, context, vec![title("Sales")]);
    write(&mut lab, MALLORY, context, board, set("m", "before"));
    let late = aside(&lab, MALLORY, context, board, set("m", "late"));
    let user = lab[MALLORY].user;
    let keep = Keeping::All;
    lab.command(ALICE, Command::RemoveMember { context, user, keep }).unwrap();
    // A new interest key ended the sessions.
    lab.connect(BOB, ALICE);
    let all = texts(&[("title", "Sales"), ("m", "before")]);
    // Bob hears the late change of somebody who does not know yet.
    let (tag, envelopes) = (lab.tag(ALICE, BOB), vec![(user, late.encode())]);
    let late = Message::BoardEnvelopes { tag, board, envelopes, more: false };
    lab.say(ALICE, BOB, &late);
    for at in [ALICE, BOB] {
        assert_eq!(shown(&lab, at, context, board), all, "host {at}");
    }
    // What was set aside once is neither stored nor told again: else it would go round for ever.
    let (stored, sent) = (lab[BOB].records.len(), lab.sent.len());
    lab.say(ALICE, BOB, &late);
    let told = lab.sent[sent..].iter().filter(|m| m.0 == BOB).count();
    assert_eq!((lab[BOB].records.len(), told), (stored, 0));
    // A newcomer gets the same.
    restart(&mut lab, BOB);
    assert_eq!(shown(&lab, BOB, context, board), all);
}

#[test]
fn of_a_writer_who_is_removed_with_nothing_nothing_stays_and_others_write_theirs_again() {
    let (mut lab, context) = writers();
    let board = make(&mut lab, ALICE, context, vec![title("Sales")]);
    write(&mut lab, MALLORY, context, board, set("m", "mine"));
    write(&mut lab, BOB, context, board, set("b", "built on it"));
    let (user, keep) = (lab[MALLORY].user, Keeping::Nothing);
    lab.command(ALICE, Command::RemoveMember { context, user, keep }).unwrap();
    lab.connect(BOB, ALICE);
    for at in [ALICE, BOB] {
        let all = texts(&[("title", "Sales"), ("b", "built on it")]);
        assert_eq!(shown(&lab, at, context, board), all, "host {at}");
    }
}

#[test]
fn an_epoch_keeps_what_stands_and_what_was_written_apart_is_written_again() {
    let (mut lab, context) = writers();
    let board = make(&mut lab, ALICE, context, vec![title("Sales"), set("a", "1")]);
    for n in 0..5 {
        write(&mut lab, ALICE, context, board, set("a", &n.to_string()));
    }
    let refused = lab.command(BOB, Command::RenewBoard { context, board });
    assert!(matches!(refused, Err(CommandError::NotAllowed { .. })), "{refused:?}");
    lab.disconnect(BOB, ALICE);
    write(&mut lab, BOB, context, board, set("b", "apart"));
    lab.command(ALICE, Command::RenewBoard { context, board }).unwrap();
    lab.connect(BOB, ALICE);
    let all = texts(&[("title", "Sales"), ("a", "4"), ("b", "apart")]);
    for at in [ALICE, BOB, MALLORY] {
        assert_eq!(shown(&lab, at, context, board), all, "host {at}");
        let slot = lab[at].node.context(context).unwrap().board(board).unwrap();
        assert_eq!((slot.board().epoch(), slot.changes().count()), (1, 2), "host {at}");
    }
    restart(&mut lab, BOB);
    assert_eq!(shown(&lab, BOB, context, board), all);
}

/// A dashboard of somebody that one change cannot hold, and what stands on it.
fn large(lab: &mut Lab, at: At, context: ContextId) -> (BoardKey, Vec<(String, String)>) {
    let long = |letter: &str| letter.repeat(30_000);
    let keys = ["a", "b", "c", "d"];
    let mut edits = vec![title("Sales")];
    edits.extend(keys.map(|key| set(key, &long(key))));
    let board = make(lab, at, context, edits);
    let mut all = texts(&[("title", "Sales")]);
    all.extend(keys.map(|key| (key.to_owned(), long(key))));
    (board, all)
}

#[test]
fn a_dashboard_is_made_of_more_than_one_change_holds() {
    let (mut lab, context) = writers();
    let (board, all) = large(&mut lab, ALICE, context);
    for at in [ALICE, BOB] {
        assert_eq!(shown(&lab, at, context, board), all, "host {at}");
    }
    let edits = vec![title("Costs"), set("a", &"a".repeat(70_000)), set("b", "after it")];
    let refused = lab.command(ALICE, Command::NewBoard { context, edits });
    assert!(matches!(refused, Err(CommandError::Limit(_))), "{refused:?}");
}

#[test]
fn a_dashboard_that_one_change_cannot_hold_is_begun_anew() {
    let (mut lab, context) = writers();
    // Bob's, begun anew by an owner, who keeps Bob's title.
    let (board, mut all) = large(&mut lab, BOB, context);
    lab.disconnect(MALLORY, ALICE);
    write(&mut lab, MALLORY, context, board, set("m", "apart"));
    lab.command(ALICE, Command::RenewBoard { context, board }).unwrap();
    lab.connect(MALLORY, ALICE);
    all.push(("m".to_owned(), "apart".to_owned()));
    for at in [ALICE, BOB, MALLORY] {
        assert_eq!(shown(&lab, at, context, board), all, "host {at}");
        let slot = lab[at].node.context(context).unwrap().board(board).unwrap();
        assert_eq!(slot.board().epoch(), 1, "host {at}");
    }
    for at in [ALICE, BOB, MALLORY] {
        restart(&mut lab, at);
        assert_eq!(shown(&lab, at, context, board), all, "host {at}");
    }
    // And once more, by its creator.
    lab.connect(BOB, ALICE);
    lab.command(BOB, Command::RenewBoard { context, board }).unwrap();
    write(&mut lab, BOB, context, board, set("n", "on"));
    all.push(("n".to_owned(), "on".to_owned()));
    for at in [ALICE, BOB] {
        assert_eq!(shown(&lab, at, context, board), all, "host {at}");
    }
}

#[test]
fn who_has_only_a_part_of_what_an_epoch_carries_over_writes_nothing_yet() {
    let (mut lab, context) = writers();
    let (board, mut all) = large(&mut lab, ALICE, context);
    write(&mut lab, BOB, context, board, set("d", "by bob"));
    write(&mut lab, ALICE, context, board, set("d", "by alice"));
    lab.command(ALICE, Command::RenewBoard { context, board }).unwrap();
    // Of the old epoch Bob has only what he wrote, of the new one the beginning.
    let bob = lab[BOB].device;
    let kept = |record: &Record| match record {
        Record::BoardEnvelope { envelope, .. } if envelope.epoch == 0 => envelope.device == bob,
        Record::BoardEnvelope { envelope, .. } => envelope.n == 1,
        _ => true,
    };
    let records = lab[BOB].records.iter().filter(|record| kept(record)).cloned().collect();
    lab.restart(BOB, records);
    let edits = vec![set("e", "new")];
    lab.command_later(BOB, Command::EditBoard { context, board, edits });
    let slot = lab[BOB].node.context(context).unwrap().board(board).unwrap();
    assert_eq!(slot.changes().count(), 1);
    lab.connect(BOB, ALICE);
    all.retain(|(key, _)| key != "d");
    all.extend(texts(&[("d", "by alice"), ("e", "new")]));
    for at in [ALICE, BOB] {
        assert_eq!(shown(&lab, at, context, board), all, "host {at}");
    }
}

#[test]
fn who_lacks_what_an_epoch_carries_over_writes_nothing_old_over_it() {
    let (mut lab, context) = writers();
    let board = make(&mut lab, ALICE, context, vec![title("Sales")]);
    write(&mut lab, BOB, context, board, set("b", "1"));
    lab.disconnect(BOB, ALICE);
    // While Bob is away, others go on from what he wrote, and carry that over.
    write(&mut lab, MALLORY, context, board, set("b", "2"));
    lab.command(ALICE, Command::RenewBoard { context, board }).unwrap();
    // He sets something of his own, and something that nobody else touched.
    write(&mut lab, BOB, context, board, set("own", "apart"));
    lab.connect(BOB, ALICE);
    let all = texts(&[("title", "Sales"), ("b", "2"), ("own", "apart")]);
    for at in [ALICE, BOB, MALLORY] {
        assert_eq!(shown(&lab, at, context, board), all, "host {at}");
    }
    // Not after a start either, nor once somebody took away what he wrote again.
    let own = BoardEdit { value: None, ..set("own", "") };
    write(&mut lab, ALICE, context, board, own);
    restart(&mut lab, BOB);
    lab.connect(BOB, ALICE);
    for at in [ALICE, BOB] {
        let all = texts(&[("title", "Sales"), ("b", "2")]);
        assert_eq!(shown(&lab, at, context, board), all, "host {at}");
    }
}

#[test]
fn what_is_to_be_written_again_survives_a_crash_and_is_split() {
    let (mut lab, context, board) = forked();
    let long = |letter: &str| letter.repeat(30_000);
    for key in ["c", "d", "e"] {
        write(&mut lab, BOB, context, board, set(key, &long(key)));
    }
    // Bob crashes when the proof is durable and nothing else is.
    let side = |at: At| {
        let slot = lab[at].node.context(context).unwrap().board(board).unwrap();
        let mut hers = slot.changes().filter(|(key, _)| key.device == lab[MALLORY].device);
        hers.next().unwrap().1.envelope.clone()
    };
    let proof = ForkProof::new(side(ALICE), side(BOB)).unwrap().encode();
    let mut records = lab[BOB].records.clone();
    records.push(Record::BoardFork { context, board, user: lab[MALLORY].user, proof });
    lab.restart(BOB, records);
    lab.connect(BOB, ALICE);
    let all =
        [("b", "built on y".to_owned()), ("c", long("c")), ("d", long("d")), ("e", long("e"))];
    for at in [ALICE, BOB] {
        let here = shown(&lab, at, context, board);
        let hers: Vec<_> = here.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        assert_eq!(hers[1..], all, "host {at}");
    }
    // Once is enough.
    let changes = lab[BOB].node.context(context).unwrap().board(board).unwrap().changes().count();
    restart(&mut lab, BOB);
    let again = lab[BOB].node.context(context).unwrap().board(board).unwrap().changes().count();
    assert_eq!(again, changes);
}

#[test]
fn what_was_changed_since_is_not_written_again() {
    let (mut lab, context) = writers();
    let board = make(&mut lab, ALICE, context, vec![title("Sales")]);
    let [x, y] = ["x", "y"].map(|v| aside(&lab, MALLORY, context, board, set("m", v)));
    lab.connect(MALLORY, BOB);
    lab.disconnect(BOB, ALICE);
    lab[MALLORY].still = true;
    // Bob builds on y; what Alice sets there meanwhile he hears before he hears of the fork.
    slip(&mut lab, BOB, board, &y);
    write(&mut lab, BOB, context, board, set("b", "built on y"));
    write(&mut lab, ALICE, context, board, set("b", "by alice"));
    let slot = lab[ALICE].node.context(context).unwrap().board(board).unwrap();
    let alices = slot.changes().last().map(|(key, held)| (key.user, held.envelope.encode()));
    let (tag, envelopes) = (lab.tag(MALLORY, BOB), alices.into_iter().collect());
    let more = false;
    lab.say(MALLORY, BOB, &Message::BoardEnvelopes { tag, board, envelopes, more });
    slip(&mut lab, BOB, board, &x);
    slip(&mut lab, ALICE, board, &x);
    lab.connect(BOB, ALICE);
    for at in [ALICE, BOB] {
        let all = texts(&[("title", "Sales"), ("b", "by alice")]);
        assert_eq!(shown(&lab, at, context, board), all, "host {at}");
    }
}

#[test]
fn a_removed_dashboard_is_written_on_no_more_and_comes_back_as_it_was() {
    let (mut lab, context) = writers();
    let board = make(&mut lab, ALICE, context, vec![title("Sales")]);
    let removed = true;
    let refused = lab.command(BOB, Command::RemoveBoard { context, board, removed });
    assert!(matches!(refused, Err(CommandError::NotCreator)), "{refused:?}");
    lab.command(ALICE, Command::RemoveBoard { context, board, removed }).unwrap();
    let gone = |lab: &Lab, at: At| {
        let view = lab[at].node.context(context).unwrap().view();
        view.dashboard(board.creator, board.nonce).unwrap().removed
    };
    assert!(gone(&lab, ALICE) && gone(&lab, BOB));
    let edits = vec![set("b", "late")];
    let refused = lab.command(BOB, Command::EditBoard { context, board, edits });
    assert!(matches!(refused, Err(CommandError::NoBoard(_))), "{refused:?}");
    lab.command(ALICE, Command::RemoveBoard { context, board, removed: false }).unwrap();
    assert!(!gone(&lab, BOB));
    assert_eq!(shown(&lab, BOB, context, board), texts(&[("title", "Sales")]));
}

#[test]
fn a_peer_that_knows_no_dashboards_is_told_of_none() {
    let (mut lab, context) = team();
    lab.member(ALICE, context, BOB, Role::Writer);
    lab.disconnect(BOB, ALICE);
    lab[BOB].withheld = |message| matches!(message, Message::Hi { .. });
    lab.connect(BOB, ALICE);
    let (versions, nonce) = (vec![1], [7; 32]);
    lab[BOB].withheld = |_| false;
    lab.say(BOB, ALICE, &Message::Hi { versions, nonce, features: vec!["of old".to_owned()] });
    make(&mut lab, ALICE, context, vec![title("Sales")]);
    let boards = |m: &&(At, At, Message)| matches!(m.2, Message::BoardHave { .. });
    assert_eq!(lab.sent.iter().filter(boards).filter(|m| m.0 == ALICE).count(), 0);
}

#[test]
fn nothing_is_told_of_dashboards_to_who_is_not_admitted() {
    let (mut lab, context) = outsider();
    let board = make(&mut lab, ALICE, context, vec![title("Sales")]);
    let tag = lab.tag(MALLORY, ALICE);
    let before = lab.sent.len();
    let lines: Vec<BoardLine> = Vec::new();
    lab.say(MALLORY, ALICE, &Message::BoardHave { tag, board, epoch: 0, lines, asks: true });
    let told = lab.sent[before..].iter().any(|m| m.0 == ALICE && m.1 == MALLORY);
    assert!(!told, "{:?}", &lab.sent[before..]);
}

#[test]
fn comments_are_said_otherwise_and_taken_back_by_their_author_alone() {
    let (mut lab, context) = writers();
    let user = lab[ALICE].user;
    let on = CommentOn::Stack { user, stack: crate::id::StackId::from_bytes([1; 16]) };
    let text = "new?".to_owned();
    let id = match lab.command(BOB, Command::Comment { context, on: on.clone(), text }) {
        Ok(Reply::Comment(id)) => id,
        other => panic!("a comment answers with its id, not {other:?}"),
    };
    let seen = |lab: &Lab| {
        let comments = lab[ALICE].node.context(context).unwrap().view().comments();
        comments.into_iter().map(|c| (c.author, c.text, c.edited.is_some())).collect::<Vec<_>>()
    };
    let bob = lab[BOB].user;
    assert_eq!(seen(&lab), [(bob, Some("new?".to_owned()), false)]);
    let edit = |text: Option<&str>| {
        let text = text.map(str::to_owned);
        Command::EditComment { context, id, text }
    };
    let refused = lab.command(ALICE, edit(Some("mine")));
    assert!(matches!(refused, Err(CommandError::NoComment(_))), "{refused:?}");
    lab.command(BOB, edit(Some("new!"))).unwrap();
    assert_eq!(seen(&lab), [(bob, Some("new!".to_owned()), true)]);
    lab.command(BOB, edit(None)).unwrap();
    assert_eq!(seen(&lab), [(bob, None, true)]);
    let empty = Command::Comment { context, on, text: " ".to_owned() };
    assert!(matches!(lab.command(BOB, empty), Err(CommandError::Invalid(_))));
    assert_eq!(lab[ALICE].node.context(context).unwrap().boards().count(), 0);
}

/// Has a host take in all of a context that another holds, as an archive does.
fn carry(lab: &mut Lab, from: At, to: At, context: ContextId) -> Vec<Result<Reply, CommandError>> {
    let genesis = lab[from].node.contexts[&context].record.genesis.clone();
    lab.command(to, Command::OpenArchive { genesis }).unwrap();
    let node = &lab[from].node;
    let (mut parts, mut boards) = (Vec::new(), Vec::new());
    for user in node.archived_users(context) {
        parts.push(ArchivePart::Log { user, entries: node.archived_log(user) });
        for (catalog, _) in node.archived_catalogs(context, user) {
            let envelopes = node.archived_envelopes(context, catalog, 1);
            parts.push(ArchivePart::Envelopes { catalog, envelopes });
        }
    }
    for (board, forks) in node.archived_boards(context) {
        let proof = |(user, proof)| ArchivePart::BoardFork { board, user, proof };
        parts.extend(forks.into_iter().map(proof));
        let order = node.archived_order(context, board);
        let mut left = &order[..];
        while !left.is_empty() {
            let (through, changes) = node.archived_changes(context, board, left);
            left = &left[through..];
            boards.push(ArchivePart::Board { board, changes });
        }
    }
    for part in parts {
        lab.command(to, Command::Import { context, part }).unwrap();
    }
    let bring = |part| lab.command(to, Command::Import { context, part });
    boards.into_iter().map(bring).collect()
}

#[test]
fn an_archive_holds_dashboards_with_who_wrote_on_them_alone() {
    let (mut lab, context) = members();
    let (board, mut all) = large(&mut lab, ALICE, context);
    write(&mut lab, BOB, context, board, set("b", "by bob"));
    lab.hosts.push(Lab::new(&["carol", "dave", "erin", "frank"]).hosts.remove(3));
    let carol = lab.hosts.len() - 1;
    all.retain(|(key, _)| key != "b");
    all.insert(2, ("b".to_owned(), "by bob".to_owned()));
    let answers = carry(&mut lab, ALICE, carol, context);
    let count = |answers: &[Result<Reply, CommandError>]| {
        let counts = answers.iter().map(|answer| match answer {
            Ok(Reply::Imported(count)) => (count.accepted, count.known, count.left_out),
            other => panic!("an import answers with {other:?}"),
        });
        counts.fold((0, 0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1, sum.2 + one.2))
    };
    let written = lab[ALICE].node.context(context).unwrap().board(board).unwrap();
    let written = written.changes().count() as u64;
    assert_eq!(count(&answers), (written, 0, 0));
    assert_eq!(shown(&lab, carol, context, board), all);
    // Once more changes nothing, and after a start it is there.
    let answers = carry(&mut lab, ALICE, carol, context);
    assert_eq!(count(&answers), (0, written, 0));
    restart(&mut lab, carol);
    assert_eq!(shown(&lab, carol, context, board), all);
}

#[test]
fn an_archive_brings_nothing_on_a_dashboard_that_a_peer_could_not() {
    let (mut lab, context) = members();
    let board = make(&mut lab, ALICE, context, vec![title("Sales")]);
    let bring = |lab: &mut Lab, of: At, envelope: &Envelope| {
        let changes = vec![(lab[of].user, envelope.encode())];
        let part = ArchivePart::Board { board, changes };
        lab.command(BOB, Command::Import { context, part })
    };
    // A reader's is left out.
    let readers = aside(&lab, MALLORY, context, board, set("m", "mine"));
    match bring(&mut lab, MALLORY, &readers) {
        Ok(Reply::Imported(count)) => assert_eq!((count.accepted, count.left_out), (0, 1)),
        other => panic!("an import answers with {other:?}"),
    }
    // What nobody signed, or somebody else, ends it.
    let mut forged = aside(&lab, ALICE, context, board, set("a", "forged"));
    forged.n += 1;
    let alices = aside(&lab, ALICE, context, board, set("a", "bob's"));
    for (of, envelope) in [(ALICE, &forged), (BOB, &alices)] {
        let refused = bring(&mut lab, of, envelope);
        assert!(matches!(refused, Err(CommandError::Invalid(_))), "{refused:?}");
    }
    assert_eq!(shown(&lab, BOB, context, board), texts(&[("title", "Sales")]));
}
