//! When to try again: doubling waits with jitter, so that peers do not try in step.

use rand::Rng;

/// The wait before the second try, in milliseconds.
const FIRST_MS: i64 = 1_000;
/// The longest wait, in milliseconds.
const LONGEST_MS: i64 = 300_000;

/// Doubling waits with jitter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Counts a failure and returns how long to wait, in milliseconds: between half and all of
    /// the doubled wait.
    pub fn fail(&mut self, rng: &mut dyn Rng) -> i64 {
        let wait = FIRST_MS.checked_shl(self.failures).unwrap_or(LONGEST_MS).min(LONGEST_MS);
        self.failures = (self.failures + 1).min(16);
        wait / 2 + i64::from(rng.next_u32()) % (wait / 2 + 1)
    }

    /// Returns how often in a row it failed, up to 16.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Forgets the failures.
    pub fn succeed(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_over() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut backoff = Backoff::default();
        let mut ceiling = FIRST_MS;
        for _ in 0..40 {
            let wait = backoff.fail(&mut rng);
            assert!(wait >= ceiling / 2 && wait <= ceiling, "{wait} outside {ceiling}");
            ceiling = (ceiling * 2).min(LONGEST_MS);
        }
        backoff.succeed();
        assert!(backoff.fail(&mut rng) <= FIRST_MS);
    }
}
