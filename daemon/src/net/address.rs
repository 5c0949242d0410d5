//! Which addresses can be dialled, and in which order.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

use super::limits::DIAL_ADDRESSES;

/// How an address is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Transport {
    Tcp,
    Quic,
}

/// How far away an address looks; nearer ones are tried first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Distance {
    /// The local network.
    Near,
    /// Anywhere else.
    Far,
    /// A name that has to be resolved first.
    Named,
    /// This machine, for which most other machines' loopback addresses do not stand.
    Loopback,
}

/// The addresses of one device in the order in which they are tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) tcp: Vec<Multiaddr>,
    pub(super) quic: Vec<Multiaddr>,
}

/// Sorts addresses into a plan: TCP before QUIC, near before far, each once and at most
/// [`DIAL_ADDRESSES`]. Those that cannot be dialled, or name another peer, are left out.
pub(super) fn plan(peer: &PeerId, addresses: &[Multiaddr]) -> Plan {
    let mut ranked = Vec::new();
    for address in addresses {
        let (address, named) = split_peer(address);
        let Some((transport, distance)) = classify(&address) else { continue };
        if named.is_some_and(|named| named != *peer) {
            continue;
        }
        ranked.push((transport, distance, address));
    }
    ranked.sort_by_key(|(transport, distance, _)| (*transport, *distance));
    let mut plan = Plan::default();
    for (transport, _, address) in ranked {
        let list = match transport {
            Transport::Tcp => &mut plan.tcp,
            Transport::Quic => &mut plan.quic,
        };
        // Half of the places for each, so that a flood of one does not push out the other.
        if list.len() < DIAL_ADDRESSES / 2 && !list.contains(&address) {
            list.push(address);
        }
    }
    plan
}

/// Returns the listen addresses that others can dial, loopback last.
pub(super) fn dialable<'a>(listeners: impl Iterator<Item = &'a Multiaddr>) -> Vec<Multiaddr> {
    let mut ranked: Vec<_> = listeners
        .filter_map(|address| Some((classify(address)?, address.clone())))
        .map(|((transport, distance), address)| (distance, transport, address))
        .collect();
    ranked.sort();
    ranked.dedup();
    ranked.into_iter().map(|(_, _, address)| address).collect()
}

/// Returns where others can reach a node, as texts that name no peer: first the addresses that its
/// user announces, then those that it listens on.
pub fn reachable_at(announced: &[Multiaddr], listening: &[Multiaddr]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for address in announced.iter().chain(listening) {
        let address = split_peer(address).0.to_string();
        if !all.contains(&address) {
            all.push(address);
        }
    }
    all
}

/// Says how an address is reached, or `None` when it cannot be dialled.
pub(super) fn transport(address: &Multiaddr) -> Option<Transport> {
    classify(&split_peer(address).0).map(|(transport, _)| transport)
}

/// Returns the IP address and the port of a TCP or QUIC address.
pub(super) fn socket(address: &Multiaddr) -> Option<(IpAddr, u16)> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Protocol::Ip4(ip) => IpAddr::V4(ip),
        Protocol::Ip6(ip) => IpAddr::V6(ip),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) | Protocol::Udp(port) => Some((ip, port)),
        _ => None,
    }
}

/// Returns the address of this machine from which the system sends to another, with any port. It
/// looks the way up and sends nothing.
pub(super) fn source(to: &Multiaddr) -> Option<(IpAddr, u16)> {
    let (ip, port) = socket(to)?;
    let any = match ip {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let asking = UdpSocket::bind((any, 0)).ok()?;
    asking.connect((ip, port)).ok()?;
    let local = asking.local_addr().ok()?;
    Some((local.ip(), local.port()))
}

/// Splits off the peer that an address names at its end.
pub(super) fn split_peer(address: &Multiaddr) -> (Multiaddr, Option<PeerId>) {
    let mut address = address.clone();
    match address.iter().last() {
        Some(Protocol::P2p(peer)) => {
            address.pop();
            (address, Some(peer))
        }
        _ => (address, None),
    }
}

/// Recognises `/ip/tcp` and `/ip/udp/quic-v1`, by address or by name, without a peer.
fn classify(address: &Multiaddr) -> Option<(Transport, Distance)> {
    let mut parts = address.iter();
    let distance = match parts.next()? {
        Protocol::Ip4(ip) => distance(IpAddr::V4(ip))?,
        Protocol::Ip6(ip) => distance(IpAddr::V6(ip))?,
        Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) => Distance::Named,
        _ => return None,
    };
    let transport = match (parts.next()?, parts.next()) {
        (Protocol::Tcp(1..), None) => Transport::Tcp,
        (Protocol::Udp(1..), Some(Protocol::QuicV1)) => Transport::Quic,
        _ => return None,
    };
    parts.next().is_none().then_some((transport, distance))
}

