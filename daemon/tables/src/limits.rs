//! How much of a table is read at a time: whatever a file says of itself, no more than this.

/// Most rows of one page.
pub const PAGE_ROWS: u64 = 1_000;
/// About how many bytes of JSON a page has; it has fewer rows where they would be more.
pub const PAGE_BYTES: usize = 4 << 20;
/// Longest text or bytes of a cell that are told whole, in bytes.
pub const CELL_BYTES: usize = 64 << 10;
/// The same once a page is full, as its first row is told however wide it is.
pub(crate) const CELL_BYTES_FULL: usize = 64;
/// Most items of a list in a cell that are told.
pub(crate) const CELL_ITEMS: usize = 1_000;
/// Most columns, those inside of nested ones counted.
pub const COLUMNS: usize = 4_096;
/// Longest names of the columns of JSON lines, all together, in bytes: they stand in a footer later.
pub const NAMES_BYTES: usize = 2 << 20;
/// How deep types nest.
pub(crate) const DEPTH: usize = 16;
/// Longest footer in bytes.
pub const FOOTER_BYTES: u64 = 8 << 20;
/// Most bytes that a footer takes once it is read.
pub const FOOTER_MEMORY_BYTES: u64 = 48 << 20;
/// How much of a text, and how long a footer, is looked at for the columns alone, in bytes.
pub const GLANCE_BYTES: u64 = 1 << 20;
/// Rows of a text that are looked at for the types of its columns alone.
pub const GLANCE_ROWS: usize = 1_000;
/// What the pages of all columns take from which a batch of rows is decoded, packed and unpacked, in
/// bytes, where a page of rows is read.
pub const ROWS_BYTES: u64 = 48 << 20;
/// The same where the whole table is gone through.
pub const WHOLE_BYTES: u64 = 64 << 20;
/// What a message of Arrow takes, packed and unpacked, and what all dictionaries take; of a batch that
/// takes more, some rows are decoded at a time, and a row takes half of it at most.
pub const ARROW_BYTES: u64 = 64 << 20;
/// Most values in one page of a column: one that repeats costs nothing in the file.
pub const UNPACKED_VALUES: u64 = 32 << 20;
/// Widest value of a column of fixed width, in bytes.
pub const FIXED_BYTES: i32 = 64 << 10;
/// Most rows that statistics look at.
pub const STATS_ROWS: u64 = 5_000_000;
/// Most cells that statistics look at.
pub const STATS_CELLS: u64 = 50_000_000;
/// Most rows of a table that is sorted, or looked through for those that fit.
pub const SELECT_ROWS: u64 = 4_000_000;
/// Most bytes of what rows are sorted by.
pub const SELECT_BYTES: u64 = 64 << 20;
/// Most columns to sort by and conditions of a request, together.
pub const SELECT_COLUMNS: u64 = 16;
/// Most values that a condition names.
pub const SELECT_VALUES: u64 = 1_000;
/// Bars of a histogram.
pub const BARS: usize = 20;
/// Most different texts that are counted in a column, and in all columns.
pub(crate) const DISTINCT: (usize, usize) = (10_000, 200_000);
/// The most frequent texts that are told.
pub(crate) const TOP: usize = 10;
/// Largest file of another format that is turned into Parquet, in bytes, also once it is unpacked.
pub const CONVERTED_BYTES: u64 = 4 << 30;
/// Largest CSV that is made of a table, in bytes: a small file may hold a row a billion times.
pub const CSV_BYTES: u64 = 4 << 30;
/// Largest note beside a CSV, in bytes: levels of factors, mostly.
pub const NOTE_BYTES: u64 = 16 << 20;
/// Most categories of a column that are told in a note, in number and in bytes; a column with more
/// is one of plain text there.
pub(crate) const LEVELS: (usize, usize) = (100_000, 2 << 20);
/// Most bytes of the categories of all columns, and of the dictionaries of one that are looked at.
pub(crate) const LEVELS_SUM: usize = 8 << 20;
/// Longest line of a text format, in bytes.
pub const LINE_BYTES: usize = 8 << 20;
/// The same of JSON, whose values take many times what they are written with.
pub const JSON_LINE_BYTES: usize = 2 << 20;
/// Rows that are turned into Parquet at a time, in number and in bytes.
pub(crate) const BATCH: (usize, usize) = (8_192, 8 << 20);
/// Rows of a row group of what is written, as the clients write.
pub(crate) const GROUP_ROWS: usize = 64 << 10;
/// Most bytes of texts that the conditions of a request look through: a small file may hold a text a
/// great many times.
pub const SELECT_LOOKED_BYTES: u64 = 2 << 30;
