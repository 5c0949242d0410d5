//! Ports that the system chose, kept across restarts so that tickets and bookmarks stay good.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use super::StartError;
use crate::config::{Settings, Source, find};
use crate::store::{Slot, Store};

/// Returns the ports to try for the API, in order: the one of last time, then the wanted one.
pub(super) async fn http(store: &Store, settings: &Settings) -> Result<Vec<u16>, StartError> {
    let wanted = settings.config().http_port;
    let chosen = settings.source(find("http.port", None)?) != Source::Default;
    let last = store.get(Slot::HTTP_PORT).await?.and_then(|bytes| bytes.try_into().ok());
    let last = last.map(u16::from_be_bytes);
    let last = last.filter(|_| wanted == 0 || !chosen);
    Ok(last.into_iter().chain([wanted]).collect())
}

/// Returns the port that was to be bound and was not, where another one was.
pub(super) fn taken(wanted: &[u16], bound: u16) -> Option<u16> {
    wanted.first().copied().filter(|first| *first != 0 && *first != bound)
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

/// Remembers the port of the API for the next start; without, another may be chosen then.
pub(super) async fn remember_http(store: &Store, port: u16) {
    if let Err(error) = store.set(Slot::HTTP_PORT, port.to_be_bytes()).await {
        tracing::warn!(%error, port, "the port is not remembered");
    }
}

/// Remembers the ports that were chosen, as [`remember_http`] does.
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
    fn a_port_that_was_kept_is_not_called_taken() {
        assert_eq!(taken(&[4851, 4848], 4851), None, "the one of last time");
        assert_eq!(taken(&[4848], 4848), None);
        assert_eq!(taken(&[0], 4851), None, "any was good");
        assert_eq!(taken(&[4851, 0], 4852), Some(4851));
        assert_eq!(taken(&[4848], 4849), Some(4848));
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
