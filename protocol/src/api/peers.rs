//! Other users and their devices.

use crate::id::{DeviceId, UserId};

http! {
    /// A user with the name that is hers here.
    pub struct UserName {
        /// The id.
        pub user: UserId,
        /// The petname; `me` for me.
        pub name: String,
    }

    /// Another user that this node knows.
    pub struct PeerInfo {
        /// The user.
        pub user: UserId,
        /// Her petname here.
        pub name: String,
        /// What she calls herself.
        pub own_name: String,
        /// Whether her id was compared.
        pub verified: bool,
        /// Her devices.
        pub devices: Vec<PeerDevice>,
        /// Contexts that both are in.
        pub contexts: Vec<String>,
    }

    /// A device of another user.
    pub struct PeerDevice {
        /// The device.
        pub device: DeviceId,
        /// Its name in her identity log.
        pub name: String,
        /// Whether it is connected now.
        pub connected: bool,
        /// Whether it was revoked.
        pub revoked: bool,
        /// The address in use or last used.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub address: Option<String>,
        /// When it was last connected, RFC 3339.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub seen: Option<String>,
    }

    /// `PATCH /peers/{user}`.
    pub struct RenamePeer {
        /// The new petname.
        pub name: String,
    }
}
