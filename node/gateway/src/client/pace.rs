//! How fast a client takes its answer.
//!
//! A guest who eats one pea a minute never stops eating, so a waiter who only asks "are you still at it?" waits for ever. Here it is counted how
//! long we stood waiting with the plate in hand, and how much was eaten in that time.
//!
//! The catch is to blame the right one: an answer may be slow because the peer is (an event stream, a long poll). Only time in which the client's
//! socket took nothing counts as waiting; on a stream of HTTP/2, time in which the client left it no room.

use crate::limits::Limits;
use std::{cell::Cell, time::Duration};

/// One client's pace with the current answer.
pub(crate) struct Pace {
    grace_ms: u64,
    rate_min_bytes: u64,
    /// Since when we have been waiting.
    since: Cell<Option<u64>>,
    waited_ms: Cell<u64>,
    taken: Cell<u64>,
}

impl Pace {
    /// Of a client that has been sent nothing.
    pub fn new(limits: &Limits) -> Self {
        Pace {
            grace_ms: u64::try_from(limits.rate_grace.as_millis()).unwrap_or(u64::MAX),
            rate_min_bytes: limits.rate_min_bytes,
            since: Cell::new(None),
            waited_ms: Cell::new(0),
            taken: Cell::new(0),
        }
    }

    /// An answer starts.
    pub fn starts(&self) {
        self.since.set(None);
        self.waited_ms.set(0);
        self.taken.set(0);
    }

    /// What the client took of the current answer.
    pub fn taken(&self) -> u64 {
        self.taken.get()
    }

    /// The client took so many bytes.
    pub fn took(&self, bytes: usize, now_ms: u64) {
        self.taken.set(self.taken.get() + bytes as u64);
        if let Some(since) = self.since.take() {
            self.waited_ms
                .set(self.waited_ms.get() + now_ms.saturating_sub(since));
        }
    }

    /// The client takes nothing now. How long it may go on like that; `None` is no limit.
    pub fn waits(&self, now_ms: u64) -> Option<Duration> {
        let since = self.since.get().unwrap_or(now_ms);
        self.since.set(Some(since));
        let waited_ms = self.waited_ms.get() + now_ms.saturating_sub(since);
        let paid_ms = self
            .taken
            .get()
            .saturating_mul(1_000)
            .checked_div(self.rate_min_bytes)?;
        let allowed_ms = self.grace_ms.saturating_add(paid_ms);
        Some(Duration::from_millis(allowed_ms.saturating_sub(waited_ms)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Pace {
        Pace::new(&Limits {
            rate_grace: Duration::from_secs(10),
            rate_min_bytes: 100,
            ..Limits::default()
        })
    }

    #[test]
    fn a_client_may_be_slow_for_the_grace_and_not_slower_than_the_rate_after_it() {
        let pace = pace();
        let patience = |now_ms| pace.waits(now_ms).map(|time| time.as_millis());
        pace.took(150, 0);
        assert_eq!(patience(1_000), Some(11_500));
        assert_eq!(patience(12_000), Some(500));
        assert_eq!(patience(13_000), Some(0));
        pace.took(100, 13_000);
        assert_eq!(patience(13_000), Some(500));
    }

    #[test]
    fn time_in_which_nothing_waits_for_the_client_does_not_count() {
        let pace = pace();
        pace.took(1, 0);
        pace.took(1, 1_000_000);
        assert_eq!(pace.waits(1_000_000), Some(Duration::from_millis(10_020)));
        pace.starts();
        pace.took(1, 2_000_000);
        let patience = pace.waits(2_009_000);
        assert_eq!(
            patience,
            Some(Duration::from_millis(10_010)),
            "each answer has a grace of its own"
        );
    }

    #[test]
    fn without_a_rate_there_is_no_limit() {
        let pace = Pace::new(&Limits {
            rate_min_bytes: 0,
            ..Limits::default()
        });
        assert_eq!(pace.waits(0), None);
    }
}
