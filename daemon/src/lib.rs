//! The daemon of dsp as a library: everything that touches disk, network and clock.
//!
//! `main.rs` composes it and waits for shutdown. `node` performs what the sync engine of
//! `dsp-protocol` decides; `net`, `blobs` and `store` know nothing of each other.

pub mod blobs;
pub mod config;
pub mod files;
pub mod home;
pub mod keys;
pub mod log;
pub mod net;
pub mod node;
pub mod store;
