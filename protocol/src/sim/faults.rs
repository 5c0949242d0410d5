//! How badly the network and the machines behave.

/// How badly the network and the machines behave.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// The shortest and longest time a message takes, in milliseconds.
    pub latency_ms: (i64, i64),
    /// What a session promises.
    pub wire: Wire,
    /// Messages lost, of a thousand.
    pub loss: u32,
    /// How often, of a thousand messages, one that was said before between the two, on this session
    /// or an earlier one, comes again after it.
    pub replay: u32,
    /// The longest time after which an end of a session notices that the line is cut, in
    /// milliseconds: each end notices by itself.
    pub notice_ms: i64,
    /// The longest time that a store takes, in milliseconds.
    pub disk_ms: i64,
    /// Stores that the disk refuses, of a thousand.
    pub disk_fails: u32,
    /// The longest time that reading, judging or fetching takes beyond the least, in milliseconds:
    /// such tasks overtake each other and the stores.
    pub task_ms: i64,
}

/// What a session promises of its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Each comes once, in order, or the session breaks. What is lost is sent again and holds up
    /// all behind it; what is lost time after time breaks the session.
    Stream,
    /// Single ones are lost, come twice and overtake each other: harsher than any real session, for
    /// what the engine repeats by itself.
    Datagrams {
        /// Messages that come twice, of a thousand.
        duplicate: u32,
        /// Whether they overtake each other.
        reorder: bool,
    },
}

impl Faults {
    /// A quiet network.
    pub const NONE: Faults = Faults {
        latency_ms: (1, 20),
        wire: Wire::Stream,
        loss: 0,
        replay: 0,
        notice_ms: 0,
        disk_ms: 5,
        disk_fails: 0,
        task_ms: 0,
    };
}
