//! When the last revisions were applied here.
//!
//! The till roll beside the counter: whoever wants to know how long something took after it was applied tears off the line. Only the end of the
//! roll is kept; nobody asks for what was applied long ago.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};
use troop_txn::Revision;

/// Lines kept: some seconds of the fastest writing.
const KEPT: usize = 1_024;

/// The roll.
#[derive(Default)]
pub struct Moments(Mutex<VecDeque<(Revision, Instant)>>);

impl Moments {
    /// Everything up to this revision is applied now.
    pub fn note(&self, revision: Revision) {
        let mut lines = self.lines();
        if lines.back().is_some_and(|(last, _)| *last >= revision) {
            return;
        }
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back((revision, Instant::now()));
    }

    /// When a revision was applied; none if it is not yet, or too long ago.
    pub fn of(&self, revision: Revision) -> Option<Instant> {
        let lines = self.lines();
        let at = lines.partition_point(|(upto, _)| *upto < revision);
        // What the first line covers may have begun before it.
        let known = at > 0 || lines.front().is_some_and(|(first, _)| *first == revision);
        lines.get(at).filter(|_| known).map(|(_, moment)| *moment)
    }

    fn lines(&self) -> MutexGuard<'_, VecDeque<(Revision, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_was_applied_when_the_first_line_at_or_above_it_was_written() {
        let moments = Moments::default();
        let at = |revision| moments.of(Revision::new(revision));
        assert_eq!(at(1), None);
        moments.note(Revision::new(3));
        assert_eq!((at(2), at(4)), (None, None));
        let third = at(3).expect("a moment");
        moments.note(Revision::new(3));
        moments.note(Revision::new(6));
        assert_eq!(at(3), Some(third));
        assert_eq!(at(4), at(6));
        assert!(at(6).expect("a moment") >= third);
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let moments = Moments::default();
        (1..=KEPT as u64 + 10).for_each(|revision| moments.note(Revision::new(revision)));
        assert_eq!(moments.of(Revision::new(10)), None);
        assert!(moments.of(Revision::new(11)).is_some());
    }
}
