//! Notifications: what happened that the user may want to know, so that it is there after a restart.
//!
//! What happens again before it was read is counted in one of them. There are at most
//! [`NOTIFICATIONS`]; the oldest give way.
//!
//! CBOR `{at: int, kind: text, context: bytes, user: bytes, stack: text, frame: bytes, text: text,
//! times: int, read: bool}`; `context`, `user`, `stack` and `frame` are absent where it is not about
//! one. Times are in milliseconds since 1970.

use std::collections::BTreeSet;

use dsp_protocol::cbor::{self, FieldError, Fields, Map, Value};
use dsp_protocol::id::{ContextId, DocumentId, FrameId, UserId};
use redb::{ReadableTable as _, ReadableTableMetadata as _};

use super::error::{Fault, ReadError, WriteError};
use super::{Store, tables};

/// Most notifications that are kept.
pub const NOTIFICATIONS: u64 = 500;
/// Longest text in one, in bytes; what is longer is cut.
const TEXT_BYTES: usize = 2048;

/// What a notification is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationKind {
    /// Somebody else pushed.
    Head,
    /// Somebody else said something.
    Comment,
    /// Somebody came in by a ticket.
    Ticket,
    /// Somebody offers a context.
    Offer,
    /// The keys of a user changed, or contradict themselves.
    Key,
    /// The disk or a quota is nearly full.
    Disk,
    /// A transfer ended without all that was wanted.
    Transfer,
    /// Anything else.
    Notice,
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// When it last happened, in milliseconds since 1970.
    pub at: i64,
    /// Its kind.
    pub kind: NotificationKind,
    /// The context that it is about.
    pub context: Option<ContextId>,
    /// The user that it is about.
    pub user: Option<UserId>,
    /// The name of the stack that it is about.
    pub stack: Option<String>,
    /// The frame that it is about.
    pub frame: Option<FrameId>,
    /// The dashboard that it is about.
    pub board: Option<DocumentId>,
    /// What its kind does not tell, in a sentence.
    pub text: String,
    /// How often it happened.
    pub times: u32,
    /// Whether it was read.
    pub read: bool,
}

impl Notification {
    /// Returns one that just happened, about nothing yet.
    pub fn new(kind: NotificationKind, at: i64) -> Notification {
        let (context, user, stack, frame, board) = (None, None, None, None, None);
        let (text, times, read) = (String::new(), 1, false);
        Notification { at, kind, context, user, stack, frame, board, text, times, read }
    }

    /// Tells whether `later` says the same again, so that the two are counted as one.
    fn is_again(&self, later: &Notification) -> bool {
        let about = |one: &Notification| (one.kind, one.context, one.user);
        // Of transfers the numbers differ, and the last ones count.
        let said = self.kind == NotificationKind::Transfer || self.text == later.text;
        !self.read && said && about(self) == about(later)
    }
}

impl Store {
    /// Keeps notifications and returns how many are not read; those of muted contexts are left out.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn notify(&self, new: Vec<Notification>) -> Result<u32, WriteError> {
        self.write(move |tx| {
            let muted = tx.open_table(tables::MUTED)?;
            let mut table = tx.open_table(tables::NOTIFICATION)?;
            let mut known = Vec::new();
            for item in table.iter()? {
                let (id, value) = item?;
                known.push((id.value(), decode(id.value(), value.value())?));
            }
            let mut last = known.last().map_or(0, |(id, _)| *id);
            for mut one in new.clone() {
                if let Some(context) = one.context
                    && muted.get(context.as_bytes())?.is_some()
                {
                    continue;
                }
                if let Some(at) = known.iter().rposition(|(_, before)| before.is_again(&one)) {
                    let (id, before) = known.remove(at);
                    one.times = one.times.saturating_add(before.times);
                    table.remove(id)?;
                }
                last += 1;
                table.insert(last, encode(&one).as_slice())?;
                known.push((last, one));
            }
            while table.len()? > NOTIFICATIONS {
                table.pop_first()?;
            }
            let kept = known.len().saturating_sub(NOTIFICATIONS as usize);
            let unread = known[kept..].iter().filter(|(_, one)| !one.read).count();
            Ok(unread as u32)
        })
        .await
    }

    /// Returns all notifications, the latest first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn notifications(&self) -> Result<Vec<(u64, Notification)>, ReadError> {
        self.read(|tx| {
            let mut all = Vec::new();
            for item in tx.open_table(tables::NOTIFICATION)?.iter()?.rev() {
                let (id, value) = item?;
                all.push((id.value(), decode(id.value(), value.value())?));
            }
            Ok(all)
        })
        .await
    }

    /// Marks a notification as read, all of them where none is named; returns how many are not.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn read_notifications(&self, which: Option<u64>) -> Result<u32, WriteError> {
        self.write(move |tx| {
            let mut table = tx.open_table(tables::NOTIFICATION)?;
            let (mut changed, mut unread) = (Vec::new(), 0);
            for item in table.iter()? {
                let (id, value) = item?;
                let one = decode(id.value(), value.value())?;
                match one.read {
                    true => {}
                    false if which.is_none_or(|which| which == id.value()) => {
                        changed.push((id.value(), Notification { read: true, ..one }));
                    }
                    false => unread += 1,
                }
            }
            for (id, one) in changed {
                table.insert(id, encode(&one).as_slice())?;
            }
            Ok(unread)
        })
        .await
    }

    /// Returns the contexts of which nothing becomes a notification.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn muted(&self) -> Result<BTreeSet<ContextId>, ReadError> {
        self.read(|tx| {
            let mut muted = BTreeSet::new();
            for item in tx.open_table(tables::MUTED)?.iter()? {
                muted.insert(ContextId::from_bytes(*item?.0.value()));
            }
            Ok(muted)
        })
        .await
    }

    /// Says whether nothing of a context becomes a notification.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn set_muted(&self, context: ContextId, muted: bool) -> Result<(), WriteError> {
        self.write(move |tx| {
            let mut table = tx.open_table(tables::MUTED)?;
            match muted {
                true => drop(table.insert(context.as_bytes(), ())?),
                false => drop(table.remove(context.as_bytes())?),
            }
            Ok(())
        })
        .await
    }

    /// Notes how long the identity log of a user is; returns how long it was before.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn see_log(&self, user: UserId, entries: u32) -> Result<Option<u32>, WriteError> {
        let before = self
            .read(move |tx| {
                let seen = tx.open_table(tables::LOG_SEEN)?.get(user.as_bytes())?;
                Ok(seen.map(|entries| entries.value()))
            })
            .await;
        // What cannot be read is written anew, or fails in the same way.
        let before = before.unwrap_or_default();
        if before != Some(entries) {
            self.write(move |tx| {
                tx.open_table(tables::LOG_SEEN)?.insert(user.as_bytes(), entries)?;
                Ok(())
            })
            .await?;
        }
        Ok(before)
    }
}

