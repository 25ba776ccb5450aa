//! Who still has to be told what.
//!
//! A bag for each of the others, with the rows that changed since it was told. A sheet takes rows out of the bag; when it does not arrive, they
//! go back in. However long somebody is away, the bag does not grow: it is a bit for each row.

use super::{ROUND, Receipt, Sheet, Tally, sheet};
use crate::limits::{
    counters::{Counters, ROW},
    marks::Rows,
};
use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

/// Whoever has nothing new to tell says so this often: the others must know that it is there.
const SILENCE_MAX: Duration = Duration::from_secs(1);

/// Who has not answered for so long is not heard any more: three times the silence, so that a lost message or two do not matter.
const UNHEARD_AFTER: Duration = Duration::from_secs(3);

/// What is on its way to the others.
pub struct Courier {
    tally: Arc<Tally>,
    bags: HashMap<u64, Bag>,
    numbers: u64,
}

struct Bag {
    rows: Rows,
    under_way: Option<Rows>,
    /// Where the next sheet goes on, so that no row waits for ever behind busier ones.
    next_row: usize,
    /// Which life of theirs was told what is not in the bag.
    life: Option<u64>,
    told_at: Option<Instant>,
    heard_at: Instant,
}

impl Courier {
    /// Nobody is known yet.
    pub fn new(tally: Arc<Tally>) -> Self {
        Courier {
            tally,
            bags: HashMap::new(),
            numbers: 0,
        }
    }

    /// How often to call [`Courier::round`].
    pub fn interval(&self) -> Duration {
        ROUND
    }

    /// Takes note of what changed, of who else belongs, and of whether enough of them are heard.
    pub fn round(&mut self, others: &[u64], now: Instant) {
        let counters = self.tally.counters();
        let changed = counters.take_changed();
        self.bags.retain(|node, _| others.contains(node));
        for node in others {
            let bag = self
                .bags
                .entry(*node)
                .or_insert_with(|| Bag::full(&counters, now));
            bag.rows.add(&changed);
        }
        let heard = |bag: &&Bag| now.saturating_duration_since(bag.heard_at) <= UNHEARD_AFTER;
        // This node hears itself.
        let heard = 1 + self.bags.values().filter(heard).count();
        let majority = others.len().div_ceil(2) + 1;
        self.tally.cut_off.store(heard < majority, Relaxed);
    }

    /// What to tell a node now; nothing while the last sheet is under way, or when there is nothing to say. What becomes of it must be said
    /// by [`Courier::delivered`] or [`Courier::lost`].
    pub fn sheet_for(&mut self, node: u64, now_s: u64, now: Instant) -> Option<Vec<u8>> {
        let bag = self.bags.get_mut(&node)?;
        let quiet = bag
            .told_at
            .is_some_and(|at| now.saturating_duration_since(at) < SILENCE_MAX);
        if bag.under_way.is_some() || (bag.rows.is_empty() && quiet) {
            return None;
        }
        let counters = self.tally.counters();
        let mut taken = Rows::none(counters.rows());
        let mut counts = Vec::new();
        while counts.len() + ROW <= sheet::COUNTS_MAX
            && let Some(row) = bag.rows.pop_from(bag.next_row)
        {
            bag.next_row = (row + 1) % counters.rows();
            taken.set(row);
            counts.extend(counters.counted_in(row, now_s));
        }
        (bag.under_way, bag.told_at) = (Some(taken), Some(now));
        self.numbers += 1;
        self.tally.told.fetch_add(counts.len() as u64, Relaxed);
        let sheet = Sheet {
            from: self.tally.node,
            life: self.tally.life,
            number: self.numbers,
            counts,
        };
        Some(sheet.to_bytes())
    }

    /// It answered.
    pub fn delivered(&mut self, node: u64, answer: &[u8], now: Instant) {
        let Some(receipt) = Receipt::read(answer) else {
            return self.lost(node);
        };
        let counters = self.tally.counters();
        let Some(bag) = self.bags.get_mut(&node) else {
            return;
        };
        bag.under_way = None;
        bag.heard_at = now;
        let known = bag.life.replace(receipt.life);
        if known.is_some_and(|life| life != receipt.life) {
            // It started anew and knows nothing.
            bag.rows = Rows::all(counters.rows());
        }
    }

    /// It did not answer: it may or may not know.
    pub fn lost(&mut self, node: u64) {
        self.tally.undelivered.fetch_add(1, Relaxed);
        if let Some(bag) = self.bags.get_mut(&node)
            && let Some(rows) = bag.under_way.take()
        {
            bag.rows.add(&rows);
        }
    }
}

impl Bag {
    /// For somebody who may know nothing. Nobody is unheard before there was time to answer.
    fn full(counters: &Counters, now: Instant) -> Self {
        Bag {
            rows: Rows::all(counters.rows()),
            under_way: None,
            next_row: 0,
            life: None,
            told_at: None,
            heard_at: now,
        }
    }
}
