//! What comes on streams: messages, and archives in pieces.

use crate::archive::{About, ArchiveError, Item, Reader, Writer};
use crate::pair::PairMessage;
use crate::wire::Message;

/// A message of the sync stream. Unknown fields are dropped, so its bytes may be others, once.
pub(super) fn message(input: &[u8]) {
    let Ok(message) = Message::decode(input) else { return };
    if message == Message::Unknown {
        return;
    }
    let bytes = message.encode();
    assert_eq!(Message::decode(&bytes), Ok(message));
    assert!(bytes.len() <= input.len() + CODE_BYTES, "a message grew");
}

/// How much longer the word for an unknown code is than the shortest of those, which is empty.
const CODE_BYTES: usize = 16;

/// A message of pairing.
pub(super) fn pair_message(input: &[u8]) {
    let Ok(message) = PairMessage::decode(input) else { return };
    let bytes = message.encode();
    assert_eq!(PairMessage::decode(&bytes), Ok(message));
    assert!(bytes.len() <= input.len() + CODE_BYTES, "a message grew");
}

/// An archive: the first byte is the size of the pieces, the rest what it is made of. However it
/// is cut, it gives the same items; and what it gives can be written and read again.
pub(super) fn archive(input: &[u8]) {
    let Some((size, bytes)) = input.split_first() else { return };
    let (items, ended) = read(bytes, bytes.len());
    assert_eq!(read(bytes, usize::from(*size)), (items.clone(), ended));
    let Some((Item::About(about), items)) = items.split_first() else {
        assert!(items.is_empty(), "{items:?} come before what it is about");
        return;
    };
    let written = write(about, items);
    let (again, ended) = read(&written, written.len());
    assert_eq!(ended, Ok(()));
    assert_eq!(again[1..again.len() - 1], whole(items)[..]);
}

/// Reads in pieces of a size. Pieces of one blob are put together.
fn read(bytes: &[u8], size: usize) -> (Vec<Item>, Result<(), ArchiveError>) {
    let (mut reader, mut items) = (Reader::new(), Vec::new());
    for piece in bytes.chunks(size.max(1)) {
        reader.push(piece);
        loop {
            match reader.next_item() {
                Ok(Some(item)) => join(&mut items, item),
                Ok(None) => break,
                Err(error) => return (items, Err(error)),
            }
        }
    }
    let ended = reader.finish();
    (items, ended)
}

fn join(items: &mut Vec<Item>, item: Item) {
    match (items.last_mut(), item) {
        (Some(Item::Piece(before)), Item::Piece(more)) => before.extend(more),
        (_, item) => items.push(item),
    }
}

/// Leaves out the end, and a blob that has none.
fn whole(items: &[Item]) -> Vec<Item> {
    let mut whole = items.to_vec();
    if whole.last() == Some(&Item::End) {
        whole.pop();
    }
    if matches!(whole.last(), Some(Item::Blob { .. } | Item::Piece(_))) {
        let begin = whole.iter().rposition(|item| matches!(item, Item::Blob { .. }));
        whole.truncate(begin.expect("a piece is one of a blob"));
    }
    whole
}

fn write(about: &About, items: &[Item]) -> Vec<u8> {
    let (mut writer, mut bytes) = Writer::begin(about);
    for item in whole(items) {
        bytes.extend(match item {
            Item::Log { user, entries } => writer.log(user, entries),
            Item::Envelopes { catalog, envelopes } => writer.envelopes(catalog, envelopes),
            Item::Fork { user, proof } => writer.fork(user, proof),
            Item::Board { board, changes } => writer.board(board, changes),
            Item::BoardFork { board, user, proof } => writer.board_fork(board, user, proof),
            Item::Frames(frames) => writer.frames(frames),
            Item::Blob { hash, size } => writer.blob(hash, size),
            Item::Piece(piece) => {
                writer.piece(&piece);
                piece
            }
            Item::BlobEnd => Vec::new(),
            Item::About(_) | Item::End => unreachable!("stands at the ends only"),
        });
    }
    bytes.extend(writer.end());
    bytes
}
