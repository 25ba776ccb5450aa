//! What the data plane counts.
//!
//! Each worker writes its own page of numbers, so that counting is an addition in its own cache line; whoever wants totals
//! adds the pages up.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// One worker's page.
#[derive(Debug, Default)]
#[repr(align(128))] // two cache lines: the neighbour's page must not share one, prefetching included
pub(crate) struct Page {
    pub accepted: Count,
    pub closed: Count,
    pub reading: Count,
    pub writing: Count,
    pub requests: Count,
    pub peer_connects: Count,
    pub retries: Count,
    pub access_lines_dropped: Count,
    pub crowded: Count,
    pub shed: Count,
    /// Connections to peers that wait for their next request.
    pub pooled: Count,
}

impl Page {
    /// Connections open now.
    pub fn open(&self) -> u64 {
        self.accepted.get().saturating_sub(self.closed.get())
    }
}

/// A number that only its own worker changes.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// One more.
    pub fn up(&self) {
        // A single writer needs no locked instruction.
        self.0.store(self.0.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// So many.
    pub fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    /// One less.
    pub fn down(&self) {
        self.0.store(self.0.load(Relaxed).wrapping_sub(1), Relaxed);
    }

    /// Its value now.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Totals over all workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CounterSnapshot {
    /// Client connections taken so far.
    pub connections_accepted: u64,
    /// Client connections open now.
    pub connections_active: u64,
    /// Those whose head is being read.
    pub connections_reading: u64,
    /// Those with a request being served.
    pub connections_writing: u64,
    /// Those that wait for their client's next request.
    pub connections_waiting: u64,
    /// Requests so far.
    pub requests_total: u64,
    /// Connections to peers opened so far.
    pub peer_connects_total: u64,
    /// Tries beyond the first so far.
    pub retries_total: u64,
    /// Connections to peers that wait for their next request, as of the last round of the workers.
    pub peer_connections_idle: u64,
    /// Access log lines lost because the disk was too slow.
    pub access_lines_dropped_total: u64,
    /// Connections closed because their address had too many.
    pub connections_crowded_total: u64,
    /// Requests turned away because a worker was overloaded.
    pub requests_shed_total: u64,
    /// Stored records that could not be compiled so far.
    pub records_skipped_total: u64,
}

impl CounterSnapshot {
    pub(crate) fn total(pages: &[Arc<Page>], records_skipped_total: u64) -> Self {
        let sum = |pick: fn(&Page) -> &Count| pages.iter().map(|page| pick(page).get()).sum::<u64>();
        let accepted = sum(|p| &p.accepted);
        let active = pages.iter().map(|page| page.open()).sum::<u64>();
        let (reading, writing) = (sum(|p| &p.reading), sum(|p| &p.writing));
        CounterSnapshot {
            connections_accepted: accepted,
            connections_active: active,
            connections_reading: reading,
            connections_writing: writing,
            connections_waiting: active.saturating_sub(reading + writing),
            requests_total: sum(|p| &p.requests),
            peer_connects_total: sum(|p| &p.peer_connects),
            retries_total: sum(|p| &p.retries),
            peer_connections_idle: sum(|p| &p.pooled),
            access_lines_dropped_total: sum(|p| &p.access_lines_dropped),
            connections_crowded_total: sum(|p| &p.crowded),
            requests_shed_total: sum(|p| &p.shed),
            records_skipped_total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_add_the_pages_up() {
        let pages = [Arc::new(Page::default()), Arc::new(Page::default())];
        for page in &pages {
            page.accepted.up();
            page.accepted.up();
            page.closed.up();
            page.requests.up();
        }
        pages[0].writing.up();
        let total = CounterSnapshot::total(&pages, 3);
        assert_eq!((total.connections_accepted, total.connections_active), (4, 2));
        assert_eq!((total.connections_writing, total.connections_waiting), (1, 1));
        assert_eq!((total.requests_total, total.records_skipped_total), (2, 3));
    }
}
