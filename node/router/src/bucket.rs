//! Candidates filed under the same host and the same path prefix, highest rank first.
//!
//! Nearly every bucket holds a single candidate, and that one stands in place: a look-up that
//! reaches the bucket has the candidate already in hand. Several share a list, which clones of
//! the router share in turn until one of them changes it.

use std::sync::Arc;

use uuid::Uuid;

use crate::candidate::Candidate;

/// At least one candidate.
#[derive(Debug)]
pub(crate) enum Bucket<T> {
    One(Candidate<T>),
    Many(Arc<Vec<Candidate<T>>>),
}

impl<T> Clone for Bucket<T> {
    fn clone(&self) -> Self {
        match self {
            Bucket::One(candidate) => Bucket::One(candidate.clone()),
            Bucket::Many(list) => Bucket::Many(Arc::clone(list)),
        }
    }
}

impl<T> Bucket<T> {
    /// The candidates, highest rank first.
    pub(crate) fn candidates(&self) -> &[Candidate<T>] {
        match self {
            Bucket::One(candidate) => std::slice::from_ref(candidate),
            Bucket::Many(list) => list,
        }
    }

    /// Puts a candidate into the bucket in `slot`, at its place in the order.
    pub(crate) fn add(slot: &mut Option<Self>, candidate: Candidate<T>) {
        let mut list = match slot.take() {
            None => {
                *slot = Some(Bucket::One(candidate));
                return;
            }
            Some(Bucket::One(other)) => Arc::new(vec![other]),
            Some(Bucket::Many(list)) => list,
        };
        let rank = candidate.rank;
        let at = list.partition_point(|other| other.rank > rank);
        Arc::make_mut(&mut list).insert(at, candidate);
        *slot = Some(Bucket::Many(list));
    }

    /// Takes all candidates of a route out of the bucket in `slot`.
    pub(crate) fn withdraw(slot: &mut Option<Self>, route: Uuid) {
        *slot = match slot.take() {
            Some(Bucket::Many(mut list)) => {
                let rest = Arc::make_mut(&mut list);
                rest.retain(|candidate| candidate.route != route);
                if rest.len() > 1 {
                    Some(Bucket::Many(list))
                } else {
                    rest.pop().map(Bucket::One)
                }
            }
            Some(Bucket::One(candidate)) if candidate.route != route => Some(Bucket::One(candidate)),
            _ => None,
        };
    }
}
