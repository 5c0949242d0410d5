//! What fuzzers call: one function for each kind of table that somebody else may write.
//!
//! A function panics where the code is wrong, never because the input is. The libraries that read
//! Parquet and Arrow may panic at hostile bytes where that becomes an error of the call; a panic of
//! this crate's own code is a finding wherever it is caught. Besides, what was taken has to be the
//! same however it is read, and takes no more memory than it may. The targets of `fuzz` and the
//! tests that replay their seeds and past findings call the same functions; `docs/fuzzing.md` tells
//! how to run them.

mod arrow;
mod change;
mod checks;
mod panics;
mod parquet;
#[cfg(test)]
mod tests;
mod text;

use std::sync::OnceLock;

pub use self::change::Dice;

/// A kind of input, and what is done with it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of the fuzz target, its corpus and its crashers.
    pub name: &'static str,
    /// What the input is, in a few words.
    pub input: &'static str,
    /// Takes an input. Panics where something does not hold.
    pub run: fn(&[u8]),
    /// Changes an input such that more than its beginning is read.
    pub change: fn(&[u8], &mut Dice, &mut Any<'_>) -> Vec<u8>,
}

/// Changes any bytes.
pub type Any<'a> = dyn FnMut(&[u8]) -> Vec<u8> + 'a;

/// Every target, by name.
pub const TARGETS: &[Target] = &[
    Target {
        name: "arrow",
        input: "a file or a stream of Arrow",
        run: arrow::run,
        change: change::arrow,
    },
    Target {
        name: "parquet",
        input: "a file of Parquet",
        run: parquet::run,
        change: change::parquet,
    },
    Target {
        name: "text",
        input: "CSV, with a note too, TSV or JSON lines",
        run: text::run,
        change: change::text,
    },
];

/// Returns the target of a name.
///
/// # Panics
/// Where there is none.
pub fn target(name: &str) -> &'static Target {
    let target = TARGETS.iter().find(|target| target.name == name);
    target.unwrap_or_else(|| panic!("there is no fuzz target `{name}`"))
}

/// Calls the function of the target of a name.
///
/// # Panics
/// Where there is none, or something does not hold.
pub fn run(name: &str, input: &[u8]) {
    let target = target(name);
    if let Some(said) = panics::watch(|| (target.run)(input)) {
        panic!("{said}");
    }
}

/// Tells how much memory is taken, which only a program that counts it knows.
#[derive(Clone, Copy, Debug)]
pub struct Meter {
    /// Begins anew to look for the most, and returns what is taken now, in bytes.
    pub begin: fn() -> usize,
    /// Returns the most that was taken since, in bytes.
    pub most: fn() -> usize,
}

static METER: OnceLock<Meter> = OnceLock::new();

/// Has the memory of all that is tried from now on measured.
pub fn measure_by(meter: Meter) {
    let _ = METER.set(meter);
}

/// Runs what may take so many bytes.
fn within<T>(bytes: usize, read: impl FnOnce() -> T) -> T {
    let Some(meter) = METER.get() else { return read() };
    let before = (meter.begin)();
    let done = read();
    let taken = (meter.most)().saturating_sub(before);
    assert!(taken <= bytes, "{taken} bytes were taken where {bytes} may be");
    done
}
