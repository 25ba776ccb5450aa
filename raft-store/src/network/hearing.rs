//! When the leader was last heard.
//!
//! Raft's own "current leader" is the last one there was a majority for: a follower whose leader died, or that nobody talks to any
//! more, would go on naming it. What people and the forwarding of writes want to know is whether it still speaks.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Never heard.
const NEVER: u64 = u64::MAX;

/// An ear on the leader.
#[derive(Debug)]
pub(crate) struct Hearing {
    since: Instant,
    last_ms: AtomicU64,
}

impl Hearing {
    /// Nothing heard yet.
    pub(crate) fn new() -> Self {
        Hearing {
            since: Instant::now(),
            last_ms: AtomicU64::new(NEVER),
        }
    }

    /// A message of the leader was accepted.
    pub(crate) fn heard(&self) {
        self.last_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// Whether one was, within the last `span`.
    pub(crate) fn within(&self, span: Duration) -> bool {
        let last = self.last_ms.load(Ordering::Relaxed);
        last != NEVER && self.now_ms().saturating_sub(last) < span.as_millis() as u64
    }

    fn now_ms(&self) -> u64 {
        self.since.elapsed().as_millis() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_never_heard_is_not_heard_lately_either() {
        let hearing = Hearing::new();
        assert!(!hearing.within(Duration::from_secs(3600)));
        hearing.heard();
        assert!(hearing.within(Duration::from_secs(3600)));
        assert!(!hearing.within(Duration::ZERO));
    }
}
