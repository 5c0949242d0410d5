//! Writing an archive: what is chosen, then the bytes, one record or piece at a time.
//!
//! What a reader of the context was given goes into it and nothing else. Catalogs are chains that
//! stand or fall as a whole, so that every archive holds all of them: one of a single stack leaves
//! frames and bytes of the others out, not their names.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use dsp_protocol::api::{ExportArchive, Problem};
use dsp_protocol::archive::{About, Writer};
use dsp_protocol::id::{BlobHash, ContextId, FrameId};
use dsp_protocol::limits;
use dsp_protocol::object::{Files, Frame, Lineage};
use dsp_protocol::reference::Rev;
use futures::StreamExt as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::super::Ops;
use super::super::history::History;
use super::super::problem::{bad_request, not_found};
use super::super::resolve::parse;
use super::super::scene::Scene;
use super::super::trees::Objects;

/// Pieces that wait for a slow reader.
const WAITING: usize = 8;
/// Most bytes of frames in one record.
const FRAMES_BYTES: usize = 512 * 1024;
/// Most frames in one record, and looked up at one time.
const FRAMES: usize = 64;
/// Blobs up to this size are read whole, so that a damaged one is left out; of a larger one the
/// damage breaks the archive off.
const WHOLE_BYTES: u64 = 1 << 20;
/// Most blobs that are told apart, so that each is written once: about 40 MB.
const DISTINCT: usize = 1 << 20;

/// What goes into an archive.
#[derive(Debug)]
struct Choice {
    context: ContextId,
    label: String,
    /// From where frames are taken backwards.
    roots: Vec<FrameId>,
    /// Whether all of the context is chosen.
    whole: bool,
}

/// Why an archive ends before its end.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("whoever asked for it has gone")]
    Gone,
    #[error("{0}")]
    Failed(String),
}

impl<E: Into<Problem>> From<E> for Broken {
    fn from(error: E) -> Self {
        Broken::Failed(error.into().detail)
    }
}

impl Ops {
    /// Writes an archive. What is asked for is settled before this returns; the bytes come as
    /// they are taken, and end in the middle where something here is damaged.
    ///
    /// # Errors
    /// There is no such thing, the things are of several contexts, or a ticket cannot be made.
    pub async fn export_archive(
        self: &Arc<Self>,
        wanted: ExportArchive,
    ) -> Result<ReceiverStream<io::Result<Bytes>>, Problem> {
        let scene = self.scene().await?;
        let choice = self.choose(&scene, &wanted.what).await?;
        let since = match &wanted.since {
            Some(text) => Some(self.since(&scene, choice.context, text).await?),
            None => None,
        };
        let frames = self.frames_to_write(&choice, wanted.heads, since).await?;
        let partial = !choice.whole || wanted.heads || since.is_some();
        let ticket = match wanted.ticket {
            Some(new) => Some(self.new_ticket(&choice.context.to_string(), new).await?.ticket),
            None => None,
        };
        let id = choice.context;
        let genesis = self.node.query(move |engine| {
            engine.context(id).map(|context| context.view().genesis().clone())
        });
        let genesis = genesis.await?.ok_or_else(|| {
            not_found(format!("the context `{}` is not here any more", choice.label))
        })?;
        let about = About { genesis, partial, ticket };
        let (sender, bytes) = mpsc::channel(WAITING);
        let ops = Arc::clone(self);
        tokio::spawn(async move {
            let writing = Writing::begin(&ops, id, &sender, &about);
            if let Err(Broken::Failed(reason)) = writing.run(frames, since, choice.whole).await {
                tracing::error!(context = %id.short(), reason, "an archive broke off");
                // Whoever asked may have gone.
                let _ = sender.send(Err(io::Error::other(reason))).await;
            }
        });
        Ok(ReceiverStream::new(bytes))
    }

    /// Finds what is asked for: one context, or stacks and frames of one.
    async fn choose(&self, scene: &Scene, what: &[String]) -> Result<Choice, Problem> {
        let [first, ..] = what else {
            return Err(bad_request("name a context, or stacks of one"));
        };
        if let ([only], Ok(context)) = (what, scene.context(first)) {
            let live = context.live();
            let heads = live.flat_map(|stack| {
                let heads = stack.heads.iter().map(|head| head.frame);
                heads.chain(stack.tags.values().copied())
            });
            let label = only.clone();
            let roots = heads.collect();
            return Ok(Choice { context: context.id, label, roots, whole: true });
        }
        let mut choice: Option<Choice> = None;
        for text in what {
            let reference = parse(text)?;
            let found = self.frame_of(scene, &reference).await?;
            let mut roots = vec![found.frame];
            if reference.rev == Rev::Head {
                let heads = found.stack.heads.iter().map(|head| head.frame);
                roots = heads.chain(found.stack.tags.values().copied()).collect();
            }
            let label = scene.label(found.context);
            match &mut choice {
                None => {
                    let context = found.context.id;
                    choice = Some(Choice { context, label, roots, whole: false });
                }
                Some(choice) if choice.context == found.context.id => choice.roots.extend(roots),
                Some(choice) => {
                    let detail =
                        format!("`{first}` is in {}, and `{text}` in {label}", choice.label);
                    return Err(bad_request(detail)
                        .with_hint("an archive holds one context; make one for each"));
                }
            }
        }
        choice.ok_or_else(|| bad_request("name a context, or stacks of one"))
    }

