//! The journal: what was done that can be undone.
//!
//! A deed is noted before it is done, so that no crash leaves one without its undo; one that did
//! not come about is taken out again. The journal is bounded: the oldest deeds give way.
//!
//! CBOR `{at: int, name: text, kind: text, context: bytes, stack: bytes, heads: [bytes], from: text,
//! to: text, tag: text, before: bytes, after: bytes, blobs: [bytes], flag: bool, creator: bytes,
//! nonce: bytes, change: bytes, ended: int}`, of which a kind has what it needs. Times are in
//! milliseconds since 1970.

use dsp_protocol::cbor::{self, FieldError, Fields, Map, Value};
use dsp_protocol::id::{BlobHash, ChangeId, ContextId, FrameId, StackId, UserId};
use dsp_protocol::limits::OVER;
use dsp_protocol::name::{StackName, TagName};
use dsp_protocol::wire::BoardKey;
use redb::ReadableTable as _;

use super::error::{Fault, ReadError, WriteError};
use super::{Store, tables};

/// Most deeds that are remembered.
pub const DEEDS: u64 = 1000;
/// Longest name of what a deed was about in bytes; what is longer is cut.
const NAME_BYTES: usize = 1024;
/// Most blobs that a deed names: a folder of a hundred thousand files.
pub const DEED_BLOBS: usize = 1 << 17;
/// Most bytes of an entry: the blobs that were let go or the heads of a stack, some names, with
/// room.
const ENTRY_BYTES: usize = 8 << 20;
/// Most bytes of all entries together.
const JOURNAL_BYTES: usize = 32 << 20;

/// Something that was done and can be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A stack was removed.
    Removed {
        /// The context.
        context: ContextId,
        /// The stack.
        stack: StackId,
        /// Its heads before, the first one first.
        heads: Vec<FrameId>,
    },
    /// A stack was renamed.
    Renamed {
        /// The context.
        context: ContextId,
        /// The stack.
        stack: StackId,
        /// Its name before.
        from: StackName,
        /// Its name after.
        to: StackName,
    },
    /// A tag was moved, put on a first frame, or taken away.
    Tagged {
        /// The context.
        context: ContextId,
        /// The stack.
        stack: StackId,
        /// The tag.
        tag: TagName,
        /// Where it was before.
        from: Option<FrameId>,
        /// Where it was put.
        to: Option<FrameId>,
    },
    /// A followed context was left and its copy kept.
    Left {
        /// The context.
        context: ContextId,
    },
    /// A followed context was left and its copy went into the trash.
    Dropped {
        /// The context.
        context: ContextId,
        /// Whether it was synced until then.
        active: bool,
    },
    /// Bytes were let go that others hold.
    LetGo {
        /// The context.
        context: ContextId,
        /// Which, at most [`DEED_BLOBS`].
        blobs: Vec<BlobHash>,
    },
    /// A context of mine was closed.
    Closed {
        /// The context.
        context: ContextId,
        /// Whether it was the current one.
        current: bool,
    },
    /// A dashboard of mine was removed.
    BoardRemoved {
        /// The context.
        context: ContextId,
        /// The dashboard.
        board: BoardKey,
    },
    /// Cards were taken from a dashboard.
    CardsRemoved {
        /// The context.
        context: ContextId,
        /// The dashboard.
        board: BoardKey,
        /// The change that took them away.
        change: ChangeId,
    },
}

/// A deed in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// How what it was about was written then, for showing.
    pub name: String,
    /// What was done.
    pub deed: Deed,
    /// When it was undone, in milliseconds since 1970.
    pub undone: Option<i64>,
}

impl Deed {
    /// Returns the context in which it was done.
    pub fn context(&self) -> ContextId {
        match self {
            Deed::Removed { context, .. }
            | Deed::Renamed { context, .. }
            | Deed::Tagged { context, .. }
            | Deed::Left { context }
            | Deed::Dropped { context, .. }
            | Deed::LetGo { context, .. }
            | Deed::Closed { context, .. }
            | Deed::BoardRemoved { context, .. }
            | Deed::CardsRemoved { context, .. } => *context,
        }
    }
}

