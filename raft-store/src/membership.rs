//! Who takes part in Raft: first member, learners, promotion, removal, handing over.
//!
//! These work on the leader only and say so elsewhere. Who *may* take part is the business of the crate `cluster`.

use crate::{
    options::MEMBERSHIP_TIMEOUT,
    store::RaftStore,
    types::{Peer, alias::LogId},
};
use openraft::{
    ChangeMembers,
    async_runtime::WatchReceiver,
    error::{ClientWriteError, InitializeError, RaftError},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use thiserror::Error;

/// A member as this node knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberInfo {
    /// Its number.
    pub id: u64,
    /// `host:port` of its peer listener.
    pub address: String,
    /// Whether it votes.
    pub voter: bool,
    /// Last log index it is known to hold; known to the leader only.
    pub matched: Option<u64>,
}

/// Why members stayed as they are, as far as this node knows.
#[derive(Debug, Error)]
pub enum MembershipError {
    /// Ask the leader.
    #[error("this node does not lead{}", .leader.map(|id| format!("; node {id} does")).unwrap_or_default())]
    NotLeader {
        /// Who leads, if known.
        leader: Option<u64>,
    },
    /// It cannot be done.
    #[error("{0}")]
    Refused(String),
    /// It may yet happen, or has: look at the members.
    #[error("the change was proposed and not confirmed: {0}")]
    Unconfirmed(String),
}

impl RaftStore {
    /// Makes this node, which has never been a member of anything, the only voter of a new cluster.
    ///
    /// # Errors
    /// [`MembershipError::Refused`] when it has a past.
    pub async fn found(&self, address: &str) -> Result<(), MembershipError> {
        let members = BTreeMap::from([(
            self.node_id(),
            Peer {
                address: address.to_owned(),
            },
        )]);
        match self.raft().initialize(members).await {
            Ok(()) => Ok(()),
            // A crash between founding and being told so.
            Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
            Err(e) => Err(MembershipError::Refused(e.to_string())),
        }
    }

    /// Whether this node has ever been a member of a cluster.
    ///
    /// # Errors
    /// [`MembershipError::Refused`] when Raft has stopped.
    pub async fn has_a_past(&self) -> Result<bool, MembershipError> {
        self.raft()
            .is_initialized()
            .await
            .map_err(|e| MembershipError::Refused(e.to_string()))
    }

    /// Adds a learner; done when the entry is committed, not when the learner has caught up.
    ///
    /// # Errors
    /// [`MembershipError`].
    pub async fn add_learner(&self, id: u64, address: &str) -> Result<(), MembershipError> {
        let peer = Peer {
            address: address.to_owned(),
        };
        let known = self.members().into_iter().find(|member| member.id == id);
        let change = match known {
            Some(member) if member.address == address => return Ok(()),
            // The address of a member is ours to change: it is only how to reach the node that its certificate proves.
            Some(_) => ChangeMembers::SetNodes(BTreeMap::from([(id, peer)])),
            None => ChangeMembers::AddNodes(BTreeMap::from([(id, peer)])),
        };
        self.change(change, true).await?;
        self.network().moved(id, address);
        Ok(())
    }

    /// Makes a learner a voter.
    ///
    /// # Errors
    /// [`MembershipError`].
    pub async fn promote(&self, id: u64) -> Result<(), MembershipError> {
        self.change(ChangeMembers::AddVoterIds(BTreeSet::from([id])), true)
            .await
    }

    /// Removes a member for good.
    ///
    /// # Errors
    /// [`MembershipError`].
    pub async fn expel(&self, id: u64) -> Result<(), MembershipError> {
        match self.members().into_iter().find(|member| member.id == id) {
            None => Ok(()),
            Some(member) if member.voter => {
                self.change(ChangeMembers::RemoveVoters(BTreeSet::from([id])), false)
                    .await
            }
            Some(_) => {
                self.change(ChangeMembers::RemoveNodes(BTreeSet::from([id])), false)
                    .await
            }
        }
    }

    async fn change(&self, change: ChangeMembers<u64, Peer>, retain: bool) -> Result<(), MembershipError> {
        let changing = self.raft().change_membership(change, retain);
        let Ok(changed) = tokio::time::timeout(MEMBERSHIP_TIMEOUT, changing).await else {
            let waited = format!("no majority within {MEMBERSHIP_TIMEOUT:?}");
            return Err(MembershipError::Unconfirmed(waited));
        };
        match changed {
            Ok(_) => Ok(()),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(to))) => {
                Err(MembershipError::NotLeader { leader: to.leader_id })
            }
            Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(e))) => {
                Err(MembershipError::Refused(e.to_string()))
            }
            Err(e) => Err(MembershipError::Unconfirmed(e.to_string())),
        }
    }

    /// Members as this node knows them, in order of their numbers.
    pub fn members(&self) -> Vec<MemberInfo> {
        let metrics = self.raft().metrics();
        let metrics = metrics.borrow_watched();
        let membership = metrics.membership_config.membership();
        let voters: BTreeSet<u64> = membership.voter_ids().collect();
        let matched = |id: &u64| -> Option<u64> {
            if *id == metrics.id {
                return metrics.last_log_index;
            }
            metrics
                .replication
                .as_ref()?
                .get(id)?
                .as_ref()
                .map(|log_id: &LogId| log_id.index)
        };
        membership
            .nodes()
            .map(|(id, peer)| MemberInfo {
                id: *id,
                address: peer.address.clone(),
                voter: voters.contains(id),
                matched: matched(id),
            })
            .collect()
    }

    /// Hands leadership to a voter and waits until another node has it.
    ///
    /// # Errors
    /// [`MembershipError::NotLeader`], or [`MembershipError::Refused`] when nobody took it in time. From the hand-over on this node takes
    /// no writes and is silent, so that then, too, somebody is elected, after an election's time.
    pub async fn hand_over(&self, successor: u64, limit: Duration) -> Result<(), MembershipError> {
        let me = self.node_id();
        let leader = self.status().leader;
        if leader != Some(me) {
            return Err(MembershipError::NotLeader { leader });
        }
        let refused = |e: String| MembershipError::Refused(e);
        self.raft()
            .trigger()
            .transfer_leader(successor)
            .await
            .map_err(|e| refused(e.to_string()))?;
        let waiting = self.raft().wait(Some(limit));
        let handed = waiting.metrics(
            |metrics| metrics.current_leader.is_some_and(|leader| leader != me),
            "another node leads",
        );
        handed
            .await
            .map(drop)
            .map_err(|e| refused(format!("node {successor} did not take over: {e}")))
    }
}
