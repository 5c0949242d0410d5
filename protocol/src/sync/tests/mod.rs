//! The engine against peers that are played by hand, so that they may say anything.

mod admission;
mod authority;
mod bench;
mod forks;
