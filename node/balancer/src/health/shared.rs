//! One notebook that all workers of a node write into.
//!
//! A peer has one truth per node, not one per worker: the third failure counts as the third, whoever saw the first two. The whole
//! notebook is five small numbers, so it fits into one word of memory, and a report is "compute the next page, swap it in unless
//! somebody was quicker". No lock, and nothing is written when a report changes nothing, which is the usual case: a healthy
//! peer that answers well.

use super::{Limits, PeerHealth, Report, State, Turn};
use std::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Acquire},
};

/// The health of one peer, shared.
#[derive(Debug, Default)]
pub struct SharedHealth(AtomicU64);

impl SharedHealth {
    /// As it is now.
    pub fn load(&self) -> PeerHealth {
        unpack(self.0.load(Acquire))
    }

    /// Notes a report; tells when it made the peer change sides. Of several reporters one is told.
    pub fn report(&self, report: Report, limits: &Limits) -> Option<Turn> {
        self.change(|health| health.report(report, limits))
    }

    /// Puts the peer up or down by hand.
    pub fn set(&self, up: bool) -> Option<Turn> {
        self.change(|health| health.set(up))
    }

    fn change(&self, mut change: impl FnMut(&mut PeerHealth) -> Option<Turn>) -> Option<Turn> {
        let mut seen = self.0.load(Acquire);
        loop {
            let mut health = unpack(seen);
            let turn = change(&mut health);
            let next = pack(&health);
            if next == seen {
                return turn;
            }
            match self.0.compare_exchange_weak(seen, next, AcqRel, Acquire) {
                Ok(_) => return turn,
                Err(newer) => seen = newer,
            }
        }
    }
}

fn pack(health: &PeerHealth) -> u64 {
    let state = match health.state {
        State::Healthy => 0,
        State::MostlyHealthy => 1,
        State::MostlyUnhealthy => 2,
        State::Unhealthy => 3,
    };
    let numbers = [
        state,
        health.successes,
        health.http_failures,
        health.tcp_failures,
        health.timeouts,
    ];
    numbers
        .iter()
        .rev()
        .fold(0, |word, number| word << 8 | u64::from(*number))
}

fn unpack(word: u64) -> PeerHealth {
    let [state, successes, http_failures, tcp_failures, timeouts, ..] = word.to_le_bytes();
    PeerHealth {
        state: match state {
            0 => State::Healthy,
            1 => State::MostlyHealthy,
            2 => State::MostlyUnhealthy,
            _ => State::Unhealthy,
        },
        successes,
        http_failures,
        tcp_failures,
        timeouts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::Arc, thread};

    #[test]
    fn the_word_holds_the_whole_notebook() {
        for state in [
            State::Healthy,
            State::MostlyHealthy,
            State::MostlyUnhealthy,
            State::Unhealthy,
        ] {
            let health = PeerHealth {
                state,
                successes: 1,
                http_failures: 2,
                tcp_failures: 254,
                timeouts: 255,
            };
            assert_eq!(unpack(pack(&health)), health);
        }
        assert_eq!(SharedHealth::default().load(), PeerHealth::default());
    }

    #[test]
    fn reports_of_many_workers_add_up_and_one_of_them_learns_of_the_turn() {
        let health = Arc::new(SharedHealth::default());
        let limits = Limits {
            tcp_failures: 200,
            ..Limits::default()
        };
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let health = Arc::clone(&health);
                thread::spawn(move || {
                    (0..50)
                        .filter_map(|_| health.report(Report::TcpFailure, &limits))
                        .count()
                })
            })
            .collect();
        let turns: usize = workers.into_iter().map(|w| w.join().unwrap()).sum();
        assert_eq!(turns, 1);
        assert!(!health.load().is_up());
        assert_eq!(health.set(true), Some(Turn::CameUp));
        assert_eq!(health.load(), PeerHealth::default());
    }
}
