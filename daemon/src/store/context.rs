//! The bytes of a context record.
//!
//! CBOR `{v: 1, genesis: bytes, interest: [{gen, key}], policy: text, standing: text, admission:
//! {redeem: bytes, role: text, devices: [{id, at}]}}`. `policy` is `all`, `heads` or `lazy`;
//! `standing` is `waiting` (never synced), `synced`, `left` or `removed`; `admission` is absent without a
//! ticket. `select` is `{only: [text], not: [text], max: int, last: int}`, each absent where it
//! says nothing; it is absent itself where the policy leaves nothing out, as in older records.

use dsp_protocol::api::{Policy, Selection};
use dsp_protocol::cbor::{self, CborError, FieldError, Fields, Map, Value};
use dsp_protocol::context::Genesis;
use dsp_protocol::id::DeviceId;
use dsp_protocol::limits::POLICY_GLOBS;
use dsp_protocol::policy::FollowPolicy;
use dsp_protocol::statement::{Interest, Role};
use dsp_protocol::sync::{ContextRecord, Standing, TicketUse};

const VERSION: u64 = 1;
/// Most bytes of a record: what is ours to write, with room.
const RECORD_BYTES: usize = 1 << 20;
/// Most items of its lists.
const ITEMS: usize = 4096;
/// Longest word or address in it.
const TEXT_BYTES: usize = 1024;

/// Why bytes are no context record.
#[derive(Debug, thiserror::Error)]
pub(super) enum ContextRecordError {
    #[error(transparent)]
    Cbor(#[from] CborError),
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error("version {0} instead of {VERSION}")]
    Version(u64),
}

pub(super) fn encode(record: &ContextRecord) -> Vec<u8> {
    let interest = |interest: &Interest| {
        Value::Map(Map::new().with("gen", interest.generation).with("key", interest.key))
    };
    let mut map = Map::new()
        .with("v", VERSION)
        .with("genesis", record.genesis.encode())
        .with("interest", record.interest.iter().map(interest).collect::<Vec<_>>())
        .with("policy", policy_word(record.policy.which()))
        .with("standing", standing_word(record.standing));
    map.insert_some("admission", record.admission.as_ref().map(admission_map));
    map.insert_some("select", record.policy.selection().as_ref().map(selection_map));
    cbor::encode(&Value::Map(map))
}

pub(super) fn decode(bytes: &[u8]) -> Result<ContextRecord, ContextRecordError> {
    let mut fields = Fields::new(cbor::decode_map(bytes, RECORD_BYTES)?);
    let version = fields.required("v", Value::into_u64)?;
    if version != VERSION {
        return Err(ContextRecordError::Version(version));
    }
    let which = fields.required("policy", |value| word(value, read_policy))?;
    let policy = fields.optional("select", |value| {
        FollowPolicy::new(which, &read_selection(value)?).map_err(|error| error.to_string())
    })?;
    Ok(ContextRecord {
        genesis: fields.required("genesis", |value| {
            Genesis::decode(&value.into_bytes()?).map_err(|error| error.to_string())
        })?,
        interest: fields.required("interest", |value| value.into_list_of(ITEMS, read_interest))?,
        policy: policy.unwrap_or_else(|| which.into()),
        standing: fields.required("standing", |value| word(value, read_standing))?,
        admission: fields.optional("admission", read_admission)?,
    })
}

fn admission_map(admission: &TicketUse) -> Map {
    let device = |(id, at): &(DeviceId, String)| {
        Value::Map(Map::new().with("id", *id).with("at", at.as_str()))
    };
    Map::new()
        .with("redeem", admission.redeem.as_slice())
        .with("role", admission.role.as_str())
        .with("devices", admission.devices.iter().map(device).collect::<Vec<_>>())
}

fn selection_map(selection: &Selection) -> Map {
    let texts = |texts: &[String]| {
        let texts = texts.iter().map(|text| Value::from(text.as_str()));
        Some(texts.collect::<Vec<_>>()).filter(|texts| !texts.is_empty())
    };
    let mut map = Map::new();
    map.insert_some("only", texts(&selection.only));
    map.insert_some("not", texts(&selection.not));
    map.insert_some("max", selection.max_size_bytes);
    map.insert_some("last", selection.last);
    map
}

fn read_selection(value: Value) -> Result<Selection, String> {
    let mut fields = Fields::new(value.into_map()?);
    let texts = |value: Value| value.into_list_of(POLICY_GLOBS, |text| text.into_text(TEXT_BYTES));
    let mut read = || -> Result<Selection, FieldError> {
        Ok(Selection {
            only: fields.optional("only", texts)?.unwrap_or_default(),
            not: fields.optional("not", texts)?.unwrap_or_default(),
            max_size_bytes: fields.optional("max", Value::into_u64)?,
            last: fields.optional("last", |value| {
                let number = value.into_u64()?;
                u32::try_from(number).map_err(|_| format!("{number} is out of range"))
            })?,
        })
    };
    read().map_err(|error| error.to_string())
}

