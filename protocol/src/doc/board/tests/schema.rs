//! What a board holds, and how much.

use super::*;

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
