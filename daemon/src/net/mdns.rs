//! Finding nodes on the local network, and being found, without saying who one is.
//!
//! A node announces `<random>._dsp._udp.local.` with the ports of its listeners. The name is drawn
//! at every start and stands for nothing; who a node is shows only in the handshake with whoever
//! dials it. `docs/decisions/0002-mdns-without-device-ids.md` has the reasons.
//!
//! What arrives is hearsay from anybody on the network: names, addresses and their number are
//! bounded and checked, and nothing is believed of it but that an address may be worth a dial.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use mdns_sd::{IfKind, Receiver, ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::address::{self, Transport};
use super::limits::GOODBYE;

const SERVICE: &str = "_dsp._udp.local.";
/// Keys of the ports in the announcement.
const TCP: &str = "tcp";
const QUIC: &str = "quic";
/// Most announced nodes remembered; further ones are not reported until some are gone.
const INSTANCES: usize = 256;
/// Most IP addresses taken from one announcement.
const ADDRESSES: usize = 4;
/// Announcements that wait for the node.
const QUEUE: usize = 16;
/// Pause before listening again when the queue of the library overflowed.
const PAUSE: Duration = Duration::from_secs(10);

/// Why mDNS could not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum DiscoveryError {
    #[error("no randomness for a name")]
    Random(#[source] getrandom::Error),
    #[error("mDNS failed")]
    Mdns(#[from] mdns_sd::Error),
}

/// The ports and addresses that a node announces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Announcement {
    tcp: Option<u16>,
    quic: Option<u16>,
    ips: Vec<IpAddr>,
}

impl Announcement {
    /// Collects what is worth announcing of the listen addresses.
    pub(super) fn of(listening: &[Multiaddr]) -> Self {
        let mut announcement = Announcement::default();
        for address in listening {
            let Some((ip, port)) = address::socket(address) else { continue };
            if ip.is_loopback() {
                continue;
            }
            match address::transport(address) {
                Some(Transport::Tcp) => announcement.tcp.get_or_insert(port),
                Some(Transport::Quic) => announcement.quic.get_or_insert(port),
                None => continue,
            };
            if !announcement.ips.contains(&ip) {
                announcement.ips.push(ip);
            }
        }
        announcement
    }

    fn to_service(&self, name: &str) -> Result<ServiceInfo, mdns_sd::Error> {
        let port = |port: Option<u16>| port.map(|port| port.to_string());
        let properties: Vec<_> = [(TCP, port(self.tcp)), (QUIC, port(self.quic))]
            .into_iter()
            .filter_map(|(key, port)| Some((key, port?)))
            .collect();
        let first = self.quic.or(self.tcp).unwrap_or_default();
        let host = format!("{name}.local.");
        // The library fills in the addresses, as interfaces come and go, but only those that are
        // listened on.
        let service = ServiceInfo::new(SERVICE, name, &host, (), first, &properties[..])?;
        let mut service = service.enable_addr_auto();
        service.set_interfaces(self.ips.iter().copied().map(IfKind::Addr).collect());
        Ok(service)
    }
}

/// A running search and announcement.
pub(super) struct Discovery {
    daemon: ServiceDaemon,
    name: String,
    announced: Announcement,
    found: mpsc::Receiver<Vec<Multiaddr>>,
    search: JoinHandle<()>,
}

impl Discovery {
    /// Starts to search; [`announce`](Self::announce) is separate.
    pub(super) fn start() -> Result<Self, DiscoveryError> {
        let name = random_name()?;
        let daemon = ServiceDaemon::new()?;
        daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?;
        let events = daemon.browse(SERVICE)?;
        let (sender, found) = mpsc::channel(QUEUE);
        let own = format!("{name}.{SERVICE}");
        let search = tokio::spawn(search(daemon.clone(), events, own, sender));
        Ok(Discovery { daemon, name, announced: Announcement::default(), found, search })
    }

