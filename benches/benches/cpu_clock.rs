//! CPU time of the measuring thread, as criterion's clock.

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Counts only while the thread has a core.
pub struct CpuClock {
    /// It formats durations, whichever clock they come from.
    wall: WallTime,
}

impl Default for CpuClock {
    fn default() -> Self {
        CpuClock { wall: WallTime }
    }
}

impl Measurement for CpuClock {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        used()
    }

    fn end(&self, started: Duration) -> Duration {
        used().saturating_sub(started)
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self.wall.formatter()
    }
}

fn used() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(now.tv_sec).expect("invariant: CPU time is not negative");
    let nanos = u32::try_from(now.tv_nsec).expect("invariant: nanoseconds of a second fit");
    Duration::new(seconds, nanos)
}