/// Says how far an address looks, or `None` for one that no connection can be made to: IPv6
/// link-local addresses mean nothing without an interface.
fn distance(ip: IpAddr) -> Option<Distance> {
    if ip.is_unspecified() || ip.is_multicast() {
        return None;
    }
    if ip.is_loopback() {
        return Some(Distance::Loopback);
    }
    match ip {
        IpAddr::V4(ip) if ip.is_broadcast() => None,
        IpAddr::V4(ip) if ip.is_private() || ip.is_link_local() => Some(Distance::Near),
        IpAddr::V6(ip) if ip.is_unicast_link_local() => None,
        IpAddr::V6(ip) if ip.is_unique_local() => Some(Distance::Near),
        IpAddr::V4(_) | IpAddr::V6(_) => Some(Distance::Far),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(texts: &[&str]) -> Vec<Multiaddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn tcp_comes_first_and_the_near_before_the_far() {
        let plan = plan(
            &PeerId::random(),
            &all(&[
                "/ip4/127.0.0.1/tcp/1",
                "/dns4/example.org/tcp/1",
                "/ip4/10.0.0.1/udp/1/quic-v1",
                "/ip4/198.51.100.1/tcp/1",
                "/ip4/192.168.0.1/tcp/1",
                "/ip4/192.168.0.1/tcp/1",
            ]),
        );
        let tcp = all(&[
            "/ip4/192.168.0.1/tcp/1",
            "/ip4/198.51.100.1/tcp/1",
            "/dns4/example.org/tcp/1",
            "/ip4/127.0.0.1/tcp/1",
        ]);
        assert_eq!(plan, Plan { tcp, quic: all(&["/ip4/10.0.0.1/udp/1/quic-v1"]) });
    }

    #[test]
    fn what_cannot_be_dialled_is_left_out() {
        let useless = all(&[
            "/ip4/0.0.0.0/tcp/1",
            "/ip4/10.0.0.1/tcp/0",
            "/ip4/10.0.0.1/udp/1",
            "/ip4/224.0.0.251/udp/5353/quic-v1",
            "/ip6/fe80::1/tcp/1",
            "/ip4/10.0.0.1/tcp/1/ws",
            "/unix/x",
        ]);
        assert_eq!(plan(&PeerId::random(), &useless), Plan::default());
    }

    #[test]
    fn an_address_of_another_peer_is_left_out() {
        let (peer, other) = (PeerId::random(), PeerId::random());
        let of = |peer: PeerId| format!("/ip4/10.0.0.1/tcp/1/p2p/{peer}").parse().unwrap();
        assert_eq!(plan(&peer, &[of(peer)]).tcp, all(&["/ip4/10.0.0.1/tcp/1"]));
        assert_eq!(plan(&peer, &[of(other)]), Plan::default());
    }

    #[test]
    fn the_number_of_addresses_is_bounded() {
        let many: Vec<Multiaddr> =
            (1..1000).map(|port| format!("/ip4/10.0.0.1/tcp/{port}").parse().unwrap()).collect();
        assert_eq!(plan(&PeerId::random(), &many).tcp.len(), DIAL_ADDRESSES / 2);
    }

    #[test]
    fn what_is_announced_comes_before_what_is_listened_on() {
        let announced = all(&["/dns4/example.org/tcp/1", "/ip4/10.0.0.1/tcp/1"]);
        let peer = PeerId::random();
        let announced =
            [&announced[..], &[announced[0].clone().with(Protocol::P2p(peer))]].concat();
        let listening = all(&["/ip4/10.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1"]);
        let texts = ["/dns4/example.org/tcp/1", "/ip4/10.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1"];
        assert_eq!(reachable_at(&announced, &listening), texts);
    }

    #[test]
    fn what_goes_to_this_machine_comes_from_it() {
        let to = |text: &str| source(&text.parse().unwrap()).map(|(ip, _)| ip);
        assert_eq!(to("/ip4/127.0.0.1/tcp/1"), Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        assert_eq!(to("/ip4/127.0.0.1/udp/1/quic-v1"), Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        assert_eq!(to("/dns4/example.org/tcp/1"), None);
    }

    #[test]
    fn loopback_is_listed_last() {
        let listeners = all(&[
            "/ip4/127.0.0.1/tcp/1",
            "/ip6/fe80::1/tcp/1",
            "/ip4/192.168.0.1/udp/1/quic-v1",
            "/ip4/192.168.0.1/tcp/1",
        ]);
        assert_eq!(
            dialable(listeners.iter()),
            all(&[
                "/ip4/192.168.0.1/tcp/1",
                "/ip4/192.168.0.1/udp/1/quic-v1",
                "/ip4/127.0.0.1/tcp/1",
            ])
        );
    }
}
