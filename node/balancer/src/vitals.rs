//! What is measured of one peer while it serves: its health, how busy it is, how quick it is.
//!
//! A nurse's chart at the foot of the bed. The bed may be moved to another room (a new rota, because a target came or went), the
//! chart moves along. All workers of a node write on the same chart, without taking turns: each figure is one word of memory.
//!
//! Quickness is an average that forgets: each answer pulls it towards the time it took, the more the longer nobody had asked, and a
//! peer that nobody asks gets quicker in our memory until somebody asks it again. Kong: that is how its `latency` algorithm finds out that
//! a slow peer has recovered.

use crate::health::SharedHealth;
use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
};

/// Kong: after this long an old measurement counts for a third.
const DECAY_MS: f32 = 10_000.0;

/// The chart of one peer.
#[derive(Debug, Default)]
pub struct Vitals {
    /// Whether it is fit to serve.
    pub health: SharedHealth,
    open: AtomicU32,
    pace: AtomicU64,
}

/// A place at a peer, taken while an exchange is with it.
#[derive(Debug)]
pub struct Occupied(Arc<Vitals>);

/// An average of answer times, and when it was last touched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pace {
    average_ms: f32,
    /// Milliseconds on the caller's clock; it may wrap.
    at_ms: u32,
}

impl Vitals {
    /// Of a peer of which nothing is known but how quick the others are.
    pub(crate) fn starting_at(pace: Option<Pace>) -> Self {
        Vitals {
            pace: AtomicU64::new(pace.map_or(0, Pace::pack)),
            ..Vitals::default()
        }
    }

    /// How many exchanges are with it.
    pub fn open(&self) -> u32 {
        self.open.load(Relaxed)
    }

    /// Takes a place at it.
    pub fn occupy(self: &Arc<Self>) -> Occupied {
        self.open.fetch_add(1, Relaxed);
        Occupied(Arc::clone(self))
    }

    /// Notes how long an answer took. `now_ms` is on any clock that all reporters share.
    pub fn timed(&self, now_ms: u64, took_ms: u32) {
        let now = wrapped(now_ms);
        let next = |word| {
            let pace = match Pace::unpack(word) {
                Some(pace) => pace.pulled(now, took_ms as f32),
                None => Pace {
                    average_ms: took_ms as f32,
                    at_ms: now,
                },
            };
            Some(pace.pack())
        };
        // `next` never declines.
        let _ = self.pace.fetch_update(Relaxed, Relaxed, next);
    }

    /// What its average has become by now; zero when nothing was measured.
    pub(crate) fn pace_now(&self, now_ms: u64) -> f32 {
        self.pace()
            .map_or(0.0, |pace| pace.pulled(wrapped(now_ms), 0.0).average_ms)
    }

    pub(crate) fn pace(&self) -> Option<Pace> {
        Pace::unpack(self.pace.load(Relaxed))
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

impl Pace {
    /// Between others: what a newcomer is expected to need.
    pub(crate) fn mean(of: impl Iterator<Item = Pace>) -> Option<Pace> {
        let (mut sum, mut count, mut at_ms) = (0.0, 0.0, 0);
        for pace in of {
            sum += pace.average_ms;
            count += 1.0;
            at_ms = pace.at_ms;
        }
        (count > 0.0).then(|| Pace {
            average_ms: sum / count,
            at_ms,
        })
    }

    fn pulled(self, now: u32, towards_ms: f32) -> Pace {
        // A clock that went backwards looks like a very long time: as good as no time.
        let since = match now.wrapping_sub(self.at_ms) {
            since if since > u32::MAX / 2 => 0,
            since => since,
        };
        let old = (-(since as f32) / DECAY_MS).exp();
        Pace {
            average_ms: self.average_ms * old + towards_ms * (1.0 - old),
            at_ms: now,
        }
    }

    /// Never zero, which stands for "not measured".
    fn pack(self) -> u64 {
        let average = u64::from(self.average_ms.max(f32::MIN_POSITIVE).to_bits());
        average << 32 | u64::from(self.at_ms)
    }

    fn unpack(word: u64) -> Option<Pace> {
        let average = u32::try_from(word >> 32).expect("invariant: the upper half of a word");
        (average != 0).then(|| Pace {
            average_ms: f32::from_bits(average),
            at_ms: wrapped(word),
        })
    }
}

/// The lower half.
fn wrapped(word: u64) -> u32 {
    u32::try_from(word & u64::from(u32::MAX)).expect("invariant: the lower half of a word")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_the_exchange_is_over() {
        let vitals = Arc::new(Vitals::default());
        let (first, second) = (vitals.occupy(), vitals.occupy());
        assert_eq!(vitals.open(), 2);
        drop(first);
        assert_eq!(vitals.open(), 1);
        drop(second);
        assert_eq!(vitals.open(), 0);
    }

    /// Answers as (when, how long), then the average at a moment.
    fn check(answers: &[(u64, u32)], at: u64, expected: std::ops::Range<f32>) {
        let vitals = Vitals::default();
        answers.iter().for_each(|(when, took)| vitals.timed(*when, *took));
        let pace = vitals.pace_now(at);
        assert!(expected.contains(&pace), "{answers:?} at {at}: {pace}");
    }

    #[test]
    fn an_average_follows_the_answers_and_fades_when_nobody_asks() {
        check(&[], 0, 0.0..0.001);
        check(&[(0, 100)], 0, 99.0..101.0);
        // After ten seconds the old figure counts for a third.
        check(&[(0, 100), (10_000, 400)], 10_000, 280.0..300.0);
        check(&[(0, 100)], 10_000, 36.0..37.5);
        check(&[(0, 100)], 120_000, 0.0..0.01);
    }

    #[test]
    fn a_clock_that_wraps_or_steps_back_does_no_harm() {
        let wrap = u64::from(u32::MAX);
        check(&[(wrap, 100)], wrap + 10, 99.0..101.0);
        check(&[(5_000, 100)], 4_000, 99.0..101.0);
    }
}
