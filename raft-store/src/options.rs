//! How one store runs, and every limit it has.

use std::{path::PathBuf, time::Duration};

/// Interval between heartbeats: three can be lost before the lease ends. openraft gives each one three quarters of it to be
/// answered, so members must be less than 110 ms apart.
pub const HEARTBEAT: Duration = Duration::from_millis(150);
/// Shortest wait of a campaign, on top of the lease below.
pub const ELECTION_MIN: Duration = Duration::from_millis(400);
/// Longest wait; the spread keeps two survivors from campaigning together. It is the leader's lease, too: a follower
/// campaigns no sooner than lease plus wait after the last heartbeat, so that a dead leader is replaced within 1.5 s. (With
/// 750 to 1,500 ms, which is customary where the lease is not added, the first write after a kill was taken after 2.3 s.)
pub const ELECTION_MAX: Duration = Duration::from_millis(700);
/// A leader that heard no quorum for this long says that it has none: two leases, so that one lost round is no news.
pub const QUORUM_SILENCE_MAX: Duration = Duration::from_millis(1_400);
/// Threads of Raft's own runtime: one for the core, one for the network, so that neither waits behind proxying.
pub const RUNTIME_THREADS: usize = 2;
/// Entries kept behind a snapshot: a live follower must never need a snapshot (an installed one can overtake entries that it
/// has not applied yet, which openraft 0.10.0-alpha.37 does not survive, databendlabs/openraft#2116; it is waited for, see
/// [`INSTALL_WAIT`], and what is never done cannot go wrong).
pub const LOG_KEEP_MIN: u64 = 50_000;
/// Fewer entries kept than this are taken, for tests that force snapshots, and warned of: a node that only blinked, or
/// that applies slowly, would be sent the whole state.
pub const LOG_KEEP_LOW: u64 = 5_000;
/// Entries per append message; with [`APPEND_MAX_BYTES`] whichever comes first.
pub const APPEND_MAX_ENTRIES: u64 = 512;
/// Bytes of entries per append message: at 100 Mbit/s a third of a second, well below an election.
pub const APPEND_MAX_BYTES: usize = 4 << 20;
/// One message between nodes: an append with its largest last entry, and room for the envelope.
pub const MESSAGE_MAX_BYTES: usize = 16 << 20;
/// Entries applied in one write batch: bounds the batch's memory and how long a reader waits for the next revision.
pub const APPLY_MAX_ENTRIES: usize = 512;
/// Bytes of entries applied in one write batch, with [`APPLY_MAX_ENTRIES`] whichever comes first: rows, their events and what they replace
/// are a few times this.
pub const APPLY_MAX_BYTES: usize = 4 << 20;
/// Rows bytes in one block of a snapshot stream.
pub const SNAPSHOT_BLOCK_BYTES: usize = 256 << 10;
/// Blocks read ahead of the network.
pub const SNAPSHOT_BLOCKS_AHEAD: usize = 4;
/// Longest one snapshot may take to send: 100 MB at 2 Mbit/s.
pub const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(400);
/// Longest wait for the next part of a snapshot: a block at 128 kbit/s. A sender that is gone must not block the next one.
pub const SNAPSHOT_PART_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest a received snapshot waits for entries that are still being applied here; the sender tries again. Several write batches.
pub const INSTALL_WAIT: Duration = Duration::from_secs(2);
/// Longest a member may take to accept a stream of entries. Longer than openraft's own budget of three quarters of a heartbeat, which a
/// handshake across a continent does not meet; still below an election.
pub const STREAM_OPEN_TIMEOUT: Duration = Duration::from_millis(375);
/// Bytes of proposals that this node has under way at once; more wait.
pub const PROPOSALS_MAX_BYTES: usize = 64 << 20;
/// What a small proposal counts for: with it at most 4,096 are under way.
pub const PROPOSAL_MIN_BYTES: usize = 16 << 10;
/// Longest wait for a change of membership to be committed; it may still be, later.
pub const MEMBERSHIP_TIMEOUT: Duration = Duration::from_secs(10);
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
    /// Below this much free space take no more writes, deletes excepted.
    pub disk_reserve_bytes: u64,
}

impl Options {
    /// With the defaults of a cluster in earnest.
    pub fn new(data_dir: PathBuf, node_id: u64) -> Self {
        Options {
            data_dir,
            node_id,
            snapshot_every_entries: 10_000,
            log_keep_entries: LOG_KEEP_MIN,
            disk_reserve_bytes: DISK_RESERVE_BYTES,
        }
    }
}
