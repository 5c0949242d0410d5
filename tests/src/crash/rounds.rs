//! Rounds of crashes, each made of its seed.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use dsp_protocol::api::FrameInfo;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::time::timeout;

use super::deeds::{self, Deed};
use super::image::pick;
use super::kills::Kills;
use super::power::Fault;
use super::stage::Stage;

/// Rounds that begin with the same content of the disk; the peer grows with each.
const ROUNDS_OF_A_STAGE: u64 = 25;
/// How long a deed may take on a disk that fails.
const PATIENCE: Duration = Duration::from_secs(3);

/// What befalls a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The power goes, once or more often.
    Power,
    /// Calls to the disk fail, for a while.
    Fault,
    /// The power goes while a home of an earlier format is brought to this one.
    Upgrade,
    /// The daemon is killed; the disk is sound.
    Kill,
}

impl Kind {
    /// Every kind, with its name.
    pub const ALL: [(Kind, &str); 4] = [
        (Kind::Power, "power"),
        (Kind::Fault, "fault"),
        (Kind::Upgrade, "upgrade"),
        (Kind::Kill, "kill"),
    ];

    fn drawn(rng: &mut ChaCha8Rng) -> Kind {
        match rng.random_range(0..10) {
            0..5 => Kind::Power,
            5..8 => Kind::Fault,
            8 => Kind::Upgrade,
            _ => Kind::Kill,
        }
    }
}

/// What is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The seed of the first round; each has the next.
    pub seed: u64,
    /// How many rounds.
    pub rounds: u64,
    /// The one kind of rounds, else it is drawn for each.
    pub only: Option<Kind>,
    /// Whether the disk only says that it syncs, so that something has to be lost.
    pub lies: bool,
}

/// A round in which something was lost.
#[derive(Debug, thiserror::Error)]
#[error("round {seed} ({kind:?}): {source:#}")]
pub struct Lost {
    /// Its seed.
    pub seed: u64,
    /// What befell.
    pub kind: Kind,
    /// What was lost.
    pub source: anyhow::Error,
}

/// Runs the rounds one after the other. Returns the first in which something was lost.
///
/// # Errors
/// The outer error: no round can be run. The inner one: there is no such disk here, and why.
pub async fn run(options: Options) -> anyhow::Result<Result<Option<Lost>, String>> {
    let (mut stage, mut kills) = (None, None);
    let mut sum = Sum::default();
    for number in 0..options.rounds {
        let seed = options.seed.wrapping_add(number);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let drawn = Kind::drawn(&mut rng);
        let kind = match options.only {
            Some(kind) => kind,
            // Without an end to its cache, a killed daemon loses nothing.
            None if options.lies => Kind::Power,
            None => drawn,
        };
        let begun = Instant::now();
        let ended = if kind == Kind::Kill {
            if kills.is_none() {
                kills = Some(Kills::new().await?);
            }
            let kills = kills.as_mut().expect("it was just made");
            kills.round(seed).await
        } else {
            if stage.is_none() || number % ROUNDS_OF_A_STAGE == 0 {
                drop(stage.take());
                stage = match Stage::set().await? {
                    Ok(stage) => Some(stage),
                    Err(why) => return Ok(Err(why)),
                };
            }
            let stage = stage.as_mut().expect("it was just set");
            stage.disk.lie(options.lies);
            let ended = round(stage, kind, seed, &mut rng, &mut sum).await;
            if ended.is_err() {
                eprintln!("{}", stage.node.said());
            }
            stage.disk.mend();
            stage.disk.lie(false);
            ended
        };
        if let Err(source) = ended {
            return Ok(Ok(Some(Lost { seed, kind, source })));
        }
        println!("round {seed} {kind:?} {} ms", begun.elapsed().as_millis());
    }
    println!("{} rounds, {sum:?}", options.rounds);
    Ok(Ok(None))
}

/// What was met in some rounds.
#[derive(Debug, Default)]
struct Sum {
    acknowledged: usize,
    refused: usize,
    cuts: usize,
    failed_calls: u64,
}

async fn round(
    stage: &mut Stage,
    kind: Kind,
    seed: u64,
    rng: &mut ChaCha8Rng,
    sum: &mut Sum,
) -> anyhow::Result<()> {
    let ended = match kind {
        Kind::Power | Kind::Kill => power(stage, seed, rng, sum).await,
        Kind::Fault => fault(stage, seed, rng, sum).await,
        Kind::Upgrade => upgrade(stage, seed, rng, sum).await,
    };
    stage.kill()?;
    // As nobody waits any more.
    stage.disk.power_on(seed);
    ended
}