impl Store {
    /// Notes a deed and returns the number that names it from then on; the oldest ones give way.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn note_deed(&self, entry: JournalEntry) -> Result<u64, WriteError> {
        let bytes = encode(&entry);
        self.write(move |tx| {
            let mut journal = tx.open_table(tables::JOURNAL)?;
            let last = journal.last()?.map_or(0, |(id, _)| id.value());
            let id = last + 1;
            journal.insert(id, bytes.as_slice())?;
            let mut oldest = id.saturating_sub(DEEDS);
            let mut bytes = 0;
            for item in journal.range(oldest + 1..)?.rev() {
                let (number, value) = item?;
                bytes += value.value().len();
                if bytes > JOURNAL_BYTES {
                    oldest = number.value();
                    break;
                }
            }
            journal.retain_in(..=oldest, |_, _| false)?;
            Ok(id)
        })
        .await
    }

    /// Takes a deed out that did not come about.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn unnote_deed(&self, id: u64) -> Result<(), WriteError> {
        self.write(move |tx| {
            tx.open_table(tables::JOURNAL)?.remove(id)?;
            Ok(())
        })
        .await
    }

    /// Marks a deed as undone; one that is gone is left alone.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn mark_undone(&self, id: u64, at: i64) -> Result<(), WriteError> {
        self.write(move |tx| {
            let mut journal = tx.open_table(tables::JOURNAL)?;
            let entry = match journal.get(id)? {
                Some(value) => decode(id, value.value())?,
                None => return Ok(()),
            };
            let entry = JournalEntry { undone: Some(at), ..entry };
            journal.insert(id, encode(&entry).as_slice())?;
            Ok(())
        })
        .await
    }

    /// Returns a deed.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn deed(&self, id: u64) -> Result<Option<JournalEntry>, ReadError> {
        self.read(move |tx| {
            let value = tx.open_table(tables::JOURNAL)?.get(id)?;
            value.map(|value| decode(id, value.value())).transpose()
        })
        .await
    }

    /// Returns all deeds that are remembered, the latest first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn deeds(&self) -> Result<Vec<(u64, JournalEntry)>, ReadError> {
        self.read(|tx| {
            let journal = tx.open_table(tables::JOURNAL)?;
            let mut deeds = Vec::new();
            for item in journal.iter()?.rev() {
                let (id, value) = item?;
                match decode(id.value(), value.value()) {
                    Ok(deed) => deeds.push((id.value(), deed)),
                    // The others can be undone all the same.
                    Err(fault) => tracing::warn!(id = id.value(), ?fault, "a deed is not read"),
                }
            }
            Ok(deeds)
        })
        .await
    }
}

fn encode(entry: &JournalEntry) -> Vec<u8> {
    let mut name = entry.name.clone();
    name.truncate(name.floor_char_boundary(NAME_BYTES));
    let mut map = Map::new().with("at", entry.at).with("name", name.as_str());
    map.insert_some("ended", entry.undone);
    map.insert("context", *entry.deed.context().as_bytes());
    let map = match &entry.deed {
        Deed::Removed { stack, heads, .. } => {
            let heads: Vec<Value> = heads.iter().map(|frame| (*frame.as_bytes()).into()).collect();
            map.with("kind", "removed").with("stack", *stack.as_bytes()).with("heads", heads)
        }
        Deed::Renamed { stack, from, to, .. } => map
            .with("kind", "renamed")
            .with("stack", *stack.as_bytes())
            .with("from", from.as_str())
            .with("to", to.as_str()),
        Deed::Tagged { stack, tag, from, to, .. } => {
            let mut map = map
                .with("kind", "tagged")
                .with("stack", *stack.as_bytes())
                .with("tag", tag.as_str());
            map.insert_some("before", from.map(|frame| *frame.as_bytes()));
            map.insert_some("after", to.map(|frame| *frame.as_bytes()));
            map
        }
        Deed::Left { .. } => map.with("kind", "left"),
        Deed::Dropped { active, .. } => map.with("kind", "dropped").with("flag", *active),
        Deed::LetGo { blobs, .. } => {
            let blobs: Vec<Value> = blobs.iter().map(|blob| (*blob.as_bytes()).into()).collect();
            map.with("kind", "let-go").with("blobs", blobs)
        }
        Deed::Closed { current, .. } => map.with("kind", "closed").with("flag", *current),
        Deed::BoardRemoved { board, .. } => on_board(map, board).with("kind", "board-removed"),
        Deed::CardsRemoved { board, change, .. } => {
            on_board(map, board).with("kind", "cards-removed").with("change", *change.as_bytes())
        }
    };
    cbor::encode(&Value::Map(map))
}

