//! Reading the log for replication and for applying.
//!
//! The catch: a node that was away for long has more entries to apply than fit in memory at once, so they are read page by page;
//! and openraft takes what it gets for what it asked for, so a gap must not go unsaid.

use super::log::{LOG, LogStore, key_of};
use crate::{
    options::APPEND_MAX_BYTES,
    types::{
        Types,
        alias::{Entry, Vote},
    },
};
use futures_util::{Stream, stream};
use openraft::{OptionalSend, RaftLogReader};
use rocksdb::{Direction, IteratorMode};
use std::{
    fmt::Debug,
    io, iter,
    ops::{Bound, Range, RangeBounds},
};

/// A reader of the log.
pub struct LogReader {
    log: LogStore,
}

impl LogReader {
    pub(super) fn new(log: LogStore) -> Self {
        LogReader { log }
    }

    /// Entries of the range, stopping early once they hold `bytes_max` bytes; at least one if there is one.
    ///
    /// # Errors
    /// When the disk fails, and when an entry is missing between two others.
    fn entries(&self, range: Range<u64>, bytes_max: usize) -> Result<Vec<Entry>, io::Error> {
        let (from, end) = (key_of(range.start), key_of(range.end));
        let mode = IteratorMode::From(&from, Direction::Forward);
        let (mut out, mut bytes_read) = (Vec::<Entry>::new(), 0);
        for pair in self.log.database().iterator_cf(self.log.family(LOG), mode) {
            let (key, bytes) = pair.map_err(|e| self.log.failed(e))?;
            if key[..] >= end[..] || (bytes_read >= bytes_max && !out.is_empty()) {
                break;
            }
            bytes_read += bytes.len();
            let entry = self.log.decode(&key, &bytes)?;
            let due = out.last().map(|before| before.log_id.index + 1);
            if due.is_some_and(|due| due != entry.log_id.index) {
                return Err(self.log.missing(entry.log_id.index - 1).into());
            }
            out.push(entry);
        }
        Ok(out)
    }

    /// The entries of the range, read in pages, to the end of the log if it ends sooner. When one before that is missing the last thing
    /// given is an error.
    fn all_of(&self, range: Range<u64>) -> impl Iterator<Item = Result<Entry, io::Error>> + Send {
        let mut rest = Some(range);
        let pages = iter::from_fn(move || {
            let range = rest.take().filter(|range| !range.is_empty())?;
            let end = range.end;
            let page = self.page(range);
            let last = page.as_ref().ok().and_then(|page| page.last());
            rest = last.map(|last| last.log_id.index + 1..end);
            Some(page)
        });
        pages.flat_map(|page| match page {
            Ok(entries) => entries.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })
    }

    fn page(&self, range: Range<u64>) -> Result<Vec<Entry>, io::Error> {
        let due = range.start;
        let entries = self.entries(range, APPEND_MAX_BYTES)?;
        match entries.first() {
            Some(first) if first.log_id.index != due => Err(self.log.missing(due).into()),
            _ => Ok(entries),
        }
    }
}

/// The range with its start in it and its end not.
fn half_open(range: &impl RangeBounds<u64>) -> Range<u64> {
    let from = match range.start_bound() {
        Bound::Included(n) => *n,
        Bound::Excluded(n) => n.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(n) => n.saturating_add(1),
        Bound::Excluded(n) => *n,
        Bound::Unbounded => u64::MAX,
    };
    from..end
}

impl RaftLogReader<Types> for LogReader {
    async fn entries_stream<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = Result<Entry, io::Error>> + OptionalSend {
        stream::iter(self.all_of(half_open(&range)))
    }

    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        self.entries(half_open(&range), usize::MAX)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, io::Error> {
        let entries = self.entries(start..end, APPEND_MAX_BYTES)?;
        // Purged meanwhile: sent from here on, the follower's log would have a gap. Nothing makes openraft look again.
        let whole = entries.first().is_some_and(|entry| entry.log_id.index == start);
        Ok(if whole { entries } else { Vec::new() })
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.log.vote()?)
    }
}
