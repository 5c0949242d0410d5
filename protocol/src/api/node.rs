//! The daemon itself, and how it is found.

use super::contexts::RoleName;
use crate::id::{DeviceId, UserId};

http! {
    /// How the daemon is: `GET /node`.
    pub struct NodeStatus {
        /// The version of the daemon.
        pub version: String,
        /// Which web UI is built in: its version and what it was made of, or `none`.
        pub web: String,
        /// The process id.
        pub pid: u32,
        /// When the daemon started, RFC 3339.
        pub started: String,
        /// The folder that holds everything.
        pub home: String,
        /// Where the web UI and the API answer, `http://127.0.0.1:7700`.
        pub address: String,
        /// The port of this home, where another program has it: what names it reaches that one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub port_taken: Option<u16>,
        /// Who I am.
        pub user: UserId,
        /// The name in my identity log.
        pub name: String,
        /// What dstack's clients call me: my name where it is one by dstack's rule, else `dstack`.
        #[serde(default)]
        pub dstack_user: String,
        /// This device.
        pub device: DeviceId,
        /// The name of this device.
        pub device_name: String,
        /// Whether another device of mine revoked this one: it acts for me no more.
        #[serde(default)]
        pub device_revoked: bool,
        /// The current context.
        pub context: String,
        /// Whether the recovery key still waits to be backed up.
        pub backup_needed: bool,
        /// Addresses peers can reach.
        pub listening: Vec<String>,
        /// Contexts, own and followed.
        pub contexts: u32,
        /// Stacks of all contexts.
        pub stacks: u32,
        /// Peers connected now.
        pub peers_connected: u32,
        /// Transfers under way.
        pub transfers: u32,
        /// Bytes free on the disk of the home.
        pub disk_free_bytes: u64,
        /// Whether writing is refused because the disk is full.
        pub disk_full: bool,
        /// Bytes of blobs that are here.
        #[serde(default)]
        pub used_bytes: u64,
        /// Bytes of blobs that there may be here; absent where there is no bound.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub quota_bytes: Option<u64>,
        /// Whether no bytes are freed before it is asked for, as there may be some that the
        /// database does not know of: it was put back, copied or made anew.
        #[serde(default)]
        pub collections_held: bool,
        /// Contexts in which the role that my ticket gives is pending.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub roles_pending: Vec<PendingRole>,
        /// Contexts that others offer, by their labels; declined ones left out.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub offers: Vec<String>,
        /// Notifications that were not read.
        #[serde(default)]
        pub unread: u32,
    }

    /// A role that waits for a device of an owner.
    pub struct PendingRole {
        /// The context, as it is written in a reference.
        pub context: String,
        /// The role.
        pub role: RoleName,
    }

    /// That the daemon answers: `GET /health`, which needs no token.
    pub struct Health {
        /// `ok`.
        pub status: String,
        /// The version of the daemon.
        pub version: String,
        /// The process id.
        pub pid: u32,
    }

    /// What `run/client.json` holds: how a client on the same account finds the daemon.
    pub struct ClientFile {
        /// `http://127.0.0.1:7700`.
        pub address: String,
        /// The path of the Unix socket, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub socket: Option<String>,
        /// A token with all rights; the file is readable by its owner alone.
        pub token: String,
        /// The process id of the daemon.
        pub pid: u32,
        /// Its version.
        pub version: String,
    }
}
