//! Which frames get through.
//!
//! Machines are numbered from 0 here; the driver's house is not a machine and nothing here ever concerns it.

use std::{collections::BTreeMap, time::Duration};

/// What happens to frames of one direction between two machines.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Link {
    /// Share of frames that vanish, 0 to 1.
    pub loss: f64,
    /// How long the others take.
    pub delay: Duration,
    /// By how much more, at most; drawn for each frame, so that frames overtake each other.
    pub jitter: Duration,
}

impl Link {
    /// Nothing gets through.
    pub const CUT: Link = Link {
        loss: 1.0,
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
    };
}

/// Faulty links by sender and receiver. Links not in it are fine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules(BTreeMap<(usize, usize), Link>);

impl Rules {
    /// How frames from one machine to another fare.
    pub fn link(&self, from: usize, to: usize) -> Option<Link> {
        self.0.get(&(from, to)).copied()
    }

    /// Whether everything gets through.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nobody of one group hears anybody of another.
    pub fn split(groups: &[&[usize]]) -> Rules {
        let mut rules = Rules::default();
        for (at, group) in groups.iter().enumerate() {
            for other in groups
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != at)
                .map(|(_, group)| *group)
            {
                for from in *group {
                    for to in other {
                        rules.0.insert((*from, *to), Link::CUT);
                    }
                }
            }
        }
        rules
    }

    /// The others do not hear `from`, but it hears them.
    pub fn mute(from: usize, others: &[usize]) -> Rules {
        Rules(others.iter().map(|to| ((from, *to), Link::CUT)).collect())
    }

    /// `to` does not hear the others, but they hear it.
    pub fn deafen(to: usize, others: &[usize]) -> Rules {
        Rules(others.iter().map(|from| ((*from, to), Link::CUT)).collect())
    }

    /// Everybody is connected to a majority, both ways, and no two to the same one: a ring in which each machine reaches its nearest
    /// neighbours. Three machines are too few for that; then two of them lose each other and both keep the third.
    pub fn majority_ring(machines: &[usize]) -> Rules {
        let count = machines.len();
        let reach = (count / 2).div_ceil(2);
        let mut rules = Rules::default();
        for (at, from) in machines.iter().enumerate() {
            for (other, to) in machines.iter().enumerate() {
                let apart = at.abs_diff(other).min(count - at.abs_diff(other));
                let is_far = if count <= 3 {
                    at.max(other) == 1 && at != other
                } else {
                    apart > reach
                };
                if is_far {
                    rules.0.insert((*from, *to), Link::CUT);
                }
            }
        }
        rules
    }

    /// All links between these machines fare like this.
    pub fn all(machines: &[usize], link: Link) -> Rules {
        let mut rules = Rules::default();
        for from in machines {
            for to in machines.iter().filter(|to| *to != from) {
                rules.0.insert((*from, *to), link);
            }
        }
        rules
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hears(rules: &Rules, to: usize, from: usize) -> bool {
        rules.link(from, to).is_none()
    }

    #[test]
    fn a_split_cuts_both_ways_and_only_between_groups() {
        let rules = Rules::split(&[&[0, 1], &[2]]);
        assert!(hears(&rules, 0, 1) && hears(&rules, 1, 0));
        assert!(!hears(&rules, 0, 2) && !hears(&rules, 2, 0) && !hears(&rules, 1, 2) && !hears(&rules, 2, 1));
    }

    #[test]
    fn a_mute_machine_still_hears_and_a_deaf_one_is_still_heard() {
        let rules = Rules::mute(0, &[1, 2]);
        assert!(hears(&rules, 0, 1) && !hears(&rules, 1, 0));
        let rules = Rules::deafen(0, &[1, 2]);
        assert!(!hears(&rules, 0, 1) && hears(&rules, 1, 0));
    }

    #[test]
    fn in_a_majority_ring_everybody_reaches_a_majority_and_not_all() {
        for count in [3, 5, 7] {
            let machines: Vec<usize> = (0..count).collect();
            let rules = Rules::majority_ring(&machines);
            let reached = |to: usize| -> Vec<usize> {
                let both = |from: &usize| hears(&rules, to, *from) && hears(&rules, *from, to);
                machines
                    .iter()
                    .copied()
                    .filter(|from| *from == to || both(from))
                    .collect()
            };
            assert!(machines.iter().any(|one| reached(*one).len() < count));
            for one in 0..count {
                assert!(
                    reached(one).len() > count / 2,
                    "{count}: {one} reaches {:?}",
                    reached(one)
                );
                assert!(count == 3 || (0..one).all(|other| reached(one) != reached(other)));
            }
        }
    }
}
