//! Planted defects, for the simulator to find.

/// A defence that the simulator can take out, to prove that it would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// Envelopes are accepted without judging signatures.
    Verify,
    /// Everybody is admitted to every context that matched.
    Authorise,
    /// Envelopes are taken in any order, without the one before.
    Order,
    /// What was asked for is never asked for again.
    Resume,
    /// What waits is not bounded.
    Bound,
    /// Two changes of one number on a dashboard are no proof of anything.
    Fork,
}

impl Defect {
    /// Every defect with its name on the command line.
    pub const ALL: [(Defect, &'static str); 6] = [
        (Defect::Verify, "verify"),
        (Defect::Authorise, "authorise"),
        (Defect::Order, "order"),
        (Defect::Resume, "resume"),
        (Defect::Bound, "bound"),
        (Defect::Fork, "fork"),
    ];
}
