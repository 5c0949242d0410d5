//! Pins: bytes that stay here whatever policy, author, unfollow or collection say.
//!
//! A pin is a wish in a table of its own; beside it stands which blobs the wishes of a context add
//! up to, for whoever is about to let something go. Pins on stacks follow the heads: a task listens
//! to the node, and brings what a head that moved is made of.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use dsp_protocol::api::{
    Fetched, Freed, NewPin, Page, PinInfo, PinKeep, Pinned, Problem, ProblemCode, Unpinned,
};
use dsp_protocol::id::{BlobHash, ContextId, FrameId};
use dsp_protocol::reference::Rev;
use dsp_protocol::sync::{BlobKind, BlobWant, Command, Event};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::fetch::Check;
use super::history::History;
use super::node::count;
use super::paging::Paging;
use super::problem::{bad_request, not_found};
use super::resolve::{Found, parse};
use super::scene::Scene;
use super::time::{now, rfc3339};
use super::{Ops, Reporter};
use crate::node::NodeEvent;
use crate::store::{PINS, Pin, PinKey, PinKind};

/// Most pins in one page.
const PAGE: u64 = 500;
/// Blobs that are let go at one time.
const DROPPED: usize = 10_000;
/// Most candidates that are named to who unpins what is not pinned.
const CANDIDATES: usize = 10;
/// Most frames behind a head that are asked for, one after the other, when all are pinned.
const OLDER: usize = 10_000;

impl Ops {
    /// Keeps the bytes of a frame or a stack here from now on, and brings what is missing.
    ///
    /// # Errors
    /// There is no such frame, or some of its bytes cannot be had now: it is pinned all the same.
    pub async fn pin(&self, new: NewPin, reporter: &Reporter) -> Result<Pinned, Problem> {
        let reference = parse(&new.reference)?;
        if reference.attachment.is_some() {
            let detail = format!("`{}`: a frame is pinned, not a file of it", new.reference);
            return Err(bad_request(detail).with_hint("leave out what stands behind `#`"));
        }
        if new.keep != PinKeep::Frame && reference.rev != Rev::Head {
            let detail = format!("`{}`: a stack is meant, not a frame of it", new.reference);
            return Err(bad_request(detail).with_hint("leave out what stands behind `@`"));
        }
        let scene = self.scene().await?;
        let stack = scene.stack(&reference)?;
        let frames = match new.keep {
            PinKeep::Frame => vec![self.frame_of(&scene, &reference).await?.frame],
            PinKeep::Heads | PinKeep::All => {
                stack.stack.heads.iter().map(|head| head.frame).collect()
            }
        };
        let (kind, frame) = match new.keep {
            PinKeep::Frame => (PinKind::Frame, frames.first().copied()),
            PinKeep::Heads => (PinKind::Heads, None),
            PinKeep::All => (PinKind::All, None),
        };
        let (user, id) = (stack.stack.owner, stack.stack.stack);
        let key = PinKey { context: stack.context.id, user, stack: id, frame };
        let pin = Pin { key, kind, since: now(), frames };
        {
            let _keeping = self.keeping.lock().await;
            if !self.store.set_pin(pin.clone()).await? {
                let detail = format!("there are {PINS} pins, and no more are taken");
                return Err(Problem::new(ProblemCode::Refused, detail)
                    .with_hint("`dsp unpin` takes one away; `dsp pin --all` keeps a whole stack"));
            }
            self.refresh_pinned(key.context).await?;
        }
        let fetched = self.bring_pinned(&pin, reporter).await.map_err(|problem| {
            problem.with_hint(
                "it is pinned all the same: what is missing comes once somebody who has it is \
                 connected",
            )
        })?;
        // Lists of files are here that were not.
        let _keeping = self.keeping.lock().await;
        self.refresh_pinned(key.context).await?;
        Ok(Pinned { pin: self.pin_info(&self.scene().await?, &pin).await?, fetched })
    }

