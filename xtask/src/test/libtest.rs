//! Reads what `cargo test -- --show-output` prints, line by line.
//!
//! Each test binary ends with `test result: ok. 5 passed; 0 failed; 1 ignored; ...`. Before it
//! stands what passing tests printed, which is dropped but for the reason of a skip: a test that
//! cannot run here prints a line `SKIPPED: why` and returns, and counts as skipped. What failing
//! tests printed is kept, for it is told again at the end of everything.

use super::tally::{Failure, Tally};

/// Where in the output of a test binary we are.
#[derive(Debug, Default, PartialEq, Eq)]
enum Section {
    /// Among the outcomes, failures and the result.
    #[default]
    Shown,
    /// Among what passing tests printed.
    Successes {
        /// Whether the test at hand was counted as skipped already.
        skipped: bool,
    },
    /// Among what a failing test printed.
    Failure(String),
}

/// The outcome of all test binaries so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    section: Section,
    /// Tests of the binary at hand that said why they skipped; its result counts them as passed.
    skips: usize,
    /// Those of the binary at hand that failed.
    failed: Vec<Failure>,
    tally: Tally,
}

impl Report {
    /// Takes the next line and tells whether it is worth showing.
    pub(crate) fn read(&mut self, line: &str) -> bool {
        if line == "successes:" {
            self.section = Section::Successes { skipped: false };
        } else if line == "failures:" || line.starts_with("test result: ") {
            self.section = Section::Shown;
        }
        if let Some(result) = result(line) {
            self.close(&result);
        }
        match &mut self.section {
            Section::Successes { skipped } => {
                if line.starts_with("---- ") {
                    *skipped = false;
                }
                let says_why = line.trim_start().starts_with("SKIPPED: ");
                if says_why && !*skipped {
                    *skipped = true;
                    self.skips += 1;
                }
                return says_why;
            }
            Section::Failure(name) => {
                let failed = self.failed.iter_mut().find(|failed| failed.name == *name);
                if let Some(failed) = failed.filter(|_| heading(line).is_none()) {
                    failed.told.push_str(line);
                    failed.told.push('\n');
                }
            }
            Section::Shown => {
                let failed = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... "));
                if let Some((name, _)) = failed.filter(|(_, outcome)| *outcome == "FAILED") {
                    self.failed.push(Failure { name: name.to_owned(), told: String::new() });
                }
            }
        }
        if let Some(name) = heading(line) {
            self.section = Section::Failure(name.to_owned());
        }
        true
    }

    /// Adds up the binary that ends here.
    fn close(&mut self, result: &Counts) {
        let skips = std::mem::take(&mut self.skips);
        let mut failed = std::mem::take(&mut self.failed);
        // The result knows best how many there were.
        let named = failed.len().min(result.failed);
        failed.truncate(named);
        failed.resize_with(result.failed, Failure::default);
        let passed = result.passed.saturating_sub(skips);
        self.tally += Tally { passed, failed, skipped: result.ignored + skips };
    }

    /// Returns the sum, given whether cargo was content.
    ///
    /// A build that fails, or a binary that dies, prints no result: that is one failure.
    pub(crate) fn finish(mut self, success: bool) -> Tally {
        if !success && self.tally.failed.is_empty() {
            self.tally.fail("a program of tests", "it was not built, or died");
        }
        self.tally
    }
}

/// What a result line counts.
struct Counts {
    passed: usize,
    failed: usize,
    ignored: usize,
}

/// Reads the name of the test whose output follows.
fn heading(line: &str) -> Option<&str> {
    line.strip_prefix("---- ")?.strip_suffix(" stdout ----")
}

/// Reads a result line.
fn result(line: &str) -> Option<Counts> {
    let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let count = |outcome: &str| {
        let part = counts.split("; ").find_map(|part| part.strip_suffix(outcome))?;
        part.trim().parse().ok()
    };
    Some(Counts { passed: count("passed")?, failed: count("failed")?, ignored: count("ignored")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the lines that are shown and the sum.
    fn read(text: &str, success: bool) -> (Vec<&str>, Tally) {
        let mut report = Report::default();
        let shown = text.lines().filter(|line| report.read(line)).collect();
        (shown, report.finish(success))
    }

    #[test]
    fn results_add_up_and_ignored_tests_are_skipped() {
        let text = "running 3 tests\ntest a ... ok\n\
            test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s\n\
            test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 7 filtered out; finished in 1s\n";
        let (shown, tally) = read(text, false);
        assert_eq!(shown.len(), 4);
        assert_eq!(tally.to_string(), "6 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn a_test_that_says_skipped_is_skipped_once_and_shown() {
        let text = "test nat ... ok\n\nsuccesses:\n\n---- nat stdout ----\nnoise\nSKIPPED: no root\n\
            SKIPPED: no root\n\n---- talk stdout ----\nhello\n\nsuccesses:\n    nat\n    talk\n\n\
            test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
        let (shown, tally) = read(text, true);
        assert_eq!(tally, Tally { passed: 1, skipped: 1, ..Tally::default() });
        assert!(shown.contains(&"SKIPPED: no root"));
        assert!(!shown.contains(&"noise") && !shown.contains(&"hello"));
    }

    #[test]
    fn failures_are_shown_whole_and_kept_by_their_names() {
        let text = "test a ... ok\ntest b ... FAILED\ntest c ... FAILED\n\nsuccesses:\n    a\n\n\
            failures:\n\n---- b stdout ----\nwhy it failed\n\n---- c stdout ----\nanother reason\n\n\
            failures:\n    b\n    c\n\n\
            test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        let (shown, tally) = read(text, false);
        assert!(shown.contains(&"why it failed"));
        let failed: Vec<_> =
            tally.failed.iter().map(|test| (test.name.as_str(), test.told.trim())).collect();
        assert_eq!(failed, [("b", "why it failed"), ("c", "another reason")]);
    }

    #[test]
    fn a_build_that_fails_is_one_failure() {
        assert_eq!(read("", false).1.failed.len(), 1);
        assert_eq!(read("", true).1, Tally::default());
    }
}
