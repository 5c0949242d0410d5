//! Boards: honest writers in any order, and writers who cheat.
//!
//! ```text
//! alice (creator)   bob   carol          mallory: a writer, or the thief of a device
//!        \           |     /
//!         computed change with the four maps
//! ```

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

// Finding 1: another place.

#[test]
fn a_change_of_another_document_is_refused() {
    let mut other = Board::new(BoardPlace { nonce: [5; 16], ..place() });
    let cards = object(&other, "cards");
    let genuine = write(&mut other, BOB, |doc| doc.put(&cards, "a", 1).unwrap());
    let board = Board::new(place());
    assert_eq!(refused(&board, BOB, &genuine), BoardRefusal::Place);
    let relabelled = Envelope { doc: place().document(), ..genuine };
    assert_eq!(refused(&board, BOB, &relabelled), BadSignature.into());
}

#[test]
fn the_actor_is_the_device_and_incarnation() {
    let board = Board::new(place());
    let envelope = sign(CAROL, 1, chunk(BOB).bytes());
    assert_eq!(refused(&board, CAROL, &envelope), ChangeError::Actor.into());
    let mut foreign = chunk(BOB);
    foreign.others.push(actor_of(CAROL).to_bytes().to_vec());
    let envelope = sign(BOB, 1, foreign.bytes());
    assert_eq!(refused(&board, BOB, &envelope), BoardRefusal::OtherActor);
}

// Finding 2: small changes that kill or drown.

#[test]
fn start_op_is_the_one_after_the_past() {
    let board = Board::new(place());
    for start_op in [1, 4, 6, 3_000_000_000, u64::from(u32::MAX)] {
        let mut chunk = chunk(BOB);
        chunk.start_op = start_op;
        let reason = refused(&board, BOB, &sign(BOB, 1, chunk.bytes()));
        let expected = if start_op < 1 << 31 {
            BoardRefusal::StartOp { expected: 5, actual: start_op }
        } else {
            ChangeError::MaxOp(start_op).into()
        };
        assert_eq!(reason, expected);
    }
}

#[test]
fn bombs_are_refused_unseen() {
    let board = Board::new(place());
    let mut bomb = chunk(BOB);
    bomb.puts(1_000_000);
    let reason = refused(&board, BOB, &sign(BOB, 1, bomb.unchecked()));
    assert!(matches!(reason, BoardRefusal::Change(ChangeError::TooMany(_))), "{reason:?}");
    bomb.kind = 2;
    let reason = refused(&board, BOB, &sign(BOB, 1, bomb.unchecked()));
    assert_eq!(reason, ChangeError::Scan(ScanError::ChunkType(2)).into());
}

#[test]
fn a_change_depends_on_something_and_once() {
    let board = Board::new(place());
    let mut chunk = chunk(BOB);
    for deps in [vec![], vec![chunk.deps[0]; 2]] {
        chunk.deps = deps;
        let envelope = sign(BOB, 1, chunk.bytes());
        assert_eq!(refused(&board, BOB, &envelope), BoardRefusal::Dependencies);
    }
}

#[test]
fn a_device_builds_on_its_own_changes() {
    let mut board = Board::new(place());
    let cards = object(&board, "cards");
    write(&mut board, BOB, |doc| doc.put(&cards, "b", 1).unwrap());
    let mut second = chunk(BOB);
    second.seq = 2;
    let envelope = sign(BOB, 2, second.bytes());
    assert_eq!(refused(&board, BOB, &envelope), BoardRefusal::Previous);
}

#[test]
fn a_board_counts_to_a_limit() {
    // A board whose computed change begins just below the limit.
    let mut root = root_change(place().document(), 0).decode();
    root.start_op = (BOARD_OPS - 13).try_into().unwrap();
    let root = Change::from(root);
    let mut board = Board { doc: Automerge::new(), index: Index::default(), ..Board::new(place()) };
    board.index.add_root(&root);
    board.doc.apply_changes([root]).unwrap();
    let cards = object(&board, "cards");
    let left = 10;
    let fill = |ops: u64| {
        edit(&board, BOB, |doc| (0..ops).for_each(|at| doc.put(&cards, "k", at).unwrap()))
    };
    assert_eq!(refused(&board, BOB, &fill(left + 1)), BoardRefusal::Full(BOARD_OPS + 1));
    let judged = board.judge_change(user(BOB), &fill(left));
    assert!(matches!(judged, BoardJudgement::Accept(_)));
}

