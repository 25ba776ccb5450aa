//! Consistent hashing: the same key finds the same peer, and a change of peers moves few keys.
//!
//! Imagine a round table with numbered places. Every peer lays out name cards at places that follow from a hash of its address,
//! more cards the more weight it has. A key has a place, too; from there one walks downwards until a card lies there. When a peer leaves,
//! only the walks that ended at its cards go on, to the next card; all others end where they did.
//!
//! Kong: places, cards and walk are the same as Kong's, so that a key keeps its peer when a Kong is replaced. That
//! is why the cards read `10.0.0.1::80 1` with two colons, why addresses are hashed and not names, and why a card whose place is taken is
//! laid one number further on instead.
//!
//! The catch: few places and many peers leave no room; then somebody lays fewer cards than its weight deserves.

use crate::peer::{Peer, PeerId};
use std::net::{IpAddr, SocketAddr};
use xxhash_rust::xxh32::xxh32;

/// Kong: with fewer places than this a table is not built; it gets this many.
const PLACES_MIN: u32 = 1_000;

/// Kong: cards per target, if all weigh the same.
const CARDS_PER_TARGET: u64 = 160;

/// The hash of a key: what requests are told apart by.
pub fn hash_key(key: &[u8]) -> u32 {
    xxh32(key, 0)
}

/// A laid table.
#[derive(Debug)]
pub struct Circle {
    places: u32,
    /// Place and owner, by place.
    cards: Box<[(u32, PeerId)]>,
}

impl Circle {
    /// Lays the table. `targets` is how many targets there are, those without weight or address included.
    pub fn new(peers: &[Peer], slots: u32, targets: usize) -> Self {
        let places = slots.max(PLACES_MIN);
        let total: u64 = peers.iter().map(|peer| u64::from(peer.weight)).sum();
        let mut table = vec![None; places as usize + 1];
        for id in in_order(peers) {
            let peer = &peers[id.0];
            let cards = match (u64::from(peer.weight), total) {
                (0, _) | (_, 0) => continue,
                (weight, total) => (weight * targets as u64 * CARDS_PER_TARGET / total).max(1),
            };
            lay(&mut table, places, peer.address, cards, id);
        }
        let cards = (0..).zip(table).filter_map(|(place, id)| Some((place, id?)));
        Circle {
            places,
            cards: cards.collect(),
        }
    }

    /// The owner of the first card, from the hash's place downwards, that `is_wanted`.
    pub fn find(&self, hash: u32, is_wanted: impl Fn(PeerId) -> bool) -> Option<PeerId> {
        let start = place(hash, self.places);
        let below = self.cards.partition_point(|(place, _)| *place <= start);
        let (low, high) = self.cards.split_at(below);
        let mut walk = low.iter().rev().chain(high.iter().rev()).map(|(_, id)| *id);
        walk.find(|id| is_wanted(*id))
    }
}

/// Places are numbered from one.
fn place(hash: u32, places: u32) -> u32 {
    hash % places + 1
}

/// Kong: by target name and port, then by the text of the address. Who comes first finds more places free.
fn in_order(peers: &[Peer]) -> Vec<PeerId> {
    let key = |id: &PeerId| {
        let peer = &peers[id.0];
        let text = format!("{}:{}", text(peer.address.ip()), peer.address.port());
        (peer.target.host().to_owned(), peer.target.port(), text)
    };
    let mut order: Vec<PeerId> = (0..peers.len()).map(PeerId).collect();
    order.sort_by_cached_key(key);
    order
}

/// Lays cards until they are as many as wished for, or as many names were tried as there are places.
fn lay(table: &mut [Option<PeerId>], places: u32, address: SocketAddr, mut cards: u64, id: PeerId) {
    let stem = format!("{}::{}", text(address.ip()), address.port());
    let mut number = 1;
    while number <= cards && number <= u64::from(places) {
        let at = place(hash_key(format!("{stem} {number}").as_bytes()), places) as usize;
        match &mut table[at] {
            free @ None => *free = Some(id),
            Some(_) => cards += 1,
        }
        number += 1;
    }
}

fn text(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[cfg(test)]
mod tests;
