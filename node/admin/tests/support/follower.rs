//! A store as a follower holds it: the leader's state is ahead, the local copy catches up when it must.
//!
//! Both are memory stores fed with the same transactions in the same order, so that they agree on every
//! revision.

use futures_util::future::BoxFuture;
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;
use troop_txn::{
    EventPage, EventsError, MemoryStore, Outcome, ProposeError, ReadError, ReadView, Revision, Store, Txn,
    ViewError, machine::Notes,
};

/// A leader, a local copy, and what lies between.
#[derive(Default)]
pub struct Follower {
    leader: MemoryStore,
    local: MemoryStore,
    backlog: Mutex<VecDeque<Txn>>,
    /// No leader answers.
    pub cut_off: AtomicBool,
    /// Proposals are sent and no answer comes.
    pub mute: AtomicBool,
    /// The local copy catches up only when it is made to.
    pub slow: AtomicBool,
}

impl Follower {
    /// Both empty.
    pub fn new() -> Arc<Follower> {
        Arc::default()
    }

    /// Somebody else writes at the leader; the local copy does not know yet.
    pub fn elsewhere(&self, txn: Txn) -> Outcome {
        let outcome = self.leader.apply(&txn).unwrap();
        self.backlog.lock().unwrap().push_back(txn);
        outcome
    }

    /// The local copy reads what it has missed.
    pub fn catch_up(&self) {
        while let Some(txn) = self.backlog.lock().unwrap().pop_front() {
            self.local.apply(&txn).unwrap();
        }
    }

    fn is(&self, flag: &AtomicBool) -> bool {
        flag.load(Ordering::SeqCst)
    }
}

impl Store for Follower {
    fn read_dyn(&self, f: &mut dyn FnMut(&dyn ReadView)) {
        self.local.read_dyn(f);
    }

    fn notes(&self) -> Result<Notes, ViewError> {
        self.local.notes()
    }

    fn applied(&self) -> watch::Receiver<Revision> {
        self.local.applied()
    }

    fn propose(&self, txn: Txn, _: Duration) -> BoxFuture<'_, Result<Outcome, ProposeError>> {
        Box::pin(async move {
            if self.is(&self.cut_off) {
                return Err(ProposeError::Unavailable("1 of 3 voters answers".into()));
            }
            if self.is(&self.mute) {
                let request = txn.request;
                return Err(ProposeError::Unknown {
                    request,
                    reason: "no answer in time".into(),
                });
            }
            troop_txn::memory::check_size(&txn)?;
            let outcome = self.elsewhere(txn);
            if !self.is(&self.slow) {
                self.catch_up();
            }
            Ok(outcome)
        })
    }

    fn linearize(&self, _: Duration) -> BoxFuture<'_, Result<Revision, ReadError>> {
        Box::pin(async move {
            if self.is(&self.cut_off) {
                return Err(ReadError::Unavailable("1 of 3 voters answers".into()));
            }
            self.catch_up();
            Ok(*self.local.applied().borrow())
        })
    }

    fn events(&self, after: Revision, limit: usize) -> Result<EventPage, EventsError> {
        self.local.events(after, limit)
    }
}
