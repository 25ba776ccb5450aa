//! Reading the log for replication and for applying.

use super::log::{LOG, LogStore, key_of};
use crate::{
    options::APPEND_MAX_BYTES,
    types::{
        Types,
        alias::{Entry, Vote},
    },
};
use openraft::{OptionalSend, RaftLogReader};
use rocksdb::{Direction, IteratorMode};
use std::{
    fmt::Debug,
    io,
    ops::{Bound, RangeBounds},
};

/// A reader of the log.
pub struct LogReader {
    log: LogStore,
}

impl LogReader {
    pub(super) fn new(log: LogStore) -> Self {
        LogReader { log }
    }

    /// Entries of `[from, end)`, stopping early once they hold `bytes_max` bytes; at least one if there is one.
    fn entries(&self, from: u64, end: u64, bytes_max: usize) -> Result<Vec<Entry>, io::Error> {
        let key = key_of(from);
        let mode = IteratorMode::From(&key, Direction::Forward);
        let (mut out, mut bytes_read) = (Vec::new(), 0);
        for pair in self.log.database().iterator_cf(self.log.family(LOG), mode) {
            let (key, bytes) = pair.map_err(|e| self.log.failed(e))?;
            if key[..] >= key_of(end)[..] || (bytes_read >= bytes_max && !out.is_empty()) {
                break;
            }
            bytes_read += bytes.len();
            out.push(self.log.decode(&key, &bytes)?);
        }
        Ok(out)
    }
}

impl RaftLogReader<Types> for LogReader {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        let from = match range.start_bound() {
            Bound::Included(n) => *n,
            Bound::Excluded(n) => n + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(n) => n + 1,
            Bound::Excluded(n) => *n,
            Bound::Unbounded => u64::MAX,
        };
        self.entries(from, end, usize::MAX)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, io::Error> {
        self.entries(start, end, APPEND_MAX_BYTES)
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.log.vote()?)
    }
}
