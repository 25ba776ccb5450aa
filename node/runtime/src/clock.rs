//! The clocks on the real wall.
//!
//! Everything below is handed a [`Clock`]; here is the one that is not a stand-in. It stands above the
//! pure cores so that none of them can look at the time without asking.

use std::time::{Instant, SystemTime};

use troop_stdx::{Clock, UnixMillis};

/// The machine's stopwatch and calendar.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn monotonic(&self) -> Instant {
        Instant::now()
    }

    fn wall(&self) -> UnixMillis {
        SystemTime::now().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stopwatch_does_not_go_back_and_the_calendar_is_past_2024() {
        let clock = SystemClock;
        let earlier = clock.monotonic();
        assert!(clock.monotonic() >= earlier);
        assert!(clock.wall() > UnixMillis::new(1_704_067_200_000));
    }
}
