//! Answers are kept long enough for retries, and not for ever.

use crate::history::saying;
use std::cell::RefCell;
use troop_txn::{
    Image, ImageError, Outcome, Overlay, Revision, Table, Txn,
    image::{MemoryImage, Pair},
    machine::{self, SESSION_WINDOW_ENTRIES},
};

fn apply(image: &mut MemoryImage, index: u64, txn: &Txn) -> Outcome {
    let mut batch = Overlay::new(image);
    let outcome = machine::apply(&mut batch, index, txn).unwrap();
    let changes = batch.into_changes();
    image.write(changes);
    outcome
}

fn applied(index: u64) -> Outcome {
    Outcome::Applied(Revision::new(index))
}

fn kept(image: &MemoryImage) -> usize {
    image.scan(Table::Sessions, &[], None, usize::MAX).unwrap().len()
}

#[test]
fn an_answer_lives_for_the_window_and_ends_with_it() {
    let mut image = MemoryImage::default();
    let first = saying(1, "first");
    assert_eq!(apply(&mut image, 1, &first), applied(1));
    // The last entry within the window: the answer is still there.
    apply(&mut image, SESSION_WINDOW_ENTRIES, &saying(2, "second"));
    assert_eq!(apply(&mut image, SESSION_WINDOW_ENTRIES, &first), applied(1));
    // The first one beyond it takes the answer away; the same request then counts as a new one.
    let beyond = SESSION_WINDOW_ENTRIES + 1;
    apply(&mut image, beyond, &saying(3, "third"));
    assert_eq!(apply(&mut image, beyond + 1, &first), applied(beyond + 1));
}

#[test]
fn the_table_of_answers_does_not_grow_beyond_what_the_window_holds() {
    let mut image = MemoryImage::default();
    let gap = SESSION_WINDOW_ENTRIES / 10;
    for step in 1..=50 {
        apply(&mut image, step * gap, &saying(step, "word"));
        // Two rows per answer: by request and by age.
        assert!(kept(&image) <= 2 * 10, "{} rows at step {step}", kept(&image));
    }
}

#[test]
fn a_backlog_of_old_answers_is_worked_off_a_few_at_a_time() {
    let mut image = MemoryImage::default();
    for index in 1..=9 {
        apply(&mut image, index, &saying(index, "word"));
    }
    let mut counts = Vec::new();
    for step in 0..3 {
        let index = 3 * SESSION_WINDOW_ENTRIES + step;
        apply(&mut image, index, &saying(100 + step, "word"));
        counts.push(kept(&image) / 2);
    }
    assert_eq!(counts, [6, 3, 3]);
}

/// Notes after which key each scan for old answers begins.
struct Watched<'a> {
    image: &'a MemoryImage,
    scans: RefCell<Vec<Option<Vec<u8>>>>,
}

impl Image for Watched<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<bytes::Bytes>, ImageError> {
        self.image.get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, ImageError> {
        if table == Table::Sessions {
            self.scans.borrow_mut().push(after.map(<[u8]>::to_vec));
        }
        self.image.scan(table, prefix, after, limit)
    }
}

/// On a disk, forgotten rows are walked over for a long time after.
#[test]
fn what_was_forgotten_before_is_not_looked_at_again() {
    let mut image = MemoryImage::default();
    for index in 1..=9 {
        apply(&mut image, index, &saying(index, "word"));
    }
    let mut begins = Vec::new();
    for step in 1..=4 {
        let index = SESSION_WINDOW_ENTRIES + 2 * step;
        let watched = Watched {
            image: &image,
            scans: RefCell::default(),
        };
        let mut batch = Overlay::new(&watched);
        machine::apply(&mut batch, index, &saying(100 + step, "word")).unwrap();
        let changes = batch.into_changes();
        let scans = watched.scans.take();
        image.write(changes);
        let begin = |after: &Option<Vec<u8>>| after.as_ref().map(|key| *key.last().unwrap());
        begins.extend(scans.iter().map(begin));
    }
    // Two answers end with each entry: the second look begins after the second answer, and so on.
    assert_eq!(begins, [None, Some(2), Some(4), Some(6)]);
}
