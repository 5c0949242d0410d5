//! The least number of tests that has to pass in a suite: tests that vanish are seen.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context as _;

use super::tally::Tally;
use crate::workspace::Workspace;

/// Where the numbers are.
const PATH: &str = "tests/floor.json";

/// The numbers by suite; a suite without one has no floor.
#[derive(Debug)]
pub(super) struct Floors(BTreeMap<String, usize>);

impl Floors {
    /// Reads the committed numbers.
    ///
    /// # Errors
    /// The file is missing or no map of numbers.
    pub(super) fn read(workspace: &Workspace) -> anyhow::Result<Self> {
        let text = fs::read_to_string(workspace.root.join(PATH)).context(PATH)?;
        Ok(Floors(serde_json::from_str(&text).context(PATH)?))
    }

    /// Counts one more failure where fewer tests passed than have to.
    pub(super) fn hold(&self, suite: &str, mut tally: Tally) -> Tally {
        let floor = self.0.get(suite).copied().unwrap_or(0);
        if tally.passed < floor {
            let why = format!("{} tests passed, {PATH} demands {floor}", tally.passed);
            println!("suite {suite}: {why}");
            tally.fail(suite, why);
        }
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_tests_than_the_floor_are_a_failure() {
        let floors = Floors([("python".to_owned(), 3)].into());
        let passed = |passed| Tally { passed, ..Tally::default() };
        assert_eq!(floors.hold("python", passed(3)), passed(3));
        let fewer = floors.hold("python", passed(2));
        assert_eq!((fewer.passed, fewer.names().as_str()), (2, "python"));
        assert_eq!(floors.hold("soak", passed(1)), passed(1));
    }
}
