//! How many tests passed, failed and were skipped, and what those that failed said.

use std::fmt;
use std::ops::AddAssign;

/// Lines of what a failed test said that are told again below the sum.
const MOST_LINES: usize = 12;
/// Characters of such a line.
const MOST_CHARS: usize = 240;

/// Tests by outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: Vec<Failure>,
    pub(crate) skipped: usize,
}

/// A test that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Its name; empty where nobody knows.
    pub(crate) name: String,
    /// What it said.
    pub(crate) told: String,
}

impl Tally {
    /// Returns the count of one test, and what it says where it failed.
    pub(crate) fn of_one(name: &str, held: Result<(), impl fmt::Display>) -> Self {
        match held {
            Ok(()) => Tally { passed: 1, ..Tally::default() },
            Err(why) => {
                let mut tally = Tally::default();
                tally.fail(name, why);
                tally
            }
        }
    }

    /// Counts one more that failed.
    pub(crate) fn fail(&mut self, name: &str, why: impl fmt::Display) {
        self.failed.push(Failure { name: name.to_owned(), told: why.to_string() });
    }

    /// Returns the names of what failed, in one line.
    pub(crate) fn names(&self) -> String {
        let names: Vec<_> = self.failed.iter().map(|failure| failure.name.as_str()).collect();
        names.join(", ")
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed.extend(other.failed);
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.failed.len();
        write!(f, "{} passed, {failed} failed, {} skipped", self.passed, self.skipped)
    }
}

impl fmt::Display for Failure {
    /// The name, and the first of what it said: the whole stands further up.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed: {}", self.name)?;
        let told = self.told.lines().filter(|line| !line.trim().is_empty());
        for line in told.take(MOST_LINES) {
            let end = line.char_indices().nth(MOST_CHARS).map_or(line.len(), |(end, _)| end);
            write!(f, "\n    {}", &line[..end])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_again_in_short() {
        let told = format!("{}\n\n{}", "ä".repeat(300), "line\n".repeat(30));
        let short = Failure { name: "sync::loses".to_owned(), told }.to_string();
        assert!(short.starts_with("failed: sync::loses\n    ä"));
        assert_eq!(short.lines().count(), 1 + MOST_LINES);
        assert!(short.lines().all(|line| line.chars().count() <= 4 + MOST_CHARS));
    }

    #[test]
    fn names_of_what_failed_stand_in_one_line() {
        let mut tally = Tally::of_one("good", Ok::<_, &str>(()));
        tally += Tally::of_one("bad", Err("why"));
        tally += Tally::of_one("worse", Err("why"));
        assert_eq!((tally.passed, tally.names().as_str()), (1, "bad, worse"));
    }
}
