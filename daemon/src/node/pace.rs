//! How often the sync stream with one device is opened.

use std::collections::HashMap;
use std::time::Duration;

use dsp_protocol::id::DeviceId;
use tokio::time::Instant;

/// The time between two openings in the long run.
const EVERY: Duration = Duration::from_secs(3);
/// Openings that may come at once: a follow begins the hello anew with every peer.
const AT_ONCE: u32 = 16;

/// Spreads openings, so that a device that ends every stream, or asks to begin anew, cannot make
/// this one open them as fast as the network carries them.
///
/// Of those that the other side opens, twice as many may come at once: they do not come as evenly
/// as they were sent, and a device that was started again knows nothing of its earlier ones.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When the openings so far would be over at the long run's pace; the past is forgotten.
    until: HashMap<DeviceId, Instant>,
}

impl Pace {
    /// Counts an opening and returns how long it has to wait.
    pub(super) fn take(&mut self, device: DeviceId, now: Instant) -> Duration {
        self.until.retain(|_, until| *until > now);
        let until = self.until.entry(device).or_insert(now);
        *until += EVERY;
        until.saturating_duration_since(now).saturating_sub(EVERY * AT_ONCE)
    }

    /// Counts an opening by the other side and tells whether it may be; one too many is not
    /// counted.
    pub(super) fn admits(&mut self, device: DeviceId, now: Instant) -> bool {
        self.until.retain(|_, until| *until > now);
        let until = self.until.get(&device).copied().unwrap_or(now) + EVERY;
        let admitted = until.saturating_duration_since(now) <= EVERY * AT_ONCE * 2;
        if admitted {
            self.until.insert(device, until);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_openings_come_at_once_and_the_others_in_their_time() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let [device, other] = [1, 2].map(|n| DeviceId::from_bytes([n; 32]));
        for _ in 0..AT_ONCE {
            assert_eq!(pace.take(device, start), Duration::ZERO);
        }
        assert_eq!(pace.take(device, start), EVERY);
        assert_eq!(pace.take(other, start), Duration::ZERO);
        assert_eq!(pace.take(device, start + EVERY), EVERY);
        let later = start + EVERY * (AT_ONCE + 2);
        assert_eq!(pace.take(device, later), Duration::ZERO);
        assert_eq!(pace.until.len(), 1, "who was quiet is forgotten");
    }

    #[test]
    fn a_device_that_opens_at_will_is_let_in_at_the_same_pace() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let [device, other] = [1, 2].map(|n| DeviceId::from_bytes([n; 32]));
        for _ in 0..2 * AT_ONCE {
            assert!(pace.admits(device, start));
        }
        for _ in 0..100 {
            assert!(!pace.admits(device, start));
        }
        assert!(pace.admits(other, start));
        assert!(pace.admits(device, start + EVERY), "what was refused does not count");
        assert!(!pace.admits(device, start + EVERY));
    }
}
