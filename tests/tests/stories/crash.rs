//! Homes that lose power, disks that fail, and daemons that are killed: a few rounds of each. Many
//! more by `cargo xtask crash`.

use dsp_tests::crash::{Kind, Options, run};

/// Runs some rounds; demands a loss where the disk lies, and none else.
async fn rounds(options: Options) -> anyhow::Result<()> {
    match run(options).await? {
        Err(why) => println!("SKIPPED: no disk that loses power: {why}"),
        Ok(Some(lost)) => {
            assert!(options.lies, "{lost}\nagain: cargo xtask crash --seed {}", lost.seed);
        }
        Ok(None) => assert!(!options.lies, "a disk that never syncs lost nothing"),
    }
    Ok(())
}

#[tokio::test]
async fn a_loss_of_power_loses_nothing_acknowledged() -> anyhow::Result<()> {
    rounds(Options { seed: 0, rounds: 6, only: Some(Kind::Power), lies: false }).await
}

#[tokio::test]
async fn a_disk_that_fails_loses_nothing_acknowledged() -> anyhow::Result<()> {
    rounds(Options { seed: 0, rounds: 6, only: Some(Kind::Fault), lies: false }).await
}

#[tokio::test]
async fn a_loss_of_power_in_an_upgrade_loses_nothing() -> anyhow::Result<()> {
    rounds(Options { seed: 0, rounds: 4, only: Some(Kind::Upgrade), lies: false }).await
}

#[tokio::test]
async fn a_disk_that_only_says_that_it_syncs_is_found_out() -> anyhow::Result<()> {
    rounds(Options { seed: 0, rounds: 50, only: Some(Kind::Power), lies: true }).await
}

#[tokio::test]
async fn a_daemon_that_is_killed_loses_nothing_acknowledged() -> anyhow::Result<()> {
    rounds(Options { seed: 0, rounds: 50, only: Some(Kind::Kill), lies: false }).await
}
