//! What is done with a home, and what was acknowledged of it.

use std::collections::BTreeSet;

use anyhow::Context as _;
use dsp_protocol::api::{FrameInfo, Freed, Pushed, StackInfo};
use dsp_protocol::id::FrameId;
use hyper::Method;
use rand::{Rng as _, RngExt as _};
use rand_chacha::ChaCha8Rng;

use super::image::pick;
use crate::Node;

/// Names of stacks that are pushed to again and again.
const STACKS: [&str; 3] = ["one", "two", "three"];
/// Sizes of files: in the frame, in the database of blobs, around where a file of its own begins,
/// with a hash tree of its own, and above that.
const SIZES: [usize; 7] = [0, 40, 3_000, 16_384, 16_385, 150_000, 1_000_000];
/// A size that has a file for its hash tree, too.
const LARGE: usize = 5_000_000;

/// The files of a push: paths and bytes.
pub(super) type Files = Vec<(String, Vec<u8>)>;

/// A push to a stack.
#[derive(Clone, Debug)]
pub(super) struct Push {
    pub(super) stack: String,
    pub(super) files: Files,
}

/// Something to do.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    /// Push.
    Push(Push),
    /// Push twice at the same time.
    Together(Push, Push),
    /// Push what was pushed before to another stack: the same bytes are imported again.
    Again,
    /// Have the peer push, and wait until it is here.
    Receive(Push),
    /// Remove a stack.
    Remove,
    /// Free what nothing names.
    Collect,
}

/// A push that was acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) push: Push,
    pub(super) frame: FrameId,
}

/// A push that was begun. Two of them may have the same files.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    pub(super) push: Push,
    pub(super) acknowledged: bool,
}

/// What has to be there, and what may be.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    /// Own pushes that were acknowledged.
    pub(super) mine: Vec<Kept>,
    /// What the peer pushed and the daemon reported as here.
    pub(super) theirs: Vec<Kept>,
    /// Own pushes that were begun, in their order.
    pub(super) begun: Vec<Begun>,
    /// Stacks whose removal was begun at any time: what was pushed before may be there or not.
    pub(super) removed: BTreeSet<String>,
}

/// Draws deeds.
pub(super) fn draw(rng: &mut ChaCha8Rng, count: usize, label: u64) -> Vec<Deed> {
    (0..count).map(|n| deed(rng, label, n)).collect()
}

fn deed(rng: &mut ChaCha8Rng, label: u64, n: usize) -> Deed {
    let theirs = format!("of-{label}-{n}");
    match rng.random_range(0..20) {
        0..9 => Deed::Push(push(rng, None)),
        9..12 => {
            let first = push(rng, None);
            // Not to one stack at a time: which of them is its head would be anybody's guess.
            let rest: Vec<_> = STACKS.iter().filter(|name| **name != first.stack).collect();
            let second = pick(rng, &rest).to_string();
            Deed::Together(first, push(rng, Some(second)))
        }
        12..14 => Deed::Again,
        14..17 => Deed::Receive(push(rng, Some(theirs))),
        17 => Deed::Remove,
        _ => Deed::Collect,
    }
}

/// Draws a push, to a stack or any.
pub(super) fn push(rng: &mut ChaCha8Rng, stack: Option<String>) -> Push {
    let stack = stack.unwrap_or_else(|| pick(rng, &STACKS).to_string());
    let count = rng.random_range(1..=3);
    let files = (0..count).map(|n| {
        let size = match rng.random_range(0..40) {
            0 => LARGE,
            _ => *pick(rng, &SIZES),
        };
        let mut bytes = vec![0; size];
        rng.fill_bytes(&mut bytes);
        (format!("{n}.bin"), bytes)
    });
    Push { stack, files: files.collect() }
}

impl Push {
    /// Makes the push.
    pub(super) async fn make(&self, node: &mut Node) -> anyhow::Result<Kept> {
        let files: Vec<_> = self.files.iter().map(|(path, bytes)| (&**path, &**bytes)).collect();
        let pushed: Pushed = node.push(&self.stack, &files).await?;
        Ok(Kept { push: self.clone(), frame: pushed.frame })
    }
}

