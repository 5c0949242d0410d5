//! The nearest of several names, for "did you mean".

/// Returns the candidate that the fewest edits turn `name` into, if it is near enough to be meant.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let allowed = (name.chars().count() / 3).max(2);
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(edits, candidate)| {
            *edits <= allowed || candidate.rsplit('.').next() == name.rsplit('.').next()
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Returns the number of characters to insert, delete or replace (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, edits) in [("", "abc", 3), ("kitten", "sitting", 3), ("same", "same", 0)] {
            assert_eq!((distance(a, b), distance(b, a)), (edits, edits));
        }
    }

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let names = ["net.mdns", "net.listen", "http.port"];
        assert_eq!(nearest("net.mnds", names), Some("net.mdns"));
        assert_eq!(nearest("port", names), Some("http.port"));
        assert_eq!(nearest("server.port", names), Some("http.port"));
        assert_eq!(nearest("colour", names), None);
    }
}
