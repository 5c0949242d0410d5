//! Taking an archive in: item by item, each judged before the next is looked at.
//!
//! Nothing of an archive is trusted. Statements and frames go to the engine, which judges them as
//! if a peer had sent them. Of blobs only those are written that something accepted names, with
//! the size that it gives; they count once their bytes have the hash.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use dsp_protocol::api::{ArchiveTaken, Came, FollowState, NewFollow, Problem, ProblemCode};
use dsp_protocol::archive::{About, ArchiveError, Item, Reader};
use dsp_protocol::id::{BlobHash, ContextId};
use dsp_protocol::sync::{ArchivePart, BlobKind, BlobWant, Command, Imported, Reply};
use dsp_protocol::ticket::Ticket;
use futures::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::super::contexts::unexpected;
use super::super::problem::bad_request;
use super::super::whole::to_the_end;
use super::super::{Ops, Reporter};
use crate::blobs::Keep;

/// How often envelopes that came before what they rest on are looked at again. The engine takes
/// some hundred of a catalog that stands in the wrong order each time.
const LOOKS: usize = 16;
/// Bytes of envelopes that are looked at again.
const EARLY_BYTES: usize = 64 << 20;
/// Pieces of a blob that wait to be written.
const WAITING: usize = 8;
/// Most blobs that are made durable at one time.
const BATCH: usize = 256;
/// Most bytes of those.
const BATCH_BYTES: u64 = 64 << 20;

impl Ops {
    /// Takes an archive in. What was right before an error stays, so that the same archive taken
    /// again goes on; a context of which nothing was right is not made.
    ///
    /// # Errors
    /// The bytes are no archive, something in them is wrong, or the disk is full.
    pub async fn import_archive(
        self: &Arc<Self>,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send + Sync + Unpin + 'static,
    ) -> Result<ArchiveTaken, Problem> {
        let ops = Arc::clone(self);
        // Who hangs up ends the stream: what came is closed as after any error.
        to_the_end(async move {
            let mut intake = Intake::new(&ops, bytes);
            match intake.run().await {
                Ok(()) => intake.taken().await,
                Err(problem) => {
                    intake.give_up().await;
                    Err(problem)
                }
            }
        })
        .await
    }
}

/// An archive that is being taken in.
struct Intake<'a, S> {
    ops: &'a Ops,
    stream: S,
    reader: Reader,
    about: Option<About>,
    known: bool,
    changes: Came,
    /// Envelopes of which some did not count yet: what a device said that was revoked counts only
    /// with what its owner says in another catalog, which may come later.
    early: Vec<ArchivePart>,
    early_bytes: usize,
    frames: Came,
    blobs: Came,
    bytes: u64,
    /// Blobs that are here and not yet counted, with what holds the new ones.
    batch: Vec<(BlobHash, u64)>,
    batch_bytes: u64,
    keeps: Vec<Keep>,
}

impl<'a, S: Stream<Item = io::Result<Bytes>> + Send + Sync + Unpin> Intake<'a, S> {
    fn new(ops: &'a Ops, stream: S) -> Self {
        Intake {
            ops,
            stream,
            reader: Reader::new(),
            about: None,
            known: false,
            changes: Came::default(),
            early: Vec::new(),
            early_bytes: 0,
            frames: Came::default(),
            blobs: Came::default(),
            bytes: 0,
            batch: Vec::new(),
            batch_bytes: 0,
            keeps: Vec::new(),
        }
    }

    async fn run(&mut self) -> Result<(), Problem> {
        loop {
            let item = self.next().await?;
            if !matches!(item, Item::Log { .. } | Item::Envelopes { .. } | Item::Fork { .. }) {
                self.again().await?;
            }
            match item {
                Item::About(about) => self.open(about).await?,
                Item::Log { user, entries } => {
                    self.part(ArchivePart::Log { user, entries }).await?;
                }
                Item::Envelopes { catalog, envelopes } => {
                    let bytes: usize = envelopes.iter().map(Vec::len).sum();
                    let part = ArchivePart::Envelopes { catalog, envelopes };
                    let came = self.part(part.clone()).await?;
                    let keeps = came.left_out > 0 && self.early_bytes + bytes <= EARLY_BYTES;
                    if keeps {
                        self.early_bytes += bytes;
                        self.early.push(part);
                    }
                    let left_out = if keeps { 0 } else { came.left_out };
                    add(&mut self.changes, Imported { left_out, ..came });
                }
                Item::Fork { user, proof } => {
                    self.part(ArchivePart::Fork { user, proof }).await?;
                }
                Item::Board { board, changes } => {
                    let came = self.part(ArchivePart::Board { board, changes }).await?;
                    add(&mut self.changes, came);
                }
                Item::BoardFork { board, user, proof } => {
                    self.part(ArchivePart::BoardFork { board, user, proof }).await?;
                }
                Item::Frames(frames) => {
                    let came = self.part(ArchivePart::Frames(frames)).await?;
                    add(&mut self.frames, came);
                }
                Item::Blob { hash, size } => self.blob(hash, size).await?,
                Item::Piece(_) | Item::BlobEnd => {
                    return Err(bad_request("bytes of a blob that did not begin"));
                }
                Item::End => break,
            }
        }
        self.flush().await?;
        let context = self.context()?;
        self.ops.node.run(Command::CloseArchive { context }).await?;
        // Whatever stands behind the end is none of it.
        while let Some(more) = self.stream.next().await {
            self.reader.push(&more.map_err(cut_short)?);
            self.reader.next_item().map_err(refused)?;
        }
        self.reader.next_item().map_err(refused)?;
        Ok(())
    }

