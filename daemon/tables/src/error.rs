//! Why a table cannot be read.

use std::io;

use thiserror::Error;

/// Why a table cannot be read, or not in the way that was asked for.
#[derive(Debug, Error)]
pub enum TableError {
    /// The bytes are not what the format says they have to be.
    #[error("the {format} file is damaged or lies about itself: {why}")]
    Malformed {
        /// The name of the format.
        format: &'static str,
        /// What does not fit.
        why: String,
    },
    /// A text file breaks off its form at a place.
    #[error("line {line}, column {column}: {why}")]
    Text {
        /// The line, from 1.
        line: u64,
        /// The column in bytes, from 1.
        column: u64,
        /// What is wrong there.
        why: String,
    },
    /// Something is larger than it may be.
    #[error("{what} is {size}; at most {limit} is read")]
    TooLarge {
        /// What is too large.
        what: String,
        /// How large it is.
        size: u64,
        /// How large it may be.
        limit: u64,
    },
    /// The file is a table, but of a kind that is not read.
    #[error("{0}")]
    Unsupported(String),
    /// The table has no such column.
    #[error("there is no column `{name}`")]
    NoColumn {
        /// The name that was asked for.
        name: String,
    },
    /// A condition names a value that no value of the column can be.
    #[error("{value} is no value of column `{name}`, which is {type_name}")]
    NoValue {
        /// The value that was named.
        value: String,
        /// The name of the column.
        name: String,
        /// The type of the column.
        type_name: String,
    },
    /// The page begins behind the end.
    #[error("row {offset} is behind the end: the table has {rows} rows")]
    NoRow {
        /// The first row that was asked for.
        offset: u64,
        /// How many there are.
        rows: u64,
    },
    /// The bytes could not be read, or those of a result not be written.
    #[error("the bytes of the table cannot be read or written")]
    Io(#[from] io::Error),
}

impl TableError {
    pub(crate) fn parquet(why: impl std::fmt::Display) -> TableError {
        TableError::Malformed { format: "Parquet", why: why.to_string() }
    }

    pub(crate) fn arrow(why: impl std::fmt::Display) -> TableError {
        TableError::Malformed { format: "Arrow", why: why.to_string() }
    }
}
