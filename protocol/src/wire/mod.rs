//! Messages of the sync stream (`/dsp/sync/1`): one canonical CBOR map each, behind a length.
//!
//! `t` names the message. A message of an unknown type decodes as [`Message::Unknown`] and is
//! ignored, as are unknown keys, so that minor versions live side by side. After the hello, every
//! message names its context by the *tag* under which the context matched on this session; the
//! context id itself never crosses the stream outside signed statements.

mod handed;

pub use self::handed::{HandedAdmission, HandedContext};

use crate::cbor::{self, CborError, FieldError, Fields, Map, Value};
use crate::id::{ChangeId, DeviceId, FrameId, Incarnation, UserId};
use crate::limits;
use crate::statement::read_u32;

mod offer;

pub use self::offer::Offer;

/// A tag: what names a context on one session and tells a stranger nothing.
pub type Tag = [u8; 16];

/// What stands for the set of entries seen of an identity log; see
/// [`IdentityLog::digest`](crate::identity::IdentityLog::digest).
pub type LogDigest = [u8; 32];

/// The minor versions that this program speaks, newest first.
pub const VERSIONS: &[u16] = &[1];

/// The feature of a peer that knows dashboards: to another nothing is said of them.
pub const BOARDS_FEATURE: &str = "boards";

/// A message of the sync stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// The first message of both sides.
    Hi {
        /// Minor versions spoken.
        versions: Vec<u16>,
        /// 32 random bytes that make the session's tags.
        nonce: [u8; 32],
        /// Optional features.
        features: Vec<String>,
    },
    /// From the initiator: tags of its contexts among random ones. From the responder: its own
    /// tags of the contexts that matched.
    Tags {
        /// The tags.
        tags: Vec<Tag>,
    },
    /// Who the sender is in a context that matched.
    Open {
        /// The context.
        tag: Tag,
        /// The sender's user.
        user: UserId,
        /// What the sender saw of her identity log.
        log: LogDigest,
        /// Her redemption of a ticket, if she came in by one.
        redeem: Option<Vec<u8>>,
    },
    /// The sender may not serve this context to the receiver.
    Deny {
        /// The context.
        tag: Tag,
        /// Why, as a word.
        code: DenyCode,
        /// The signed statement that says so, where there is one.
        proof: Option<Vec<u8>>,
    },
    /// Asks for an identity log, from a position of the sender's on.
    LogWant {
        /// The context that both share.
        tag: Tag,
        /// Whose log.
        user: UserId,
        /// How many entries to leave out: 0, or those that came of this log before.
        from: u64,
    },
    /// A page of an identity log.
    Log {
        /// The context.
        tag: Tag,
        /// Whose log.
        user: UserId,
        /// How many entries stand before these.
        from: u64,
        /// Signed entries, each after the one that it follows.
        entries: Vec<Vec<u8>>,
        /// Whether more stand after these.
        more: bool,
    },
    /// What the sender has in a context.
    Have {
        /// The context.
        tag: Tag,
        /// Identity logs.
        logs: Vec<LogState>,
        /// Catalogs.
        docs: Vec<CatalogState>,
        /// Whether the receiver may take this as everything.
        whole: bool,
    },
    /// Asks for envelopes of a catalog.
    Want {
        /// The context.
        tag: Tag,
        /// Which catalog.
        catalog: CatalogKey,
        /// The first number wanted.
        from: u64,
    },
    /// Envelopes of a catalog.
    Envelopes {
        /// The context.
        tag: Tag,
        /// Which catalog.
        catalog: CatalogKey,
        /// Encoded envelopes in ascending order.
        envelopes: Vec<Vec<u8>>,
    },
    /// Statements that stand alone: redemptions.
    Statements {
        /// The context.
        tag: Tag,
        /// Encoded statements.
        statements: Vec<Vec<u8>>,
    },
    /// The proof that the device of a catalog signed two envelopes of one number.
    Fork {
        /// The context.
        tag: Tag,
        /// Which catalog.
        catalog: CatalogKey,
        /// A [`ForkProof`](crate::doc::ForkProof), encoded.
        proof: Vec<u8>,
    },
    /// What the sender has of a dashboard, as far as it counts.
    BoardHave {
        /// The context.
        tag: Tag,
        /// Which dashboard.
        board: BoardKey,
        /// The epoch in which it is.
        epoch: u32,
        /// How far each device is, at most [`limits::BOARD_LINES`].
        lines: Vec<BoardLine>,
        /// Whether the sender wants what the receiver has beyond that.
        asks: bool,
    },
    /// Envelopes of a dashboard, each after those on which it depends.
    BoardEnvelopes {
        /// The context.
        tag: Tag,
        /// Which dashboard.
        board: BoardKey,
        /// Whose, and encoded.
        envelopes: Vec<(UserId, Vec<u8>)>,
        /// Whether the sender has more.
        more: bool,
    },
    /// The proof that a device signed two envelopes of one number on a dashboard.
    BoardFork {
        /// The context.
        tag: Tag,
        /// Which dashboard.
        board: BoardKey,
        /// Whose device.
        user: UserId,
        /// A [`ForkProof`](crate::doc::ForkProof), encoded.
        proof: Vec<u8>,
    },
    /// The sender's user begins, goes on or ends to edit a dashboard. It is passed on by nobody and
    /// kept for a moment only.
    BoardEditing {
        /// The context.
        tag: Tag,
        /// Which dashboard.
        board: BoardKey,
        /// Whether she edits it.
        editing: bool,
    },
    /// Asks for frames.
    WantFrames {
        /// The context.
        tag: Tag,
        /// Which, the most wanted first.
        frames: Vec<FrameId>,
    },
    /// Frames.
    Frames {
        /// The context.
        tag: Tag,
        /// Bytes of frames.
        frames: Vec<Vec<u8>>,
        /// Those that are not to be had here: unknown and forbidden give one answer.
        missing: Vec<FrameId>,
    },
    /// Where devices of the context can be reached: the sender itself, and others as they said.
    Peers {
        /// The context.
        tag: Tag,
        /// The devices, at most [`limits::PEERS`].
        peers: Vec<PeerAddresses>,
    },
    /// Contexts of the user whose devices both ends are.
    Contexts {
        /// A context that both share.
        tag: Tag,
        /// What the other takes part in too, at most [`limits::HANDED_CONTEXTS`].
        contexts: Vec<HandedContext>,
    },
    /// Contexts that the sender made the receiver's user a member of, which has no tag on this
    /// session.
    Offer {
        /// The context in which the sender is known.
        tag: Tag,
        /// The contexts, at most [`limits::OFFERS_MESSAGE`].
        offers: Vec<Offer>,
    },
    /// The sender ends the session.
    Bye {
        /// Why, as a word.
        code: ByeCode,
    },
    /// A message of a later version.
    Unknown,
}

