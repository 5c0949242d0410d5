//! Tickets of a context.

use super::contexts::RoleName;
use super::peers::UserName;
use crate::id::{ContextId, PublicKey};

http! {
    /// `POST /contexts/{context}/tickets`.
    pub struct NewTicket {
        /// What the ticket gives; reader when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub role: Option<RoleName>,
        /// Seconds until it is void; 7 days when left out, 0 for never.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub expires_seconds: Option<u64>,
        /// How many users it admits; no limit when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub uses: Option<u32>,
    }

    /// A ticket made: the only time its text is shown.
    pub struct TicketMade {
        /// The text, `dsp1…`.
        pub ticket: String,
        /// What names it in `dsp tickets`.
        pub info: TicketInfo,
    }

    /// What came of `DELETE /tickets/{key}`.
    pub struct TicketEnded {
        /// The ticket, which is void.
        #[serde(flatten)]
        pub ticket: TicketInfo,
        /// Who came in by it and was removed.
        #[serde(default)]
        pub removed: Vec<UserName>,
    }

    /// A ticket of a context.
    pub struct TicketInfo {
        /// Its public key.
        pub key: PublicKey,
        /// The context.
        pub context: ContextId,
        /// How the context is written in a reference.
        pub label: String,
        /// What it gives.
        pub role: RoleName,
        /// When it is void, RFC 3339; never when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub until: Option<String>,
        /// How many users it admits; no limit when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub uses: Option<u32>,
        /// Whether it was revoked.
        pub revoked: bool,
        /// Who came in by it, as far as this node knows.
        pub admitted: Vec<UserName>,
    }
}
