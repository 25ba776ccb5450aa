//! Raft's own notes as we write them.
//!
//! Own structs, never openraft's serde: its layouts changed between releases, ours change when we say so. Positional
//! (bincode), so new fields mean a new frame schema.

use crate::types::{
    Packed, Peer,
    alias::{CommittedLeaderId, Entry, LogId, Membership, Payload, StoredMembership, Vote},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Place of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredLogId {
    /// Term of the leader that wrote it.
    pub term: u64,
    /// That leader.
    pub node_id: u64,
    /// Its index.
    pub index: u64,
}

impl From<LogId> for StoredLogId {
    fn from(id: LogId) -> Self {
        StoredLogId {
            term: id.leader_id.term,
            node_id: id.leader_id.node_id,
            index: id.index,
        }
    }
}

impl From<StoredLogId> for LogId {
    fn from(id: StoredLogId) -> Self {
        LogId::new(
            CommittedLeaderId {
                term: id.term,
                node_id: id.node_id,
            },
            id.index,
        )
    }
}

/// A vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredVote {
    term: u64,
    node_id: u64,
    committed: bool,
}

impl From<&Vote> for StoredVote {
    fn from(vote: &Vote) -> Self {
        StoredVote {
            term: vote.leader_id.term,
            node_id: vote.leader_id.node_id,
            committed: vote.committed,
        }
    }
}

impl From<StoredVote> for Vote {
    fn from(vote: StoredVote) -> Self {
        if vote.committed {
            Vote::new_committed(vote.term, vote.node_id)
        } else {
            Vote::new(vote.term, vote.node_id)
        }
    }
}

/// Who takes part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredMembers {
    configs: Vec<BTreeSet<u64>>,
    nodes: BTreeMap<u64, String>,
}

impl From<&Membership> for StoredMembers {
    fn from(membership: &Membership) -> Self {
        StoredMembers {
            configs: membership.get_joint_config().clone(),
            nodes: membership
                .nodes()
                .map(|(id, peer)| (*id, peer.address.clone()))
                .collect(),
        }
    }
}

impl TryFrom<StoredMembers> for Membership {
    type Error = String;

    fn try_from(members: StoredMembers) -> Result<Self, String> {
        let nodes: BTreeMap<u64, Peer> = members
            .nodes
            .into_iter()
            .map(|(id, address)| (id, Peer { address }))
            .collect();
        Membership::new(members.configs, nodes).map_err(|e| e.to_string())
    }
}

/// Who takes part, as of which entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredMembershipAt {
    at: Option<StoredLogId>,
    members: StoredMembers,
}

impl From<&StoredMembership> for StoredMembershipAt {
    fn from(stored: &StoredMembership) -> Self {
        StoredMembershipAt {
            at: stored.log_id().map(Into::into),
            members: stored.membership().into(),
        }
    }
}

impl TryFrom<StoredMembershipAt> for StoredMembership {
    type Error = String;

    fn try_from(stored: StoredMembershipAt) -> Result<Self, String> {
        Ok(StoredMembership::new(
            stored.at.map(Into::into),
            stored.members.try_into()?,
        ))
    }
}

#[derive(Serialize, Deserialize)]
enum StoredPayload {
    Blank,
    Normal(Bytes),
    Membership(StoredMembers),
}

/// An entry of the log.
#[derive(Serialize, Deserialize)]
pub struct StoredEntry {
    log_id: StoredLogId,
    payload: StoredPayload,
}

impl From<&Entry> for StoredEntry {
    fn from(entry: &Entry) -> Self {
        let payload = match &entry.payload {
            Payload::Blank => StoredPayload::Blank,
            Payload::Normal(packed) => StoredPayload::Normal(packed.0.clone()),
            Payload::Membership(membership) => StoredPayload::Membership(membership.into()),
        };
        StoredEntry {
            log_id: entry.log_id.into(),
            payload,
        }
    }
}

impl StoredEntry {
    /// The entry as openraft has it.
    ///
    /// # Errors
    /// What cannot be in a membership.
    pub fn into_entry(self) -> Result<Entry, String> {
        let payload = match self.payload {
            StoredPayload::Blank => Payload::Blank,
            StoredPayload::Normal(bytes) => Payload::Normal(Packed(bytes)),
            StoredPayload::Membership(members) => Payload::Membership(members.try_into()?),
        };
        Ok(Entry {
            log_id: self.log_id.into(),
            payload,
        })
    }
}