impl Ledger {
    /// Does a deed, and notes what was acknowledged of it.
    ///
    /// # Errors
    /// It was refused, which may be right.
    pub(super) async fn take(
        &mut self,
        deed: Deed,
        node: &mut Node,
        peer: &mut Node,
    ) -> anyhow::Result<()> {
        match deed {
            Deed::Push(push) => self.push(node, push).await,
            Deed::Together(first, second) => {
                self.begin(&first);
                self.begin(&second);
                let paths = [write(node, &first)?, write(node, &second)?];
                let [one, two] = paths;
                let node = &*node;
                let one = async { node.push_paths(&first.stack, one).await };
                let two = async { node.push_paths(&second.stack, two).await };
                let (one, two) = tokio::join!(one, two);
                for (done, push) in [(&one, first), (&two, second)] {
                    if let Ok(pushed) = done {
                        self.acknowledge(Kept { push, frame: pushed.frame });
                    }
                }
                one.and(two).map(drop).map_err(Into::into)
            }
            Deed::Again => {
                let Some(kept) = self.mine.last() else { return Ok(()) };
                let files = kept.push.files.clone();
                self.push(node, Push { stack: "again".to_owned(), files }).await
            }
            Deed::Receive(push) => {
                let kept = push.make(peer).await?;
                let reference = format!("alice:{}", kept.push.stack);
                node.eventually(async |api| {
                    let stack: StackInfo = api.get("/stack", &[("ref", &reference)]).await?;
                    let head = stack.head.context("it has no head")?;
                    anyhow::ensure!(head.bytes.is_some() && head.bytes_here == head.bytes);
                    // An empty file has no bytes to be counted.
                    let frame: FrameInfo = api.get("/frame", &[("ref", &reference)]).await?;
                    anyhow::ensure!(frame.files.iter().all(|file| file.here));
                    Ok(())
                })
                .await?;
                self.theirs.push(kept);
                Ok(())
            }
            Deed::Remove => {
                let Some(kept) = self.mine.first() else { return Ok(()) };
                let stack = kept.push.stack.clone();
                self.removed.insert(stack.clone());
                self.mine.retain(|kept| kept.push.stack != stack);
                self.begun.retain(|begun| begun.push.stack != stack);
                node.api().delete("/stack", &[("ref", &stack)]).await?;
                Ok(())
            }
            Deed::Collect => {
                let _: Freed = node.api().send(Method::POST, "/node/collect", &()).await?;
                Ok(())
            }
        }
    }

    /// Pushes, and notes it.
    pub(super) async fn push(&mut self, node: &mut Node, push: Push) -> anyhow::Result<()> {
        self.begin(&push);
        let kept = push.make(node).await?;
        self.acknowledge(kept);
        Ok(())
    }

    /// Forgets all but the last pushes that were acknowledged, and what was begun before the last
    /// of its stack.
    pub(super) fn forget_but(&mut self, last: usize) {
        let mut heads = BTreeSet::new();
        let mut begun: Vec<Begun> = std::mem::take(&mut self.begun);
        begun.reverse();
        begun.retain(|begun| {
            let wanted = !heads.contains(&begun.push.stack);
            if begun.acknowledged {
                heads.insert(begun.push.stack.clone());
            }
            wanted
        });
        begun.reverse();
        self.begun = begun;
        let old = self.mine.len().saturating_sub(last);
        self.mine.drain(..old);
    }

    fn begin(&mut self, push: &Push) {
        self.begun.push(Begun { push: push.clone(), acknowledged: false });
    }

    /// Notes that the last push to a stack was acknowledged.
    fn acknowledge(&mut self, kept: Kept) {
        let of = |begun: &&mut Begun| begun.push.stack == kept.push.stack;
        if let Some(begun) = self.begun.iter_mut().rev().find(of) {
            begun.acknowledged = true;
        }
        self.mine.push(kept);
    }
}

/// Writes the files of a push and returns each with its path in the frame.
fn write(node: &Node, push: &Push) -> anyhow::Result<Vec<(String, std::path::PathBuf)>> {
    let folder = node.scratch()?.join(format!("{}.files", push.stack));
    std::fs::create_dir_all(&folder)?;
    let mut list = Vec::new();
    for (path, bytes) in &push.files {
        std::fs::write(folder.join(path), bytes)?;
        list.push((path.clone(), folder.join(path)));
    }
    Ok(list)
}