/// Names a catalog inside a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CatalogKey {
    /// Whose.
    pub user: UserId,
    /// Written by which device.
    pub device: DeviceId,
    /// In which incarnation.
    pub inc: Incarnation,
}

/// Names a dashboard inside a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BoardKey {
    /// Who made it.
    pub creator: UserId,
    /// What names it among hers.
    pub nonce: [u8; 16],
}

/// How far a device in one incarnation is on a dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoardLine {
    /// Whose device in which incarnation.
    pub key: CatalogKey,
    /// The number of its last envelope.
    pub n: u64,
    /// The hash of that envelope.
    pub tip: [u8; 32],
}

/// How far a catalog is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatalogState {
    /// Which.
    pub key: CatalogKey,
    /// Its epoch.
    pub epoch: u32,
    /// The number of its last envelope.
    pub n: u64,
    /// The change in that envelope.
    pub tip: ChangeId,
}

/// What was seen of an identity log. Two nodes that saw different entries both ask: neither the
/// longer log nor the one that counts tells who lacks something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogState {
    /// Whose.
    pub user: UserId,
    /// What was seen.
    pub digest: LogDigest,
}

/// Where a device can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAddresses {
    /// The device.
    pub device: DeviceId,
    /// Multiaddr texts without the device at the end, the most useful first; at most
    /// [`limits::PEER_ADDRESSES`].
    pub addresses: Vec<String>,
}

