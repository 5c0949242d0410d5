//! Transfers of blobs: what comes, what goes, how fast.

use super::peers::UserName;
use crate::id::{ContextId, DeviceId};

http! {
    /// The transfers that run: `GET /transfers`.
    pub struct TransferList {
        /// Whether all of them wait.
        pub paused: bool,
        /// Most bytes that go to peers in a second; 0 without a limit.
        pub limit_up: u64,
        /// Most bytes that come from peers in a second; 0 without a limit.
        pub limit_down: u64,
        /// Those that run or wait, at most a thousand.
        pub transfers: Vec<TransferInfo>,
    }

    /// A transfer.
    pub struct TransferInfo {
        /// Names it until the daemon stops.
        pub id: u64,
        /// Which way it goes.
        pub direction: DirectionName,
        /// How the context is written in which its bytes are wanted; absent for what goes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub label: Option<String>,
        /// The context.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub context: Option<ContextId>,
        /// The devices at the other end: those that may have it, or the one that gets it.
        pub peers: Vec<TransferPeer>,
        /// Bytes that came, or went.
        pub bytes: u64,
        /// Bytes of what is wanted; absent for what goes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bytes_total: Option<u64>,
        /// Bytes a second, of late.
        pub rate: u64,
        /// Seconds that it takes at this rate; absent where that is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub seconds_left: Option<u64>,
        /// Whether it waits.
        pub paused: bool,
    }

    /// A device at the other end of a transfer.
    pub struct TransferPeer {
        /// The device.
        pub device: DeviceId,
        /// Whose it is, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub user: Option<UserName>,
    }

    /// Which way bytes go.
    #[derive(Copy, Eq)]
    pub enum DirectionName {
        /// They come here.
        In,
        /// They go to a peer.
        Out,
    }

    /// `POST /transfers/pause`, `POST /transfers/resume`: which transfer.
    pub struct PauseTransfer {
        /// The transfer; all when left out, also those that begin later and after a restart.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub id: Option<u64>,
    }
}
