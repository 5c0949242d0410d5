//! Reads what `cargo test -- --show-output` prints, line by line.
//!
//! Each test binary ends with `test result: ok. 5 passed; 0 failed; 1 ignored; ...`. Before it
//! stands what passing tests printed, which is dropped but for the reason of a skip: a test that
//! cannot run here prints a line `SKIPPED: why` and returns, and counts as skipped.

use super::tally::Tally;

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
}

/// The outcome of all test binaries so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    section: Section,
    /// Tests of the binary at hand that said why they skipped; its result counts them as passed.
    skips: usize,
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
        if let Some(mut counted) = result(line) {
            let skips = std::mem::take(&mut self.skips);
            counted.passed = counted.passed.saturating_sub(skips);
            counted.skipped += skips;
            self.tally += counted;
        }
        match &mut self.section {
            Section::Shown => true,
            Section::Successes { skipped } => {
                if line.starts_with("---- ") {
                    *skipped = false;
                }
                let says_why = line.trim_start().starts_with("SKIPPED: ");
                if says_why && !*skipped {
                    *skipped = true;
                    self.skips += 1;
                }
                says_why
            }
        }
    }

    /// Returns the sum, given whether cargo was content.
    ///
    /// A build that fails, or a binary that dies, prints no result: that is one failure.
    pub(crate) fn finish(mut self, success: bool) -> Tally {
        if !success && self.tally.failed == 0 {
            self.tally.failed = 1;
        }
        self.tally
    }
}

/// Reads a result line.
fn result(line: &str) -> Option<Tally> {
    let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let count = |outcome: &str| {
        let part = counts.split("; ").find_map(|part| part.strip_suffix(outcome))?;
        part.trim().parse().ok()
    };
    Some(Tally { passed: count("passed")?, failed: count("failed")?, skipped: count("ignored")? })
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
        assert_eq!(tally, Tally { passed: 1, failed: 0, skipped: 1 });
        assert!(shown.contains(&"SKIPPED: no root"));
        assert!(!shown.contains(&"noise") && !shown.contains(&"hello"));
    }

    #[test]
    fn failures_are_shown_whole() {
        let text = "successes:\n    a\n\nfailures:\n\n---- b stdout ----\nwhy it failed\n\
            test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n";
        let (shown, tally) = read(text, false);
        assert!(shown.contains(&"why it failed"));
        assert_eq!(tally.failed, 1);
    }

    #[test]
    fn a_build_that_fails_is_one_failure() {
        assert_eq!(read("", false).1, Tally { passed: 0, failed: 1, skipped: 0 });
        assert_eq!(read("", true).1, Tally::default());
    }
}
