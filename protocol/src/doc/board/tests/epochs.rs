//! Forks and epochs.

use super::*;

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
    let epoch = |doc, epoch, genesis: u8| Epoch {
        doc,
        epoch,
        base: vec![],
        genesis: [genesis; 32],
        parts: 1,
    };
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
