//! Other users, and what they are called here.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use dsp_protocol::api::{
    KeyChange, KeyChangeName, Page, PeerDevice, PeerInfo, Problem, ProblemCode, RenamePeer,
};
use dsp_protocol::id::{DeviceId, StatementId, UserId};
use dsp_protocol::identity::IdentityLog;
use dsp_protocol::name::{Petname, UserRef};
use dsp_protocol::statement::{Entry, EntryFact, Fact, Grant, Role, RotatedBy, Verified};

use super::paging::{text_key, to_json};
use super::problem::{bad_request, not_found};
use super::scene::Scene;
use super::time::{now, rfc3339};
use super::trust::fingerprint;
use super::{Ops, Paging};

/// Most users in one page.
const PAGE: u64 = 500;

/// A device as the engine knows it.
pub(crate) struct Known {
    pub(crate) device: DeviceId,
    name: String,
    connected: bool,
    revoked: bool,
}

impl Ops {
    /// Lists the users that this node knows.
    ///
    /// # Errors
    /// The daemon stops, or its database fails.
    pub async fn peers(&self, paging: &Paging) -> Result<Page, Problem> {
        let scene = self.scene().await?;
        let me = self.me;
        let users: Vec<UserId> = self
            .node
            .query(move |engine| {
                let known = engine.users().chain(engine.blocked()).filter(|user| *user != me);
                known.collect::<BTreeSet<UserId>>().into_iter().collect()
            })
            .await?;
        let mut peers = Vec::new();
        for user in users {
            peers.push(self.peer_info(&scene, user).await?);
        }
        paging.page(peers, PAGE, |peer| text_key(&peer.name, peer.user.as_bytes()))
    }

    /// Lists what the identity log of a user says: all that was seen, the beginning first.
    ///
    /// # Errors
    /// Nobody is meant.
    pub async fn key_changes(&self, user: &str, paging: &Paging) -> Result<Page, Problem> {
        let user = self.scene().await?.user(user)?;
        let changes = self.node.query(move |engine| engine.log(user).map(key_changes)).await?;
        let changes = changes.ok_or_else(|| not_found(format!("user {user} is not known here")))?;
        let place = |(id, change): &(StatementId, KeyChange)| {
            [change.number.to_be_bytes().as_slice(), id.as_bytes()].concat()
        };
        let (items, next_cursor) = paging.cut(changes, PAGE, place)?;
        let items = items.iter().map(|(_, change)| to_json(change)).collect();
        Ok(Page { items, next_cursor, note: None })
    }

    /// Gives a user another petname.
    ///
    /// # Errors
    /// Nobody is meant, or the name is malformed or that of another user.
    pub async fn rename_peer(&self, user: &str, new: &RenamePeer) -> Result<PeerInfo, Problem> {
        let name: Petname = new.name.parse().map_err(bad_request)?;
        let scene = self.scene().await?;
        let user = scene.user(user)?;
        if user == self.me {
            return Err(bad_request("you are always `me` here"));
        }
        let known = self.node.query(move |engine| engine.log(user).is_some()).await?;
        if !known {
            return Err(not_found(format!("user {user} is not known here")));
        }
        if scene.names.find(&UserRef::Petname(name.clone())) == Some(self.me) {
            return Err(Problem::new(ProblemCode::Conflict, format!("`{name}` means you here"))
                .with_hint("choose another name"));
        }
        if let Err(taken) = self.store.rename_peer(user, name).await? {
            return Err(Problem::new(ProblemCode::Conflict, taken.to_string())
                .with_hint("rename that user first, or choose another name"));
        }
        self.peer_info(&self.scene().await?, user).await
    }