// What automerge panics on, or forgets.

/// Automerge panics where an operation names an element or object that is not there.
#[test]
fn what_is_named_is_there() {
    let mut board = Board::new(place());
    let cards = object(&board, "cards");
    write(&mut board, BOB, |doc| {
        let list = doc.put_object(&cards, "list", ObjType::List).unwrap();
        doc.insert(&list, 0, 1).unwrap();
        doc.put(&cards, "scalar", 1).unwrap();
    });
    let bobs = actor_of(BOB).to_bytes().to_vec();
    // Bob made operations 5 (the list), 6 (its element) and 7 (the scalar).
    let make = |object: (u64, u64), edit: &dyn Fn(&mut Chunk)| {
        let mut chunk = chunk(CAROL);
        chunk.deps = board.tips().iter().map(|tip| *tip.as_bytes()).collect();
        chunk.start_op = 8;
        chunk.others = vec![root_actor(), bobs.clone()];
        chunk.column(0x01, run(1, object.0)).column(0x02, run(1, object.1));
        edit(&mut chunk);
        sign(CAROL, 1, chunk.unchecked_with_checksum())
    };
    let (cards, list) = ((1, 1), (2, 5));
    let accepts = |envelope: &Envelope| {
        matches!(board.judge_change(user(CAROL), envelope), BoardJudgement::Accept(_))
    };
    let element = |actor: u64, counter: i64| {
        move |chunk: &mut Chunk| {
            chunk.columns.retain(|(column, _)| *column != 0x15);
            chunk.column(0x11, run(1, actor));
            chunk.column(0x13, [signed(1), signed(counter)].concat());
        }
    };
    let insert = |actor, counter| {
        move |chunk: &mut Chunk| {
            element(actor, counter)(chunk);
            chunk.column(0x34, [unsigned(0), unsigned(1)].concat());
        }
    };
    let replaces = |actor: u64, counter: i64| {
        move |chunk: &mut Chunk| {
            chunk.column(0x70, run(1, 1)).column(0x71, run(1, actor));
            chunk.column(0x73, [signed(1), signed(counter)].concat());
        }
    };
    assert!(accepts(&make(cards, &|_| {})));
    assert!(accepts(&make(list, &insert(2, 6))));
    assert!(accepts(&make(list, &|chunk| {
        element(2, 6)(chunk);
        replaces(2, 6)(chunk);
    })));

    let op = |envelope: Envelope| refused_op(&board, CAROL, &envelope);
    for missing in [(1, 5), (2, 99), (2, 7), (2, 6), (0, 8), (1, 9)] {
        assert_eq!(op(make(missing, &|_| {})), BoardOpError::Object, "{missing:?}");
    }
    for (actor, counter) in [(2, 5), (2, 7), (2, 99), (1, 6), (0, 8)] {
        assert_eq!(op(make(list, &insert(actor, counter))), BoardOpError::Element);
        assert_eq!(op(make(list, &element(actor, counter))), BoardOpError::Element);
    }
    assert_eq!(op(make(cards, &insert(2, 6))), BoardOpError::Key);
    assert_eq!(op(make(list, &|_| {})), BoardOpError::Key);
    let head = |chunk: &mut Chunk| {
        chunk.columns.retain(|(column, _)| *column != 0x15);
        chunk.column(0x13, [signed(1), signed(0)].concat());
    };
    assert_eq!(op(make(list, &head)), BoardOpError::Key);
    let inserted_key = |chunk: &mut Chunk| {
        chunk.column(0x34, [unsigned(0), unsigned(1)].concat());
    };
    assert_eq!(op(make(cards, &inserted_key)), BoardOpError::Key);
    for (actor, counter) in [(2, 5), (2, 7), (2, 99), (0, 8), (1, 1)] {
        assert_eq!(op(make(cards, &replaces(actor, counter))), BoardOpError::Predecessor);
    }
    let scalar = |chunk: &mut Chunk| {
        chunk.column(0x15, [signed(1), text(b"scalar")].concat());
    };
    let twice = |chunk: &mut Chunk| {
        scalar(chunk);
        chunk.column(0x70, run(1, 2)).column(0x71, run(2, 2));
        chunk.column(0x73, [signed(-2), signed(7), signed(0)].concat());
    };
    assert_eq!(op(make(cards, &twice)), BoardOpError::Predecessor);
    let once = |chunk: &mut Chunk| {
        scalar(chunk);
        replaces(2, 7)(chunk);
    };
    assert!(accepts(&make(cards, &once)));
    let deletes = |chunk: &mut Chunk| {
        chunk.column(0x42, run(1, 3));
    };
    assert_eq!(op(make(cards, &deletes)), BoardOpError::DeletesNothing);
}

