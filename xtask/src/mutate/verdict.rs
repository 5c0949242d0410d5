//! What became of a planted defect.

use std::fmt;

use super::target::Outcome;

/// What became of a planted defect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its test turned red; how.
    Caught(String),
    /// Its test stayed green.
    Missed,
    /// The entry does not fit the tree any more; why.
    Stale(String),
    /// The tree does not compile with it; what the compiler says.
    Uncompiled(String),
    /// The tests are red, or do not compile, without any defect; why.
    Unsound(String),
}

impl Verdict {
    /// Tells whether the defect was noticed.
    pub(crate) fn is_caught(&self) -> bool {
        matches!(self, Verdict::Caught(_))
    }
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Red(how) => Verdict::Caught(how),
            Outcome::Green => Verdict::Missed,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Caught(how) => write!(f, "caught, {how}"),
            Verdict::Missed => f.write_str("MISSED"),
            Verdict::Stale(why) => write!(f, "STALE, {why}"),
            Verdict::Uncompiled(why) => write!(f, "DOES NOT COMPILE, {why}"),
            Verdict::Unsound(why) => write!(f, "NOT PLANTED, {why}"),
        }
    }
}
