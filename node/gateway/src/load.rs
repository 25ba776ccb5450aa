//! Whether a worker keeps up with its work.
//!
//! A cook who looks at the clock every hundred milliseconds and finds that it is much later than that has more on the stove than he can watch.
//! Once may be a sneeze (the machine paused the process); ten times in a row is a kitchen that should stop taking orders until it has caught
//! up, because orders it takes now will all be late.
//!
//! The catch: lateness is measured where everything else waits as well, in the worker's own queue of tasks. So it is honest, and it ends by itself as
//! soon as orders are turned away.

use crate::sweep::ROUND;
use std::{
    cell::Cell,
    time::{Duration, Instant},
};

/// Late rounds in a row that make an overload. One is a pause of the process; ten take seconds.
const LATE_ROUNDS: u32 = 10;

/// One worker's load.
pub(crate) struct Load {
    lag_max: Option<Duration>,
    last: Cell<Option<Instant>>,
    late: Cell<u32>,
}

impl Load {
    /// Of a worker whose rounds may come this much late.
    pub fn new(lag_max: Option<Duration>) -> Self {
        Load {
            lag_max,
            last: Cell::new(None),
            late: Cell::new(0),
        }
    }

    /// A round begins.
    pub fn round(&self, now: Instant) {
        let Some(lag_max) = self.lag_max else { return };
        let since = self.last.replace(Some(now)).map(|last| now.duration_since(last));
        let late = since.is_some_and(|since| since > ROUND + lag_max);
        let before = self.late.get();
        self.late.set(if late { before.saturating_add(1) } else { 0 });
        if self.late.get() == LATE_ROUNDS {
            tracing::warn!(lag = ?since, "a worker is overloaded: new requests are answered with 503");
        } else if before >= LATE_ROUNDS && !late {
            tracing::warn!("the worker keeps up again");
        }
    }

    /// Whether it is more than the worker can carry.
    pub fn is_too_much(&self) -> bool {
        self.late.get() >= LATE_ROUNDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_late_round_is_a_pause_and_ten_are_an_overload() {
        let load = Load::new(Some(Duration::from_millis(500)));
        let mut now = Instant::now();
        let mut round = |after_ms: u64| {
            now += Duration::from_millis(after_ms);
            load.round(now);
            load.is_too_much()
        };
        assert!(!round(100) && !round(20_000) && !round(100), "a pause");
        for _ in 1..LATE_ROUNDS {
            assert!(!round(700));
        }
        assert!(round(700) && round(700));
        assert!(!round(100), "it keeps up again");
        assert!(!round(700));
    }

    #[test]
    fn without_a_limit_nothing_is_too_much() {
        let load = Load::new(None);
        let start = Instant::now();
        for second in 0..100 {
            load.round(start + Duration::from_secs(second));
        }
        assert!(!load.is_too_much());
    }
}