/// Deeds, a loss of power at any change, and a look; some times.
async fn power(
    stage: &mut Stage,
    seed: u64,
    rng: &mut ChaCha8Rng,
    sum: &mut Sum,
) -> anyhow::Result<()> {
    stage.disk.put(&stage.content);
    let mut ledger = stage.ledger.clone();
    let cuts = rng.random_range(1..=3);
    for cut in 0..cuts {
        let reach = *pick(rng, &[20, 100, 400]);
        let after = rng.random_range(0..reach);
        let count = rng.random_range(1..=6);
        let deeds = deeds::draw(rng, count, seed.wrapping_mul(10) + cut);
        // At times while it starts.
        if rng.random_bool(0.2) {
            stage.disk.cut_after(after);
        }
        if stage.start().await? {
            stage.disk.cut_after(after);
            for deed in deeds {
                let Stage { node, peer, disk, .. } = stage;
                let done = tokio::select! {
                    biased;
                    done = ledger.take(deed.clone(), node, peer) => done,
                    () = disk.is_off() => break,
                };
                // It may have been killed just before it answered.
                if disk.is_off_now() {
                    break;
                }
                done.with_context(|| format!("a sound disk, and {}", name(&deed)))?;
            }
        }
        stage.power_cut(rng.random())?;
        sum.cuts += 1;
        sum.acknowledged += ledger.mine.len() + ledger.theirs.len();
        stage.look(&ledger, cut == 0 && seed.is_multiple_of(4)).await?;
        match cut + 1 == cuts {
            true => goes_on(stage, seed).await?,
            false => stage.node.stop().await?,
        }
    }
    Ok(())
}

/// Deeds on a disk whose calls fail for a while, an end of the daemon, and a look.
async fn fault(
    stage: &mut Stage,
    seed: u64,
    rng: &mut ChaCha8Rng,
    sum: &mut Sum,
) -> anyhow::Result<()> {
    stage.disk.put(&stage.content);
    let mut ledger = stage.ledger.clone();
    let fault = *pick(rng, &Fault::ALL);
    let reach = *pick(rng, &[3, 30, 150]);
    let after = rng.random_range(0..reach);
    let lasts = *pick(rng, &[1, 1, 5, u64::MAX]);
    let at_start = rng.random_bool(0.2);
    let count = rng.random_range(2..=5);
    let deeds = deeds::draw(rng, count, seed.wrapping_mul(10));
    if at_start {
        stage.disk.fail(fault, after, lasts);
    }
    let what = || format!("{fault:?}, after {after}, {lasts} times");
    // It may refuse to start on such a disk.
    if stage.node.start().await.is_ok() {
        stage.disk.fail(fault, after, lasts);
        for deed in deeds {
            let done = timeout(PATIENCE, ledger.take(deed, &mut stage.node, &mut stage.peer)).await;
            sum.refused += usize::from(!matches!(done, Ok(Ok(()))));
        }
    }
    sum.failed_calls += stage.disk.mend();
    sum.acknowledged += ledger.mine.len() + ledger.theirs.len();
    if rng.random_bool(0.5) {
        stage.power_cut(rng.random())?;
    } else {
        stage.kill()?;
    }
    stage.look(&ledger, false).await.with_context(what)?;
    goes_on(stage, seed).await.with_context(what)
}

/// A start that brings a home of an earlier format to this one, and losses of power in it.
async fn upgrade(
    stage: &mut Stage,
    seed: u64,
    rng: &mut ChaCha8Rng,
    sum: &mut Sum,
) -> anyhow::Result<()> {
    stage.put_fixture(seed)?;
    for _ in 0..rng.random_range(1..=3) {
        stage.disk.cut_after(rng.random_range(0..150));
        stage.start().await?;
        stage.power_cut(rng.random())?;
        sum.cuts += 1;
    }
    stage.node.start().await.context("LOST: it does not start")?;
    let api = stage.node.api();
    let head: FrameInfo = api.get("/frame", &[("ref", "sales/weekly")]).await.context("LOST")?;
    ensure!(head.message == "week 47", "LOST: the head is {}", head.message);
    let report = api.content("sales/weekly@v1#data/report.csv").await.context("LOST")?;
    ensure!(report == "week,total\n46,12\n", "WRONG: {report:?}");
    let large = api.content("sales/weekly@v1#data/large.txt").await.context("LOST")?;
    ensure!(large.len() == 40_000, "WRONG: {} bytes", large.len());
    let verified = stage.node.cli(["verify"]).await?;
    ensure!(verified.status.success(), "LOST: {verified:?}");
    stage.node.push("sales/weekly", &[("new.txt", b"it goes on")]).await?;
    Ok(())
}

/// The next push works, and what the peer has comes.
async fn goes_on(stage: &mut Stage, seed: u64) -> anyhow::Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut ledger = stage.ledger.clone();
    let push = deeds::push(&mut rng, Some("after".to_owned()));
    let next =
        [Deed::Push(push), Deed::Receive(deeds::push(&mut rng, Some(format!("after-{seed}"))))];
    for deed in next {
        let what = format!("STUCK: after it, {}", name(&deed));
        ledger.take(deed, &mut stage.node, &mut stage.peer).await.context(what)?;
    }
    match stage.node.stop().await {
        Ok(()) => Ok(()),
        Err(error) => bail!("STUCK: it does not stop: {error:#}"),
    }
}

fn name(deed: &Deed) -> &'static str {
    match deed {
        Deed::Push(_) => "a push",
        Deed::Together(..) => "two pushes at once",
        Deed::Again => "a push of the same bytes",
        Deed::Receive(_) => "a push of the peer",
        Deed::Remove => "a removal",
        Deed::Collect => "a collection",
    }
}