/// Why a context is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenyCode {
    /// The receiver is no member, and no ticket of hers holds.
    NotAdmitted,
    /// The device of the receiver was revoked, or its grant ended or goes less far.
    DeviceEnded,
    /// The ticket was revoked.
    TicketRevoked,
    /// The ticket is past its time.
    TicketExpired,
    /// The ticket admitted as many users as it may.
    TicketUsedUp,
    /// An owner has to admit the receiver, and the sender is none.
    NeedsOwner,
    /// The receiver was removed.
    Removed,
    /// A reason of a later version.
    Other,
}

impl DenyCode {
    const ALL: [(DenyCode, &'static str); 7] = [
        (DenyCode::NotAdmitted, "not-admitted"),
        (DenyCode::DeviceEnded, "device-ended"),
        (DenyCode::TicketRevoked, "ticket-revoked"),
        (DenyCode::TicketExpired, "ticket-expired"),
        (DenyCode::TicketUsedUp, "ticket-used-up"),
        (DenyCode::NeedsOwner, "needs-owner"),
        (DenyCode::Removed, "removed"),
    ];

    /// Returns the word on the wire.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(code, _)| *code == self).map_or("other", |(_, word)| word)
    }

    fn from_word(word: &str) -> Self {
        Self::ALL.iter().find(|(_, w)| *w == word).map_or(DenyCode::Other, |(code, _)| *code)
    }

    /// Returns the reason in a sentence for the one who was refused.
    pub fn reason(self) -> &'static str {
        match self {
            DenyCode::NotAdmitted => "you are no member, and no ticket of yours holds",
            DenyCode::DeviceEnded => {
                "this device may not act for its user here: it was revoked, or its grant ended"
            }
            DenyCode::TicketRevoked => "the ticket was revoked",
            DenyCode::TicketExpired => "the ticket is past its time",
            DenyCode::TicketUsedUp => "the ticket was used up",
            DenyCode::NeedsOwner => "an owner has to let you in, and none is reachable",
            DenyCode::Removed => "you were removed from the context",
            DenyCode::Other => "refused for a reason that this version does not know",
        }
    }
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByeCode {
    /// The sender wants to say hello anew, because its contexts changed.
    Again,
    /// Nothing in common, or nothing that may be said: unknown steps give the same.
    Nothing,
    /// The program stops.
    Stopping,
}

impl ByeCode {
    fn as_str(self) -> &'static str {
        match self {
            ByeCode::Again => "again",
            ByeCode::Nothing => "nothing",
            ByeCode::Stopping => "stopping",
        }
    }

    fn from_word(word: &str) -> Self {
        match word {
            "again" => ByeCode::Again,
            "stopping" => ByeCode::Stopping,
            _ => ByeCode::Nothing,
        }
    }
}

/// Why bytes are not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Not canonical CBOR, or too large.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// A field is missing or wrong.
    #[error(transparent)]
    Field(#[from] FieldError),
}

