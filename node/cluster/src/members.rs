//! Asking and changing who belongs: status of all, waiting for all, removing one.

use crate::{
    cluster::{CALL_TIMEOUT, Cluster, leader_hint, within},
    roster,
    writer::now_ms,
};
use bytes::Bytes;
use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use std::time::Duration;
use thiserror::Error;
use tokio::time::Instant;
use troop_proto::peer::{self as wire, register_reply::Result as Reply};
use troop_raft_store::{MemberInfo, MembershipError, RaftStatus};
use troop_txn::{Guard, Op, ProposeError, Revision, Store, read};

/// A status must not hang on a dead member.
pub(crate) const REPORT_TIMEOUT: Duration = Duration::from_millis(500);
/// Longest a removal may take: a hand-over, an election, two membership entries.
const REMOVE_TIMEOUT: Duration = Duration::from_secs(20);
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// A member as everybody together knows it.
#[derive(Clone, Debug)]
pub struct MemberStatus {
    /// Number, address, vote.
    pub member: MemberInfo,
    /// What people call it.
    pub name: String,
    /// Its own report; none when it does not answer.
    pub report: Option<wire::NodeReport>,
}

/// The whole picture from one node.
#[derive(Clone, Debug)]
pub struct ClusterPicture {
    /// The node that was asked.
    pub raft: RaftStatus,
    /// Everybody.
    pub members: Vec<MemberStatus>,
}

/// Why a node was not removed.
#[derive(Debug, Error)]
pub enum RemoveError {
    /// There is none of this number.
    #[error("there is no node {0}")]
    Unknown(u64),
    /// It would break the cluster.
    #[error("{0}")]
    Refused(String),
    /// Ask the leader.
    #[error("this node does not lead")]
    NotLeader(Option<u64>),
    /// No leader or no quorum.
    #[error("{0}")]
    Unavailable(String),
    /// It may yet happen: look at the members.
    #[error("the removal is not confirmed: {0}")]
    Unconfirmed(String),
}

/// Whose data planes are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Every member that answers.
    Everybody,
    /// More than half of the voters.
    Majority,
}

/// Who serves a revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServedBy {
    /// Whether all that were waited for do.
    pub complete: bool,
    /// They do.
    pub by: Vec<u64>,
    /// They answer, and do not yet, or were not waited for any more.
    pub behind: Vec<u64>,
    /// They do not answer.
    pub silent: Vec<u64>,
}

impl Cluster {
    /// Everybody's state, as far as they answer.
    pub async fn picture(&self) -> ClusterPicture {
        let names = read(&*self.store, |view| roster::nodes(view)).unwrap_or_default();
        let name_of = |id| {
            let found = names.iter().find(|node| node.id == id);
            found.map_or_else(|| format!("node-{id}"), |node| node.row.name.clone())
        };
        let ask = |member: MemberInfo| async move {
            let report = self.report_of(&member).await.ok();
            (member, report)
        };
        let members = join_all(self.store.members().into_iter().map(ask)).await;
        let members = members
            .into_iter()
            .map(|(member, report)| MemberStatus {
                name: name_of(member.id),
                member,
                report,
            })
            .collect();
        ClusterPicture {
            raft: self.store.status(),
            members,
        }
    }

    pub(crate) async fn report_of(&self, member: &MemberInfo) -> Result<wire::NodeReport, tonic::Status> {
        if member.id == self.node_id() {
            return Ok(self.report());
        }
        let mut client = self.client(member.id, &member.address);
        within(REPORT_TIMEOUT, client.report(wire::Empty {})).await
    }

    /// Waits until this node's data plane serves `revision`; whether it did in time.
    pub async fn serves(&self, revision: Revision, limit: Duration) -> bool {
        let Some(mut served) = self.served().cloned() else {
            return false;
        };
        matches!(
            tokio::time::timeout(limit, served.wait_for(|now| *now >= revision)).await,
            Ok(Ok(_))
        )
    }

