//! Transfers: shown, paused and limited.

use std::collections::BTreeMap;

use dsp_protocol::api::{
    DirectionName, PauseTransfer, Problem, TransferInfo, TransferList, TransferPeer,
};
use dsp_protocol::id::{DeviceId, UserId};

use super::Ops;
use super::problem::not_found;
use super::scene::Scene;
use crate::node::{Transfer, Way};
use crate::store::Slot;

/// Most transfers in one answer.
const SHOWN: usize = 1000;

impl Ops {
    /// Tells which transfers run.
    ///
    /// # Errors
    /// The daemon stops, or its database fails.
    pub async fn transfers(&self) -> Result<TransferList, Problem> {
        let scene = self.scene().await?;
        let users = self.node.query(|engine| {
            let users = engine.users().filter_map(|user| Some((user, engine.log(user)?)));
            let devices = users.flat_map(|(user, log)| log.devices().map(move |(d, _)| (d, user)));
            devices.collect::<BTreeMap<DeviceId, UserId>>()
        });
        let users = users.await?;
        let (transfers, paused) = self.node.transfers().list();
        let shown = transfers.into_iter().take(SHOWN);
        let config = self.settings.config();
        Ok(TransferList {
            paused,
            limit_up: config.limit_up,
            limit_down: config.limit_down,
            transfers: shown.map(|transfer| info(&scene, &users, transfer)).collect(),
        })
    }

    /// Lets one transfer wait or go on, or all of them; for all that holds until it is said
    /// otherwise, over restarts too.
    ///
    /// # Errors
    /// There is no such transfer, or the database fails.
    pub async fn pause_transfers(
        &self,
        which: &PauseTransfer,
        paused: bool,
    ) -> Result<TransferList, Problem> {
        match which.id {
            Some(id) if self.node.transfers().pause(id, paused) => {}
            Some(id) => {
                return Err(not_found(format!("no transfer {id} runs"))
                    .with_hint("`dsp transfers ls` lists those that do"));
            }
            None => {
                // Kept first: what the answer says holds.
                match paused {
                    true => self.store.set(Slot::TRANSFERS_PAUSED, []).await?,
                    false => self.store.unset(Slot::TRANSFERS_PAUSED).await?,
                }
                self.node.transfers().pause_all(paused);
            }
        }
        self.transfers().await
    }

    /// Puts the limits of the settings into force.
    pub(crate) fn limit_transfers(&self) {
        let config = self.settings.config();
        let rate = |bytes: u64| Some(bytes).filter(|bytes| *bytes > 0);
        self.blobs.lanes().up.set_rate(rate(config.limit_up));
        self.blobs.lanes().down.set_rate(rate(config.limit_down));
    }
}

fn info(scene: &Scene, users: &BTreeMap<DeviceId, UserId>, transfer: Transfer) -> TransferInfo {
    let peer = |device: DeviceId| {
        let user = users.get(&device).map(|user| scene.names.named(*user));
        TransferPeer { device, user }
    };
    let Transfer { id, way, bytes, rate, paused } = transfer;
    let (direction, context, peers, bytes_total) = match way {
        Way::In { context, from, bytes_total } => {
            let from = from.into_iter().map(peer).collect();
            (DirectionName::In, Some(context), from, Some(bytes_total))
        }
        Way::Out { to } => (DirectionName::Out, None, vec![peer(to)], None),
    };
    let left = bytes_total.map(|total| total.saturating_sub(bytes));
    TransferInfo {
        id,
        direction,
        label: context.and_then(|id| Some(scene.label(scene.contexts.get(&id)?))),
        context,
        peers,
        bytes,
        bytes_total,
        rate,
        seconds_left: left.filter(|_| rate > 0 && !paused).map(|left| left.div_ceil(rate)),
        paused,
    }
}
