//! How long to wait before trying again.
//!
//! When a shop is closed you come back after a minute, then after two, then after four, but never
//! later than every hour. If the whole town did that in step, the shop would be stormed whenever
//! it opens; so everybody adds a bit of chance of their own.
//!
//! The wait is drawn from the upper half of the step: between `step / 2` and `step`. Drawing from
//! zero would spread a crowd best, but sometimes means no wait at all, and a retry that comes at
//! once is most often wasted.

use std::time::Duration;

/// Waits that double up to a ceiling, with chance mixed in.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    /// Waits of about `first`, twice that, four times that, and never more than `max`.
    pub fn new(first: Duration, max: Duration) -> Self {
        Backoff {
            first: first.min(max),
            max,
            failures: 0,
        }
    }

    /// How many waits were asked for since the start or the last [`reset`](Backoff::reset).
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The next wait. `random` is any number, drawn evenly from all.
    pub fn next_delay(&mut self, random: u64) -> Duration {
        let step = self.step();
        self.failures = self.failures.saturating_add(1);
        let half = step / 2;
        half + share(step - half, random)
    }

    /// Starts over, after a success.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    fn step(&self) -> Duration {
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.max)
    }
}

/// The part of `span` that `random` is of all numbers.
fn share(span: Duration, random: u64) -> Duration {
    let nanos = span.as_nanos() * u128::from(random >> 32) / u128::from(u32::MAX);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_up_to_the_ceiling() {
        let mut backoff = Backoff::new(SECOND, 5 * SECOND);
        let waits: Vec<_> = (0..5).map(|_| backoff.next_delay(u64::MAX)).collect();
        assert_eq!(waits, [SECOND, 2 * SECOND, 4 * SECOND, 5 * SECOND, 5 * SECOND]);
    }

    #[test]
    fn chance_takes_away_at_most_half() {
        let mut backoff = Backoff::new(SECOND, SECOND);
        assert_eq!(backoff.next_delay(0), SECOND / 2);
        assert_eq!(backoff.next_delay(u64::MAX), SECOND);
        let middle = backoff.next_delay(u64::MAX / 2);
        assert!(middle > SECOND * 7 / 10 && middle < SECOND * 8 / 10, "{middle:?}");
    }

    #[test]
    fn a_success_starts_over() {
        let mut backoff = Backoff::new(SECOND, 60 * SECOND);
        (0..4).for_each(|_| _ = backoff.next_delay(0));
        backoff.reset();
        assert_eq!((backoff.failures(), backoff.next_delay(u64::MAX)), (0, SECOND));
    }

    #[test]
    fn failing_for_ever_stays_at_the_ceiling() {
        let mut backoff = Backoff::new(SECOND, 60 * SECOND);
        (0..100).for_each(|_| _ = backoff.next_delay(0));
        assert_eq!(backoff.next_delay(u64::MAX), 60 * SECOND);
        assert_eq!(Backoff::new(60 * SECOND, SECOND).next_delay(u64::MAX), SECOND);
    }
}
