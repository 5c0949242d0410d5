//! Sessions as the actor keeps them: from their first message to their last.

use std::sync::Arc;

use dsp_protocol::id::DeviceId;
use dsp_protocol::limits;
use dsp_protocol::sync::{Input, SessionRole, TaskResult};

use super::NodeEvent;
use super::actor::{Actor, Internal};
use super::loads::Load;
use super::session::{SessionStream, StreamEvent};

impl Actor {
    /// Begins a session on a stream; one that is there makes room.
    pub(super) fn adopt(&mut self, device: DeviceId, stream: SessionStream, role: SessionRole) {
        let was_there = self.sessions.insert(device, stream).is_some();
        if was_there {
            self.inputs.push_back(Input::SessionDown { device });
            self.forget_loads(device);
        }
        self.feed(Input::SessionUp { device, role });
        if !was_there {
            self.handle.tell(NodeEvent::Connected(device));
        }
    }

    /// Ends a session and tells whether there was one; the engine knows already or is told by the
    /// caller.
    pub(super) fn end_session(&mut self, device: DeviceId) -> bool {
        let was_there = self.sessions.remove(&device).is_some();
        if was_there {
            self.forget_loads(device);
            self.handle.tell(NodeEvent::Disconnected(device));
        }
        was_there
    }

    /// Answers what a session asked for and nobody waits for any more.
    fn forget_loads(&mut self, device: DeviceId) {
        for task in self.loads.end(device) {
            let result = TaskResult::Frames(Vec::new());
            self.inputs.push_back(Input::Done { task, result });
        }
    }

    pub(super) fn on_stream(&mut self, event: StreamEvent) {
        match event {
            StreamEvent::Message { device, number, bytes, next } => {
                if self.sessions.get(&device).is_none_or(|s| s.number != number) {
                    return;
                }
                self.feed(Input::Message { device, bytes });
                if let Some(next) = self.loads.hold(device, next) {
                    // The reader ends with its session.
                    let _ = next.send(self.message_limit(device));
                }
            }
            StreamEvent::CaughtUp { device, number } => {
                if self.sessions.get(&device).is_some_and(|s| s.number == number) {
                    self.load_next(device);
                }
            }
            StreamEvent::Ended { device, number } => {
                // When it begins anew is for the engine to say.
                if self.sessions.get(&device).is_some_and(|s| s.number == number) {
                    self.end_session(device);
                    self.feed(Input::SessionDown { device });
                }
            }
        }
    }

    /// Loads what a device asked for next, once it has taken most of what it asked for before.
    pub(super) fn load_next(&mut self, device: DeviceId) {
        if self.sessions.get(&device).is_some_and(SessionStream::is_behind) {
            return;
        }
        if let Some(Load { task, context, frames }) = self.loads.next(device) {
            let (store, places) = (self.store.clone(), Arc::clone(&self.load_places));
            self.spawn(Internal::Loaded(task, Vec::new(), None), async move {
                let place = places.acquire_owned().await.ok();
                let frames = store.frames(context, frames).await;
                let frames = frames.unwrap_or_else(|error| {
                    tracing::error!(%error, "frames could not be read");
                    Vec::new()
                });
                Internal::Loaded(task, frames, place)
            });
        }
        if let Some(reader) = self.loads.release(device) {
            // The reader ends with its session.
            let _ = reader.send(self.message_limit(device));
        }
    }

    /// Returns how large a message of a device may be now.
    fn message_limit(&self, device: DeviceId) -> usize {
        match self.engine.has_matched(device) {
            true => limits::MESSAGE_WIRE_BYTES,
            false => limits::HELLO_BYTES,
        }
    }
}
