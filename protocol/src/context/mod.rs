//! Contexts: what a named, shared collection of stacks is, and what its statements amount to.
//!
//! A [`Genesis`] is the beginning and gives the id; everything else are
//! [statements](crate::statement). A [`View`] is the join of those that were accepted: pure, the
//! same for every order in which they came, and derived when asked for.
//!
//! It answers in three steps. *Cuts* say what of a revoked device is left. *Membership* says, from
//! what is left, who is what, and so whose statements count. *Heads*, tags and tickets are read
//! from those that count. Whether something is accepted in the first place (signatures, place in
//! its document, grants, quotas) is judged before, elsewhere.

mod boards;
mod counted;
mod cuts;
mod genesis;
mod heads;
mod membership;
mod parted;
mod standing;
mod ticket;
mod view;

pub use self::boards::{CommentView, DashboardView};
pub use self::counted::{CutAway, Reach};
pub use self::genesis::{ContextKind, Genesis, GenesisError};
pub use self::heads::{HeadView, StackState, StackView};
pub use self::parted::Parted;
pub use self::ticket::{Admission, Refused, TicketStanding};
pub use self::view::{Inserted, View};

#[cfg(test)]
mod tests;
