//! Tickets: text that lets its holder follow a context.
//!
//! A ticket carries a one-off signing key, never a password. To use it, the holder signs a
//! [redemption](Redeem) that admits exactly her: any member can check it and nobody can reuse it.
//! What the ticket allows is what the owner [stated](crate::statement::TicketFact) about its public
//! key; the role and end in the text are for showing.
//!
//! The text is `dsp`, a digit for the version, and lower-case base32 without padding of canonical
//! CBOR and the first four bytes of its BLAKE3, so that a slip of the hand is told from a ticket
//! that ended. It is read in either case, as QR codes prefer capitals.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;

use crate::cbor::{self, FieldError, Fields, Map, Value};
use crate::context::{Genesis, GenesisError};
use crate::id::{ContextId, DeviceId, PublicKey, UserId};
use crate::key::SecretKey;
use crate::limits::{ADDRESS_BYTES, NAME_BYTES, TICKET_ADDRS, TICKET_BYTES};
use crate::statement::{Interest, Redeem, Role, Verified, check_ticket_role, read_u32};

/// The version that stands in the text and in the bytes.
const VERSION: u64 = 1;
/// What the text of a ticket begins with, before the version.
const PREFIX: &str = "dsp";
/// Bytes of the checksum.
const CHECKSUM_BYTES: usize = 4;

/// A ticket. Whoever holds it may come in: it is a secret.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// The beginning of the context, which gives its id.
    pub genesis: Genesis,
    /// The one-off key; shown as its public half, erased from memory when dropped.
    pub key: SecretKey,
    /// The key by which members recognise each other.
    pub interest: Interest,
    /// The owner who made the ticket.
    pub owner: UserId,
    /// Where members may be reached, at most 8.
    pub addrs: Vec<TicketAddr>,
    /// When it ends, in milliseconds since 1970; never without. For showing.
    pub until: Option<i64>,
    /// What it makes its holder: a reader or a writer. For showing.
    pub role: Role,
}

/// Where a member may be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketAddr {
    /// The device.
    pub device: DeviceId,
    /// A multiaddress as text, at most 256 bytes.
    pub address: String,
}

impl Ticket {
    /// Returns the context that the ticket opens.
    pub fn context(&self) -> ContextId {
        self.genesis.id()
    }

    /// Returns the public key by which the owner's statements name the ticket.
    pub fn public(&self) -> PublicKey {
        self.key.public()
    }

    /// Signs the redemption that admits `user` and nobody else. `nonce` is drawn by the caller.
    pub fn redeem(&self, user: UserId, nonce: [u8; 16]) -> Verified {
        let redeem = Redeem { context: self.context(), ticket: self.public(), user, nonce };
        redeem.sign(&self.key).expect("a redemption has fixed fields and the ticket's own key")
    }

    /// Checks the bounds that [parsing](FromStr) applies too.
    ///
    /// # Errors
    /// [`TicketError::Malformed`] names the field.
    pub fn check(&self) -> Result<(), TicketError> {
        self.genesis.check()?;
        check_ticket_role(self.role).map_err(|reason| FieldError::invalid("role", reason))?;
        if self.addrs.len() > TICKET_ADDRS {
            let reason = format!("{} items exceed the limit of {TICKET_ADDRS}", self.addrs.len());
            return Err(FieldError::invalid("addrs", reason).into());
        }
        match self.addrs.iter().map(|addr| addr.address.len()).find(|len| *len > ADDRESS_BYTES) {
            Some(len) => {
                let reason = format!("{len} bytes exceed the limit of {ADDRESS_BYTES}");
                Err(FieldError::invalid("addrs", reason).into())
            }
            None => Ok(()),
        }
    }

    fn to_map(&self) -> Map {
        let addrs = self
            .addrs
            .iter()
            .map(|addr| Value::List(vec![addr.device.into(), addr.address.as_str().into()]));
        let mut map = Map::new()
            .with("v", VERSION)
            .with("genesis", self.genesis.to_map())
            .with("seed", *self.key.to_seed())
            .with("gen", self.interest.generation)
            .with("interest", self.interest.key)
            .with("owner", self.owner)
            .with("addrs", addrs.collect::<Vec<_>>())
            .with("role", self.role.as_str());
        map.insert_some("until", self.until);
        map
    }

