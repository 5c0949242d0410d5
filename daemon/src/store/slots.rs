//! Small values that the daemon remembers, each under a name of its own.

use super::error::{ReadError, WriteError};
use super::{Store, tables};

/// The name of a remembered value, and what its bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(&'static str);

impl Slot {
    /// The context that unqualified names mean: its id (32 bytes).
    pub const CURRENT_CONTEXT: Slot = Slot("current-context");
    /// The addresses listened on last, ports chosen: lines of multiaddr text.
    pub const LISTEN: Slot = Slot("listen");
    /// The port of the web UI and the API (u16, big-endian).
    pub const HTTP_PORT: Slot = Slot("http-port");
    /// The port of the second listener, of bytes that others made (u16, big-endian).
    pub const RAW_PORT: Slot = Slot("raw-port");
    /// My user id (32 bytes): present once the first start came to its end.
    pub const USER: Slot = Slot("user");
    /// The last entry of my identity log that was signed here, or that this device was granted
    /// with (32 bytes): up to there the log is known to be mine.
    pub const IDENTITY_TIP: Slot = Slot("identity-tip");
    /// Present (and empty) while all transfers are paused.
    pub const TRANSFERS_PAUSED: Slot = Slot("transfers-paused");
    /// Present (and empty) while nothing is collected by itself, as there may be blobs here that
    /// the database does not know of.
    pub const COLLECTIONS_HELD: Slot = Slot("collections-held");
    /// Present (and empty) while new stacks of dstack's clients are for me alone where these do not
    /// say otherwise.
    pub const DSTACK_PRIVATE: Slot = Slot("dstack-private");
}

impl Slot {
    /// Returns the key in the table.
    pub(super) fn name(self) -> &'static str {
        self.0
    }
}

impl Store {
    /// Returns what was remembered under a name.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn get(&self, slot: Slot) -> Result<Option<Vec<u8>>, ReadError> {
        self.read(move |tx| {
            Ok(tx.open_table(tables::SLOT)?.get(slot.0)?.map(|value| value.value().to_vec()))
        })
        .await
    }

    /// Remembers a value under a name; an earlier one is replaced.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn set(&self, slot: Slot, value: impl Into<Vec<u8>>) -> Result<(), WriteError> {
        let value = value.into();
        self.write(move |tx| {
            tx.open_table(tables::SLOT)?.insert(slot.0, value.as_slice())?;
            Ok(())
        })
        .await
    }

    /// Forgets what was remembered under a name.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn unset(&self, slot: Slot) -> Result<(), WriteError> {
        self.write(move |tx| {
            tx.open_table(tables::SLOT)?.remove(slot.0)?;
            Ok(())
        })
        .await
    }
}