impl Message {
    /// Encodes the message.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(&Value::Map(self.to_map()))
    }

    fn to_map(&self) -> Map {
        let named = |name: &str| Map::new().with("t", name);
        let tagged = |name: &str, tag: &Tag| named(name).with("tag", *tag);
        match self {
            Message::Hi { versions, nonce, features } => named("hi")
                .with("versions", list(versions))
                .with("nonce", *nonce)
                .with("features", list(features)),
            Message::Tags { tags } => named("tags").with("tags", list(tags)),
            Message::Open { tag, user, log, redeem } => {
                let mut map = tagged("open", tag).with("user", *user).with("log", *log);
                map.insert_some("redeem", redeem.clone());
                map
            }
            Message::Deny { tag, code, proof } => {
                let mut map = tagged("deny", tag).with("code", code.as_str());
                map.insert_some("proof", proof.clone());
                map
            }
            Message::LogWant { tag, user, from } => {
                tagged("log-want", tag).with("user", *user).with("from", *from)
            }
            Message::Log { tag, user, from, entries, more } => tagged("log", tag)
                .with("user", *user)
                .with("from", *from)
                .with("entries", list(entries))
                .with("more", *more),
            Message::Have { tag, logs, docs, whole } => tagged("have", tag)
                .with("logs", Value::List(logs.iter().map(|log| log.to_value()).collect()))
                .with("docs", Value::List(docs.iter().map(|doc| doc.to_value()).collect()))
                .with("whole", *whole),
            Message::Want { tag, catalog, from } => {
                tagged("want", tag).with("doc", catalog.to_value()).with("from", *from)
            }
            Message::Envelopes { tag, catalog, envelopes } => tagged("envelopes", tag)
                .with("doc", catalog.to_value())
                .with("envelopes", list(envelopes)),
            Message::Statements { tag, statements } => {
                tagged("statements", tag).with("statements", list(statements))
            }
            Message::Fork { tag, catalog, proof } => {
                tagged("fork", tag).with("doc", catalog.to_value()).with("proof", proof.clone())
            }
            Message::BoardHave { tag, board, epoch, lines, asks } => tagged("board-have", tag)
                .with("board", board.to_value())
                .with("epoch", *epoch)
                .with("lines", Value::List(lines.iter().map(|line| line.to_value()).collect()))
                .with("asks", *asks),
            Message::BoardEnvelopes { tag, board, envelopes, more } => {
                let envelopes = envelopes
                    .iter()
                    .map(|(user, bytes)| Value::List(vec![(*user).into(), bytes.clone().into()]));
                tagged("board-envelopes", tag)
                    .with("board", board.to_value())
                    .with("envelopes", Value::List(envelopes.collect()))
                    .with("more", *more)
            }
            Message::BoardFork { tag, board, user, proof } => tagged("board-fork", tag)
                .with("board", board.to_value())
                .with("user", *user)
                .with("proof", proof.clone()),
            Message::BoardEditing { tag, board, editing } => tagged("board-editing", tag)
                .with("board", board.to_value())
                .with("editing", *editing),
            Message::WantFrames { tag, frames } => {
                tagged("want-frames", tag).with("frames", list(frames))
            }
            Message::Frames { tag, frames, missing } => {
                tagged("frames", tag).with("frames", list(frames)).with("missing", list(missing))
            }
            Message::Peers { tag, peers } => tagged("peers", tag)
                .with("peers", Value::List(peers.iter().map(PeerAddresses::to_value).collect())),
            Message::Contexts { tag, contexts } => tagged("contexts", tag).with(
                "contexts",
                Value::List(contexts.iter().map(HandedContext::to_value).collect()),
            ),
            Message::Offer { tag, offers } => tagged("offer", tag)
                .with("offers", Value::List(offers.iter().map(Offer::to_value).collect())),
            Message::Bye { code } => named("bye").with("code", code.as_str()),
            Message::Unknown => named("unknown"),
        }
    }

    /// Decodes a message.
    ///
    /// # Errors
    /// [`MessageError`] for bytes that no version sends.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut f = Fields::new(cbor::decode_map(bytes, limits::MESSAGE_WIRE_BYTES)?);
        let kind = f.required("t", |v| v.into_text(32))?;
        let tag = |f: &mut Fields| f.required("tag", Value::into_array::<16>);
        let message = match kind.as_str() {
            "hi" => Message::Hi {
                versions: f.required("versions", |v| {
                    v.into_list_of(16, |v| {
                        v.into_u64().and_then(|v| u16::try_from(v).map_err(|e| e.to_string()))
                    })
                })?,
                nonce: f.required("nonce", Value::into_array)?,
                features: f.required("features", |v| v.into_list_of(64, |v| v.into_text(64)))?,
            },
            "tags" => Message::Tags {
                tags: f.required("tags", |v| {
                    v.into_list_of(limits::HELLO_TAGS_MAX, Value::into_array)
                })?,
            },
            "open" => Message::Open {
                tag: tag(&mut f)?,
                user: f.required("user", UserId::from_value)?,
                log: f.required("log", Value::into_array)?,
                redeem: f.optional("redeem", statement_bytes)?,
            },
            "deny" => Message::Deny {
                tag: tag(&mut f)?,
                code: DenyCode::from_word(&f.required("code", |v| v.into_text(32))?),
                proof: f.optional("proof", statement_bytes)?,
            },
            "log-want" => Message::LogWant {
                tag: tag(&mut f)?,
                user: f.required("user", UserId::from_value)?,
                from: f.required("from", Value::into_u64)?,
            },
            "log" => Message::Log {
                tag: tag(&mut f)?,
                user: f.required("user", UserId::from_value)?,
                from: f.required("from", Value::into_u64)?,
                entries: f.required("entries", |v| {
                    v.into_list_of(limits::IDENTITY_ENTRIES, statement_bytes)
                })?,
                more: f.required("more", Value::into_bool)?,
            },
            "have" => Message::Have {
                tag: tag(&mut f)?,
                logs: f.required("logs", |v| v.into_list_of(LIST, LogState::from_value))?,
                docs: f.required("docs", |v| v.into_list_of(LIST, CatalogState::from_value))?,
                whole: f.required("whole", Value::into_bool)?,
            },
            "want" => Message::Want {
                tag: tag(&mut f)?,
                catalog: f.required("doc", CatalogKey::from_value)?,
                from: f.required("from", Value::into_u64)?,
            },
            "envelopes" => Message::Envelopes {
                tag: tag(&mut f)?,
                catalog: f.required("doc", CatalogKey::from_value)?,
                envelopes: f.required("envelopes", |v| v.into_list_of(LIST, Value::into_bytes))?,
            },
            "statements" => Message::Statements {
                tag: tag(&mut f)?,
                statements: f.required("statements", |v| v.into_list_of(LIST, statement_bytes))?,
            },
            "fork" => Message::Fork {
                tag: tag(&mut f)?,
                catalog: f.required("doc", CatalogKey::from_value)?,
                proof: f.required("proof", Value::into_bytes)?,
            },
            "board-have" => Message::BoardHave {
                tag: tag(&mut f)?,
                board: f.required("board", BoardKey::from_value)?,
                epoch: f.required("epoch", read_u32)?,
                lines: f.required("lines", |v| {
                    v.into_list_of(limits::BOARD_LINES, BoardLine::from_value)
                })?,
                asks: f.required("asks", Value::into_bool)?,
            },
            "board-envelopes" => Message::BoardEnvelopes {
                tag: tag(&mut f)?,
                board: f.required("board", BoardKey::from_value)?,
                envelopes: f.required("envelopes", |v| v.into_list_of(LIST, of_user))?,
                more: f.required("more", Value::into_bool)?,
            },
            "board-fork" => Message::BoardFork {
                tag: tag(&mut f)?,
                board: f.required("board", BoardKey::from_value)?,
                user: f.required("user", UserId::from_value)?,
                proof: f.required("proof", Value::into_bytes)?,
            },
            "board-editing" => Message::BoardEditing {
                tag: tag(&mut f)?,
                board: f.required("board", BoardKey::from_value)?,
                editing: f.required("editing", Value::into_bool)?,
            },
            "want-frames" => Message::WantFrames {
                tag: tag(&mut f)?,
                frames: f.required("frames", |v| {
                    v.into_list_of(limits::FRAMES_PER_WANT, FrameId::from_value)
                })?,
            },
            "frames" => Message::Frames {
                tag: tag(&mut f)?,
                frames: f.required("frames", |v| {
                    v.into_list_of(limits::FRAMES_PER_WANT, Value::into_bytes)
                })?,
                missing: f.required("missing", |v| {
                    v.into_list_of(limits::FRAMES_PER_WANT, FrameId::from_value)
                })?,
            },
            "peers" => Message::Peers {
                tag: tag(&mut f)?,
                peers: f.required("peers", |v| {
                    v.into_list_of(limits::PEERS, PeerAddresses::from_value)
                })?,
            },
            "contexts" => Message::Contexts {
                tag: tag(&mut f)?,
                contexts: f.required("contexts", |v| {
                    v.into_list_of(limits::HANDED_CONTEXTS, HandedContext::from_value)
                })?,
            },
            "offer" => Message::Offer {
                tag: tag(&mut f)?,
                offers: f.required("offers", |v| {
                    v.into_list_of(limits::OFFERS_MESSAGE, Offer::from_value)
                })?,
            },
            "bye" => {
                Message::Bye { code: ByeCode::from_word(&f.required("code", |v| v.into_text(32))?) }
            }
            _ => Message::Unknown,
        };
        Ok(message)
    }
}

