//! Devices that broke a rule, for an hour each.

use std::collections::VecDeque;
use std::time::Duration;

use dsp_protocol::id::DeviceId;
use tokio::time::Instant;

/// How long a device that broke a rule stays blocked.
const BLOCKED: Duration = Duration::from_secs(3600);
/// Most devices blocked at a time: a key costs nothing, and a list without end would.
const DEVICES: usize = 4096;

/// The devices that are blocked, the first to be let in again in front.
#[derive(Debug, Default)]
pub(super) struct Blocked {
    devices: VecDeque<(Instant, DeviceId)>,
}

impl Blocked {
    /// Blocks a device from now on, and returns one that has to make room.
    pub(super) fn add(&mut self, device: DeviceId, now: Instant) -> Option<DeviceId> {
        self.devices.retain(|(_, blocked)| *blocked != device);
        let first = if self.devices.len() == DEVICES { self.devices.pop_front() } else { None };
        self.devices.push_back((now + BLOCKED, device));
        first.map(|(_, device)| device)
    }

    /// Returns when the next device is let in again.
    pub(super) fn next_over(&self) -> Option<Instant> {
        self.devices.front().map(|(until, _)| *until)
    }

    /// Takes a device out whose time is over.
    pub(super) fn take_over(&mut self, now: Instant) -> Option<DeviceId> {
        let (_, device) = self.devices.pop_front_if(|(until, _)| *until <= now)?;
        Some(device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(n: usize) -> DeviceId {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        DeviceId::from_bytes(bytes)
    }

    #[test]
    fn a_block_ends_in_time_or_for_want_of_room() {
        let (mut blocked, start) = (Blocked::default(), Instant::now());
        assert_eq!(blocked.add(device(1), start), None);
        assert_eq!(blocked.add(device(1), start + BLOCKED / 2), None);
        assert_eq!(blocked.next_over(), Some(start + BLOCKED * 3 / 2), "it begins anew");
        assert_eq!(blocked.take_over(start + BLOCKED), None);
        assert_eq!(blocked.take_over(start + BLOCKED * 3 / 2), Some(device(1)));
        assert_eq!(blocked.next_over(), None);
        for n in 0..DEVICES {
            assert_eq!(blocked.add(device(n), start), None);
        }
        assert_eq!(blocked.add(device(DEVICES), start), Some(device(0)));
    }
}
