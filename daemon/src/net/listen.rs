//! The configured listen addresses and what became of each.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{Ipv6Addr, TcpListener};

use libp2p::Multiaddr;
use libp2p::core::transport::ListenerId;
use libp2p::multiaddr::Protocol;

use super::address::socket;

/// Fails when another socket listens on a TCP address already.
///
/// libp2p listens with `SO_REUSEPORT`, so that the system would share the port among the daemons of
/// one user and hand a connection to either.
///
/// # Errors
/// That the address is in use; other faults are left for the listener to find.
pub(super) fn claim(address: &Multiaddr) -> io::Result<()> {
    let (Some((ip, port)), Some(Protocol::Tcp(_))) = (socket(address), address.iter().nth(1))
    else {
        return Ok(());
    };
    // Bound to all of IPv6, the standard library takes IPv4 as well, which may be our own.
    let ip = if ip == Ipv6Addr::UNSPECIFIED { Ipv6Addr::LOCALHOST.into() } else { ip };
    match TcpListener::bind((ip, port)) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
        _ => Ok(()),
    }
}

/// The listeners of a node.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    configured: HashMap<ListenerId, Multiaddr>,
    /// Those that have not named an address yet.
    pending: HashSet<ListenerId>,
    failed: Vec<(Multiaddr, String)>,
}

impl Listeners {
    /// Notes a listener that was opened.
    pub(super) fn opened(&mut self, id: ListenerId, configured: Multiaddr) {
        self.configured.insert(id, configured);
        self.pending.insert(id);
    }

    /// Notes an address that could not be listened on.
    pub(super) fn failed(&mut self, configured: Multiaddr, reason: String) {
        self.failed.push((configured, reason));
    }

    /// Notes that a listener named an address.
    pub(super) fn named(&mut self, id: ListenerId) {
        self.pending.remove(&id);
    }

    /// Forgets a listener that closed, and returns its configured address.
    pub(super) fn closed(&mut self, id: ListenerId) -> Option<Multiaddr> {
        self.pending.remove(&id);
        self.configured.remove(&id)
    }

    /// Says whether every listener has named an address or closed.
    pub(super) fn is_settled(&self) -> bool {
        self.pending.is_empty()
    }

    /// Says whether addresses were configured and none of them is listened on.
    pub(super) fn all_failed(&self) -> bool {
        self.configured.is_empty() && !self.failed.is_empty()
    }

    /// Returns the failures not taken before.
    pub(super) fn take_failed(&mut self) -> Vec<(Multiaddr, String)> {
        std::mem::take(&mut self.failed)
    }

    /// Returns the ids of all listeners.
    pub(super) fn ids(&self) -> Vec<ListenerId> {
        self.configured.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_found_under_every_spelling() {
        let of = |ip: &str, port: u16| -> Multiaddr { format!("{ip}/tcp/{port}").parse().unwrap() };
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(claim(&of("/ip4/127.0.0.1", port)).is_err());
        assert!(claim(&of("/ip4/0.0.0.0", port)).is_err());
        assert!(claim(&of("/ip4/127.0.0.1", 0)).is_ok());
        // IPv6 is another matter, also when one daemon listens on both.
        let taken = TcpListener::bind("0.0.0.0:0").unwrap();
        assert!(claim(&of("/ip6/::", taken.local_addr().unwrap().port())).is_ok());
        if let Ok(taken) = TcpListener::bind("[::1]:0") {
            assert!(claim(&of("/ip6/::", taken.local_addr().unwrap().port())).is_err());
        }
    }
}
