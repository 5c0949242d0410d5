//! Bringing frames and bytes here that others have.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dsp_protocol::api::{Fetched, Problem, ProblemCode, Progress, RefRequest};
use dsp_protocol::id::{BlobHash, ContextId, FrameId};
use dsp_protocol::limits::DIRECTORY_BYTES;
use dsp_protocol::name::AttachmentPath;
use dsp_protocol::object::{BlobRef, BlobRole, Directory, Files, Frame};
use dsp_protocol::reference::Reference;
use dsp_protocol::reference::Rev;
use dsp_protocol::sync::{BlobKind, BlobWant, Command, Event, Reply};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};

use super::content::{File, hashes};
use super::contexts::unexpected;
use super::resolve::{Found, parse};
use super::trees::Gap;
use super::{Ops, Reporter};
use crate::blobs::{ForgetError, Forgotten, Status};
use crate::node::NodeEvent;

/// Most directory objects of a frame that are brought.
const DIRECTORIES: usize = 1 << 17;
/// How long a frame may take to come.
const FRAME_WAIT: Duration = Duration::from_secs(30);
/// Most files that are brought at one time.
const BATCH: usize = 10_000;
/// Most files that did not come and are named.
const NAMED: usize = 1000;

/// How what is recorded as here is looked at before it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// Whether the blob store has it, which costs nothing.
    Books,
    /// Every byte against the hash: who names a frame may do so because it is damaged.
    Bytes,
}

impl Ops {
    /// Brings the bytes of a frame or an attachment here; of all current heads when nothing is
    /// named.
    ///
    /// # Errors
    /// There is no such frame, or nobody who has it can be reached.
    pub async fn fetch(
        &self,
        request: &RefRequest,
        reporter: &Reporter,
    ) -> Result<Fetched, Problem> {
        let mut fetched = Fetched { files: 0, bytes: 0, already_here: 0, missing: Vec::new() };
        match &request.reference {
            Some(text) => {
                let reference = parse(text)?;
                let scene = self.scene().await?;
                let found = self.frame_of(&scene, &reference).await?;
                let context = found.context.id;
                let heads = found.stack.heads.len();
                if reference.rev == Rev::Head && heads > 1 {
                    let name = scene.reference(&found.stack());
                    let note =
                        format!("{name} has {heads} heads, pushed while apart; this is the first");
                    reporter.note(note).await;
                }
                let frame = self.bring_frame(context, found.frame, reporter).await?;
                if reference.attachment.is_some() {
                    let file = self.picked(context, &frame, &reference, text, reporter).await?;
                    let files = std::slice::from_ref(&file);
                    self.bring_files(context, files, Check::Bytes, reporter, &mut fetched).await?;
                } else {
                    self.bring_all(context, &frame, Check::Bytes, reporter, &mut fetched).await?;
                }
            }
            None => {
                let scene = self.scene().await?;
                let mut failed = None;
                for context in scene.contexts.values().filter(|c| !c.is_mine(scene.me)) {
                    for stack in context.live() {
                        for head in &stack.heads {
                            let id = (context.id, head.frame);
                            match self.bring_head(id, reporter, &mut fetched).await {
                                Ok(()) => {}
                                Err(problem) if concerns_one_frame(&problem) => {
                                    let name = scene.reference(&Found { context, stack });
                                    fetched.missing.push(name);
                                    failed.get_or_insert(problem);
                                }
                                Err(problem) => return Err(problem),
                            }
                        }
                    }
                }
                if let Some(problem) = failed.filter(|_| fetched.files == 0) {
                    return Err(problem);
                }
            }
        }
        if let Some(more) = fetched.missing.len().checked_sub(NAMED).filter(|more| *more > 0) {
            fetched.missing.truncate(NAMED);
            reporter.note(format!("{more} more did not come")).await;
        }
        Ok(fetched)
    }

    async fn bring_head(
        &self,
        (context, head): (ContextId, FrameId),
        reporter: &Reporter,
        fetched: &mut Fetched,
    ) -> Result<(), Problem> {
        let frame = self.bring_frame(context, head, reporter).await?;
        self.bring_all(context, &frame, Check::Books, reporter, fetched).await
    }