    fn from_map(map: Map) -> Result<Self, TicketError> {
        let mut fields = Fields::new(map);
        let version = fields.required("v", Value::into_u64)?;
        if version != VERSION {
            return Err(TicketError::Newer(version));
        }
        let ticket = Ticket {
            genesis: Genesis::from_map(fields.required("genesis", Value::into_map)?)?,
            key: fields.required("seed", |v| v.into_array().map(|s| SecretKey::from_seed(&s)))?,
            interest: Interest {
                generation: fields.required("gen", read_u32)?,
                key: fields.required("interest", Value::into_array)?,
            },
            owner: fields.required("owner", UserId::from_value)?,
            addrs: fields.required("addrs", |v| v.into_list_of(TICKET_ADDRS, read_addr))?,
            until: fields.optional("until", Value::into_i64)?,
            role: fields.required("role", |v| {
                let name = v.into_text(NAME_BYTES)?;
                Role::from_name(&name).ok_or(format!("`{name}` is not known"))
            })?,
        };
        ticket.check()?;
        Ok(ticket)
    }
}

fn read_addr(value: Value) -> Result<TicketAddr, String> {
    let [device, address] = <[Value; 2]>::try_from(value.into_list(2)?)
        .map_err(|_| "expected [device, address]".to_owned())?;
    let device = DeviceId::from_value(device)?;
    Ok(TicketAddr { device, address: address.into_text(ADDRESS_BYTES)? })
}

/// Writes the text that is handed out: whoever reads it may come in.
impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = cbor::encode(&Value::Map(self.to_map()));
        let sum = blake3::hash(&bytes);
        bytes.extend_from_slice(&sum.as_bytes()[..CHECKSUM_BYTES]);
        write!(f, "{PREFIX}{VERSION}{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
    }
}

impl FromStr for Ticket {
    type Err = TicketError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.len() > 2 * TICKET_BYTES {
            return Err(TicketError::NoTicket);
        }
        let text = text.to_ascii_uppercase();
        let rest = text.strip_prefix(&PREFIX.to_ascii_uppercase()).ok_or(TicketError::NoTicket)?;
        let mut chars = rest.chars();
        let version = chars.next().and_then(|c| c.to_digit(10)).ok_or(TicketError::NoTicket)?;
        match u64::from(version) {
            VERSION => {}
            0 => return Err(TicketError::NoTicket),
            newer => return Err(TicketError::Newer(newer)),
        }
        let bytes = BASE32_NOPAD.decode(chars.as_str().as_bytes());
        let bytes = bytes.map_err(|_| TicketError::Mistyped)?;
        let (bytes, sum) =
            bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(TicketError::Mistyped)?;
        if &blake3::hash(bytes).as_bytes()[..CHECKSUM_BYTES] != sum {
            return Err(TicketError::Mistyped);
        }
        let map = cbor::decode_map(bytes, TICKET_BYTES);
        Ticket::from_map(map.map_err(|e| TicketError::Malformed(e.to_string()))?)
    }
}

/// Why a text is no ticket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// It does not begin like one, or is much too long.
    #[error("not a ticket: tickets begin with `{PREFIX}{VERSION}`")]
    NoTicket,
    /// Letters are missing or wrong.
    #[error("ticket is cut short or mistyped")]
    Mistyped,
    /// It was made by a newer version of dsp.
    #[error("ticket is of version {0}, and this dsp knows version {VERSION}: update it")]
    Newer(u64),
    /// It is whole, but makes no sense.
    #[error("ticket is malformed: {0}")]
    Malformed(String),
}

impl From<FieldError> for TicketError {
    fn from(error: FieldError) -> Self {
        TicketError::Malformed(error.to_string())
    }
}

impl From<GenesisError> for TicketError {
    fn from(error: GenesisError) -> Self {
        TicketError::Malformed(error.to_string())
    }
}

#[cfg(test)]
mod tests;
