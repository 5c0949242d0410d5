//! Who I am, and the backup of the key that proves it.

use dsp_protocol::api::{Backup, BackupState, ConfirmBackup, IdentityInfo, Problem, ProblemCode};

use super::Ops;
use super::node::count;
use super::problem::not_found;

impl Ops {
    /// Tells who I am.
    ///
    /// # Errors
    /// The daemon stops, or its database fails.
    pub async fn identity(&self) -> Result<IdentityInfo, Problem> {
        let me = self.me;
        let log = self.node.query(move |engine| {
            engine.log(me).map(|log| (log.name().to_owned(), log.root(), log.len()))
        });
        let (name, root, entries) =
            log.await?.ok_or_else(|| not_found("the identity log is not here"))?;
        let (_, devices) = self.devices_of(me).await?;
        Ok(IdentityInfo {
            user: me,
            name,
            root,
            device: self.device,
            devices: self.device_infos(devices).await?,
            backup_needed: self.keys.backup_needed(),
            backup: self.backup_state().await?,
            log_entries: count(entries),
        })
    }

    /// Tells whether the recovery key still waits to be backed up.
    pub fn backup_needed(&self) -> bool {
        self.keys.backup_needed()
    }

    /// Tells what is known here of the backup of the recovery key. Only the device that made the
    /// root in force made the recovery key too.
    pub(crate) async fn backup_state(&self) -> Result<BackupState, Problem> {
        if self.keys.backup_needed() {
            return Ok(BackupState::Needed);
        }
        let me = self.me;
        let root = self.node.query(move |engine| engine.log(me).map(|log| log.root())).await?;
        let here = self.keys.root().map(|root| root.public());
        Ok(if here.is_some() && here == root { BackupState::Done } else { BackupState::Elsewhere })
    }

    /// Returns the recovery key in words, until it is confirmed that they are written down.
    ///
    /// # Errors
    /// That was confirmed before.
    pub fn backup(&self) -> Result<Backup, Problem> {
        let words = self.keys.backup_words().ok_or_else(|| {
            Problem::new(ProblemCode::Conflict, "the recovery key is not here")
                .with_hint("it was backed up before, or is on the device that made it")
        })?;
        Ok(Backup { words: words.to_string() })
    }

    /// Erases the recovery key here, once its words prove that they are written down.
    ///
    /// # Errors
    /// The words are not those of the key.
    pub async fn confirm_backup(&self, confirm: &ConfirmBackup) -> Result<IdentityInfo, Problem> {
        self.keys.confirm_backup(&confirm.words)?;
        self.identity().await
    }
}
