//! Group commit: one thread that syncs the log for everybody who waits.
//!
//! Like a ferry: who arrives while it is away waits, and the next crossing takes all of them. Under load one fsync carries
//! dozens of appends; alone, an append leaves at once.

use super::synced::Syncer;
use crate::{
    panics,
    step::{Side, Step, reach},
    types::Types,
};
use openraft::storage::IOFlushed;
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

/// Appends that wait for the ferry at once. openraft keeps far fewer in flight; the bound only keeps a stalled disk from
/// collecting callbacks without end.
const WAITING_MAX: usize = 8_192;

/// The queue in front of the syncing thread. Dropping the last one ends the thread after what waits is synced.
#[derive(Clone)]
pub struct Flusher {
    ferry: Arc<Ferry>,
}

struct Ferry {
    // Taken only when dropped.
    waiting: Option<mpsc::SyncSender<IOFlushed<Types>>>,
    thread: Option<JoinHandle<()>>,
}

impl Flusher {
    /// Starts the thread for the log of a data directory.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(syncer: Arc<Syncer>, root: PathBuf) -> io::Result<Self> {
        let (waiting, arrivals) = mpsc::sync_channel(WAITING_MAX);
        let thread = thread::Builder::new()
            .name("raft-log-sync".into())
            .spawn(move || run(&syncer, &arrivals, &root))?;
        let ferry = Ferry {
            waiting: Some(waiting),
            thread: Some(thread),
        };
        Ok(Flusher {
            ferry: Arc::new(ferry),
        })
    }

    /// Calls back once everything written so far is on disk.
    ///
    /// # Errors
    /// When the thread has ended.
    pub fn call_back(&self, callback: IOFlushed<Types>) -> io::Result<()> {
        let ended = || io::Error::other("the log's sync thread has ended");
        let waiting = self.ferry.waiting.as_ref().ok_or_else(ended)?;
        waiting.send(callback).map_err(|_| ended())
    }
}

impl Drop for Ferry {
    /// Waits for the thread, so that the log is closed when its last owner is gone and can be opened again at once.
    fn drop(&mut self) {
        drop(self.waiting.take());
        if let Some(thread) = self.thread.take() {
            // It panics only in openraft's callback, which has been reported then.
            let _ = thread.join();
        }
    }
}

fn run(syncer: &Syncer, arrivals: &mpsc::Receiver<IOFlushed<Types>>, root: &Path) {
    while let Ok(first) = arrivals.recv() {
        let mut passengers = vec![first];
        passengers.extend(arrivals.try_iter());
        let result = panics::as_error(|| sync(syncer, root));
        for callback in passengers {
            callback.io_completed(match &result {
                Ok(()) => Ok(()),
                Err(e) => Err(io::Error::new(e.kind(), e.to_string())),
            });
        }
    }
}

fn sync(syncer: &Syncer, root: &Path) -> io::Result<()> {
    reach(Step::Sync, Side::Before, root)?;
    syncer.sync()?;
    reach(Step::Sync, Side::After, root)
}
