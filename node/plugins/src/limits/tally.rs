//! Counts that the nodes of a cluster keep together, with no database between them.
//!
//! Doorkeepers of one hall with several doors, each with a clicker. Every tenth of a second each tells the others what its own clicker
//! shows, as far as that changed, and adds what it hears to its own number when it decides whether the hall is full. Nobody at a door ever
//! waits for another doorkeeper.
//!
//! The catch: what was counted elsewhere is known a little late, so together they may let in more than the hall holds. Let `S` be the time
//! from counting until the others know, at most two [`ROUND`]s and the way between the nodes. When the last of all admitted requests
//! passed at its door, what the others had counted before the last `S` was known there. So no more are admitted than the limit plus
//! what all other nodes admit within `S`, and never more than the limit at each node.
//!
//! Whole numbers are told rather than differences: what is lost is mended by the next telling, what arrives twice does no harm. A node that
//! starts anew is told everything by the others; what it had counted itself it has forgotten, while the others still hold it against the
//! limit.
//!
//! Nothing here sends anything: the program carries the sheets ([`Courier`]) from node to node.

mod courier;
mod ledger;
mod sheet;

pub use courier::Courier;

use super::counters::Counters;
use ledger::Ledger;
use sheet::{Receipt, Sheet};
use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::sync::Notify;
use troop_telemetry::{Exposition, metric};

/// How often a node tells the others what changed. Shorter lets fewer requests too many pass; longer costs fewer messages: at this
/// pace three busy nodes send each other sixty a second.
pub const ROUND: Duration = Duration::from_millis(100);

/// The counts of the whole cluster as this node knows them.
pub struct Tally {
    node: u64,
    /// Which life of this node it is: a later one begins to count at nothing.
    life: u64,
    secret: u128,
    counters: OnceLock<Arc<Counters>>,
    needed: Notify,
    ledger: Mutex<Ledger>,
    cut_off: AtomicBool,
    told: AtomicU64,
    undelivered: AtomicU64,
}

impl Default for Tally {
    /// Of a node that has no others.
    fn default() -> Self {
        Tally::new(0, rand::random())
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tally")
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

impl Tally {
    /// Nothing is counted yet. The nodes that keep it together have the same secret, which no client may know.
    pub fn new(node: u64, secret: u128) -> Self {
        Tally {
            node,
            life: rand::random(),
            secret,
            counters: OnceLock::new(),
            needed: Notify::new(),
            ledger: Mutex::default(),
            cut_off: AtomicBool::new(false),
            told: AtomicU64::new(0),
            undelivered: AtomicU64::new(0),
        }
    }

    /// The counters; from the first call on there is something to tell.
    pub(crate) fn counters(&self) -> Arc<Counters> {
        let make = || Arc::new(Counters::shared(self.secret));
        let counters = Arc::clone(self.counters.get_or_init(make));
        self.needed.notify_one();
        counters
    }

    /// Resolves once somebody counts here.
    pub async fn needed(&self) {
        while self.counters.get().is_none() {
            self.needed.notified().await;
        }
    }

    /// Whether so few others answer that what they count is not known.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.cut_off.load(Relaxed)
    }

    /// Takes in what another node tells; what to answer it. Nothing if it is not understood.
    pub fn take_in(&self, bytes: &[u8], now_s: u64) -> Option<Vec<u8>> {
        let sheet = Sheet::read(bytes)?;
        let counters = self.counters();
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.enter(&sheet, now_s, |total| counters.others_counted(total));
        Some(Receipt { life: self.life }.to_bytes())
    }

    /// Writes how the telling goes, if there is anything to tell.
    pub(crate) fn report(&self, out: &mut Exposition) {
        if self.counters.get().is_none() {
            return;
        }
        let ignored = self
            .ledger
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ignored();
        out.number(metric::TALLY_COUNTS_TOLD_TOTAL, self.told.load(Relaxed));
        out.number(
            metric::TALLY_SHEETS_UNDELIVERED_TOTAL,
            self.undelivered.load(Relaxed),
        );
        out.number(metric::TALLY_COUNTS_IGNORED_TOTAL, ignored);
        out.number(metric::TALLY_CUT_OFF, u64::from(self.is_cut_off()));
    }
}

#[cfg(test)]
mod tests;
