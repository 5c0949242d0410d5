//! What fuzzers call: one function for each kind of bytes or text that somebody else may write.
//!
//! A function panics where the code is wrong, never because the input is. Besides that nothing
//! panics it checks what has to hold of whatever was taken: it is written back as it was read, and
//! an order that may not matter does not. The targets of `protocol/fuzz` and the tests that replay
//! their seeds and past findings call the same functions; `docs/fuzzing.md` tells how to run them.

mod objects;
mod signed;
mod streams;
#[cfg(test)]
mod tests;
mod texts;

/// A kind of input, and what is done with it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of the fuzz target, its corpus and its crashers.
    pub name: &'static str,
    /// What the input is, in a few words.
    pub input: &'static str,
    /// Takes an input. Panics where something does not hold.
    pub run: fn(&[u8]),
}

/// Every target, by name.
pub const TARGETS: &[Target] = &[
    Target { name: "archive", input: "an archive, in pieces of some size", run: streams::archive },
    Target { name: "cbor", input: "a value in canonical CBOR", run: objects::cbor },
    Target {
        name: "change",
        input: "an automerge change, judged once signed",
        run: signed::change,
    },
    Target { name: "directory", input: "a directory object", run: objects::directory },
    Target { name: "envelope", input: "an envelope", run: signed::envelope },
    Target { name: "fork", input: "two contents of one place", run: signed::fork },
    Target { name: "frame", input: "a frame with its attachments", run: objects::frame },
    Target { name: "genesis", input: "the beginning of a context", run: objects::genesis },
    Target { name: "identity_log", input: "entries of an identity log", run: signed::identity_log },
    Target { name: "lineage", input: "a lineage object", run: objects::lineage },
    Target { name: "message", input: "a message of the sync stream", run: streams::message },
    Target { name: "name", input: "a name, a path, a pattern", run: texts::name },
    Target { name: "pair_message", input: "a message of pairing", run: streams::pair_message },
    Target { name: "pair_ticket", input: "a pairing ticket", run: texts::pair_ticket },
    Target { name: "param", input: "a parameter", run: texts::param },
    Target { name: "recipe", input: "a recipe of chunks", run: objects::recipe },
    Target { name: "reference", input: "a reference or an address", run: texts::reference },
    Target { name: "scan", input: "an automerge change, counted", run: signed::scan },
    Target {
        name: "statement",
        input: "a statement, and what one may sign",
        run: signed::statement,
    },
    Target { name: "ticket", input: "a ticket of a context", run: texts::ticket },
];

/// Returns the target of a name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Returns the target of a name as the function to call.
///
/// # Panics
/// Where there is none.
pub fn run(name: &str, input: &[u8]) {
    let target = target(name).unwrap_or_else(|| panic!("there is no fuzz target `{name}`"));
    (target.run)(input);
}
