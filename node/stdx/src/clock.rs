//! Time as something that is given, so that a test can give another.
//!
//! There are two clocks on every wall. A stopwatch, which only ever goes forward and knows no
//! date: use it for timeouts. And a calendar, which says what humans and certificates mean by
//! now, and which somebody may set back by an hour at any time: use it for what is written down.
//! Confusing them is the classic mistake; hence two methods that return different types.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Where the time comes from.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The stopwatch: never goes back, means nothing outside this process.
    fn monotonic(&self) -> Instant;

    /// The calendar: may jump either way.
    fn wall(&self) -> UnixMillis;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn monotonic(&self) -> Instant {
        (**self).monotonic()
    }

    fn wall(&self) -> UnixMillis {
        (**self).wall()
    }
}

/// Calendar time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixMillis(u64);

impl UnixMillis {
    /// From milliseconds.
    pub const fn new(millis: u64) -> Self {
        UnixMillis(millis)
    }

    /// As milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// As whole seconds, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// This much later; the end of time when that is passed.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        let span = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        UnixMillis(self.0.saturating_add(span))
    }

    /// How much time lies between `earlier` and this; nothing when `earlier` is later, which
    /// happens whenever the calendar is set back.
    pub fn since(self, earlier: UnixMillis) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl From<SystemTime> for UnixMillis {
    /// Times before 1970 become 1970.
    fn from(time: SystemTime) -> Self {
        let span = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        UnixMillis::default().plus(span)
    }
}

/// A clock that stands still until it is told to move. Clones are hands of the same clock.
#[derive(Debug, Clone)]
pub struct ManualClock {
    shown: Arc<Mutex<Shown>>,
}

#[derive(Debug, Clone, Copy)]
struct Shown {
    monotonic: Instant,
    wall: UnixMillis,
}

impl ManualClock {
    /// A clock that shows these times.
    pub fn new(monotonic: Instant, wall: UnixMillis) -> Self {
        ManualClock {
            shown: Arc::new(Mutex::new(Shown { monotonic, wall })),
        }
    }

    /// Lets time pass on both faces.
    pub fn advance(&self, span: Duration) {
        self.change(|shown| {
            shown.monotonic += span;
            shown.wall = shown.wall.plus(span);
        });
    }

    /// Sets the calendar, forward or back; the stopwatch does not notice.
    pub fn set_wall(&self, wall: UnixMillis) {
        self.change(|shown| shown.wall = wall);
    }

    fn change(&self, change: impl FnOnce(&mut Shown)) {
        change(&mut self.shown.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn shown(&self) -> Shown {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn monotonic(&self) -> Instant {
        self.shown().monotonic
    }

    fn wall(&self) -> UnixMillis {
        self.shown().wall
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told_and_both_faces_together() {
        let start = Instant::now();
        let clock = ManualClock::new(start, UnixMillis::new(1000));
        let hand = clock.clone();
        hand.advance(Duration::from_millis(250));
        assert_eq!(clock.monotonic() - start, Duration::from_millis(250));
        assert_eq!(clock.wall(), UnixMillis::new(1250));
    }

    #[test]
    fn setting_the_calendar_leaves_the_stopwatch_alone() {
        let start = Instant::now();
        let clock = ManualClock::new(start, UnixMillis::new(5000));
        clock.set_wall(UnixMillis::new(2000));
        assert_eq!((clock.monotonic(), clock.wall()), (start, UnixMillis::new(2000)));
    }

    #[test]
    fn calendar_time_does_not_run_over_at_either_end() {
        let late = UnixMillis::new(u64::MAX);
        assert_eq!(late.plus(Duration::MAX), late);
        assert_eq!(UnixMillis::new(1).since(UnixMillis::new(2)), Duration::ZERO);
        assert_eq!(
            UnixMillis::from(SystemTime::UNIX_EPOCH - Duration::from_secs(1)),
            UnixMillis::new(0)
        );
        assert_eq!(UnixMillis::new(1999).as_secs(), 1);
    }
}
