//! What stands on a board, and how this program writes on it.
//!
//! The four maps are kept flat: a key names what is set (of a card `<card>/<field>`), a value is a
//! text, a number or a truth. So two people who change different things never hide each other's
//! work, and of two who change the same thing one wins wholly. What others nest deeper stays and is
//! not shown.

use std::collections::BTreeMap;

use automerge::legacy::{Key, ObjectId, OpType};
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{Change, ChangeHash, ObjId, ROOT, ReadDoc, ScalarValue, Value};

use super::{BOARD_FIELDS, BOARD_MAPS, Board, root_change};
use crate::doc::change::actor;
use crate::doc::envelope::Envelope;
use crate::id::Incarnation;
use crate::key::SecretKey;
use crate::limits::{CATALOG_KEY_BYTES, CHANGE_BYTES, CHANGE_OPS};

/// A part of a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BoardPart {
    /// The title (key `title`) and who may see it (key `access`), which only the creator writes.
    Field,
    /// What the cards are.
    Cards,
    /// Where the cards are.
    Layout,
    /// The shared params.
    Params,
    /// Longer texts.
    Text,
}

/// A value on a board.
#[derive(Clone, Debug, PartialEq)]
pub enum BoardValue {
    /// A text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Yes or no.
    Bool(bool),
}

/// Something to set on a board, or to take away.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardEdit {
    /// The part.
    pub part: BoardPart,
    /// The key.
    pub key: String,
    /// The value; nothing takes it away.
    pub value: Option<BoardValue>,
}

/// What stands on a board, by part and key.
pub type BoardContent = BTreeMap<(BoardPart, String), BoardValue>;

/// Why a change cannot be written on a board.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoardWriteError {
    /// A key that boards do not have.
    #[error("`{0}` is no key of a dashboard")]
    Key(String),
    /// More than one change holds.
    #[error("more than one change of a dashboard holds: at most {CHANGE_BYTES} bytes")]
    TooLarge,
    /// Automerge cannot write it.
    #[error("automerge: {0}")]
    Malformed(String),
}

impl BoardPart {
    const MAPS: [BoardPart; 4] =
        [BoardPart::Cards, BoardPart::Layout, BoardPart::Params, BoardPart::Text];

    /// Returns the map of the part; none for the fields at the root.
    fn map(self) -> Option<&'static str> {
        let at = BoardPart::MAPS.iter().position(|part| *part == self);
        at.map(|at| BOARD_MAPS[at])
    }
}

impl BoardValue {
    fn of(value: &Value<'_>) -> Option<BoardValue> {
        match value {
            Value::Scalar(scalar) => BoardValue::of_scalar(scalar),
            Value::Object(_) => None,
        }
    }

    fn of_scalar(scalar: &ScalarValue) -> Option<BoardValue> {
        match scalar {
            ScalarValue::Str(text) => Some(BoardValue::Text(text.to_string())),
            ScalarValue::Int(int) => Some(BoardValue::Int(*int)),
            ScalarValue::Uint(int) => i64::try_from(*int).ok().map(BoardValue::Int),
            ScalarValue::F64(float) => Some(BoardValue::Float(*float)),
            ScalarValue::Boolean(truth) => Some(BoardValue::Bool(*truth)),
            // None of what this program writes.
            _ => None,
        }
    }

    fn scalar(&self) -> ScalarValue {
        match self {
            BoardValue::Text(text) => ScalarValue::Str(text.as_str().into()),
            BoardValue::Int(int) => ScalarValue::Int(*int),
            BoardValue::Float(float) => ScalarValue::F64(*float),
            BoardValue::Bool(truth) => ScalarValue::Boolean(*truth),
        }
    }
}

impl Board {
    /// Returns what stands on it.
    pub fn content(&self) -> BoardContent {
        self.content_at(None)
    }

    fn content_at(&self, heads: Option<&[ChangeHash]>) -> BoardContent {
        let now = self.doc.get_heads();
        let heads = heads.unwrap_or(&now);
        let mut content = BoardContent::new();
        for key in BOARD_FIELDS {
            let value = self.doc.get_at(ROOT, key, heads).ok().flatten();
            if let Some(value) = value.and_then(|(value, _)| BoardValue::of(&value)) {
                content.insert((BoardPart::Field, key.to_owned()), value);
            }
        }
        for part in BoardPart::MAPS {
            let Some(map) = self.object(part) else { continue };
            for key in self.doc.keys_at(&map, heads) {
                let value = self.doc.get_at(&map, key.as_str(), heads).ok().flatten();
                if let Some(value) = value.and_then(|(value, _)| BoardValue::of(&value)) {
                    content.insert((part, key), value);
                }
            }
        }
        content
    }

