//! Addresses that others name: which of them are worth a dial.
//!
//! A ticket is the user's own doing, and so are her settings; what a peer says of itself or of
//! others, and what announces itself on the local network, is anybody's word. A dial goes to
//! whoever is at the address, with this machine's address as the sender, so nobody may aim it at
//! services of this machine, of its cloud, or of the network it stands in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libp2p::Multiaddr;

use super::address::{socket, transport};

/// Ports below this one are those of other services, but for [`HTTPS`].
const UNPRIVILEGED: u16 = 1024;
/// The port on which nodes behind strict firewalls listen.
const HTTPS: u16 = 443;
/// Where clouds tell a machine its secrets.
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// Tells whether an address that a peer named may be dialled by a node that listens at some:
/// private ones may, since teams sit in one network; this machine's own may only where the node
/// listens nowhere else; link-local ones where it has one itself. A name may not: what it stands
/// for is the peer's to choose anew each time.
pub(crate) fn may_be_dialled(address: &Multiaddr, listening: &[Multiaddr]) -> bool {
    let Some((ip, port)) = socket(address).filter(|_| transport(address).is_some()) else {
        return false;
    };
    let ip = ip.to_canonical();
    let own = || listening.iter().filter_map(socket).map(|(ip, _)| ip.to_canonical());
    let at_right_port = port >= UNPRIVILEGED || port == HTTPS;
    at_right_port
        && match ip {
            _ if ip.is_unspecified() || ip.is_multicast() => false,
            _ if ip.is_loopback() => own().next().is_some() && own().all(|ip| ip.is_loopback()),
            IpAddr::V4(METADATA | Ipv4Addr::BROADCAST) => false,
            IpAddr::V4(ip) if ip.is_link_local() => {
                own().any(|own| matches!(own, IpAddr::V4(own) if own.is_link_local()))
            }
            IpAddr::V4(_) => true,
            IpAddr::V6(ip) => !ip.is_unicast_link_local(),
        }
}

/// Tells whether an address that announced itself on the local network may be dialled: besides the
/// rule for peers it has to be of a local network, or of one in which the node listens.
pub(super) fn is_of_the_network(address: &Multiaddr, listening: &[Multiaddr]) -> bool {
    let Some((ip, _)) = socket(address) else { return false };
    let near = match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local(),
    };
    let own = listening.iter().filter_map(socket);
    may_be_dialled(address, listening)
        && (near || own.into_iter().any(|(own, _)| same_network(own, ip)))
}

/// Tells whether two addresses look as if they were of one network: the usual sizes, /24 and /64.
fn same_network(a: IpAddr, b: IpAddr) -> bool {
    match (a.to_canonical(), b.to_canonical()) {
        (IpAddr::V4(a), IpAddr::V4(b)) => a.octets()[..3] == b.octets()[..3],
        (IpAddr::V6(a), IpAddr::V6(b)) => prefix(a) == prefix(b),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

fn prefix(ip: Ipv6Addr) -> [u16; 4] {
    let [a, b, c, d, ..] = ip.segments();
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(texts: &[&str]) -> Vec<Multiaddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn nobody_aims_a_dial_at_this_machine_its_cloud_or_other_services() {
        let listening = all(&["/ip4/192.168.0.7/tcp/4001", "/ip4/127.0.0.1/tcp/4001"]);
        for refused in all(&[
            "/ip4/127.0.0.1/tcp/6379",
            "/ip6/::1/tcp/6379",
            "/ip6/::ffff:127.0.0.1/tcp/6379",
            "/ip4/0.0.0.0/tcp/6379",
            "/ip4/224.0.0.251/udp/5353/quic-v1",
            "/ip4/169.254.169.254/tcp/8080",
            "/ip4/169.254.1.1/tcp/4001",
            "/ip4/192.168.0.1/tcp/22",
            "/ip4/10.0.0.1/tcp/80",
            "/dns4/localhost.example.org/tcp/4001",
            "/unix/x",
        ]) {
            assert!(!may_be_dialled(&refused, &listening), "{refused}");
        }
        for taken in all(&[
            "/ip4/192.168.0.1/tcp/4001",
            "/ip4/10.9.9.9/udp/4001/quic-v1",
            "/ip4/198.51.100.1/tcp/443",
            "/ip6/fd00::1/tcp/4001",
            "/ip6/2001:db8::1/tcp/4001",
        ]) {
            assert!(may_be_dialled(&taken, &listening), "{taken}");
        }
    }

    #[test]
    fn who_is_on_this_machine_alone_reaches_others_on_it() {
        let loopback = all(&["/ip4/127.0.0.1/tcp/4001"]);
        let address: Multiaddr = "/ip4/127.0.0.1/tcp/5001".parse().unwrap();
        assert!(may_be_dialled(&address, &loopback));
        assert!(!may_be_dialled(&address, &[]));
        let cable = all(&["/ip4/169.254.3.4/tcp/4001"]);
        assert!(may_be_dialled(&"/ip4/169.254.1.1/tcp/4001".parse().unwrap(), &cable));
    }

    #[test]
    fn what_is_announced_on_a_local_network_is_of_one() {
        let listening = all(&["/ip4/203.0.113.7/tcp/4001", "/ip6/2001:db8:0:1::7/tcp/4001"]);
        for taken in all(&[
            "/ip4/203.0.113.9/tcp/4001",
            "/ip4/10.0.0.1/tcp/4001",
            "/ip6/2001:db8:0:1::9/tcp/4001",
        ]) {
            assert!(is_of_the_network(&taken, &listening), "{taken}");
        }
        let elsewhere = ["/ip4/198.51.100.1/tcp/4001", "/ip6/2001:db8:0:2::9/tcp/4001"];
        for refused in all(&elsewhere) {
            assert!(!is_of_the_network(&refused, &listening), "{refused}");
        }
    }
}
