//! Transactions of the cluster's own business: stamped, numbered, proposed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use troop_txn::{Guard, Op, Outcome, ProposeError, RequestId, Store, Txn};

/// How long the cluster's own writes are tried: as long as an Admin write.
pub const WRITE_DEADLINE: Duration = Duration::from_secs(5);

/// Writes for one part of one process.
pub struct Writer {
    store: Arc<dyn Store>,
    client: u128,
    sequence: AtomicU64,
    actor: String,
}

impl Writer {
    /// `actor` is who the history names.
    pub fn new(store: Arc<dyn Store>, actor: String) -> Self {
        Writer {
            store,
            client: rand::random(),
            sequence: AtomicU64::new(0),
            actor,
        }
    }

    /// Proposes one transaction and waits for what becomes of it.
    ///
    /// # Errors
    /// [`ProposeError`].
    pub async fn write(&self, guards: Vec<Guard>, ops: Vec<Op>) -> Result<Outcome, ProposeError> {
        let request = RequestId {
            client: self.client,
            sequence: self.sequence.fetch_add(1, Ordering::Relaxed),
        };
        let txn = Txn {
            request,
            guards,
            ops,
            ensures: Vec::new(),
            stamped_at_ms: now_ms(),
            actor: self.actor.clone(),
        };
        self.store.propose(txn, WRITE_DEADLINE).await
    }
}

/// The wall clock, milliseconds since 1970.
pub fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map(|d| d.as_millis() as u64)
        .unwrap_or_default()
}