    /// Waits until every member that answers, or more than half of the voters, serve `revision`, or the time is up.
    pub async fn served_by(&self, revision: Revision, whom: Whom, limit: Duration) -> ServedBy {
        let mut members = self.store.members();
        if whom == Whom::Majority {
            members.retain(|member| member.voter);
        }
        let enough = match whom {
            Whom::Everybody => members.len(),
            Whom::Majority => members.len() / 2 + 1,
        };
        let mut unheard: Vec<u64> = members.iter().map(|member| member.id).collect();
        let wait = |member: MemberInfo| async move {
            (member.id, self.wait_for_one(&member, revision, limit).await)
        };
        let mut answers: FuturesUnordered<_> = members.into_iter().map(wait).collect();
        let mut out = ServedBy::default();
        while out.by.len() < enough
            && let Some((id, served)) = answers.next().await
        {
            unheard.retain(|other| *other != id);
            match served {
                Some(true) => out.by.push(id),
                Some(false) => out.behind.push(id),
                None => out.silent.push(id),
            }
        }
        out.complete = match whom {
            Whom::Everybody => out.behind.is_empty(),
            Whom::Majority => out.by.len() >= enough,
        };
        out.behind.extend(unheard);
        out
    }

    /// `None` when the member does not answer at all.
    async fn wait_for_one(&self, member: &MemberInfo, revision: Revision, limit: Duration) -> Option<bool> {
        if member.id == self.node_id() {
            return Some(self.serves(revision, limit).await);
        }
        let until = Instant::now() + limit;
        let request = wire::WaitServedRequest {
            revision: revision.get(),
            timeout_ms: limit.as_millis() as u64,
        };
        let mut client = self.client(member.id, &member.address);
        // The margin lets the member say how far it got.
        match within(limit + REPORT_TIMEOUT, client.wait_served(request)).await {
            Ok(report) => Some(report.served_revision >= revision.get()),
            // A member that is connected and silent may be paused: it is live until its connection is given up.
            Err(status) if status.code() == tonic::Code::DeadlineExceeded => Some(false),
            Err(_) => {
                let spent = Instant::now() >= until;
                spent.then_some(false)
            }
        }
    }

