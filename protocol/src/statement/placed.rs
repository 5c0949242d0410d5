//! The statements made in a context.

use std::collections::BTreeMap;
use std::fmt;

use super::entry::{read_hash, tagged_hash};
use super::fact::{ReadError, known, signed_by};
use super::{BuildError, Statement, StatementError, Verified};
use crate::cbor::{FieldError, Fields, Map, Value};
use crate::id::{
    ALGORITHM_BLAKE3, ALGORITHM_ED25519, ChangeId, ContextId, DeviceId, DocumentId, FrameId,
    Incarnation, PublicKey, StackId, StatementId, UserId,
};
use crate::key::SecretKey;
use crate::limits::{ABOUT_BYTES, NAME_BYTES, OVER, STACK_NAME_BYTES, STATEMENT_BYTES, TIPS};
use crate::name::{ContextName, StackName, TagName};

/// The kinds of statements in a context.
pub(super) const KINDS: &[&str] =
    &["about", "member", "interest", "ticket", "ticket-end", "cut", "head", "tag", "epoch"];
/// The keys that every statement in a context has, by which one of an unknown kind is known.
pub(super) const PLACE_KEYS: &[&str] = &["context", "device", "inc", "n", "time"];

/// Where a statement stands: which device said it in which context, and as which of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The context.
    pub context: ContextId,
    /// The device that signs.
    pub device: DeviceId,
    /// The incarnation of the device's database.
    pub inc: Incarnation,
    /// Rises by one at least with each statement of (context, device, incarnation); from 1.
    pub n: u64,
    /// Milliseconds since 1970 by the device's clock: for showing, never for deciding.
    pub time: i64,
}

/// A fact in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// Where it was said.
    pub place: Place,
    /// What was said.
    pub fact: PlacedFact,
}

/// What is stated in a context.
#[derive(Clone, Debug, PartialEq)]
pub enum PlacedFact {
    /// What the context is called and who may come in.
    About(About),
    /// What someone may do.
    Member(Member),
    /// The key by which members recognise each other.
    Interest(Interest),
    /// A ticket was made.
    Ticket(TicketFact),
    /// A ticket is void.
    TicketEnd {
        /// The ticket's public key.
        key: PublicKey,
    },
    /// What is kept of someone who was removed, or of a device that was revoked.
    Cut(Cut),
    /// A stack is now at a frame.
    Head(Head),
    /// A label on a frame.
    Tag(Tag),
    /// A board begins anew.
    Epoch(Epoch),
    /// A kind, value or feature that this version does not know.
    Unknown {
        /// The kind.
        kind: String,
    },
}

/// What a context is called and who may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its name: a label.
    pub name: ContextName,
    /// What it is for.
    pub text: String,
    /// Who may come in.
    pub access: Access,
    /// Whether nothing more is to be pushed.
    pub closed: bool,
    /// The about statements that this one replaces.
    pub over: Vec<StatementId>,
}

/// Adds the texts of an enum that stands in statements under a name.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "lowercase")]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Returns the name that stands in statements.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)*
                }
            }

            /// Returns the value of that name, if this version knows it.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some($name::$variant),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use named;

named!(
    /// Who may come into a context; the least comes first.
    Access {
        /// Members only.
        Private = "private",
        /// Members, and holders of a ticket.
        Ticket = "ticket",
        /// Everybody.
        Public = "public",
    }
);
named!(
    /// What a user may do in a context; the least comes first.
    Role {
        /// Nothing: was removed, or never came in.
        None = "none",
        /// May read.
        Reader = "reader",
        /// May read and push.
        Writer = "writer",
        /// May also say who may do what.
        Owner = "owner",
    }
);
named!(
    /// Why a head has no frame.
    Why {
        /// The stack went to another audience.
        Moved = "moved",
        /// The stack was removed.
        Removed = "removed",
    }
);

/// What someone may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// What.
    pub role: Role,
    /// The owners' numbers that were known when this was written, by device and incarnation.
    pub seen: BTreeMap<(DeviceId, Incarnation), u64>,
}

/// The key by which members recognise each other without telling anyone else.
#[derive(Clone, PartialEq, Eq)]
pub struct Interest {
    /// The generation; a new one begins when a member is removed.
    pub r#gen: u32,
    /// The key.
    pub key: [u8; 32],
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interest").field("gen", &self.r#gen).finish_non_exhaustive()
    }
}

