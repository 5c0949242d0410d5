//! Members of a context: who may what, and what a removal took away.

use super::contexts::RoleName;
use crate::id::UserId;

http! {
    /// A member of a context, or somebody who was one: an item of `GET /contexts/{context}/members`.
    pub struct MemberInfo {
        /// Who.
        pub user: UserId,
        /// Her petname here, `me` for me.
        pub name: String,
        /// What she may do; `none` for who was removed.
        pub role: RoleName,
        /// Whether she came in by a ticket, and no owner named her.
        pub by_ticket: bool,
        /// Whether she is blocked here.
        pub blocked: bool,
        /// Stacks of hers that count.
        pub stacks: u32,
        /// What of hers does not count, where something was cut away.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub cut_away: Option<CutAway>,
    }

    /// What a cut took away.
    pub struct CutAway {
        /// Statements that are here and do not count.
        pub statements: u32,
        /// Stacks of which heads are among them, at most twenty.
        pub stacks: Vec<String>,
        /// Changes that connected peers have and that are not here.
        pub elsewhere: u64,
    }

    /// `PUT /contexts/{context}/members/{user}`.
    pub struct SetRole {
        /// What she may do from now on; not `none`.
        pub role: RoleName,
    }

    /// `POST /contexts/{context}/members/{user}/keep`: lets in again what was cut away.
    pub struct KeepMore {
        /// Only what she said before this time, RFC 3339, by her own clock; everything when left
        /// out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub before: Option<String>,
    }
}
