//! How many files the process may have open, and how many connections that is good for.
//!
//! A restaurant does not fill every chair with guests: cooks have to sit down, too. Each proxied connection takes a chair for the client and one for
//! the peer; the store, the log, the Admin API and the other nodes need theirs, and must find them free when the house is full. So some are kept
//! back, and the limit on connections is made to fit what is left.
//!
//! The catch: connections that wait in the pools for peers are not counted one by one. They close when idle, and half of what is left being for
//! peers leaves room for them in any but odd mixes.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::num::NonZeroUsize;

/// Kept back: two stores of a few hundred files each, the peers of the cluster, Admin and status connections.
const RESERVE: u64 = 1_024;

/// Where the process may open no more than this, the reserve is a quarter of it.
const SCARCE: u64 = 4 * RESERVE;

/// Lets the process open as many files as it may, and lowers the limit on connections to what those are good for.
pub fn fit(connections_per_worker: &mut u64, workers: NonZeroUsize) {
    let files = raise();
    let fitting = fitting(files, workers.get() as u64);
    if fitting < *connections_per_worker {
        tracing::warn!(
            files,
            connections_per_worker = fitting,
            "fewer connections than set are taken: the process may not open more files (ulimit -n)"
        );
        *connections_per_worker = fitting;
    }
}

/// Raises the limit that the process lives under to the one it was given.
fn raise() -> u64 {
    let given = getrlimit(Resource::Nofile);
    if given.current != given.maximum {
        let raised = Rlimit {
            current: given.maximum,
            maximum: given.maximum,
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "the number of open files stays as it was");
        }
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Connections for each worker, at least one.
fn fitting(files: u64, workers: u64) -> u64 {
    let reserve = RESERVE.min(files / (SCARCE / RESERVE));
    ((files - reserve) / 2 / workers).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_take_two_files_each_and_leave_the_reserve() {
        for (files, workers, connections) in [
            (1_048_576, 4, 130_944),
            (65_536, 2, 16_128),
            (1_024, 1, 384),
            (16, 64, 1),
        ] {
            assert_eq!(fitting(files, workers), connections, "{files} {workers}");
        }
    }
}
