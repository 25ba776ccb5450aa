//! Nodes that keep a tally, without a network between them.

use super::*;
use crate::limits::counters::Key;

const NOW_S: u64 = 1_000;
const SECRET: u128 = 77;

/// Some nodes and what each carries to the others.
struct Hall {
    tallies: Vec<Arc<Tally>>,
    couriers: Vec<Courier>,
    now: std::time::Instant,
}

impl Hall {
    fn with(nodes: u64) -> Self {
        let tallies: Vec<_> = (0..nodes)
            .map(|node| Arc::new(Tally::new(node, SECRET)))
            .collect();
        Hall {
            couriers: tallies.iter().cloned().map(Courier::new).collect(),
            tallies,
            now: std::time::Instant::now(),
        }
    }

    /// A round of everybody; sheets between nodes that do not `reach` each other are lost.
    fn round(&mut self, reach: impl Fn(usize, usize) -> bool) {
        self.now += ROUND;
        for from in 0..self.tallies.len() {
            let others: Vec<u64> = (0..self.tallies.len() as u64)
                .filter(|to| *to != from as u64)
                .collect();
            self.couriers[from].round(&others, self.now);
            for to in others {
                let courier = &mut self.couriers[from];
                let Some(sheet) = courier.sheet_for(to, NOW_S, self.now) else {
                    continue;
                };
                let reached = reach(from, to as usize);
                let answer = reached.then(|| self.tallies[to as usize].take_in(&sheet, NOW_S));
                match answer.flatten() {
                    Some(answer) => courier.delivered(to, &answer, self.now),
                    None => courier.lost(to),
                }
            }
        }
    }

    /// Counts one, unless the limit is reached by what this node knows; whether it did.
    fn admit(&self, node: usize, about: &str, limit: u32) -> bool {
        let counters = self.tallies[node].counters();
        let key = key(&counters, about);
        let admitted = counters.add(key, 1) <= limit;
        if !admitted {
            counters.take_back(key, 1);
        }
        admitted
    }

    fn known(&self, node: usize, about: &str) -> u32 {
        let counters = self.tallies[node].counters();
        counters.read(key(&counters, about))
    }

    fn restart(&mut self, node: usize) {
        self.tallies[node] = Arc::new(Tally::new(node as u64, SECRET));
        self.couriers[node] = Courier::new(Arc::clone(&self.tallies[node]));
    }
}

fn key(counters: &Counters, about: &str) -> Key {
    use std::hash::Hasher;
    Key {
        name: Key::named(&counters.begin_name(|name| name.write(about.as_bytes()))),
        window: NOW_S,
        ends_s: NOW_S + 60,
    }
}

#[test]
fn after_a_round_everybody_knows_the_sum() {
    let mut hall = Hall::with(3);
    for (node, times) in [(0, 3), (1, 2), (2, 1)] {
        (0..times).for_each(|_| assert!(hall.admit(node, "a", 100)));
    }
    hall.round(|_, _| true);
    assert_eq!([0, 1, 2].map(|node| hall.known(node, "a")), [6, 6, 6]);
    // Told again without news, nothing grows.
    (0..20).for_each(|_| hall.round(|_, _| true));
    assert_eq!([0, 1, 2].map(|node| hall.known(node, "a")), [6, 6, 6]);
}

/// The bound of the module's text, for every pace: the limit, and what the other nodes admit between two rounds.
#[test]
fn no_more_pass_than_the_limit_and_what_the_others_admit_within_a_round() {
    for (nodes, pace, limit) in [(3, 1, 20), (3, 7, 20), (5, 4, 33), (2, 50, 10)] {
        let mut hall = Hall::with(nodes);
        let mut admitted = 0;
        for _ in 0..40 {
            for node in 0..nodes as usize {
                admitted += (0..pace).filter(|_| hall.admit(node, "a", limit)).count() as u32;
            }
            hall.round(|_, _| true);
        }
        let bound = (limit + (nodes as u32 - 1) * pace).min(limit * nodes as u32);
        assert!(
            admitted >= limit && admitted <= bound,
            "{nodes} nodes at {pace} a round admitted {admitted} of {limit}, and may {bound}"
        );
    }
}

#[test]
fn what_is_lost_is_told_again() {
    let mut hall = Hall::with(3);
    (0..5).for_each(|_| assert!(hall.admit(0, "a", 100)));
    (0..10).for_each(|_| hall.round(|from, to| from != 0 && to != 0));
    assert_eq!([0, 1, 2].map(|node| hall.known(node, "a")), [5, 0, 0]);
    hall.round(|_, _| true);
    assert_eq!([0, 1, 2].map(|node| hall.known(node, "a")), [5, 5, 5]);
}

#[test]
fn a_node_that_hears_no_majority_knows_that_it_is_cut_off_and_counts_on() {
    let mut hall = Hall::with(3);
    (0..40).for_each(|_| hall.round(|_, _| true));
    assert!(!hall.tallies[0].is_cut_off());
    (0..40).for_each(|_| hall.round(|from, to| from != 0 && to != 0));
    assert_eq!(
        [0, 1, 2].map(|node| hall.tallies[node].is_cut_off()),
        [true, false, false]
    );
    let passed = (0..9).filter(|_| hall.admit(0, "a", 4)).count();
    assert_eq!(passed, 4);
    (0..20).for_each(|_| hall.round(|_, _| true));
    assert!(!hall.tallies[0].is_cut_off());
}

#[test]
fn a_node_that_starts_anew_learns_what_the_others_counted_and_they_do_not_forget_it() {
    let mut hall = Hall::with(3);
    for (node, times) in [(0, 4), (1, 2)] {
        (0..times).for_each(|_| assert!(hall.admit(node, "a", 100)));
    }
    hall.round(|_, _| true);
    hall.restart(0);
    (0..20).for_each(|_| hall.round(|_, _| true));
    assert_eq!([0, 1, 2].map(|node| hall.known(node, "a")), [2, 6, 6]);
    assert!(hall.admit(0, "a", 100));
    hall.round(|_, _| true);
    assert_eq!([0, 1, 2].map(|node| hall.known(node, "a")), [3, 7, 7]);
}

#[test]
fn more_counts_than_fit_on_a_sheet_are_all_told_in_turn() {
    const NAMES: usize = 3 * sheet::COUNTS_MAX;
    let mut hall = Hall::with(2);
    let names: Vec<String> = (0..NAMES).map(|n| n.to_string()).collect();
    for name in &names {
        assert!(hall.admit(0, name, 1));
    }
    let mut rounds = 0;
    while names.iter().any(|name| hall.known(1, name) == 0) {
        hall.round(|_, _| true);
        rounds += 1;
        assert!(rounds <= 4, "a sheet holds {}", sheet::COUNTS_MAX);
    }
    assert!(rounds > 1);
}
