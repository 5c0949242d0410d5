//! Files as others write them, honest and hostile.

mod arrow;
mod formats;
mod glance;
mod notes;
mod pages;
mod select;
mod wide;
