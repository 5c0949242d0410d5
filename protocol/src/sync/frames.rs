//! Frames: wanted from the heads backwards, newest first, and served only where they were earned.

use std::collections::{BTreeSet, VecDeque};

use super::context::{Context, FrameMeta, FrameWant, Root};
use super::event::{BlobWant, Event, Output, Record, Severity};
use super::node::{Cx, Node, Task};
use super::session::ASK_MS;
use crate::context::StackView;
use crate::id::{ContextId, DeviceId, FrameId, StackId, UserId};
use crate::limits;
use crate::object::Frame;
use crate::wire::{Message, Tag};

/// Most frames asked of one peer at a time in one context.
const ASKED_PER_PEER: usize = 4 * limits::FRAMES_PER_WANT;
/// Most bytes of frames in one message; the rest is asked for again.
const FRAMES_MESSAGE_BYTES: usize = 768 * 1024;
/// How long a frame that was asked for may take where the peer sends others all the while, in
/// milliseconds.
const WITHHELD_MS: i64 = 60_000;
/// Most frames wanted in a context.
const WANTS_MAX: usize = 65_536;

impl FrameMeta {
    /// Returns what the engine remembers of a frame.
    pub(super) fn of(frame: &Frame, size: usize) -> Self {
        let blobs = frame.blobs().map(|(role, blob)| BlobWant::of(role, blob)).collect();
        FrameMeta { parents: frame.parents.clone(), size, blobs }
    }
}

impl Node {
    /// Wants the frames of a stack's heads and tags.
    pub(super) fn want_heads(&mut self, id: ContextId, user: UserId, stack: StackId) {
        let Some(context) = self.contexts.get(&id) else { return };
        if let Some(view) = context.view.stack_by_id(user, stack) {
            self.want_stack(id, &view);
        }
    }

    /// Wants the frames of every stack's heads and tags.
    pub(super) fn want_all_heads(&mut self, id: ContextId) {
        let Some(context) = self.contexts.get(&id) else { return };
        for view in context.view.stacks() {
            self.want_stack(id, &view);
        }
    }

    fn want_stack(&mut self, id: ContextId, view: &StackView) {
        if self.is_blocked(view.owner) {
            return;
        }
        let heads: Vec<FrameId> = view.heads.iter().map(|head| head.frame).collect();
        let context = self.contexts.get_mut(&id).expect("the caller looked it up");
        context.want_from(Root::Stack(view.owner, view.stack), &heads);
        for frame in view.tags.values().take(limits::FRAMES_EAGER) {
            context.want_frame(*frame, 1, None);
        }
        // Moved back to a frame that is here: its blobs may not be.
        self.want_blobs_of_stack(id, view);
    }

