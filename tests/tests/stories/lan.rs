//! Nodes on one local network, and every packet of theirs.

use std::net::Ipv4Addr;
use std::time::Duration;

use dsp_protocol::ticket::Ticket;
use dsp_tests::netns::{Capture, Lan};
use dsp_tests::{Cluster, Node};

/// How long a node is watched for packets that it should not send: twice as long as mDNS and the
/// search for peers need for their first questions and their repetition.
const WATCH: Duration = Duration::from_secs(10);
/// How long a packet may take that has to come.
const DEADLINE: Duration = Duration::from_secs(30);
/// An address of documentation, somewhere on the internet.
const FAR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);

/// Builds a network, or says aloud why not.
pub(crate) fn build(name: &str, machines: u8) -> Option<Lan> {
    Lan::build(name, machines).inspect_err(|why| println!("SKIPPED: no namespaces: {why}")).ok()
}

/// Makes a node on a machine of a network; it listens as daemons do that nobody set up.
pub(crate) fn node(cluster: &Cluster, lan: &Lan, n: usize, name: &str, mdns: bool) -> Node {
    let listen = "/ip4/0.0.0.0/tcp/0,/ip4/0.0.0.0/udp/0/quic-v1";
    let node = cluster.node(name).in_namespace(lan.machine(n));
    node.with_setting("DSP_NET_MDNS", &mdns.to_string()).with_setting("DSP_NET_LISTEN", listen)
}

/// Has two nodes find each other by a ticket that names no address, and again after one was away.
async fn share(alice: &mut Node, bob: &mut Node) -> anyhow::Result<()> {
    alice.start().await?;
    let first = alice.push("data", &[("a.txt", b"over the cable")]).await?;
    let mut ticket: Ticket = alice.ticket().await?.ticket.parse()?;
    ticket.addrs.clear();
    bob.start().await?;
    assert!(bob.follow(&ticket.to_string()).await?.synced);
    bob.has("alice:data", &first).await?;
    bob.restart().await?;
    let second = alice.push("data", &[("a.txt", b"and again")]).await?;
    bob.has("alice:data", &second).await?;
    Ok(())
}

/// Demands that of some packets, of which there are any, none leaves the network.
fn assert_local(capture: Capture) {
    let packets = capture.end();
    assert!(packets.iter().any(|packet| packet.is_mdns()), "mDNS was not captured");
    let far: Vec<_> = packets.iter().filter(|p| !p.is_local()).map(ToString::to_string).collect();
    assert!(far.is_empty(), "of {} packets {} left: {far:?}", packets.len(), far.len());
}

//  [alice] == switch == [bob], two machines without a router
//  the ticket names no address
#[tokio::test]
async fn nodes_of_one_network_find_each_other() -> anyhow::Result<()> {
    let Some(lan) = build("lan", 2) else { return Ok(()) };
    let captures = [lan.capture(0)?, lan.capture(1)?];
    let cluster = Cluster::new()?;
    let mut alice = node(&cluster, &lan, 0, "alice", true);
    let mut bob = node(&cluster, &lan, 1, "bob", true);
    share(&mut alice, &mut bob).await?;
    bob.stop().await?;
    alice.stop().await?;
    captures.into_iter().for_each(assert_local);
    assert_eq!([lan.unrouted(0)?, lan.unrouted(1)?], [0, 0], "packets had no way out");
    Ok(())
}

//  [alice] == switch == [bob], and a way out that is captured
#[tokio::test]
async fn with_a_way_out_nothing_takes_it() -> anyhow::Result<()> {
    let Some(lan) = build("out", 3) else { return Ok(()) };
    (0..3).try_for_each(|n| lan.route_out(n))?;
    let captures = [lan.capture(0)?, lan.capture(1)?];
    let cluster = Cluster::new()?;
    let mut alice = node(&cluster, &lan, 0, "alice", true);
    let mut bob = node(&cluster, &lan, 1, "bob", true);
    share(&mut alice, &mut bob).await?;
    captures.into_iter().for_each(assert_local);

    // What does go out is seen: a ticket with an address on the internet is dialled there.
    let mut ticket: Ticket = alice.ticket().await?.ticket.parse()?;
    ticket.addrs.truncate(1);
    ticket.addrs[0].address = format!("/ip4/{FAR}/tcp/4001");
    let capture = lan.capture(2)?;
    let mut carol = node(&cluster, &lan, 2, "carol", true);
    carol.start().await?;
    carol.follow(&ticket.to_string()).await?;
    carol.stop().await?;
    assert!(capture.end().iter().any(|packet| packet.is_for(FAR)), "no word of {FAR}");
    Ok(())
}

//  [alice], alone on a network
#[tokio::test]
async fn an_idle_daemon_with_discovery_off_sends_no_packet() -> anyhow::Result<()> {
    let Some(lan) = build("quiet", 1) else { return Ok(()) };
    lan.route_out(0)?;
    let cluster = Cluster::new()?;
    let mut capture = lan.capture(0)?;
    let mut alice = node(&cluster, &lan, 0, "alice", false);
    alice.start().await?;
    alice.push("data", &[("a.txt", b"said to nobody")]).await?;
    alice.ticket().await?;
    let heard = capture.next(WATCH).await;
    assert_eq!(heard.map(|packet| packet.to_string()), None, "it is not silent");
    alice.stop().await?;
    let heard: Vec<_> = capture.end().iter().map(ToString::to_string).collect();
    assert!(heard.is_empty(), "its end is not silent: {heard:?}");

    // The same with discovery on is heard.
    let mut capture = lan.capture(0)?;
    let mut alice = alice.with_setting("DSP_NET_MDNS", "true");
    alice.start().await?;
    assert!(capture.next(DEADLINE).await.is_some(), "nothing is captured at all");
    Ok(())
}
