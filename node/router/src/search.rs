//! One look-up: among the candidates the index offers, the highest rank whose conditions hold.
//!
//! Buckets list candidates from high rank to low. So the first one that fits is the best of its
//! bucket, and a bucket is left as soon as what remains cannot beat the best found so far: most
//! look-ups judge one or two candidates.

use crate::bucket::Bucket;
use crate::candidate::{Candidate, CandidatePaths};
use crate::host::Ports;
use crate::judge::Court;
use crate::matched::{Match, PathMatch};
use crate::prefix_tree::{Forward, PrefixTree};
use crate::request::{Headers, RequestHead};

/// The candidates of one host pattern by path prefix.
pub(crate) type PathTable<T> = PrefixTree<Bucket<T>>;

/// The best candidate seen so far for one request.
pub(crate) struct Search<'r, 'q, T, H: ?Sized> {
    head: &'q RequestHead<'q, H>,
    ports: Ports,
    court: Court<'q, H>,
    best: Option<(&'r Candidate<T>, PathMatch<'r>)>,
}

impl<'r, 'q, T, H: Headers + ?Sized> Search<'r, 'q, T, H> {
    pub(crate) fn new(head: &'q RequestHead<'q, H>, ports: Ports) -> Self {
        Search {
            head,
            ports,
            court: Court::new(head),
            best: None,
        }
    }

    /// Considers every candidate of `table` that is filed under a prefix of the path.
    pub(crate) fn visit(&mut self, table: &'r PathTable<T>) {
        for (length, bucket) in table.prefixes_of(Forward(self.head.path.as_bytes())) {
            self.scan(bucket.candidates(), length);
        }
    }

    pub(crate) fn finish(self) -> Option<Match<'r, T>> {
        let (Candidate { payload, route, .. }, path) = self.best?;
        Some(Match {
            payload,
            route: *route,
            path,
        })
    }

    fn scan(&mut self, candidates: &'r [Candidate<T>], length: usize) {
        let floor = self.best.as_ref().map(|(best, _)| best.rank);
        for candidate in candidates {
            if floor.is_some_and(|floor| candidate.rank <= floor) {
                return;
            }
            if let Some(path) = self.judge(candidate, length) {
                self.best = Some((candidate, path));
                return;
            }
        }
    }

    fn judge(&mut self, candidate: &'r Candidate<T>, length: usize) -> Option<PathMatch<'r>> {
        let holds = || {
            candidate
                .conditions
                .as_ref()
                .is_none_or(|conditions| conditions.hold(self.head))
        };
        if !self.ports.fit(candidate.port) || !holds() {
            return None;
        }
        match &candidate.paths {
            CandidatePaths::Any => Some(PathMatch::Any),
            CandidatePaths::Plain => Some(PathMatch::Prefix { length }),
            CandidatePaths::Regex(regexes) => regexes.iter().find_map(|regex| {
                let found = regex.find(self.head.path)?;
                Some(PathMatch::Regex {
                    length: found.len(),
                    regex,
                })
            }),
            CandidatePaths::Expression(expression) => self.court.judge(expression),
        }
    }
}