/// What an owner says of a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketFact {
    /// The ticket's public key.
    pub key: PublicKey,
    /// What it makes its holder: a reader or a writer.
    pub role: Role,
    /// When it ends, in milliseconds since 1970; never without.
    pub until: Option<i64>,
    /// How many users it admits; any number without.
    pub uses: Option<u32>,
    /// The generation of the interest key it carries.
    pub r#gen: u32,
}

/// What is kept of someone who was removed, or of a device that was revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Of whom.
    pub subject: Subject,
    /// The last changes that are kept, with all before them; a document not named keeps nothing.
    pub docs: BTreeMap<DocumentId, Vec<ChangeId>>,
}

/// Whom a cut is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A user, with all devices.
    User(UserId),
    /// One device of the user who says it.
    Device(DeviceId),
}

/// A stack is now at a frame, or has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The stack.
    pub stack: StackId,
    /// What it is called now.
    pub name: StackName,
    /// The frame; `None` exactly where there is a `why`.
    pub frame: Option<FrameId>,
    /// One more than the largest generation of the frame's parents.
    pub r#gen: u64,
    /// The heads that this one replaces.
    pub over: Vec<StatementId>,
    /// Why there is no frame.
    pub why: Option<Why>,
}

/// A label on a frame of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The stack.
    pub stack: StackId,
    /// The label.
    pub tag: TagName,
    /// The frame; `None` takes the label away.
    pub frame: Option<FrameId>,
    /// The tag statements that this one replaces.
    pub over: Vec<StatementId>,
}

/// A board begins anew, from tips of the epoch before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// The board.
    pub doc: DocumentId,
    /// The number of the new epoch; from 1.
    pub epoch: u32,
    /// The last changes of the epoch before that the new one took in.
    pub base: Vec<ChangeId>,
    /// The hash of the first envelope of the new epoch.
    pub genesis: [u8; 32],
}

impl PlacedFact {
    /// Returns the kind of the statement.
    pub fn kind(&self) -> &str {
        match self {
            PlacedFact::About(_) => "about",
            PlacedFact::Member(_) => "member",
            PlacedFact::Interest(_) => "interest",
            PlacedFact::Ticket(_) => "ticket",
            PlacedFact::TicketEnd { .. } => "ticket-end",
            PlacedFact::Cut(_) => "cut",
            PlacedFact::Head(_) => "head",
            PlacedFact::Tag(_) => "tag",
            PlacedFact::Epoch(_) => "epoch",
            PlacedFact::Unknown { kind } => kind,
        }
    }

    /// Signs the fact in a place.
    ///
    /// # Errors
    /// [`BuildError`] for values outside the rules, for more than fits a statement, and for a key
    /// that is not the place's device.
    pub fn sign(&self, place: &Place, key: &SecretKey) -> Result<Verified, BuildError> {
        let mut fields = Map::new()
            .with("context", place.context)
            .with("device", place.device)
            .with("inc", place.inc)
            .with("n", place.n)
            .with("time", place.time);
        self.write(&mut fields);
        Statement::sign(self.kind(), fields, &[], key)
    }

