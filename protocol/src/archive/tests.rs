use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::context::ContextKind;

fn about() -> About {
    let genesis = Genesis {
        owners: vec![UserId::from_bytes([1; 32])],
        nonce: [2; 16],
        kind: ContextKind::Team,
    };
    About { genesis, partial: false, ticket: None }
}

fn key() -> CatalogKey {
    let (user, device) = (UserId::from_bytes([1; 32]), DeviceId::from_bytes([3; 32]));
    CatalogKey { user, device, inc: Incarnation::from_bytes([4; 8]) }
}

fn board() -> BoardKey {
    BoardKey { creator: key().user, nonce: [5; 16] }
}

/// Returns an archive with a record of each kind, and where the records begin.
fn whole() -> (Vec<u8>, Vec<usize>) {
    let (mut writer, mut bytes) = Writer::begin(&about());
    let mut starts = vec![HEADER_BYTES];
    let mut add = |bytes: &mut Vec<u8>, record: Vec<u8>| {
        starts.push(bytes.len());
        bytes.extend(record);
    };
    add(&mut bytes, writer.log(key().user, vec![b"entry".to_vec()]));
    add(&mut bytes, writer.envelopes(key(), vec![b"one".to_vec(), b"two".to_vec()]));
    add(&mut bytes, writer.fork(key().user, b"proof".to_vec()));
    add(&mut bytes, writer.board(board(), vec![(key().user, b"change".to_vec())]));
    add(&mut bytes, writer.board_fork(board(), key().user, b"proof".to_vec()));
    add(&mut bytes, writer.frames(vec![b"frame".to_vec()]));
    add(&mut bytes, writer.blob(BlobHash::of(b"data"), 4));
    writer.piece(b"data");
    bytes.extend(b"data");
    add(&mut bytes, writer.blob(BlobHash::of(b""), 0));
    add(&mut bytes, writer.end());
    (bytes, starts)
}

/// Reads bytes that come in pieces of a size.
fn read(bytes: &[u8], size: usize) -> Result<Vec<Item>, ArchiveError> {
    let (mut reader, mut items) = (Reader::new(), Vec::new());
    for piece in bytes.chunks(size.max(1)) {
        reader.push(piece);
        while let Some(item) = reader.next_item()? {
            items.push(item);
        }
        let held = limits::ARCHIVE_RECORD_BYTES + HEADER_BYTES + PREFIX_BYTES + size;
        assert!(reader.buffer.len() <= held, "{} bytes are held", reader.buffer.len());
    }
    reader.finish()?;
    Ok(items)
}

#[test]
fn what_is_written_is_read_whatever_the_pieces() {
    let (bytes, _) = whole();
    let expected = [
        Item::About(about()),
        Item::Log { user: key().user, entries: vec![b"entry".to_vec()] },
        Item::Envelopes { catalog: key(), envelopes: vec![b"one".to_vec(), b"two".to_vec()] },
        Item::Fork { user: key().user, proof: b"proof".to_vec() },
        Item::Board { board: board(), changes: vec![(key().user, b"change".to_vec())] },
        Item::BoardFork { board: board(), user: key().user, proof: b"proof".to_vec() },
        Item::Frames(vec![b"frame".to_vec()]),
        Item::Blob { hash: BlobHash::of(b"data"), size: 4 },
        Item::Piece(b"data".to_vec()),
        Item::BlobEnd,
        Item::Blob { hash: BlobHash::of(b""), size: 0 },
        Item::BlobEnd,
        Item::End,
    ];
    assert_eq!(read(&bytes, bytes.len()).unwrap(), expected);
    for size in [1, 7, 64] {
        let mut data = Vec::new();
        for item in read(&bytes, size).unwrap() {
            if let Item::Piece(piece) = item {
                data.extend(piece);
            }
        }
        assert_eq!(data, b"data");
    }
}

#[test]
fn the_form_is_fixed() {
    let (bytes, starts) = whole();
    assert_eq!(&bytes[..16], b"dsp-archive\0\0\0\0\x01");
    let kinds: Vec<u8> = starts.iter().map(|at| bytes[*at]).collect();
    assert_eq!(kinds, [1, 2, 3, 4, 8, 9, 5, 6, 6, 7]);
    let blob = &bytes[starts[7]..];
    assert_eq!(blob[1..9], 36u64.to_be_bytes());
    assert_eq!(&blob[41..45], b"data");
    let hash = blake3::hash(&bytes).to_string();
    assert_eq!(hash, "dc5719420ba885600d56edc92277cce2854d357e57089930fbe58132bd17b3fe");
}

#[test]
fn a_flipped_bit_anywhere_is_told() {
    let (bytes, _) = whole();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1 << bit;
            assert!(read(&bytes, 64).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn an_archive_that_ends_early_or_late_is_told() {
    let (mut bytes, _) = whole();
    for end in 0..bytes.len() {
        let error = read(&bytes[..end], 64).unwrap_err();
        assert_eq!(error, ArchiveError::Truncated { bytes: end as u64 });
    }
    bytes.push(0);
    assert_eq!(read(&bytes, 64), Err(ArchiveError::Trailing));
}

#[test]
fn no_length_is_believed() {
    let (bytes, starts) = whole();
    for (record, at) in starts.iter().enumerate() {
        for length in [u64::MAX, u64::MAX - 31, 1 << 40] {
            let mut bytes = bytes.clone();
            bytes[at + 1..at + 9].copy_from_slice(&length.to_be_bytes());
            let error = read(&bytes, 64).unwrap_err();
            let refused = ArchiveError::Length { record: record as u64, length };
            // The bytes of a blob are handed on as they come, and end too early.
            let ended = ArchiveError::Truncated { bytes: bytes.len() as u64 };
            let expected = if bytes[*at] == Kind::Blob as u8 { ended } else { refused };
            assert_eq!(error, expected);
        }
    }
    let mut short = bytes[..starts[7] + 1].to_vec();
    short.extend(31u64.to_be_bytes());
    assert_eq!(read(&short, 64), Err(ArchiveError::Length { record: 7, length: 31 }));
}

#[test]
fn records_stand_in_their_order() {
    let (mut writer, mut bytes) = Writer::begin(&about());
    bytes.extend(writer.frames(vec![]));
    bytes.extend(writer.log(key().user, vec![]));
    assert_eq!(read(&bytes, 64), Err(ArchiveError::Order { record: 2 }));
    let (bytes, starts) = whole();
    let mut twice = bytes[..starts[1]].to_vec();
    twice.extend(&bytes[starts[0]..]);
    assert_eq!(read(&twice, 64), Err(ArchiveError::Order { record: 1 }));
    let headless = [&bytes[..starts[0]], &bytes[starts[1]..]].concat();
    assert_eq!(read(&headless, 64), Err(ArchiveError::Order { record: 0 }));
}

#[test]
fn other_versions_and_other_files_are_told_apart() {
    let (mut bytes, _) = whole();
    bytes[15] = 2;
    assert_eq!(read(&bytes, 64), Err(ArchiveError::Version { found: 2 }));
    assert_eq!(read(b"PK\x03\x04", 64), Err(ArchiveError::Magic));
    assert_eq!(read(b"", 64), Err(ArchiveError::Truncated { bytes: 0 }));
}

proptest! {
    #[test]
    fn reading_is_total(bytes in vec(any::<u8>(), 0..400), size in 1usize..64) {
        let _ = read(&bytes, size);
        let (archive, starts) = whole();
        let _ = read(&[&archive[..starts[1]], &bytes].concat(), size);
    }
}
