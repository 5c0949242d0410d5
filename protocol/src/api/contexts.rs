//! Contexts: who may what in them, and how a follow stands.

use super::follows::Selection;
use crate::id::{ContextId, UserId};

http! {
    /// A context: an item of `GET /contexts`.
    pub struct ContextInfo {
        /// Its id.
        pub id: ContextId,
        /// How it is written in a reference: `main` for one of mine, `alice/main` otherwise.
        pub label: String,
        /// Its name as its owners call it.
        pub name: String,
        /// Its description.
        pub about: String,
        /// The first owner.
        pub owner: UserId,
        /// The petname of the first owner, `me` for mine.
        pub owner_name: String,
        /// My role.
        pub role: RoleName,
        /// The greater role that my ticket gives, until a device of an owner admits me to it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub role_pending: Option<RoleName>,
        /// Who may read.
        pub access: AccessName,
        /// What becomes of what others push here.
        pub policy: Policy,
        /// What is chosen among that; absent where nothing is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub selection: Option<Selection>,
        /// Bytes here that were pushed or fetched in it.
        #[serde(default)]
        pub used_bytes: u64,
        /// Bytes of it above which nothing comes by itself; absent where there is no such bound.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub quota_bytes: Option<u64>,
        /// How the follow stands.
        pub state: FollowState,
        /// Whether it is the current context.
        pub current: bool,
        /// Stacks that are not removed.
        pub stacks: u32,
        /// Frames here.
        pub frames: u32,
        /// Bytes that the current frames name.
        pub bytes: u64,
        /// Bytes of those that are here.
        pub bytes_here: u64,
        /// Members, owners included.
        pub members: u32,
        /// When an author of it was last heard of, RFC 3339; absent when never.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub heard: Option<String>,
        /// Whether nothing of it becomes a notification.
        #[serde(default)]
        pub muted: bool,
    }

    /// What somebody may do in a context.
    #[derive(Copy, Eq, PartialOrd, Ord)]
    pub enum RoleName {
        /// Nothing.
        None,
        /// Read.
        Reader,
        /// Read and push.
        Writer,
        /// Everything, with equal right among owners.
        Owner,
    }

    /// Who may read a context.
    #[derive(Copy, Eq)]
    pub enum AccessName {
        /// Members only.
        Private,
        /// Members, and who holds a ticket.
        Ticket,
        /// Whoever ever had its key from a ticket, also one that ended: nobody is asked to redeem it.
        Public,
    }

    /// Which blobs of a followed context are brought without being asked for.
    #[derive(Copy, Eq, Default)]
    pub enum Policy {
        /// Those of every frame.
        All,
        /// Those of current heads.
        #[default]
        Heads,
        /// None; `dsp fetch` brings them.
        Lazy,
    }

    /// How a follow stands.
    #[derive(Copy, Eq)]
    pub enum FollowState {
        /// It is one of mine.
        Own,
        /// Not synced yet: no peer that admits me was reached.
        Waiting,
        /// Synced at least once.
        Following,
        /// I was removed, or the ticket is void; what is here stays.
        Removed,
        /// The owner closed it; what is here stays.
        Closed,
        /// I left it and kept the copy.
        Left,
        /// It came by an archive, and nothing here lets me in: it gets no news.
        Archived,
    }

    /// `POST /contexts`.
    pub struct NewContext {
        /// Its name.
        pub name: String,
        /// Its description.
        #[serde(default)]
        pub about: String,
        /// Who may read; private when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub access: Option<AccessName>,
    }

    /// `PUT /contexts/{context}/quota`: how many bytes of a context come by themselves.
    #[derive(Copy, Eq)]
    pub struct SetQuota {
        /// Bytes of it above which nothing comes by itself; no bound without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub quota_bytes: Option<u64>,
    }

    /// `PUT /contexts/current`: which context unqualified names mean.
    pub struct SwitchContext {
        /// The context: a name of mine, `user/name`, or an id.
        pub context: String,
    }

    /// What `dsp share` would make readable: `GET /contexts/{context}/readable`.
    pub struct Readable {
        /// The context.
        pub context: ContextId,
        /// How it is written in a reference.
        pub label: String,
        /// Stacks.
        pub stacks: u32,
        /// Removed stacks, whose frames can still be read by tag or id.
        #[serde(default)]
        pub removed: u32,
        /// Frames.
        pub frames: u32,
        /// Bytes of all frames.
        pub bytes: u64,
        /// The names of the largest stacks, at most ten.
        pub examples: Vec<String>,
        /// Access before.
        pub access: AccessName,
    }
}