    /// Finds the frame from which on an archive is wanted.
    async fn since(
        &self,
        scene: &Scene,
        context: ContextId,
        text: &str,
    ) -> Result<FrameId, Problem> {
        if let Ok(Rev::Id(prefix)) = text.parse() {
            let fitting = self.node.query(move |engine| {
                let frames = engine.context(context).into_iter().flat_map(|c| c.frames());
                let fitting = frames.map(|(id, _)| id).filter(|id| prefix.matches(id));
                fitting.take(2).collect::<Vec<_>>()
            });
            if let [only] = fitting.await?[..] {
                return Ok(only);
            }
        }
        let found = self.frame_of(scene, &parse(text)?).await?;
        match found.context.id == context {
            true => Ok(found.frame),
            false => Err(bad_request(format!("`{text}` is a frame of another context"))),
        }
    }

    /// Returns the frames to write that are here, those nearest to a head first.
    async fn frames_to_write(
        &self,
        choice: &Choice,
        heads: bool,
        since: Option<FrameId>,
    ) -> Result<Vec<FrameId>, Problem> {
        let (id, roots) = (choice.context, choice.roots.clone());
        let frames = self.node.query(move |engine| {
            let Some(context) = engine.context(id) else { return Vec::new() };
            let parents = |id| Some(context.frame(id)?.parents.clone());
            let before: BTreeSet<FrameId> = History::walk(since, parents).frames().collect();
            let look = |id| match heads || before.contains(&id) {
                true => None,
                false => parents(id),
            };
            let history = History::walk(roots, look);
            let stands = |id| context.frame(id).is_some() && !context.is_withdrawn(id);
            let here = |id: &FrameId| stands(*id) && !before.contains(id);
            history.frames().filter(here).collect()
        });
        Ok(frames.await?)
    }
}

/// An archive that is being written.
struct Writing<'a> {
    ops: &'a Ops,
    context: ContextId,
    sender: &'a mpsc::Sender<io::Result<Bytes>>,
    writer: Writer,
    /// What is written before anything else.
    head: Vec<u8>,
    /// Blobs that are in the archive, or are left out of it.
    seen: HashSet<BlobHash>,
}

impl<'a> Writing<'a> {
    fn begin(
        ops: &'a Ops,
        context: ContextId,
        sender: &'a mpsc::Sender<io::Result<Bytes>>,
        about: &About,
    ) -> Self {
        let (writer, head) = Writer::begin(about);
        Writing { ops, context, sender, writer, head, seen: HashSet::new() }
    }

    async fn run(
        mut self,
        frames: Vec<FrameId>,
        since: Option<FrameId>,
        whole: bool,
    ) -> Result<(), Broken> {
        let head = std::mem::take(&mut self.head);
        self.put(head).await?;
        self.statements().await?;
        if whole {
            self.boards().await?;
        }
        self.frames(&frames).await?;
        if let Some(since) = since {
            // Whoever has that frame has its bytes.
            if let Some(frame) = self.ops.stored_frame(self.context, since).await? {
                self.seen.extend(self.named_at_once(&frame).iter().map(|(hash, _)| *hash));
            }
        }
        for frame in frames {
            if let Some(frame) = self.ops.stored_frame(self.context, frame).await? {
                self.blobs_of(&frame).await?;
            }
        }
        let end = self.writer.end();
        let sent = self.sender.send(Ok(end.into())).await;
        sent.map_err(|_| Broken::Gone)
    }

    async fn put(&self, bytes: Vec<u8>) -> Result<(), Broken> {
        self.sender.send(Ok(bytes.into())).await.map_err(|_| Broken::Gone)
    }

    /// Writes identity logs, catalogs and forks, each user's after those whose word she needs.
    async fn statements(&mut self) -> Result<(), Broken> {
        let id = self.context;
        let users = self.ops.node.query(move |engine| engine.archived_users(id)).await?;
        for user in users {
            let log = self.ops.node.query(move |engine| engine.archived_log(user)).await?;
            for entries in log.chunks(limits::ARCHIVE_RECORD_ITEMS) {
                let record = self.writer.log(user, entries.to_vec());
                self.put(record).await?;
            }
            let catalogs = self.ops.node.query(move |engine| engine.archived_catalogs(id, user));
            for (key, fork) in catalogs.await? {
                let mut from = 1;
                loop {
                    let page = self
                        .ops
                        .node
                        .query(move |engine| engine.archived_envelopes(id, key, from))
                        .await?;
                    if page.is_empty() {
                        break;
                    }
                    from += page.len() as u64;
                    let record = self.writer.envelopes(key, page);
                    self.put(record).await?;
                }
                if let Some(fork) = fork {
                    let record = self.writer.fork(user, fork);
                    self.put(record).await?;
                }
            }
        }
        Ok(())
    }