    /// Brings all files of a frame, so many at a time.
    pub(crate) async fn bring_all(
        &self,
        context: ContextId,
        frame: &Frame,
        check: Check,
        reporter: &Reporter,
        fetched: &mut Fetched,
    ) -> Result<(), Problem> {
        self.bring_listing(context, frame, reporter).await?;
        self.check_size(frame).await?;
        let mut after: Option<AttachmentPath> = None;
        loop {
            let files = self.files_after(frame, after.as_ref(), BATCH).await?;
            self.bring_files(context, &files, check, reporter, fetched).await?;
            after = match files.last() {
                Some(last) if files.len() == BATCH => Some(last.path.clone()),
                Some(_) | None => return Ok(()),
            };
        }
    }

    /// Returns the file that a reference means, bringing the directory objects on the way to it.
    pub(crate) async fn picked(
        &self,
        context: ContextId,
        frame: &Frame,
        reference: &Reference,
        text: &str,
        reporter: &Reporter,
    ) -> Result<File, Problem> {
        let mut brought = BTreeSet::new();
        loop {
            match self.pick(frame, reference, text).await {
                Ok(picked) => return picked,
                Err(Gap::Missing(blob)) if brought.insert(blob.hash) => {
                    self.bring_directories(context, &[blob], reporter).await?;
                }
                Err(gap) => return Err(gap.into()),
            }
        }
    }

    /// Returns a frame, brought here if need be.
    pub(crate) async fn bring_frame(
        &self,
        context: ContextId,
        frame: FrameId,
        reporter: &Reporter,
    ) -> Result<Frame, Problem> {
        let mut events = self.node.subscribe();
        if let Some(here) = self.stored_frame(context, frame).await? {
            return Ok(here);
        }
        if self.is_withdrawn(context, frame).await? {
            return self.frame_here(context, frame).await;
        }
        self.node.run(Command::FetchFrames { context, frames: vec![frame] }).await?;
        self.node.run(Command::Reach { context }).await?;
        let until = Instant::now() + FRAME_WAIT;
        loop {
            reporter.progress(|| progress("looking for the frame", 0, None));
            match timeout_at(until.min(Instant::now() + Duration::from_secs(1)), events.recv())
                .await
            {
                Ok(Ok(NodeEvent::Sync(Event::Frame { frame: came, .. }))) if came == frame => {
                    return self.frame_here(context, frame).await;
                }
                Ok(Ok(_) | Err(RecvError::Lagged(_))) => {}
                Ok(Err(RecvError::Closed)) => return Err(crate::node::NodeStopped.into()),
                Err(_) if Instant::now() < until => {}
                Err(_) => {
                    // An event may have been lost.
                    let here = self.stored_frame(context, frame).await?;
                    return here.ok_or_else(|| {
                        let text = format!("nobody reachable has frame {frame}");
                        Problem::new(ProblemCode::Unreachable, text).with_hint(
                            "try again when its author is online; where a stack was shared with \
                             you later, the frames before stay with its author",
                        )
                    });
                }
            }
        }
    }

    /// Brings the directory objects that list the files of a frame.
    pub(crate) async fn bring_listing(
        &self,
        context: ContextId,
        frame: &Frame,
        reporter: &Reporter,
    ) -> Result<(), Problem> {
        let Files::Tree(root) = &frame.files else { return Ok(()) };
        let mut level = vec![BlobRef::new(root.hash, root.size)];
        let mut seen = BTreeSet::from([root.hash]);
        // A level at a time, so that a tree takes as many round trips as it is deep.
        while !level.is_empty() {
            if let Some(large) = level.iter().find(|blob| blob.size > DIRECTORY_BYTES as u64) {
                let text = format!("directory object {} claims {} bytes", large.hash, large.size);
                return Err(Problem::new(ProblemCode::Corrupt, text));
            }
            self.bring_directories(context, &level, reporter).await?;
            let mut next = Vec::new();
            for blob in &level {
                let bytes = self.blobs.read_all(blob.hash, DIRECTORY_BYTES as u64).await?;
                let directory = Directory::decode(&bytes).map_err(|error| {
                    let text = format!("directory object {}: {error}", blob.hash);
                    Problem::new(ProblemCode::Corrupt, text)
                })?;
                let below = directory.blobs().filter(|(role, _)| *role == BlobRole::Tree);
                let new = below.filter(|(_, blob)| seen.insert(blob.hash));
                next.extend(new.map(|(_, blob)| BlobRef::new(blob.hash, blob.size)));
                if seen.len() > DIRECTORIES {
                    let text = format!("the list of files has more than {DIRECTORIES} parts");
                    return Err(Gap::TooLarge(text).into());
                }
            }
            level = next;
        }
        Ok(())
    }

