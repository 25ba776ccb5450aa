//! Counters that all workers of a node share, without a lock and within a bound.
//!
//! A wall of pigeonholes. The name of a count, hashed, says in which row it hangs; in the row it takes a free hole, or one whose window is
//! over, or else the one whose window ends first. Nothing is swept: what is over is simply written over.
//!
//! A hole has two numbers: what was counted here, and what other nodes said that they counted. A limit is held against both together.
//!
//! The catch is that a full wall forgets. With as many live counts as holes a limit may start anew before its window ends; the wall is
//! so large that this takes a quarter of a million clients within one window.

use super::marks::{Marks, Rows};
use siphasher::sip::SipHasher13;
use std::{
    hash::Hasher,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Holes in the wall; 24 bytes each.
const HOLES: usize = 1 << 18;

/// What the wall takes up.
pub(crate) const TOTAL_BYTES: u64 = (HOLES * size_of::<Hole>()) as u64;

/// Holes in a row: one look at the memory beside each other.
pub(crate) const ROW: usize = 8;

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

impl Key {
    /// A name that is written to its end.
    pub fn named(name: &SipHasher13) -> u64 {
        name.finish().max(BUSY + 1)
    }
}

/// The wall.
pub(crate) struct Counters {
    holes: Box<[Hole]>,
    /// Rows in which something was counted here, if somebody wants to know.
    changed: Option<Marks>,
    hasher: SipHasher13,
}

/// A name, and beside it twice the end of the window (upper half) and a count (lower half).
#[derive(Default)]
struct Hole {
    name: AtomicU64,
    /// What was counted here.
    count: AtomicU64,
    /// What others counted.
    others: AtomicU64,
}

/// What was counted here under a name, for others to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub name: u64,
    /// Seconds since 1970.
    pub ends_s: u32,
    pub count: u32,
}

impl Default for Counters {
    fn default() -> Self {
        Counters::with_holes(HOLES, rand::random())
    }
}

fn packed(ends_s: u64, count: u32) -> u64 {
    (ends_s << 32) | u64::from(count)
}

fn unpacked(value: u64) -> (u64, u32) {
    (value >> 32, (value & u64::from(u32::MAX)) as u32)
}

impl Hole {
    /// Both numbers together, of the window that ends then.
    fn total(&self, ends_s: u64) -> u32 {
        let of = |value: u64| match unpacked(value) {
            (ends, count) if ends == ends_s => count,
            _ => 0,
        };
        of(self.count.load(Relaxed)).saturating_add(of(self.others.load(Relaxed)))
    }
}

impl Counters {
    /// A wall that can say what changed, and that names alike with others of the same secret.
    pub fn shared(secret: u128) -> Self {
        Counters {
            changed: Some(Marks::of(HOLES / ROW)),
            ..Counters::with_holes(HOLES, secret)
        }
    }

    fn with_holes(holes: usize, secret: u128) -> Self {
        Counters {
            holes: (0..holes).map(|_| Hole::default()).collect(),
            changed: None,
            hasher: SipHasher13::new_with_keys(secret as u64, (secret >> 64) as u64),
        }
    }

    /// The beginning of the name of whatever counts are about, which writes itself down. Made with a secret, so that nobody can choose
    /// to share somebody else's count.
    pub fn begin_name(&self, write: impl FnOnce(&mut SipHasher13)) -> SipHasher13 {
        let mut hasher = self.hasher;
        write(&mut hasher);
        hasher
    }

    /// What the holes take up that something hangs in.
    pub fn used_bytes(&self) -> u64 {
        let used = self.holes.iter().filter(|hole| hole.name.load(Relaxed) != FREE);
        (used.count() * size_of::<Hole>()) as u64
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.holes.len() / ROW
    }

    fn row_of(&self, name: u64) -> usize {
        name as usize % self.rows()
    }

    fn row(&self, name: u64) -> &[Hole] {
        let at = self.row_of(name) * ROW;
        &self.holes[at..at + ROW]
    }

    /// Rows in which something was counted here since this was last asked.
    pub fn take_changed(&self) -> Rows {
        let none = || Rows::none(self.rows());
        self.changed.as_ref().map_or_else(none, Marks::take)
    }

    fn note(&self, name: u64) {
        if let Some(changed) = &self.changed {
            changed.put(self.row_of(name));
        }
    }

    /// What was counted here in a row, in windows that are not over.
    pub fn counted_in(&self, row: usize, now_s: u64) -> impl Iterator<Item = Counted> {
        self.holes[row * ROW..][..ROW].iter().filter_map(move |hole| {
            let (ends_s, count) = unpacked(hole.count.load(Relaxed));
            let name = hole.name.load(Relaxed);
            (name > BUSY && ends_s > now_s).then_some(Counted {
                name,
                ends_s: ends_s as u32,
                count,
            })
        })
    }

    /// Other nodes have counted so much by now.
    pub fn others_counted(&self, Counted { name, ends_s, count }: Counted) {
        let ends_s = u64::from(ends_s);
        let hole = self.hole(Key {
            name: name.max(BUSY + 1),
            window: 0,
            ends_s,
        });
        hole.others.store(packed(ends_s, count), Relaxed);
    }

    /// The count.
    pub fn read(&self, key: Key) -> u32 {
        let hole = self
            .row(key.name)
            .iter()
            .find(|hole| hole.name.load(Relaxed) == key.name);
        hole.map_or(0, |hole| hole.total(key.ends_s))
    }

    /// Adds to the count; what it is then.
    pub fn add(&self, key: Key, by: u32) -> u32 {
        let hole = self.hole(key);
        // It always writes, so it cannot fail.
        let _ = hole.count.fetch_update(Relaxed, Relaxed, |held| {
            let (ends_s, count) = unpacked(held);
            let after = if ends_s == key.ends_s {
                count.saturating_add(by)
            } else {
                by
            };
            Some(packed(key.ends_s, after))
        });
        self.note(key.name);
        hole.total(key.ends_s)
    }

    fn hole(&self, key: Key) -> &Hole {
        let row = self.row(key.name);
        let found = row.iter().find(|hole| hole.name.load(Relaxed) == key.name);
        found.unwrap_or_else(|| self.hang(row, key))
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
            self.note(key.name);
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
                hole.others.store(0, Relaxed);
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
            name: Key::named(&counters.begin_name(|name| name.write(about.as_bytes()))),
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
    fn what_others_counted_is_held_against_the_limit_and_not_told_again() {
        let counters = Counters::shared(7);
        let key = key(&counters, "a", 0);
        let counted = |count| Counted {
            name: key.name,
            ends_s: 60,
            count,
        };
        counters.others_counted(counted(5));
        assert_eq!((counters.read(key), counters.add(key, 2)), (5, 7));
        counters.others_counted(counted(6));
        assert_eq!(counters.read(key), 8);
        let told = || {
            let mut rows = counters.take_changed();
            let mut told = Vec::new();
            while let Some(row) = rows.pop_from(0) {
                told.extend(counters.counted_in(row, 59));
            }
            told
        };
        assert_eq!(told(), [counted(2)]);
        assert_eq!(told(), []);
        let row = counters.row_of(key.name);
        assert_eq!(counters.counted_in(row, 60).count(), 0, "its window is over");
    }

    #[test]
    fn a_full_wall_forgets_what_ends_first_and_nothing_else() {
        let counters = Counters::with_holes(ROW, 1);
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
