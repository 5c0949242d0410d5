//! What the daemons of a soak do, round by round.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::node::{Lab, Node, field};

/// Stacks that are pushed to in turn.
const STACKS: u64 = 4;
/// Bytes of a file that is pushed: more than a database holds by itself.
const FILE: usize = 200 << 10;
/// Rounds after which all is done again.
const CYCLE: u64 = 20;
/// Cycles with one push: what is pushed is kept on purpose, in memory too.
const CYCLES_A_PUSH: u64 = 2;
/// How long a follower may take to have what was pushed.
const DEADLINE: Duration = Duration::from_secs(30);
/// How often is looked whether it has.
const LOOK: Duration = Duration::from_millis(50);

/// Three daemons at work.
pub(super) struct Work {
    a: Node,
    b: Node,
    c: Node,
    ticket: String,
    /// The context of `a`, as `b` names it.
    context: String,
    file: PathBuf,
    out: PathBuf,
    rounds: u64,
    /// The frame that each stack of `a` is at.
    heads: BTreeMap<String, String>,
}

impl Work {
    /// Starts the daemons and has two follow the first.
    pub(super) fn begin(lab: &Lab) -> anyhow::Result<Self> {
        let [a, b, c] = lab.nodes(["a", "b", "c"])?;
        for node in [&a, &b, &c] {
            node.start()?;
            // They are alone, whoever else is on this network.
            node.run(["config", "set", "net.mdns", "false"])?;
            node.run(["config", "set", "net.listen", "/ip4/127.0.0.1/tcp/0"])?;
            node.stop()?;
            node.start()?;
        }
        let ticket = a.share()?;
        let (file, out) = (lab.path().join("file.bin"), lab.path().join("out"));
        let followed = b.json(["follow", &ticket])?;
        let context = field(&followed["context"], "label")?.to_owned();
        c.run(["follow", &ticket])?;
        let (rounds, heads) = (0, BTreeMap::new());
        let mut work = Work { a, b, c, ticket, context, file, out, rounds, heads };
        for stack in 0..STACKS {
            work.push(stack)?;
        }
        Ok(work)
    }

    /// Returns the daemons that run from beginning to end.
    pub(super) fn lasting(&self) -> [&Node; 2] {
        [&self.a, &self.b]
    }

    /// Returns how many rounds there were.
    pub(super) fn rounds(&self) -> u64 {
        self.rounds
    }

    /// Does one round of work.
    pub(super) fn round(&mut self) -> anyhow::Result<()> {
        let (round, cycle) = (self.rounds, self.rounds / CYCLE);
        self.rounds += 1;
        match round % CYCLE {
            0 if cycle.is_multiple_of(CYCLES_A_PUSH) => {
                self.push(cycle / CYCLES_A_PUSH % STACKS)?;
            }
            5 => {
                self.b.run(["unfollow", &self.context, "--drop", "--yes"])?;
                self.b.run(["follow", &self.ticket])?;
            }
            10 => {
                self.a.run(["gc", "--yes"])?;
                self.b.run(["gc", "--yes"])?;
            }
            12 => {
                self.c.stop()?;
                self.c.start()?;
            }
            15 => {
                self.b.run(["unfollow", &self.context, "--keep", "--yes"])?;
                self.b.run(["follow", &self.ticket])?;
            }
            _ => {}
        }
        let stack = format!("stack-{}", round % STACKS);
        for node in [&self.b, &self.c] {
            self.has(node, &stack)?;
        }
        self.read(&stack)
    }

    /// Pushes new bytes.
    fn push(&mut self, stack: u64) -> anyhow::Result<()> {
        let mut bytes = vec![0; FILE];
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.rounds.to_le_bytes()).update(&stack.to_le_bytes());
        hasher.finalize_xof().fill(&mut bytes);
        fs::write(&self.file, bytes)?;
        let stack = format!("stack-{stack}");
        let args = ["push".as_ref(), stack.as_ref(), self.file.as_os_str()];
        let pushed = self.a.json(args)?;
        self.heads.insert(stack, field(&pushed, "frame")?.to_owned());
        Ok(())
    }

    /// Waits until a node has the head of a stack with its bytes.
    fn has(&self, node: &Node, stack: &str) -> anyhow::Result<()> {
        let (frame, begun) = (&self.heads[stack], Instant::now());
        loop {
            let known = node.stacks()?;
            let head = known.iter().find(|known| known["name"] == *stack);
            let head = head.map_or(&Value::Null, |known| &known["head"]);
            if head["frame"] == **frame && head["bytes_here"] == head["bytes"] {
                return Ok(());
            }
            let name = node.name;
            ensure!(begun.elapsed() < DEADLINE, "{name} has of {stack} {head}, not {frame}");
            thread::sleep(LOOK);
        }
    }

    /// Reads in all ways.
    fn read(&self, stack: &str) -> anyhow::Result<()> {
        let reference = self.b.reference(stack)?;
        self.b.run(["get", &reference, "-o", &self.out.to_string_lossy(), "--force"])?;
        for node in self.lasting() {
            node.run(["log", &node.reference(stack)?])?;
            node.run(["search", "stack"])?;
            node.run(["status"])?;
        }
        self.b.run(["verify", &reference]).map(drop)
    }

    /// Demands that everybody has everything, and that all of it verifies.
    pub(super) fn end(&self) -> anyhow::Result<()> {
        for stack in self.heads.keys() {
            self.has(&self.b, stack)?;
            self.has(&self.c, stack)?;
        }
        for node in [&self.a, &self.b, &self.c] {
            let verified = node.json(["verify"])?;
            let frames = verified["frames"].as_u64().context("no frames were verified")?;
            ensure!(frames >= STACKS, "{} verified {verified}", node.name);
            let stacks = node.stacks()?.len() as u64;
            ensure!(stacks == STACKS, "{} lists {stacks} stacks of {STACKS}", node.name);
        }
        Ok(())
    }
}
