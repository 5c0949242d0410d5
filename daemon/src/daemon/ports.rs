//! Ports that the system chose, kept across restarts so that tickets and bookmarks stay good.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use super::StartError;
use crate::config::{Settings, Source, find};
use crate::store::{Slot, Store};

/// The ports of the API: which to try, and which this home is known by.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HttpPorts {
    /// The port of this home, that profiles and bookmarks name.
    own: Option<u16>,
    /// Where it answered while that one was taken.
    other: Option<u16>,
    /// The one of the settings.
    wanted: u16,
    chosen: bool,
}

impl HttpPorts {
    /// Reads what is kept, two ports of two bytes each at most.
    fn of(kept: &[u8], wanted: u16, chosen: bool) -> HttpPorts {
        let mut kept = kept.as_chunks().0.iter().map(|bytes| u16::from_be_bytes(*bytes));
        let (own, other) = match wanted == 0 || !chosen {
            true => (kept.next(), kept.next()),
            false => (Some(wanted), None),
        };
        HttpPorts { own, other, wanted, chosen }
    }

    /// Returns the ports to try, in order.
    pub(super) fn in_order(&self) -> Vec<u16> {
        self.own.into_iter().chain(self.other).chain([self.wanted]).collect()
    }

    /// Returns the port of this home where another one was bound.
    pub(super) fn taken(&self, bound: u16) -> Option<u16> {
        self.own.filter(|own| *own != 0 && *own != bound)
    }

    /// Returns what is kept once a port is bound: a home whose own port is taken goes back to it.
    fn kept(&self, bound: u16) -> Vec<u8> {
        let own = self.taken(bound).filter(|_| !self.chosen || self.wanted == 0);
        own.into_iter().chain([bound]).flat_map(u16::to_be_bytes).collect()
    }

    /// Remembers the port for the next start; without, another may be chosen then.
    pub(super) async fn remember(&self, store: &Store, bound: u16) {
        if let Err(error) = store.set(Slot::HTTP_PORT, self.kept(bound)).await {
            tracing::warn!(%error, bound, "the port is not remembered");
        }
    }
}

/// Returns the ports of the API: those that are kept, and the wanted one.
pub(super) async fn http(store: &Store, settings: &Settings) -> Result<HttpPorts, StartError> {
    let wanted = settings.config().http_port;
    let chosen = settings.source(find("http.port", None)?) != Source::Default;
    let kept = store.get(Slot::HTTP_PORT).await?.unwrap_or_default();
    Ok(HttpPorts::of(&kept, wanted, chosen))
}

/// Returns the ports to try for bytes that others made: the one of last time, then any.
pub(super) async fn raw(store: &Store) -> Vec<u16> {
    let kept = store.get(Slot::RAW_PORT).await.ok().flatten();
    let kept = kept.and_then(|bytes| bytes.try_into().ok()).map(u16::from_be_bytes);
    kept.into_iter().chain([0]).collect()
}

/// Remembers that port; without, another may be chosen at the next start.
pub(super) async fn remember_raw(store: &Store, port: u16) {
    if let Err(error) = store.set(Slot::RAW_PORT, port.to_be_bytes()).await {
        tracing::warn!(%error, port, "the second port is not remembered");
    }
}

/// Returns the addresses to listen on: where the system is to choose a port, the one of last time
/// if it is free.
pub(super) async fn remembered(
    store: &Store,
    configured: &[Multiaddr],
) -> Result<Vec<Multiaddr>, StartError> {
    let text = store.get(Slot::LISTEN).await?.unwrap_or_default();
    let last: Vec<Multiaddr> =
        String::from_utf8_lossy(&text).lines().filter_map(|line| line.parse().ok()).collect();
    let choose = |address: &Multiaddr| {
        let same = last.iter().find(|last| with_port(last, 0) == *address && is_free(last));
        same.unwrap_or(address).clone()
    };
    Ok(configured.iter().map(choose).collect())
}

/// Remembers the ports that were chosen; without, others may be chosen at the next start.
pub(super) async fn remember(store: &Store, configured: &[Multiaddr], listening: &[Multiaddr]) {
    let mut lines = String::new();
    for address in configured.iter().filter(|address| port(address) == Some(0)) {
        let chosen = listening.iter().find(|bound| serves(address, bound)).and_then(port);
        if let Some(chosen) = chosen {
            lines += &format!("{}\n", with_port(address, chosen));
        }
    }
    if let Err(error) = store.set(Slot::LISTEN, lines).await {
        tracing::warn!(%error, "the ports are not remembered");
    }
}