    /// Looks again at envelopes that did not count, as long as that brings more.
    async fn again(&mut self) -> Result<(), Problem> {
        let mut early = std::mem::take(&mut self.early);
        self.early_bytes = 0;
        for look in 1.. {
            let (mut left, mut left_out, mut brought) = (Vec::new(), 0, 0);
            for part in early {
                let came = self.part(part.clone()).await?;
                brought += came.accepted;
                if came.left_out > 0 {
                    left_out += came.left_out;
                    left.push(part);
                }
            }
            self.changes.accepted += brought;
            if brought == 0 || left.is_empty() || look == LOOKS {
                self.changes.left_out += left_out;
                break;
            }
            early = left;
        }
        Ok(())
    }

    /// Returns the next item.
    async fn next(&mut self) -> Result<Item, Problem> {
        loop {
            if let Some(item) = self.reader.next_item().map_err(refused)? {
                return Ok(item);
            }
            match self.stream.next().await {
                Some(bytes) => self.reader.push(&bytes.map_err(cut_short)?),
                None => {
                    self.reader.finish().map_err(refused)?;
                    return Err(bad_request("the archive went on behind its end"));
                }
            }
        }
    }

    fn context(&self) -> Result<ContextId, Problem> {
        let about = self.about.as_ref();
        about.map(|about| about.genesis.id()).ok_or_else(|| bad_request("it names no context"))
    }

    async fn open(&mut self, about: About) -> Result<(), Problem> {
        if let Some(text) = &about.ticket {
            let ticket: Ticket =
                text.parse().map_err(|error| wrong(format!("a ticket: {error}")))?;
            if ticket.context() != about.genesis.id() {
                return Err(wrong("the ticket in it is for another context"));
            }
        }
        self.ops.taken_out_of_trash(about.genesis.id()).await?;
        let command = Command::OpenArchive { genesis: about.genesis.clone() };
        self.about = Some(about);
        match self.ops.node.run(command).await? {
            Reply::Following { known, .. } => self.known = known,
            other => return Err(unexpected(&other)),
        }
        Ok(())
    }

    async fn part(&self, part: ArchivePart) -> Result<Imported, Problem> {
        let context = self.context()?;
        match self.ops.node.run(Command::Import { context, part }).await {
            Ok(Reply::Imported(imported)) => Ok(imported),
            Ok(other) => Err(unexpected(&other)),
            Err(error) => {
                let problem = Problem::from(error);
                Err(match problem.code {
                    ProblemCode::BadRequest => wrong(problem.detail),
                    _ => problem,
                })
            }
        }
    }

    /// Takes a blob in that something accepted names; passes over any other.
    async fn blob(&mut self, hash: BlobHash, size: u64) -> Result<(), Problem> {
        let want = match self.wanted(hash).await? {
            Some(want) => Some(want),
            None if self.batch.is_empty() => None,
            // An object that came before it may list it, and is read once it counts.
            None => {
                self.flush().await?;
                self.wanted(hash).await?
            }
        };
        let Some(want) = want else {
            self.blobs.left_out += 1;
            return self.pass_over().await;
        };
        if want.size != size {
            let detail = format!("blob {hash} says to have {size} bytes, and has {}", want.size);
            return Err(wrong(detail));
        }
        let context = self.context()?;
        let here = self.ops.store.earned_set(context, vec![hash]).await?;
        if here.contains_key(&hash) {
            self.blobs.known += 1;
            self.pass_over().await?;
            // What it lists is taken too, and is found by reading it once more.
            if want.kind == BlobKind::Data && !self.is_wanted(context, hash).await? {
                return Ok(());
            }
        } else {
            self.bring(hash, size).await?;
            self.blobs.accepted += 1;
            self.bytes = self.bytes.saturating_add(size);
        }
        self.batch.push((hash, size));
        self.batch_bytes = self.batch_bytes.saturating_add(size);
        if self.batch.len() >= BATCH || self.batch_bytes >= BATCH_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    async fn wanted(&self, hash: BlobHash) -> Result<Option<BlobWant>, Problem> {
        let context = self.context()?;
        let takes = self.ops.node.query(move |engine| engine.context(context)?.takes_blob(hash));
        Ok(takes.await?)
    }

    async fn is_wanted(&self, context: ContextId, hash: BlobHash) -> Result<bool, Problem> {
        let wanted = self.ops.node.query(move |engine| {
            engine.context(context).is_some_and(|context| context.wants_blob(hash))
        });
        Ok(wanted.await?)
    }

    /// Reads the bytes of a blob and keeps none of them.
    async fn pass_over(&mut self) -> Result<(), Problem> {
        while !matches!(self.next().await?, Item::BlobEnd) {}
        Ok(())
    }

    /// Writes the bytes of a blob and checks what they hash to.
    async fn bring(&mut self, hash: BlobHash, size: u64) -> Result<(), Problem> {
        self.ops.room_for(size).await?;
        let blobs = self.ops.blobs.clone();
        let (pieces, stream) = mpsc::channel(WAITING);
        let stream = self.ops.while_room(ReceiverStream::new(stream));
        let writing = blobs.import_stream(stream);
        let feeding = async {
            loop {
                match self.next().await {
                    Ok(Item::Piece(piece)) => {
                        if pieces.send(Ok(Bytes::from(piece))).await.is_err() {
                            return Ok(()); // The import tells why.
                        }
                    }
                    Ok(_) => {
                        drop(pieces);
                        return Ok(());
                    }
                    Err(problem) => {
                        // Whether it gets there or not, the stream does not end in order.
                        let _ = pieces.send(Err(io::ErrorKind::UnexpectedEof.into())).await;
                        return Err(problem);
                    }
                }
            }
        };
        let (fed, imported) = tokio::join!(feeding, writing);
        fed?;
        let imported = match imported {
            Ok(imported) => imported,
            Err(error) => {
                // The disk is the better answer where it is why the stream was cut.
                self.ops.room_for(0).await?;
                return Err(error.into());
            }
        };
        if imported.hash != hash {
            return Err(wrong(format!("the bytes of blob {hash} hash to {}", imported.hash)));
        }
        self.keeps.push(imported.keep);
        Ok(())
    }

    /// Makes blobs durable and has them counted.
    async fn flush(&mut self) -> Result<(), Problem> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.ops.blobs.sync(&self.keeps).await?;
        let part = ArchivePart::Blobs(std::mem::take(&mut self.batch));
        let came = self.part(part).await?;
        self.blobs.left_out += came.left_out;
        self.batch_bytes = 0;
        self.keeps.clear();
        Ok(())
    }

