//! A home that is put aside, and one that is put back.

use std::fs;

use anyhow::Context as _;
use dsp_tests::Cluster;

#[tokio::test]
async fn a_home_is_put_aside_and_can_be_put_back() -> anyhow::Result<()> {
    let cluster = Cluster::new()?;
    let [mut alice] = cluster.start(["alice"]).await?;
    alice.push("report", &[("note.txt", b"one")]).await?;
    let before = alice.status().await?.user;
    let asked = alice.cli(["reset"]).await?;
    assert_eq!(asked.status.code(), Some(4), "{asked:?}");
    assert!(asked.stderr.contains("report") && asked.stderr.contains("recovery key"), "{asked:?}");
    assert_eq!(alice.status().await?.user, before, "nothing happened yet");

    let reset = alice.cli(["reset", "--yes", "--json"]).await?;
    assert!(reset.status.success(), "{reset:?}");
    let reset: serde_json::Value = serde_json::from_str(&reset.stdout)?;
    let aside = reset["aside"].as_str().context("where it is now")?.to_owned();
    assert!(aside.contains(".reset-") && !alice.home().exists());
    assert!(fs::metadata(&aside)?.is_dir());

    fs::rename(&aside, alice.home())?;
    let read = alice.cli(["cat", "report"]).await?;
    assert_eq!(read.stdout, "one", "{read:?}");
    let stopped = alice.cli(["daemon", "stop"]).await?;
    assert!(stopped.status.success(), "{stopped:?}");
    Ok(())
}
