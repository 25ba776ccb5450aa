//! Weighted round robin.
//!
//! Imagine a clock face with as many marks as the weights add up to (10, 20 and 30 make 6 marks,
//! because a common divisor changes nothing). Each peer owns an arc of marks in proportion to its
//! weight. A full turn of the hand touches every mark exactly once, so a full turn is *exactly*
//! proportional. But the hand does not go mark by mark, which would send a peer its whole share
//! in a row: it leaps, and it leaps by the golden ratio of a turn, because no other leap spreads
//! the visits to an arc more evenly.
//!
//! On a small face such a leap would rarely land on a mark, so there the visits are listed once,
//! in the order in which the golden ratio scatters the marks. A large face needs no list: the
//! leap is rounded to a number of marks that shares no divisor with the face.
//!
//! Kong: a full turn of its wheel is exact, too, but the wheel is a shuffled list with an entry
//! per mark, and weights of 65,535 make a long list.
//!
//! The catch: on a retry the hand may point at a peer that this request has already tried, maybe
//! many times in a row. Then the hand is read on a smaller face on which only untried peers have
//! marks. When all were tried, everybody is asked again.
//! Kong: a retry may meet the same address again; a lone target is tried once per retry.
//!
//! The ring is immutable. Who is down has no marks on it: whoever learns of it builds a new ring.
//! The hand is a [`Cursor`] beside it, so that a rebuilt ring goes on where the old one stopped.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::peer::PeerId;

/// Faces up to this many marks have their visits listed: 4 KiB, and beyond it a rounded leap is
/// within a few percent of the golden one.
const LISTED_MARKS_MAX: u64 = 1024;

/// Peers on a wheel, each with an arc in proportion to its weight.
#[derive(Debug, Clone, Default)]
pub struct Ring {
    /// Where the arc of each peer ends; the arc begins where the one before ends.
    ends: Vec<u64>,
    walk: Walk,
}

/// In which order the hand visits the marks.
#[derive(Debug, Clone)]
enum Walk {
    /// Mark after mark as listed.
    Listed(Box<[u32]>),
    /// Always the same number of marks ahead.
    Leaping { leap: u64, marks: u64 },
}

impl Default for Walk {
    fn default() -> Self {
        Walk::of(0)
    }
}

/// Counts picks and remembers the last one. Shared by all who pick; costs one atomic addition.
#[derive(Debug, Default)]
pub struct Cursor {
    picks: AtomicU64,
    last: AtomicUsize,
}

impl Cursor {
    /// A cursor whose first pick is the one a fresh cursor would make after `picks` others.
    /// Nodes start at different places, lest all of them send their first request to one peer.
    pub fn starting_at(picks: u64) -> Self {
        Cursor {
            picks: AtomicU64::new(picks),
            last: AtomicUsize::new(0),
        }
    }

    fn next(&self) -> u64 {
        self.picks.fetch_add(1, Ordering::Relaxed)
    }

    /// Whom [`Cursor::note`] was told last, if anybody.
    pub(crate) fn last(&self) -> Option<PeerId> {
        self.last.load(Ordering::Relaxed).checked_sub(1).map(PeerId)
    }

    /// Remembers a pick for whoever does not want the same peer twice in a row.
    pub(crate) fn note(&self, id: PeerId) {
        self.last.store(id.0 + 1, Ordering::Relaxed);
    }
}

impl Ring {
    /// Builds a ring of peers with these weights. Peers of weight 0 keep their number, and are never picked.
    pub fn new(weights: &[u32]) -> Self {
        let divisor = weights
            .iter()
            .fold(0, |divisor, weight| gcd(divisor, u64::from(*weight)))
            .max(1);
        let arcs = weights.iter().map(|weight| u64::from(*weight) / divisor);
        let ends: Vec<u64> = arcs.scan(0, |end, arc| Some(add(end, arc))).collect();
        let walk = Walk::of(ends.last().copied().unwrap_or(0));
        Ring { ends, walk }
    }

    /// Whether there is nobody to pick.
    pub fn is_empty(&self) -> bool {
        self.marks() == 0
    }