fn on_board(map: Map, board: &BoardKey) -> Map {
    map.with("creator", *board.creator.as_bytes()).with("nonce", board.nonce)
}

fn decode(id: u64, bytes: &[u8]) -> Result<JournalEntry, Fault> {
    let damaged = |reason: String| Fault::damaged("journal", &id.to_be_bytes()[..], reason);
    let map = cbor::decode_map(bytes, ENTRY_BYTES).map_err(|error| damaged(error.to_string()))?;
    read(Fields::new(map)).map_err(|error| damaged(error.to_string()))
}

fn read(mut fields: Fields) -> Result<JournalEntry, FieldError> {
    let at = fields.required("at", Value::into_i64)?;
    let name = fields.required("name", |value| value.into_text(NAME_BYTES))?;
    let undone = fields.optional("ended", Value::into_i64)?;
    let context = ContextId::from_bytes(fields.required("context", Value::into_array)?);
    let kind = fields.required("kind", |value| value.into_text(NAME_BYTES))?;
    let stack = |fields: &mut Fields| {
        Ok::<_, FieldError>(StackId::from_bytes(fields.required("stack", Value::into_array)?))
    };
    let board = |fields: &mut Fields| {
        let creator = UserId::from_bytes(fields.required("creator", Value::into_array)?);
        let nonce = fields.required("nonce", Value::into_array)?;
        Ok::<_, FieldError>(BoardKey { creator, nonce })
    };
    let frame = |value: Value| Ok::<_, String>(FrameId::from_bytes(value.into_array()?));
    let blob = |value: Value| Ok::<_, String>(BlobHash::from_bytes(value.into_array()?));
    let text = |value: Value| value.into_text(NAME_BYTES);
    let stack_name = |value: Value| text(value)?.parse::<StackName>().map_err(|e| e.to_string());
    let deed = match kind.as_str() {
        "removed" => Deed::Removed {
            context,
            stack: stack(&mut fields)?,
            heads: fields.required("heads", |value| value.into_list_of(OVER, frame))?,
        },
        "renamed" => Deed::Renamed {
            context,
            stack: stack(&mut fields)?,
            from: fields.required("from", stack_name)?,
            to: fields.required("to", stack_name)?,
        },
        "tagged" => Deed::Tagged {
            context,
            stack: stack(&mut fields)?,
            tag: fields.required("tag", |value| {
                text(value)?.parse::<TagName>().map_err(|error| error.to_string())
            })?,
            from: fields.optional("before", frame)?,
            to: fields.optional("after", frame)?,
        },
        "left" => Deed::Left { context },
        "dropped" => Deed::Dropped { context, active: fields.required("flag", Value::into_bool)? },
        "let-go" => Deed::LetGo {
            context,
            blobs: fields.required("blobs", |value| value.into_list_of(DEED_BLOBS, blob))?,
        },
        "closed" => Deed::Closed { context, current: fields.required("flag", Value::into_bool)? },
        "board-removed" => Deed::BoardRemoved { context, board: board(&mut fields)? },
        "cards-removed" => Deed::CardsRemoved {
            context,
            board: board(&mut fields)?,
            change: ChangeId::from_bytes(fields.required("change", Value::into_array)?),
        },
        other => return Err(FieldError::invalid("kind", format!("`{other}` is not known"))),
    };
    Ok(JournalEntry { at, name, deed, undone })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_deed_reads_back() {
        let context = ContextId::from_bytes([1; 32]);
        let stack = StackId::from_bytes([2; 16]);
        let [a, b] = [3, 4].map(|n| FrameId::from_bytes([n; 32]));
        let name = |text: &str| text.parse::<StackName>().unwrap();
        let board = BoardKey { creator: UserId::from_bytes([6; 32]), nonce: [7; 16] };
        let deeds = [
            Deed::Removed { context, stack, heads: vec![a, b] },
            Deed::Renamed { context, stack, from: name("old"), to: name("new/name") },
            Deed::Tagged { context, stack, tag: "v1".parse().unwrap(), from: Some(a), to: Some(b) },
            Deed::Tagged { context, stack, tag: "v1".parse().unwrap(), from: None, to: None },
            Deed::Left { context },
            Deed::Dropped { context, active: true },
            Deed::LetGo { context, blobs: vec![BlobHash::from_bytes([5; 32]); DEED_BLOBS] },
            Deed::Closed { context, current: false },
            Deed::BoardRemoved { context, board },
            Deed::CardsRemoved { context, board, change: ChangeId::from_bytes([8; 32]) },
        ];
        for deed in deeds {
            for undone in [None, Some(9)] {
                let entry =
                    JournalEntry { at: -5, name: "sales".to_owned(), deed: deed.clone(), undone };
                assert_eq!(decode(1, &encode(&entry)).unwrap(), entry);
            }
        }
        let long = JournalEntry {
            at: 0,
            name: "é".repeat(NAME_BYTES),
            deed: Deed::Left { context },
            undone: None,
        };
        assert_eq!(decode(1, &encode(&long)).unwrap().name.len(), NAME_BYTES);
        assert!(decode(1, b"\xa0").is_err());
    }

    #[tokio::test]
    async fn the_oldest_deeds_give_way() {
        let home = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(&home.path().join("meta.redb")).await.unwrap();
        let deed = Deed::Left { context: ContextId::from_bytes([1; 32]) };
        let entry = JournalEntry { at: 0, name: "a".to_owned(), deed, undone: None };
        for id in 1..=DEEDS + 2 {
            assert_eq!(store.note_deed(entry.clone()).await.unwrap(), id);
        }
        let deeds = store.deeds().await.unwrap();
        assert_eq!(deeds.len() as u64, DEEDS);
        assert_eq!((deeds[0].0, deeds.last().unwrap().0), (DEEDS + 2, 3));
        assert_eq!(store.deed(2).await.unwrap(), None);
        store.mark_undone(2, 5).await.unwrap();
        store.mark_undone(3, 5).await.unwrap();
        assert_eq!(store.deed(3).await.unwrap().unwrap().undone, Some(5));
        store.unnote_deed(3).await.unwrap();
        assert_eq!(store.deed(3).await.unwrap(), None);
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn many_long_deeds_give_way_sooner() {
        let home = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(&home.path().join("meta.redb")).await.unwrap();
        let blobs = vec![BlobHash::from_bytes([5; 32]); DEED_BLOBS];
        let deed = Deed::LetGo { context: ContextId::from_bytes([1; 32]), blobs };
        let entry = JournalEntry { at: 0, name: "a".to_owned(), deed, undone: None };
        let fit = JOURNAL_BYTES / encode(&entry).len();
        for _ in 0..fit + 2 {
            store.note_deed(entry.clone()).await.unwrap();
        }
        let deeds = store.deeds().await.unwrap();
        assert_eq!((deeds.len(), deeds[0].0), (fit, fit as u64 + 2));
        store.close().await.unwrap();
    }
}
