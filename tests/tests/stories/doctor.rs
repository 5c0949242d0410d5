//! What is not well is named in plain words, and mended where somebody can.

use std::fs;

use dsp_protocol::api::{CheckState, Diagnosis, NodeStatus};
use dsp_protocol::ticket::Ticket;
use dsp_protocol::wire::Message;
use dsp_tests::outsider::Stranger;
use dsp_tests::{Cluster, Node};

async fn doctor(node: &Node, args: &[&str]) -> anyhow::Result<(bool, Diagnosis)> {
    let output = node.cli([&["doctor", "--json"], args].concat()).await?;
    let diagnosis = serde_json::from_str(&output.stdout);
    let diagnosis = diagnosis.map_err(|error| anyhow::anyhow!("{error}: {output:?}"))?;
    Ok((output.status.success(), diagnosis))
}

fn lines(diagnosis: &Diagnosis, state: CheckState) -> Vec<String> {
    let checks = diagnosis.checks.iter().filter(|check| check.state == state);
    checks.map(|check| format!("{}: {}", check.area, check.what)).collect()
}

//  alice ~~a dozen files~~> bob, whose disk forgets a byte of each
#[tokio::test]
async fn rotten_bytes_are_found_and_come_again() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    let sizes = [20_000u32, 40_000, 200_000, 1_000_000, 5_000_000];
    let files: Vec<(String, Vec<u8>)> = sizes
        .iter()
        .map(|size| (format!("{size}.bin"), (0..*size).map(|n| ((n ^ size) % 251) as u8).collect()))
        .collect();
    let listed: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), &b[..])).collect();
    let pushed = alice.push("report", &listed).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    bob.has("alice:report", &pushed).await?;
    let (sound, diagnosis) = doctor(&bob, &[]).await?;
    assert!(sound, "{diagnosis:?}");

    let mut flipped = 0;
    for entry in fs::read_dir(bob.home().join("blobs/data"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "data") {
            let mut bytes = fs::read(&path)?;
            let at = bytes.len() / 3;
            bytes[at] ^= 0x40;
            fs::write(&path, bytes)?;
            flipped += 1;
        }
    }
    assert_eq!(flipped, sizes.len());
    for (name, bytes) in &files {
        let read = bob.api().content(&format!("alice:report#{name}")).await;
        assert!(!read.is_ok_and(|read| read != bytes), "{name} was served wrong");
    }
    let (mended, diagnosis) = doctor(&bob, &["--repair"]).await?;
    assert!(mended, "{diagnosis:?}");
    let said = lines(&diagnosis, CheckState::Ok);
    assert!(said.iter().any(|line| line.contains("came again")), "{said:?}");
    for (name, bytes) in &files {
        bob.reads(&format!("alice:report#{name}"), bytes).await?;
    }
    let verified = bob.cli(["verify"]).await?;
    assert!(verified.status.success(), "{verified:?}");
    Ok(())
}

//  alice, alone, whose file is gone
#[tokio::test]
async fn what_nobody_has_stays_a_fault() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice] = cluster.start(["alice"]).await?;
    let bytes = vec![7; 100_000];
    alice.push("report", &[("data.bin", &bytes)]).await?;
    let path = format!("blobs/data/{}.data", blake3::hash(&bytes));
    fs::remove_file(alice.home().join(path))?;
    for args in [&[][..], &["--repair"], &[]] {
        let (sound, diagnosis) = doctor(&alice, args).await?;
        let faults = lines(&diagnosis, CheckState::Fail);
        assert!(!sound && faults.iter().any(|line| line.starts_with("blobs: ")), "{diagnosis:?}");
    }
    Ok(())
}

//  alice x-- bob
#[tokio::test]
async fn the_broken_hop_is_named() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    let pushed = alice.push("report", &[("note.txt", b"one")]).await?;
    bob.follow(&alice.ticket().await?.ticket).await?;
    bob.has("alice:report", &pushed).await?;
    for target in ["alice", "alice/main"] {
        let (sound, diagnosis) = doctor(&bob, &[target]).await?;
        let said = lines(&diagnosis, CheckState::Ok);
        assert!(sound && said.iter().any(|line| line.contains("in sync")), "{diagnosis:?}");
    }
    alice.stop().await?;
    bob.eventually(async |api| {
        let status: dsp_protocol::api::NodeStatus = api.get("/node", &[]).await?;
        anyhow::ensure!(status.peers_connected == 0, "still connected");
        Ok(())
    })
    .await?;
    let (sound, diagnosis) = doctor(&bob, &["alice"]).await?;
    let faults = lines(&diagnosis, CheckState::Fail);
    assert!(!sound && faults.iter().any(|line| line.contains("refuses")), "{diagnosis:?}");
    let nobody = bob.cli(["doctor", "carol"]).await?;
    assert_eq!(nobody.status.code(), Some(3), "{nobody:?}");
    Ok(())
}

//  bob has a ticket that leads to a device which speaks another version only
#[tokio::test]
async fn a_device_of_another_version_is_named() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice, bob] = cluster.start(["alice", "bob"]).await?;
    let mut ticket: Ticket = alice.ticket().await?.ticket.parse()?;
    alice.stop().await?;
    let status: NodeStatus = bob.api().get("/node", &[]).await?;
    let stranger = Stranger::start(&status).await?;
    ticket.addrs = vec![stranger.address().await?];
    bob.follow(&ticket.to_string()).await?;

    let heard = stranger.say_in(&[2, 3], status.device, &[]).await?;
    assert!(matches!(heard[..], [Message::Hi { .. }, Message::Bye { .. }]), "{heard:?}");
    let (sound, diagnosis) = doctor(&bob, &[]).await?;
    let faults = lines(&diagnosis, CheckState::Fail);
    let named = "speaks version 2 or 3 of the protocol, this dsp 1";
    assert!(!sound && faults.iter().any(|line| line.contains(named)), "{diagnosis:?}");
    Ok(())
}

//  a home that does not start
#[tokio::test]
async fn a_daemon_that_does_not_start_is_the_finding() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice] = cluster.start(["alice"]).await?;
    alice.stop().await?;
    fs::write(alice.home().join("keys/device"), "not a key")?;
    let (sound, diagnosis) = doctor(&alice, &[]).await?;
    let faults = lines(&diagnosis, CheckState::Fail);
    assert!(!sound && faults[0].contains("keys/device"), "{diagnosis:?}");
    Ok(())
}
