//! Counters that all workers of a node share, without a lock and within a bound.
//!
//! A wall of pigeonholes. The name of a count, hashed, says in which row it hangs; in the row it takes a free hole, or one whose window is
//! over, or else the one whose window ends first. Nothing is swept: what is over is simply written over.
//!
//! The catch is that a full wall forgets. With as many live counts as holes a limit may start anew before its window ends; the wall is
//! so large that this takes a quarter of a million clients within one window.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Holes in the wall; 16 bytes each.
const HOLES: usize = 1 << 18;

/// What the wall takes up.
pub(crate) const TOTAL_BYTES: u64 = (HOLES * size_of::<Hole>()) as u64;

/// Holes in a row: one look at the memory beside each other.
const ROW: usize = 8;

/// Nothing hangs here.
const FREE: u64 = 0;

/// Somebody is just hanging something up.
const BUSY: u64 = 1;

/// A count: its hashed name, and the window it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub name: u64,
    /// Seconds since 1970.
    pub window: u64,
    /// Seconds since 1970.
    pub ends_s: u64,
}

/// The wall.
pub(crate) struct Counters {
    holes: Box<[Hole]>,
    hasher: RandomState,
}

/// A name, and beside it the end of the window (upper half) and the count (lower half).
#[derive(Default)]
struct Hole {
    name: AtomicU64,
    count: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Counters::with_holes(HOLES)
    }
}

fn packed(ends_s: u64, count: u32) -> u64 {
    (ends_s << 32) | u64::from(count)
}

fn unpacked(value: u64) -> (u64, u32) {
    (value >> 32, (value & u64::from(u32::MAX)) as u32)
}

impl Counters {
    fn with_holes(holes: usize) -> Self {
        Counters {
            holes: (0..holes).map(|_| Hole::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// The name of whatever a count is about. Secretly seeded, so that nobody can choose to share somebody else's count.
    pub fn name_of(&self, about: &impl Hash) -> u64 {
        self.hasher.hash_one(about).max(BUSY + 1)
    }

    /// What the holes take up that something hangs in.
    pub fn used_bytes(&self) -> u64 {
        let used = self.holes.iter().filter(|hole| hole.name.load(Relaxed) != FREE);
        (used.count() * size_of::<Hole>()) as u64
    }

    fn row(&self, name: u64) -> &[Hole] {
        let rows = self.holes.len() / ROW;
        let at = (name as usize % rows) * ROW;
        &self.holes[at..at + ROW]
    }

    /// The count.
    pub fn read(&self, key: Key) -> u32 {
        let hole = self
            .row(key.name)
            .iter()
            .find(|hole| hole.name.load(Relaxed) == key.name);
        let held = hole.map(|hole| unpacked(hole.count.load(Relaxed)));
        match held {
            Some((ends_s, count)) if ends_s == key.ends_s => count,
            _ => 0,
        }
    }

    /// Adds to the count; what it is then.
    pub fn add(&self, key: Key, by: u32) -> u32 {
        let row = self.row(key.name);
        let hole = match row.iter().find(|hole| hole.name.load(Relaxed) == key.name) {
            Some(hole) => hole,
            None => self.hang(row, key),
        };
        let mut after = 0;
        // It always writes, so it cannot fail.
        let _ = hole.count.fetch_update(Relaxed, Relaxed, |held| {
            let (ends_s, count) = unpacked(held);
            after = if ends_s == key.ends_s {
                count.saturating_add(by)
            } else {
                by
            };
            Some(packed(key.ends_s, after))
        });
        after
    }

    /// Takes back what was added in this window.
    pub fn take_back(&self, key: Key, by: u32) {
        if let Some(hole) = self
            .row(key.name)
            .iter()
            .find(|hole| hole.name.load(Relaxed) == key.name)
        {
            // Another window by now: nothing to take back.
            let _ = hole.count.fetch_update(Relaxed, Relaxed, |held| {
                let (ends_s, count) = unpacked(held);
                (ends_s == key.ends_s).then(|| packed(ends_s, count.saturating_sub(by)))
            });
        }
    }

    /// A hole with that name on it, its count at nothing.
    fn hang<'a>(&self, row: &'a [Hole], key: Key) -> &'a Hole {
        loop {
            let hole = worst(row);
            let held = hole.name.load(Relaxed);
            if held == key.name {
                return hole;
            }
            let taken = held != BUSY && hole.name.compare_exchange(held, BUSY, Relaxed, Relaxed).is_ok();
            if taken {
                hole.count.store(packed(key.ends_s, 0), Relaxed);
                hole.name.store(key.name, Relaxed);
                return hole;
            }
            std::hint::spin_loop();
        }
    }
}

/// The hole that can be spared most easily: a free one, or the one whose window ends first.
fn worst(row: &[Hole]) -> &Hole {
    let rank = |hole: &&Hole| match hole.name.load(Relaxed) {
        FREE => 0,
        BUSY => u64::MAX,
        _ => hole.count.load(Relaxed) >> 32,
    };
    row.iter().min_by_key(rank).expect("invariant: a row has holes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn key(counters: &Counters, about: &str, window: u64) -> Key {
        Key {
            name: counters.name_of(&about),
            window,
            ends_s: window + 60,
        }
    }

    #[test]
    fn counts_are_kept_apart_by_name_and_start_anew_with_each_window() {
        let counters = Counters::default();
        let (a, b) = (key(&counters, "a", 0), key(&counters, "b", 0));
        assert_eq!(
            (counters.add(a, 1), counters.add(a, 2), counters.add(b, 1)),
            (1, 3, 1)
        );
        assert_eq!((counters.read(a), counters.read(b)), (3, 1));
        counters.take_back(a, 1);
        assert_eq!(counters.read(a), 2);
        let next = key(&counters, "a", 60);
        assert_eq!((counters.read(next), counters.add(next, 1)), (0, 1));
        counters.take_back(a, 1);
        assert_eq!(counters.read(next), 1);
    }

    #[test]
    fn a_full_wall_forgets_what_ends_first_and_nothing_else() {
        let counters = Counters::with_holes(ROW);
        let long = key(&counters, "long", 1_000_000);
        counters.add(long, 7);
        for n in 0..10_000 {
            counters.add(key(&counters, &n.to_string(), n), 1);
        }
        assert_eq!(counters.read(long), 7);
        let last = key(&counters, "9999", 9_999);
        assert_eq!(counters.read(last), 1);
    }

    #[test]
    fn no_count_is_lost_between_threads() {
        const THREADS: u32 = 4;
        const EACH: u32 = 20_000;
        let counters = Arc::new(Counters::default());
        let key = key(&counters, "a", 0);
        counters.add(key, 0);
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let counters = Arc::clone(&counters);
                std::thread::spawn(move || (0..EACH).for_each(|_| _ = counters.add(key, 1)))
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().expect("a thread"));
        assert_eq!(counters.read(key), THREADS * EACH);
    }
}
