//! Reads the sums of a report in JUnit's XML, as pytest writes it.

use super::tally::Tally;

/// Returns the sums of the report's one suite; nothing when it has none.
pub(super) fn counts(xml: &str) -> Option<Tally> {
    let (_, suite) = xml.split_once("<testsuite ")?;
    let (suite, _) = suite.split_once('>')?;
    let count = |name: &str| -> Option<usize> {
        let (_, value) = suite.split_once(&format!("{name}=\""))?;
        value.split_once('"')?.0.parse().ok()
    };
    // An error is a fixture that failed, or a file of tests that could not be read.
    let failed = count("errors")? + count("failures")?;
    let skipped = count("skipped")?;
    Some(Tally { passed: count("tests")?.checked_sub(failed + skipped)?, failed, skipped })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_read() {
        let xml = "<?xml version=\"1.0\"?><testsuites name=\"pytest tests\"><testsuite \
            name=\"pytest\" errors=\"1\" failures=\"2\" skipped=\"3\" tests=\"10\" time=\"4.2\" \
            hostname=\"vm\"><testcase errors=\"9\"/></testsuite></testsuites>";
        assert_eq!(counts(xml), Some(Tally { passed: 4, failed: 3, skipped: 3 }));
    }

    #[test]
    fn what_is_no_report_has_no_sums() {
        assert_eq!(counts(""), None);
        assert_eq!(counts("<testsuites>"), None);
        assert_eq!(counts("<testsuite errors=\"0\" failures=\"0\">"), None);
        let impossible = "<testsuite errors=\"1\" failures=\"1\" skipped=\"0\" tests=\"1\">";
        assert_eq!(counts(impossible), None);
    }
}
