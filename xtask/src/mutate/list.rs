//! The list of planted defects, and what makes it stale.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

use super::{source, web};

/// A defect that a test has to notice.
#[derive(Clone, Debug, Default, Deserialize)]
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
    /// The test binary of the package; none is its unit tests.
    pub(crate) binary: Option<String>,
    /// The whole path of the test.
    pub(crate) test: String,
    /// Whether every run of all tests plants it.
    #[serde(default)]
    pub(crate) always: bool,
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

/// Returns why an entry does not fit the tree at `root`, if it does not.
pub(crate) fn stale(root: &Path, mutant: &Mutant) -> Option<String> {
    let Mutant { file, original, replacement, .. } = mutant;
    if original == replacement {
        return Some("it changes nothing".to_owned());
    }
    let text = match fs::read_to_string(root.join(file)) {
        Ok(text) => text,
        Err(error) => return Some(format!("{file}: {error}")),
    };
    match text.matches(original.as_str()).count() {
        1 if mutant.package == web::PACKAGE => {
            web::missing(root, mutant.binary.as_deref().unwrap_or_default(), &mutant.test)
        }
        1 => source::missing(root, &mutant.package, mutant.binary.as_deref(), &mutant.test),
        count => Some(format!("{count} times in {file}: {original}")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn root() -> &'static Path {
        // Tests run in the folder of their package.
        Path::new("..")
    }

    #[test]
    fn the_list_is_fresh() {
        let mutants = load(root()).unwrap();
        assert!(!mutants.is_empty());
        let stale = |m: &Mutant| Some(format!("{}: {}", m.name, stale(root(), m)?));
        assert_eq!(mutants.iter().filter_map(stale).collect::<Vec<_>>(), Vec::<String>::new());
        let names: BTreeSet<_> = mutants.iter().map(|mutant| &mutant.name).collect();
        assert_eq!(names.len(), mutants.len(), "every name is there once");
        assert!(mutants.iter().any(|mutant| mutant.always), "some are planted with every test run");
    }

    #[test]
    fn a_stale_entry_is_told() {
        let fresh = load(root()).unwrap().remove(0);
        let original = fresh.original.clone();
        for stale_entry in [
            Mutant { original: "no such text".into(), ..fresh.clone() },
            Mutant { original: "e".into(), ..fresh.clone() },
            Mutant { file: "gone.rs".into(), ..fresh.clone() },
            Mutant { replacement: original, ..fresh.clone() },
            Mutant { test: "gone::test".into(), ..fresh.clone() },
            Mutant { package: "dsp-gone".into(), ..fresh.clone() },
        ] {
            assert!(stale(root(), &stale_entry).is_some(), "{stale_entry:?}");
        }
        assert_eq!(stale(root(), &fresh), None);
    }
}
