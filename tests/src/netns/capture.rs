//! Every packet of a namespace, as the kernel hands it to a packet socket.

use std::fmt;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context as _;
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_recv_buffer_size_force, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, eth};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::sync::mpsc;

/// How long a read may take before it is looked whether to stop.
const LOOK: Duration = Duration::from_millis(50);
/// Bytes of packets that wait to be read: more than a story here makes.
const BUFFER: usize = 32 << 20;
/// Bytes of a packet that are looked at: as far as to the ports.
const HEAD: usize = 64;

/// A running capture. It sees what is sent and what is got, on all interfaces.
#[derive(Debug)]
pub struct Capture {
    packets: mpsc::UnboundedReceiver<Packet>,
    stop: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

/// A packet: where it goes, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    target: Target,
    /// The protocol above IP: 6 is TCP, 17 is UDP.
    protocol: Option<u8>,
    bytes: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    /// It goes there.
    Ip(IpAddr),
    /// It asks who has this address, or says so, because something is to go there.
    Arp(Ipv4Addr),
    /// It is of another kind of network, of which this is the number.
    Other(u16),
}

impl Capture {
    pub(super) fn start(namespace: &str) -> anyhow::Result<Capture> {
        let path = format!("/run/netns/{namespace}");
        let namespace = File::open(&path).context(path)?;
        // A thread enters the namespace, ends with it, and leaves the socket there.
        let socket = thread::spawn(move || -> rustix::io::Result<OwnedFd> {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            let kind = (AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC);
            rustix::net::socket_with(kind.0, kind.1, kind.2, Some(eth::ALL))
        });
        let socket = socket.join().expect("it does not panic").context("no packet socket")?;
        set_socket_recv_buffer_size_force(&socket, BUFFER)?;
        set_socket_timeout(&socket, Timeout::Recv, Some(LOOK))?;
        let (sender, packets) = mpsc::unbounded_channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let reader = thread::spawn(move || read(&socket, &sender, &stopping));
        Ok(Capture { packets, stop, reader: Some(reader) })
    }

    /// Waits for the next packet; none where none comes within that time.
    pub async fn next(&mut self, within: Duration) -> Option<Packet> {
        tokio::time::timeout(within, self.packets.recv()).await.ok().flatten()
    }

    /// Ends the capture and returns the packets that were not taken.
    pub fn end(mut self) -> Vec<Packet> {
        self.stop();
        std::iter::from_fn(|| self.packets.try_recv().ok()).collect()
    }

    fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader does not panic");
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Reads packets until it is to stop and none is left.
fn read(socket: &OwnedFd, packets: &mpsc::UnboundedSender<Packet>, stop: &AtomicBool) {
    let mut head = [0; HEAD];
    loop {
        match rustix::net::recv(socket, &mut head, RecvFlags::TRUNC) {
            Ok((_, bytes)) => {
                let packet = Packet::read(&head[..bytes.min(HEAD)], bytes);
                if packets.send(packet).is_err() {
                    return;
                }
            }
            Err(Errno::AGAIN | Errno::INTR) if !stop.load(Ordering::Relaxed) => {}
            Err(_) => return,
        }
    }
}

impl Packet {
    /// Reads the head of an Ethernet packet of so many bytes.
    fn read(head: &[u8], bytes: usize) -> Packet {
        let array = |at: usize| head.get(at..at + 4)?.first_chunk::<4>().copied();
        let kind = head.get(12..14).and_then(|kind| kind.first_chunk().copied());
        let kind = u16::from_be_bytes(kind.unwrap_or_default());
        let (target, protocol) = match kind {
            0x0800 => (array(30).map(|ip| Target::Ip(Ipv4Addr::from(ip).into())), head.get(23)),
            0x0806 => (array(38).map(|ip| Target::Arp(ip.into())), None),
            0x86dd => {
                let ip = head.get(38..54).and_then(|ip| ip.first_chunk::<16>().copied());
                (ip.map(|ip| Target::Ip(Ipv6Addr::from(ip).into())), head.get(20))
            }
            _ => (None, None),
        };
        let target = target.unwrap_or(Target::Other(kind));
        Packet { target, protocol: protocol.copied(), bytes }
    }

    /// Tells whether it stays on the local network: for a machine of it, for all of them, or for
    /// the machine itself.
    pub fn is_local(&self) -> bool {
        match self.target {
            Target::Ip(IpAddr::V4(ip)) => {
                let [a, b, c, _] = ip.octets();
                // 224.0.0.0/24 is the part of multicast that no router passes on.
                matches!([a, b, c], [10, 98, 0] | [224, 0, 0]) || ip.is_loopback()
            }
            Target::Ip(IpAddr::V6(ip)) => {
                ip.is_loopback() || ip.is_unicast_link_local() || ip.segments()[0] == 0xff02
            }
            Target::Arp(ip) => matches!(ip.octets(), [10, 98, 0, _]),
            Target::Other(_) => false,
        }
    }

    /// Tells whether it goes to all nodes that listen to mDNS.
    pub fn is_mdns(&self) -> bool {
        self.target == Target::Ip(Ipv4Addr::new(224, 0, 0, 251).into())
    }

    /// Tells whether it is for an address of IPv4, or asks for it.
    pub fn is_for(&self, ip: Ipv4Addr) -> bool {
        self.target == Target::Ip(ip.into()) || self.target == Target::Arp(ip)
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.target, self.protocol) {
            (Target::Ip(ip), Some(protocol)) => {
                let name = [(1, "ICMP"), (2, "IGMP"), (6, "TCP"), (17, "UDP")];
                match name.iter().find(|(number, _)| *number == protocol) {
                    Some((_, name)) => write!(f, "{name} to {ip}")?,
                    None => write!(f, "protocol {protocol} to {ip}")?,
                }
            }
            (Target::Ip(ip), None) => write!(f, "IP to {ip}")?,
            (Target::Arp(ip), _) => write!(f, "ARP about {ip}")?,
            (Target::Other(kind), _) => write!(f, "of the kind {kind:#06x}")?,
        }
        write!(f, ", {} bytes", self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An Ethernet packet of a kind, whose bytes from `at` are `bytes`.
    fn packet(kind: u16, at: usize, bytes: &[u8]) -> Packet {
        let mut head = [0; HEAD];
        head[12..14].copy_from_slice(&kind.to_be_bytes());
        head[at..at + bytes.len()].copy_from_slice(bytes);
        Packet::read(&head, 90)
    }

    #[test]
    fn what_leaves_the_local_network_is_told_from_what_stays() {
        for local in [[10, 98, 0, 2], [224, 0, 0, 251], [127, 0, 0, 1]] {
            assert!(packet(0x0800, 30, &local).is_local(), "{local:?}");
        }
        for far in [[10, 98, 1, 2], [224, 0, 1, 1], [192, 0, 2, 7], [8, 8, 8, 8]] {
            assert!(!packet(0x0800, 30, &far).is_local(), "{far:?}");
            assert!(!packet(0x0806, 38, &far).is_local(), "{far:?}");
        }
        assert!(packet(0x0806, 38, &[10, 98, 0, 1]).is_local());
        assert!(packet(0x86dd, 38, &[0xff, 2]).is_local());
        assert!(packet(0x86dd, 38, &[0xfe, 0x80]).is_local());
        assert!(!packet(0x86dd, 38, &[0x20, 1]).is_local());
        assert!(!packet(0x1234, 38, &[]).is_local());
        assert!(!Packet::read(&[1, 2, 3], 3).is_local());
    }
}
