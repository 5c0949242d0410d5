//! The pure core of dsp: no clock, socket, file, runtime or randomness of its own.

pub mod api;
pub mod cbor;
pub mod id;
pub mod key;
pub mod limits;
pub mod name;
pub mod object;
pub mod reference;
