//! Who is chosen, and who is left out.

use super::*;
use crate::{
    circle::hash_key,
    health::{Limits, Report},
    target::Target,
};

fn peers(weights: &[u32]) -> Vec<Peer> {
    let peer = |(at, weight): (usize, &u32)| {
        let text = format!("10.0.0.{}:80", at + 1);
        Peer {
            target: Arc::new(Target::parse(&text).unwrap()),
            address: text.parse().unwrap(),
            weight: *weight,
            alias: None,
        }
    };
    weights.iter().enumerate().map(peer).collect()
}

fn rule(algorithm: Algorithm) -> Rule {
    Rule {
        algorithm,
        threshold: 0.0,
        checks: true,
        targets: 3,
    }
}

const ALL: [Algorithm; 4] = [
    Algorithm::RoundRobin,
    Algorithm::ConsistentHashing { slots: 1000 },
    Algorithm::LeastConnections,
    Algorithm::Latency,
];

fn ask(tried: &[PeerId]) -> Ask<'_> {
    Ask {
        hash: hash_key(b"a"),
        tried,
        now_ms: 0,
    }
}

fn down(rota: &Rota, at: usize) -> Rota {
    rota.seats()[at].vitals.health.set(false);
    rota.refreshed()
}

#[test]
fn a_peer_that_is_down_is_picked_by_nobody() {
    for algorithm in ALL {
        let rota = Rota::new(peers(&[100, 100, 100]), rule(algorithm), None);
        let rota = down(&down(&rota, 0), 2);
        let cursor = Cursor::default();
        for _ in 0..10 {
            assert_eq!(rota.pick(&cursor, ask(&[])), Some(PeerId(1)), "{algorithm:?}");
        }
        rota.seats()[1].vitals.health.set(false);
        assert_eq!(rota.refreshed().pick(&cursor, ask(&[])), None, "{algorithm:?}");
    }
}

#[test]
fn a_retry_goes_to_everybody_once_before_it_goes_to_anybody_again() {
    for algorithm in ALL {
        let rota = Rota::new(peers(&[100, 0, 100, 10]), rule(algorithm), None);
        let cursor = Cursor::default();
        let mut tried = Vec::new();
        for _ in 0..3 {
            tried.push(rota.pick(&cursor, ask(&tried)).unwrap());
        }
        assert!(rota.pick(&cursor, ask(&tried)).is_some(), "{algorithm:?}");
        tried.sort();
        assert_eq!(tried, [PeerId(0), PeerId(2), PeerId(3)], "{algorithm:?}");
    }
}

#[test]
fn too_little_weight_serves_nobody() {
    for algorithm in ALL {
        let rule = Rule {
            threshold: 50.0,
            ..rule(algorithm)
        };
        let rota = Rota::new(peers(&[100, 100, 100]), rule, None);
        let rota = down(&rota, 0);
        assert!(rota.serves() && rota.pick(&Cursor::default(), ask(&[])).is_some());
        let rota = down(&rota, 1);
        assert!(!rota.serves() && rota.pick(&Cursor::default(), ask(&[])).is_none());
        assert_eq!((rota.capacity().total(), rota.capacity().available()), (300, 100));
    }
}

#[test]
fn charts_move_to_the_next_sheet_and_newcomers_start_healthy() {
    let rota = Rota::new(peers(&[1, 1]), rule(Algorithm::RoundRobin), None);
    let limits = Limits {
        tcp_failures: 1,
        ..Limits::default()
    };
    rota.seats()[1].vitals.health.report(Report::TcpFailure, &limits);
    assert!(rota.is_up(1), "the sheet on the wall does not change");
    let next = Rota::new(peers(&[5, 5, 5]), rule(Algorithm::RoundRobin), Some(&rota));
    assert_eq!([next.is_up(0), next.is_up(1), next.is_up(2)], [true, false, true]);
}

#[test]
fn where_nobody_is_watched_all_are_up() {
    let rota = Rota::new(peers(&[1, 1]), rule(Algorithm::RoundRobin), None);
    let rota = down(&rota, 0);
    let unwatched = Rule {
        checks: false,
        ..rule(Algorithm::RoundRobin)
    };
    let rota = Rota::new(peers(&[1, 1]), unwatched, Some(&rota));
    assert!(rota.is_up(0));
    let again = Rota::new(peers(&[1, 1]), rule(Algorithm::RoundRobin), Some(&rota));
    assert!(again.is_up(0), "what was learnt before does not come back");
}

#[test]
fn the_fewest_exchanges_for_its_weight_win() {
    let rota = Rota::new(peers(&[100, 200]), rule(Algorithm::LeastConnections), None);
    let cursor = Cursor::default();
    let mut held = Vec::new();
    let mut counts = [0, 0];
    for _ in 0..30 {
        let id = rota.pick(&cursor, ask(&[])).unwrap();
        counts[id.0] += 1;
        held.push(rota.seat(id).unwrap().vitals.occupy());
    }
    assert_eq!(counts, [10, 20]);
}

#[test]
fn idle_equals_take_turns() {
    let rota = Rota::new(peers(&[100, 100, 100]), rule(Algorithm::LeastConnections), None);
    let cursor = Cursor::default();
    let picks: Vec<usize> = (0..4).map(|_| rota.pick(&cursor, ask(&[])).unwrap().0).collect();
    assert_eq!(picks, [0, 1, 0, 1]);
}

#[test]
fn the_quickest_wins_until_the_others_are_forgotten() {
    let rota = Rota::new(peers(&[100, 100]), rule(Algorithm::Latency), None);
    rota.seats()[0].vitals.timed(1, 300);
    rota.seats()[1].vitals.timed(1, 20);
    let cursor = Cursor::default();
    let at = |now_ms| {
        let ask = Ask { now_ms, ..ask(&[]) };
        rota.pick(&cursor, ask).unwrap()
    };
    assert_eq!([at(1), at(2), at(3)], [PeerId(1); 3]);
    // The slow one is asked again when its figure has faded below the other's.
    rota.seats()[1].vitals.timed(60_000, 20);
    assert_eq!(at(60_000), PeerId(0));
}

#[test]
fn a_newcomer_is_expected_to_be_as_quick_as_the_others() {
    let rota = Rota::new(peers(&[100, 100]), rule(Algorithm::Latency), None);
    rota.seats()[0].vitals.timed(1, 300);
    rota.seats()[1].vitals.timed(1, 100);
    let next = Rota::new(peers(&[100, 100, 100]), rule(Algorithm::Latency), Some(&rota));
    let pace = next.seats()[2].vitals.pace_now(1);
    assert!((199.0..201.0).contains(&pace), "{pace}");
}
