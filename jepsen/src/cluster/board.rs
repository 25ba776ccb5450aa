//! The board by the door: which nodes there are, where they live, and whether someone is at home.
//!
//! Clients read it and the one who breaks things writes it, before he breaks and after he has mended. So a request that found its
//! node up when it left, and still up and never down in between when the answer came, was owed a good answer.

use super::machine::Machine;
use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// A node on its machine.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The node's number; a wiped node's successor has another.
    pub number: usize,
    /// Its addresses.
    pub machine: Machine,
}

#[derive(Clone, Debug)]
struct Entry {
    seat: Seat,
    /// Odd while it is down.
    changes: u64,
    /// How often its power was cut.
    cuts: u32,
}

/// The board.
#[derive(Debug, Default)]
pub struct Board(RwLock<BTreeMap<usize, Entry>>);

impl Board {
    /// Everybody who belongs.
    pub fn seats(&self) -> Vec<Seat> {
        self.read().values().map(|entry| entry.seat.clone()).collect()
    }

    /// A number that changes whenever the node goes down or comes up. None while it is down or gone.
    pub fn up_since(&self, number: usize) -> Option<u64> {
        self.read()
            .get(&number)
            .map(|entry| entry.changes)
            .filter(|changes| changes % 2 == 0)
    }

    /// A new node; it is down until it is waited for.
    pub(super) fn sit(&self, seat: Seat) {
        self.write().insert(
            seat.number,
            Entry {
                seat,
                changes: 1,
                cuts: 0,
            },
        );
    }

    /// How often a node's power was cut. Each time it may fall back to what was synced, and is brought up to date from the log.
    pub fn cuts(&self, number: usize) -> u32 {
        self.read().get(&number).map_or(0, |entry| entry.cuts)
    }

    pub(super) fn cut(&self, number: usize) {
        if let Some(entry) = self.write().get_mut(&number) {
            entry.cuts += 1;
        }
    }

    pub(super) fn leave(&self, number: usize) {
        self.write().remove(&number);
    }

    pub(super) fn down(&self, number: usize) {
        self.change(number, 1);
    }

    pub(super) fn up(&self, number: usize) {
        self.change(number, 0);
    }

    fn change(&self, number: usize, parity: u64) {
        if let Some(entry) = self
            .write()
            .get_mut(&number)
            .filter(|entry| entry.changes % 2 != parity)
        {
            entry.changes += 1;
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<usize, Entry>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<usize, Entry>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
