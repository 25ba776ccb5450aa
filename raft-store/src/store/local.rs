//! What only the leader can do, tried on this node.
//!
//! A node that does not lead says so and names the leader if it knows one; it never passes a call on, so that calls
//! cannot run in circles. The origin decides where to try next.
//!
//! The catch: what is once in the log is applied by every node, and one that cannot read it must stop. So an entry is opened here, by
//! the leader, before it gets there, whoever sent it.

use super::RaftStore;
use crate::types::{Answer, Packed, Types};
use bytes::Bytes;
use openraft::{
    ReadPolicy,
    error::{ClientWriteError, ForwardToLeader, LinearizableReadError, RaftError},
};
use troop_txn::{Op, Outcome, Txn, codec, entry::ENTRY_MAX_BYTES};

/// What became of a write on this node.
#[derive(Debug)]
pub enum LocalWrite {
    /// Applied here, or refused by a guard.
    Done(Outcome),
    /// Not proposed: somebody else leads, or nobody.
    NotLeader(Option<u64>, String),
    /// Not proposed, and no other node would do it either.
    Refused(String),
    /// Perhaps proposed.
    Unknown(String),
}

impl RaftStore {
    /// Proposes a packed transaction, if this node leads, and waits until it is applied here.
    pub(crate) async fn write_here(&self, packed: Bytes) -> LocalWrite {
        let status = self.status();
        if status.leader != Some(self.node_id()) {
            return LocalWrite::NotLeader(status.leader, "this node does not lead".into());
        }
        if let Err(reason) = fits_the_log(&packed).and_then(|txn| self.has_room_for(&txn)) {
            return LocalWrite::Refused(reason);
        }
        match self.raft.client_write(Packed(packed)).await {
            Ok(response) => match response.data {
                Answer(Some(outcome)) => LocalWrite::Done(outcome),
                Answer(None) => LocalWrite::Unknown("the entry at its place is not a transaction".into()),
            },
            // openraft: rejected before it was appended.
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(to))) => {
                let (leader, reason) = not_leader(&to);
                LocalWrite::NotLeader(leader, reason)
            }
            Err(error) => LocalWrite::Unknown(error.to_string()),
        }
    }

    /// The log index up to which reads must be applied to be linearizable, if this node leads and a quorum says so.
    pub(crate) async fn read_index_here(&self) -> Result<u64, (Option<u64>, String)> {
        match self.raft.get_read_log_id(ReadPolicy::ReadIndex).await {
            // The index first, then the question who leads: what anybody was told before is at or below it.
            Ok((read, _applied)) => {
                self.confirm_leadership().await.map_err(|reason| (None, reason))?;
                Ok(read.index())
            }
            Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(to))) => Err(not_leader(&to)),
            Err(error) => Err((None, error.to_string())),
        }
    }

    /// Below the reserve only what frees space is taken.
    fn has_room_for(&self, txn: &Txn) -> Result<(), String> {
        let free = match rustix::fs::statvfs(&self.options.data_dir) {
            Ok(found) => found.f_bavail.saturating_mul(found.f_frsize),
            // Not knowing is no reason to refuse: the write itself will tell.
            Err(_) => return Ok(()),
        };
        if free >= self.options.disk_reserve_bytes || frees_space(txn) {
            return Ok(());
        }
        let free_mib = free >> 20;
        Err(format!(
            "the leader's disk is nearly full ({free_mib} MiB free): only deletes are taken until there is room"
        ))
    }
}

fn fits_the_log(packed: &Bytes) -> Result<Txn, String> {
    if packed.len() > ENTRY_MAX_BYTES {
        return Err(format!("{} bytes are more than one entry may have", packed.len()));
    }
    codec::unpack(packed)
        .map_err(|e| format!("the leader cannot read the change; is it older than the sender? {e}"))
}

fn frees_space(txn: &Txn) -> bool {
    txn.ops
        .iter()
        .all(|op| matches!(op, Op::Delete { .. } | Op::CompactEvents { .. }))
}

fn not_leader(to: &ForwardToLeader<Types>) -> (Option<u64>, String) {
    match to.leader_id {
        Some(leader) => (Some(leader), format!("node {leader} leads")),
        None => (None, format!("no node leads ({:?})", to.reason)),
    }
}