    async fn bring_pinned(&self, pin: &Pin, reporter: &Reporter) -> Result<Fetched, Problem> {
        let context = pin.key.context;
        let mut fetched = Fetched { files: 0, bytes: 0, already_here: 0, missing: Vec::new() };
        if pin.kind == PinKind::All {
            self.bring_older(pin, reporter).await?;
        }
        for frame in self.frames_of_pin(pin).await? {
            let frame = self.bring_frame(context, frame, reporter).await?;
            self.bring_all(context, &frame, Check::Books, reporter, &mut fetched).await?;
        }
        Ok(fetched)
    }

    /// Takes away the pins that a reference means: with a revision that of the frame, without one
    /// those of the stack and of its current head. The bytes stay until they are dropped.
    ///
    /// # Errors
    /// Nothing of that is pinned; the candidates are what is.
    pub async fn unpin(&self, text: &str) -> Result<Unpinned, Problem> {
        let reference = parse(text)?;
        let scene = self.scene().await?;
        let found = scene.stack(&reference)?;
        let of_stack = |pin: &&Pin| {
            (pin.key.context, pin.key.user, pin.key.stack)
                == (found.context.id, found.stack.owner, found.stack.stack)
        };
        let _keeping = self.keeping.lock().await;
        let all = self.store.pins().await?;
        let pins: Vec<&Pin> = all.iter().filter(of_stack).collect();
        let whole = reference.rev == Rev::Head;
        let frame = match self.frame_of(&scene, &reference).await {
            Ok(found) => Some(found.frame),
            // A removed stack has no head, and a pin of it may well be meant.
            Err(_) if whole => None,
            Err(problem) => return Err(problem),
        };
        let meant = |pin: &&&Pin| match pin.key.frame {
            None => whole,
            of => of == frame,
        };
        let gone: Vec<&Pin> = pins.iter().filter(meant).copied().collect();
        if gone.is_empty() {
            let mut problem = not_found(format!("`{text}` is not pinned"));
            for pin in pins.iter().take(CANDIDATES) {
                problem.candidates.push(pin_reference(&scene, pin));
            }
            return Err(problem.with_hint("`dsp pin --list` shows what is"));
        }
        let mut infos = Vec::new();
        for pin in &gone {
            infos.push(self.pin_info(&scene, pin).await?);
        }
        self.store.remove_pins(gone.iter().map(|pin| pin.key).collect()).await?;
        self.refresh_pinned(found.context.id).await?;
        Ok(Unpinned { pins: infos })
    }

    /// Lists the pins by reference.
    ///
    /// # Errors
    /// The database fails.
    pub async fn pins(&self, paging: &Paging) -> Result<Page, Problem> {
        let scene = self.scene().await?;
        let mut infos = Vec::new();
        for pin in self.store.pins().await? {
            infos.push(self.pin_info(&scene, &pin).await?);
        }
        paging.page(infos, PAGE, |pin| {
            super::paging::text_key(&pin.reference, pin.context.as_bytes())
        })
    }

    async fn pin_info(&self, scene: &Scene, pin: &Pin) -> Result<PinInfo, Problem> {
        let frames = self.frames_of_pin(pin).await?;
        let named = frames.iter().map(|frame| (*frame, String::new())).collect();
        let reach = self.reach(pin.key.context, named).await?;
        let hashes = reach.files.keys().copied().collect();
        let here = self.store.earned_set(pin.key.context, hashes).await?;
        Ok(PinInfo {
            reference: pin_reference(scene, pin),
            keep: match pin.kind {
                PinKind::Frame => PinKeep::Frame,
                PinKind::Heads => PinKeep::Heads,
                PinKind::All => PinKeep::All,
            },
            context: pin.key.context,
            frames: count(frames.len()),
            files: reach.files.len() as u64,
            bytes: reach.files.values().map(|file| file.size).fold(0, u64::saturating_add),
            bytes_here: here.values().copied().fold(0, u64::saturating_add),
            since: rfc3339(pin.since),
        })
    }

    /// Returns the frames that a pin keeps now.
    async fn frames_of_pin(&self, pin: &Pin) -> Result<Vec<FrameId>, Problem> {
        if pin.kind != PinKind::All {
            return Ok(pin.frames.clone());
        }
        Ok(self.history_of(pin).await?.frames().collect())
    }

