//! The ways to others: where this node listens, and which hop to a peer is broken.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use dsp_protocol::api::{Problem, Progress};
use dsp_protocol::id::{ContextId, DeviceId};
use dsp_protocol::statement::Role;
use dsp_protocol::sync::{Hop, Standing};
use dsp_protocol::wire::VERSIONS;
use futures::StreamExt as _;
use libp2p::Multiaddr;
use tokio::time::{Instant, timeout};

use super::super::problem::not_found;
use super::super::scene::Scene;
use super::super::{Ops, Reporter};
use super::Findings;
use crate::net::DialError;

/// How long a dial may take here.
const DIAL: Duration = Duration::from_secs(10);
/// How long a session may take to find what both share.
const MATCH: Duration = Duration::from_secs(5);
/// How often is looked whether it did.
const LOOK: Duration = Duration::from_millis(100);
/// Devices that are tried at one time.
const AT_ONCE: usize = 8;
/// Most devices that are tried.
const DEVICES: usize = 256;

/// A device and the context in which it is a peer.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    device: DeviceId,
    context: ContextId,
    /// `alice's laptop in alice/main`.
    name: String,
}

/// What is to be said of a device.
enum Verdict {
    Well(String),
    Known(String, &'static str),
    Broken(String, &'static str),
}

impl Ops {
    pub(super) async fn examine_network(&self, findings: &mut Findings) {
        let listening = self.net.listening().await;
        let reachable = listening.iter().any(|address| !is_loopback(address));
        match (listening.is_empty(), reachable) {
            (true, _) => findings.fail(
                "network",
                "this node listens nowhere: nobody can reach it",
                "look at `net.listen`: `dsp config ls`",
            ),
            (false, false) => findings.warn(
                "network",
                "this node listens on this machine only",
                "is it offline? else look at `net.listen`: `dsp config ls`",
            ),
            (false, true) => {
                findings.ok("network", format!("listening at {} addresses", listening.len()));
            }
        }
        if !self.settings.config().mdns {
            findings.ok("network", "looking for nodes on the local network is off (`net.mdns`)");
            return;
        }
        match multicast() {
            Ok(()) => findings.ok("network", "nodes of the local network can be found (mDNS)"),
            Err(error) => findings.warn(
                "network",
                format!("multicast does not work, so mDNS finds nobody: {error}"),
                "tickets and addresses from peers still work; look at the firewall",
            ),
        }
    }

    /// Returns the devices of others with whom something is shared: of a user or a context, where
    /// one is named.
    pub(super) async fn devices_to_reach(
        &self,
        target: Option<&str>,
    ) -> Result<Vec<Peer>, Problem> {
        let scene = self.scene().await?;
        let context = target.and_then(|target| scene.context(target).ok()).map(|c| c.id);
        let user = match (target, context) {
            (Some(target), None) => {
                let user = target.parse().ok().and_then(|user| scene.names.find(&user));
                Some(user.ok_or_else(|| {
                    not_found(format!("no user and no context `{target}` here"))
                        .with_hint("`dsp peers ls` and `dsp context ls` list them")
                })?)
            }
            _ => None,
        };
        let mut peers: BTreeMap<DeviceId, Peer> = BTreeMap::new();
        for shared in scene.contexts.values().filter(|c| context.is_none_or(|id| c.id == id)) {
            if !matches!(shared.standing, Standing::Active { .. }) {
                continue;
            }
            let members = shared.members.iter().filter(|(_, role)| *role > Role::None);
            let members = members.map(|(user, _)| *user);
            let came_in = shared.redemptions.iter().map(|(user, _)| *user);
            for member in members.chain(came_in).filter(|m| user.is_none_or(|user| *m == user)) {
                for (device, name) in self.granted(member).await? {
                    if device != self.device && peers.len() < DEVICES {
                        let name = self.named(&scene, member, &name, shared.id);
                        let peer = Peer { device, context: shared.id, name };
                        peers.entry(device).or_insert(peer);
                    }
                }
            }
            // Before the first sync the ticket is all that is known of who has the context.
            let waits = shared.standing == Standing::Active { synced: false };
            if waits && user.is_none_or(|user| user == shared.owner) {
                for device in self.in_ticket(shared.id).await? {
                    if device != self.device && peers.len() < DEVICES {
                        let label = scene.label(shared);
                        let name = format!("device {} in the ticket of {label}", device.short());
                        peers.entry(device).or_insert(Peer { device, context: shared.id, name });
                    }
                }
            }
        }
        Ok(peers.into_values().collect())
    }

    async fn in_ticket(&self, context: ContextId) -> Result<BTreeSet<DeviceId>, Problem> {
        Ok(self.node.query(move |engine| engine.ticket_devices(context)).await?)
    }

    async fn granted(
        &self,
        user: dsp_protocol::id::UserId,
    ) -> Result<Vec<(DeviceId, String)>, Problem> {
        let devices = self.node.query(move |engine| {
            let devices = engine.log(user).into_iter().flat_map(|log| log.devices());
            devices.map(|(device, grant)| (device, grant.name.clone())).collect()
        });
        Ok(devices.await?)
    }

    fn named(
        &self,
        scene: &Scene,
        user: dsp_protocol::id::UserId,
        device: &str,
        context: ContextId,
    ) -> String {
        let label = scene.contexts.get(&context).map(|context| scene.label(context));
        format!("{}'s {device} in {}", scene.names.of(user), label.unwrap_or_default())
    }

    pub(super) async fn examine_peers(
        &self,
        peers: Vec<Peer>,
        findings: &mut Findings,
        reporter: &Reporter,
    ) -> Result<(), Problem> {
        if peers.is_empty() {
            findings.ok("peers", "nobody else's device is known to share anything with you");
            return Ok(());
        }
        let all = peers.len() as u64;
        let mut tried = 0;
        let mut hops = futures::stream::iter(peers)
            .map(|peer| async move { (peer.name.clone(), self.hop(&peer).await) })
            .buffered(AT_ONCE);
        while let Some((name, verdict)) = hops.next().await {
            tried += 1;
            reporter.progress(|| Progress {
                what: "dialling".to_owned(),
                bytes: 0,
                bytes_total: None,
                files: tried,
                files_total: Some(all),
            });
            match verdict? {
                Verdict::Well(what) => findings.ok("peers", format!("{name}: {what}")),
                Verdict::Known(what, hint) => {
                    findings.warn("peers", format!("{name}: {what}"), hint)
                }
                Verdict::Broken(what, hint) => {
                    findings.fail("peers", format!("{name}: {what}"), hint)
                }
            }
        }
        Ok(())
    }

    /// Goes to a device hop by hop, and tells which one is broken.
    async fn hop(&self, peer: &Peer) -> Result<Verdict, Problem> {
        if let Some(verdict) = self.matched(peer).await? {
            return Ok(verdict);
        }
        let device = peer.device;
        let mut known = self.store.addresses(device).await?;
        let (context, heard) = (peer.context, device);
        let told = self.node.query(move |engine| engine.addresses_of(context, heard)).await?;
        known.extend(told);
        let addresses: Vec<Multiaddr> = known.iter().filter_map(|a| a.parse().ok()).collect();
        if addresses.is_empty() {
            return Ok(Verdict::Known(
                "no address of it is known".to_owned(),
                "it says where it is when it is online; else ask for a new ticket",
            ));
        }
        match timeout(DIAL, self.net.dial(device, addresses.clone())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Ok(broken(&error)),
            Err(_) => {
                return Ok(Verdict::Broken(
                    format!("no answer within {} s at {}", DIAL.as_secs(), first(&addresses)),
                    "it is off, elsewhere, or a firewall drops what comes",
                ));
            }
        }
        let until = Instant::now() + MATCH;
        loop {
            if let Some(verdict) = self.matched(peer).await? {
                return Ok(verdict);
            }
            if Instant::now() >= until {
                return self.silent(peer).await;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Says why a device that answers does not begin to sync.
    async fn silent(&self, peer: &Peer) -> Result<Verdict, Problem> {
        let (device, context) = (peer.device, peer.context);
        Ok(match self.node.query(move |engine| engine.hop(context, device)).await? {
            Hop::OtherVersion(theirs) => {
                let newer = theirs.iter().max() > VERSIONS.iter().max();
                Verdict::Broken(
                    format!(
                        "it speaks version {} of the protocol, this dsp {}",
                        or(&theirs),
                        or(VERSIONS)
                    ),
                    match newer {
                        true => "this dsp is too old for it: install a newer one here",
                        false => {
                            "it runs a dsp that is too old: a newer one has to be installed there"
                        }
                    },
                )
            }
            _ => Verdict::Broken(
                "it answers, and does not begin to sync".to_owned(),
                "it may run another version of dsp, or block this device; its log tells more",
            ),
        })
    }

    /// Tells how a session with a device stands; nothing while there is none, or it goes on.
    async fn matched(&self, peer: &Peer) -> Result<Option<Verdict>, Problem> {
        let (device, context) = (peer.device, peer.context);
        Ok(match self.node.query(move |engine| engine.hop(context, device)).await? {
            // What was so last may be mended by now.
            Hop::NoSession | Hop::OtherVersion(_) | Hop::Begins => None,
            Hop::NoMatch => Some(Verdict::Known(
                "connected, and it does not know this context".to_owned(),
                "it left, or has another key of the context; a new ticket helps",
            )),
            Hop::Denied(code) => Some(Verdict::Broken(
                format!("connected, and not admitted: {}", code.reason()),
                "ask an owner for a new ticket",
            )),
            Hop::DeniedHere => Some(Verdict::Known(
                "connected, and not admitted here".to_owned(),
                "right, if she was removed on purpose; else an owner shares a new ticket with her",
            )),
            Hop::Syncs => Some(Verdict::Well("connected and in sync".to_owned())),
        })
    }
}

/// Says in plain words why a dial came to nothing.
fn broken(error: &DialError) -> Verdict {
    let text = error.to_string();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match error {
        DialError::NoAddress(_) | DialError::Address(_) => Verdict::Known(
            "none of its addresses can be dialled".to_owned(),
            "ask for a new ticket",
        ),
        DialError::Blocked => Verdict::Known(
            "blocked here, because it broke a rule".to_owned(),
            "it is let in again after an hour; the log tells what it did",
        ),
        DialError::WrongDevice { address, .. } => Verdict::Broken(
            format!("another device answers at {address}"),
            "its address was given to another machine; wait until it says where it is",
        ),
        DialError::NotADevice(_) => Verdict::Broken(
            "something that is no node of dsp answers at its address".to_owned(),
            "ask for a new ticket",
        ),
        DialError::Limit(_) => Verdict::Known(
            "this node has no room for more connections".to_owned(),
            "try again later",
        ),
        _ if says(&["refused"]) => Verdict::Broken(
            "the machine is there, and refuses: no daemon listens at its address".to_owned(),
            "is the daemon running there? `dsp status` starts it",
        ),
        _ if says(&["unreachable", "No route", "not reachable"]) => Verdict::Broken(
            "no route to its address".to_owned(),
            "is this machine online, and in the same network or VPN?",
        ),
        _ if says(&["imed out", "imeout", "no connection within"]) => Verdict::Broken(
            "no answer at its address".to_owned(),
            "it is off, elsewhere, or a firewall drops what comes",
        ),
        _ => Verdict::Broken(text, "the log tells more: `dsp daemon logs`"),
    }
}

/// Lists versions for a sentence.
fn or(versions: &[u16]) -> String {
    versions.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ")
}

fn first(addresses: &[Multiaddr]) -> String {
    addresses.first().map(ToString::to_string).unwrap_or_default()
}

fn is_loopback(address: &Multiaddr) -> bool {
    let text = address.to_string();
    text.starts_with("/ip4/127.") || text.starts_with("/ip6/::1/")
}

/// Tells whether the group of mDNS can be joined.
fn multicast() -> std::io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.join_multicast_v4(&Ipv4Addr::new(224, 0, 0, 251), &Ipv4Addr::UNSPECIFIED)
}
