//! The list of planted defects, and what makes it stale.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

/// A defect that a test has to notice.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mutant {
    /// What it is called.
    pub(crate) name: String,
    /// The file, from the root of the workspace.
    pub(crate) file: String,
    /// The text that is there exactly once.
    pub(crate) original: String,
    /// What stands there instead.
    pub(crate) replacement: String,
    /// The package with the test.
    pub(crate) package: String,
    /// The test binary of the package; none is its library.
    pub(crate) binary: Option<String>,
    /// The whole path of the test.
    pub(crate) test: String,
}

#[derive(Deserialize)]
struct List {
    mutant: Vec<Mutant>,
}

/// Reads the list of the workspace at `root`.
///
/// # Errors
/// Where the file is missing or malformed.
pub(crate) fn load(root: &Path) -> anyhow::Result<Vec<Mutant>> {
    let path = root.join("xtask/mutants.toml");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let list: List = toml::from_str(&text).with_context(|| path.display().to_string())?;
    Ok(list.mutant)
}

/// Returns what is wrong with the list, a line for each.
pub(crate) fn stale(root: &Path, mutants: &[Mutant]) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut names = BTreeSet::new();
    for Mutant { name, file, original, replacement, .. } in mutants {
        if !names.insert(name) {
            complaints.push(format!("{name}: there are two of this name"));
        }
        if original == replacement {
            complaints.push(format!("{name}: it changes nothing"));
        }
        match fs::read_to_string(root.join(file)) {
            Err(error) => complaints.push(format!("{name}: {file}: {error}")),
            Ok(text) => match text.matches(original.as_str()).count() {
                1 => {}
                count => complaints.push(format!("{name}: {count} times in {file}: {original}")),
            },
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    #[test]
    fn the_list_is_fresh() {
        let mutants = load(root()).unwrap();
        assert!(!mutants.is_empty());
        assert_eq!(stale(root(), &mutants), Vec::<String>::new());
    }

    #[test]
    fn a_stale_entry_is_told() {
        let mut mutants = load(root()).unwrap();
        mutants.truncate(1);
        mutants.push(Mutant { original: "no such text".into(), ..mutants[0].clone() });
        mutants.push(Mutant { name: "other".into(), file: "gone.rs".into(), ..mutants[0].clone() });
        let stale = stale(root(), &mutants);
        assert_eq!(stale.len(), 3, "{stale:?}");
    }
}
