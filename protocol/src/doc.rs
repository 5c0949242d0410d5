//! Documents: what a device or a team writes, and what of it is taken.
//!
//! Bytes from a peer pass a signature and [`scan`](scan()) before automerge sees them.

mod change;
mod envelope;
mod fork;
mod scan;
#[cfg(test)]
mod testing;

pub use change::ChangeError;
pub use envelope::{Envelope, EnvelopeError};
pub use fork::{ForkError, ForkProof};
pub use scan::{Counts, ScanError, scan};
