//! Which accidents happen, in which order and for how long: a function of the seed.
//!
//! A deck of cards with every promised accident in it once, shuffled and dealt to the end, then shuffled again. So each happens before
//! any happens twice, and one number gives the same deal again. A kind that is promised twice is in the deck twice. Some cards are
//! dealt with a second one on top, which happens while the first lasts.

use super::Kind;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use std::time::Duration;

/// How long an accident lasts, in milliseconds: from shorter than an election to several of them.
const HOLD_MS: std::ops::RangeInclusive<u64> = 500..=4_500;
/// How long a machine stands still, in milliseconds: up to many elections, leases and deadlines.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 1_000..=20_000;
/// Peace between two accidents, in milliseconds. Clients must get something done, else the checkers see nothing.
const GAP_MS: std::ops::RangeInclusive<u64> = 500..=1_500;
/// How often a second accident falls into a first one.
const DOUBLE: f64 = 0.25;

/// One card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What happens.
    pub kind: Kind,
    /// What happens half-way through it, too.
    pub also: Option<Kind>,
    /// Draws who is hit.
    pub pick: u64,
    /// How long it lasts.
    pub hold: Duration,
    /// Peace afterwards, counted from when all is well again.
    pub gap: Duration,
}

/// The deal: never ends.
#[derive(Debug)]
pub struct Schedule {
    random: StdRng,
    kinds: Vec<Kind>,
    deck: Vec<Kind>,
}

impl Schedule {
    /// The deal of this seed with these kinds, each of which is in the deck as often as it is named.
    pub fn new(seed: u64, kinds: &[Kind]) -> Self {
        let mut kinds = kinds.to_vec();
        kinds.sort_unstable();
        Schedule {
            random: StdRng::seed_from_u64(seed),
            kinds,
            deck: Vec::new(),
        }
    }

    fn also(&mut self, kind: Kind) -> Option<Kind> {
        let others: Vec<Kind> = self
            .kinds
            .iter()
            .copied()
            .filter(|other| goes_with(kind, *other))
            .collect();
        // Drawn in any case: the rest of the deal must not depend on what is in the deck.
        let (doubled, at) = (
            self.random.random_bool(DOUBLE),
            self.random.random::<u32>() as usize,
        );
        (doubled && !others.is_empty()).then(|| others[at % others.len()])
    }
}

/// A membership change needs its quorum, and two cuts of one network are one cut.
fn goes_with(one: Kind, other: Kind) -> bool {
    let changes_members = one.is_membership() || other.is_membership();
    let cuts_twice = one.is_on_network() && other.is_on_network();
    one != other && !changes_members && !cuts_twice
}

fn hold_ms(kind: Kind) -> std::ops::RangeInclusive<u64> {
    if kind.is_pause() { PAUSE_MS } else { HOLD_MS }
}

impl Iterator for Schedule {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if self.deck.is_empty() {
            self.deck = self.kinds.clone();
            self.deck.shuffle(&mut self.random);
        }
        let kind = self.deck.pop()?;
        Some(Step {
            kind,
            also: self.also(kind),
            pick: self.random.random(),
            hold: Duration::from_millis(self.random.random_range(hold_ms(kind))),
            gap: Duration::from_millis(self.random.random_range(GAP_MS)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::KINDS;
    use std::collections::BTreeSet;

    fn all() -> Vec<Kind> {
        KINDS.iter().map(|entry| entry.kind).collect()
    }

    #[test]
    fn one_seed_is_one_schedule() {
        let deal = |seed| Schedule::new(seed, &all()).take(100).collect::<Vec<_>>();
        assert_eq!(deal(7), deal(7));
        assert_ne!(deal(7), deal(8));
    }

    #[test]
    fn every_kind_happens_before_any_happens_twice() {
        let steps: Vec<Step> = Schedule::new(3, &all()).take(KINDS.len() * 3).collect();
        for round in steps.chunks(KINDS.len()) {
            let kinds: BTreeSet<Kind> = round.iter().map(|step| step.kind).collect();
            assert_eq!(kinds.len(), KINDS.len());
        }
    }

    #[test]
    fn a_kind_named_twice_happens_twice_as_often() {
        let steps = Schedule::new(3, &[Kind::KillOne, Kind::PauseLeader, Kind::PauseLeader]).take(30);
        assert_eq!(steps.filter(|step| step.kind == Kind::PauseLeader).count(), 20);
    }

    #[test]
    fn a_membership_change_is_never_doubled() {
        for step in Schedule::new(1, &all()).take(1_000) {
            assert!(
                step.also.is_none_or(|also| goes_with(step.kind, also)),
                "{step:?}"
            );
        }
    }

    #[test]
    fn without_kinds_nothing_happens() {
        assert_eq!(Schedule::new(1, &[]).next(), None);
    }
}