/// An operation that came from elsewhere is not in the past of a change that did not see it: a
/// peer that has it would take the change, another would not.
#[test]
fn what_is_named_is_in_the_past() {
    let start = Board::new(place());
    let cards = object(&start, "cards");
    let mut board = start.clone();
    let first = write(&mut board, BOB, |doc| doc.put(&cards, "b", 1).unwrap());
    write(&mut board, BOB, |doc| {
        doc.put_object(&cards, "map", ObjType::Map).unwrap();
    });
    // Carol saw Bob's first change only, and writes into the object of his second.
    let mut carols = chunk(CAROL);
    carols.deps = vec![Change::try_from(first.change.as_slice()).unwrap().hash().0];
    carols.start_op = 6;
    carols.others = vec![actor_of(BOB).to_bytes().to_vec()];
    carols.column(0x01, run(1, 1)).column(0x02, run(1, 6));
    let envelope = sign(CAROL, 1, carols.bytes());
    assert_eq!(refused_op(&board, CAROL, &envelope), BoardOpError::Object);
    // Nor does she name an actor that she has not seen.
    carols.deps = chunk(CAROL).deps;
    carols.start_op = 5;
    let envelope = sign(CAROL, 1, carols.bytes());
    assert_eq!(refused(&board, CAROL, &envelope), BoardRefusal::OtherActor);
}

// Finding 3d and 9: the schema.

#[test]
fn nobody_makes_or_replaces_the_root_maps() {
    let board = Board::new(place());
    for name in ["cards", "layout", "params", "text", "heads", "x"] {
        let map = edit(&board, ALICE, |doc| {
            doc.put_object(ROOT, name, ObjType::Map).unwrap();
        });
        assert_eq!(refused_op(&board, ALICE, &map), BoardOpError::Root);
        let put = edit(&board, ALICE, |doc| doc.put(ROOT, name, "x").unwrap());
        assert_eq!(refused_op(&board, ALICE, &put), BoardOpError::Root);
    }
    let delete = edit(&board, ALICE, |doc| doc.delete(ROOT, "cards").unwrap());
    assert_eq!(refused_op(&board, ALICE, &delete), BoardOpError::Root);
    for name in BOARD_FIELDS {
        let number = edit(&board, ALICE, |doc| doc.put(ROOT, name, 1).unwrap());
        assert_eq!(refused_op(&board, ALICE, &number), BoardOpError::Root);
        let map = edit(&board, ALICE, |doc| {
            doc.put_object(ROOT, name, ObjType::Map).unwrap();
        });
        assert_eq!(refused_op(&board, ALICE, &map), BoardOpError::Root);
    }
}

#[test]
fn only_the_creator_writes_title_and_access() {
    let mut board = Board::new(place());
    for name in BOARD_FIELDS {
        write(&mut board, ALICE, |doc| doc.put(ROOT, name, "x").unwrap());
        let put = edit(&board, BOB, |doc| doc.put(ROOT, name, "y").unwrap());
        assert_eq!(refused_op(&board, BOB, &put), BoardOpError::Creator);
        let delete = edit(&board, BOB, |doc| doc.delete(ROOT, name).unwrap());
        assert_eq!(refused_op(&board, BOB, &delete), BoardOpError::Creator);
        write(&mut board, ALICE, |doc| doc.delete(ROOT, name).unwrap());
    }
}

