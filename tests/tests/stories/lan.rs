//! Nodes on one local network.

use dsp_protocol::ticket::Ticket;
use dsp_tests::Cluster;
use dsp_tests::netns::Cable;

//  [alice] == cable == [bob], two machines without a router
//  the ticket names no address
#[tokio::test]
async fn nodes_of_one_network_find_each_other() -> anyhow::Result<()> {
    let cable = match Cable::lay("lan") {
        Ok(cable) => cable,
        Err(why) => {
            println!("SKIPPED: no network namespaces: {why}");
            return Ok(());
        }
    };
    let cluster = Cluster::new()?;
    let [near, far] = cable.ends();
    let on_the_cable = |name: &str, end: &str| {
        let listen = "/ip4/0.0.0.0/tcp/0,/ip4/0.0.0.0/udp/0/quic-v1";
        let node = cluster.node(name).in_namespace(end);
        node.with_setting("DSP_NET_MDNS", "true").with_setting("DSP_NET_LISTEN", listen)
    };
    let (mut alice, mut bob) = (on_the_cable("alice", near), on_the_cable("bob", far));
    alice.start().await?;
    let first = alice.push("data", &[("a.txt", b"over the cable")]).await?;
    let mut ticket: Ticket = alice.ticket().await?.ticket.parse()?;
    ticket.addrs.clear();
    bob.start().await?;
    assert!(bob.follow(&ticket.to_string()).await?.synced);
    bob.has("alice:data", &first).await?;
    // And again, after one of them was away.
    bob.restart().await?;
    let second = alice.push("data", &[("a.txt", b"and again")]).await?;
    bob.has("alice:data", &second).await?;
    Ok(())
}