fn read_admission(value: Value) -> Result<TicketUse, String> {
    let mut fields = Fields::new(value.into_map()?);
    let mut read = || -> Result<TicketUse, FieldError> {
        Ok(TicketUse {
            redeem: fields.required("redeem", Value::into_bytes)?,
            role: fields.required("role", |value| word(value, Role::from_name))?,
            devices: fields.required("devices", |v| v.into_list_of(ITEMS, read_device))?,
        })
    };
    read().map_err(|error| error.to_string())
}

fn read_device(value: Value) -> Result<(DeviceId, String), String> {
    let mut fields = Fields::new(value.into_map()?);
    let id = fields.required("id", DeviceId::from_value).map_err(|error| error.to_string())?;
    let at = fields.required("at", |value| value.into_text(TEXT_BYTES));
    Ok((id, at.map_err(|error| error.to_string())?))
}

fn read_interest(value: Value) -> Result<Interest, String> {
    let mut fields = Fields::new(value.into_map()?);
    let generation = fields.required("gen", |value| {
        let number = value.into_u64()?;
        u32::try_from(number).map_err(|_| format!("{number} is out of range"))
    });
    let generation = generation.map_err(|error| error.to_string())?;
    let key = fields.required("key", Value::into_array).map_err(|error| error.to_string())?;
    Ok(Interest { generation, key })
}

fn word<T>(value: Value, read: impl FnOnce(&str) -> Option<T>) -> Result<T, String> {
    let text = value.into_text(TEXT_BYTES)?;
    read(&text).ok_or_else(|| format!("`{text}` is not known"))
}

fn policy_word(policy: Policy) -> &'static str {
    match policy {
        Policy::All => "all",
        Policy::Heads => "heads",
        Policy::Lazy => "lazy",
    }
}

fn read_policy(text: &str) -> Option<Policy> {
    [Policy::All, Policy::Heads, Policy::Lazy].into_iter().find(|p| policy_word(*p) == text)
}

fn standing_word(standing: Standing) -> &'static str {
    match standing {
        Standing::Active { synced: false } => "waiting",
        Standing::Active { synced: true } => "synced",
        Standing::Left => "left",
        Standing::Removed => "removed",
        Standing::Archived => "archived",
    }
}

fn read_standing(text: &str) -> Option<Standing> {
    let all = [
        Standing::Active { synced: false },
        Standing::Active { synced: true },
        Standing::Left,
        Standing::Removed,
        Standing::Archived,
    ];
    all.into_iter().find(|standing| standing_word(*standing) == text)
}

#[cfg(test)]
mod tests {
    use dsp_protocol::context::ContextKind;
    use dsp_protocol::id::UserId;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_record_reads_back() {
        let genesis = Genesis {
            owners: vec![UserId::from_bytes([1; 32])],
            nonce: [2; 16],
            kind: ContextKind::Solo,
        };
        let interest = Interest { generation: u32::MAX, key: [3; 32] };
        let admission = TicketUse {
            redeem: vec![4; 100],
            role: Role::Reader,
            devices: vec![(DeviceId::from_bytes([5; 32]), "/ip4/1.2.3.4/tcp/5".to_owned())],
        };
        for standing in ["waiting", "synced", "left", "removed", "archived"] {
            for policy in ["all", "heads", "lazy"] {
                for admission in [None, Some(admission.clone())] {
                    let record = ContextRecord {
                        genesis: genesis.clone(),
                        interest: vec![interest.clone()],
                        policy: read_policy(policy).unwrap().into(),
                        standing: read_standing(standing).unwrap(),
                        admission,
                    };
                    assert_eq!(decode(&encode(&record)).unwrap(), record);
                }
            }
        }
        assert!(read_standing("gone").is_none() && read_policy("gone").is_none());
        let other = cbor::encode(&Value::Map(Map::new().with("v", 2u64)));
        assert!(matches!(decode(&other), Err(ContextRecordError::Version(2))));
    }

    #[test]
    fn a_policy_that_chooses_reads_back_and_a_wrong_one_does_not() {
        let selection = Selection {
            only: vec!["sales/*".to_owned(), "**".to_owned()],
            not: vec!["sales/raw".to_owned()],
            max_size_bytes: Some(u64::MAX >> 1),
            last: Some(3),
        };
        let policy = FollowPolicy::new(Policy::All, &selection).unwrap();
        let genesis = Genesis {
            owners: vec![UserId::from_bytes([1; 32])],
            nonce: [2; 16],
            kind: ContextKind::Solo,
        };
        let standing = Standing::Left;
        let record = ContextRecord { genesis, interest: vec![], policy, standing, admission: None };
        let bytes = encode(&record);
        assert_eq!(decode(&bytes).unwrap(), record);
        let at = bytes.windows(7).position(|part| part == b"sales/*").unwrap();
        let mut wrong = bytes.clone();
        wrong[at] = b' ';
        assert!(decode(&wrong).is_err());
    }

    proptest! {
        #[test]
        fn decoding_is_total(bytes in vec(any::<u8>(), 0..300)) {
            let _ = decode(&bytes);
        }
    }
}
