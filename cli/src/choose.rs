//! Whose bytes come by themselves, on the command line and in words.

use clap::ValueEnum;
use dsp_protocol::api::{Policy, Selection};

use crate::human;
use crate::value;

/// What to bring of a followed context.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Choose {
    /// Say whose bytes come by themselves: of all frames, of current heads, or of none; as before,
    /// else as the setting policy.default says, when left out
    #[arg(long, value_enum)]
    policy: Option<Which>,
    /// Bring bytes of stacks that fit the pattern only, such as 'sales/*'; may be given again
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// Bring no bytes of stacks that fit the pattern; may be given again
    #[arg(long, value_name = "PATTERN")]
    not: Vec<String>,
    /// Bring no file that is larger, such as 1GB
    #[arg(long, value_name = "BYTES", value_parser = value::bytes)]
    max_size: Option<u64>,
    /// Bring the newest N frames of each stack, under the policy all
    #[arg(long, value_name = "N")]
    last: Option<u32>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Which {
    All,
    Heads,
    Lazy,
}

impl Choose {
    /// Returns the policy, where one is named or follows.
    pub(crate) fn policy(&self) -> Option<Policy> {
        match self.policy {
            Some(Which::All) => Some(Policy::All),
            Some(Which::Heads) => Some(Policy::Heads),
            Some(Which::Lazy) => Some(Policy::Lazy),
            None => self.last.map(|_| Policy::All),
        }
    }

    /// Returns what is chosen, where anything is.
    pub(crate) fn selection(&self) -> Option<Selection> {
        let selection = Selection {
            only: self.only.clone(),
            not: self.not.clone(),
            max_size_bytes: self.max_size,
            last: self.last,
        };
        (selection != Selection::default()).then_some(selection)
    }
}

/// Returns a policy in a few words.
pub(crate) fn words(policy: Policy, selection: Option<&Selection>) -> String {
    let word = match policy {
        Policy::All => "all",
        Policy::Heads => "heads",
        Policy::Lazy => "lazy",
    };
    let Some(selection) = selection else { return word.to_owned() };
    let mut parts = vec![word.to_owned()];
    if !selection.only.is_empty() {
        parts.push(format!("only {}", selection.only.join(" ")));
    }
    if !selection.not.is_empty() {
        parts.push(format!("not {}", selection.not.join(" ")));
    }
    parts.extend(selection.max_size_bytes.map(|bytes| format!("up to {}", human::size(bytes))));
    parts.extend(selection.last.map(|n| format!("last {}", human::count(n.into(), "frame"))));
    parts.join(", ")
}