    fn write(&self, fields: &mut Map) {
        match self {
            PlacedFact::About(about) => {
                fields.insert("name", about.name.as_str());
                fields.insert("text", about.text.as_str());
                fields.insert("access", about.access.as_str());
                fields.insert_some("closed", about.closed.then_some(true));
                fields.insert("over", list(&about.over));
            }
            PlacedFact::Member(member) => {
                let seen = member.seen.iter().map(|((device, inc), n)| {
                    Value::List(vec![(*device).into(), (*inc).into(), (*n).into()])
                });
                fields.insert("user", member.user);
                fields.insert("role", member.role.as_str());
                fields.insert("seen", seen.collect::<Vec<_>>());
            }
            PlacedFact::Interest(interest) => {
                fields.insert("gen", interest.r#gen);
                fields.insert("key", interest.key);
            }
            PlacedFact::Ticket(ticket) => {
                fields.insert("key", ticket.key);
                fields.insert("role", ticket.role.as_str());
                fields.insert_some("until", ticket.until);
                fields.insert_some("uses", ticket.uses);
                fields.insert("gen", ticket.r#gen);
            }
            PlacedFact::TicketEnd { key } => {
                fields.insert("key", *key);
            }
            PlacedFact::Cut(cut) => {
                let docs = cut
                    .docs
                    .iter()
                    .map(|(doc, tips)| Value::List(vec![(*doc).into(), list(tips).into()]));
                fields.insert("subject", cut.subject);
                fields.insert("docs", docs.collect::<Vec<_>>());
            }
            PlacedFact::Head(head) => {
                fields.insert("stack", head.stack);
                fields.insert("name", head.name.as_str());
                fields.insert("frame", head.frame.map_or(Value::Null, Value::from));
                fields.insert("gen", head.r#gen);
                fields.insert("over", list(&head.over));
                fields.insert_some("why", head.why.map(Why::as_str));
            }
            PlacedFact::Tag(tag) => {
                fields.insert("stack", tag.stack);
                fields.insert("tag", tag.tag.as_str());
                fields.insert("frame", tag.frame.map_or(Value::Null, Value::from));
                fields.insert("over", list(&tag.over));
            }
            PlacedFact::Epoch(epoch) => {
                fields.insert("doc", epoch.doc);
                fields.insert("epoch", epoch.epoch);
                fields.insert("base", list(&epoch.base));
                fields.insert("genesis", tagged_hash(&epoch.genesis));
            }
            PlacedFact::Unknown { .. } => {}
        }
    }
}

impl From<Subject> for Value {
    fn from(subject: Subject) -> Value {
        match subject {
            Subject::User(user) => user.into(),
            Subject::Device(device) => device.into(),
        }
    }
}

impl Subject {
    fn from_value(value: Value) -> Result<Self, String> {
        let bytes = value.into_bytes()?;
        match bytes.first() {
            Some(&ALGORITHM_BLAKE3) => UserId::from_tagged(&bytes).map(Subject::User),
            Some(&ALGORITHM_ED25519) => DeviceId::from_tagged(&bytes).map(Subject::Device),
            _ => Err("is neither a user nor a device".to_owned()),
        }
    }
}

fn list<T: Copy + Into<Value>>(items: &[T]) -> Vec<Value> {
    items.iter().map(|item| (*item).into()).collect()
}

/// Reads a statement in a context. With features missing, known kinds are read as unknown ones.
pub(super) fn read(
    kind: String,
    mut fields: Fields,
    signer: PublicKey,
    all_features: bool,
) -> Result<Placed, StatementError> {
    let place = Place {
        context: fields.required("context", ContextId::from_value)?,
        device: fields.required("device", DeviceId::from_value)?,
        inc: fields.required("inc", Incarnation::from_value)?,
        n: fields.required("n", read_number)?,
        time: fields.required("time", Value::into_i64)?,
    };
    signed_by(place.device.into(), signer)?;
    let fact = if all_features { known(read_fact(&kind, &mut fields))? } else { None };
    Ok(Placed { place, fact: fact.unwrap_or(PlacedFact::Unknown { kind }) })
}

fn read_fact(kind: &str, fields: &mut Fields) -> Result<PlacedFact, ReadError> {
    Ok(match kind {
        "about" => PlacedFact::About(read_about(fields)?),
        "member" => PlacedFact::Member(Member {
            user: fields.required("user", UserId::from_value)?,
            role: read_named(fields, "role", Role::from_name)?,
            seen: fields.required("seen", read_seen)?,
        }),
        "interest" => PlacedFact::Interest(Interest {
            r#gen: fields.required("gen", read_u32)?,
            key: fields.required("key", Value::into_array)?,
        }),
        "ticket" => PlacedFact::Ticket(read_ticket(fields)?),
        "ticket-end" => {
            PlacedFact::TicketEnd { key: fields.required("key", PublicKey::from_value)? }
        }
        "cut" => PlacedFact::Cut(Cut {
            subject: fields.required("subject", Subject::from_value)?,
            docs: fields.required("docs", read_docs)?,
        }),
        "head" => PlacedFact::Head(read_head(fields)?),
        "tag" => PlacedFact::Tag(Tag {
            stack: fields.required("stack", StackId::from_value)?,
            tag: fields.required("tag", |v| {
                v.into_text(NAME_BYTES)?.parse::<TagName>().map_err(|e| e.to_string())
            })?,
            frame: fields.required("frame", read_frame)?,
            over: fields.required("over", read_over)?,
        }),
        "epoch" => PlacedFact::Epoch(Epoch {
            doc: fields.required("doc", DocumentId::from_value)?,
            epoch: fields.required("epoch", read_u32)?,
            base: fields.required("base", |v| v.into_list_of(TIPS, ChangeId::from_value))?,
            genesis: fields.required("genesis", read_hash)?,
        }),
        _ => return Err(ReadError::NewerValue),
    })
}

fn read_about(fields: &mut Fields) -> Result<About, ReadError> {
    Ok(About {
        name: fields.required("name", |v| {
            v.into_text(NAME_BYTES)?.parse::<ContextName>().map_err(|e| e.to_string())
        })?,
        text: fields.required("text", |v| v.into_text(ABOUT_BYTES))?,
        access: read_named(fields, "access", Access::from_name)?,
        closed: fields
            .optional("closed", |v| match v.into_bool()? {
                true => Ok(true),
                false => Err("stands only where it is true".to_owned()),
            })?
            .unwrap_or(false),
        over: fields.required("over", read_over)?,
    })
}

fn read_ticket(fields: &mut Fields) -> Result<TicketFact, ReadError> {
    let ticket = TicketFact {
        key: fields.required("key", PublicKey::from_value)?,
        role: read_named(fields, "role", Role::from_name)?,
        until: fields.optional("until", Value::into_i64)?,
        uses: fields.optional("uses", read_u32)?,
        r#gen: fields.required("gen", read_u32)?,
    };
    check_ticket_role(ticket.role).map_err(|reason| FieldError::invalid("role", reason))?;
    Ok(ticket)
}

/// Checks that a ticket makes readers or writers: owners are made by name only.
pub(crate) fn check_ticket_role(role: Role) -> Result<(), &'static str> {
    match role {
        Role::Reader | Role::Writer => Ok(()),
        Role::None | Role::Owner => Err("a ticket makes readers or writers only"),
    }
}

fn read_head(fields: &mut Fields) -> Result<Head, ReadError> {
    let head = Head {
        stack: fields.required("stack", StackId::from_value)?,
        name: fields.required("name", |v| {
            v.into_text(STACK_NAME_BYTES)?.parse::<StackName>().map_err(|e| e.to_string())
        })?,
        frame: fields.required("frame", read_frame)?,
        r#gen: fields.required("gen", Value::into_u64)?,
        over: fields.required("over", read_over)?,
        why: match fields.has("why") {
            true => Some(read_named(fields, "why", Why::from_name)?),
            false => None,
        },
    };
    if head.frame.is_some() == head.why.is_some() {
        return Err(FieldError::invalid("why", "stands exactly where there is no frame").into());
    }
    Ok(head)
}

/// Reads a value out of a list of names.
fn read_named<T>(
    fields: &mut Fields,
    name: &'static str,
    known: impl FnOnce(&str) -> Option<T>,
) -> Result<T, ReadError> {
    let text = fields.required(name, |v| v.into_text(NAME_BYTES))?;
    known(&text).ok_or(ReadError::NewerValue)
}

fn read_number(value: Value) -> Result<u64, String> {
    match value.into_u64()? {
        0 => Err("numbers begin with 1".to_owned()),
        n => Ok(n),
    }
}

pub(crate) fn read_u32(value: Value) -> Result<u32, String> {
    let int = value.into_u64()?;
    u32::try_from(int).map_err(|_| format!("{int} is out of range"))
}

fn read_frame(value: Value) -> Result<Option<FrameId>, String> {
    match value {
        Value::Null => Ok(None),
        value => FrameId::from_value(value).map(Some),
    }
}

fn read_over(value: Value) -> Result<Vec<StatementId>, String> {
    value.into_list_of(OVER, StatementId::from_value)
}

/// Reads `[[device, inc, n], …]`, strictly ascending, so that there is one form for one meaning.
fn read_seen(value: Value) -> Result<BTreeMap<(DeviceId, Incarnation), u64>, String> {
    let items = value.into_list_of(STATEMENT_BYTES, |item| {
        let [device, inc, n] = <[Value; 3]>::try_from(item.into_list(3)?)
            .map_err(|_| "expected [device, inc, n]".to_owned())?;
        let key = (DeviceId::from_value(device)?, Incarnation::from_value(inc)?);
        Ok::<_, String>((key, read_number(n)?))
    })?;
    ascending(items)
}

/// Reads `[[doc, [tip, …]], …]`, strictly ascending.
fn read_docs(value: Value) -> Result<BTreeMap<DocumentId, Vec<ChangeId>>, String> {
    let items = value.into_list_of(STATEMENT_BYTES, |item| {
        let [doc, tips] = <[Value; 2]>::try_from(item.into_list(2)?)
            .map_err(|_| "expected [doc, tips]".to_owned())?;
        Ok::<_, String>((
            DocumentId::from_value(doc)?,
            tips.into_list_of(TIPS, ChangeId::from_value)?,
        ))
    })?;
    ascending(items)
}

fn ascending<K: Ord, V>(items: Vec<(K, V)>) -> Result<BTreeMap<K, V>, String> {
    if items.is_sorted_by(|a, b| a.0 < b.0) {
        Ok(items.into_iter().collect())
    } else {
        Err("not in ascending order".to_owned())
    }
}
