//! Much at once, and much of it: many clients, a long history, a large index.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;

use super::Effort;
use super::figure::Figure;
use super::work::MANY_SMALL;
use crate::http::Connection;
use crate::node::{Lab, Node, field};
use crate::process::resident_mib;

/// Clients of the API at a time.
const CLIENTS: usize = 100;
/// The slowest of a hundred calls while all clients call.
const CALL: Duration = Duration::from_millis(200);
/// Stacks that the clients ask about.
const STACKS: usize = 100;
/// Frames of the long stack.
const FRAMES: usize = 10_000;
/// What a person looks at: still feels like at once.
const LOOK: Duration = Duration::from_millis(50);
/// A push on top of a long history, beside that into a new stack.
const PUSH_GOAL: f64 = 2.0;
/// Frames of a stack that a follower is brought unasked.
const BROUGHT: usize = 200;
/// From `dsp follow` until these are listed.
const FOLLOW: Duration = Duration::from_secs(1);
/// Times that [`MANY_SMALL`] is pushed: a million files, and no two alike.
const PUSHES: usize = 100;
/// What a person waits for that goes over all there is.
const SEARCH: Duration = Duration::from_millis(500);
/// From `dsp daemon start` until it answers.
const START: Duration = Duration::from_secs(1);
/// Memory of a daemon with a million files, in MiB.
const INDEX_MIB: f64 = 300.0;

/// Measures calls of a hundred clients, each of which calls again as soon as it has its answer.
///
/// The value is the slowest of a hundred, and not the median.
///
/// # Errors
/// A call fails.
pub(crate) fn api_100(lab: &Lab, effort: Effort) -> anyhow::Result<Figure> {
    let [node] = lab.nodes(["a"])?;
    node.start()?;
    let file = lab.path().join("file.txt");
    std::fs::write(&file, "one line\n")?;
    let mut connection = Connection::open(&node.home)?;
    for n in 0..STACKS {
        push(&mut connection, &format!("stack-{n}"), &file.to_string_lossy(), n)?;
    }
    let barrier = Barrier::new(CLIENTS);
    let client = |client: usize| -> anyhow::Result<Vec<Duration>> {
        let connection = Connection::open(&node.home);
        barrier.wait();
        let (mut connection, mut times) = (connection?, Vec::new());
        for n in 0..effort.samples {
            let stack = (client + n) % STACKS;
            let path = match n % 6 {
                0 => "/node".to_owned(),
                1 => "/stacks?limit=50".to_owned(),
                2 => format!("/stack?ref=stack-{stack}"),
                3 => format!("/log?ref=stack-{stack}"),
                4 => format!("/content?ref=stack-{stack}%23file.txt"),
                _ => format!("/search?q=round%3A{stack}"),
            };
            let begun = Instant::now();
            connection.get(&path)?;
            times.push(begun.elapsed());
        }
        Ok(times)
    };
    let client = &client;
    let mut times = thread::scope(|scope| -> anyhow::Result<Vec<Duration>> {
        let clients: Vec<_> = (0..CLIENTS).map(|n| scope.spawn(move || client(n))).collect();
        let mut all = Vec::new();
        for client in clients {
            all.extend(client.join().expect("a client does not panic")?);
        }
        Ok(all)
    })?;
    times.sort_unstable();
    let slowest = times[times.len() * 99 / 100];
    Ok(Figure::milliseconds(&[slowest], CALL))
}