    /// Counts what came of blobs before an error, and takes a context out again of which nothing
    /// was right.
    async fn give_up(&mut self) {
        let flushed = self.flush().await;
        let Ok(context) = self.context() else { return };
        let closed = self.ops.node.run(Command::CloseArchive { context }).await;
        let empty = self.ops.node.query(move |engine| {
            engine.context(context).is_some_and(|context| context.view().about().is_none())
        });
        let empty = empty.await.unwrap_or(false);
        let forgotten = match empty && !self.known {
            true => self.ops.node.run(Command::Forget { context }).await.map(drop),
            false => Ok(()),
        };
        let ended = closed.map(drop).and(forgotten);
        if flushed.is_err() || ended.is_err() {
            tracing::warn!(?flushed, ?ended, "what came of an archive before an error");
        }
    }

    /// Tells what came of it, and uses the ticket in it.
    async fn taken(&self) -> Result<ArchiveTaken, Problem> {
        let id = self.context()?;
        let about = self.about.as_ref().expect("it names a context");
        let before = self.ops.context_by_id(id).await?;
        let ticket = match &about.ticket {
            Some(_) if before.state == FollowState::Own => {
                Some("the context is your own; its ticket was not used".to_owned())
            }
            Some(ticket) => Some(self.follow(ticket.clone()).await),
            None => None,
        };
        Ok(ArchiveTaken {
            context: self.ops.context_by_id(id).await?,
            partial: about.partial,
            changes: self.changes,
            frames: self.frames,
            blobs: self.blobs,
            bytes: self.bytes,
            known: self.known,
            ticket,
        })
    }

    async fn follow(&self, ticket: String) -> String {
        // What came by an archive alone is lazy; who uses a ticket follows as by any other.
        let policy = (!self.known).then(|| self.ops.settings.config().policy);
        let follow = NewFollow { ticket, policy, selection: None, wait_seconds: Some(0) };
        match self.ops.follow(follow, &Reporter::silent()).await {
            Ok(_) => "followed by the ticket in it".to_owned(),
            Err(problem) => format!("the ticket in it is of no use: {}", problem.detail),
        }
    }
}

fn add(came: &mut Came, imported: Imported) {
    came.accepted += imported.accepted;
    came.known += imported.known;
    came.waiting += imported.waiting;
    came.left_out += imported.left_out;
}

fn refused(error: ArchiveError) -> Problem {
    let hint = match &error {
        ArchiveError::Version { .. } => "a newer dsp reads it",
        ArchiveError::Magic => "`dsp archive export` makes one",
        _ => HINT,
    };
    bad_request(format!("the archive is refused: {error}")).with_hint(hint)
}

/// What to do about an archive that is wrong in the middle.
const HINT: &str = "what came before was checked by itself and stays; have it exported anew";

/// Returns the problem of something in an archive that no honest program writes.
fn wrong(detail: impl std::fmt::Display) -> Problem {
    bad_request(format!("the archive is refused: {detail}")).with_hint(HINT)
}

fn cut_short(error: io::Error) -> Problem {
    bad_request(format!("the archive was not sent to its end: {error}"))
        .with_hint("import it again: what came is here, and the rest is added")
}
