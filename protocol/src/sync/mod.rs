//! The sync engine: a state machine without clock, socket or file.
//!
//! # The loop
//! The shell calls [`Node::handle`] with an [`Input`] and the time, and performs every [`Output`]
//! in order. Work that takes long or touches the disk leaves as a task ([`Output::Store`],
//! [`Output::Judge`], [`Output::Fetch`], …) and comes back as [`Input::Done`] with its
//! [`TaskId`]. Nothing is announced, relayed or acknowledged before the store said that it is
//! durable. [`Output::WakeAt`] asks for [`Input::Wake`].
//!
//! # The path of a session
//! 1. Both say `Hi`. The initiator shows tags of its contexts among random ones, the responder
//!    answers with its own tags of those that match; a stranger learns nothing (`hello`).
//! 2. In each context that matched both say who they are (`Open`) and exchange identity logs.
//!    Who is a member, or holds a redemption that counts, is admitted (`admission`).
//! 3. An admitted peer is told what is here (`Have`) and asks for what it lacks: logs, catalogs,
//!    frames newest first (`asking`, `catalogs`, `frames`), then blobs by the follower's policy
//!    (`blobs`).
//! 4. What arrives is judged on a worker, held against what its author may do, stored, and only
//!    then shown and passed on to every other session that is admitted.
//!
//! Nothing here trusts a peer for more than its own bytes: whoever holds something verified may
//! pass it on.

mod admission;
mod archive;
mod asking;
mod authority;
mod backoff;
mod blobs;
mod blocks;
mod boards;
mod catalogs;
mod choose;
mod commands;
mod context;
mod defect;
mod dials;
mod event;
mod forks;
mod frames;
mod handover;
mod hello;
mod hop;
mod logs;
mod members;
mod node;
mod offers;
mod peers;
mod redemptions;
mod restore;
mod restored;
mod session;
#[cfg(test)]
mod tests;
mod withdrawing;
mod work;

pub use backoff::Backoff;
pub use boards::{BoardSlot, HeldChange};
pub use context::{Context, FrameMeta};
pub use defect::Defect;
pub use event::{
    ArchivePart, BlobKind, BlobWant, Command, CommandError, CommandId, ContextRecord, Event,
    Imported, Input, Keeping, Output, Provider, Record, Reply, SessionRole, Severity, Standing,
    StoredOffer, TaskId, TaskResult, TicketUse,
};
pub use hop::Hop;
pub use node::{Config, Node};
pub use restore::RestoreError;
