//! Looks for tests in the sources, without building them.
//!
//! A path is followed from the root of its crate through the modules that each file declares. It
//! is text that is looked at and not syntax: a name that a comment declares would pass. That a
//! test is there and runs is seen when it is built; this tells in milliseconds of one that is
//! gone.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns why a package of the workspace at `root` has no such test, if it has none.
///
/// `binary` names a test binary of the package; none is its unit tests.
pub(crate) fn missing(
    root: &Path,
    package: &str,
    binary: Option<&str>,
    test: &str,
) -> Option<String> {
    let folder = root.join(match package {
        "dsp-tables" => "daemon/tables",
        other => other.strip_prefix("dsp-").unwrap_or(other),
    });
    let roots = match binary {
        None => [folder.join("src/lib.rs"), folder.join("src/main.rs")],
        Some(name) => {
            let tests = folder.join("tests");
            [tests.join(name).join("main.rs"), tests.join(format!("{name}.rs"))]
        }
    };
    let path: Vec<&str> = test.split("::").collect();
    let found = roots.iter().any(|file| {
        let children = file.parent().expect("it was joined").to_owned();
        Module::read(file, children).is_some_and(|module| module.has(&path))
    });
    let binary = binary.map(|name| format!("/{name}")).unwrap_or_default();
    (!found).then(|| format!("{package}{binary} has no test {test}"))
}

/// A module, or one inside it in the same file.
struct Module {
    text: String,
    file: PathBuf,
    /// Where the files of the modules that it declares are.
    children: PathBuf,
}

impl Module {
    /// Reads the module of a file; none where there is no such file.
    fn read(file: &Path, children: PathBuf) -> Option<Module> {
        let text = fs::read_to_string(file).ok()?;
        Some(Module { text, file: file.to_owned(), children })
    }

    /// Returns whether a test is at a path from here.
    fn has(self, path: &[&str]) -> bool {
        match path {
            [] => false,
            [test] => self.has_test(test),
            [module, rest @ ..] => self.enter(module).is_some_and(|module| module.has(rest)),
        }
    }

    /// Returns a module that is declared here.
    fn enter(self, name: &str) -> Option<Module> {
        let children = self.children.join(name);
        // A macro may make a module of each function that it is given.
        let of_macro = self.text.contains("mod $name {");
        let mut before = "";
        for line in self.text.lines().map(str::trim) {
            let declared = line.strip_prefix("pub(crate) ").unwrap_or(line);
            let declared = declared.strip_prefix("pub ").unwrap_or(declared);
            if declared == format!("mod {name};") {
                let elsewhere = before.strip_prefix("#[path = \"");
                if let Some(file) = elsewhere.and_then(|rest| rest.strip_suffix("\"]")) {
                    return Module::read(&self.file.with_file_name(file), children);
                }
                return Module::read(&children.with_extension("rs"), children.clone())
                    .or_else(|| Module::read(&children.join("mod.rs"), children));
            }
            let given = declared.strip_prefix("async fn ").filter(|_| of_macro);
            let given = given.and_then(|rest| rest.strip_prefix(name));
            if declared == format!("mod {name} {{") || given.is_some_and(|r| r.starts_with('(')) {
                return Some(Module { children, ..self });
            }
            before = line;
        }
        None
    }

    /// Returns whether a function of this name is marked as a test here.
    fn has_test(&self, name: &str) -> bool {
        let lines: Vec<&str> = self.text.lines().map(str::trim).collect();
        let declared = |line: &str| {
            let line = line.strip_prefix("async ").unwrap_or(line);
            line.strip_prefix("fn ")
                .and_then(|rest| rest.strip_prefix(name))
                .is_some_and(|rest| rest.starts_with('('))
        };
        let marks = |line: &&&str| line.starts_with("#[") || line.starts_with("//");
        let is_mark = |line: &&str| *line == "#[test]" || line.starts_with("#[tokio::test");
        (0..lines.len())
            .filter(|at| declared(lines[*at]))
            .any(|at| lines[..at].iter().rev().take_while(marks).any(is_mark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(package: &str, binary: Option<&str>, test: &str) -> bool {
        // Tests run in the folder of their package.
        missing(Path::new(".."), package, binary, test).is_none()
    }

    #[test]
    fn a_test_is_found_by_its_whole_path() {
        assert!(has("xtask", None, "mutate::source::tests::a_test_is_found_by_its_whole_path"));
        assert!(has(
            "dsp-daemon",
            None,
            "blobs::fetch::queue::tests::only_missing_ranges_are_asked_for"
        ));
        assert!(has("dsp-daemon", None, "store::tests::suite::earned_blobs::memory"));
        assert!(has("dsp-tests", Some("stories"), "lan::nodes_of_one_network_find_each_other"));
    }

    #[test]
    fn what_is_no_test_is_not_found() {
        for test in ["", "::", "mutate", "mutate::source::tests::gone", "mutate::run"] {
            assert!(!has("xtask", None, test), "{test}");
        }
        assert!(!has("xtask", None, "source::tests::a_test_is_found_by_its_whole_path"));
        assert!(!has("xtask", None, "mutate::source::tests::has"), "it is no test");
        assert!(!has("dsp-gone", None, "cbor::tests::other_forms_are_refused"));
        assert!(!has("dsp-tests", None, "lan::nodes_of_one_network_find_each_other"));
    }
}
