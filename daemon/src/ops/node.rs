//! The daemon itself.

use std::time::Duration;

use dsp_protocol::api::{Health, NodeStatus, Problem, ProblemCode};
use dsp_protocol::identity::Standing;

use super::Ops;
use super::time::rfc3339;

/// The version of this daemon.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How long the parts of a daemon may take to say that they are there.
const HEALTH: Duration = Duration::from_secs(5);

impl Ops {
    /// Tells that the daemon answers: its node and its database did, within five seconds.
    ///
    /// # Errors
    /// One of them ended, or does not answer.
    pub async fn health(&self) -> Result<Health, Problem> {
        let answers = async {
            self.node.query(|_| ()).await?;
            self.store.answer().await?;
            Ok::<_, Problem>(())
        };
        let answered = tokio::time::timeout(HEALTH, answers).await;
        answered.unwrap_or_else(|_| {
            let detail = format!("the daemon is stuck: no answer within {HEALTH:?}");
            Err(Problem::new(ProblemCode::Internal, detail))
        })?;
        let (version, pid) = (VERSION.to_owned(), std::process::id());
        Ok(Health { status: "ok".to_owned(), version, pid })
    }

    /// Tells how the daemon is.
    ///
    /// # Errors
    /// The daemon stops, or its database fails.
    pub async fn status(&self) -> Result<NodeStatus, Problem> {
        let scene = self.scene().await?;
        let (me, device) = (self.me, self.device);
        let (name, (device_name, device_revoked), connected, transfers) = self
            .node
            .query(move |engine| {
                let log = engine.log(me);
                let device = log.map(|log| match log.standing(device) {
                    Standing::Granted(grant) => (Some(grant.name.clone()), false),
                    Standing::Unknown => (None, false),
                    Standing::Revoked => (None, true),
                });
                (
                    log.map(|log| log.name().to_owned()).unwrap_or_default(),
                    device.unwrap_or_default(),
                    engine.connected().count(),
                    engine.transfers(),
                )
            })
            .await?;
        let config = self.settings.config();
        let device_name = device_name.unwrap_or_else(|| config.device_name.clone());
        let free = self.home.free_bytes()?;
        let stacks: usize = scene.contexts.values().map(|context| context.live().count()).sum();
        Ok(NodeStatus {
            version: VERSION.to_owned(),
            web: crate::ui::built_in().to_owned(),
            pid: std::process::id(),
            started: rfc3339(self.started),
            home: self.home.root().display().to_string(),
            address: self.address.clone(),
            port_taken: self.port_taken,
            user: me,
            dstack_user: super::dstack::account(&scene.names, &name).to_owned(),
            name,
            device: self.device,
            device_name,
            device_revoked,
            context: scene.current().map(|context| scene.label(context)).unwrap_or_default(),
            backup_needed: self.keys.backup_needed(),
            listening: self.net.listening().await.iter().map(ToString::to_string).collect(),
            contexts: count(scene.contexts.len()),
            stacks: count(stacks),
            peers_connected: count(connected),
            transfers: count(transfers),
            disk_free_bytes: free,
            disk_full: free < self.blobs.spare(),
            used_bytes: self.store.used(None).await?.all,
            quota_bytes: Some(self.blobs.quota()).filter(|bytes| *bytes > 0),
            collections_held: self.are_collections_held(),
            roles_pending: scene.roles_pending(),
            offers: self.offers_shown(&scene).await?,
            unread: self.unread().await?,
        })
    }

    /// Begins to stop the daemon.
    pub fn stop(&self) {
        tracing::info!("asked to stop");
        self.stop.cancel();
    }

    /// Makes sure that `bytes` more may be written; where the disk is full, the trash makes room.
    ///
    /// # Errors
    /// The disk would be full.
    pub(crate) async fn room_for(&self, bytes: u64) -> Result<(), Problem> {
        match self.blobs.room_for(bytes) {
            Err(crate::blobs::RoomError::Full { .. }) if self.free_early(bytes).await? > 0 => {
                Ok(self.blobs.room_for(bytes)?)
            }
            result => Ok(result?),
        }
    }
}

/// Returns a number of things as the API counts them.
pub(crate) fn count(things: usize) -> u32 {
    u32::try_from(things).unwrap_or(u32::MAX)
}