/// Most items of a list whose length only the size of the message bounds.
const LIST: usize = 8192;

fn list<T: Clone + Into<Value>>(items: &[T]) -> Value {
    Value::List(items.iter().cloned().map(Into::into).collect())
}

fn statement_bytes(value: Value) -> Result<Vec<u8>, String> {
    // The body, a key, a signature and the map around them.
    const LIMIT: usize = limits::STATEMENT_BYTES + 128;
    let bytes = value.into_bytes()?;
    if bytes.len() > LIMIT {
        return Err(format!("{} bytes exceed the limit of {LIMIT}", bytes.len()));
    }
    Ok(bytes)
}

impl CatalogKey {
    fn to_value(self) -> Value {
        Value::List(vec![self.user.into(), self.device.into(), self.inc.into()])
    }

    fn from_value(value: Value) -> Result<Self, String> {
        match <[Value; 3]>::try_from(value.into_list(3)?) {
            Ok([user, device, inc]) => Ok(CatalogKey {
                user: UserId::from_value(user)?,
                device: DeviceId::from_value(device)?,
                inc: Incarnation::from_value(inc)?,
            }),
            Err(list) => Err(format!("expected 3 items, got {}", list.len())),
        }
    }
}

/// Reads the envelope of somebody.
pub(crate) fn of_user(value: Value) -> Result<(UserId, Vec<u8>), String> {
    match <[Value; 2]>::try_from(value.into_list(2)?) {
        Ok([user, bytes]) => Ok((UserId::from_value(user)?, bytes.into_bytes()?)),
        Err(list) => Err(format!("expected 2 items, got {}", list.len())),
    }
}

