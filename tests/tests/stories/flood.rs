//! Strangers who begin what they do not end, and who come in crowds.
//!
//! What a daemon holds for them is its own memory as the system counts it, so these stories need
//! `/proc`.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use dsp_tests::data::{forget_peak_memory, peak_memory, processor_time};
use dsp_tests::outsider::quic_beginnings;
use dsp_tests::{Cluster, Node};
use futures::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// What a peer may take that proved nothing.
const PEER_BYTES: u64 = 64 << 10;
/// How many handshakes a daemon has under way at most.
const PENDING: u64 = 64;
/// How many come at once.
const CROWD: usize = 600;
/// How long a handshake may take, and the machine besides.
const PATIENCE: Duration = Duration::from_secs(10 + 10);

/// The beginning of a connection: a stream that will be noise.
const GREETING: &[u8] = b"\x13/multistream/1.0.0\n\x07/noise\n";

/// Returns where a daemon listens for TCP.
async fn tcp_of(node: &Node) -> anyhow::Result<SocketAddr> {
    let status = node.status().await?;
    let address = status.listening.iter().find_map(|address| {
        let rest = address.strip_prefix("/ip4/127.0.0.1/tcp/")?;
        rest.split('/').next()?.parse().ok()
    });
    let port: u16 = address.with_context(|| format!("{:?}", status.listening))?;
    Ok(SocketAddr::from(([127, 0, 0, 1], port)))
}

/// Begins a handshake with the longest message there may be, and says only so much of it. Returns
/// how long the daemon kept the connection.
async fn half_open(to: SocketAddr, bytes: usize) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(to).await?;
    // Where it was refused, what is written may have nobody to read it.
    let _ = stream.write_all(GREETING).await;
    let _ = stream.write_all(&u16::MAX.to_be_bytes()).await;
    let _ = stream.write_all(&vec![7; bytes]).await;
    let mut answer = [0; 1024];
    let read = async { while stream.read(&mut answer).await.is_ok_and(|read| read > 0) {} };
    timeout(PATIENCE, read).await.context("a handshake is waited for without end")?;
    Ok(begun.elapsed())
}

//  alice <-- a crowd that begins handshakes and says no more
//  alice <-- bob, afterwards
#[tokio::test]
async fn handshakes_without_an_end_hold_little_and_not_for_long() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    let pushed = alice.push("sales", &[("a.csv", b"a,b\n1,2\n")]).await?;
    let to = tcp_of(&alice).await?;
    let pid = alice.pid().context("alice runs")?;
    for (bytes, silent) in [(usize::from(u16::MAX) - 1, false), (1_000, true)] {
        forget_peak_memory(pid)?;
        let before = peak_memory(pid).context("the system tells how much memory there is")?;
        let mut crowd = JoinSet::new();
        for _ in 0..CROWD {
            crowd.spawn(half_open(to, bytes));
        }
        let kept: Vec<Duration> =
            crowd.join_all().await.into_iter().collect::<anyhow::Result<_>>()?;
        let grown = peak_memory(pid).context("alice runs")?.saturating_sub(before);
        let waited = kept.iter().filter(|kept| **kept > Duration::from_secs(5)).count() as u64;
        println!("{} KiB for {CROWD} handshakes of {bytes} bytes, {waited} waited", grown >> 10);
        ensure!(grown <= PENDING * PEER_BYTES, "{grown} bytes for handshakes of {bytes} bytes");
        ensure!(waited <= PENDING, "{waited} handshakes were under way at once");
        ensure!(waited > 0 || !silent, "nobody was waited for, so nothing was measured");
    }

    // Who comes after the crowd is served.
    bob.follow(&alice.ticket().await?.ticket).await?;
    bob.has("alice:sales", &pushed).await?;
    Ok(())
}

/// How many begin with QUIC at once.
const CROWD_OF_QUIC: usize = 2 * PENDING as usize;

