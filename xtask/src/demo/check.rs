//! What has to be true once the story is told, so that it is no theatre.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use serde_json::json;

use super::story::{FILES, STACK, Story, heading, step};
use crate::files::{files, find};
use crate::node::{Author, Lab, typed};

/// Checks that `b` needs `a` no more, and that neither lies about damaged data.
///
/// # Errors
/// With the first thing that does not hold.
pub(crate) fn check(story: Story, lab: &Lab) -> anyhow::Result<()> {
    heading("a pushes once more; the card on b's dashboard moves.");
    story.push_and_see()?;

    heading("a goes away; b still has the files, and can prove whose they are.");
    step(&story.a, ["daemon", "stop"])?;
    story.a.gone()?;
    story.get_and_compare(&lab.path().join("without-a"))?;
    step(&story.b, ["verify", &story.reference])?;
    signed_by_author(&story)?;

    heading("One bit of b's copy flips on the disk: b says so instead of handing it out.");
    println!("flipped one bit of {}", flip(&story)?.display());
    let out = lab.path().join("damaged");
    let get = ["get", &story.reference, "-o", out.to_str().context("a path that is no UTF-8")?];
    refuses(&story, &["verify", &story.reference])?;
    refuses(&story, &get)?;
    ensure!(find(&out, FILES[0])?.is_none(), "`dsp get` left damaged bytes in {}", out.display());
    // They refused; they did not just find nobody to ask.
    step(&story.b, ["status"])?;

    heading("Nothing is left.");
    step(&story.b, ["daemon", "stop"])?;
    story.b.gone()?;
    let left = lab.left_in_home()?;
    ensure!(left.is_empty(), "left in HOME: {left:?}");
    println!("the demonstration holds ({:.1} s)", story.begun.elapsed().as_secs_f64());
    Ok(())
}

/// Requires that the head verifies, and that it is one of `a`'s device and user.
fn signed_by_author(story: &Story) -> anyhow::Result<()> {
    let verified = story.b.json(["verify", &story.reference])?;
    let heads = verified["heads"].as_u64().context("`dsp verify` counts no `heads`")?;
    ensure!(heads == 1, "one head should verify: {verified}");
    ensure!(verified["faults"] == json!([]), "`dsp verify` found faults: {verified}");
    ensure!(verified["not_here"] == 0, "b does not have every byte: {verified}");
    let signer = Author::of_head(&story.b.stack(STACK)?)?;
    ensure!(signer == story.author, "the head is of {signer:?}, not of {:?}", story.author);
    Ok(())
}

/// Flips one bit of the table in `b`'s blob store and returns the file.
fn flip(story: &Story) -> anyhow::Result<PathBuf> {
    let table = fs::read(story.data.join(FILES[0]))?;
    let store = story.b.home.join("blobs");
    for path in files(&store)? {
        // A store may pad its files; it does not scatter a blob in them.
        if fs::read(&path).is_ok_and(|bytes| bytes.starts_with(&table)) {
            let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
            let middle = SeekFrom::Start(table.len() as u64 / 2);
            let mut byte = [0];
            file.seek(middle)?;
            file.read_exact(&mut byte)?;
            file.seek(middle)?;
            file.write_all(&[byte[0] ^ 1])?;
            file.sync_all()?;
            return Ok(path);
        }
    }
    anyhow::bail!("no file below {} holds {}", store.display(), FILES[0])
}

/// Requires that `b` fails a command, and shows how.
fn refuses(story: &Story, args: &[&str]) -> anyhow::Result<()> {
    let line = typed(story.b.name, args);
    println!("{line}");
    let output = story.b.output(args)?;
    print!("{}", String::from_utf8_lossy(&output.stdout));
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    ensure!(!output.status.success(), "{line} did not notice the flipped bit");
    Ok(())
}