impl BoardKey {
    pub(crate) fn to_value(self) -> Value {
        Value::List(vec![self.creator.into(), self.nonce.into()])
    }

    pub(crate) fn from_value(value: Value) -> Result<Self, String> {
        match <[Value; 2]>::try_from(value.into_list(2)?) {
            Ok([creator, nonce]) => {
                Ok(BoardKey { creator: UserId::from_value(creator)?, nonce: nonce.into_array()? })
            }
            Err(list) => Err(format!("expected 2 items, got {}", list.len())),
        }
    }
}

impl BoardLine {
    fn to_value(self) -> Value {
        Value::List(vec![self.key.to_value(), self.n.into(), self.tip.into()])
    }

    fn from_value(value: Value) -> Result<Self, String> {
        match <[Value; 3]>::try_from(value.into_list(3)?) {
            Ok([key, n, tip]) => Ok(BoardLine {
                key: CatalogKey::from_value(key)?,
                n: n.into_u64()?,
                tip: tip.into_array()?,
            }),
            Err(list) => Err(format!("expected 3 items, got {}", list.len())),
        }
    }
}

impl CatalogState {
    fn to_value(self) -> Value {
        Value::List(vec![self.key.to_value(), self.epoch.into(), self.n.into(), self.tip.into()])
    }

    fn from_value(value: Value) -> Result<Self, String> {
        match <[Value; 4]>::try_from(value.into_list(4)?) {
            Ok([key, epoch, n, tip]) => Ok(CatalogState {
                key: CatalogKey::from_value(key)?,
                epoch: u32::try_from(epoch.into_u64()?).map_err(|e| e.to_string())?,
                n: n.into_u64()?,
                tip: ChangeId::from_value(tip)?,
            }),
            Err(list) => Err(format!("expected 4 items, got {}", list.len())),
        }
    }
}

impl PeerAddresses {
    fn to_value(&self) -> Value {
        Value::List(vec![self.device.into(), list(&self.addresses)])
    }

    fn from_value(value: Value) -> Result<Self, String> {
        match <[Value; 2]>::try_from(value.into_list(2)?) {
            Ok([device, addresses]) => Ok(PeerAddresses {
                device: DeviceId::from_value(device)?,
                addresses: addresses.into_list_of(limits::PEER_ADDRESSES, |address| {
                    address.into_text(limits::ADDRESS_BYTES)
                })?,
            }),
            Err(list) => Err(format!("expected 2 items, got {}", list.len())),
        }
    }
}

impl LogState {
    fn to_value(self) -> Value {
        Value::List(vec![self.user.into(), self.digest.into()])
    }

    fn from_value(value: Value) -> Result<Self, String> {
        match <[Value; 2]>::try_from(value.into_list(2)?) {
            Ok([user, digest]) => {
                Ok(LogState { user: UserId::from_value(user)?, digest: digest.into_array()? })
            }
            Err(list) => Err(format!("expected 2 items, got {}", list.len())),
        }
    }
}

#[cfg(test)]
mod tests;