    pub(crate) async fn peer_info(&self, scene: &Scene, user: UserId) -> Result<PeerInfo, Problem> {
        let (own_name, devices) = self.devices_of(user).await?;
        let (verified, trust) = self.trust_of(user).await?;
        let namesakes = self.namesakes(scene, user, &own_name).await?;
        let shared = scene.contexts.values().filter(|context| {
            let member = context.members.iter().any(|(m, role)| *m == user && *role > Role::None);
            member || context.redemptions.iter().any(|(redeemer, _)| *redeemer == user)
        });
        Ok(PeerInfo {
            user,
            name: scene.names.of(user),
            own_name,
            verified,
            trust,
            blocked: scene.blocked.contains(&user),
            fingerprint: fingerprint(user),
            namesakes: namesakes.into_iter().map(|other| scene.names.named(other)).collect(),
            devices: self.device_infos(devices).await?,
            contexts: shared.map(|context| scene.label(context)).collect(),
        })
    }

    /// Returns what a user calls herself, and her devices.
    pub(crate) async fn devices_of(&self, user: UserId) -> Result<(String, Vec<Known>), Problem> {
        let here = self.device;
        let found = self.node.query(move |engine| {
            let Some(log) = engine.log(user) else { return (String::new(), Vec::new()) };
            let connected: BTreeSet<DeviceId> = engine.connected().chain([here]).collect();
            let live = log.devices().map(|(device, grant)| Known {
                device,
                name: grant.name.clone(),
                connected: connected.contains(&device),
                revoked: false,
            });
            let gone = log.retired().into_keys().map(|device| Known {
                device,
                name: device.short(),
                connected: connected.contains(&device),
                revoked: true,
            });
            (log.name().to_owned(), live.chain(gone).collect())
        });
        Ok(found.await?)
    }

    /// Remembers that all that a device offered in a context is here or under way.
    pub(super) fn note_synced(&self, device: DeviceId) {
        self.synced.lock().unwrap_or_else(PoisonError::into_inner).insert(device, now());
    }

    fn synced_at(&self, device: DeviceId) -> Option<i64> {
        self.synced.lock().unwrap_or_else(PoisonError::into_inner).get(&device).copied()
    }

    /// Returns devices as the API shows them.
    pub(crate) async fn device_infos(
        &self,
        devices: Vec<Known>,
    ) -> Result<Vec<PeerDevice>, Problem> {
        let round_trips = self.net.round_trips().await;
        let mut infos = Vec::new();
        for known in devices {
            let latency = round_trips.get(&known.device).filter(|_| known.connected);
            let reached = self.store.last_reached(known.device).await?;
            infos.push(PeerDevice {
                device: known.device,
                name: known.name,
                connected: known.connected,
                latency_ms: latency.map(milliseconds),
                revoked: known.revoked,
                synced: self.synced_at(known.device).map(rfc3339),
                seen: reached.as_ref().map(|(_, time)| rfc3339(*time)),
                address: reached.map(|(address, _)| address),
            });
        }
        Ok(infos)
    }
}

/// Returns the entries of a log, each with its id.
fn key_changes(log: &IdentityLog) -> Vec<(StatementId, KeyChange)> {
    let counting: BTreeSet<StatementId> = log.line().map(|entry| entry.id()).collect();
    let grants = log.ever_granted();
    let name_of = |device: DeviceId| {
        let grant = grants.iter().find(|grant| grant.device == device);
        grant.map(|grant| grant.name.clone())
    };
    let change = |entry: &Verified| {
        let (number, change, device) = match entry.fact() {
            Fact::Entry(Entry { n, fact, .. }) => match fact {
                EntryFact::Grant(Grant { device, .. }) => {
                    (*n, KeyChangeName::Granted, Some(*device))
                }
                EntryFact::Revoke(device) => (*n, KeyChangeName::Revoked, Some(*device)),
                EntryFact::Rotate(rotation) => match rotation.by {
                    RotatedBy::Root => (*n, KeyChangeName::Rotated, None),
                    RotatedBy::Recovery => (*n, KeyChangeName::Recovered, None),
                },
                EntryFact::Unknown { .. } => (*n, KeyChangeName::Unknown, None),
            },
            _ => (0, KeyChangeName::Begun, None),
        };
        let counts = counting.contains(&entry.id());
        let device_name = device.and_then(name_of);
        (entry.id(), KeyChange { number, change, device, device_name, counts })
    };
    log.entries().map(change).collect()
}

/// Returns a time in milliseconds, to the tenth.
fn milliseconds(time: &Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}
