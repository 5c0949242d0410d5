//! Contexts: what a named, shared collection of stacks is, and what its statements amount to.
//!
//! A [`Genesis`] is the beginning and gives the id; everything else are
//! [statements](crate::statement).

mod genesis;

pub use self::genesis::{ContextKind, Genesis, GenesisError};