    /// Brings those of some directory objects that are not here, and not what they list.
    async fn bring_directories(
        &self,
        context: ContextId,
        blobs: &[BlobRef],
        reporter: &Reporter,
    ) -> Result<(), Problem> {
        let hashes = blobs.iter().map(|blob| blob.hash).collect();
        let here = self.store.earned_set(context, hashes).await?;
        // As data: the engine would want everything that a directory lists.
        let want = |blob: &BlobRef| data(blob.hash, blob.size);
        let (known, new): (Vec<_>, Vec<_>) =
            blobs.iter().map(want).partition(|want| here.contains_key(&want.hash));
        let mut failed = self.mend(context, known, Check::Bytes, reporter).await?.1;
        if !new.is_empty() {
            failed.extend(self.bring(context, new, reporter).await?.1);
        }
        if failed.is_empty() {
            return Ok(());
        }
        let text = "nobody reachable has the whole list of files";
        Err(Problem::new(ProblemCode::Unreachable, text)
            .with_hint("try again when its author is online"))
    }

    /// Brings the bytes of files and adds to what was fetched.
    pub(crate) async fn bring_files(
        &self,
        context: ContextId,
        files: &[File],
        check: Check,
        reporter: &Reporter,
        fetched: &mut Fetched,
    ) -> Result<(), Problem> {
        let sizes: BTreeMap<BlobHash, u64> =
            files.iter().map(|file| (file.blob.hash, file.blob.size)).collect();
        let here = self.store.earned_set(context, hashes(files)).await?;
        let (known, new): (Vec<_>, Vec<_>) = sizes
            .iter()
            .map(|(hash, size)| data(*hash, *size))
            .partition(|want| here.contains_key(&want.hash));
        let (mended, mut failed) = self.mend(context, known, check, reporter).await?;
        if !new.is_empty() {
            failed.extend(self.bring(context, new, reporter).await?.1);
        }
        for file in files {
            let hash = file.blob.hash;
            if failed.contains(&hash) {
                fetched.missing.push(file.path.to_string());
                continue;
            }
            fetched.files += 1;
            match here.contains_key(&hash) && !mended.contains(&hash) {
                true => fetched.already_here += 1,
                false => fetched.bytes += file.blob.size,
            }
        }
        Ok(())
    }

    /// Looks whether blobs that are recorded as here are so in fact, and brings those again that
    /// are damaged or gone. Returns those that came, and those that nobody gave, which do not
    /// count as here any more.
    ///
    /// Until then they stay recorded: a provider hands out whole blobs only, and whatever ends
    /// the call half-way, they are found again.
    async fn mend(
        &self,
        context: ContextId,
        known: Vec<BlobWant>,
        check: Check,
        reporter: &Reporter,
    ) -> Result<(BTreeSet<BlobHash>, BTreeSet<BlobHash>), Problem> {
        let mut lost: BTreeMap<BlobHash, BlobWant> = BTreeMap::new();
        for want in known {
            let sound = match check {
                Check::Bytes => self.blobs.verify(want.hash).await.is_ok(),
                Check::Books => {
                    matches!(self.blobs.status(want.hash).await?, Status::Complete { .. })
                }
            };
            if !sound {
                lost.insert(want.hash, want);
            }
        }
        if lost.is_empty() {
            return Ok((BTreeSet::new(), BTreeSet::new()));
        }
        let (mut contexts, mut came) = (BTreeSet::new(), BTreeSet::new());
        for hash in lost.keys() {
            tracing::warn!(blob = %hash.short(), "a blob is damaged or gone; it is brought again");
            let forgotten = self.blobs.forget_corrupt(*hash).await;
            if forgotten.map_err(|error| not_removed(&error))? == Forgotten::Sound {
                // A push brought it meanwhile.
                came.insert(*hash);
                continue;
            }
            contexts.extend(self.store.contexts_of_blob(*hash).await?);
        }
        lost.retain(|hash, _| !came.contains(hash));
        contexts.remove(&context);
        // Whoever has it, in whatever context: what is asked for is known by its hash.
        for context in std::iter::once(context).chain(contexts) {
            let earned = self.store.earned_set(context, lost.keys().copied().collect()).await?;
            let wants: Vec<BlobWant> =
                earned.keys().filter_map(|hash| lost.get(hash)).copied().collect();
            if wants.is_empty() {
                continue;
            }
            let lost_here = Command::Lost { context, wants: wants.clone() };
            let (complete, _) = self.bring_by(lost_here, context, &wants, reporter).await?;
            for hash in complete {
                lost.remove(&hash);
                came.insert(hash);
            }
        }
        let lost = lost.into_keys().collect();
        let (pushed, failed) = self.give_up(lost).await?;
        came.extend(pushed);
        Ok((came, failed))
    }