#[test]
fn a_board_has_no_counters_marks_and_tables() {
    let mut board = Board::new(place());
    let cards = object(&board, "cards");
    let counter = edit(&board, BOB, |doc| {
        doc.put(&cards, "c", ScalarValue::counter(1)).unwrap();
    });
    assert_eq!(refused_op(&board, BOB, &counter), BoardOpError::Action);
    let table = edit(&board, BOB, |doc| {
        doc.put_object(&cards, "t", ObjType::Table).unwrap();
    });
    assert_eq!(refused_op(&board, BOB, &table), BoardOpError::Action);
    let mut notes = None;
    write(&mut board, BOB, |doc| {
        let note = doc.put_object(&cards, "note", ObjType::Text).unwrap();
        doc.splice_text(&note, 0, 0, "hello").unwrap();
        doc.put(&cards, "number", 1).unwrap();
        notes = Some(note);
    });
    let note = notes.unwrap();
    let mark = edit(&board, BOB, |doc| {
        let mark = Mark::new("bold".into(), true, 0, 3);
        doc.mark(&note, mark, ExpandMark::None).unwrap();
    });
    assert_eq!(refused_op(&board, BOB, &mark), BoardOpError::Action);
    let block = edit(&board, BOB, |doc| {
        doc.split_block(&note, 2).unwrap();
    });
    assert_eq!(refused_op(&board, BOB, &block), BoardOpError::Action);
    let number = edit(&board, BOB, |doc| doc.insert(&note, 0, 1).unwrap());
    assert_eq!(refused_op(&board, BOB, &number), BoardOpError::Action);
    let mut increment = chunk(CAROL);
    increment.column(0x42, run(1, 5)).column(0x56, run(1, 1 << 4 | 3)).column(0x57, vec![1]);
    let envelope = sign(CAROL, 1, increment.bytes());
    assert_eq!(refused_op(&Board::new(place()), CAROL, &envelope), BoardOpError::Action);
    let mut unknown = chunk(CAROL);
    unknown.column(0x56, run(1, 1 << 4 | 12)).column(0x57, vec![1]);
    let envelope = sign(CAROL, 1, unknown.bytes());
    assert_eq!(refused_op(&Board::new(place()), CAROL, &envelope), BoardOpError::Action);
}

#[test]
fn a_board_has_a_depth() {
    let board = Board::new(place());
    let nest = |levels: usize| {
        edit(&board, BOB, |doc| {
            let mut object = object(&board, "cards");
            for _ in 1..levels {
                object = doc.put_object(&object, "in", ObjType::Map).unwrap();
            }
            doc.put(&object, "leaf", 1).unwrap();
        })
    };
    let judged = board.judge_change(user(BOB), &nest(BOARD_DEPTH));
    assert!(matches!(judged, BoardJudgement::Accept(_)));
    assert_eq!(refused_op(&board, BOB, &nest(BOARD_DEPTH + 1)), BoardOpError::Depth);
}

/// Fills a board up to `entries`, the four maps at the root included.
fn fill(board: &mut Board, entries: usize) {
    let cards = object(board, "cards");
    let mut at = BOARD_MAPS.len();
    while at < entries {
        let end = entries.min(at + 2000);
        write(board, BOB, |doc| {
            for n in at..end {
                doc.put(&cards, format!("{n}"), true).unwrap();
            }
        });
        at = end;
    }
}

#[test]
fn a_board_has_a_number_of_entries() {
    let mut board = Board::new(place());
    fill(&mut board, BOARD_ENTRIES - 1);
    let cards = object(&board, "cards");
    let one = edit(&board, BOB, |doc| doc.put(&cards, "bob", 1).unwrap());
    let other = edit(&board, CAROL, |doc| doc.put(&cards, "carol", 1).unwrap());
    let two = edit(&board, CAROL, |doc| {
        doc.put(&cards, "x", 1).unwrap();
        doc.put(&cards, "y", 1).unwrap();
    });
    let excess = Excess::Entries(BOARD_ENTRIES + 1);
    assert_eq!(refused(&board, CAROL, &two), excess.into());
    // Each is within the limit by what its author saw, so both are taken, in any order.
    deliver(&mut board, BOB, &one);
    deliver(&mut board, CAROL, &other);
    // Then the board is one too large: nobody adds, but edits and deletions go on.
    let more = edit(&board, BOB, |doc| doc.put(&cards, "more", 1).unwrap());
    assert_eq!(refused(&board, BOB, &more), Excess::Entries(BOARD_ENTRIES + 2).into());
    write(&mut board, BOB, |doc| doc.put(&cards, "carol", 2).unwrap());
    write(&mut board, BOB, |doc| doc.delete(&cards, "carol").unwrap());
}

