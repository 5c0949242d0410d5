//! Stories over real daemons: what they are told with.
//!
//! A [`Cluster`] is a temporary folder with the homes of some [`Node`]s. A node is the real `dspd`
//! on a home of its own, driven over its Unix socket with the types of the HTTP API, and through
//! the real `dsp`. An [`Outsider`](outsider::Outsider) is a node made of the daemon's library that
//! says what no honest program says. Nothing here sleeps: whoever waits does so with
//! [`Node::eventually`], on the daemon's own events and with a deadline.
//!
//! Every daemon is killed when its node is dropped.

pub mod api;
pub mod cluster;
#[cfg(target_os = "linux")]
pub mod crash;
pub mod data;
pub mod disk;
#[cfg(target_os = "linux")]
pub mod netns;
pub mod node;
pub mod outsider;
pub mod programs;
pub mod transcript;

pub use api::{Api, CallError, Events};
pub use cluster::Cluster;
pub use node::Node;
