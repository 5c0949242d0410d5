//! Operations that name what is not there.

use super::*;

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
        sign(CAROL, 1, chunk.bytes())
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

#[test]
fn a_panic_of_automerge_costs_the_change_only() {
    let board = Board::new(place());
    let refused = in_copy(board.document(), |_| panic!("as automerge does"));
    assert_eq!(refused.err(), Some(BoardRefusal::Malformed("panicked".to_owned())));
}