    async fn history_of(&self, pin: &Pin) -> Result<History, Problem> {
        let (key, from) = (pin.key, pin.frames.clone());
        let history = self.node.query(move |engine| {
            let Some(context) = engine.context(key.context) else { return History::default() };
            let view = context.view().stack_by_id(key.user, key.stack);
            let tagged: Vec<FrameId> =
                view.map(|view| view.tags.values().copied().collect()).unwrap_or_default();
            let from = from.into_iter().chain(tagged);
            History::walk(from, |id| Some(context.frame(id)?.parents.clone()))
        });
        Ok(history.await?)
    }

    /// Brings frames of a pinned stack that are too old to come by themselves.
    async fn bring_older(&self, pin: &Pin, reporter: &Reporter) -> Result<(), Problem> {
        for _ in 0..OLDER {
            let history = self.history_of(pin).await?;
            let Some(missing) = history.first_missing() else { return Ok(()) };
            self.bring_frame(pin.key.context, missing, reporter).await?;
        }
        Ok(())
    }

    /// Writes down which blobs the pins of a context keep. The caller holds `keeping`.
    pub(super) async fn refresh_pinned(&self, context: ContextId) -> Result<(), Problem> {
        let pins = self.store.pins().await?;
        let mut frames: BTreeSet<FrameId> = BTreeSet::new();
        for pin in pins.iter().filter(|pin| pin.key.context == context) {
            frames.extend(self.frames_of_pin(pin).await?);
        }
        let named = frames.into_iter().map(|frame| (frame, String::new())).collect();
        let reach = self.reach(context, named).await?;
        let blobs: BTreeSet<BlobHash> =
            reach.files.keys().chain(reach.lists.keys()).copied().collect();
        if self.store.pinned(Some(context)).await? == blobs {
            return Ok(());
        }
        Ok(self.store.set_pinned(context, blobs).await?)
    }

    /// Tells whether something of a context is pinned.
    pub(super) async fn has_pins(&self, context: ContextId) -> Result<bool, Problem> {
        Ok(self.store.pins().await?.iter().any(|pin| pin.key.context == context))
    }

    /// Lets all bytes of a context go that no pin keeps, whoever else has them, and frees them at
    /// once.
    pub(super) async fn drop_unpinned(
        self: &Arc<Self>,
        context: ContextId,
    ) -> Result<Freed, Problem> {
        let keeping = self.keeping.lock().await;
        self.refresh_pinned(context).await?;
        let pinned = self.store.pinned(None).await?;
        let mut after = None;
        let mut at_once = HashSet::new();
        loop {
            let page = self.store.earned_in(context, after, DROPPED).await?;
            after = page.last().map(|(hash, _)| *hash);
            let last = page.len() < DROPPED;
            let blobs: Vec<_> = page.into_iter().filter(|(h, _)| !pinned.contains(h)).collect();
            at_once.extend(blobs.iter().map(|(hash, _)| *hash));
            if !blobs.is_empty() {
                self.node.run(Command::Drop { context, blobs }).await?;
            }
            if last {
                break;
            }
        }
        drop(keeping);
        self.trees.forget_here();
        Ok(self.collect_soon_with(at_once).await)
    }

