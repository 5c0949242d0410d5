//! Crashes of the real daemon: `kill -9`, losses of power, and disks that fail. Linux with root.
//!
//! A [`Disk`](mount::Disk) is a file system in memory (FUSE) that keeps what programs see apart
//! from what was synced, loses power after the n-th change, and lets calls fail. A round takes a
//! home on such a disk through some deeds, lets something befall it, starts the daemon again and
//! demands that
//!
//! - everything that was acknowledged is there, byte for byte: own pushes, and what came from a
//!   peer and was reported as here;
//! - what was not acknowledged is there whole or not at all;
//! - nothing had to be done by hand, and the next push works.
//!
//! The peer is stopped while that is looked at, so that it cannot make up for a loss. A round is
//! made of its seed: which files, which deeds, when it strikes, and what of the unsynced survives.
//! Only how the daemon's threads take turns is not, so a failure may need some tries to show again.

mod image;
pub mod mount;
mod power;

mod check;
mod deeds;
mod kills;
mod rounds;
mod stage;

pub use power::Fault;
pub use rounds::{Kind, Options, run};
