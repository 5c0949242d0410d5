//! What is well with a node, and what is not.

http! {
    /// `POST /node/examine`: what is looked at.
    #[derive(Default)]
    pub struct Examine {
        /// A user by petname or id, or a context by label or id: then only the ways to its peers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub target: Option<String>,
        /// Whether every byte is read, and what is damaged or lost brought again.
        #[serde(default)]
        pub repair: bool,
    }

    /// What was found: the result of `POST /node/examine`.
    pub struct Diagnosis {
        /// A line for each thing that was looked at.
        pub checks: Vec<Check>,
    }

    /// One thing that was looked at.
    pub struct Check {
        /// The part: `home`, `keys`, `clock`, `database`, `blobs`, `network` or `peers`.
        pub area: String,
        /// How it is.
        pub state: CheckState,
        /// What was found, in plain words.
        pub what: String,
        /// What to do about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub hint: Option<String>,
    }

    /// How a thing is.
    #[derive(Copy, Eq, PartialOrd, Ord)]
    pub enum CheckState {
        /// As it should be.
        Ok,
        /// It works, and something is to be known.
        Warn,
        /// It does not work.
        Fail,
    }

    /// `GET /node/alone`: what may exist nowhere else.
    pub struct Alone {
        /// Stacks whose bytes are not known to be elsewhere.
        pub stacks: Vec<AloneStack>,
        /// Whether the recovery key is only here.
        pub backup_needed: bool,
    }

    /// A stack that may exist nowhere else.
    pub struct AloneStack {
        /// Its reference.
        pub reference: String,
        /// Its frames that are here.
        pub frames: u64,
        /// Bytes of its current heads that are here.
        pub bytes: u64,
        /// Whether a peer that is connected now has all that was said in its context. Nothing here
        /// tells whether it has the bytes.
        pub told: bool,
    }
}
