//! What a person waits for, and what a daemon costs that has nothing to do.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::ensure;

use super::Effort;
use super::figure::{Figure, median};
use crate::node::{Lab, Node, field};
#[cfg(target_os = "linux")]
use crate::process::{cpu_time, resident_mib};

/// From the return of `dsp push` until a connected follower shows the frame.
const VISIBLE: Duration = Duration::from_millis(5);
/// How long a follower may take at most before the measurement gives up.
const VISIBLE_LIMIT: Duration = Duration::from_secs(10);
/// `dsp ls` with a thousand stacks: still feels like `ls`.
const LS: Duration = Duration::from_millis(50);
/// Memory of an idle daemon in MiB.
#[cfg(target_os = "linux")]
const IDLE_MIB: f64 = 60.0;
/// How long after work a daemon is idle.
#[cfg(target_os = "linux")]
const SETTLED: Duration = Duration::from_secs(15);
/// Part of a core that an idle daemon takes, in per cent.
#[cfg(target_os = "linux")]
const IDLE_CPU_PERCENT: f64 = 0.1;

/// Two nodes, the second following the first.
pub(crate) struct Pair {
    a: Node,
    b: Node,
    file: std::path::PathBuf,
}

impl Pair {
    /// Starts both and lets `b` follow.
    ///
    /// # Errors
    /// Where a program fails.
    pub(crate) fn connect(lab: &Lab) -> anyhow::Result<Self> {
        let [a, b] = lab.nodes(["a", "b"])?;
        let pair = Pair { a, b, file: lab.path().join("file.bin") };
        pair.a.start()?;
        pair.b.start()?;
        pair.push(0)?;
        pair.b.run(["follow", &pair.a.share()?])?;
        Ok(pair)
    }

    /// Pushes a file of 10 KiB and returns the id of the frame.
    fn push(&self, n: u64) -> anyhow::Result<String> {
        let mut bytes = vec![0; 10 << 10];
        blake3::Hasher::new().update(&n.to_le_bytes()).finalize_xof().fill(&mut bytes);
        fs::write(&self.file, bytes)?;
        let pushed = self.a.json(["push".as_ref(), "stack".as_ref(), self.file.as_os_str()])?;
        field(&pushed, "frame").map(str::to_owned)
    }

    /// Measures how long after a push the follower lists the frame.
    ///
    /// The follower is asked again and again with `dsp ls`, and the end of the answer counts, so
    /// the budget includes one such question, measured here too.
    ///
    /// # Errors
    /// Where a program fails, or a frame never shows.
    pub(crate) fn publish_visible(&self, effort: Effort) -> anyhow::Result<Figure> {
        let questions = timed(effort.samples, || self.b.stacks().map(drop))?;
        let mut times = Vec::new();
        for n in 1..=effort.samples as u64 {
            let frame = self.push(n)?;
            let pushed = Instant::now();
            while self.b.stack("stack")?["head"]["frame"] != frame {
                ensure!(pushed.elapsed() < VISIBLE_LIMIT, "b never showed frame {frame}");
            }
            times.push(pushed.elapsed());
        }
        Ok(Figure::milliseconds(&times, VISIBLE + median(&questions)))
    }

    /// Measures processor time and memory of the follower while nothing happens, once what the work
    /// before began has ended: connections that are given up, memory that is given back.
    ///
    /// The value is the processor time, and memory stands beside it.
    ///
    /// # Errors
    /// Where the daemon is not to be found.
    #[cfg(target_os = "linux")]
    pub(crate) fn idle(&self, effort: Effort) -> anyhow::Result<Figure> {
        let pid = self.b.pid()?;
        std::thread::sleep(SETTLED);
        let before = cpu_time(pid)?;
        let span = Duration::from_secs(effort.idle_seconds);
        std::thread::sleep(span);
        let used = cpu_time(pid)?.saturating_sub(before);
        let memory = resident_mib(pid)?;
        let percent = used.as_secs_f64() / span.as_secs_f64() * 100.0;
        let mut figure = Figure::new(percent, "%", IDLE_CPU_PERCENT, 1.0);
        figure.also.push(Figure::new(memory, "MiB", IDLE_MIB, 1.0));
        Ok(figure)
    }

    /// Tells that idleness cannot be measured here.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn idle(&self, _: Effort) -> anyhow::Result<Figure> {
        anyhow::bail!("idle daemons are measured on Linux only")
    }
}

/// Measures `dsp ls` with a thousand stacks.
///
/// # Errors
/// Where a program fails.
pub(crate) fn ls_1000(lab: &Lab, effort: Effort) -> anyhow::Result<Figure> {
    let [node] = lab.nodes(["a"])?;
    node.start()?;
    let file = lab.path().join("file.txt");
    fs::write(&file, "one line\n")?;
    for n in 0..1000 {
        node.run(["push".as_ref(), format!("stack-{n:03}").as_ref(), file.as_os_str()])?;
    }
    let stacks = node.stacks()?.len();
    ensure!(stacks == 1000, "`dsp ls` lists {stacks} stacks of 1000");
    let times = timed(effort.samples, || node.run(["ls"]).map(drop))?;
    Ok(Figure::milliseconds(&times, LS))
}

/// Returns how long each of so many runs took.
///
/// # Errors
/// One fails.
pub(crate) fn timed(
    times: usize,
    mut action: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Duration>> {
    let timed = (0..times).map(|_| {
        let begun = Instant::now();
        action().map(|()| begun.elapsed())
    });
    timed.collect()
}