/// Tells whether a bound address can be one of a configured one: the same protocols, and the same
/// IP address unless all are meant.
fn serves(configured: &Multiaddr, bound: &Multiaddr) -> bool {
    let same = |(a, b): (Protocol<'_>, Protocol<'_>)| match (&a, &b) {
        (Protocol::Ip4(ip), Protocol::Ip4(_)) if ip.is_unspecified() => true,
        (Protocol::Ip6(ip), Protocol::Ip6(_)) if ip.is_unspecified() => true,
        (Protocol::Tcp(_), Protocol::Tcp(_)) | (Protocol::Udp(_), Protocol::Udp(_)) => true,
        _ => a == b,
    };
    configured.iter().count() == bound.iter().count() && configured.iter().zip(bound).all(same)
}

fn port(address: &Multiaddr) -> Option<u16> {
    address.iter().find_map(|part| match part {
        Protocol::Tcp(port) | Protocol::Udp(port) => Some(port),
        _ => None,
    })
}

fn with_port(address: &Multiaddr, port: u16) -> Multiaddr {
    let parts = address.iter().map(|part| match part {
        Protocol::Tcp(_) => Protocol::Tcp(port),
        Protocol::Udp(_) => Protocol::Udp(port),
        other => other,
    });
    parts.collect()
}

/// Tells whether a port can be bound now.
fn is_free(address: &Multiaddr) -> bool {
    let mut parts = address.iter();
    let ip: IpAddr = match parts.next() {
        Some(Protocol::Ip4(ip)) => ip.into(),
        Some(Protocol::Ip6(ip)) => ip.into(),
        _ => return false,
    };
    match parts.next() {
        Some(Protocol::Tcp(port)) => TcpListener::bind(SocketAddr::new(ip, port)).is_ok(),
        Some(Protocol::Udp(port)) => UdpSocket::bind(SocketAddr::new(ip, port)).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_wildcard_is_served_by_any_interface() {
        let any = address("/ip4/0.0.0.0/tcp/0");
        assert!(serves(&any, &address("/ip4/192.168.0.7/tcp/4001")));
        assert!(!serves(&any, &address("/ip6/::1/tcp/4001")));
        assert!(!serves(&any, &address("/ip4/192.168.0.7/udp/4001/quic-v1")));
        let one = address("/ip4/127.0.0.1/udp/0/quic-v1");
        assert!(serves(&one, &address("/ip4/127.0.0.1/udp/9/quic-v1")));
        assert!(!serves(&one, &address("/ip4/127.0.0.2/udp/9/quic-v1")));
    }

    #[test]
    fn a_home_goes_back_to_its_port() {
        let fresh = HttpPorts::of(&[], 4848, false);
        assert_eq!((fresh.in_order(), fresh.taken(4849)), (vec![4848], None), "it had none");
        let kept = fresh.kept(4849);
        let second = HttpPorts::of(&kept, 4848, false);
        assert_eq!(second.in_order(), [4849, 4848]);
        assert_eq!((second.taken(4849), second.taken(4850)), (None, Some(4849)));
        let third = HttpPorts::of(&second.kept(4850), 4848, false);
        assert_eq!(third.in_order(), [4849, 4850, 4848], "its own, then the one of last time");
        assert_eq!(third.kept(4850), second.kept(4850));
        assert_eq!(HttpPorts::of(&third.kept(4849), 4848, false).in_order(), [4849, 4848]);
    }

    #[test]
    fn a_port_that_was_asked_for_comes_first() {
        let kept = HttpPorts::of(&[], 4848, false).kept(4848);
        let asked = HttpPorts::of(&kept, 8080, true);
        assert_eq!(asked.in_order(), [8080, 8080]);
        assert_eq!((asked.taken(8080), asked.taken(8081)), (None, Some(8080)));
        assert_eq!(HttpPorts::of(&asked.kept(8081), 4848, false).in_order(), [8081, 4848]);
        let any = HttpPorts::of(&kept, 0, true);
        assert_eq!(any.in_order(), [4848, 0], "where any is good, the one of last time");
        assert_eq!(HttpPorts::of(&[], 0, true).taken(4851), None);
    }

    #[test]
    fn ports_change_and_the_rest_stays() {
        let quic = address("/ip4/0.0.0.0/udp/0/quic-v1");
        assert_eq!(with_port(&quic, 7), address("/ip4/0.0.0.0/udp/7/quic-v1"));
        assert_eq!(port(&with_port(&quic, 7)), Some(7));
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(!is_free(&address(&format!("/ip4/127.0.0.1/tcp/{port}"))));
    }
}
