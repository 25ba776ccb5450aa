//! One look-up: among the candidates the index offers, the highest rank whose conditions hold.
//!
//! Buckets list candidates from high rank to low. So the first one that fits is the best of its
//! bucket, and a bucket is left as soon as what remains cannot beat the best found so far: most
//! look-ups judge one or two candidates.

use std::sync::Arc;

use crate::candidate::{Candidate, CandidatePaths};
use crate::matched::{Match, PathMatch};
use crate::prefix_tree::{Forward, PrefixTree};
use crate::rank::Rank;
use crate::request::{Headers, RequestHead};

/// Candidates filed under the same host and path prefix, highest rank first.
pub(crate) type Bucket<T> = Arc<Vec<Entry<T>>>;

/// The candidates of one host pattern by path prefix.
pub(crate) type PathTable<T> = PrefixTree<Bucket<T>>;

/// A candidate in a bucket, with what is asked first kept beside the pointer.
pub(crate) struct Entry<T> {
    pub(crate) rank: Rank,
    /// The port of the host pattern under which this is filed.
    pub(crate) port: Option<u16>,
    pub(crate) candidate: Arc<Candidate<T>>,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Entry {
            rank: self.rank,
            port: self.port,
            candidate: Arc::clone(&self.candidate),
        }
    }
}

/// The best candidate seen so far for one request.
pub(crate) struct Search<'r, 'q, T, H: ?Sized> {
    head: &'q RequestHead<'q, H>,
    port: u16,
    best: Option<(&'r Entry<T>, PathMatch<'r>)>,
}

impl<'r, 'q, T, H: Headers + ?Sized> Search<'r, 'q, T, H> {
    pub(crate) fn new(head: &'q RequestHead<'q, H>, port: u16) -> Self {
        Search {
            head,
            port,
            best: None,
        }
    }

    /// Considers every candidate of `table` that is filed under a prefix of the path.
    pub(crate) fn visit(&mut self, table: &'r PathTable<T>) {
        for (length, bucket) in table.prefixes_of(Forward(self.head.path.as_bytes())) {
            self.scan(bucket, length);
        }
    }

    pub(crate) fn finish(self) -> Option<Match<'r, T>> {
        let (entry, path) = self.best?;
        Some(Match {
            payload: &entry.candidate.payload,
            route: entry.candidate.route,
            path,
        })
    }

    fn scan(&mut self, bucket: &'r [Entry<T>], length: usize) {
        let floor = self.best.map(|(entry, _)| entry.rank);
        for entry in bucket {
            if floor.is_some_and(|floor| entry.rank <= floor) {
                return;
            }
            if let Some(path) = self.judge(entry, length) {
                self.best = Some((entry, path));
                return;
            }
        }
    }

    fn judge(&self, entry: &'r Entry<T>, length: usize) -> Option<PathMatch<'r>> {
        let port_fits = entry.port.is_none_or(|port| port == self.port);
        if !port_fits || !entry.candidate.conditions.hold(self.head) {
            return None;
        }
        match &entry.candidate.paths {
            CandidatePaths::Any => Some(PathMatch::Any),
            CandidatePaths::Plain => Some(PathMatch::Prefix { length }),
            CandidatePaths::Regex(regexes) => regexes.iter().find_map(|regex| {
                let found = regex.find(self.head.path)?;
                Some(PathMatch::Regex {
                    length: found.len(),
                    regex,
                })
            }),
        }
    }
}