    /// Lets pins on stacks follow their heads, and wants what is missing of all that is pinned in
    /// a context.
    async fn keep_up(&self, context: ContextId) -> Result<(), Problem> {
        let mut pins = self.store.pins().await?;
        pins.retain(|pin| pin.key.context == context);
        if pins.is_empty() {
            return Ok(());
        }
        let scene = self.scene().await?;
        let Some(of) = scene.contexts.get(&context) else { return Ok(()) };
        let keeping = self.keeping.lock().await;
        for pin in pins.iter_mut().filter(|pin| pin.kind != PinKind::Frame) {
            let stack = of.stack_by_id(pin.key.user, pin.key.stack);
            let heads: Vec<FrameId> =
                stack.iter().flat_map(|stack| &stack.heads).map(|head| head.frame).collect();
            // Who removed the stack takes nothing from who pinned it.
            if !heads.is_empty() && heads != pin.frames {
                pin.frames = heads;
                self.store.set_pin(pin.clone()).await?;
            }
        }
        self.refresh_pinned(context).await?;
        drop(keeping);
        let mut missing: Vec<FrameId> = Vec::new();
        let mut wants: Vec<BlobWant> = Vec::new();
        for pin in &pins {
            for frame in self.frames_of_pin(pin).await? {
                let Some(here) = self.stored_frame(context, frame).await? else {
                    missing.push(frame);
                    continue;
                };
                let mut reach = super::reach::Reach::default();
                reach.add(self, "", &here).await?;
                if reach.gaps {
                    // The next sync is another occasion.
                    if self.bring_listing(context, &here, &Reporter::silent()).await.is_err() {
                        continue;
                    }
                    reach.add(self, "", &here).await?;
                }
                let hashes = reach.files.keys().copied().collect();
                let earned = self.store.earned_set(context, hashes).await?;
                let gone = reach.files.iter().filter(|(hash, _)| !earned.contains_key(*hash));
                wants.extend(gone.map(|(hash, file)| BlobWant {
                    hash: *hash,
                    size: file.size,
                    kind: BlobKind::Data,
                }));
            }
        }
        if !missing.is_empty() {
            self.node.run(Command::FetchFrames { context, frames: missing }).await?;
        }
        if !wants.is_empty() {
            // Not waited for: what nobody gives now stays wanted.
            let node = self.node.clone();
            tokio::spawn(async move { drop(node.run(Command::Fetch { context, wants }).await) });
        }
        Ok(())
    }
}

fn pin_reference(scene: &Scene, pin: &Pin) -> String {
    let context = scene.contexts.get(&pin.key.context);
    let stack = context.and_then(|context| {
        let stack = context.stack_by_id(pin.key.user, pin.key.stack)?;
        Some(scene.reference(&Found { context, stack }))
    });
    let stack = stack.unwrap_or_else(|| format!("stack {} in {}", pin.key.stack, pin.key.context));
    match pin.key.frame {
        Some(frame) => format!("{stack}@{}", frame.short()),
        None => stack,
    }
}

/// Keeps up with the heads of pinned stacks until the daemon stops.
pub(crate) async fn run(ops: Arc<Ops>) {
    let mut events = ops.node.subscribe();
    let mut due: BTreeSet<ContextId> = match ops.store.pins().await {
        Ok(pins) => pins.iter().map(|pin| pin.key.context).collect(),
        Err(error) => {
            return tracing::error!(%error, "pins cannot be read and keep up with nothing");
        }
    };
    loop {
        for context in std::mem::take(&mut due) {
            if let Err(problem) = ops.keep_up(context).await {
                let context = context.short();
                tracing::warn!(%context, reason = problem.detail, "pins do not keep up");
            }
        }
        let first = tokio::select! {
            () = ops.stop.cancelled() => return,
            event = events.recv() => event,
        };
        match first {
            Ok(event) => due.extend(concerned(&event)),
            Err(RecvError::Closed) => return,
            Err(RecvError::Lagged(_)) => due.extend(all_pinned(&ops).await),
        }
        // Many events are one occasion.
        loop {
            match events.try_recv() {
                Ok(event) => due.extend(concerned(&event)),
                Err(TryRecvError::Lagged(_)) => due.extend(all_pinned(&ops).await),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
    }
}

async fn all_pinned(ops: &Ops) -> Vec<ContextId> {
    let pins = ops.store.pins().await.unwrap_or_default();
    pins.iter().map(|pin| pin.key.context).collect()
}

fn concerned(event: &NodeEvent) -> Option<ContextId> {
    match event {
        NodeEvent::Sync(
            Event::Stack { context, .. }
            | Event::Frame { context, .. }
            | Event::Context(context)
            | Event::Synced { context, .. },
        ) => Some(*context),
        _ => None,
    }
}
