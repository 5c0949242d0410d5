//! Whether an output is the one that a page shows, and where it is not.

/// Tells whether lines are as expected, where `...` is any lines and `[..]` any text.
pub fn matches(expected: &[String], actual: &[String]) -> bool {
    match expected.split_first() {
        None => actual.is_empty(),
        Some((first, rest)) if first == "..." => {
            (0..=actual.len()).any(|skipped| matches(rest, &actual[skipped..]))
        }
        Some((first, rest)) => match actual.split_first() {
            Some((line, others)) => line_matches(first, line) && matches(rest, others),
            None => false,
        },
    }
}

fn line_matches(expected: &str, actual: &str) -> bool {
    let mut parts = expected.split("[..]");
    let first = parts.next().expect("a split has a first part");
    let Some(mut rest) = actual.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// Shows both, line by line: `-` is only expected, `+` only came.
pub(super) fn diff(expected: &[String], actual: &[String]) -> String {
    // The longest list of lines that both have, by the usual table.
    let mut table = vec![vec![0usize; actual.len() + 1]; expected.len() + 1];
    for e in (0..expected.len()).rev() {
        for a in (0..actual.len()).rev() {
            table[e][a] = match line_matches(&expected[e], &actual[a]) {
                true => table[e + 1][a + 1] + 1,
                false => table[e + 1][a].max(table[e][a + 1]),
            };
        }
    }
    let (mut e, mut a, mut shown) = (0, 0, String::new());
    while e < expected.len() || a < actual.len() {
        let both = e < expected.len() && a < actual.len();
        if both && line_matches(&expected[e], &actual[a]) {
            shown += &format!("  {}\n", actual[a]);
            (e, a) = (e + 1, a + 1);
        } else if e < expected.len() && (a == actual.len() || table[e + 1][a] >= table[e][a + 1]) {
            shown += &format!("- {}\n", expected[e]);
            e += 1;
        } else {
            shown += &format!("+ {}\n", actual[a]);
            a += 1;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn wildcards_stand_for_text_and_lines() {
        let fits = |expected, actual| matches(&lines(expected), &lines(actual));
        assert!(fits("frame [..]  2 files", "frame 3f2a  2 files"));
        assert!(fits("[..] and [..]", "a and b and c"));
        assert!(!fits("frame [..]  2 files", "frame 3f2a  3 files"));
        assert!(!fits("one", "one more"));
        assert!(fits("a\n...\nd", "a\nb\nc\nd"));
        assert!(fits("a\n...", "a"));
        assert!(!fits("a\n...\nd", "a\nb"));
        assert!(!fits("a", "a\nb"));
    }

    #[test]
    fn a_difference_is_shown() {
        let shown = diff(&lines("a\nb [..]\nd"), &lines("a\nb 1\nc"));
        assert_eq!(shown, "  a\n  b 1\n- d\n+ c\n");
    }
}