    /// Wants frames that the user asked for, however far behind, and those before them.
    pub(super) fn want_asked_frames(&mut self, id: ContextId, frames: &[FrameId]) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        for frame in frames {
            context.want_from(Root::Frame(*frame), &[*frame]);
        }
    }

    /// Asks peers for wanted frames, those nearest to a head first.
    ///
    /// Who lets frames wait is asked last and for ever fewer, so that nobody withholds what
    /// another one has.
    pub(super) fn pump_frames(&mut self, cx: &mut Cx<'_>, id: ContextId) {
        let Some(context) = self.contexts.get(&id) else { return };
        if context.frame_wants.is_empty() {
            return;
        }
        let mut channels: Vec<(u32, DeviceId, Tag)> = Vec::new();
        for (device, tag) in self.channels_of(id) {
            let channel = &self.sessions[&device].channels[&tag];
            if channel.serves {
                channels.push((channel.late, device, tag));
            }
        }
        channels.sort_unstable();
        for (late, device, tag) in channels {
            let asked = self.sessions[&device].channels[&tag].asked_frames.len();
            let room = (ASKED_PER_PEER >> (2 * late).min(8)).saturating_sub(asked);
            let context = self.contexts.get_mut(&id).expect("checked above");
            let mut open: Vec<(usize, FrameId)> = context
                .frame_wants
                .iter()
                .filter(|(_, w)| w.asked.is_none() && !w.stored && !w.tried.contains(&device))
                .map(|(frame, want)| (want.depth, *frame))
                .collect();
            open.sort_unstable();
            open.truncate(room);
            for batch in open.chunks(limits::FRAMES_PER_WANT) {
                let frames: Vec<FrameId> = batch.iter().map(|(_, frame)| *frame).collect();
                for frame in &frames {
                    let want = context.frame_wants.get_mut(frame).expect("just listed");
                    want.asked = Some((device, cx.now));
                }
                let session = self.sessions.get_mut(&device).expect("just listed");
                let channel = session.channels.get_mut(&tag).expect("just listed");
                channel.asked_frames.extend(&frames);
                channel.frames_at = cx.now;
                cx.send(device, &Message::WantFrames { tag, frames });
            }
        }
    }

    pub(super) fn on_want_frames(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        asked: Vec<FrameId>,
    ) {
        let Some((channel, context)) = self.channel(device, tag) else { return };
        if !channel.is_admitted() {
            return;
        }
        let id = context.id();
        // Only what is here *in this context* is looked up at all.
        let frames: Vec<FrameId> =
            asked.iter().copied().filter(|frame| context.frames.contains_key(frame)).collect();
        let task = self.task(Task::SendFrames { device, context: id, tag, asked });
        cx.out.push(Output::LoadFrames { task, context: id, frames });
    }

    pub(super) fn send_frames(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        id: ContextId,
        tag: Tag,
        asked: &[FrameId],
        loaded: Vec<(FrameId, Vec<u8>)>,
    ) {
        let Some((channel, _)) = self.channel(device, tag) else { return };
        if !channel.is_admitted() || channel.context != id {
            return;
        }
        let here: BTreeSet<FrameId> = loaded.iter().map(|(frame, _)| *frame).collect();
        let mut missing: Vec<FrameId> =
            asked.iter().copied().filter(|frame| !here.contains(frame)).collect();
        // Several messages where one would grow too large; the order is the asker's.
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for (_, frame) in loaded {
            if bytes + frame.len() > FRAMES_MESSAGE_BYTES && !batch.is_empty() {
                let frames = std::mem::take(&mut batch);
                cx.send(device, &Message::Frames { tag, frames, missing: Vec::new() });
                bytes = 0;
            }
            bytes += frame.len();
            batch.push(frame);
        }
        let missing = std::mem::take(&mut missing);
        cx.send(device, &Message::Frames { tag, frames: batch, missing });
    }

    pub(super) fn on_frames(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        tag: Tag,
        frames: Vec<Vec<u8>>,
        missing: Vec<FrameId>,
    ) {
        let Some(channel) = self.channel_mut(device, tag) else { return };
        let id = channel.context;
        let mut answered = false;
        for frame in &missing {
            answered |= channel.asked_frames.remove(frame);
        }
        let Some(context) = self.contexts.get_mut(&id) else { return };
        for frame in &missing {
            if let Some(want) = context.frame_wants.get_mut(frame) {
                want.tried.insert(device);
                context.retry.later(cx.now);
                if want.asked.is_some_and(|(of, _)| of == device) {
                    want.asked = None;
                }
            }
        }
        let mut records = Vec::new();
        let mut metas = Vec::new();
        let mut wrong = None;
        for bytes in frames {
            let frame = FrameId::of(&bytes);
            let session = self.sessions.get_mut(&device).expect("the session is open");
            answered |=
                session.channels.get_mut(&tag).is_some_and(|c| c.asked_frames.remove(&frame));
            let context = self.contexts.get_mut(&id).expect("checked above");
            // One that comes late is as good: its id is its hash.
            let Some(want) = context.frame_wants.get_mut(&frame).filter(|want| !want.stored) else {
                continue; // Not wanted, or here meanwhile.
            };
            match Frame::decode(&bytes) {
                Ok(decoded) => {
                    want.stored = true;
                    want.asked = None;
                    metas.push((frame, FrameMeta::of(&decoded, bytes.len())));
                    records.push(Record::Frame { context: id, id: frame, bytes });
                }
                // The id is right, so its author made it wrong; the deliverer did no harm.
                Err(error) => {
                    wrong = Some(format!("frame {frame} is not valid: {error}"));
                    context.frame_wants.remove(&frame);
                    if context.invalid_frames.len() < WANTS_MAX {
                        context.invalid_frames.insert(frame);
                    }
                }
            }
        }
        if answered && let Some(channel) = self.channel_mut(device, tag) {
            channel.frames_at = cx.now;
            channel.late = 0;
        }
        if let Some(reason) = wrong {
            cx.penalty(device, Severity::Mild, reason);
        }
        if !records.is_empty() {
            self.store(cx, records, Task::Frames { context: id, frames: metas });
        }
        self.pump_context(cx, id);
    }

    pub(super) fn frames_stored(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        frames: Vec<(FrameId, FrameMeta)>,
    ) {
        if !self.contexts.contains_key(&id) {
            return;
        }
        let context = self.contexts.get_mut(&id).expect("checked above");
        context.retry.came();
        let mut roots: BTreeSet<Root> = BTreeSet::new();
        let (mut here, mut withdrawn) = (Vec::new(), Vec::new());
        for (frame, meta) in frames {
            if context.is_withdrawn(frame) {
                // While it was being stored.
                withdrawn.push(Record::WithdrawFrame { context: id, id: frame });
                continue;
            }
            if let Some(want) = context.frame_wants.remove(&frame) {
                roots.extend(want.roots);
            }
            context.frames.insert(frame, meta);
            here.push(frame);
            cx.emit(Event::Frame { context: id, frame });
        }
        for root in roots {
            context.want_from_root(root);
        }
        if !withdrawn.is_empty() {
            self.store(cx, withdrawn, Task::Stored);
        }
        self.want_blobs_of(id, &here);
        self.pump_context(cx, id);
    }

    /// Lets frames that could not be stored be asked for again.
    pub(super) fn frames_failed(
        &mut self,
        now: i64,
        id: ContextId,
        frames: &[(FrameId, FrameMeta)],
    ) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        context.retry.later(now);
        for (frame, _) in frames {
            if let Some(want) = context.frame_wants.get_mut(frame) {
                want.stored = false;
                want.tried.clear();
            }
        }
    }

    /// Frees what was asked of a device, when its session ends.
    pub(super) fn forget_asked(&mut self, id: ContextId, device: DeviceId) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        for want in context.frame_wants.values_mut() {
            if want.asked.is_some_and(|(of, _)| of == device) {
                want.asked = None;
            }
            want.tried.remove(&device);
        }
    }

    /// Frees what was asked for and did not come in time: the peer sent nothing for a while, or
    /// withholds one frame while it sends others. Somebody else is asked first, then.
    pub(super) fn forget_late_frames(&mut self, now: i64, id: ContextId) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        for (device, session) in &mut self.sessions {
            let Some((_, channel)) = session.channel_of_mut(id) else { continue };
            let silent = now - channel.frames_at >= ASK_MS;
            let asked = |frame: &FrameId| context.frame_wants.get(frame).and_then(|w| w.asked);
            let late: Vec<FrameId> = channel
                .asked_frames
                .iter()
                .filter(|frame| {
                    silent || asked(frame).is_none_or(|(_, at)| now - at >= WITHHELD_MS)
                })
                .copied()
                .collect();
            if silent && !late.is_empty() {
                channel.late += 1;
            }
            for frame in late {
                channel.asked_frames.remove(&frame);
                let Some(want) = context.frame_wants.get_mut(&frame) else { continue };
                if want.asked.is_some_and(|(of, _)| of == *device) {
                    want.asked = None;
                    want.tried.insert(*device);
                    context.retry.later(now);
                }
            }
        }
    }
}

