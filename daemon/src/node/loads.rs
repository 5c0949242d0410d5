//! Frames that peers asked for: one answer at a time for each.
//!
//! An answer is up to 64 frames of 256 KiB. It is loaded once the one before it is loaded and
//! mostly written, so a peer that asks and does not read costs two answers. What it asks for
//! meanwhile waits as ids, and when too much of that waits, nothing more is read from it.

use std::collections::{BTreeSet, HashMap, VecDeque};

use dsp_protocol::id::{ContextId, DeviceId, FrameId};
use dsp_protocol::sync::TaskId;
use tokio::sync::oneshot;

/// Most requests of one device that wait before it is not read any more. A peer asks for four at
/// a time in each context.
const WAITING: usize = 64;

/// Frames of a context to load for a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Load {
    pub task: TaskId,
    pub context: ContextId,
    pub frames: Vec<FrameId>,
}

/// The requests of all devices.
#[derive(Debug, Default)]
pub(super) struct Loads {
    devices: HashMap<DeviceId, OfDevice>,
}

#[derive(Debug, Default)]
struct OfDevice {
    running: Option<TaskId>,
    waiting: VecDeque<Load>,
    /// The reader of the device's stream, which waits to hear how large the next message may be.
    reader: Option<oneshot::Sender<usize>>,
}

impl Loads {
    /// Takes a request in; each frame is loaded once, however often it is named.
    pub(super) fn add(&mut self, device: DeviceId, mut load: Load) {
        let mut seen = BTreeSet::new();
        load.frames.retain(|frame| seen.insert(*frame));
        self.devices.entry(device).or_default().waiting.push_back(load);
    }

    /// Returns what to load for a device now, which runs from then on.
    pub(super) fn next(&mut self, device: DeviceId) -> Option<Load> {
        let known = self.devices.get_mut(&device).filter(|known| known.running.is_none())?;
        let load = known.waiting.pop_front()?;
        known.running = Some(load.task);
        Some(load)
    }

    /// Notes that a load ended, and says for whom it was.
    pub(super) fn done(&mut self, task: TaskId) -> Option<DeviceId> {
        let mut devices = self.devices.iter_mut();
        let (device, known) = devices.find(|(_, known)| known.running == Some(task))?;
        let device = *device;
        known.running = None;
        self.forget_idle(device);
        Some(device)
    }

    /// Keeps the reader of a device that asked for too much; gives back any other.
    pub(super) fn hold(
        &mut self,
        device: DeviceId,
        reader: oneshot::Sender<usize>,
    ) -> Option<oneshot::Sender<usize>> {
        match self.devices.get_mut(&device) {
            Some(known) if known.waiting.len() >= WAITING => {
                known.reader = Some(reader);
                None
            }
            _ => Some(reader),
        }
    }

    /// Gives back the reader of a device for which little enough waits.
    pub(super) fn release(&mut self, device: DeviceId) -> Option<oneshot::Sender<usize>> {
        let known = self.devices.get_mut(&device)?;
        let reader = if known.waiting.len() < WAITING { known.reader.take() } else { None };
        self.forget_idle(device);
        reader
    }

    /// Forgets what waits for a device whose session ended, and says what that was.
    pub(super) fn end(&mut self, device: DeviceId) -> Vec<TaskId> {
        let Some(known) = self.devices.get_mut(&device) else { return Vec::new() };
        known.reader = None;
        let tasks = known.waiting.drain(..).map(|load| load.task).collect();
        self.forget_idle(device);
        tasks
    }

    fn forget_idle(&mut self, device: DeviceId) {
        let idle = |known: &OfDevice| {
            known.running.is_none() && known.waiting.is_empty() && known.reader.is_none()
        };
        if self.devices.get(&device).is_some_and(idle) {
            self.devices.remove(&device);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(task: u64, frames: &[u8]) -> Load {
        let frames = frames.iter().map(|n| FrameId::from_bytes([*n; 32])).collect();
        Load { task: TaskId(task), context: ContextId::from_bytes([0; 32]), frames }
    }

    #[test]
    fn one_load_of_a_device_runs_at_a_time() {
        let mut loads = Loads::default();
        let [device, other] = [1, 2].map(|n| DeviceId::from_bytes([n; 32]));
        loads.add(device, load(1, &[7, 7, 8, 7]));
        loads.add(device, load(2, &[9]));
        loads.add(other, load(3, &[9]));
        assert_eq!(loads.next(device), Some(load(1, &[7, 8])), "each frame once, in order");
        assert_eq!(loads.next(device), None, "one at a time");
        assert_eq!(loads.next(other), Some(load(3, &[9])));
        assert_eq!(loads.done(TaskId(1)), Some(device));
        assert_eq!(loads.next(device), Some(load(2, &[9])));
        loads.add(device, load(4, &[1]));
        assert_eq!(loads.end(device), [TaskId(4)], "what runs ends by itself");
        assert_eq!(loads.next(device), None, "the next session waits for it too");
        assert_eq!((loads.done(TaskId(2)), loads.done(TaskId(3))), (Some(device), Some(other)));
        assert_eq!(loads.done(TaskId(2)), None);
        assert!(loads.devices.is_empty());
    }

    #[test]
    fn who_asks_for_too_much_is_not_read_until_less_waits() {
        let mut loads = Loads::default();
        let device = DeviceId::from_bytes([1; 32]);
        for task in 0..WAITING as u64 {
            let (reader, _) = oneshot::channel();
            assert!(loads.hold(device, reader).is_some(), "{task} requests are read past");
            loads.add(device, load(task, &[1]));
        }
        let (reader, mut waits) = oneshot::channel();
        assert!(loads.hold(device, reader).is_none());
        assert!(loads.release(device).is_none(), "nothing was loaded");
        loads.next(device).unwrap();
        loads.release(device).unwrap().send(5).unwrap();
        assert_eq!(waits.try_recv(), Ok(5));
    }
}
