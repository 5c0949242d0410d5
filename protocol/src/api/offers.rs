//! Contexts that others offer.

use super::peers::UserName;
use crate::id::ContextId;

http! {
    /// A context that an owner made me a member of and that I do not follow: an item of
    /// `GET /offers`.
    pub struct OfferInfo {
        /// The context.
        pub context: ContextId,
        /// How it is named to follow it: `alice/plans`.
        pub label: String,
        /// Who offers it.
        pub from: UserName,
        /// When it came, RFC 3339.
        pub since: String,
        /// Whether it was declined.
        pub declined: bool,
    }
}
