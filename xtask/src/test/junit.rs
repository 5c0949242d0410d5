//! Reads the sums of a report in JUnit's XML, as pytest writes it, and what failed.

use super::tally::{Failure, Tally};

/// Returns the sums of the report's one suite; nothing when it has none.
pub(super) fn counts(xml: &str) -> Option<Tally> {
    let (suite, cases) = xml[xml.find("<testsuite ")?..].split_once('>')?;
    let count = |name| attribute(suite, name)?.parse::<usize>().ok();
    // An error is a fixture that failed, or a file of tests that could not be read.
    let failed = count("errors")? + count("failures")?;
    let skipped = count("skipped")?;
    let passed = count("tests")?.checked_sub(failed + skipped)?;
    let mut failures: Vec<_> = cases.split("<testcase").filter_map(failure).take(failed).collect();
    failures.resize_with(failed, Failure::default);
    Some(Tally { passed, failed: failures, skipped })
}

/// Reads the name of a case that failed, and the message: enough to know it by.
fn failure(case: &str) -> Option<Failure> {
    let (_, why) = case.split_once("<failure").or_else(|| case.split_once("<error"))?;
    let name = [attribute(case, "classname")?, attribute(case, "name")?].join("::");
    let told = attribute(why, "message").unwrap_or_default();
    let told = told.replace("&#10;", "\n").replace("&quot;", "\"").replace("&gt;", ">");
    Some(Failure { name, told: told.replace("&lt;", "<").replace("&amp;", "&") })
}

/// Returns the text of the first attribute of that name.
fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) = element.split_once(&format!(" {name}=\""))?;
    Some(value.split_once('"')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_read() {
        let xml = "<?xml version=\"1.0\"?><testsuites name=\"pytest tests\"><testsuite \
            name=\"pytest\" errors=\"1\" failures=\"2\" skipped=\"3\" tests=\"10\" time=\"4.2\" \
            hostname=\"vm\"><testcase errors=\"9\"/><testcase classname=\"tests.a\" name=\"b\" \
            time=\"1\"><failure message=\"1 &lt; 0&#10;no\">long</failure></testcase></testsuite>";
        let tally = counts(xml).unwrap();
        assert_eq!((tally.passed, tally.failed.len(), tally.skipped), (4, 3, 3));
        let failed = Failure { name: "tests.a::b".to_owned(), told: "1 < 0\nno".to_owned() };
        assert_eq!(tally.failed[0], failed);
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
