//! Archives: a context written as one stream of bytes, and taken in again.

mod export;
mod import;
