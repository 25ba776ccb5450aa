//! Places, cards and walks, against figures worked out from Kong's rules.

use super::*;
use crate::target::Target;
use std::sync::Arc;

/// Peers of targets that are addresses.
fn peers(of: &[(&str, u32)]) -> Vec<Peer> {
    let peer = |(address, weight): &(&str, u32)| Peer {
        target: Arc::new(Target::parse(address).unwrap()),
        address: address.parse().unwrap(),
        weight: *weight,
        alias: None,
    };
    of.iter().map(peer).collect()
}

fn circle(of: &[(&str, u32)], slots: u32) -> Circle {
    Circle::new(&peers(of), slots, of.len())
}

const TWO: [(&str, u32); 2] = [("10.0.0.1:80", 100), ("10.0.0.2:80", 100)];
const THREE: [(&str, u32); 3] = [("10.0.0.1:80", 100), ("10.0.0.2:80", 50), ("10.0.0.3:8080", 10)];

#[test]
fn keys_are_hashed_with_the_unsigned_32_bit_hash() {
    for (key, hash, of_1000, of_10000) in [
        ("", 46_947_589, 590, 7590),
        ("a", 1_426_945_110, 111, 5111),
        ("abc", 852_579_327, 328, 9328),
        ("hello", 4_211_111_929, 930, 1930),
        ("192.168.1.10", 2_523_577_557, 558, 7558),
        ("10.0.0.1::80 1", 1_053_262_915, 916, 2916),
        ("10.0.0.1::80 160", 109_744_030, 31, 4031),
        ("the quick brown fox jumps over", 1_130_745_746, 747, 5747),
    ] {
        assert_eq!(hash_key(key.as_bytes()), hash, "{key}");
        assert_eq!(place(hash, 1000), of_1000, "{key}");
        assert_eq!(place(hash, 10_000), of_10000, "{key}");
    }
}

#[test]
fn everybody_lays_as_many_cards_as_its_weight_deserves() {
    for (of, slots, expected) in [
        (&TWO[..], 1000, &[160, 160][..]),
        (&TWO, 10_000, &[160, 160]),
        (&THREE, 1000, &[300, 150, 30]),
    ] {
        let circle = circle(of, slots);
        let count = |at| circle.cards.iter().filter(|(_, id)| *id == PeerId(at)).count();
        let counts: Vec<usize> = (0..of.len()).map(count).collect();
        assert_eq!(counts, expected, "{slots} places");
    }
}

/// Keys, the place where each walk ends, and whose card lies there.
fn check(circle: &Circle, walks: &[(&str, u32, usize)]) {
    for (key, end, owner) in walks {
        let hash = hash_key(key.as_bytes());
        assert_eq!(circle.find(hash, |_| true), Some(PeerId(*owner)), "{key}");
        assert!(
            circle.cards.contains(&(*end, PeerId(*owner))),
            "{key}: no such card at {end}"
        );
    }
}

#[test]
fn a_walk_ends_where_kongs_does() {
    check(
        &circle(&TWO, 1000),
        &[
            ("", 587, 0),
            ("a", 111, 1),
            ("hello", 929, 0),
            ("192.168.1.10", 558, 0),
            ("/path", 804, 1),
            ("0", 169, 1),
            ("1", 187, 1),
            ("2", 897, 1),
            ("user-42", 645, 1),
        ],
    );
    check(
        &circle(&TWO, 10_000),
        &[
            ("", 7540, 1),
            ("a", 5109, 0),
            ("hello", 1907, 0),
            ("192.168.1.10", 7540, 1),
            ("/path", 3803, 0),
            ("0", 1169, 1),
            ("1", 1169, 1),
            ("2", 2877, 1),
            ("user-42", 3640, 1),
        ],
    );
    check(
        &circle(&THREE, 10_000),
        &[
            ("", 7541, 0),
            ("a", 5109, 0),
            ("hello", 1907, 0),
            ("192.168.1.10", 7541, 0),
            ("/path", 3804, 2),
            ("0", 1169, 1),
            ("1", 1169, 1),
            ("2", 2877, 1),
            ("user-42", 3640, 1),
        ],
    );
}

#[test]
fn fewer_than_a_thousand_places_become_a_thousand() {
    assert_eq!(circle(&TWO, 10).places, 1000);
}

#[test]
fn the_order_in_which_peers_are_given_changes_nothing() {
    let (forth, back) = (circle(&TWO, 1000), circle(&[TWO[1], TWO[0]], 1000));
    for key in 0..1000_u32 {
        let hash = hash_key(&key.to_be_bytes());
        let (a, b) = (forth.find(hash, |_| true), back.find(hash, |_| true));
        assert_eq!(a.map(|id| id.0), b.map(|id| 1 - id.0));
    }
}

#[test]
fn only_the_keys_of_a_peer_that_left_move() {
    let circle = circle(&THREE, 10_000);
    for key in 0..1000_u32 {
        let hash = hash_key(&key.to_be_bytes());
        let before = circle.find(hash, |_| true).unwrap();
        let after = circle.find(hash, |id| id != PeerId(1)).unwrap();
        assert!(after != PeerId(1) && (before == PeerId(1) || after == before));
    }
}

#[test]
fn a_peer_without_weight_lays_no_card_and_a_light_one_lays_one() {
    let circle = circle(
        &[("10.0.0.1:80", 0), ("10.0.0.2:80", 65_535), ("[::1]:80", 1)],
        10_000,
    );
    let count = |at| circle.cards.iter().filter(|(_, id)| *id == PeerId(at)).count();
    assert_eq!((count(0), count(2)), (0, 1));
    assert_eq!(circle.find(0, |id| id == PeerId(0)), None);
}

#[test]
fn a_table_that_is_too_small_for_all_is_filled_and_no_more() {
    let of: Vec<(String, u32)> = (0..40).map(|at| (format!("10.0.0.{at}:80"), 1)).collect();
    let of: Vec<(&str, u32)> = of.iter().map(|(a, w)| (a.as_str(), *w)).collect();
    let circle = circle(&of, 1000);
    assert!(circle.cards.len() > 900 && circle.cards.len() <= 1000);
}
