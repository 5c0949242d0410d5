//! Daemons at work for a long time: nothing may grow but what is kept on purpose.
//!
//! Three daemons work at a steady rate. `a` pushes, removes and frees; `b` follows, reads, leaves
//! and follows again; `c` follows and is started anew now and then. After each round the memory of
//! `a` and `b`, which run from beginning to end, and their open files are noted, now and then the
//! sizes of their homes: the memory that the program has in use, and what the process took from the
//! system, which its allocator gives back when it likes. After a warm-up a line is laid through
//! each by least squares, and its slope is held against a bound. In the end all three have the same
//! heads, and every frame and byte verifies.

mod slope;
mod work;

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use self::slope::slope;
use self::work::Work;
use crate::node::{Lab, Node};
use crate::workspace::{Profile, Programs, Workspace};
use crate::{files, process};

/// The warm-up of a run of an hour; of a shorter one a third.
const WARM_UP: Duration = Duration::from_secs(600);
/// MiB an hour that the memory in use of a daemon may grow by in a run of an hour or more.
const LONG_SLOPE: f64 = 1.0;
/// The same for what it took from the system, whose line differs by some MiB from hour to hour.
const LONG_TAKEN: f64 = 4.0;
/// MiB that it may grow by after the warm-up of a shorter run, where the allocator still settles.
const SHORT_GROWTH: f64 = 16.0;
/// Files that a daemon may have open in the end beyond those after the warm-up.
const MORE_FILES: usize = 16;
/// Time between two rounds.
const ROUND: Duration = Duration::from_secs(3);
/// How often a line is printed.
const TELL: Duration = Duration::from_secs(60);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long the daemons work
    #[arg(long, default_value_t = 5)]
    minutes: u64,
    /// MiB an hour that the memory in use of a daemon may grow by after the warm-up
    #[arg(long, value_name = "MIB")]
    slope: Option<f64>,
}

/// What was noted of one daemon.
#[derive(Debug, Default)]
struct Samples {
    /// Hours since the beginning, and MiB that the program has in use.
    used: Vec<(f64, f64)>,
    /// The same of what the process took from the system.
    taken: Vec<(f64, f64)>,
    files: Vec<usize>,
}

/// Builds the programs and has them work.
///
/// # Errors
/// Something grows, is lost or fails.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let programs = workspace.build(Profile::from_env(Profile::Dev)?)?;
    soak(&programs, args.minutes, args.slope)
}

/// Has daemons work for so many minutes.
///
/// # Errors
/// Something grows, is lost or fails.
pub(crate) fn soak(programs: &Programs, minutes: u64, bound: Option<f64>) -> anyhow::Result<()> {
    let span = Duration::from_secs(minutes * 60);
    let warm_up = WARM_UP.min(span / 3);
    let measured = hours(span - warm_up);
    let long = minutes >= 60;
    let bounds = if long { [LONG_SLOPE, LONG_TAKEN] } else { [SHORT_GROWTH / measured; 2] };
    let bounds = [bound.unwrap_or(bounds[0]), bounds[1]];
    let lab = Lab::new(programs, &std::env::temp_dir())?.without_caches();
    let mut work = Work::begin(&lab)?;
    let (begun, mut told) = (Instant::now(), Instant::now());
    let mut samples = [Samples::default(), Samples::default()];
    while begun.elapsed() < span {
        let round = Instant::now();
        work.round()?;
        for (samples, node) in samples.iter_mut().zip(work.lasting()) {
            samples.take(node, begun)?;
        }
        if told.elapsed() >= TELL {
            told = Instant::now();
            tell(&samples, &work, begun)?;
        }
        // A steady rate, so that runs on machines of any speed do the same work.
        std::thread::sleep(ROUND.saturating_sub(round.elapsed()));
    }
    tell(&samples, &work, begun)?;
    let mut grown = Vec::new();
    for (samples, node) in samples.iter().zip(work.lasting()) {
        let name = node.name;
        let lines = [("in use", &samples.used), ("taken", &samples.taken)];
        for ((what, points), bound) in lines.into_iter().zip(bounds) {
            let warm = points.iter().copied().filter(|(at, _)| *at >= hours(warm_up));
            let slope = slope(&warm.collect::<Vec<_>>());
            println!(
                "{name}: {what} {slope:+.2} MiB an hour after the warm-up, {bound:.2} at most"
            );
            if slope > bound {
                grown.push(format!("the memory {what} of {name} grows by {slope:.2} MiB an hour"));
            }
        }
        grown.extend(samples.more_files(name));
    }
    work.end()?;
    ensure!(grown.is_empty(), "{}", grown.join(", "));
    println!("{} rounds in {minutes} minutes, everything verified", work.rounds());
    Ok(())
}

impl Samples {
    fn take(&mut self, node: &Node, begun: Instant) -> anyhow::Result<()> {
        let pid = node.pid()?;
        let at = hours(begun.elapsed());
        self.used.push((at, used_mib(node)?));
        self.taken.push((at, process::own_mib(pid)?));
        self.files.push(process::open_files(pid)?);
        Ok(())
    }

    /// Says by how much the open files grew, where that is too much: the most of the last third
    /// beside the most of the second.
    fn more_files(&self, name: &str) -> Option<String> {
        let third = self.files.len() / 3;
        let most = |samples: &[usize]| samples.iter().copied().max().unwrap_or(0);
        let (before, after) = (most(&self.files[third..2 * third]), most(&self.files[2 * third..]));
        (after > before + MORE_FILES)
            .then(|| format!("{name} had {before} files open, and has {after} in the end"))
    }
}

fn tell(samples: &[Samples; 2], work: &Work, begun: Instant) -> anyhow::Result<()> {
    let minutes = begun.elapsed().as_secs() / 60;
    print!("{minutes:3} min  {:4} rounds", work.rounds());
    for (samples, node) in samples.iter().zip(work.lasting()) {
        let last = |points: &[(f64, f64)]| points.last().map_or(0.0, |(_, mib)| *mib);
        let (used, taken) = (last(&samples.used), last(&samples.taken));
        let open = samples.files.last().copied().unwrap_or(0);
        let home = size_mib(node)?;
        let name = node.name;
        print!("  {name}: {used:.2} of {taken:.1} MiB, {open} files, home {home:.1} MiB");
    }
    println!();
    Ok(())
}

/// Returns what the daemon says that it has in use.
fn used_mib(node: &Node) -> anyhow::Result<f64> {
    const METRIC: &str = "dsp_memory_allocated_bytes ";
    let metrics = String::from_utf8(node.http_get("/api/v1/metrics")?)?;
    let line = metrics.lines().find_map(|line| line.strip_prefix(METRIC));
    let bytes: f64 = line.with_context(|| format!("no {METRIC}"))?.parse()?;
    Ok(bytes / f64::from(1 << 20))
}

fn size_mib(node: &Node) -> anyhow::Result<f64> {
    let mut bytes = 0;
    for path in files::files(&node.home)? {
        // It may have gone meanwhile.
        bytes += std::fs::metadata(path).map_or(0, |file| file.len());
    }
    Ok(bytes as f64 / f64::from(1 << 20))
}

fn hours(span: Duration) -> f64 {
    span.as_secs_f64() / 3600.0
}
