//! Bringing frames and bytes here that others have.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dsp_protocol::api::{Fetched, Problem, ProblemCode, Progress, RefRequest};
use dsp_protocol::id::{BlobHash, ContextId, FrameId};
use dsp_protocol::limits::DIRECTORY_BYTES;
use dsp_protocol::object::{BlobRef, BlobRole, Directory};
use dsp_protocol::reference::Rev;
use dsp_protocol::sync::{BlobKind, BlobWant, Command, Event, Reply};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};

use super::content::{Content, File};
use super::contexts::unexpected;
use super::frames::pick;
use super::resolve::parse;
use super::{Ops, Reporter};
use crate::node::NodeEvent;

/// Most directory objects of a frame that are brought.
const DIRECTORIES: usize = 1 << 17;
/// How long a frame may take to come.
const FRAME_WAIT: Duration = Duration::from_secs(30);

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
                let content = self.bring_frame(context, found.frame, reporter).await?;
                let content = self.bring_listing(context, content, reporter).await?;
                let files: Vec<File> = match &reference.attachment {
                    Some(_) => vec![pick(&content, &reference, text)?.clone()],
                    None => content.files()?.to_vec(),
                };
                self.bring_files(context, &files, reporter, &mut fetched).await?;
            }
            None => {
                let scene = self.scene().await?;
                for context in scene.contexts.values().filter(|c| !c.is_mine(scene.me)) {
                    let heads = context.live().flat_map(|stack| &stack.heads);
                    for head in heads {
                        let content = self.bring_frame(context.id, head.frame, reporter).await?;
                        let content = self.bring_listing(context.id, content, reporter).await?;
                        let files = content.files()?.to_vec();
                        self.bring_files(context.id, &files, reporter, &mut fetched).await?;
                    }
                }
            }
        }
        Ok(fetched)
    }

    /// Returns a frame, brought here if need be.
    async fn bring_frame(
        &self,
        context: ContextId,
        frame: FrameId,
        reporter: &Reporter,
    ) -> Result<Content, Problem> {
        let mut events = self.node.subscribe();
        if let Some(content) = self.contents(context, vec![frame]).await?.remove(&frame) {
            return Ok(content);
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
                    return self.content(context, frame).await;
                }
                Ok(Ok(_) | Err(RecvError::Lagged(_))) => {}
                Ok(Err(RecvError::Closed)) => return Err(crate::node::NodeStopped.into()),
                Err(_) if Instant::now() < until => {}
                Err(_) => {
                    // An event may have been lost.
                    let here = self.contents(context, vec![frame]).await?.remove(&frame);
                    return here.ok_or_else(|| {
                        let text = format!("nobody reachable has frame {frame}");
                        Problem::new(ProblemCode::Unreachable, text)
                            .with_hint("try again when its author is online")
                    });
                }
            }
        }
    }

    /// Brings the directory objects that list the files of a frame.
    pub(crate) async fn bring_listing(
        &self,
        context: ContextId,
        content: Content,
        reporter: &Reporter,
    ) -> Result<Content, Problem> {
        let dsp_protocol::object::Files::Tree(root) = &content.frame.files else {
            return Ok(content);
        };
        let root = root.clone();
        let mut level = vec![root.clone()];
        let mut seen = BTreeSet::new();
        // A level at a time, so that a tree takes as many round trips as it is deep.
        while !level.is_empty() {
            level.retain(|blob| seen.insert(blob.hash));
            if seen.len() > DIRECTORIES {
                let text = format!("the list of files has more than {DIRECTORIES} parts");
                return Err(Problem::new(ProblemCode::TooLarge, text));
            }
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
                next.extend(below.map(|(_, blob)| blob.clone()));
            }
            level = next;
        }
        Ok(Content { files: self.tree(&root).await?, ..content })
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
        let missing = blobs.iter().filter(|blob| !here.contains_key(&blob.hash));
        // As data: the engine would want everything that a directory lists.
        let wants: Vec<BlobWant> = missing
            .map(|blob| BlobWant { hash: blob.hash, size: blob.size, kind: BlobKind::Data })
            .collect();
        if wants.is_empty() || self.bring(context, wants, reporter).await?.1.is_empty() {
            return Ok(());
        }
        let text = "nobody reachable has the whole list of files";
        Err(Problem::new(ProblemCode::Unreachable, text)
            .with_hint("try again when its author is online"))
    }

    /// Brings the bytes of files and adds to what was fetched.
    async fn bring_files(
        &self,
        context: ContextId,
        files: &[File],
        reporter: &Reporter,
        fetched: &mut Fetched,
    ) -> Result<(), Problem> {
        let sizes: BTreeMap<BlobHash, u64> =
            files.iter().map(|file| (file.blob.hash, file.blob.size)).collect();
        let here = self.store.earned_set(context, sizes.keys().copied().collect()).await?;
        let wants: Vec<BlobWant> = sizes
            .iter()
            .filter(|(hash, _)| !here.contains_key(hash))
            .map(|(hash, size)| BlobWant { hash: *hash, size: *size, kind: BlobKind::Data })
            .collect();
        let failed = match wants.is_empty() {
            true => BTreeSet::new(),
            false => self.bring(context, wants, reporter).await?.1,
        };
        for file in files {
            let hash = file.blob.hash;
            if failed.contains(&hash) {
                fetched.missing.push(file.path.to_string());
                continue;
            }
            fetched.files += 1;
            match here.contains_key(&hash) {
                true => fetched.already_here += 1,
                false => fetched.bytes += file.blob.size,
            }
        }
        Ok(())
    }

    /// Has the engine bring blobs; returns those that came and those that nobody gave.
    pub(crate) async fn bring(
        &self,
        context: ContextId,
        wants: Vec<BlobWant>,
        reporter: &Reporter,
    ) -> Result<(BTreeSet<BlobHash>, BTreeSet<BlobHash>), Problem> {
        let total: u64 = wants.iter().map(|want| want.size).sum();
        self.room_for(total)?;
        let mut events = self.node.subscribe();
        let mut command = std::pin::pin!(self.node.run(Command::Fetch { context, wants }));
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

fn progress(what: &str, bytes: u64, bytes_total: Option<u64>) -> Progress {
    Progress { what: what.to_owned(), bytes, bytes_total, files: 0, files_total: None }
}
