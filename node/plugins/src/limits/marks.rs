//! Which rows of a wall changed: a bit for each.
//!
//! Whoever changes something puts a mark on its row; whoever tells others of changes takes all marks off at once and looks at those rows
//! only.
//!
//! The catch is a change just while marks are taken. A mark is put after the change and whether it is there already or not: so
//! either it is taken and the change is seen, or it is there the next time.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Release},
};

const BITS: usize = u64::BITS as usize;

/// Marks that all workers put.
pub(crate) struct Marks(Box<[AtomicU64]>);

/// Marks that one owner works off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rows(Vec<u64>);

impl Marks {
    /// No mark on any of so many rows.
    pub fn of(rows: usize) -> Self {
        Marks((0..rows.div_ceil(BITS)).map(|_| AtomicU64::new(0)).collect())
    }

    /// Puts one.
    pub fn put(&self, row: usize) {
        self.0[row / BITS].fetch_or(1 << (row % BITS), Release);
    }

    /// Takes all of them.
    pub fn take(&self) -> Rows {
        Rows(self.0.iter().map(|word| word.swap(0, Acquire)).collect())
    }
}

impl Rows {
    /// None of so many.
    pub fn none(rows: usize) -> Self {
        Rows(vec![0; rows.div_ceil(BITS)])
    }

    /// All of so many.
    pub fn all(rows: usize) -> Self {
        let mut all = Rows::none(rows);
        (0..rows).for_each(|row| all.set(row));
        all
    }

    /// These too.
    pub fn add(&mut self, more: &Rows) {
        for (own, other) in self.0.iter_mut().zip(&more.0) {
            *own |= other;
        }
    }

    /// This one too.
    pub fn set(&mut self, row: usize) {
        self.0[row / BITS] |= 1 << (row % BITS);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Takes out the next one from `from` on, beginning anew after the last.
    pub fn pop_from(&mut self, from: usize) -> Option<usize> {
        let words = self.0.len();
        let (first, bit) = ((from / BITS) % words, from % BITS);
        // The first word is looked at twice: behind the place where it begins, and last before it.
        (0..=words).find_map(|step| {
            let at = (first + step) % words;
            let mask = match step {
                0 => u64::MAX << bit,
                _ if step == words => !(u64::MAX << bit),
                _ => u64::MAX,
            };
            let found = self.0[at] & mask;
            (found != 0).then(|| {
                let bit = found.trailing_zeros() as usize;
                self.0[at] &= !(1 << bit);
                at * BITS + bit
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_taken_once_and_rows_go_round() {
        let marks = Marks::of(200);
        [3, 64, 199, 3].into_iter().for_each(|row| marks.put(row));
        let mut rows = marks.take();
        assert!(marks.take().is_empty());
        let mut order = Vec::new();
        let mut from = 65;
        while let Some(row) = rows.pop_from(from) {
            order.push(row);
            from = row + 1;
        }
        assert_eq!(order, [199, 3, 64]);
        assert!(rows.is_empty());
    }

    #[test]
    fn all_rows_are_as_many_as_there_are() {
        let mut rows = Rows::all(130);
        let mut count = 0;
        while rows.pop_from(count).is_some() {
            count += 1;
        }
        assert_eq!(count, 130);
    }
}
