//! The daemon of dsp as a library: everything that touches disk, network and clock.
//!
//! `daemon` puts it together, `main.rs` waits for shutdown. `http` is the local API over `ops`,
//! which says what each call does. `node` performs what the sync engine of `dsp-protocol` decides;
//! `net`, `blobs` and `store` know nothing of each other.

pub mod blobs;
pub mod config;
pub mod daemon;
pub mod files;
pub mod home;
pub mod http;
pub mod joining;
pub mod keys;
pub mod log;
mod nearest;
pub mod net;
pub mod node;
pub mod ops;
pub mod store;
mod ui;
