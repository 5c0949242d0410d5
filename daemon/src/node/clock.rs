//! Two clocks: the wall's, and the engine's, which never goes back and never stands still.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Returns the time of the wall clock in milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The clock of the engine, whose deadlines are times of day.
///
/// It goes forward with the wall clock, over a suspended night too. When the wall clock is set
/// back, it goes on from where it was at the pace of the monotonic clock: else every deadline
/// would come as much later. Until the wall clock has caught up, or the daemon is started anew,
/// statements are dated by it.
#[derive(Debug)]
pub(super) struct Clock {
    /// What the wall clock said when the monotonic one stood at `began`, at the latest.
    base: i64,
    began: Instant,
}

impl Clock {
    /// Starts a clock at the time of the wall.
    pub(super) fn new() -> Self {
        Clock { base: i64::MIN, began: Instant::now() }
    }

    /// Returns the time in milliseconds since 1970.
    pub(super) fn now(&mut self) -> i64 {
        self.read(now(), Instant::now())
    }

    fn read(&mut self, wall: i64, monotonic: Instant) -> i64 {
        let elapsed = monotonic.saturating_duration_since(self.began).as_millis();
        let elapsed = i64::try_from(elapsed).unwrap_or(i64::MAX);
        self.base = self.base.max(wall.saturating_sub(elapsed));
        self.base.saturating_add(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_wall_clock_set_back_stalls_nothing() {
        const DAY: i64 = 86_400_000;
        let mut clock = Clock::new();
        let after = |ms| clock.began + Duration::from_millis(ms);
        let [start, second, two, three, four] = [0, 1_000, 2_000, 3_000, 4_000].map(after);
        assert_eq!(clock.read(DAY, start), DAY);
        assert_eq!(clock.read(DAY + 1_000, second), DAY + 1_000);
        assert_eq!(clock.read(2_000, two), DAY + 2_000, "set back by a day, it goes on");
        assert_eq!(clock.read(3_000, three), DAY + 3_000);
        // Set forward, or after a night of suspension, it follows.
        assert_eq!(clock.read(3 * DAY, four), 3 * DAY);
    }
}
