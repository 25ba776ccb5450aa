//! The types openraft is instantiated with.
//!
//! Entries carry packed transactions as bytes: the log, the wire and the followers pass them on untouched, and only
//! applying unpacks them.

use bytes::Bytes;
use std::fmt;
use troop_txn::Outcome;

openraft::declare_raft_types!(
    /// troop's instance of Raft.
    pub Types:
        D = Packed,
        R = Answer,
        NodeId = u64,
        Node = Peer,
        Term = u64,
        LeaderId = openraft::impls::leader_id_adv::LeaderId<Self::Term, Self::NodeId>,
);

/// A member as Raft's membership lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// `host:port` of its peer listener.
    pub address: String,
}

/// A packed transaction.
#[derive(Clone, PartialEq, Eq)]
pub struct Packed(pub Bytes);

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Entries hold secrets: a log line gets the size.
        write!(f, "txn of {} bytes", self.0.len())
    }
}

impl fmt::Display for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What applying an entry gave; nothing for entries that are not transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer(pub Option<Outcome>);

/// openraft's names with our types filled in.
pub mod alias {
    use super::{Packed, Peer, Types};
    use crate::{disk::SnapshotDir, machine::Machine};

    /// The running Raft.
    pub type Raft = openraft::Raft<Types, Machine>;
    /// Term and node of a leader.
    pub type LeaderId = openraft::alias::LeaderIdOf<Types>;
    /// The same, once elected.
    pub type CommittedLeaderId = openraft::alias::CommittedLeaderIdOf<Types>;
    /// Place of an entry.
    pub type LogId = openraft::alias::LogIdOf<Types>;
    /// A vote.
    pub type Vote = openraft::alias::VoteOf<Types>;
    /// An entry.
    pub type Entry = openraft::alias::EntryOf<Types>;
    /// What an entry holds.
    pub type Payload = openraft::EntryPayload<Packed, u64, Peer>;
    /// Who takes part.
    pub type Membership = openraft::Membership<u64, Peer>;
    /// Who takes part, as of which entry.
    pub type StoredMembership = openraft::alias::StoredMembershipOf<Types>;
    /// A snapshot's place in the log.
    pub type SnapshotMeta = openraft::alias::SnapshotMetaOf<Types>;
    /// A snapshot.
    pub type Snapshot = openraft::alias::SnapshotOf<Types, SnapshotDir>;
}