/// A value that a concurrent one hides comes back when that one is deleted, so it counts.
#[test]
fn hidden_values_count() {
    let mut board = Board::new(place());
    fill(&mut board, BOARD_ENTRIES - 2);
    let cards = object(&board, "cards");
    let one = edit(&board, BOB, |doc| doc.put(&cards, "same", 1).unwrap());
    let other = edit(&board, CAROL, |doc| doc.put(&cards, "same", 2).unwrap());
    deliver(&mut board, BOB, &one);
    deliver(&mut board, CAROL, &other);
    let more = edit(&board, BOB, |doc| doc.put(&cards, "more", 1).unwrap());
    assert_eq!(refused(&board, BOB, &more), Excess::Entries(BOARD_ENTRIES + 1).into());
}

#[test]
fn list_elements_count() {
    let mut board = Board::new(place());
    fill(&mut board, BOARD_ENTRIES - 2);
    let cards = object(&board, "cards");
    let list = edit(&board, BOB, |doc| {
        let list = doc.put_object(&cards, "list", ObjType::List).unwrap();
        doc.insert(&list, 0, 1).unwrap();
        doc.insert(&list, 0, 1).unwrap();
    });
    assert_eq!(refused(&board, BOB, &list), Excess::Entries(BOARD_ENTRIES + 1).into());
}

#[test]
fn a_text_has_a_length() {
    let mut board = Board::new(place());
    let texts = object(&board, "text");
    let mut note = None;
    write(&mut board, BOB, |doc| note = Some(doc.put_object(&texts, "n", ObjType::Text).unwrap()));
    let note = note.unwrap();
    let page = "x".repeat(4096);
    for _ in 0..BOARD_VALUE_BYTES / page.len() {
        write(&mut board, BOB, |doc| doc.splice_text(&note, 0, 0, &page).unwrap());
    }
    let more = edit(&board, BOB, |doc| doc.splice_text(&note, 0, 0, "y").unwrap());
    assert_eq!(refused(&board, BOB, &more), Excess::Value(BOARD_VALUE_BYTES + 1).into());
    let same = edit(&board, BOB, |doc| doc.splice_text(&note, 0, 1, "y").unwrap());
    deliver(&mut board, BOB, &same);
}

// Finding 9: forks and epochs.

#[test]
fn two_changes_with_one_number_are_a_fork() {
    let mut board = Board::new(place());
    let cards = object(&board, "cards");
    let x = edit(&board, BOB, |doc| doc.put(&cards, "x", 1).unwrap());
    let y = edit(&board, BOB, |doc| doc.put(&cards, "y", 1).unwrap());
    deliver(&mut board, BOB, &x);
    assert_eq!(refused(&board, BOB, &y), BoardRefusal::Fork { n: 1 });
    assert!(crate::doc::ForkProof::new(x, y).is_ok());
}

#[test]
fn an_epoch_begins_with_its_genesis() {
    let fresh = Board::begin(place(), 1, [0; 32]);
    let cards = object(&fresh, "cards");
    let genesis = edit(&fresh, BOB, |doc| {
        doc.put(ROOT, "title", "carried over").unwrap();
        doc.put(&cards, "a", 1).unwrap();
    });
    let mut board = Board::begin(place(), 1, genesis.hash());
    let usurper = edit(&board, CAROL, |doc| doc.put(&cards, "c", 1).unwrap());
    assert_eq!(refused(&board, CAROL, &usurper), BoardRefusal::Genesis);
    let old = Board::new(place());
    let old_cards = object(&old, "cards");
    let old = edit(&old, CAROL, |doc| doc.put(&old_cards, "c", 1).unwrap());
    assert!(matches!(board.judge_change(user(CAROL), &old), BoardJudgement::Outdated));
    let later = Envelope { epoch: 2, ..old }.signed_by(CAROL);
    let waits = board.judge_change(user(CAROL), &later);
    assert!(matches!(waits, BoardJudgement::Wait(BoardWait::Epoch(2))), "{waits:?}");
    // An owner who is not the creator carries the creator's fields over, once.
    deliver(&mut board, BOB, &genesis);
    assert_eq!(refused(&board, CAROL, &usurper), BoardRefusal::Genesis);
    let title = edit(&board, BOB, |doc| doc.put(ROOT, "title", "x").unwrap());
    assert_eq!(refused_op(&board, BOB, &title), BoardOpError::Creator);
    write(&mut board, CAROL, |doc| doc.put(&cards, "c", 1).unwrap());
}

