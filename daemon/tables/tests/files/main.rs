//! Files as others write them, honest and hostile.

mod formats;
mod notes;
mod pages;
mod select;
