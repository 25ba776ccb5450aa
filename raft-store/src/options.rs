//! How one store runs, and every limit it has.

use std::{path::PathBuf, time::Duration};

/// Interval between heartbeats: four can be lost before anybody could campaign.
pub const HEARTBEAT: Duration = Duration::from_millis(100);
/// Shortest wait of a campaign, on top of the lease below.
pub const ELECTION_MIN: Duration = Duration::from_millis(400);
/// Longest wait; the spread keeps two survivors from campaigning together. It is the leader's lease, too: a follower
/// campaigns no sooner than lease plus wait after the last heartbeat, so that a dead leader is replaced within 1.5 s. (With
/// 750 to 1,500 ms, which is customary where the lease is not added, the first write after a kill was taken after 2.3 s.)
pub const ELECTION_MAX: Duration = Duration::from_millis(700);
/// Threads of Raft's own runtime: one for the core, one for the network, so that neither waits behind proxying.
pub const RUNTIME_THREADS: usize = 2;
/// Entries kept behind a snapshot: a live follower must never need a snapshot (an installed one can overtake entries that it
/// has not applied yet, which openraft 0.10.0-alpha.37 does not survive, databendlabs/openraft#2116).
pub const LOG_KEEP_MIN: u64 = 50_000;
/// Entries per append message; with [`APPEND_MAX_BYTES`] whichever comes first.
pub const APPEND_MAX_ENTRIES: u64 = 512;
/// Bytes of entries per append message: at 100 Mbit/s a third of a second, well below an election.
pub const APPEND_MAX_BYTES: usize = 4 << 20;
/// One message between nodes: an append with its largest last entry, and room for the envelope.
pub const MESSAGE_MAX_BYTES: usize = 16 << 20;
/// Entries applied in one write batch: bounds the batch's memory and how long a reader waits for the next revision.
pub const APPLY_MAX_ENTRIES: usize = 512;
/// Rows bytes in one block of a snapshot stream.
pub const SNAPSHOT_BLOCK_BYTES: usize = 256 << 10;
/// Blocks read ahead of the network.
pub const SNAPSHOT_BLOCKS_AHEAD: usize = 4;
/// Longest one snapshot may take to send: 100 MB at 2 Mbit/s.
pub const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(400);
/// Proposals this node has under way at once; more wait. Bounds memory to this many entries.
pub const PROPOSALS_MAX: usize = 1_024;
/// Below this much free space the leader takes no more writes, deletes excepted.
pub const DISK_RESERVE_BYTES: u64 = 256 << 20;

/// How one store runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it keeps its two databases.
    pub data_dir: PathBuf,
    /// This node's number.
    pub node_id: u64,
    /// Take a snapshot after this many entries.
    pub snapshot_every_entries: u64,
    /// Keep this many entries behind a snapshot. Below [`LOG_KEEP_MIN`] only in tests that force snapshots.
    pub log_keep_entries: u64,
}

impl Options {
    /// With the defaults of a cluster in earnest.
    pub fn new(data_dir: PathBuf, node_id: u64) -> Self {
        Options {
            data_dir,
            node_id,
            snapshot_every_entries: 10_000,
            log_keep_entries: LOG_KEEP_MIN,
        }
    }
}
