//! Which bytes of a context come without being asked for.
//!
//! A [`FollowPolicy`] says whose: of every frame, of current heads, or of none; and may choose
//! among those by the names of stacks, by the size of a blob, and by how far behind a head a frame
//! is. It is the user's own, of one follow on one machine, and never leaves it. Statements and
//! frames come whatever it says, and what is asked for comes too.

mod glob;
#[cfg(test)]
mod tests;

pub use self::glob::{GlobError, StackGlob};

use crate::api::{Policy, Selection};
use crate::limits::{POLICY_GLOBS, POLICY_LAST};
use crate::name::StackName;

/// Which bytes of a context come by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowPolicy {
    which: Policy,
    only: Vec<StackGlob>,
    not: Vec<StackGlob>,
    max_size: Option<u64>,
    last: Option<u32>,
}

/// Why a selection is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A pattern is none.
    #[error(transparent)]
    Glob(#[from] GlobError),
    /// There are too many patterns.
    #[error("{0} patterns exceed the limit of {POLICY_GLOBS}")]
    Globs(usize),
    /// The number of frames is out of bounds.
    #[error("the last {0} frames: expected a number from 1 to {POLICY_LAST}")]
    Last(u32),
    /// Only current heads come, so that no other frames can be counted.
    #[error("the last {0} frames cannot be chosen under the policy `heads`, but under `all`")]
    LastOfHeads(u32),
    /// Nothing comes, so that nothing can be chosen.
    #[error("under the policy `lazy` nothing comes by itself, so that nothing can be chosen")]
    LazySelection,
}

impl From<Policy> for FollowPolicy {
    fn from(which: Policy) -> Self {
        FollowPolicy { which, only: Vec::new(), not: Vec::new(), max_size: None, last: None }
    }
}

impl FollowPolicy {
    /// Reads a policy as the API writes it.
    ///
    /// # Errors
    /// A pattern is none, a number is out of bounds, or the parts contradict each other.
    pub fn new(which: Policy, selection: &Selection) -> Result<Self, PolicyError> {
        let globs = |texts: &[String]| -> Result<Vec<StackGlob>, PolicyError> {
            if texts.len() > POLICY_GLOBS {
                return Err(PolicyError::Globs(texts.len()));
            }
            Ok(texts.iter().map(|text| text.parse()).collect::<Result<_, GlobError>>()?)
        };
        let policy = FollowPolicy {
            which,
            only: globs(&selection.only)?,
            not: globs(&selection.not)?,
            max_size: selection.max_size_bytes,
            last: selection.last,
        };
        match (which, policy.last) {
            (Policy::Lazy, _) if !policy.is_plain() => Err(PolicyError::LazySelection),
            (_, Some(last)) if last == 0 || last > POLICY_LAST => Err(PolicyError::Last(last)),
            (Policy::Heads, Some(last)) => Err(PolicyError::LastOfHeads(last)),
            _ => Ok(policy),
        }
    }

    /// Returns whose bytes come, before anything is chosen.
    pub fn which(&self) -> Policy {
        self.which
    }

    /// Returns what is chosen, as the API writes it; none where all of it comes.
    pub fn selection(&self) -> Option<Selection> {
        let texts = |globs: &[StackGlob]| globs.iter().map(ToString::to_string).collect();
        (!self.is_plain()).then(|| Selection {
            only: texts(&self.only),
            not: texts(&self.not),
            max_size_bytes: self.max_size,
            last: self.last,
        })
    }

    /// Tells whether nothing is chosen.
    pub fn is_plain(&self) -> bool {
        self.only.is_empty() && self.not.is_empty() && self.max_size.is_none() && !self.counts()
    }

    /// Tells whether it takes knowing the stack of a frame to say whether its bytes come.
    pub fn asks_for_stacks(&self) -> bool {
        !self.only.is_empty() || !self.not.is_empty() || self.counts()
    }

    fn counts(&self) -> bool {
        self.last.is_some()
    }

    /// Returns how many of the newest frames of a stack count; all where it does not say.
    pub fn last(&self) -> Option<u32> {
        self.last
    }

    /// Tells whether bytes of a stack come.
    pub fn takes_stack(&self, name: &StackName) -> bool {
        let name = name.as_str();
        let named = self.only.is_empty() || self.only.iter().any(|glob| glob.matches(name));
        named && !self.not.iter().any(|glob| glob.matches(name))
    }

    /// Tells whether a blob of this many bytes comes.
    pub fn takes_size(&self, bytes: u64) -> bool {
        self.max_size.is_none_or(|most| bytes <= most)
    }
}
