//! A home on a disk that loses power, and a peer on one that does not.

use std::fs;

use anyhow::{Context as _, bail};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rustix::process::{Pid, Signal, kill_process};

use super::deeds::{self, Deed, Ledger};
use super::mount::{Content, Disk};
use crate::{Cluster, Node};

/// The two, and how the home is at the beginning of each round.
pub(super) struct Stage {
    // In the order in which they have to go: whoever uses the disk before the disk.
    pub(super) peer: Node,
    pub(super) node: Node,
    pub(super) disk: Disk,
    _cluster: Cluster,
    pub(super) content: Content,
    pub(super) ledger: Ledger,
    /// Changes that making the content took.
    pub(super) changes: u64,
}

impl Stage {
    /// Prepares a home that has pushed and follows a peer; nothing where there is no FUSE.
    ///
    /// # Errors
    /// The outer error: it cannot be prepared. The inner one: why there is no such disk here.
    pub(super) async fn set() -> anyhow::Result<Result<Stage, String>> {
        let cluster = Cluster::new()?;
        let node = cluster.node("bob").with_setting("DSP_TRASH_KEEP", "0");
        let disk = match Disk::mount(node.home()) {
            Ok(disk) => disk,
            Err(why) => return Ok(Err(why)),
        };
        let [peer] = cluster.start(["alice"]).await?;
        let content = disk.content();
        let ledger = Ledger::default();
        let mut stage = Stage { peer, node, disk, _cluster: cluster, content, ledger, changes: 0 };
        stage.node.start().await.context("on an empty disk")?;
        let ticket = stage.peer.ticket().await?.ticket;
        stage.node.follow(&ticket).await?;
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let before = stage.disk.changes();
        for stack in ["one", "two"] {
            let push = deeds::push(&mut rng, Some(stack.to_owned()));
            stage.ledger.take(Deed::Push(push), &mut stage.node, &mut stage.peer).await?;
        }
        let push = deeds::push(&mut rng, Some("first".to_owned()));
        stage.ledger.take(Deed::Receive(push), &mut stage.node, &mut stage.peer).await?;
        stage.changes = stage.disk.changes() - before;
        stage.node.stop().await?;
        stage.content = stage.disk.content();
        Ok(Ok(stage))
    }

    /// Starts the daemon; tells whether it got ready before the power went.
    ///
    /// # Errors
    /// It does not get ready, though there is power.
    pub(super) async fn start(&mut self) -> anyhow::Result<bool> {
        tokio::select! {
            biased;
            () = self.disk.is_off() => Ok(false),
            started = self.node.start() => match self.disk.is_off_now() {
                true => Ok(false),
                false => started.map(|()| true),
            },
        }
    }

    /// Ends the daemon, if it runs, and takes the power: what was not synced survives as the seed
    /// has it.
    ///
    /// # Errors
    /// The daemon cannot be ended.
    pub(super) fn power_cut(&mut self, seed: u64) -> anyhow::Result<()> {
        self.disk.cut();
        self.kill()?;
        self.disk.power_on(seed);
        Ok(())
    }

    /// Ends the daemon, if it runs.
    ///
    /// # Errors
    /// It cannot be ended.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        if self.node.pid().is_some() {
            self.node.kill()?;
        }
        Ok(())
    }

    /// Starts the daemon while the peer is silent, and looks at what is there.
    ///
    /// # Errors
    /// It does not start, or something is lost.
    pub(super) async fn look(&mut self, ledger: &Ledger, by_cli: bool) -> anyhow::Result<()> {
        let peer = self.peer.pid().and_then(|pid| Pid::from_raw(pid as i32));
        let peer = peer.context("the peer does not run")?;
        kill_process(peer, Signal::STOP)?;
        let looked = async {
            self.node.start().await.context("LOST: it does not start")?;
            ledger.check(&self.node).await?;
            match by_cli {
                true => ledger.check_by_cli(&self.node).await,
                false => Ok(()),
            }
        };
        let looked = looked.await;
        kill_process(peer, Signal::CONT)?;
        looked
    }

    /// Puts a home of an earlier format on the disk.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn put_fixture(&mut self, which: u64) -> anyhow::Result<()> {
        let mut homes = Vec::new();
        // Tests, and the program of the rounds, run in the folder of their package.
        for entry in fs::read_dir("fixtures/homes")? {
            homes.push(entry?.path());
        }
        homes.sort();
        match homes.is_empty() {
            true => bail!("there is no home of an earlier format"),
            false => Ok(self.disk.put_copy(&homes[which as usize % homes.len()])?),
        }
    }
}
