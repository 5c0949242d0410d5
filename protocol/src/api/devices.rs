//! My devices: granted, revoked, paired; the keys of the identity changed and taken back.

use super::contexts::RoleName;
use crate::id::{ContextId, DeviceId, FrameId, UserId};

http! {
    /// How a device stands.
    #[derive(Copy, Eq)]
    pub enum DeviceState {
        /// It may act for me, as far as its grant goes.
        Live,
        /// It was revoked, for ever.
        Revoked,
        /// It may say nothing new: its time is over, or its grant does not count.
        Frozen,
    }

    /// One of my devices.
    pub struct DeviceInfo {
        /// The device.
        pub device: DeviceId,
        /// Its name in my identity log.
        pub name: String,
        /// How it stands.
        pub state: DeviceState,
        /// Whether it is this one.
        pub this: bool,
        /// The contexts it is limited to; all without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub contexts: Option<Vec<String>>,
        /// The most it may be; all that I am without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub role: Option<RoleName>,
        /// When its grant ends, RFC 3339; never without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub until: Option<String>,
        /// Whether it is connected now.
        pub connected: bool,
        /// When it was last connected, RFC 3339.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub seen: Option<String>,
    }

    /// `POST /identity/pairing`: makes a pairing ticket, and says what a device that comes by it
    /// is granted.
    #[derive(Default)]
    pub struct NewPairing {
        /// The name of the device; what it calls itself without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<String>,
        /// The contexts it is limited to; all without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub contexts: Option<Vec<String>>,
        /// The most it may be; all that I am without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub role: Option<RoleName>,
        /// After how many seconds its grant ends; never without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub expires_seconds: Option<u64>,
    }

    /// A pairing ticket: the answer of `POST /identity/pairing`.
    pub struct PairingMade {
        /// The text to be typed on the new machine: a secret, good once.
        pub ticket: String,
        /// Until when it holds, RFC 3339.
        pub until: String,
    }

    /// How far a pairing is.
    #[derive(Copy, Eq)]
    pub enum PairingStage {
        /// None is under way.
        None,
        /// A ticket waits for the new machine.
        Waiting,
        /// A device asked by the ticket, and waits for the code to be confirmed here.
        Asked,
        /// This machine asked, and waits for the code to be confirmed on the other.
        Asking,
    }

    /// How far a pairing is: `GET /identity/pairing`.
    pub struct PairingInfo {
        /// How far.
        pub stage: PairingStage,
        /// The device that asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub device: Option<DeviceId>,
        /// What it calls itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<String>,
        /// The code to be typed on the other machine; told only where this one asks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub code: Option<String>,
    }

    /// `POST /identity/pairing/confirm`: the code that the new machine shows.
    pub struct ConfirmPairing {
        /// Six digits, with or without a space.
        pub code: String,
    }

    /// `POST /identity/join`: asks to become a device of the user who made a pairing ticket.
    pub struct Join {
        /// The text of the ticket.
        pub ticket: String,
    }

    /// What a machine became: the end of `POST /identity/join`. The daemon then starts anew.
    pub struct Joined {
        /// Whose device it is.
        pub user: UserId,
        /// What she calls herself.
        pub name: String,
        /// How many contexts came.
        pub contexts: u32,
    }

    /// `POST /identity/devices/{device}/revoke`.
    #[derive(Default)]
    pub struct Revoke {
        /// The last good moment: a time as RFC 3339, how long ago (`12h`), or the digits of the id
        /// of its last good frame; all that is here is good without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub since: Option<String>,
        /// Only tell what would come of it.
        #[serde(default)]
        pub dry_run: bool,
    }

    /// What came, or would come, of revoking a device.
    pub struct Revoked {
        /// The device.
        pub device: DeviceInfo,
        /// Whether it is revoked now.
        pub done: bool,
        /// The contexts in which it said something.
        pub contexts: Vec<CutInfo>,
    }

    /// What is kept of a device in one context.
    pub struct CutInfo {
        /// The context.
        pub context: ContextId,
        /// As it is written here.
        pub label: String,
        /// Statements that go on to count.
        pub kept: u32,
        /// Statements that count no more.
        pub lost: u32,
        /// Frames that a head stated and that no head of the device names any more.
        pub frames: Vec<LostFrame>,
    }

    /// A frame that a lost device pushed and that counts no more.
    pub struct LostFrame {
        /// The stack.
        pub stack: String,
        /// The frame.
        pub frame: FrameId,
        /// When the device said so, by its clock, RFC 3339.
        pub time: String,
    }

    /// `POST /identity/recover`: takes the identity back with the recovery key.
    pub struct Recover {
        /// The 24 words.
        pub words: String,
        /// The number of the last entry of the identity log that goes on to count.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub after: Option<u64>,
        /// Only tell what would come of it.
        #[serde(default)]
        pub dry_run: bool,
    }

    /// What came, or would come, of a recovery.
    pub struct Recovered {
        /// The user.
        pub user: UserId,
        /// What she calls herself.
        pub name: String,
        /// Whether it is done.
        pub done: bool,
        /// Whether this machine becomes one of hers; the daemon then starts anew.
        pub moves: bool,
        /// The number of the last entry that goes on to count.
        pub after: u64,
        /// The entries from which one can go on.
        pub first: u64,
        /// How many entries after it count no more.
        pub undone: u32,
        /// Devices that act for her afterwards.
        pub live: Vec<String>,
        /// Devices that act for her now and do not afterwards.
        pub dropped: Vec<String>,
    }
}
