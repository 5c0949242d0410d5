//! `kill -9` at any moment, on one home and a sound disk.

use std::time::Duration;

use anyhow::Context as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::time::timeout;

use super::deeds::{self, Ledger};
use crate::{Cluster, Node};

/// The longest that a daemon lives after it got ready.
const LONGEST: Duration = Duration::from_millis(120);
/// Acknowledged pushes that are read in each round; all are checked by `verify`.
const READ: usize = 4;

/// A home whose daemon is killed again and again.
pub(super) struct Kills {
    node: Node,
    ledger: Ledger,
    _cluster: Cluster,
}

impl Kills {
    /// Makes a home.
    ///
    /// # Errors
    /// The daemon does not start.
    pub(super) async fn new() -> anyhow::Result<Kills> {
        let cluster = Cluster::new()?;
        let mut node = cluster.node("carol");
        node.start().await?;
        Ok(Kills { node, ledger: Ledger::default(), _cluster: cluster })
    }

    /// Pushes until the daemon is killed, starts it again and looks.
    ///
    /// # Errors
    /// Something is lost.
    pub(super) async fn round(&mut self, seed: u64) -> anyhow::Result<()> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let life = LONGEST.mul_f64(rng.random_range(0.0..1.0));
        let pushes = async {
            loop {
                let push = deeds::push(&mut rng, None);
                self.ledger.push(&mut self.node, push).await?;
            }
        };
        // It pushes until it is out of time, as long as nothing is refused.
        let pushed: Result<anyhow::Result<()>, _> = timeout(life, pushes).await;
        if let Ok(refused) = pushed {
            return refused.context("a push was refused");
        }
        self.node.kill()?;
        self.node.start().await.context("LOST: it does not start")?;
        self.ledger.check(&self.node).await?;
        self.ledger.forget_but(READ);
        Ok(())
    }
}