fn encode(one: &Notification) -> Vec<u8> {
    let cut = |text: &str| text[..text.floor_char_boundary(TEXT_BYTES)].to_owned();
    let mut map = Map::new()
        .with("at", one.at)
        .with("kind", word(one.kind))
        .with("text", cut(&one.text).as_str())
        .with("times", i64::from(one.times))
        .with("read", one.read);
    map.insert_some("context", one.context.map(|context| *context.as_bytes()));
    map.insert_some("user", one.user.map(|user| *user.as_bytes()));
    map.insert_some("stack", one.stack.as_deref().map(cut));
    map.insert_some("frame", one.frame.map(|frame| *frame.as_bytes()));
    map.insert_some("board", one.board.map(|board| *board.as_bytes()));
    cbor::encode(&Value::Map(map))
}

fn decode(id: u64, bytes: &[u8]) -> Result<Notification, Fault> {
    let damaged = |reason: String| Fault::damaged("notification", &id.to_be_bytes()[..], reason);
    let map =
        cbor::decode_map(bytes, 4 * TEXT_BYTES).map_err(|error| damaged(error.to_string()))?;
    let mut fields = Fields::new(map);
    let mut read = || -> Result<Notification, FieldError> {
        Ok(Notification {
            at: fields.required("at", Value::into_i64)?,
            kind: fields.required("kind", |value| {
                let text = value.into_text(TEXT_BYTES)?;
                let kind = KINDS.into_iter().find(|kind| word(*kind) == text);
                kind.ok_or_else(|| format!("`{text}` is not known"))
            })?,
            context: fields.optional("context", array)?.map(ContextId::from_bytes),
            user: fields.optional("user", array)?.map(UserId::from_bytes),
            stack: fields.optional("stack", |value| value.into_text(TEXT_BYTES))?,
            frame: fields.optional("frame", array)?.map(FrameId::from_bytes),
            board: fields.optional("board", array)?.map(DocumentId::from_bytes),
            text: fields.required("text", |value| value.into_text(TEXT_BYTES))?,
            times: fields.required("times", |value| {
                u32::try_from(value.into_i64()?).map_err(|error| error.to_string())
            })?,
            read: fields.required("read", Value::into_bool)?,
        })
    };
    read().map_err(|error| damaged(error.to_string()))
}

fn array(value: Value) -> Result<[u8; 32], String> {
    value.into_array().map_err(|error| error.to_string())
}

const KINDS: [NotificationKind; 8] = [
    NotificationKind::Head,
    NotificationKind::Comment,
    NotificationKind::Ticket,
    NotificationKind::Offer,
    NotificationKind::Key,
    NotificationKind::Disk,
    NotificationKind::Transfer,
    NotificationKind::Notice,
];

fn word(kind: NotificationKind) -> &'static str {
    match kind {
        NotificationKind::Head => "head",
        NotificationKind::Comment => "comment",
        NotificationKind::Ticket => "ticket",
        NotificationKind::Offer => "offer",
        NotificationKind::Key => "key",
        NotificationKind::Disk => "disk",
        NotificationKind::Transfer => "transfer",
        NotificationKind::Notice => "notice",
    }
}