    /// Announces ports and addresses, unless they are announced already.
    pub(super) fn announce(&mut self, announcement: Announcement) -> Result<(), DiscoveryError> {
        if announcement == self.announced {
            return Ok(());
        }
        if announcement.ips.is_empty() {
            self.daemon.unregister(&format!("{}.{SERVICE}", self.name))?;
        } else {
            self.daemon.register(announcement.to_service(&self.name)?)?;
        }
        self.announced = announcement;
        Ok(())
    }

    /// Returns the addresses of the next node found; never when the search has ended.
    pub(super) async fn next(&mut self) -> Vec<Multiaddr> {
        match self.found.recv().await {
            Some(addresses) => addresses,
            None => std::future::pending().await,
        }
    }

    /// Takes the announcement back and stops.
    pub(super) async fn stop(self) {
        self.search.abort();
        if let Ok(stopped) = self.daemon.shutdown() {
            // The goodbye is a courtesy; the announcement also ends by itself.
            let _ = timeout(GOODBYE, stopped.recv_async()).await;
        }
    }
}

/// Draws a name that stands for nothing.
fn random_name() -> Result<String, DiscoveryError> {
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(DiscoveryError::Random)?;
    Ok(data_encoding::BASE32_NOPAD.encode(&random).to_lowercase())
}

/// Reports each node found until the receiver is gone.
async fn search(
    daemon: ServiceDaemon,
    mut events: Receiver<ServiceEvent>,
    own: String,
    sender: mpsc::Sender<Vec<Multiaddr>>,
) {
    let mut known = Known::new(own);
    loop {
        while let Ok(event) = events.recv_async().await {
            if let Some(addresses) = known.take(event)
                && sender.send(addresses).await.is_err()
            {
                return;
            }
        }
        // The library ends a search whose reader falls behind; begin a new one, unhurried.
        sleep(PAUSE).await;
        match daemon.browse(SERVICE) {
            Ok(again) => events = again,
            Err(error) => {
                tracing::warn!(%error, "search on the local network ended");
                return;
            }
        }
    }
}

/// The nodes that announce themselves, so that each is reported once.
struct Known {
    own: String,
    instances: BTreeMap<String, Vec<Multiaddr>>,
}

impl Known {
    fn new(own: String) -> Self {
        Known { own, instances: BTreeMap::new() }
    }

    /// Returns the addresses of a node that is new or has moved.
    fn take(&mut self, event: ServiceEvent) -> Option<Vec<Multiaddr>> {
        match event {
            ServiceEvent::ServiceResolved(service) => self.resolved(&service),
            ServiceEvent::ServiceRemoved(_, name) => {
                self.instances.remove(&name);
                None
            }
            _ => None,
        }
    }

    fn resolved(&mut self, service: &ResolvedService) -> Option<Vec<Multiaddr>> {
        let name = service.get_fullname();
        if name.eq_ignore_ascii_case(&self.own) {
            return None;
        }
        let addresses = addresses(service);
        if addresses.is_empty() || self.instances.get(name) == Some(&addresses) {
            return None;
        }
        if !self.instances.contains_key(name) && self.instances.len() >= INSTANCES {
            tracing::debug!("too many nodes announce themselves");
            return None;
        }
        self.instances.insert(name.to_owned(), addresses.clone());
        Some(addresses)
    }
}

