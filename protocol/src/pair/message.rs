//! Messages of a pairing stream: one canonical CBOR map each, behind a length.

use crate::cbor::{self, Fields, Map, Value};
use crate::limits;
use crate::wire::{HandedContext, MessageError};

/// A message of a pairing stream.
#[derive(Clone, Debug, PartialEq)]
pub enum PairMessage {
    /// The new device asks to be granted.
    Ask {
        /// What names the ticket without telling its secret.
        ticket: [u8; 16],
        /// The commitment to the nonce that is shown later.
        commit: [u8; 32],
        /// What the device calls itself.
        name: String,
    },
    /// The nonce of the granting device.
    Nonce {
        /// Random bytes.
        nonce: [u8; 32],
    },
    /// The new device shows its nonce.
    Show {
        /// The bytes that it committed to.
        nonce: [u8; 32],
        /// The proof that it knows the ticket.
        proof: [u8; 32],
    },
    /// A page of the user's identity log, the grant of the new device in it.
    Log {
        /// Signed statements, each after the one that it follows.
        entries: Vec<Vec<u8>>,
        /// Whether more follow.
        more: bool,
    },
    /// A page of the user's contexts.
    Contexts {
        /// The contexts.
        contexts: Vec<HandedContext>,
        /// Whether more follow.
        more: bool,
    },
    /// The new device has stored everything.
    Taken,
    /// The granting device says no.
    Refuse {
        /// Why.
        why: Refusal,
    },
}

/// Why a pairing comes to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such ticket holds: wrong, past its time and used look the same.
    Ticket,
    /// The user said no, or typed another code.
    Denied,
    /// The granting device could not do it.
    Failed,
}

impl Refusal {
    const ALL: [(Refusal, &'static str); 3] =
        [(Refusal::Ticket, "ticket"), (Refusal::Denied, "denied"), (Refusal::Failed, "failed")];

    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(why, _)| *why == self).map_or("failed", |(_, word)| word)
    }

    fn from_word(word: &str) -> Self {
        Self::ALL.iter().find(|(_, w)| *w == word).map_or(Refusal::Failed, |(why, _)| *why)
    }
}

impl PairMessage {
    /// Encodes the message.
    pub fn encode(&self) -> Vec<u8> {
        let named = |name: &str| Map::new().with("t", name);
        let map = match self {
            PairMessage::Ask { ticket, commit, name } => named("ask")
                .with("ticket", *ticket)
                .with("commit", *commit)
                .with("name", name.as_str()),
            PairMessage::Nonce { nonce } => named("nonce").with("nonce", *nonce),
            PairMessage::Show { nonce, proof } => {
                named("show").with("nonce", *nonce).with("proof", *proof)
            }
            PairMessage::Log { entries, more } => {
                let entries: Vec<Value> = entries.iter().map(|e| e.clone().into()).collect();
                named("log").with("entries", entries).with("more", *more)
            }
            PairMessage::Contexts { contexts, more } => {
                let contexts: Vec<Value> = contexts.iter().map(HandedContext::to_value).collect();
                named("contexts").with("contexts", contexts).with("more", *more)
            }
            PairMessage::Taken => named("taken"),
            PairMessage::Refuse { why } => named("refuse").with("why", why.as_str()),
        };
        cbor::encode(&Value::Map(map))
    }

    /// Decodes a message.
    ///
    /// # Errors
    /// [`MessageError`] for bytes that are none, of this version at least.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut f = Fields::new(cbor::decode_map(bytes, limits::MESSAGE_WIRE_BYTES)?);
        let kind = f.required("t", |v| v.into_text(32))?;
        Ok(match kind.as_str() {
            "ask" => PairMessage::Ask {
                ticket: f.required("ticket", Value::into_array)?,
                commit: f.required("commit", Value::into_array)?,
                name: f.required("name", |v| v.into_text(limits::NAME_BYTES))?,
            },
            "nonce" => PairMessage::Nonce { nonce: f.required("nonce", Value::into_array)? },
            "show" => PairMessage::Show {
                nonce: f.required("nonce", Value::into_array)?,
                proof: f.required("proof", Value::into_array)?,
            },
            "log" => PairMessage::Log {
                entries: f.required("entries", |v| {
                    v.into_list_of(limits::IDENTITY_ENTRIES, Value::into_bytes)
                })?,
                more: f.required("more", Value::into_bool)?,
            },
            "contexts" => PairMessage::Contexts {
                contexts: f.required("contexts", |v| {
                    v.into_list_of(limits::HANDED_CONTEXTS, HandedContext::from_value)
                })?,
                more: f.required("more", Value::into_bool)?,
            },
            "taken" => PairMessage::Taken,
            "refuse" => PairMessage::Refuse {
                why: Refusal::from_word(&f.required("why", |v| v.into_text(32))?),
            },
            _ => PairMessage::Refuse { why: Refusal::Failed },
        })
    }
}
