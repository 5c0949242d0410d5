//! Tables that others wrote: their columns, pages of their rows, and what is in them.
//!
//! Every file is taken to be hostile: what it says of its lengths and offsets is checked before
//! anything of that size is allocated, and the rest is bounded by [`limits`]. A file that lies
//! is an error of the call, never a panic. Nothing here knows a runtime or HTTP; bytes come in
//! through [`Source`].
//!
//! Pages are read from Parquet. [`to_parquet`] turns the other formats into it, and
//! [`Table::to_csv`] turns it into CSV. What CSV cannot say stands in a [`Note`] beside it. What does
//! not fit into memory goes into files of a [`Scratch`].

mod arrow_out;
mod convert;
mod csv;
mod csv_out;
mod deltas;
mod error;
mod footer;
mod format;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod glance;
mod infer;
mod ipc;
mod jsonl;
pub mod limits;
mod note;
mod noted;
mod pages;
mod schema;
mod scratch;
mod select;
mod source;
mod stats;
mod table;
mod time;
mod utf8;
mod value;

pub use self::convert::to_parquet;
pub use self::error::TableError;
pub use self::format::Format;
pub use self::glance::glance;
pub use self::note::Note;
pub use self::schema::{Column, Kind};
pub use self::scratch::Scratch;
pub use self::select::{Condition, Order, Selection, Test};
pub use self::source::Source;
pub use self::stats::{ColumnStats, Stats};
pub use self::table::{Page, PageRequest, Table};
