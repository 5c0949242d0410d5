//! Lines of text, as a unified diff.

use std::time::{Duration, Instant};

use dsp_protocol::api::ContentDiff;
use similar::{Algorithm, ChangeTag, TextDiff};

/// Lines around a change.
const AROUND: usize = 3;
/// How long lines are matched; after that what is left is shown as gone and come.
const PATIENCE: Duration = Duration::from_millis(500);
/// Most lines of a text: matching takes memory for each.
const LINES: usize = 100_000;
/// Bytes that are looked at to tell whether it is text at all.
const PROBE: usize = 8192;

/// Compares two texts; the hunks have at most `most` bytes.
pub(super) fn compare(old: &[u8], new: &[u8], most: usize) -> ContentDiff {
    let (Some(old), Some(new)) = (as_text(old), as_text(new)) else { return ContentDiff::Binary };
    let lines = old.lines().count().max(new.lines().count());
    if lines > LINES {
        return ContentDiff::Unreadable {
            reason: format!("{lines} lines are more than the {LINES} that are compared"),
        };
    }
    let diff = TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .deadline(Instant::now() + PATIENCE)
        .diff_lines(old, new);
    let (mut added, mut removed) = (0, 0);
    for change in diff.iter_all_changes() {
        match change.tag() {
            ChangeTag::Insert => added += 1,
            ChangeTag::Delete => removed += 1,
            ChangeTag::Equal => {}
        }
    }
    let mut unified = String::new();
    let mut cut = false;
    for hunk in diff.unified_diff().context_radius(AROUND).iter_hunks() {
        let hunk = hunk.to_string();
        if unified.len() + hunk.len() > most {
            cut = true;
            break;
        }
        unified += &hunk;
    }
    ContentDiff::Text { unified, added, removed, cut }
}

/// Returns bytes as text, if they are.
fn as_text(bytes: &[u8]) -> Option<&str> {
    let probe = &bytes[..bytes.len().min(PROBE)];
    if probe.contains(&0) {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}
