//! The pure core of dsp: no clock, socket, file, runtime or randomness of its own.

pub mod api;
pub mod archive;
pub mod cbor;
pub mod context;
pub mod doc;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod id;
pub mod identity;
pub mod key;
pub mod limits;
pub mod name;
pub mod object;
pub mod pair;
pub mod policy;
pub mod reference;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
pub mod statement;
pub mod sync;
pub mod ticket;
pub mod wire;
