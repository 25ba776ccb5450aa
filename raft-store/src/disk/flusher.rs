//! Group commit: one thread that syncs the log for everybody who waits.
//!
//! Like a ferry: who arrives while it is away waits, and the next crossing takes all of them. Under load one fsync carries
//! dozens of appends; alone, an append leaves at once.

use openraft::storage::IOFlushed;
use std::{
    io,
    sync::{Arc, mpsc},
    thread,
};

use crate::types::Types;

/// Appends that wait for the ferry at once. openraft keeps far fewer in flight; the bound only keeps a stalled disk from
/// collecting callbacks without end.
const WAITING_MAX: usize = 8_192;

/// The queue in front of the syncing thread. Dropping the last one ends the thread after what waits is synced.
#[derive(Clone)]
pub struct Flusher {
    waiting: mpsc::SyncSender<IOFlushed<Types>>,
}

impl Flusher {
    /// Starts the thread over a log database.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(db: Arc<rocksdb::DB>) -> io::Result<Self> {
        let (waiting, arrivals) = mpsc::sync_channel(WAITING_MAX);
        thread::Builder::new()
            .name("raft-log-sync".into())
            .spawn(move || run(&db, &arrivals))?;
        Ok(Flusher { waiting })
    }

    /// Calls back once everything written so far is on disk.
    ///
    /// # Errors
    /// When the thread has ended.
    pub fn call_back(&self, callback: IOFlushed<Types>) -> io::Result<()> {
        self.waiting
            .send(callback)
            .map_err(|_| io::Error::other("the log's sync thread has ended"))
    }
}

fn run(db: &rocksdb::DB, arrivals: &mpsc::Receiver<IOFlushed<Types>>) {
    while let Ok(first) = arrivals.recv() {
        let mut passengers = vec![first];
        passengers.extend(arrivals.try_iter());
        let result = db.flush_wal(true);
        for callback in passengers {
            callback.io_completed(match &result {
                Ok(()) => Ok(()),
                Err(e) => Err(io::Error::other(format!("syncing the log: {e}"))),
            });
        }
    }
}