    /// Returns what stood at one key before an applied change, as the change knew it.
    pub fn before(&self, envelope: &Envelope, part: BoardPart, key: &str) -> Option<BoardValue> {
        let change = Change::try_from(envelope.change.as_slice()).ok()?;
        let object = self.object(part)?;
        let found = self.doc.get_at(&object, key, change.deps()).ok().flatten();
        found.and_then(|(value, _)| BoardValue::of(&value))
    }

    fn object(&self, part: BoardPart) -> Option<ObjId> {
        match part.map() {
            None => Some(ROOT),
            Some(map) => self.doc.get(ROOT, map).ok().flatten().map(|(_, object)| object),
        }
    }

    /// Writes a change of edits, signed as one of a device; nothing where all of it stands there.
    ///
    /// # Errors
    /// [`BoardWriteError`]; whether the author may write is not judged here.
    pub fn write(
        &self,
        key: &SecretKey,
        inc: Incarnation,
        edits: &[BoardEdit],
    ) -> Result<Option<Envelope>, BoardWriteError> {
        let malformed = |e: automerge::AutomergeError| BoardWriteError::Malformed(e.to_string());
        if edits.len() as u64 > CHANGE_OPS {
            return Err(BoardWriteError::TooLarge);
        }
        let mut copy = self.doc.clone().with_actor(actor(key.device(), inc));
        let mut transaction = copy.transaction();
        for edit in edits {
            let fits = !edit.key.is_empty() && edit.key.len() <= CATALOG_KEY_BYTES;
            let field = BOARD_FIELDS.contains(&edit.key.as_str());
            if !fits || (edit.part == BoardPart::Field && !field) {
                return Err(BoardWriteError::Key(edit.key.clone()));
            }
            let object = match edit.part.map() {
                None => ROOT,
                Some(map) => {
                    let found = transaction.get(ROOT, map).map_err(malformed)?;
                    found.map(|(_, object)| object).unwrap_or(ROOT)
                }
            };
            let stands = transaction.get(&object, edit.key.as_str()).map_err(malformed)?;
            let same = match (&edit.value, &stands) {
                (None, None) => true,
                (Some(value), Some((stands, _))) => BoardValue::of(stands).as_ref() == Some(value),
                _ => false,
            };
            if same {
                continue;
            }
            match &edit.value {
                Some(value) => transaction.put(&object, edit.key.as_str(), value.scalar()),
                None => transaction.delete(&object, edit.key.as_str()),
            }
            .map_err(malformed)?;
        }
        let (hash, _) = transaction.commit_with(CommitOptions::default().with_time(0));
        if hash.is_none() {
            return Ok(None);
        }
        let Some(change) = copy.get_last_local_change() else { return Ok(None) };
        let bytes = change.raw_bytes().to_vec();
        if bytes.len() > CHANGE_BYTES {
            return Err(BoardWriteError::TooLarge);
        }
        let doc = self.place.document();
        Ok(Some(Envelope::sign(doc, self.epoch, inc, change.seq(), bytes, key)))
    }

    /// Returns what an envelope of this board sets, in any epoch, in its order; nothing of what lies
    /// deeper.
    pub fn edits(&self, envelope: &Envelope) -> Vec<BoardEdit> {
        let Ok(change) = Change::try_from(envelope.change.as_slice()) else { return Vec::new() };
        let root = root_change(self.place.document(), envelope.epoch);
        let part = |object: &ObjectId| match object {
            ObjectId::Root => Some(BoardPart::Field),
            // The computed change made the maps by its operations, in their order.
            ObjectId::Id(id) if id.actor() == root.actor_id() => {
                let at = id.counter().checked_sub(root.start_op().get())?;
                BoardPart::MAPS.get(usize::try_from(at).ok()?).copied()
            }
            ObjectId::Id(_) => None,
        };
        let decoded = change.decode();
        let edits = decoded.operations.iter().filter_map(|op| {
            let Key::Map(key) = &op.key else { return None };
            let value = match &op.action {
                OpType::Put(scalar) => Some(BoardValue::of_scalar(scalar)?),
                OpType::Delete => None,
                _ => return None,
            };
            Some(BoardEdit { part: part(&op.obj)?, key: key.to_string(), value })
        });
        edits.collect()
    }
}
