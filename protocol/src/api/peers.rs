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
        /// When all that it offered in a context was last taken or under way, RFC 3339; absent where
        /// that was not since this daemon started.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub synced: Option<String>,
    }

    /// An entry of a user's identity log: `GET /peers/{user}/keys`.
    pub struct KeyChange {
        /// Its place in the log; several entries with one number go on from the same one.
        pub number: u64,
        /// What it does.
        pub change: KeyChangeName,
        /// The device that is granted or revoked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub device: Option<DeviceId>,
        /// What that device is called, as far as the log says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub device_name: Option<String>,
        /// Whether it counts: not what a recovery took back, nor what stands beyond a fork.
        pub counts: bool,
    }

    /// What an entry of an identity log does.
    #[derive(Copy, Eq)]
    pub enum KeyChangeName {
        /// It begins the log, and names the first root key.
        Begun,
        /// A device may act for the user.
        Granted,
        /// A device may not any more, for ever.
        Revoked,
        /// The root key signs for another root key.
        Rotated,
        /// The recovery key names another root key, and takes back what the old one signed since.
        Recovered,
        /// Something that this version does not know.
        Unknown,
    }

    /// `PATCH /peers/{user}`.
    pub struct RenamePeer {
        /// The new petname.
        pub name: String,
    }
}
