//! Boards: honest writers in any order, and writers who cheat.
//!
//! ```text
//! alice (creator)   bob   carol          mallory: a writer, or the thief of a device
//!        \           |     /
//!         computed change with the four maps
//! ```

mod attacks;
mod epochs;
mod names;
mod orders;
mod schema;

use automerge::marks::{ExpandMark, Mark};
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, ObjId, ObjType, ROOT, ReadDoc, ScalarValue};
use proptest::prelude::*;

use super::*;
use crate::doc::scan::ScanError;
use crate::doc::testing::{Chunk, run, signed, text, unsigned};
use crate::id::Incarnation;
use crate::key::SecretKey;
use crate::limits::{BOARD_DEPTH, BOARD_ENTRIES, BOARD_VALUE_BYTES};
use crate::statement::Epoch;

const ALICE: u8 = 1;
const BOB: u8 = 2;
const CAROL: u8 = 3;
const INC: Incarnation = Incarnation::from_bytes([3; 8]);

fn key(who: u8) -> SecretKey {
    SecretKey::from_seed(&[who; 32])
}

fn user(who: u8) -> UserId {
    UserId::from_bytes([who; 32])
}

/// Alice's board.
fn place() -> BoardPlace {
    BoardPlace { context: ContextId::from_bytes([1; 32]), creator: user(ALICE), nonce: [4; 16] }
}

fn actor_of(who: u8) -> ActorId {
    crate::doc::change::actor(key(who).device(), INC)
}

/// Signs a change as one of `who` in the first epoch.
fn sign(who: u8, n: u64, change: Vec<u8>) -> Envelope {
    Envelope::sign(place().document(), 0, INC, n, change, &key(who))
}

