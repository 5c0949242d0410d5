//! What `docs/threat-model.md` names has to be there.

use std::collections::BTreeMap;
use std::path::Path;

use super::list::{self, Mutant};
use super::source;

/// The head of a table of which every row names tests.
const HEAD: &str = "| tests | planted defects |";
/// What stands in place of tests where there are none.
const UNTESTED: &str = "not tested yet";

/// Returns what a page says that does not hold in the tree at `root`, a line each.
fn wrong(root: &Path, mutants: &[Mutant], page: &str) -> Vec<String> {
    let mutants: BTreeMap<&str, &Mutant> =
        mutants.iter().map(|mutant| (mutant.name.as_str(), mutant)).collect();
    let mut wrong = Vec::new();
    let mut in_table = false;
    for (number, line) in (1..).zip(page.lines()) {
        let mut tell = |what: String| wrong.push(format!("line {number}: {what}"));
        for span in spans(line) {
            if let Some((package, binary, test)) = test(span) {
                source::missing(root, package, binary, test).map(&mut tell);
            }
        }
        in_table = line.starts_with('|') && (in_table || line.ends_with(HEAD));
        if !in_table || line.ends_with(HEAD) || line.starts_with("|---") {
            continue;
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", what, tests, defects, ""] = cells[..] else {
            tell(format!("not three cells: {line}"));
            continue;
        };
        let named: Vec<_> = spans(tests).filter_map(test).collect();
        let all = named.len() == spans(tests).count();
        if !all || named.is_empty() != (tests == UNTESTED) {
            tell(format!("`{what}` names neither tests alone nor `{UNTESTED}`"));
        }
        for defect in spans(defects) {
            match mutants.get(defect) {
                None => tell(format!("no defect is called {defect}")),
                Some(Mutant { package, binary, test, .. }) => {
                    if !named.contains(&(package, binary.as_deref(), test)) {
                        tell(format!("the test of {defect} is not beside it: {test}"));
                    }
                }
            }
        }
    }
    wrong
}

/// Returns what stands between backticks in a line.
fn spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Reads `package path` or `package/binary path`.
fn test(span: &str) -> Option<(&str, Option<&str>, &str)> {
    let (target, path) = span.split_once(' ')?;
    // A test of a binary may stand at its root.
    let is_path = path.contains("::") || target.contains('/');
    if !target.starts_with("dsp-") || path.contains(' ') || !is_path {
        return None;
    }
    Some(match target.split_once('/') {
        Some((package, binary)) => (package, Some(binary), path),
        None => (target, None, path),
    })
}

#[test]
fn the_page_names_tests_and_defects_that_are_there() {
    let root = Path::new("..");
    let page = std::fs::read_to_string(root.join("docs/threat-model.md")).unwrap();
    assert_eq!(wrong(root, &list::load(root).unwrap(), &page), Vec::<String>::new());
    let (_, threats) = page.split_once("\n## Threats\n").unwrap();
    let (threats, _) = threats.split_once("\n## ").unwrap();
    for threat in threats.split("\n### ").skip(1) {
        let name = threat.lines().next().unwrap_or_default();
        for part in ["*Reaches*:", "*Wants*:", "*Stopped*:", "*Not stopped*:", HEAD] {
            assert!(threat.contains(part), "{name} has no {part}");
        }
        assert!(threat.lines().flat_map(spans).any(|span| test(span).is_some()), "{name}");
    }
}

#[test]
fn what_is_not_there_is_told() {
    let root = Path::new("..");
    let mutants = list::load(root).unwrap();
    let page = |row: &str| format!("| what {HEAD}\n|---|---|---|\n{row}\n");
    let sound = "`dsp-protocol cbor::tests::other_forms_are_refused`";
    for row in [
        format!("| a | {sound} | `cbor-any-depth` |"),
        format!("| a | {sound}, {sound} | |"),
        "| a | not tested yet | |".to_owned(),
    ] {
        assert_eq!(wrong(root, &mutants, &page(&row)), Vec::<String>::new());
    }
    for row in [
        "| a | | |".to_owned(),
        "| a | soon | |".to_owned(),
        "| a | `dsp-protocol cbor::tests::gone` | |".to_owned(),
        "| a | `cbor::tests::other_forms_are_refused` | |".to_owned(),
        "| a | not tested yet | `cbor-any-depth` |".to_owned(),
        format!("| a | {sound} | `gone` |"),
        format!("| a | {sound} | `signature-ignored` |"),
        format!("| a | {sound} |"),
        "In a sentence: `dsp-protocol cbor::tests::gone`.".to_owned(),
    ] {
        assert_eq!(wrong(root, &mutants, &page(&row)).len(), 1, "{row}");
    }
}
