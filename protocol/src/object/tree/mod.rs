//! Trees of files: built out of a sorted list, walked step by step.
//!
//! Neither side holds a tree in memory: [`TreeBuilder`] keeps the open folders and hands out
//! objects as they are done; [`TreeWalk`] and [`TreeLookup`] ask for one object at a time and
//! check what they are given.

mod build;
mod walk;

pub use self::build::{TreeBuildError, TreeBuilder, TreeObject};
pub use self::walk::{Found, Lookup, Step, TreeFile, TreeLookup, TreeReadError, TreeWalk};

#[cfg(test)]
mod tests;