/// A replay into another epoch verifies nowhere.
#[test]
fn an_envelope_holds_for_one_epoch() {
    let mut envelope = sign(BOB, 1, chunk(BOB).bytes());
    envelope.epoch = 1;
    assert_eq!(refused(&Board::new(place()), BOB, &envelope), BadSignature.into());
}

#[test]
fn the_highest_epoch_wins_then_the_smaller_genesis() {
    let doc = place().document();
    let epoch =
        |doc, epoch, genesis: u8| Epoch { doc, epoch, base: vec![], genesis: [genesis; 32] };
    let other = DocumentId::from_bytes([9; 32]);
    let mut epochs = vec![
        epoch(doc, 1, 1),
        epoch(doc, 2, 9),
        epoch(doc, 2, 5),
        epoch(other, 3, 1),
        epoch(doc, 0, 0),
    ];
    for _ in 0..epochs.len() {
        epochs.rotate_left(1);
        assert_eq!(winning_epoch(doc, &epochs), Some(&epoch(doc, 2, 5)));
    }
    assert_eq!(winning_epoch(doc, &[epoch(doc, 0, 0)]), None);
    assert_eq!(winning_epoch(doc, &[]), None);
}

/// One edit of a board by one of three writers.
#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8),
    Nest(u8, u8),
    List(u8, u8, bool),
    Text(u8, u8, String),
    Delete(u8, u8),
    Meet(u8, u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = 0u8..3;
    let step = prop_oneof![
        (who.clone(), 0u8..4).prop_map(|(w, k)| Step::Put(w, k)),
        (who.clone(), 0u8..4).prop_map(|(w, k)| Step::Nest(w, k)),
        (who.clone(), any::<u8>(), any::<bool>()).prop_map(|(w, i, d)| Step::List(w, i, d)),
        (who.clone(), any::<u8>(), ".{0,8}").prop_map(|(w, i, t)| Step::Text(w, i, t)),
        (who.clone(), 0u8..4).prop_map(|(w, k)| Step::Delete(w, k)),
        (who.clone(), who).prop_map(|(a, b)| Step::Meet(a, b)),
    ];
    proptest::collection::vec(step, 1..24)
}

/// Lets three writers edit their own copies and meet now and then; returns who wrote what.
fn play(steps: &[Step]) -> Vec<(u8, Envelope)> {
    let mut base = Board::new(place());
    let (cards, texts) = (object(&base, "cards"), object(&base, "text"));
    let mut log = Vec::new();
    let (mut list, mut note) = (None, None);
    log.push((
        ALICE,
        write(&mut base, ALICE, |doc| {
            list = Some(doc.put_object(&cards, "list", ObjType::List).unwrap());
            note = Some(doc.put_object(&texts, "note", ObjType::Text).unwrap());
        }),
    ));
    let (list, note) = (list.unwrap(), note.unwrap());
    let mut boards = vec![base; 3];
    for step in steps {
        let who = match step {
            Step::Meet(a, b) => {
                let known: Vec<_> = log.clone();
                let from = boards[usize::from(*b)].clone();
                let to = &mut boards[usize::from(*a)];
                for (who, envelope) in &known {
                    let judged = from.judge_change(user(*who), envelope);
                    if !matches!(judged, BoardJudgement::Known) {
                        continue;
                    }
                    if let BoardJudgement::Accept(change) = to.judge_change(user(*who), envelope) {
                        to.apply(*change).unwrap();
                    }
                }
                continue;
            }
            Step::Put(w, _)
            | Step::Nest(w, _)
            | Step::List(w, ..)
            | Step::Text(w, ..)
            | Step::Delete(w, _) => *w,
        };
        let board = &mut boards[usize::from(who)];
        let writer = who + 1;
        if let Step::Delete(_, k) = step {
            if board.document().get(&cards, format!("{k}")).unwrap().is_none() {
                continue;
            }
        }
        let len = board.document().length(&list);
        let words = board.document().length(&note);
        // Automerge leaves out what changes nothing, so each value is put once.
        let number = format!("value {}", log.len());
        let envelope = write(board, writer, |doc| match step {
            Step::Put(_, k) => doc.put(&cards, format!("{k}"), number.as_str()).unwrap(),
            Step::Nest(_, k) => {
                let map = doc.put_object(&cards, format!("{k}"), ObjType::Map).unwrap();
                doc.put(&map, "inside", 1.5).unwrap();
            }
            Step::List(_, at, replace) => {
                let at = usize::from(*at);
                if *replace && len > 0 {
                    doc.put(&list, at % len, number.as_str()).unwrap();
                    doc.delete(&list, at % len).unwrap();
                } else {
                    doc.insert(&list, at % (len + 1), at as u64).unwrap();
                }
            }
            Step::Text(_, at, insert) => {
                let at = usize::from(*at) % (words + 1);
                let deletes = (words - at).min(2) as isize;
                doc.splice_text(&note, at, deletes, insert).unwrap();
                doc.put(&cards, "typed", number.as_str()).unwrap();
            }
            Step::Delete(_, k) => doc.delete(&cards, format!("{k}")).unwrap(),
            Step::Meet(..) => {}
        });
        log.push((writer, envelope));
    }
    log
}

