//! Pairing: how another machine becomes a device of a user.
//!
//! The user takes a [`PairingTicket`] from the device that holds the root to the new one, which
//! dials it and asks on a stream of its own (`/dsp/pair/1`). The connection proves both device
//! keys. The new device commits to a nonce before it sees the other's, so neither side can choose
//! the [code](code()) that both then share; the user compares it, and only then is the grant
//! signed. What comes after it is the identity log and the contexts of the user.
//!
//! | who | message | holds |
//! |---|---|---|
//! | new | `ask` | which ticket, the commitment, the name of the device |
//! | granting | `nonce` | a nonce |
//! | new | `show` | the nonce committed to, and the proof that the ticket is known |
//! | granting | `log`, `contexts` | pages, each with whether more follow; after the user said yes |
//! | new | `taken` | everything is durable |
//! | granting | `refuse` | instead of any of hers: why not |

mod code;
mod message;
mod ticket;

pub use self::code::{code, commitment, proof};
pub use self::message::{PairMessage, Refusal};
pub use self::ticket::{PairingTicket, PairingTicketError};

#[cfg(test)]
mod tests;
