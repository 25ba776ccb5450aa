//! A point in time that something must not pass.
//!
//! A timeout is "ten minutes", a deadline is "at noon". Hand a timeout down through three calls
//! and each of them takes its own ten minutes; hand a deadline down and all three share the one.
//! So a timeout is turned into a deadline once, at the top.

use std::time::{Duration, Instant};

/// A point on the stopwatch, or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Deadline {
    /// `None`: never.
    at: Option<Instant>,
}

impl Deadline {
    /// The deadline that never comes.
    pub const NEVER: Deadline = Deadline { at: None };

    /// This moment.
    pub fn at(instant: Instant) -> Self {
        Deadline { at: Some(instant) }
    }

    /// `timeout` from `now`. A timeout so long that the stopwatch cannot show its end never comes.
    pub fn after(now: Instant, timeout: Duration) -> Self {
        Deadline {
            at: now.checked_add(timeout),
        }
    }

    /// The moment, unless it is never.
    pub fn instant(self) -> Option<Instant> {
        self.at
    }

    /// Whether the deadline has come. At its very moment it has.
    pub fn is_past(self, now: Instant) -> bool {
        self.at.is_some_and(|at| at <= now)
    }

    /// How much time is left, nothing when it has passed; `None` when it never comes.
    pub fn remaining(self, now: Instant) -> Option<Duration> {
        self.at.map(|at| at.saturating_duration_since(now))
    }

    /// Whichever comes first.
    #[must_use]
    pub fn earlier(self, other: Deadline) -> Deadline {
        match (self.at, other.at) {
            (Some(a), Some(b)) => Deadline::at(a.min(b)),
            (at, None) | (None, at) => Deadline { at },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_deadline_has_come_at_its_very_moment() {
        let now = Instant::now();
        let deadline = Deadline::after(now, SECOND);
        assert!(!deadline.is_past(now));
        assert!(deadline.is_past(now + SECOND));
        assert_eq!(deadline.remaining(now), Some(SECOND));
        assert_eq!(deadline.remaining(now + 3 * SECOND), Some(Duration::ZERO));
    }

    #[test]
    fn the_earlier_of_two_wins_and_never_comes_last() {
        let now = Instant::now();
        let soon = Deadline::after(now, SECOND);
        let late = Deadline::after(now, 2 * SECOND);
        assert_eq!(late.earlier(soon), soon);
        assert_eq!(Deadline::NEVER.earlier(late), late);
        assert_eq!(late.earlier(Deadline::NEVER), late);
        assert_eq!(Deadline::NEVER.earlier(Deadline::NEVER), Deadline::NEVER);
    }

    #[test]
    fn never_does_not_come() {
        let now = Instant::now();
        assert_eq!(Deadline::after(now, Duration::MAX), Deadline::NEVER);
        assert!(!Deadline::NEVER.is_past(now));
        assert_eq!(Deadline::NEVER.remaining(now), None);
    }
}