/// Measures one stack with ten thousand frames.
///
/// The value is `dsp log`; beside it stand `dsp show` of the oldest frame, a push, and how long
/// another node takes to follow until it lists the frames that it is brought unasked.
///
/// # Errors
/// A program fails.
pub(crate) fn frames_10k(lab: &Lab, effort: Effort) -> anyhow::Result<Figure> {
    let [a, b] = lab.nodes(["a", "b"])?;
    a.start()?;
    b.start()?;
    let file = lab.path().join("file.txt");
    let mut connection = Connection::open(&a.home)?;
    let mut push_to = |stack: &str, n: usize| -> anyhow::Result<(String, Duration)> {
        std::fs::write(&file, n.to_string())?;
        let begun = Instant::now();
        let frame = push(&mut connection, stack, &file.to_string_lossy(), n)?;
        Ok((frame, begun.elapsed()))
    };
    let (oldest, _) = push_to("long", 0)?;
    for n in 1..FRAMES {
        push_to("long", n)?;
    }
    let pushes = |stack: &str, push: &mut dyn FnMut(&str, usize) -> anyhow::Result<_>| {
        let each = (FRAMES..FRAMES + effort.samples).map(|n| push(stack, n));
        each.map(|pushed| pushed.map(|(_, took)| took)).collect::<anyhow::Result<Vec<_>>>()
    };
    let short = pushes("short", &mut push_to)?;
    let long = pushes("long", &mut push_to)?;
    let times = |args: &[&str]| super::wait::timed(effort.samples, || a.run(args).map(drop));
    let mut figure = Figure::milliseconds(&times(&["log", "long"])?, LOOK);
    figure.also.push(Figure::milliseconds(&times(&["show", &format!("long@{oldest}")])?, LOOK));
    figure.also.push(Figure::seconds(&long, &short, PUSH_GOAL));
    let ticket = a.share()?;
    let begun = Instant::now();
    b.run(["follow", &ticket, "--policy", "lazy"])?;
    let reference = b.reference("long")?;
    lists(&b, &reference, BROUGHT)?;
    figure.also.push(Figure::milliseconds(&[begun.elapsed()], FOLLOW));
    Ok(figure)
}

/// Waits until a node lists so many frames of a stack that are there.
fn lists(node: &Node, reference: &str, frames: usize) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let log = node.json(["log", reference, "-n", "0"])?;
        let entries = log["items"].as_array().map_or(&[][..], Vec::as_slice);
        let here = entries.iter().filter(|entry| entry["here"] == true).count();
        if here >= frames {
            return Ok(());
        }
        ensure!(begun.elapsed() < FOLLOW * 20, "{} has {here} of {frames} frames", node.name);
    }
}

/// Measures a daemon that holds a million files.
///
/// The value is `dsp ls`; beside it stand `dsp search`, `dsp gc --dry-run`, which looks at every
/// blob, the start of the daemon and its memory.
///
/// # Errors
/// A program fails.
pub(crate) fn index_1m(lab: &Lab, effort: Effort) -> anyhow::Result<Figure> {
    let [node] = lab.nodes(["a"])?;
    node.start()?;
    let data = lab.path().join("data");
    for n in 0..PUSHES {
        // Smaller than those of the transfers: it is the number that counts.
        super::work::Work { size_bytes: 64, ..MANY_SMALL }.write(&data, n as u64)?;
        let stack = format!("stack-{n}");
        node.run(["push".as_ref(), stack.as_ref(), data.as_os_str()])?;
        std::fs::remove_dir_all(&data)?;
    }
    let times = |args: &[&str]| super::wait::timed(effort.samples, || node.run(args).map(drop));
    let mut figure = Figure::milliseconds(&times(&["ls"])?, LOOK);
    figure.also.push(Figure::milliseconds(&times(&["search", "stack-7"])?, LOOK));
    figure.also.push(Figure::milliseconds(&times(&["gc", "--dry-run"])?, SEARCH));
    figure.also.push(Figure::new(resident_mib(node.pid()?)?, "MiB", INDEX_MIB, 1.0));
    let starts = super::wait::timed(effort.transfers, || {
        node.stop()?;
        node.start()
    });
    figure.also.push(Figure::milliseconds(&starts?, START));
    Ok(figure)
}

/// Pushes a file over the API and returns the frame.
fn push(
    connection: &mut Connection,
    stack: &str,
    file: &str,
    round: usize,
) -> anyhow::Result<String> {
    let files = [json!({ "path": "file.txt", "source": file })];
    let frame = json!({ "stack": stack, "params": { "round": round }, "files": files });
    let pushed = connection.post("/frames", &frame).with_context(|| format!("push to {stack}"))?;
    field(&pushed, "frame").map(str::to_owned)
}
