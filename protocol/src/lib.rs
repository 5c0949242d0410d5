//! The pure core of dsp: no clock, socket, file, runtime or randomness of its own.

pub mod cbor;
pub mod doc;
pub mod id;
pub mod key;
pub mod limits;
