//! The bytes of statements made in a context.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    About, Access, Comment, CommentOn, Cut, Dashboard, Epoch, Head, Interest, Member, Place,
    Placed, PlacedFact, Role, Subject, Tag, TicketFact, Why, Withdraw, check_ticket_role,
};
use crate::cbor::{FieldError, Fields, Map, Value};
use crate::id::{
    ALGORITHM_BLAKE3, ALGORITHM_ED25519, BlobHash, ChangeId, ContextId, DeviceId, DocumentId,
    FrameId, Incarnation, PublicKey, StackId, StatementId, UserId,
};
use crate::limits::{
    ABOUT_BYTES, CARD_ID_BYTES, COMMENT_BYTES, EPOCH_PARTS, FRAME_PARENTS, NAME_BYTES, OVER,
    STACK_NAME_BYTES, STATEMENT_BYTES, TIPS,
};
use crate::name::{ContextName, StackName, TagName};
use crate::statement::StatementError;
use crate::statement::entry::{read_hash, tagged_hash};
use crate::statement::fact::{ReadError, known, signed_by};

/// Writes the fields of a fact, besides those of its place.
pub(super) fn write(fact: &PlacedFact, fields: &mut Map) {
    match fact {
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
            fields.insert("gen", interest.generation);
            fields.insert("key", interest.key);
        }
        PlacedFact::Ticket(ticket) => {
            fields.insert("key", ticket.key);
            fields.insert("role", ticket.role.as_str());
            fields.insert_some("until", ticket.until);
            fields.insert_some("uses", ticket.uses);
            fields.insert("gen", ticket.generation);
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
            fields.insert("gen", head.generation);
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
            fields.insert_some("parts", (epoch.parts > 1).then_some(epoch.parts));
        }
        PlacedFact::Withdraw(withdraw) => {
            let frames = withdraw
                .frames
                .iter()
                .map(|(frame, parents)| Value::List(vec![(*frame).into(), list(parents).into()]));
            let blobs: Vec<Value> = withdraw.blobs.iter().map(|blob| (*blob).into()).collect();
            fields.insert("frames", frames.collect::<Vec<_>>());
            fields.insert("blobs", blobs);
        }
        PlacedFact::Dashboard(dashboard) => {
            fields.insert("nonce", dashboard.nonce);
            fields.insert_some("removed", dashboard.removed.then_some(true));
            fields.insert("over", list(&dashboard.over));
        }
        PlacedFact::Comment(comment) => {
            fields.insert("id", comment.id);
            fields.insert("on", comment.on.to_value());
            fields.insert_some("text", comment.text.as_deref());
            fields.insert("over", list(&comment.over));
        }
        PlacedFact::Unknown { .. } => {}
    }
}

impl CommentOn {
    fn to_value(&self) -> Value {
        Value::List(match self {
            CommentOn::Stack { user, stack } => {
                vec!["stack".into(), (*user).into(), (*stack).into()]
            }
            CommentOn::Frame { user, stack, frame } => {
                vec!["frame".into(), (*user).into(), (*stack).into(), (*frame).into()]
            }
            CommentOn::Card { creator, nonce, card } => {
                vec!["card".into(), (*creator).into(), (*nonce).into(), card.as_str().into()]
            }
        })
    }

