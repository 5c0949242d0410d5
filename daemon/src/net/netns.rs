//! Nodes in network namespaces of their own, joined by a cable without a router.
//!
//! Needs Linux, `ip` and root; skipped aloud otherwise. Each node is a child process: this very
//! binary with the same test, which a variable tells which end of the cable it is.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dsp_protocol::key::SecretKey;
use futures::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

use super::*;

const DEADLINE: Duration = Duration::from_secs(30);
/// How long a node is watched for packets it should not send.
const WATCH: Duration = Duration::from_secs(2);

/// Two namespaces; they go when this is dropped.
struct Cable([String; 2]);

impl Cable {
    /// Joins two namespaces, or says why that cannot be done here.
    fn lay(name: &str) -> Result<Cable, String> {
        let cable = Cable([0, 1].map(|end| format!("dsp-{name}-{}-{end}", std::process::id())));
        let [near, far] = &cable.0;
        ip(&["netns", "add", near])?;
        ip(&["netns", "add", far])?;
        ip(&["-n", near, "link", "add", "wire", "type", "veth", "peer", "wire", "netns", far])?;
        for (end, name) in cable.0.iter().enumerate() {
            // The system's own IPv6 chatter would be counted as ours.
            let quiet = "net.ipv6.conf.all.disable_ipv6=1";
            run("ip", &["netns", "exec", name, "sysctl", "-q", "-w", quiet])?;
            let address = format!("10.99.0.{}/24", end + 1);
            ip(&["-n", name, "address", "add", &address, "dev", "wire"])?;
            ip(&["-n", name, "link", "set", "wire", "up"])?;
            ip(&["-n", name, "link", "set", "lo", "up"])?;
        }
        Ok(cable)
    }

    /// Starts the child of a test at one end.
    fn node(&self, end: usize, test: &str) -> Child {
        let program = std::env::current_exe().unwrap();
        Command::new("ip")
            .args(["netns", "exec", &self.0[end]])
            .arg(program)
            .args(["--exact", &format!("net::netns::{test}"), "--nocapture"])
            .env("DSP_NETNS_END", end.to_string())
            .stdin(Stdio::null())
            .spawn()
            .unwrap()
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for name in &self.0 {
            let _ = ip(&["netns", "delete", name]);
        }
    }
}

fn ip(args: &[&str]) -> Result<(), String> {
    run("ip", args)
}

fn run(program: &str, args: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(args).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

/// The end of the cable this process is at; none in the process that lays the cable.
fn end() -> Option<u8> {
    std::env::var("DSP_NETNS_END").ok()?.parse().ok()
}

/// Runs what a child does.
fn child(node: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(node);
}

async fn start(end: u8, mdns: Mdns) -> (NetHandle, mpsc::Receiver<NetEvent>) {
    let listen = ["/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1"];
    let config = NetConfig {
        seed: Zeroizing::new([end + 1; 32]),
        listen: listen.map(|address| address.parse().unwrap()).to_vec(),
        mdns,
        limits: NetLimits::default(),
    };
    Net::start(config).await.unwrap()
}

#[test]
fn nodes_of_one_network_find_each_other() {
    if let Some(end) = end() {
        return child(finds_the_other(end));
    }
    let cable = match Cable::lay("mdns") {
        Ok(cable) => cable,
        Err(reason) => return eprintln!("SKIPPED: no network namespaces ({reason})"),
    };
    let ends = [0, 1].map(|end| cable.node(end, "nodes_of_one_network_find_each_other"));
    for mut end in ends {
        assert!(end.wait().unwrap().success());
    }
}

async fn finds_the_other(end: u8) {
    let other = SecretKey::from_seed(&[2 - end; 32]).device();
    let (net, mut events) = start(end, Mdns::On).await;
    let (mut ours, mut theirs) = (None, None);
    timeout(DEADLINE, async {
        while ours.is_none() || theirs.is_none() {
            match events.recv().await.unwrap() {
                NetEvent::Discovered { addresses } => {
                    assert!(!addresses.is_empty());
                    for address in addresses {
                        assert_eq!(net.dial_address(address).await.unwrap(), other);
                    }
                    ours = Some(net.open(other, StreamKind::Sync).await.unwrap());
                }
                NetEvent::Inbound { device, stream, .. } => {
                    assert_eq!(device, other);
                    theirs = Some(stream);
                }
                _ => {}
            }
        }
        // One end says that it is done, and the other goes first.
        let (mut ours, mut theirs) = (ours.unwrap(), theirs.unwrap());
        if end == 0 {
            ours.close().await.unwrap();
            while !matches!(events.recv().await.unwrap(), NetEvent::Disconnected { .. }) {}
        } else {
            assert_eq!(theirs.read(&mut [0]).await.unwrap(), 0);
        }
    })
    .await
    .expect("both find the other in time");
    net.shutdown().await;
}

#[test]
fn a_node_without_mdns_and_peers_is_silent() {
    if let Some(end) = end() {
        return child(sends_nothing(end));
    }
    let cable = match Cable::lay("quiet") {
        Ok(cable) => cable,
        Err(reason) => return eprintln!("SKIPPED: no network namespaces ({reason})"),
    };
    assert!(cable.node(0, "a_node_without_mdns_and_peers_is_silent").wait().unwrap().success());
}

async fn sends_nothing(end: u8) {
    let sent = || {
        ["wire", "lo"].map(|interface| {
            let path = format!("/sys/class/net/{interface}/statistics/tx_packets");
            std::fs::read_to_string(path).unwrap().trim().parse::<u64>().unwrap()
        })
    };
    let before = sent();
    let (net, _events) = start(end, Mdns::Off).await;
    assert!(!net.listening().await.is_empty());
    // Nothing to wait for: this is the time in which nothing may happen.
    sleep(WATCH).await;
    net.shutdown().await;
    assert_eq!(sent(), before);
}