/// Delivers until nothing is left, in the order of the list again and again.
fn deliver_all(mut list: Vec<(u8, Envelope)>) -> Result<Board, TestCaseError> {
    let mut board = Board::new(place());
    while !list.is_empty() {
        let before = list.len();
        let mut waiting = Vec::new();
        for (who, envelope) in list {
            match board.judge_change(user(who), &envelope) {
                BoardJudgement::Accept(change) => board.apply(*change).unwrap(),
                BoardJudgement::Wait(_) => waiting.push((who, envelope)),
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            }
        }
        prop_assert!(waiting.len() < before, "nothing is accepted any more");
        list = waiting;
    }
    Ok(board)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Honest edits are accepted in whatever order they come, and give one document.
    #[test]
    fn every_order_gives_one_board(steps in steps(), seed in any::<u64>()) {
        let log = play(&steps);
        let there = deliver_all(log.clone())?;
        let mut shuffled = log;
        let mut random = seed;
        for at in (1..shuffled.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(at, (random >> 33) as usize % (at + 1));
        }
        let back = deliver_all(shuffled)?;
        prop_assert_eq!(there.tips(), back.tips());
        let loaded = Automerge::load(&there.save()).unwrap();
        prop_assert_eq!(loaded.get_heads(), back.document().get_heads());
        prop_assert_eq!(loaded.hydrate(None), back.document().hydrate(None));
    }

    /// A thief who alters anything in an honest change, and signs it, takes no automerge down,
    /// and whatever is accepted survives saving.
    #[test]
    fn altered_changes_never_panic(
        steps in steps(),
        alter in proptest::collection::vec((any::<prop::sample::Index>(), 0u8..=255), 1..3),
        small in any::<bool>(),
    ) {
        let mut log = play(&steps);
        let (who, mut last) = log.pop().expect("there is one change at least");
        for (at, to) in &alter {
            let at = at.index(last.change.len());
            last.change[at] = if small { last.change[at].wrapping_add(to % 5).wrapping_sub(2) } else { *to };
        }
        if let Some(change) = std::panic::catch_unwind(|| Change::try_from(last.change.as_slice()).ok())
            .ok().flatten().filter(|_| crate::doc::scan(&last.change).is_ok())
        {
            last.change[4..8].copy_from_slice(&change.hash().0[..4]);
        }
        let mut board = deliver_all(log)?;
        let last = last.signed_by(who);
        match board.judge_change(user(who), &last) {
            BoardJudgement::Refuse(BoardRefusal::Malformed(reason)) => {
                prop_assert!(reason != "panicked" && !reason.contains("not applied"), "{}", reason);
            }
            BoardJudgement::Accept(change) => {
                board.apply(*change).unwrap();
                let loaded = Automerge::load(&board.save());
                prop_assert!(loaded.is_ok(), "{:?}", loaded.err());
                prop_assert_eq!(loaded.unwrap().get_heads(), board.document().get_heads());
            }
            _ => {}
        }
    }
}
