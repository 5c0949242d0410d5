//! Changes that are replayed, forged or too much, by a writer or the thief of a device.

use super::*;

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
    foreign.column(0x70, run(1, 1)).column(0x71, run(1, 2));
    foreign.column(0x73, [signed(1), signed(1)].concat());
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

/// Says that the last envelope of `who` had as many bytes more.
fn grow(board: &mut Board, who: u8, bytes: u64) {
    board.index.grow(&actor_of(who), bytes);
}

#[test]
fn a_device_and_a_board_have_a_quota() {
    let mut board = Board::new(place());
    let cards = object(&board, "cards");
    for who in [ALICE, BOB, CAROL] {
        write(&mut board, who, |doc| doc.put(&cards, "k", i64::from(who)).unwrap());
    }
    let first = edit(&board, BOB, |doc| doc.put(&cards, "apart", 1).unwrap());
    let size = first.encode().len() as u64;
    let before = board.index.past(&board.doc.get_heads()).bytes_of(&actor_of(BOB));
    grow(&mut board, BOB, DEVICE_QUOTA_BYTES - before - size);
    assert!(matches!(board.judge_change(user(BOB), &first), BoardJudgement::Accept(_)));
    grow(&mut board, BOB, 1);
    let over = BoardRefusal::DeviceQuota(DEVICE_QUOTA_BYTES + 1);
    assert_eq!(refused(&board, BOB, &first), over);

    let other = edit(&board, CAROL, |doc| doc.put(&cards, "other", 1).unwrap());
    let size = other.encode().len() as u64;
    let before = board.index.past(&board.doc.get_heads()).bytes();
    grow(&mut board, ALICE, DOCUMENT_QUOTA_BYTES - before - size);
    assert!(matches!(board.judge_change(user(CAROL), &other), BoardJudgement::Accept(_)));
    grow(&mut board, ALICE, 1);
    assert_eq!(refused(&board, CAROL, &other), BoardRefusal::Quota(DOCUMENT_QUOTA_BYTES + 1));
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
