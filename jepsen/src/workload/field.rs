//! What all clients of a run share.

use crate::{cluster::board::Board, history::recorder::Clock};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

/// The field the clients play on.
#[derive(Clone, Debug)]
pub struct Field {
    /// The run's clock.
    pub clock: Clock,
    /// Which nodes there are.
    pub board: Arc<Board>,
    /// Turns true when clients shall stop.
    pub stop: watch::Receiver<bool>,
    /// Draws what clients do.
    pub seed: u64,
    /// Mean pause between two operations of a client.
    pub pace: Duration,
    /// Numbers that never come twice.
    pub numbers: Arc<AtomicU64>,
    /// Answers that no workload expects, with how often they came.
    pub oddities: Arc<Oddities>,
}

impl Field {
    /// A number that nobody has.
    pub fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether clients shall stop.
    pub fn is_over(&self) -> bool {
        *self.stop.borrow()
    }
}

/// Answers that no workload expects.
#[derive(Debug, Default)]
pub struct Oddities(Mutex<BTreeMap<String, u64>>);

impl Oddities {
    /// One more.
    pub fn note(&self, text: String) {
        *self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(text)
            .or_default() += 1;
    }

    /// All, with how often.
    pub fn all(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
