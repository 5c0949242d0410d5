//! Pushing data on one node and following it on another.

use std::fs;
use std::time::Instant;

use anyhow::ensure;

use super::figure::Figure;
use super::work::Work;
use super::{Effort, baseline};
use crate::node::Lab;

/// Pushing is hashing and a flushed copy; half of that more is for frames and the database.
const PUSH_GOAL: f64 = 1.5;
/// Following is a flushed copy over TCP; half more is for encryption, hashing and proofs.
const FOLLOW_GOAL: f64 = 1.5;

/// What was measured.
pub(crate) struct Measured {
    /// `dsp push`, until it returns: acknowledged and on the disk.
    pub(crate) push: Figure,
    /// `dsp follow` and `dsp fetch`, until they return: everything verified and on the disk.
    pub(crate) follow: Figure,
}

/// Measures pushes and follows, each beside its baseline, each with fresh homes and data.
///
/// # Errors
/// Where a program fails, or `b` lacks bytes after following.
pub(crate) fn measure(
    new_lab: impl Fn() -> anyhow::Result<Lab>,
    work: Work,
    effort: Effort,
) -> anyhow::Result<Measured> {
    let (mut pushes, mut copies) = (Vec::new(), Vec::new());
    let (mut follows, mut sends) = (Vec::new(), Vec::new());
    let mut b3sum = true;
    for seed in 0..effort.transfers {
        let lab = new_lab()?;
        let data = lab.path().join("data");
        work.write(&data, seed as u64)?;
        let [a, b] = lab.nodes(["a", "b"])?;
        a.start()?;
        b.start()?;

        let copy = lab.path().join("copy");
        let copied = baseline::hash_and_copy(work, &data, &copy)?;
        copies.push(copied.took);
        b3sum &= copied.b3sum;
        fs::remove_dir_all(&copy)?;
        let begun = Instant::now();
        a.run(["push".as_ref(), "data".as_ref(), data.as_os_str()])?;
        pushes.push(begun.elapsed());

        let ticket = a.share()?;
        sends.push(baseline::over_tcp(work, &data, &copy)?);
        fs::remove_dir_all(&copy)?;
        let begun = Instant::now();
        b.run(["follow", &ticket])?;
        // The bytes come by themselves after that; this waits for them.
        let reference = b.reference("data")?;
        b.run(["fetch", &reference])?;
        follows.push(begun.elapsed());

        // With nobody left to ask, only bytes that are really there verify.
        a.stop()?;
        let verified = b.json(["verify", &reference])?;
        let [bytes, not_here] = ["bytes", "not_here"].map(|key| verified[key].as_u64());
        ensure!(
            bytes >= Some(work.bytes()) && not_here == Some(0),
            "b lacks bytes after following: {verified}"
        );
    }
    let push = Figure::seconds(&pushes, &copies, PUSH_GOAL);
    Ok(Measured {
        push: if b3sum { push } else { push.against_nothing() },
        follow: Figure::seconds(&follows, &sends, FOLLOW_GOAL),
    })
}
