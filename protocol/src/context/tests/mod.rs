//! Tests of the view: every story is checked in several orders of arrival.

mod authority;
mod comments;
mod heads;
mod random;
mod tickets;
mod world;
