//! The daemon of dsp: all that touches files, sockets and clocks around the pure core.

pub mod config;
pub mod files;
pub mod home;
pub mod keys;
pub mod log;
pub mod store;