    /// Reads what a comment is about; nothing where a later version knows what it is.
    fn from_value(value: Value) -> Result<Option<Self>, String> {
        let mut parts = value.into_list(8)?.into_iter();
        let mut next = || parts.next().ok_or_else(|| "too few parts".to_owned());
        let on = match next()?.into_text(NAME_BYTES)?.as_str() {
            "stack" => CommentOn::Stack {
                user: UserId::from_value(next()?)?,
                stack: StackId::from_value(next()?)?,
            },
            "frame" => CommentOn::Frame {
                user: UserId::from_value(next()?)?,
                stack: StackId::from_value(next()?)?,
                frame: FrameId::from_value(next()?)?,
            },
            "card" => CommentOn::Card {
                creator: UserId::from_value(next()?)?,
                nonce: next()?.into_array()?,
                card: next()?.into_text(CARD_ID_BYTES)?,
            },
            _ => return Ok(None),
        };
        match parts.next() {
            None => Ok(Some(on)),
            Some(_) => Err("too many parts".to_owned()),
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
pub(in crate::statement) fn read(
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
            generation: fields.required("gen", read_u32)?,
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
            parts: fields.optional("parts", read_parts)?.unwrap_or(1),
        }),
        "withdraw" => PlacedFact::Withdraw(Withdraw {
            frames: fields.required("frames", read_withdrawn)?,
            blobs: fields.required("blobs", read_blobs)?,
        }),
        "dashboard" => PlacedFact::Dashboard(Dashboard {
            nonce: fields.required("nonce", Value::into_array)?,
            removed: read_flag(fields, "removed")?,
            over: fields.required("over", read_over)?,
        }),
        // Of another form than this version's: kept, and not read.
        "comment" if !fields.has("id") => return Err(ReadError::NewerValue),
        "comment" => PlacedFact::Comment(Comment {
            id: fields.required("id", Value::into_array)?,
            on: fields.required("on", CommentOn::from_value)?.ok_or(ReadError::NewerValue)?,
            text: fields.optional("text", |v| v.into_text(COMMENT_BYTES))?,
            over: fields.required("over", read_over)?,
        }),
        _ => return Err(ReadError::NewerValue),
    })
}

/// Reads what stands only where it is true.
fn read_flag(fields: &mut Fields, name: &'static str) -> Result<bool, ReadError> {
    let flag = fields.optional(name, |v| match v.into_bool()? {
        true => Ok(true),
        false => Err("stands only where it is true".to_owned()),
    })?;
    Ok(flag.unwrap_or(false))
}

fn read_about(fields: &mut Fields) -> Result<About, ReadError> {
    Ok(About {
        name: fields.required("name", |v| {
            v.into_text(NAME_BYTES)?.parse::<ContextName>().map_err(|e| e.to_string())
        })?,
        text: fields.required("text", |v| v.into_text(ABOUT_BYTES))?,
        access: read_named(fields, "access", Access::from_name)?,
        closed: read_flag(fields, "closed")?,
        over: fields.required("over", read_over)?,
    })
}

fn read_ticket(fields: &mut Fields) -> Result<TicketFact, ReadError> {
    let ticket = TicketFact {
        key: fields.required("key", PublicKey::from_value)?,
        role: read_named(fields, "role", Role::from_name)?,
        until: fields.optional("until", Value::into_i64)?,
        uses: fields.optional("uses", read_u32)?,
        generation: fields.required("gen", read_u32)?,
    };
    check_ticket_role(ticket.role).map_err(|reason| FieldError::invalid("role", reason))?;
    Ok(ticket)
}

fn read_head(fields: &mut Fields) -> Result<Head, ReadError> {
    let head = Head {
        stack: fields.required("stack", StackId::from_value)?,
        name: fields.required("name", |v| {
            v.into_text(STACK_NAME_BYTES)?.parse::<StackName>().map_err(|e| e.to_string())
        })?,
        frame: fields.required("frame", read_frame)?,
        generation: fields.required("gen", Value::into_u64)?,
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

fn read_parts(value: Value) -> Result<u32, String> {
    let parts = read_u32(value)?;
    match parts {
        2..=EPOCH_PARTS => Ok(parts),
        _ => Err(format!("an epoch of {parts} parts")),
    }
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

/// Reads `[blob, …]`, strictly ascending.
fn read_blobs(value: Value) -> Result<BTreeSet<BlobHash>, String> {
    let blobs = value.into_list_of(STATEMENT_BYTES, BlobHash::from_value)?;
    let blobs = ascending(blobs.into_iter().map(|blob| (blob, ())).collect())?;
    Ok(blobs.into_keys().collect())
}

/// Reads `[[frame, [parent, …]], …]`, strictly ascending.
fn read_withdrawn(value: Value) -> Result<BTreeMap<FrameId, Vec<FrameId>>, String> {
    let items = value.into_list_of(STATEMENT_BYTES, |item| {
        let [frame, parents] = <[Value; 2]>::try_from(item.into_list(2)?)
            .map_err(|_| "expected [frame, parents]".to_owned())?;
        Ok::<_, String>((
            FrameId::from_value(frame)?,
            parents.into_list_of(FRAME_PARENTS, FrameId::from_value)?,
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
