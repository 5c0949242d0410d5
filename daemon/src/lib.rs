//! The daemon as a library; `main.rs` only composes and waits for shutdown.

pub mod net;