/// Makes an honest change on what `board` holds.
fn edit(
    board: &Board,
    who: u8,
    edit: impl FnOnce(&mut automerge::transaction::Transaction<'_>),
) -> Envelope {
    let mut doc = board.document().clone().with_actor(actor_of(who));
    let mut transaction = doc.transaction();
    edit(&mut transaction);
    transaction.commit_with(CommitOptions::default().with_time(0)).0.expect("an edit");
    let change = doc.get_last_local_change().expect("an edit makes a change");
    let (doc, bytes) = (board.place.document(), change.raw_bytes().to_vec());
    Envelope::sign(doc, board.epoch(), INC, change.seq(), bytes, &key(who))
}

impl Envelope {
    fn signed_by(self, who: u8) -> Envelope {
        Envelope::sign(self.doc, self.epoch, self.inc, self.n, self.change, &key(who))
    }
}

fn object(board: &Board, name: &str) -> ObjId {
    board.document().get(ROOT, name).unwrap().expect("a map of the root").1
}

/// Makes a change on what `board` holds and has it accepted and applied.
fn write(
    board: &mut Board,
    who: u8,
    f: impl FnOnce(&mut automerge::transaction::Transaction<'_>),
) -> Envelope {
    let envelope = edit(board, who, f);
    deliver(board, who, &envelope);
    envelope
}

fn deliver(board: &mut Board, who: u8, envelope: &Envelope) {
    match board.judge_change(user(who), envelope) {
        BoardJudgement::Accept(change) => board.apply(*change).unwrap(),
        other => panic!("expected to be accepted, got {other:?}"),
    }
}

fn refused(board: &Board, who: u8, envelope: &Envelope) -> BoardRefusal {
    match board.judge_change(user(who), envelope) {
        BoardJudgement::Refuse(reason) => reason,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn refused_op(board: &Board, who: u8, envelope: &Envelope) -> BoardOpError {
    match refused(board, who, envelope) {
        BoardRefusal::Op { reason, .. } => reason,
        other => panic!("expected an operation to be refused, got {other:?}"),
    }
}

/// A chunk of `who` that puts null at `k` in the map of cards, on top of an empty board.
fn chunk(who: u8) -> Chunk {
    let board = Board::new(place());
    let mut chunk = Chunk::new(actor_of(who).to_bytes());
    chunk.deps = board.tips().iter().map(|tip| *tip.as_bytes()).collect();
    chunk.start_op = 5;
    chunk.others = vec![root_actor()];
    // The first operation of the computed change made `cards`.
    chunk.column(0x01, run(1, 1)).column(0x02, run(1, 1));
    chunk
}

fn root_actor() -> Vec<u8> {
    root_change(place().document(), 0).actor_id().to_bytes().to_vec()
}

#[test]
fn the_computed_change_never_changes() {
    let change = root_change(place().document(), 0);
    assert_eq!(data_encoding::HEXLOWER.encode(&change.hash().0), ROOT_HASH);
    assert_ne!(root_change(place().document(), 1).hash(), change.hash());
    let board = Board::new(place());
    assert_eq!(board.tips(), [change_id(&change)]);
    let keys: Vec<_> = board.document().keys(ROOT).collect();
    assert_eq!(keys, BOARD_MAPS);
}

const ROOT_HASH: &str = "ef20e764ca6f53eeae9dc3dc91ca26c856157012b2f2db54b4d176f8c11c2757";

#[test]
fn the_chunk_of_the_tests_would_be_accepted() {
    let mut board = Board::new(place());
    deliver(&mut board, BOB, &sign(BOB, 1, chunk(BOB).bytes()));
    let card = board.document().get(object(&board, "cards"), "k").unwrap();
    assert!(card.is_some_and(|(value, _)| value.is_null()));
}

#[test]
fn edits_made_apart_merge_in_any_order() {
    let base = Board::new(place());
    let cards = object(&base, "cards");
    let title = edit(&base, ALICE, |doc| doc.put(ROOT, "title", "Loss").unwrap());
    let card = |name: &'static str| {
        let cards = cards.clone();
        move |doc: &mut automerge::transaction::Transaction<'_>| {
            let card = doc.put_object(&cards, name, ObjType::Map).unwrap();
            doc.put(&card, "stack", "model").unwrap();
        }
    };
    let bob = edit(&base, BOB, card("a"));
    let carol = edit(&base, CAROL, card("a"));
    let changes = [(ALICE, title), (BOB, bob), (CAROL, carol)];
    let mut boards = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let mut board = base.clone();
        for at in order {
            let (who, envelope) = &changes[at];
            deliver(&mut board, *who, envelope);
            assert!(matches!(board.judge_change(user(*who), envelope), BoardJudgement::Known));
        }
        boards.push((board.tips(), board.save()));
    }
    assert_eq!(boards[0].0, boards[1].0);
    assert_eq!(boards[0].0, boards[2].0);
    let loaded = Automerge::load(&boards[0].1).unwrap();
    assert_eq!(loaded.get_heads().len(), 3);
}

#[test]
fn a_change_waits_for_its_past() {
    let mut board = Board::new(place());
    let behind = board.clone();
    let cards = object(&board, "cards");
    let first = write(&mut board, BOB, |doc| doc.put(&cards, "a", 1).unwrap());
    let second = write(&mut board, BOB, |doc| doc.put(&cards, "b", 1).unwrap());
    let carols = write(&mut board, CAROL, |doc| doc.put(&cards, "c", 1).unwrap());
    let wait = |envelope: &Envelope, who| match behind.judge_change(user(who), envelope) {
        BoardJudgement::Wait(reason) => reason,
        other => panic!("expected to wait, got {other:?}"),
    };
    assert_eq!(wait(&second, BOB), BoardWait::MissingPrevious { have: 0 });
    let tip = Change::try_from(second.change.as_slice()).unwrap();
    assert_eq!(wait(&carols, CAROL), BoardWait::MissingDependencies(vec![change_id(&tip)]));
    // Nothing of it went into automerge's own queue.
    let mut later = behind.clone();
    assert!(later.document().get_missing_deps(&[]).is_empty());
    deliver(&mut later, BOB, &first);
    deliver(&mut later, BOB, &second);
    deliver(&mut later, CAROL, &carols);
    assert_eq!(later.tips(), board.tips());
}

#[test]
fn an_accepted_change_applies_once() {
    let mut board = Board::new(place());
    let cards = object(&board, "cards");
    let envelope = edit(&board, BOB, |doc| doc.put(&cards, "a", 1).unwrap());
    let BoardJudgement::Accept(change) = board.judge_change(user(BOB), &envelope) else {
        panic!("not accepted")
    };
    let mut later = board.clone();
    let next = {
        later.apply(*change.clone()).unwrap();
        let envelope = edit(&later, CAROL, |doc| doc.put(&cards, "b", 1).unwrap());
        let judged = later.judge_change(user(CAROL), &envelope);
        let BoardJudgement::Accept(next) = judged else { panic!("not accepted") };
        next
    };
    assert_eq!(board.apply(*next), Err(Stale));
    assert_eq!(board.apply(*change.clone()), Ok(()));
    assert_eq!(board.apply(*change), Err(Stale));
}

/// Two new writers, judged on the same board: the second to be applied gets another place in the
/// index than it had when it was judged.
#[test]
fn changes_may_be_judged_before_others_are_applied() {
    let base = Board::new(place());
    let cards = object(&base, "cards");
    let nested = |doc: &mut automerge::transaction::Transaction<'_>| {
        let list = doc.put_object(&cards, "list", ObjType::List).unwrap();
        doc.insert(&list, 0, 1).unwrap();
    };
    let (bob, carol) = (edit(&base, BOB, nested), edit(&base, CAROL, nested));
    let accept = |who, envelope| match base.judge_change(user(who), envelope) {
        BoardJudgement::Accept(change) => *change,
        other => panic!("expected to be accepted, got {other:?}"),
    };
    let (bob, carol) = (accept(BOB, &bob), accept(CAROL, &carol));
    let mut board = base.clone();
    board.apply(bob).unwrap();
    board.apply(carol).unwrap();
    let lists = board.document().get_all(&cards, "list").unwrap();
    let lists: Vec<_> = lists.into_iter().map(|(_, id)| id).collect();
    assert_eq!(lists.len(), 2);
    for list in lists {
        write(&mut board, BOB, |doc| doc.insert(&list, 1, 2).unwrap());
    }
}

/// The bytes are fixed: with others nobody would know whose changes are whose.
#[test]
fn an_incarnation_says_whose_device_writes() {
    let (device, number) = (key(BOB).device(), 0x0102);
    let inc = place().incarnation(user(BOB), device, number);
    assert_eq!(inc.as_bytes(), &[1, 2, 24, 125, 94, 147, 60, 70]);
    assert!(place().is_author(user(BOB), device, inc));
    assert!(!place().is_author(user(CAROL), device, inc));
    assert!(!place().is_author(user(BOB), key(CAROL).device(), inc));
    let other = BoardPlace { nonce: [5; 16], ..place() };
    assert!(!other.is_author(user(BOB), device, inc));
    assert!(!place().is_author(user(BOB), device, INC));
    let next = place().incarnation(user(BOB), device, number + 1);
    assert!(next != inc && place().is_author(user(BOB), device, next));
}