    /// Removes a node for good, wherever the leader is; also the leader, also this node.
    ///
    /// # Errors
    /// [`RemoveError`].
    pub async fn remove(&self, id: u64) -> Result<(), RemoveError> {
        let until = Instant::now() + REMOVE_TIMEOUT;
        let mut perhaps_done = false;
        loop {
            let outcome = match self.store.status().leader {
                None => Err(RemoveError::Unavailable("no node leads".into())),
                Some(leader) if leader == self.node_id() => self.remove_as_leader(id).await,
                Some(leader) => self.remove_through(leader, id).await,
            };
            match outcome {
                // An earlier try came through, though its answer was lost.
                Err(RemoveError::Unknown(_)) if perhaps_done && self.was_removed(id).await => return Ok(()),
                Err(
                    RemoveError::NotLeader(_) | RemoveError::Unavailable(_) | RemoveError::Unconfirmed(_),
                ) if Instant::now() < until => {}
                Err(RemoveError::NotLeader(_)) => {
                    return Err(RemoveError::Unavailable("no node leads".into()));
                }
                other => return other,
            }
            perhaps_done = true;
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    async fn was_removed(&self, id: u64) -> bool {
        // Without a fresh state the tombstone may not be here yet: then the answer stays "there is no such node".
        let _ = self.store.linearize(CALL_TIMEOUT).await;
        read(&*self.store, |view| roster::is_removed(view, id)).unwrap_or(false)
    }

    async fn remove_through(&self, leader: u64, id: u64) -> Result<(), RemoveError> {
        let address = self
            .store
            .address_of(leader)
            .ok_or(RemoveError::NotLeader(None))?;
        let mut client = self.client(leader, &address);
        let reply = within(REMOVE_TIMEOUT, client.remove(wire::RemoveRequest { node_id: id })).await;
        match reply {
            Ok(reply) => match reply.result {
                Some(Reply::Done(_)) => Ok(()),
                Some(Reply::Refused(reason)) => Err(RemoveError::Refused(reason)),
                Some(Reply::NotLeader(hint)) => {
                    Err(RemoveError::NotLeader(Some(hint.leader).filter(|id| *id != 0)))
                }
                None => Err(RemoveError::Unconfirmed("the leader's answer is empty".into())),
            },
            Err(status) if status.code() == tonic::Code::NotFound => Err(RemoveError::Unknown(id)),
            Err(status) => Err(RemoveError::Unconfirmed(self.note_refusal(&status))),
        }
    }

    /// Removes a node if this one leads. To remove itself it hands leadership over and leaves the rest to the successor.
    pub(crate) async fn remove_as_leader(&self, id: u64) -> Result<(), RemoveError> {
        let status = self.store.status();
        if status.leader != Some(self.node_id()) {
            return Err(RemoveError::NotLeader(status.leader));
        }
        let members = self.store.members();
        let known = read(&*self.store, |view| roster::nodes(view))
            .map_err(|e| RemoveError::Unavailable(e.to_string()))?;
        let row = known
            .iter()
            .find(|node| node.id == id)
            .map(|node| node.key.clone());
        let address = members
            .iter()
            .find(|member| member.id == id)
            .map(|member| member.address.clone());
        if row.is_none() && address.is_none() {
            return Err(RemoveError::Unknown(id));
        }
        self.leaves_a_quorum(&members, id).await?;
        if id == self.node_id() {
            self.hand_over()
                .await
                .map_err(|e| RemoveError::Unconfirmed(e.to_string()))?;
            return Err(RemoveError::NotLeader(self.store.status().leader));
        }
        self.bury(id, row).await?;
        self.expel(id).await?;
        if let Some(address) = address {
            let mut client = self.client(id, &address);
            let notice = wire::LeaveNotice {
                reason: crate::gate::REMOVED.into(),
            };
            // It may be long gone; if not, it finds out when somebody refuses it.
            if within(REPORT_TIMEOUT, client.leave(notice)).await.is_err() {
                tracing::info!(node_id = id, "the removed node did not hear of it");
            }
        }
        Ok(())
    }

    /// Of the voters that would be left a majority must answer, or the cluster could never change again.
    async fn leaves_a_quorum(&self, members: &[MemberInfo], id: u64) -> Result<(), RemoveError> {
        let left: Vec<&MemberInfo> = members
            .iter()
            .filter(|member| member.voter && member.id != id)
            .collect();
        let was_voter = members.iter().any(|member| member.voter && member.id == id);
        if left.is_empty() {
            return Err(RemoveError::Refused(format!(
                "node {id} is the only voter: a cluster needs one"
            )));
        }
        let answers = join_all(left.iter().map(|member| self.report_of(member))).await;
        let alive = answers.iter().filter(|answer| answer.is_ok()).count();
        if was_voter && alive < left.len() / 2 + 1 {
            return Err(RemoveError::Refused(format!(
                "without node {id} only {alive} of {} voters would answer, which is no majority: start the others first",
                left.len()
            )));
        }
        Ok(())
    }

    /// The tombstone: from here on nobody listens to the node any more.
    async fn bury(&self, id: u64, row: Option<troop_txn::Key>) -> Result<(), RemoveError> {
        let tombstone = roster::tombstone_key(id);
        let mut ops = vec![Op::Put {
            key: tombstone.clone(),
            value: Bytes::copy_from_slice(&now_ms().to_le_bytes()),
        }];
        ops.extend(row.map(|key| Op::Delete { key }));
        match self.writer.write(vec![Guard::Absent(tombstone)], ops).await {
            Ok(_) => Ok(()),
            Err(ProposeError::Unknown { reason, .. }) => Err(RemoveError::Unconfirmed(reason)),
            Err(error) => Err(RemoveError::Unavailable(error.to_string())),
        }
    }

    /// Takes the node out of Raft's membership.
    pub(crate) async fn expel(&self, id: u64) -> Result<(), RemoveError> {
        let until = Instant::now() + CALL_TIMEOUT;
        loop {
            match self.store.expel(id).await {
                Ok(()) => return Ok(()),
                Err(error) if leader_hint(&error).is_some() => {
                    return Err(RemoveError::NotLeader(leader_hint(&error).flatten()));
                }
                // Another change is under way: the keeper promotes, or somebody removes.
                Err(MembershipError::Refused(reason)) if Instant::now() >= until => {
                    return Err(RemoveError::Unconfirmed(reason));
                }
                Err(MembershipError::Refused(_)) => tokio::time::sleep(RETRY_PAUSE).await,
                Err(error) => return Err(RemoveError::Unconfirmed(error.to_string())),
            }
        }
    }
}
