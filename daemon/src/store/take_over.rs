//! The database of a machine that becomes a device of another user than the one it began with.

use std::collections::BTreeSet;

use dsp_protocol::id::{ContextId, UserId};
use dsp_protocol::sync::{ContextRecord, Record};
use redb::{ReadableTable as _, WriteTransaction};

use super::error::{Fault, WriteError};
use super::{Slot, Store, records, tables};

/// Whose the database is from now on, and what she takes part in.
#[derive(Clone, Debug)]
pub struct TakeOver {
    /// The user.
    pub user: UserId,
    /// Her identity log, in an order that it takes.
    pub entries: Vec<Vec<u8>>,
    /// Her contexts, the one that unqualified names mean first.
    pub contexts: Vec<ContextRecord>,
    /// The last entry of the log that counts.
    pub tip: [u8; 32],
}

impl Store {
    /// Makes the database another user's, in one step: the identity it began with is gone, and
    /// with it every context that is not one of hers. Addresses, tokens and names of others stay.
    ///
    /// Doing it again changes nothing.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was written.
    pub async fn take_over(&self, new: TakeOver) -> Result<(), WriteError> {
        let shared = std::sync::Arc::clone(&self.shared);
        self.write(move |tx| {
            let before = {
                let slots = tx.open_table(tables::SLOT)?;
                slots.get(Slot::USER.name())?.map(|value| value.value().to_vec())
            };
            if let Some(before) = before.filter(|before| before != new.user.as_bytes()) {
                records::clear(&mut tx.open_table(tables::LOG)?, &before)?;
            }
            forget_others(tx, &new.contexts)?;
            tx.open_table(tables::FORGOTTEN)?.retain(|_, ()| false)?;
            for entry in &new.entries {
                records::append_log(tx, new.user, entry)?;
            }
            for context in &new.contexts {
                records::apply(tx, &Record::Context(context.clone()), &*shared.backing)?;
            }
            let mut slots = tx.open_table(tables::SLOT)?;
            match new.contexts.first() {
                Some(first) => {
                    let id = first.genesis.id();
                    slots.insert(Slot::CURRENT_CONTEXT.name(), id.as_bytes().as_slice())?;
                }
                None => drop(slots.remove(Slot::CURRENT_CONTEXT.name())?),
            }
            slots.insert(Slot::IDENTITY_TIP.name(), new.tip.as_slice())?;
            slots.insert(Slot::USER.name(), new.user.as_bytes().as_slice())?;
            Ok(())
        })
        .await
    }
}

fn forget_others(tx: &WriteTransaction, contexts: &[ContextRecord]) -> Result<(), Fault> {
    let stay: BTreeSet<ContextId> = contexts.iter().map(|record| record.genesis.id()).collect();
    let mut here = Vec::new();
    for item in tx.open_table(tables::CONTEXT)?.iter()? {
        here.push(ContextId::from_bytes(*item?.0.value()));
    }
    here.into_iter().filter(|id| !stay.contains(id)).try_for_each(|id| records::forget(tx, id))
}