/// Returns the addresses of an announcement in the order in which to dial them.
fn addresses(service: &ResolvedService) -> Vec<Multiaddr> {
    let port = |key| service.get_property_val_str(key)?.parse::<u16>().ok();
    let mut ips: Vec<_> = service.get_addresses().iter().map(|ip| ip.to_ip_addr()).collect();
    ips.retain(|ip| !ip.is_loopback());
    ips.sort();
    let mut found = Vec::new();
    for ip in ips.into_iter().take(ADDRESSES) {
        let host = Multiaddr::from(ip);
        if let Some(port) = port(TCP) {
            found.push(host.clone().with(Protocol::Tcp(port)));
        }
        if let Some(port) = port(QUIC) {
            found.push(host.with(Protocol::Udp(port)).with(Protocol::QuicV1));
        }
    }
    address::dialable(found.iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "own._dsp._udp.local.";

    fn all(texts: &[&str]) -> Vec<Multiaddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn service(name: &str, ips: &[IpAddr], properties: &[(&str, &str)]) -> ServiceEvent {
        let info = ServiceInfo::new(SERVICE, name, "h.local.", ips, 1, properties).unwrap();
        ServiceEvent::ServiceResolved(Box::new(info.as_resolved_service()))
    }

    #[test]
    fn an_announcement_is_a_random_name_and_ports() {
        let announcement = Announcement::of(&all(&[
            "/ip4/192.168.0.7/tcp/4001",
            "/ip4/192.168.0.7/udp/4002/quic-v1",
            "/ip4/127.0.0.1/tcp/4003",
        ]));
        let service = announcement.to_service("xyz").unwrap();
        assert_eq!(service.get_fullname(), "xyz._dsp._udp.local.");
        assert_eq!(service.get_hostname(), "xyz.local.");
        assert_eq!(service.get_port(), 4002);
        let resolved = service.as_resolved_service();
        let properties: Vec<_> =
            resolved.get_properties().iter().map(|p| (p.key(), p.val_str())).collect();
        assert_eq!(properties, [("tcp", "4001"), ("quic", "4002")]);
        assert!(resolved.get_addresses().is_empty());
        assert_eq!(announcement.ips, [IpAddr::from([192, 168, 0, 7])]);
    }

    #[test]
    fn every_start_has_another_name() {
        let names: std::collections::BTreeSet<_> =
            (0..100).map(|_| random_name().unwrap()).collect();
        assert_eq!(names.len(), 100);
    }

    #[test]
    fn loopback_alone_is_not_announced() {
        let announcement = Announcement::of(&all(&["/ip4/127.0.0.1/tcp/4003"]));
        assert_eq!(announcement, Announcement::default());
    }

    #[test]
    fn a_node_is_reported_once_and_again_when_it_moves() {
        let mut known = Known::new(OWN.to_owned());
        let at = |last, port| {
            service("a", &[IpAddr::from([10, 0, 0, last])], &[("tcp", port), ("quic", "2")])
        };
        let first = all(&["/ip4/10.0.0.1/tcp/1", "/ip4/10.0.0.1/udp/2/quic-v1"]);
        assert_eq!(known.take(at(1, "1")), Some(first));
        assert_eq!(known.take(at(1, "1")), None);
        let moved = all(&["/ip4/10.0.0.9/tcp/1", "/ip4/10.0.0.9/udp/2/quic-v1"]);
        assert_eq!(known.take(at(9, "1")), Some(moved.clone()));
        known.take(ServiceEvent::ServiceRemoved(SERVICE.into(), format!("a.{SERVICE}")));
        assert_eq!(known.take(at(9, "1")), Some(moved));
    }

    #[test]
    fn the_own_announcement_is_ignored() {
        let mut known = Known::new(OWN.to_owned());
        let ip = [IpAddr::from([10, 0, 0, 1])];
        assert_eq!(known.take(service("own", &ip, &[("tcp", "1")])), None);
        assert_eq!(known.take(service("OWN", &ip, &[("tcp", "1")])), None);
    }

    #[test]
    fn hearsay_is_bounded_and_checked() {
        let mut known = Known::new(OWN.to_owned());
        let useless = [[127, 0, 0, 1], [0, 0, 0, 0], [224, 0, 0, 251], [255, 255, 255, 255]]
            .map(IpAddr::from);
        assert_eq!(known.take(service("a", &useless, &[("tcp", "1")])), None);
        let ip = IpAddr::from([10, 0, 0, 1]);
        for port in ["0", "65536", "-1", "", "x"] {
            assert_eq!(known.take(service("a", &[ip], &[("tcp", port)])), None);
        }
        let many: Vec<_> = (0..200).map(|last| IpAddr::from([10, 0, 1, last])).collect();
        let taken = known.take(service("a", &many, &[("tcp", "1")])).unwrap();
        assert_eq!(taken.len(), ADDRESSES);
        for n in 1..INSTANCES {
            assert!(known.take(service(&format!("n{n}"), &[ip], &[("tcp", "1")])).is_some());
        }
        assert_eq!(known.take(service("one-more", &[ip], &[("tcp", "1")])), None);
    }
}
