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
        /// What of hers may be used on this machine.
        #[serde(default)]
        pub trust: Trust,
        /// Whether this node has nothing to do with her.
        #[serde(default)]
        pub blocked: bool,
        /// Twelve words that stand for her id, to be compared by voice.
        #[serde(default)]
        pub fingerprint: String,
        /// Others here who call themselves so too, or are called so.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub namesakes: Vec<UserName>,
        /// Her devices.
        pub devices: Vec<PeerDevice>,
        /// Contexts that both are in.
        pub contexts: Vec<String>,
    }

    /// What of a user may be used on this machine; no ticket and no context carries it.
    #[derive(Copy, Eq, Default)]
    pub struct Trust {
        /// Her computed results, instead of computing them anew.
        pub results: bool,
        /// Her code: scripts, pickles and functions may run.
        pub code: bool,
    }

    /// `PATCH /peers/{user}/trust`; what is left out stays.
    #[derive(Copy, Eq, Default)]
    pub struct SetTrust {
        /// Whether her id was compared.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub verified: Option<bool>,
        /// Whether her computed results may be used.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub results: Option<bool>,
        /// Whether her code may run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub code: Option<bool>,
    }

    /// A device of another user.
    pub struct PeerDevice {
        /// The device.
        pub device: DeviceId,
        /// Its name in her identity log.
        pub name: String,
        /// Whether it is connected now.
        pub connected: bool,
        /// How long a ping takes there and back, in milliseconds; absent where it is not connected,
        /// or has not answered one yet.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub latency_ms: Option<f64>,
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
