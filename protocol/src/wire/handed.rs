//! What one device of a user tells another of a context, so that both take part in it.
//!
//! It holds secrets: the interest keys by which members find each other. It is sent only to a
//! device that the user's own identity log grants, and that its grant lets into the context.

use crate::cbor::{FieldError, Fields, Map, Value};
use crate::context::Genesis;
use crate::id::DeviceId;
use crate::limits::{
    ADDRESS_BYTES, HANDED_INTERESTS, NAME_BYTES, STATEMENT_ENCODED_BYTES, TICKET_ADDRS,
};
use crate::statement::{Interest, Role, read_u32};

/// A context, as a device of a user hands it to another of hers.
#[derive(Clone, Debug, PartialEq)]
pub struct HandedContext {
    /// Its genesis.
    pub genesis: Genesis,
    /// Its interest keys, at most [`HANDED_INTERESTS`].
    pub interests: Vec<Interest>,
    /// How the user came in, if by a ticket.
    pub admission: Option<HandedAdmission>,
}

/// How the user came into a context by a ticket: the redemption admits her, with all her devices.
#[derive(Clone, Debug, PartialEq)]
pub struct HandedAdmission {
    /// The redemption, a signed statement.
    pub redeem: Vec<u8>,
    /// The role that the ticket gives.
    pub role: Role,
    /// The devices that the ticket names, each with an address; at most [`TICKET_ADDRS`].
    pub devices: Vec<(DeviceId, String)>,
}

impl HandedContext {
    pub(crate) fn to_value(&self) -> Value {
        let interest = |i: &Interest| Value::List(vec![i.generation.into(), i.key.into()]);
        let interests: Vec<Value> = self.interests.iter().map(interest).collect();
        let mut map = Map::new().with("genesis", self.genesis.to_map()).with("keys", interests);
        map.insert_some("by", self.admission.as_ref().map(HandedAdmission::to_map));
        Value::Map(map)
    }

    pub(crate) fn from_value(value: Value) -> Result<Self, String> {
        let mut f = Fields::new(value.into_map()?);
        Self::read(&mut f).map_err(|error| error.to_string())
    }

    fn read(f: &mut Fields) -> Result<Self, FieldError> {
        let genesis = f.required("genesis", Value::into_map)?;
        let genesis = Genesis::from_map(genesis);
        let genesis = genesis.map_err(|error| FieldError::invalid("genesis", error.to_string()))?;
        Ok(HandedContext {
            genesis,
            interests: f.required("keys", |v| v.into_list_of(HANDED_INTERESTS, read_interest))?,
            admission: f.optional("by", HandedAdmission::from_value)?,
        })
    }
}

impl HandedAdmission {
    fn to_map(&self) -> Map {
        let device = |(device, address): &(DeviceId, String)| {
            Value::List(vec![(*device).into(), address.as_str().into()])
        };
        let devices: Vec<Value> = self.devices.iter().map(device).collect();
        Map::new()
            .with("redeem", self.redeem.clone())
            .with("role", self.role.as_str())
            .with("devices", devices)
    }

    fn from_value(value: Value) -> Result<Self, String> {
        let mut f = Fields::new(value.into_map()?);
        let read = |f: &mut Fields| {
            Ok::<_, FieldError>(HandedAdmission {
                redeem: f.required("redeem", read_statement)?,
                role: f.required("role", |v| {
                    let name = v.into_text(NAME_BYTES)?;
                    Role::from_name(&name).ok_or(format!("`{name}` is not known"))
                })?,
                devices: f.required("devices", |v| v.into_list_of(TICKET_ADDRS, read_device))?,
            })
        };
        read(&mut f).map_err(|error| error.to_string())
    }
}

fn read_interest(value: Value) -> Result<Interest, String> {
    match <[Value; 2]>::try_from(value.into_list(2)?) {
        Ok([generation, key]) => {
            Ok(Interest { generation: read_u32(generation)?, key: key.into_array()? })
        }
        Err(list) => Err(format!("expected 2 items, got {}", list.len())),
    }
}

fn read_device(value: Value) -> Result<(DeviceId, String), String> {
    match <[Value; 2]>::try_from(value.into_list(2)?) {
        Ok([device, address]) => {
            Ok((DeviceId::from_value(device)?, address.into_text(ADDRESS_BYTES)?))
        }
        Err(list) => Err(format!("expected 2 items, got {}", list.len())),
    }
}

fn read_statement(value: Value) -> Result<Vec<u8>, String> {
    let bytes = value.into_bytes()?;
    match bytes.len() > STATEMENT_ENCODED_BYTES {
        true => Err(format!("{} bytes exceed the limit of {STATEMENT_ENCODED_BYTES}", bytes.len())),
        false => Ok(bytes),
    }
}