    /// The next peer, by preference one that is not among `tried`; `None` when no peer has weight.
    pub fn pick(&self, cursor: &Cursor, tried: &[PeerId]) -> Option<PeerId> {
        let mark = self.walk.mark(cursor)?;
        let first = self.owner(mark);
        if tried.contains(&first) {
            Some(self.owner_among_untried(mark, tried).unwrap_or(first))
        } else {
            Some(first)
        }
    }

    /// How many marks the face has: the weights without their common divisor.
    fn marks(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    fn owner(&self, mark: u64) -> PeerId {
        PeerId(self.ends.partition_point(|end| *end <= mark))
    }

    /// Reads the mark on a face without the tried peers.
    fn owner_among_untried(&self, mark: u64, tried: &[PeerId]) -> Option<PeerId> {
        let untried = || self.arcs().filter(|(id, _)| !tried.contains(id));
        let marks: u64 = untried().map(|(_, arc)| arc).sum();
        let mut left = mark.checked_rem(marks)?;
        untried().find_map(|(id, arc)| {
            if left < arc {
                return Some(id);
            }
            left -= arc;
            None
        })
    }

    fn arcs(&self) -> impl Iterator<Item = (PeerId, u64)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        self.ends
            .iter()
            .zip(starts)
            .enumerate()
            .map(|(at, (end, start))| (PeerId(at), end - start))
    }
}

impl Walk {
    fn of(marks: u64) -> Self {
        match u32::try_from(marks) {
            Ok(few) if marks <= LISTED_MARKS_MAX => Walk::Listed(scattered(few)),
            _ => Walk::Leaping {
                leap: golden_leap(marks),
                marks,
            },
        }
    }

    /// The next mark; `None` on a face without marks.
    fn mark(&self, cursor: &Cursor) -> Option<u64> {
        match self {
            Walk::Listed(visits) => {
                let at = cursor.next().checked_rem(visits.len() as u64)?;
                visits.get(usize::try_from(at).ok()?).copied().map(u64::from)
            }
            Walk::Leaping { leap, marks } => {
                let far = u128::from(cursor.next() % marks) * u128::from(*leap) % u128::from(*marks);
                u64::try_from(far).ok()
            }
        }
    }
}

/// All marks, in the order of the fractions of their multiples of the golden ratio.
fn scattered(marks: u32) -> Box<[u32]> {
    const GOLDEN_RATIO_OF_2_POW_64: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut visits: Box<[u32]> = (0..marks).collect();
    visits.sort_by_key(|mark| u64::from(*mark).wrapping_mul(GOLDEN_RATIO_OF_2_POW_64));
    visits
}

/// The first leap from 0.618 of a turn on that shares no divisor with the face.
fn golden_leap(marks: u64) -> u64 {
    const PER_MILLION: u128 = 618_034;
    let golden = u128::from(marks) * PER_MILLION / 1_000_000;
    let golden = u64::try_from(golden).expect("invariant: a fraction of a 64-bit number fits");
    (golden..).find(|leap| gcd(*leap, marks) == 1).unwrap_or(1)
}