    /// Brings blobs again that are recorded as here and damaged or gone. Returns those that are
    /// right now, and those that nobody gave.
    ///
    /// # Errors
    /// The daemon stops, or the disk is full.
    pub(crate) async fn mend_blobs(
        &self,
        context: ContextId,
        damaged: Vec<(BlobHash, u64)>,
        reporter: &Reporter,
    ) -> Result<(BTreeSet<BlobHash>, BTreeSet<BlobHash>), Problem> {
        let known = damaged.into_iter().map(|(hash, size)| data(hash, size)).collect();
        self.mend(context, known, Check::Bytes, reporter).await
    }

    /// Brings blobs again that were noticed to be lost.
    ///
    /// # Errors
    /// As [`mend_blobs`](Self::mend_blobs).
    pub(crate) async fn bring_lost(
        &self,
        context: ContextId,
        lost: Vec<(BlobHash, u64)>,
        reporter: &Reporter,
    ) -> Result<(BTreeSet<BlobHash>, BTreeSet<BlobHash>), Problem> {
        let wants = lost.into_iter().map(|(hash, size)| data(hash, size)).collect();
        self.bring(context, wants, reporter).await
    }

    /// Lets blobs that nobody gave count as here no more. Returns those that are here all the
    /// same, as a push brought them meanwhile, and the others.
    async fn give_up(
        &self,
        lost: BTreeSet<BlobHash>,
    ) -> Result<(BTreeSet<BlobHash>, BTreeSet<BlobHash>), Problem> {
        if lost.is_empty() {
            return Ok(Default::default());
        }
        let unfit = self.blobs.unfit(lost.iter().copied().collect()).await?;
        let failed: BTreeSet<BlobHash> = unfit.hashes().iter().copied().collect();
        self.store.unearn(unfit.hashes().to_vec()).await?;
        self.trees.forget_here();
        Ok((lost.difference(&failed).copied().collect(), failed))
    }

    /// Has the engine bring blobs; returns those that came and those that nobody gave.
    async fn bring(
        &self,
        context: ContextId,
        wants: Vec<BlobWant>,
        reporter: &Reporter,
    ) -> Result<(BTreeSet<BlobHash>, BTreeSet<BlobHash>), Problem> {
        let command = Command::Fetch { context, wants: wants.clone() };
        self.bring_by(command, context, &wants, reporter).await
    }

    async fn bring_by(
        &self,
        command: Command,
        context: ContextId,
        wants: &[BlobWant],
        reporter: &Reporter,
    ) -> Result<(BTreeSet<BlobHash>, BTreeSet<BlobHash>), Problem> {
        let total: u64 = wants.iter().map(|want| want.size).fold(0, u64::saturating_add);
        self.room_for(total).await?;
        let mut events = self.node.subscribe();
        let mut command = std::pin::pin!(self.node.run(command));
        loop {
            tokio::select! {
                reply = &mut command => return match reply? {
                    Reply::Fetched { complete, failed } => {
                        Ok((complete.into_iter().collect(), failed.into_iter().collect()))
                    }
                    other => Err(unexpected(&other)),
                },
                event = events.recv() => match event {
                    Ok(NodeEvent::Progress { context: of, bytes, bytes_total })
                        if of == context =>
                    {
                        reporter.progress(|| progress("fetching", bytes, Some(bytes_total)));
                    }
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Err(crate::node::NodeStopped.into()),
                },
            }
        }
    }
}

fn data(hash: BlobHash, size: u64) -> BlobWant {
    BlobWant { hash, size, kind: BlobKind::Data }
}

/// Tells whether other frames may come all the same.
fn concerns_one_frame(problem: &Problem) -> bool {
    use ProblemCode::{BlobNotLocal, Corrupt, NotFound, TooLarge, Unreachable};
    matches!(problem.code, BlobNotLocal | Corrupt | NotFound | TooLarge | Unreachable)
}

/// Returns the problem of a damaged blob that cannot be removed.
fn not_removed(error: &ForgetError) -> Problem {
    match error {
        ForgetError::InUse(hash) => Problem::new(
            ProblemCode::Conflict,
            format!("blob {hash} is damaged, and in use by a push or a fetch"),
        )
        .with_hint("try again when that has ended"),
        error => super::internal(error),
    }
}

fn progress(what: &str, bytes: u64, bytes_total: Option<u64>) -> Progress {
    Progress { what: what.to_owned(), bytes, bytes_total, files: 0, files_total: None }
}