//  alice <-- a crowd that begins QUIC handshakes and does not hear what is answered
//  alice <-- bob, afterwards
#[tokio::test]
async fn quic_handshakes_without_an_end_hold_little() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [bob] = cluster.start(["bob"]).await?;
    let both = "/ip4/127.0.0.1/tcp/0,/ip4/127.0.0.1/udp/0/quic-v1";
    let mut alice = cluster.node("alice").with_setting("DSP_NET_LISTEN", both);
    alice.start().await?;
    let pushed = alice.push("sales", &[("a.csv", b"a,b\n1,2\n")]).await?;
    let status = alice.status().await?;
    let port = status.listening.iter().find_map(|address| {
        address.strip_prefix("/ip4/127.0.0.1/udp/")?.split('/').next()?.parse::<u16>().ok()
    });
    let to = SocketAddr::from(([127, 0, 0, 1], port.context("alice listens for QUIC")?));
    let beginnings = quic_beginnings(CROWD_OF_QUIC).await?;
    let pid = alice.pid().context("alice runs")?;
    forget_peak_memory(pid)?;
    let before = peak_memory(pid).context("the system tells how much memory a process has")?;

    let mut crowd = Vec::new();
    for packets in &beginnings {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        for packet in packets {
            socket.send_to(packet, to).await?;
        }
        crowd.push(socket);
    }
    let heard = crowd.iter().map(async |socket| {
        let mut answer = [0; 2048];
        timeout(ANSWER, socket.recv(&mut answer)).await.is_ok()
    });
    let answered = join_all(heard).await.into_iter().filter(|heard| *heard).count();
    ensure!(answered > 0, "no handshake was answered, so nothing was measured");
    let grown = peak_memory(pid).context("alice runs")?.saturating_sub(before);
    println!("{} KiB for {} handshakes, {answered} answered", grown >> 10, crowd.len());
    ensure!(grown <= crowd.len() as u64 * PEER_BYTES, "{grown} bytes for {} peers", crowd.len());

    bob.follow(&alice.ticket().await?.ticket).await?;
    bob.has("alice:sales", &pushed).await?;
    Ok(())
}

/// How long the flood lasts.
const FLOOD: Duration = Duration::from_secs(2);
/// How long an answer of the API may take meanwhile, on a machine that does much else.
const ANSWER: Duration = Duration::from_secs(5);
/// How many floods run beside each other.
const FLOODS: u64 = 8;

/// Begins handshakes as fast as they are taken until the time is over; each costs the daemon its
/// part of the key exchange. Returns how many were answered.
async fn flood(to: SocketAddr, seed: u64, until: Instant) -> u64 {
    let mut answered = 0;
    let mut number = 0u64;
    while Instant::now() < until {
        number += 1;
        let Ok(mut stream) = TcpStream::connect(to).await else { continue };
        let mut hello = GREETING.to_vec();
        hello.extend(32u16.to_be_bytes());
        hello.extend(blake3::hash(&[seed.to_le_bytes(), number.to_le_bytes()].concat()).as_bytes());
        if stream.write_all(&hello).await.is_err() {
            continue;
        }
        // The answer holds the daemon's key, behind what was agreed upon.
        let mut answer = [0; 64];
        let heard = timeout(ANSWER, stream.read_exact(&mut answer)).await;
        answered += u64::from(heard.is_ok_and(|read| read.is_ok()));
    }
    answered
}

//  alice <-- handshakes as fast as they are taken
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_handshakes_keeps_no_processor_and_no_memory() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice] = cluster.start(["alice"]).await?;
    let to = tcp_of(&alice).await?;
    let pid = alice.pid().context("alice runs")?;
    forget_peak_memory(pid)?;
    let before = peak_memory(pid).context("the system tells how much memory a process has")?;
    let until = Instant::now() + FLOOD;
    let mut floods = JoinSet::new();
    for seed in 0..FLOODS {
        floods.spawn(flood(to, seed, until));
    }
    // Whoever sits at the machine is answered all the time.
    let mut slowest = Duration::ZERO;
    while Instant::now() < until {
        let asked = Instant::now();
        timeout(ANSWER, alice.status()).await.context("no answer in the flood")??;
        slowest = slowest.max(asked.elapsed());
    }
    let answered: u64 = floods.join_all().await.into_iter().sum();
    ensure!(answered > 0, "no handshake was answered, so nothing was measured");
    let grown = peak_memory(pid).context("alice runs")?.saturating_sub(before);
    println!("{answered} handshakes, {} KiB, {slowest:?} for an answer", grown >> 10);
    ensure!(grown <= PENDING * PEER_BYTES, "{grown} bytes for {answered} handshakes");

    // Once it is over nothing of it is worked on any more: of a second less than half is used.
    alice
        .eventually(async |_| {
            let (begun, used) = (Instant::now(), processor_time(pid)?);
            let second = begun + Duration::from_secs(1);
            tokio::time::sleep_until(second).await;
            let used = processor_time(pid)?.saturating_sub(used);
            ensure!(used < begun.elapsed() / 2, "{used:?} of {:?} are used", begun.elapsed());
            Ok(())
        })
        .await
}
