//! Who I am, and the backup of the key that proves it.

use super::peers::PeerDevice;
use crate::id::{DeviceId, PublicKey, UserId};

http! {
    /// Who I am: `GET /identity`.
    pub struct IdentityInfo {
        /// My id.
        pub user: UserId,
        /// The name in my log.
        pub name: String,
        /// The root key.
        pub root: PublicKey,
        /// This device.
        pub device: DeviceId,
        /// My devices.
        pub devices: Vec<PeerDevice>,
        /// Whether the recovery key still waits to be backed up.
        pub backup_needed: bool,
        /// What is known here of the backup of the recovery key.
        pub backup: BackupState,
        /// Statements in my log.
        pub log_entries: u32,
    }

    /// What a device knows of the backup of the recovery key.
    #[derive(Copy, Eq)]
    pub enum BackupState {
        /// The key is here and still waits to be backed up.
        Needed,
        /// It was backed up here.
        Done,
        /// It never was here: another device made it, and knows.
        Elsewhere,
    }

    /// The recovery key in words: the answer of `POST /identity/backup`.
    pub struct Backup {
        /// 24 words, shown once.
        pub words: String,
    }

    /// `POST /identity/backup/confirm`: proves that the words are written down.
    pub struct ConfirmBackup {
        /// The words.
        pub words: String,
    }
}
