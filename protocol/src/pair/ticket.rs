//! Pairing tickets: short-lived text that lets one machine ask to become a device.
//!
//! The text is `dsppair`, a digit for the version, and lower-case base32 without padding of
//! canonical CBOR and the first four bytes of its BLAKE3. Unlike a [ticket](crate::ticket) of a
//! context it admits nobody by itself: the user still compares a code.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;

use crate::cbor::{self, FieldError, Fields, Map, Value};
use crate::id::{DeviceId, UserId, derive};
use crate::limits::{ADDRESS_BYTES, PAIR_TICKET_BYTES, TICKET_ADDRS};

const VERSION: u64 = 1;
const PREFIX: &str = "dsppair";
const CHECKSUM_BYTES: usize = 4;

/// A pairing ticket: a secret, good once and for minutes.
#[derive(Clone)]
pub struct PairingTicket {
    /// The user whose device the holder asks to become.
    pub user: UserId,
    /// The device that grants.
    pub device: DeviceId,
    /// Where that device can be reached, as multiaddr text; at most 8.
    pub addrs: Vec<String>,
    /// When it ends, in milliseconds since 1970. For showing: the granting device decides.
    pub until: i64,
    secret: [u8; 32],
}

impl PairingTicket {
    /// Makes a ticket; `secret` is drawn by the caller. Addresses too long or too many are left
    /// out.
    pub fn new(
        user: UserId,
        device: DeviceId,
        addrs: Vec<String>,
        until: i64,
        secret: [u8; 32],
    ) -> Self {
        let fitting = addrs.into_iter().filter(|address| address.len() <= ADDRESS_BYTES);
        PairingTicket { user, device, addrs: fitting.take(TICKET_ADDRS).collect(), until, secret }
    }

    /// Returns what names the ticket without telling its secret.
    pub fn id(&self) -> [u8; 16] {
        let hash = derive("pair-ticket", vec![self.secret.into()]);
        *hash.first_chunk().expect("a hash has 32 bytes")
    }

    pub(super) fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    fn from_map(map: Map) -> Result<Self, PairingTicketError> {
        let mut f = Fields::new(map);
        let version = f.required("v", Value::into_u64)?;
        if version != VERSION {
            return Err(PairingTicketError::Newer(version));
        }
        Ok(PairingTicket {
            user: f.required("user", UserId::from_value)?,
            device: f.required("device", DeviceId::from_value)?,
            addrs: f.required("addrs", |v| {
                v.into_list_of(TICKET_ADDRS, |address| address.into_text(ADDRESS_BYTES))
            })?,
            until: f.required("until", Value::into_i64)?,
            secret: f.required("secret", Value::into_array)?,
        })
    }
}

/// Shows no secret.
impl fmt::Debug for PairingTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairingTicket")
            .field("user", &self.user)
            .field("device", &self.device)
            .field("addrs", &self.addrs)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// Writes the text that is taken to the other machine.
impl fmt::Display for PairingTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addrs: Vec<Value> = self.addrs.iter().map(|a| a.as_str().into()).collect();
        let map = Map::new()
            .with("v", VERSION)
            .with("user", self.user)
            .with("device", self.device)
            .with("addrs", addrs)
            .with("until", self.until)
            .with("secret", self.secret);
        let mut bytes = cbor::encode(&Value::Map(map));
        let sum = blake3::hash(&bytes);
        bytes.extend_from_slice(&sum.as_bytes()[..CHECKSUM_BYTES]);
        write!(f, "{PREFIX}{VERSION}{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
    }
}

impl FromStr for PairingTicket {
    type Err = PairingTicketError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.len() > 2 * PAIR_TICKET_BYTES {
            return Err(PairingTicketError::NoTicket);
        }
        let text = text.to_ascii_uppercase();
        let rest = text.strip_prefix(&PREFIX.to_ascii_uppercase());
        let mut chars = rest.ok_or(PairingTicketError::NoTicket)?.chars();
        let version = chars.next().and_then(|c| c.to_digit(10));
        match u64::from(version.ok_or(PairingTicketError::NoTicket)?) {
            VERSION => {}
            0 => return Err(PairingTicketError::NoTicket),
            newer => return Err(PairingTicketError::Newer(newer)),
        }
        let bytes = BASE32_NOPAD.decode(chars.as_str().as_bytes());
        let bytes = bytes.map_err(|_| PairingTicketError::Mistyped)?;
        let parts = bytes.split_last_chunk::<CHECKSUM_BYTES>();
        let (bytes, sum) = parts.ok_or(PairingTicketError::Mistyped)?;
        if &blake3::hash(bytes).as_bytes()[..CHECKSUM_BYTES] != sum {
            return Err(PairingTicketError::Mistyped);
        }
        let map = cbor::decode_map(bytes, PAIR_TICKET_BYTES);
        PairingTicket::from_map(map.map_err(|e| PairingTicketError::Malformed(e.to_string()))?)
    }
}

/// Why a text is no pairing ticket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PairingTicketError {
    /// It does not begin like one, or is much too long.
    #[error("not a pairing ticket: those begin with `{PREFIX}{VERSION}`")]
    NoTicket,
    /// Letters are missing or wrong.
    #[error("pairing ticket is cut short or mistyped")]
    Mistyped,
    /// It was made by a newer version of dsp.
    #[error("pairing ticket is of version {0}, and this dsp knows version {VERSION}: update it")]
    Newer(u64),
    /// It is whole, but makes no sense.
    #[error("pairing ticket is malformed: {0}")]
    Malformed(String),
}

impl From<FieldError> for PairingTicketError {
    fn from(error: FieldError) -> Self {
        PairingTicketError::Malformed(error.to_string())
    }
}
