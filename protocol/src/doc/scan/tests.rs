//! The scanner against automerge itself, and against bytes that automerge never writes.

use automerge::Change;
use proptest::prelude::*;

use super::{Counts, ScanError, scan};
use crate::doc::testing::{Chunk, changes, edits, run, signed, text, unsigned};
use crate::limits::{CATALOG_KEY_BYTES, CHANGE_OPS, MAX_OP};

/// What automerge counts after it has unpacked the change.
fn unpacked(change: &Change) -> Counts {
    let preds = change.decode().operations.iter().map(|op| op.pred.len() as u64).sum();
    Counts { ops: change.len() as u64, preds }
}

/// Checks that what the scanner takes does not surprise: automerge parses it without a panic, or
/// refuses it, and the counts are right.
fn agree(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(counts) = scan(bytes) else { return Ok(()) };
    if counts.ops > CHANGE_OPS || counts.preds > CHANGE_OPS {
        return Ok(());
    }
    if let Ok(change) = Change::try_from(bytes) {
        prop_assert_eq!(counts, unpacked(&change));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn counts_are_those_of_automerge(edits in edits()) {
        for change in changes(&edits) {
            prop_assert_eq!(scan(change.raw_bytes()), Ok(unpacked(&change)));
            let again = Change::from(change.decode());
            prop_assert_eq!(again.raw_bytes(), change.raw_bytes());
        }
    }

    #[test]
    fn scanning_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        agree(&bytes)?;
    }

    #[test]
    fn random_columns_surprise_nobody(
        columns in proptest::collection::vec(
            (prop::sample::select(super::COLUMNS.to_vec()), proptest::collection::vec(prop_oneof![0u8..8, 0x78u8..0x88, any::<u8>()], 0..12)),
            0..8,
        ),
        ops in 1i64..5,
        others in 0usize..3,
    ) {
        let mut chunk = Chunk::new(&[1; 40]);
        chunk.puts(ops);
        chunk.others = vec![vec![2; 40]; others];
        for (column, bytes) in columns {
            chunk.column(column, bytes);
        }
        agree(&chunk.unchecked())?;
    }

    #[test]
    fn several_altered_bytes_surprise_nobody(
        edits in edits(),
        alter in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        for change in changes(&edits) {
            let mut bytes = change.raw_bytes().to_vec();
            for (at, to) in &alter {
                let at = at.index(bytes.len());
                bytes[at] = *to;
            }
            agree(&bytes)?;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_truncation_and_altered_byte_surprises_nobody(edits in edits()) {
        for change in changes(&edits) {
            let bytes = change.raw_bytes();
            for len in 0..bytes.len() {
                prop_assert!(scan(&bytes[..len]).is_err());
            }
            for at in 0..bytes.len() {
                for flip in [0x01, 0x40, 0x80, 0xff] {
                    let mut altered = bytes.to_vec();
                    altered[at] ^= flip;
                    agree(&altered)?;
                }
            }
        }
    }
}

fn content(column: u32, reason: &'static str) -> Result<Counts, ScanError> {
    Err(ScanError::Content { column, reason })
}

#[test]
fn the_chunk_of_the_tests_is_one_of_automerge() {
    let bytes = Chunk::new(&[1; 40]).bytes();
    let change = Change::try_from(bytes.as_slice()).unwrap();
    assert_eq!(scan(&bytes), Ok(unpacked(&change)));
    assert_eq!(bytes[4..8], change.hash().0[..4]);
}

/// Finding 2b: a million operations in about a hundred bytes are counted, not unpacked.
#[test]
fn a_million_operations_are_counted_and_not_unpacked() {
    let bytes = Chunk::new(&[1; 40]).puts(1_000_000).unchecked();
    assert!(bytes.len() < 135, "{}", bytes.len());
    assert_eq!(scan(&bytes), Ok(Counts { ops: 1_000_000, preds: 0 }));
    let bytes = Chunk::new(&[1; 40]).puts(i64::MAX).unchecked();
    assert_eq!(scan(&bytes), Ok(Counts { ops: i64::MAX as u64, preds: 0 }));
}

/// As finding 2b, with predecessors.
#[test]
fn a_million_predecessors_are_counted_and_not_unpacked() {
    let mut chunk = Chunk::new(&[1; 40]);
    chunk.column(0x70, run(1, 1_000_000));
    chunk.column(0x71, run(1_000_000, 0));
    chunk.column(0x73, run(1_000_000, 0));
    assert_eq!(scan(&chunk.unchecked()), Ok(Counts { ops: 1, preds: 1_000_000 }));
}

#[test]
fn counts_never_overflow() {
    let mut chunk = Chunk::new(&[1; 40]);
    chunk.column(0x42, [run(i64::MAX, 1), run(i64::MAX, 1), run(i64::MAX, 1)].concat());
    assert_eq!(scan(&chunk.unchecked()), content(0x42, "too many rows"));
    let mut chunk = Chunk::new(&[1; 40]);
    chunk.column(0x70, run(2, u64::MAX));
    assert_eq!(scan(&chunk.unchecked()), content(0x70, "values out of bounds"));
    let mut chunk = Chunk::new(&[1; 40]);
    chunk.column(0x70, [run(1, u64::MAX), run(1, u64::MAX)].concat());
    assert_eq!(scan(&chunk.unchecked()), content(0x70, "too many rows"));
}

/// Finding 2c: a deflated chunk is refused by its type, a deflated column by its number.
#[test]
fn nothing_compressed_is_taken() {
    let mut chunk = Chunk::new(&[1; 40]);
    for kind in [0, 2, 3, 4, 255] {
        chunk.kind = kind;
        assert_eq!(scan(&chunk.unchecked()), Err(ScanError::ChunkType(kind)));
    }
    let mut chunk = Chunk::new(&[1; 40]);
    chunk.columns.iter_mut().filter(|c| c.0 == 0x42).for_each(|c| c.0 |= 8);
    assert_eq!(scan(&chunk.unchecked()), Err(ScanError::Deflated(0x4a)));
}

/// Automerge takes the last of two equal columns, and skips those that it does not know.
#[test]
fn columns_are_known_and_stand_once_and_in_order() {
    let mut chunk = Chunk::new(&[1; 40]);
    let action = chunk.columns.iter().position(|c| c.0 == 0x42).unwrap();
    chunk.columns.insert(action, (0x42, run(1_000_000, 1)));
    assert_eq!(scan(&chunk.unchecked()), Err(ScanError::Column(0x42)));
    let mut chunk = Chunk::new(&[1; 40]);
    chunk.columns.swap(0, 1);
    assert_eq!(scan(&chunk.unchecked()), Err(ScanError::Column(0x15)));
    let mut chunk = Chunk::new(&[1; 40]);
    chunk.column(0xf2, run(1, 1));
    assert_eq!(scan(&chunk.unchecked()), Err(ScanError::Column(0xf2)));
}

/// Automerge unwraps a counter into 32 bits while it parses, and panics.
#[test]
fn counters_stay_in_bounds() {
    let max = i64::try_from(MAX_OP).unwrap();
    for (column, actor) in [(0x02, 0x01), (0x13, 0x11), (0x73, 0x71)] {
        let mut chunk = Chunk::new(&[1; 40]);
        chunk.column(0x70, run(1, 1));
        chunk.column(actor, run(1, 0));
        chunk.column(column, [signed(1), signed(max - 1)].concat());
        assert!(scan(&chunk.unchecked()).is_ok(), "{column:#x}");
        chunk.column(column, [signed(1), signed(max)].concat());
        let refused = scan(&chunk.unchecked());
        assert!(matches!(refused, Err(ScanError::Content { column: c, .. }) if c == column));
    }
    let mut chunk = Chunk::new(&[1; 40]);
    chunk.puts(3);
    for deltas in [vec![signed(1), signed(-1)], vec![signed(3), signed(max / 2)]] {
        chunk.column(0x13, deltas.concat());
        assert_eq!(scan(&chunk.unchecked()), content(0x13, "a counter out of bounds"));
    }
}

/// Automerge looks an actor up without a check when it decodes operations, and panics.
#[test]
fn actors_are_listed() {
    for column in [0x01, 0x11, 0x71] {
        let mut chunk = Chunk::new(&[1; 40]);
        chunk.column(0x70, run(1, 1));
        chunk.others = vec![vec![2; 40]];
        chunk.column(column, run(1, 1));
        assert!(scan(&chunk.unchecked()).is_ok(), "{column:#x}");
        chunk.column(column, run(1, 2));
        assert_eq!(scan(&chunk.unchecked()), content(column, "a value out of bounds"));
    }
}

/// Automerge negates the length of a literal run, which overflows for the smallest number.
#[test]
fn runs_have_a_length() {
    let mut chunk = Chunk::new(&[1; 40]);
    for head in [signed(i64::MIN), vec![0, 0], [vec![0], unsigned(u64::MAX)].concat()] {
        chunk.column(0x11, [head, vec![0]].concat());
        assert_eq!(scan(&chunk.unchecked()), content(0x11, "a run of no or too many rows"));
    }
}

#[test]
fn no_column_is_longer_than_what_it_belongs_to() {
    let columns = [
        (0x01, run(2, 0)),
        (0x02, run(2, 0)),
        (0x11, run(2, 0)),
        (0x13, run(2, 0)),
        (0x15, [signed(2), text(b"k")].concat()),
        (0x34, unsigned(2)),
        (0x56, run(2, 0)),
        (0x70, run(2, 0)),
        (0x71, run(1, 0)),
        (0x73, run(1, 0)),
        (0x94, unsigned(2)),
        (0xa5, [signed(2), text(b"k")].concat()),
    ];
    for (column, bytes) in columns {
        let mut chunk = Chunk::new(&[1; 40]);
        chunk.column(column, bytes);
        assert_eq!(scan(&chunk.unchecked()), content(column, "too many rows"), "{column:#x}");
    }
}

#[test]
fn every_operation_has_an_action_and_a_predecessor_count() {
    for column in [0x42, 0x70, 0x56] {
        let mut chunk = Chunk::new(&[1; 40]);
        chunk.column(column, vec![0, 1]);
        assert_eq!(scan(&chunk.unchecked()), content(column, "a row without a value"));
    }
    let mut chunk = Chunk::new(&[1; 40]);
    chunk.column(0x42, run(1, 8));
    assert_eq!(scan(&chunk.unchecked()), content(0x42, "a value out of bounds"));
}

/// A key is copied for each operation of its run: 4,096 times 60 KiB would be 240 MB.
#[test]
fn a_long_key_is_not_copied() {
    for column in [0x15, 0xa5] {
        let mut chunk = Chunk::new(&[1; 40]);
        chunk.column(column, [signed(1), text(&[b'k'; CATALOG_KEY_BYTES])].concat());
        assert!(scan(&chunk.unchecked()).is_ok());
        chunk.column(column, [signed(1), text(&[b'k'; CATALOG_KEY_BYTES + 1])].concat());
        assert_eq!(scan(&chunk.unchecked()), content(column, "a key that is too long"));
    }
}

#[test]
fn values_have_their_bytes() {
    let mut chunk = Chunk::new(&[1; 40]);
    chunk.puts(2).column(0x56, run(2, 3 << 4 | 7)).column(0x57, vec![0; 6]);
    assert!(scan(&chunk.unchecked()).is_ok());
    chunk.column(0x57, vec![0; 5]);
    assert_eq!(scan(&chunk.unchecked()), content(0x57, "shorter than its lengths"));
    chunk.column(0x56, run(2, u64::MAX));
    assert_eq!(scan(&chunk.unchecked()), content(0x57, "shorter than its lengths"));
}

#[test]
fn lengths_are_those_of_the_bytes() {
    let bytes = Chunk::new(&[1; 40]).bytes();
    assert_eq!(scan(&[]), Err(ScanError::CutShort));
    assert_eq!(scan(&[0; 20]), Err(ScanError::Magic));
    assert_eq!(scan(&[&bytes[..], &[0, 0]].concat()), Err(ScanError::Trailing(2)));
    // A list of dependencies, of actors or of columns, and a column, as long as a number can say.
    let mut chunk = Chunk::new(&[]);
    chunk.columns.clear();
    let empty = chunk.unchecked();
    let body = empty.len() - 8;
    assert_eq!(empty[body..], [0, 0, 1, 1, 0, 0, 0, 0]);
    for at in [0, 1, 5, 6, 7] {
        let mut rest = empty[body..].to_vec();
        rest.splice(at..=at, unsigned(u64::MAX));
        let bytes = [&empty[..9], &unsigned(rest.len() as u64), &rest].concat();
        assert_eq!(scan(&bytes), Err(ScanError::CutShort), "{at}");
    }
    let mut chunk = Chunk::new(&[1; 40]);
    chunk.columns = vec![(0x42, Vec::new())];
    let mut bytes = chunk.unchecked();
    let last = bytes.pop();
    assert_eq!(last, Some(0));
    bytes.extend(unsigned(u64::MAX));
    bytes[9] += 9;
    assert_eq!(scan(&bytes), Err(ScanError::CutShort));
}

/// A number has one form, so no two changes differ in their bytes alone.
#[test]
fn numbers_have_their_shortest_form() {
    let mut chunk = Chunk::new(&[1; 40]);
    for bytes in [vec![0x81, 0x00, 1], vec![1, 0x81, 0x00], vec![0xff, 0x7f, 1]] {
        chunk.column(0x42, bytes);
        assert_eq!(scan(&chunk.unchecked()), Err(ScanError::Number));
    }
    chunk.column(0x42, [vec![1], vec![0xff; 9], vec![0x02]].concat());
    assert_eq!(scan(&chunk.unchecked()), Err(ScanError::Number));
    chunk.column(0x42, [vec![0x80; 9], vec![0x01], vec![1]].concat());
    assert_eq!(scan(&chunk.unchecked()), Err(ScanError::Number));
}
