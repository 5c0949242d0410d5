//! A bound on lines that others can cause.

use std::time::{Duration, Instant};

/// Lets some lines pass in a while and counts the others.
#[derive(Debug)]
pub(crate) struct Quota {
    lines: u32,
    within: Duration,
    began: Option<Instant>,
    passed: u32,
    unsaid: u64,
}

impl Quota {
    /// Lets `lines` lines pass in every `within`.
    pub(crate) fn new(lines: u32, within: Duration) -> Self {
        Quota { lines, within, began: None, passed: 0, unsaid: 0 }
    }

    /// Tells whether a line may be logged now, and how many were not since the last one.
    pub(crate) fn take(&mut self, now: Instant) -> Option<u64> {
        if self.began.is_none_or(|began| now.saturating_duration_since(began) >= self.within) {
            (self.began, self.passed) = (Some(now), 0);
        }
        if self.passed == self.lines {
            self.unsaid += 1;
            return None;
        }
        self.passed += 1;
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_above_the_bound_are_counted() {
        let (within, start) = (Duration::from_secs(60), Instant::now());
        let mut quota = Quota::new(2, within);
        let taken: Vec<_> = (0..5).map(|n| quota.take(start + within / 10 * n)).collect();
        assert_eq!(taken, [Some(0), Some(0), None, None, None]);
        assert_eq!(quota.take(start + within), Some(3));
        assert_eq!(quota.take(start + within), Some(0));
        assert_eq!(quota.take(start + within), None);
    }
}
