//! Offers: a context that its owner tells a member of, over a session of another context.

use crate::cbor::{FieldError, Fields, Map, Value};
use crate::context::Genesis;
use crate::limits;
use crate::name::ContextName;
use crate::statement::Interest;

/// A context that the sender made the receiver a member of.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// The context's genesis; its id follows from it.
    pub genesis: Genesis,
    /// The key by which its members recognise each other.
    pub interest: Interest,
    /// What the sender calls it: a label until the context's own statements are here.
    pub name: ContextName,
}

impl Offer {
    /// Returns the value in which it is sent and stored.
    pub fn to_value(&self) -> Value {
        let map = Map::new()
            .with("genesis", self.genesis.to_map())
            .with("gen", self.interest.generation)
            .with("interest", self.interest.key)
            .with("name", self.name.as_str());
        Value::Map(map)
    }

    /// Reads what [`to_value`](Self::to_value) gave.
    ///
    /// # Errors
    /// Says which field is missing or wrong.
    pub fn from_value(value: Value) -> Result<Self, String> {
        let mut fields = Fields::new(value.into_map()?);
        let mut read = || -> Result<Offer, FieldError> {
            Ok(Offer {
                genesis: fields.required("genesis", |value| {
                    Genesis::from_map(value.into_map()?).map_err(|error| error.to_string())
                })?,
                interest: Interest {
                    generation: fields.required("gen", crate::statement::read_u32)?,
                    key: fields.required("interest", Value::into_array)?,
                },
                name: fields.required("name", |value| {
                    let text = value.into_text(limits::NAME_BYTES)?;
                    text.parse::<ContextName>().map_err(|error| error.to_string())
                })?,
            })
        };
        read().map_err(|error| error.to_string())
    }
}