    /// Writes dashboards, removed ones too: who takes them in may put one back.
    async fn boards(&mut self) -> Result<(), Broken> {
        let id = self.context;
        let boards = self.ops.node.query(move |engine| engine.archived_boards(id)).await?;
        for (board, forks) in boards {
            for (user, proof) in forks {
                let record = self.writer.board_fork(board, user, proof);
                self.put(record).await?;
            }
            let order = self.ops.node.query(move |engine| engine.archived_order(id, board)).await?;
            let order = Arc::new(order);
            let mut from = 0;
            while from < order.len() {
                let named = order.clone();
                let page = self
                    .ops
                    .node
                    .query(move |engine| engine.archived_changes(id, board, &named[from..]));
                let (through, changes) = page.await?;
                from += through;
                if !changes.is_empty() {
                    let record = self.writer.board(board, changes);
                    self.put(record).await?;
                }
            }
        }
        Ok(())
    }

    async fn frames(&mut self, frames: &[FrameId]) -> Result<(), Broken> {
        for some in frames.chunks(FRAMES) {
            let loaded = self.ops.store.frames(self.context, some.to_vec()).await?;
            let (mut batch, mut bytes) = (Vec::new(), 0);
            for (_, frame) in loaded {
                if bytes + frame.len() > FRAMES_BYTES && !batch.is_empty() {
                    let record = self.writer.frames(std::mem::take(&mut batch));
                    self.put(record).await?;
                    bytes = 0;
                }
                bytes += frame.len();
                batch.push(frame);
            }
            if !batch.is_empty() {
                let record = self.writer.frames(batch);
                self.put(record).await?;
            }
        }
        Ok(())
    }

    /// Writes what a frame names, every object before what it lists.
    async fn blobs_of(&mut self, frame: &Frame) -> Result<(), Broken> {
        let named = self.named_at_once(frame);
        self.blobs(named).await?;
        if let Some(lineage) = &frame.lineage {
            let bytes = self.ops.blobs.read_all(lineage.hash, limits::LINEAGE_BYTES as u64).await;
            let object = bytes.ok().and_then(|bytes| Lineage::decode(&bytes).ok());
            let named = object.iter().flat_map(Lineage::blobs);
            let named = named.map(|blob| (blob.hash, blob.size)).collect();
            self.blobs(named).await?;
        }
        let mut objects = Objects::default();
        if let Files::Tree(root) = &frame.files {
            objects.add(root);
        }
        while let Some(met) = objects.next(self.ops).await {
            let mut named = vec![(met.blob.hash, met.blob.size)];
            // What cannot be read here lists nothing; who takes the archive asks others for it.
            if let Ok(object) = &met.object {
                named.extend(object.files.iter().map(|(_, hash, size)| (*hash, *size)));
            }
            self.blobs(named).await?;
        }
        Ok(())
    }

    /// Returns what a frame itself names, objects first.
    fn named_at_once(&self, frame: &Frame) -> Vec<(BlobHash, u64)> {
        frame.blobs().map(|(_, blob)| (blob.hash, blob.size)).collect()
    }

    /// Writes those of some blobs that are here and not written yet.
    async fn blobs(&mut self, named: Vec<(BlobHash, u64)>) -> Result<(), Broken> {
        let hashes = named.iter().map(|(hash, _)| *hash).collect();
        let here = self.ops.store.earned_set(self.context, hashes).await?;
        for (hash, size) in named {
            if here.get(&hash) == Some(&size) && self.is_new(hash) {
                self.blob(hash, size).await?;
            }
        }
        Ok(())
    }

    fn is_new(&mut self, hash: BlobHash) -> bool {
        !self.seen.contains(&hash) && (self.seen.len() >= DISTINCT || self.seen.insert(hash))
    }

    async fn blob(&mut self, hash: BlobHash, size: u64) -> Result<(), Broken> {
        if size <= WHOLE_BYTES {
            match self.ops.blobs.read_all(hash, size).await {
                Ok(bytes) => {
                    let mut record = self.writer.blob(hash, size);
                    self.writer.piece(&bytes);
                    record.extend_from_slice(&bytes);
                    return self.put(record).await;
                }
                Err(error) => {
                    tracing::error!(blob = %hash.short(), %error, "left out of an archive");
                    return Ok(());
                }
            }
        }
        let record = self.writer.blob(hash, size);
        self.put(record).await?;
        let mut pieces = self.ops.blobs.reader(hash, 0..size);
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            self.writer.piece(&piece);
            self.sender.send(Ok(piece)).await.map_err(|_| Broken::Gone)?;
        }
        Ok(())
    }
}