impl Context {
    /// Wants what is missing of a root's newest frames.
    fn want_from_root(&mut self, root: Root) {
        let from: Vec<FrameId> = match root {
            Root::Stack(user, stack) => {
                let view = self.view.stack_by_id(user, stack);
                view.map_or_else(Vec::new, |v| v.heads.iter().map(|head| head.frame).collect())
            }
            Root::Frame(frame) => vec![frame],
        };
        self.want_from(root, &from);
    }

    /// Wants what is missing of the newest frames behind some, those included: by generations, up
    /// to the number and the bytes that come unasked.
    fn want_from(&mut self, root: Root, from: &[FrameId]) {
        let mut seen: BTreeSet<FrameId> = from.iter().copied().collect();
        let mut line: VecDeque<(FrameId, usize)> = from.iter().map(|frame| (*frame, 0)).collect();
        let (mut count, mut bytes) = (0, 0);
        while let Some((frame, depth)) = line.pop_front() {
            if count >= limits::FRAMES_EAGER || bytes >= limits::FRAMES_EAGER_BYTES {
                return;
            }
            count += 1;
            match self.frames.get(&frame) {
                None => self.want_frame(frame, depth, Some(root)),
                Some(meta) => {
                    bytes += meta.size;
                    let parents = meta.parents.iter().filter(|parent| seen.insert(**parent));
                    line.extend(parents.map(|parent| (*parent, depth + 1)));
                }
            }
        }
    }

    /// Wants a frame that is not here.
    fn want_frame(&mut self, frame: FrameId, depth: usize, root: Option<Root>) {
        let room = self.frame_wants.len() < WANTS_MAX || self.frame_wants.contains_key(&frame);
        if room && !self.frames.contains_key(&frame) && !self.invalid_frames.contains(&frame) {
            let want = self.frame_wants.entry(frame).or_insert_with(|| FrameWant::at(depth));
            want.depth = want.depth.min(depth);
            want.roots.extend(root);
        }
    }
}