fn add(sum: &mut u64, more: u64) -> u64 {
    *sum += more;
    *sum
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn ring(weights: &[u32]) -> Ring {
        Ring::new(weights)
    }

    fn picks(ring: &Ring, cursor: &Cursor, count: u64) -> Vec<usize> {
        (0..count).map(|_| ring.pick(cursor, &[]).unwrap().0).collect()
    }

    fn counts(picks: &[usize]) -> HashMap<usize, u64> {
        let mut counts = HashMap::new();
        picks
            .iter()
            .for_each(|pick| *counts.entry(*pick).or_default() += 1);
        counts
    }

    #[test]
    fn the_face_has_as_many_marks_as_the_reduced_weights() {
        for (weights, marks) in [
            (&[10, 20, 30][..], 6),
            (&[100, 100], 2),
            (&[100, 0], 1),
            (&[100, 99], 199),
        ] {
            assert_eq!(ring(weights).marks(), marks, "{weights:?}");
        }
    }

    #[test]
    fn equal_weights_alternate() {
        assert_eq!(picks(&ring(&[100, 100]), &Cursor::default(), 4), [0, 1, 0, 1]);
        let thirds = picks(&ring(&[7, 7, 7]), &Cursor::default(), 3);
        assert_eq!(counts(&thirds).len(), 3);
    }

    #[test]
    fn a_heavy_peer_does_not_get_its_whole_share_in_a_row() {
        let picks = picks(&ring(&[50, 50, 100]), &Cursor::default(), 400);
        let longest = picks.chunk_by(|a, b| a == b).map(<[usize]>::len).max();
        assert!(longest <= Some(2), "{longest:?}");
    }

    #[test]
    fn a_small_face_is_scattered_too() {
        assert_eq!(
            picks(&ring(&[10, 20, 30]), &Cursor::default(), 6),
            [0, 2, 1, 2, 1, 2]
        );
        assert_eq!(
            picks(&ring(&[5, 1, 1]), &Cursor::default(), 7),
            [0, 1, 0, 0, 0, 2, 0]
        );
    }

    #[test]
    fn a_large_face_is_exact_and_scattered_without_a_list() {
        let ring = ring(&[1009, 2003]);
        assert!(matches!(ring.walk, Walk::Leaping { .. }));
        let picks = picks(&ring, &Cursor::default(), 3012);
        assert_eq!(counts(&picks), HashMap::from([(0, 1009), (1, 2003)]));
        let longest = picks.chunk_by(|a, b| a == b).map(<[usize]>::len).max();
        assert!(longest <= Some(4), "{longest:?}");
    }

    #[test]
    fn a_ring_without_weight_picks_nobody() {
        assert!(ring(&[]).pick(&Cursor::default(), &[]).is_none());
        assert!(ring(&[0, 0]).pick(&Cursor::default(), &[]).is_none());
        assert!(ring(&[0]).is_empty());
    }

    #[test]
    fn a_retry_goes_to_a_peer_that_was_not_tried() {
        let ring = ring(&[1, 0, 5, 1000]);
        let cursor = Cursor::starting_at(3);
        let mut tried = Vec::new();
        for _ in 0..3 {
            tried.push(ring.pick(&cursor, &tried).unwrap());
        }
        tried.sort();
        assert_eq!(tried, [PeerId(0), PeerId(2), PeerId(3)]);
    }

    #[test]
    fn when_all_were_tried_everybody_is_asked_again() {
        let ring = ring(&[100]);
        assert_eq!(ring.pick(&Cursor::default(), &[PeerId(0)]), Some(PeerId(0)));
    }

    #[test]
    fn the_largest_weights_neither_overflow_nor_cost_memory() {
        let ring = ring(&[u32::MAX, u32::MAX - 1, 1]);
        let cursor = Cursor::starting_at(u64::MAX - 1);
        assert_eq!(picks(&ring, &cursor, 4).len(), 4);
    }

    proptest! {
        #[test]
        fn every_full_turn_is_exactly_proportional(
            weights in proptest::collection::vec(0_u32..40, 1..6),
            start in any::<u32>(),
        ) {
            let ring = ring(&weights);
            let marks = ring.marks();
            prop_assume!(marks > 0);
            let counts = counts(&picks(&ring, &Cursor::starting_at(start.into()), marks));
            let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
            for (at, weight) in weights.iter().enumerate() {
                let expected = u64::from(*weight) * marks / total;
                prop_assert_eq!(counts.get(&at).copied().unwrap_or(0), expected);
            }
        }

        #[test]
        fn retries_meet_every_peer_with_weight_before_any_twice(
            weights in proptest::collection::vec(0_u32..40, 1..6),
            start in any::<u32>(),
        ) {
            let ring = ring(&weights);
            let cursor = Cursor::starting_at(start.into());
            let mut tried = Vec::new();
            for _ in weights.iter().filter(|weight| **weight > 0) {
                let id = ring.pick(&cursor, &tried).expect("someone has weight");
                prop_assert!(!tried.contains(&id));
                tried.push(id);
            }
        }
    }
}
