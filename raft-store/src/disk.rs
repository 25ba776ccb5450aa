//! What is on disk.
//!
//! ```text
//! <data>/raft/              RocksDB: log, vote, marks. Small synced writes.
//! <data>/state-<n>/         RocksDB: rows, events, sessions, meta. Never synced by applying.
//! <data>/STATE              which state-<n> is the current one; replaced by rename
//! <data>/SYNCED             how far raft/ was synced: what must be there at the next start
//! <data>/LOCK               held while anything here is open
//! <data>/checkpoint-<n>/    hard links of a state at a log id, source of a snapshot
//! <data>/incoming-<n>/      a snapshot while it is received
//! ```
//!
//! Two instances because they want opposite things: the log syncs often and forgets soon, the state is never synced and kept;
//! and because a received snapshot replaces the state as a whole, by a rename, without touching the vote.

pub mod flusher;
pub mod layout;
pub mod log;
pub mod log_reader;
pub mod snapshot;
pub mod state;
pub mod stored;
pub mod stream;
pub mod synced;

pub use layout::{DiskError, Layout};
pub use log::LogStore;
pub use snapshot::SnapshotDir;
pub use state::StateDb;
