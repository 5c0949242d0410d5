//! What of a folder stays at home: version control, what its `.dspignore` names, and what the
//! caller leaves out.

use std::path::Path;

use dsp_protocol::api::Problem;

use super::super::problem::bad_request;

/// The file of a pushed folder that names what is left out of it.
pub(super) const FILE: &str = ".dspignore";
/// Folders of version control: large, full of what was deleted, and of use to nobody in a frame.
const NEVER: [&str; 3] = [".git", ".hg", ".svn"];
/// Most bytes of a file of patterns.
const FILE_BYTES: u64 = 1 << 20;
/// Most patterns.
const PATTERNS: usize = 10_000;

/// Patterns of one pushed folder. `*` and `?` stop at `/`, `**` does not. A pattern with a `/`
/// before its end is a path from the folder down, any other a name at any depth; one that ends in
/// `/` is of folders alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Exclude(Vec<Pattern>);

#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    anchored: bool,
    folders: bool,
}

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    Other,
}

impl Exclude {
    /// Reads the patterns that a caller gives.
    ///
    /// # Errors
    /// One is empty, begins with `!`, or they are too many.
    pub(super) fn of<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, Problem> {
        let mut exclude = Exclude::default();
        for pattern in patterns {
            exclude.add(pattern).map_err(bad_request)?;
        }
        Ok(exclude)
    }

    /// Returns these patterns and those of the `.dspignore` in a folder, if one is there.
    ///
    /// # Errors
    /// The file cannot be read, or a line of it is no pattern.
    pub(super) fn and_of_folder(&self, folder: &Path) -> Result<Self, Problem> {
        let path = folder.join(FILE);
        // A link may lead anywhere; as elsewhere in a folder it does not count.
        let Ok(metadata) = path.symlink_metadata() else { return Ok(self.clone()) };
        if !metadata.is_file() {
            return Ok(self.clone());
        }
        let wrong = |why: &dyn std::fmt::Display| bad_request(format!("{}: {why}", path.display()));
        if metadata.len() > FILE_BYTES {
            return Err(wrong(&format!("it has more than {FILE_BYTES} bytes")));
        }
        let text = std::fs::read_to_string(&path).map_err(|error| wrong(&error))?;
        let mut exclude = self.clone();
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            if !line.is_empty() {
                exclude.add(line).map_err(|why| wrong(&why))?;
            }
        }
        Ok(exclude)
    }

    fn add(&mut self, text: &str) -> Result<(), String> {
        if text.starts_with('!') {
            return Err(format!("`{text}`: a pattern leaves out, and cannot take back in"));
        }
        if self.0.len() >= PATTERNS {
            return Err(format!("more than {PATTERNS} patterns"));
        }
        let (rest, folders) = match text.strip_suffix('/') {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let anchored = rest.contains('/');
        let text = rest.strip_prefix('/').unwrap_or(rest).to_owned();
        if text.is_empty() {
            return Err("an empty pattern leaves nothing".to_owned());
        }
        self.0.push(Pattern { text, anchored, folders });
        Ok(())
    }

    /// Tells whether what stands at a path in the folder is left out; of a folder everything
    /// below goes with it.
    pub(super) fn leaves_out(&self, path: &str, kind: Kind) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        let fits = |pattern: &Pattern| {
            (kind == Kind::Folder || !pattern.folders)
                && glob(&pattern.text, if pattern.anchored { path } else { name })
        };
        (kind == Kind::Folder && NEVER.contains(&name)) || self.0.iter().any(fits)
    }
}

/// Tells whether a whole text fits a pattern. The time is at most the product of their lengths for
/// each `**`, however the pattern is made.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    // For each place in the text whether what was read of the pattern can end there.
    let mut ends = vec![false; text.len() + 1];
    ends[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        let mut next = vec![false; text.len() + 1];
        let deep = pattern[at] == '*' && pattern.get(at + 1) == Some(&'*');
        for place in 0..=text.len() {
            let before = place.checked_sub(1).map(|p| (ends[p], next[p], text[p]));
            next[place] = match pattern[at] {
                '*' => ends[place] || before.is_some_and(|(_, so, c)| so && (deep || c != '/')),
                '?' => before.is_some_and(|(ended, _, c)| ended && c != '/'),
                wanted => before.is_some_and(|(ended, _, c)| ended && c == wanted),
            };
        }
        ends = next;
        at += if deep { 2 } else { 1 };
    }
    ends[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_names_or_paths() {
        let exclude = Exclude::of([".env", "*.tmp", "/build", "data/raw/*.csv", "cache/"]).unwrap();
        let out = |path| exclude.leaves_out(path, Kind::Other);
        for path in [".env", "deep/.env", "a.tmp", "deep/er/a.tmp", "build", "data/raw/a.csv"] {
            assert!(out(path), "{path}");
        }
        for path in ["env", ".env2", "deep/build", "data/raw/x/a.csv", "x/data/raw/a.csv", "cache"]
        {
            assert!(!out(path), "{path}");
        }
        assert!(exclude.leaves_out("deep/cache", Kind::Folder));
        assert!(Exclude::of(["!keep"]).is_err());
        assert!(Exclude::of(["/"]).is_err());
    }

    #[test]
    fn version_control_stays_at_home() {
        let exclude = Exclude::default();
        assert!(exclude.leaves_out("deep/.git", Kind::Folder));
        assert!(!exclude.leaves_out(".git", Kind::Other), "a file of that name is another thing");
        assert!(!exclude.leaves_out(".github", Kind::Folder));
    }

    #[test]
    fn globs_take_no_time() {
        assert!(glob("a**z", "a/b/c/z"));
        assert!(!glob("a*z", "a/z"));
        assert!(glob("gr?n", "grün"));
        assert!(glob("**", ""));
        assert!(!glob(&"*a".repeat(200), &"a".repeat(199)), "and ends");
    }
}
