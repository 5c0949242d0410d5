//! Much data in little memory.

use std::fs;
use std::time::Instant;

use anyhow::Context as _;
use dsp_protocol::api::FrameInfo;
use dsp_tests::data::{self, MIB};
use dsp_tests::{Cluster, Node};

/// The most memory that a daemon may ever hold, in bytes.
const MEMORY: u64 = 300 * MIB;

fn assert_bounded(node: &Node) -> anyhow::Result<()> {
    let pid = node.pid().context("the daemon runs")?;
    if let Some(peak) = data::peak_memory(pid) {
        println!("{}: at most {} MiB", node.name, peak / MIB);
        anyhow::ensure!(peak < MEMORY, "{} held {} MiB", node.name, peak / MIB);
    }
    Ok(())
}

//  alice ~~a large file~~> bob; 256 MiB, and 1 GiB with DSP_FULL=1
#[tokio::test]
async fn a_large_file_takes_little_memory() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice, bob] = cluster.start(["alice", "bob"]).await?;
    let mebibytes = if std::env::var_os("DSP_FULL").is_some() { 1024 } else { 256 };
    let file = alice.scratch()?.join("large.bin");
    data::large_file(&file, mebibytes)?;
    let hash = data::hash_of_file(&file)?;
    let begun = Instant::now();
    let pushed = alice.push_paths("large", [("large.bin".to_owned(), file)]).await?;
    assert_eq!(pushed.bytes, mebibytes * MIB);
    println!("{mebibytes} MiB pushed in {:?}", begun.elapsed());
    let begun = Instant::now();
    bob.follow(&alice.ticket().await?.ticket).await?;
    bob.has("alice:large", &pushed).await?;
    println!("{mebibytes} MiB followed in {:?}", begun.elapsed());
    let got = bob.cli(["get", "alice:large#large.bin", "-o", "copy.bin"]).await?;
    assert!(got.status.success(), "{got:?}");
    assert_eq!(data::hash_of_file(&bob.scratch()?.join("copy.bin"))?, hash);
    assert_bounded(&alice)?;
    assert_bounded(&bob)
}

//  alice ~~10,000 files~~> bob
#[tokio::test]
async fn ten_thousand_small_files() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [alice, bob] = cluster.start(["alice", "bob"]).await?;
    let folder = alice.scratch()?.join("many");
    for number in 0..10_000 {
        let file = folder.join(format!("{:02}/{number:05}.txt", number % 50));
        fs::create_dir_all(file.parent().expect("a file is in a folder"))?;
        fs::write(file, format!("the file with the number {number}\n"))?;
    }
    let begun = Instant::now();
    let pushed = alice.push_paths("many", [("many".to_owned(), folder)]).await?;
    assert_eq!(pushed.files, 10_000);
    println!("10,000 files pushed in {:?}", begun.elapsed());
    let begun = Instant::now();
    bob.follow(&alice.ticket().await?.ticket).await?;
    bob.has("alice:many", &pushed).await?;
    println!("10,000 files followed in {:?}", begun.elapsed());
    let frame: FrameInfo = bob.api().get("/frame", &[("ref", "alice:many")]).await?;
    assert_eq!(frame.files_total, 10_000);
    bob.reads("alice:many#many/49/09999.txt", b"the file with the number 9999\n").await?;
    assert_bounded(&alice)?;
    assert_bounded(&bob)
}
