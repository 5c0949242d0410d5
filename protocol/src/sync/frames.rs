//! Frames: wanted from the heads backwards, newest first, and served only where they were earned.

use std::collections::BTreeSet;

use super::context::{FrameMeta, FrameWant};
use super::event::{BlobWant, Event, Output, Record, Severity};
use super::node::{Cx, Node, Task};
use super::session::ASK_MS;
use crate::id::{ContextId, DeviceId, FrameId, StackId, UserId};
use crate::limits;
use crate::object::Frame;
use crate::wire::{Message, Tag};

/// Most frames asked of one peer at a time in one context.
const ASKED_PER_PEER: usize = 4 * limits::FRAMES_PER_WANT;
/// Most bytes of frames in one message; the rest is asked for again.
const FRAMES_MESSAGE_BYTES: usize = 768 * 1024;
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
        let Some(view) = context.view.stack_by_id(user, stack) else { return };
        let heads = view.heads.iter().map(|head| head.frame).collect::<Vec<_>>();
        let tags = view.tags.values().copied().collect::<Vec<_>>();
        self.want_frames(id, &heads, &tags);
    }

    pub(super) fn want_all_heads(&mut self, id: ContextId) {
        let Some(context) = self.contexts.get(&id) else { return };
        let (mut heads, mut tags) = (Vec::new(), Vec::new());
        for view in context.view.stacks() {
            heads.extend(view.heads.iter().map(|head| head.frame));
            tags.extend(view.tags.values().copied());
        }
        self.want_frames(id, &heads, &tags);
    }

    fn want_frames(&mut self, id: ContextId, heads: &[FrameId], tags: &[FrameId]) {
        for frame in heads {
            if self.contexts[&id].frames.contains_key(frame) {
                // Moved back to a frame that is here: its blobs may not be.
                self.want_blobs_of(id, *frame);
            } else {
                self.want_frame(id, *frame, 0, 0);
            }
        }
        for frame in tags {
            self.want_frame(id, *frame, 1, 0);
        }
    }

    /// Wants a frame that is not here, unless it is too far behind to come unasked.
    fn want_frame(&mut self, id: ContextId, frame: FrameId, depth: usize, bytes: usize) {
        let context = self.contexts.get_mut(&id).expect("the caller looked it up");
        let near = depth < limits::FRAMES_EAGER && bytes < limits::FRAMES_EAGER_BYTES;
        let room = context.frame_wants.len() < WANTS_MAX;
        if near && room && !context.frames.contains_key(&frame) {
            let want = context.frame_wants.entry(frame).or_default();
            want.depth = want.depth.min(depth);
            want.bytes = want.bytes.max(bytes);
        }
    }

    /// Wants the parents of frames that are here, as far as they come unasked: after a restart.
    pub(super) fn want_known_parents(&mut self, id: ContextId) {
        let mut seen: BTreeSet<FrameId> = BTreeSet::new();
        let mut line: Vec<(FrameId, usize, usize)> = Vec::new();
        for stack in self.contexts[&id].view.stacks() {
            let tags = stack.tags.values().map(|frame| (*frame, 1, 0));
            line.extend(stack.heads.iter().map(|head| (head.frame, 0, 0)).chain(tags));
        }
        while let Some((frame, depth, bytes)) = line.pop() {
            if !seen.insert(frame) {
                continue;
            }
            match self.contexts[&id].frames.get(&frame) {
                None => self.want_frame(id, frame, depth, bytes),
                Some(meta) if depth < limits::FRAMES_EAGER => {
                    let bytes = bytes + meta.size;
                    line.extend(meta.parents.iter().map(|parent| (*parent, depth + 1, bytes)));
                }
                Some(_) => {}
            }
        }
    }

    /// Wants frames that the user asked for, however far behind.
    pub(super) fn want_asked_frames(&mut self, id: ContextId, frames: &[FrameId]) {
        for frame in frames {
            self.want_frame(id, *frame, 0, 0);
        }
    }

    /// Asks peers for wanted frames, those nearest to a head first.
    pub(super) fn pump_frames(&mut self, cx: &mut Cx<'_>, id: ContextId) {
        let Some(context) = self.contexts.get(&id) else { return };
        if context.frame_wants.is_empty() {
            return;
        }
        let mut channels = self.channels_of(id);
        channels.retain(|(device, tag)| self.sessions[device].channels[tag].serves);
        for (device, tag) in channels {
            let asked = self.sessions[&device].channels[&tag].asked_frames.len();
            let room = ASKED_PER_PEER.saturating_sub(asked);
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
        for frame in &missing {
            channel.asked_frames.remove(frame);
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
            let asked =
                session.channels.get_mut(&tag).is_some_and(|c| c.asked_frames.remove(&frame));
            let context = self.contexts.get_mut(&id).expect("checked above");
            let Some(want) = context.frame_wants.get_mut(&frame).filter(|w| asked && !w.stored)
            else {
                continue; // Not asked for, or here meanwhile.
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
                }
            }
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
        for (frame, meta) in frames {
            let context = self.contexts.get_mut(&id).expect("checked above");
            let want = context.frame_wants.remove(&frame).unwrap_or_default();
            let (depth, bytes) = (want.depth + 1, want.bytes + meta.size);
            let parents = meta.parents.clone();
            context.retry.came();
            context.frames.insert(frame, meta);
            for parent in parents {
                self.want_frame(id, parent, depth, bytes);
            }
            self.want_blobs_of(id, frame);
            cx.emit(Event::Frame { context: id, frame });
        }
        self.pump_context(cx, id);
    }

    pub(super) fn frames_failed(&mut self, id: ContextId, frames: &[(FrameId, FrameMeta)]) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        for (frame, _) in frames {
            if let Some(want) = context.frame_wants.get_mut(frame) {
                *want = FrameWant { depth: want.depth, bytes: want.bytes, ..FrameWant::default() };
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

    /// Frees what was asked for and did not come in time.
    pub(super) fn forget_late_frames(&mut self, now: i64, id: ContextId) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        for (frame, want) in &mut context.frame_wants {
            let Some((device, at)) = want.asked else { continue };
            if now - at < ASK_MS {
                continue;
            }
            want.asked = None;
            if let Some(session) = self.sessions.get_mut(&device)
                && let Some((_, channel)) = session.channel_of_mut(id)
            {
                channel.asked_frames.remove(frame);
            }
        }
    }
}
