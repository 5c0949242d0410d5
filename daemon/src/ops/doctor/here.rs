//! What is on this machine: the folder, the keys, the clock, the database and the bytes.

use std::path::Path;

use dsp_protocol::api::{BackupState, Problem, Progress};
use dsp_protocol::limits::CLOCK_AHEAD_MS;

use super::super::time::{now, rfc3339};
use super::super::{Ops, Reporter};
use super::Findings;

/// Blobs looked up at one time.
const PAGE: usize = 1000;
/// Most faults of one kind that are named one by one.
const NAMED: usize = 10;
/// With less than this free on the disk a warning is given, in bytes.
const LITTLE_BYTES: u64 = 1 << 30;

/// What is to be done about bytes that are damaged or gone.
pub(super) const REPAIR: &str = "`dsp doctor --repair` brings them again from a peer";

impl Ops {
    pub(super) fn examine_home(&self, findings: &mut Findings) {
        let root = self.home.root().to_owned();
        findings.ok("home", format!("{} is held by this daemon", root.display()));
        for path in [self.home.keys(), self.home.database(), self.home.run()] {
            if let Some(mode) = open_to_others(&path) {
                let what = format!("{} may be used by other accounts ({mode:o})", path.display());
                let hint = format!("take the permissions away: `chmod -R go= {}`", path.display());
                findings.fail("home", what, &hint);
            }
        }
        match self.home.free_bytes() {
            Ok(free) if free < self.blobs.spare() => findings.fail(
                "home",
                format!("the disk is full: {free} bytes are free"),
                "free some space, or lower `store.min_free_bytes`",
            ),
            Ok(free) if free < LITTLE_BYTES => {
                let what = format!("little room on the disk: {free} bytes are free");
                findings.warn("home", what, "free some space before large things come");
            }
            Ok(free) => findings.ok("home", format!("{} MiB are free on the disk", free >> 20)),
            Err(error) => findings.warn("home", error.to_string(), "look at the disk"),
        }
    }

    /// Looks whether this device may act for me: one that was revoked is let in by nobody, whatever
    /// ticket it has.
    pub(super) async fn examine_device(&self, findings: &mut Findings) -> Result<(), Problem> {
        if self.status().await?.device_revoked {
            findings.fail(
                "keys",
                "this device is revoked: it acts for you no more, and nobody lets it in",
                "`dsp reset` puts its home aside, and `dsp id pair` makes it a device of yours anew",
            );
        }
        Ok(())
    }

    pub(super) async fn examine_backup(&self, findings: &mut Findings) -> Result<(), Problem> {
        match self.backup_state().await? {
            BackupState::Needed => findings.warn(
                "keys",
                "the recovery key is only on this disk",
                "`dsp id backup` shows it in words",
            ),
            BackupState::Done => findings.ok("keys", "the recovery key is backed up"),
            BackupState::Elsewhere => findings.ok(
                "keys",
                "the recovery key is not here: the device that made it knows whether it is backed up",
            ),
        }
        Ok(())
    }

    /// Compares this clock with what others signed: nothing else here knows the time.
    pub(super) async fn examine_clock(&self, findings: &mut Findings) -> Result<(), Problem> {
        let scene = self.scene().await?;
        let (now, me) = (now(), self.me);
        let stacks = || scene.contexts.values().flat_map(|context| &context.stacks);
        let mine = stacks().filter(|stack| stack.owner == me).map(|stack| stack.time).max();
        if let Some(mine) = mine.filter(|time| *time > now + CLOCK_AHEAD_MS) {
            let what = format!("this clock went back: you pushed at {}", rfc3339(mine));
            findings.fail("clock", what, "set the clock; times of frames are shown by it");
        }
        let ahead = stacks().filter(|stack| stack.owner != me && stack.time > now + CLOCK_AHEAD_MS);
        match ahead.max_by_key(|stack| stack.time) {
            Some(stack) => {
                let what = format!(
                    "{} signed something at {}, by this clock in the future",
                    scene.names.of(stack.owner),
                    rfc3339(stack.time)
                );
                findings.warn("clock", what, "compare your clocks; tickets end by them");
            }
            None => findings.ok("clock", "nothing that was signed is from the future"),
        }
        Ok(())
    }

    pub(super) async fn examine_database(&self, findings: &mut Findings) -> Result<(), Problem> {
        if let Err(error) = self.store.answer().await {
            let hint = "`dsp daemon stop`, then start again; the log tells more";
            findings.fail("database", error.to_string(), hint);
            return Ok(());
        }
        let faults = self.judge_anew().await?;
        for fault in faults.iter().take(NAMED) {
            let hint = "peers are asked for it again; your own: put a backup back";
            findings.fail("database", fault.clone(), hint);
        }
        if faults.is_empty() {
            findings.ok("database", "every stored statement and frame holds");
        }
        if self.are_collections_held() {
            findings.warn(
                "database",
                "it was put back or copied, and may not know of all bytes here",
                "`dsp gc` frees what it does not name",
            );
        }
        Ok(())
    }

    /// Compares the index with the blob store, by its books and the sizes of files.
    pub(super) async fn examine_blobs(
        &self,
        findings: &mut Findings,
        reporter: &Reporter,
    ) -> Result<(), Problem> {
        let (mut all, mut wrong) = (0u64, Vec::new());
        let mut after = None;
        loop {
            let page = self.store.all_earned(after, PAGE).await?;
            after = page.last().copied();
            for hash in &page {
                if !self.blobs.stands(*hash).await? {
                    wrong.push(*hash);
                }
            }
            all += page.len() as u64;
            reporter.progress(|| Progress {
                what: "comparing".to_owned(),
                bytes: 0,
                bytes_total: None,
                files: all,
                files_total: None,
            });
            if page.len() < PAGE {
                break;
            }
        }
        let lost = self.store.all_lost(PAGE).await?;
        for hash in wrong.iter().chain(lost.keys()).take(NAMED) {
            findings.fail("blobs", format!("blob {} is damaged or gone", hash.short()), REPAIR);
        }
        match wrong.len() + lost.len() {
            0 => findings.ok("blobs", format!("{all} of {all} are here with their size")),
            n if n > NAMED => {
                findings.fail("blobs", format!("{n} of {all} are damaged or gone"), REPAIR);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Returns the permissions of a path that others may use.
#[cfg(unix)]
fn open_to_others(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn open_to_others(_: &Path) -> Option<u32> {
    None // Folders of an account are its own there.
}
