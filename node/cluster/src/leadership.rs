//! Handing leadership over on purpose: asked at any node, done by the leader.
//!
//! A relay race: the baton goes to a runner who is seen running. The catch: the leader takes no more writes from the moment it lets go of
//! the baton, so it is not held out to somebody who does not answer; if it falls all the same an election decides who picks it up.
//!
//! What it does not do: keep leadership where it was put. After the next failure whoever is fit leads.

use crate::cluster::{Cluster, within};
use futures_util::future::join_all;
use std::time::Duration;
use thiserror::Error;
use tokio::time::Instant;
use troop_proto::peer::{self as wire, register_reply::Result as Reply};
use troop_raft_store::{MemberInfo, MembershipError};

/// Longest a planned hand-over of leadership may take before it is called failed; it takes one round trip and one election.
pub const HAND_OVER_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest the whole of it may take, from whatever node it is asked: two tries and an election in between.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// Why leadership stayed where it was.
#[derive(Debug, Error)]
pub enum TransferError {
    /// There is none of this number.
    #[error("there is no node {0}")]
    Unknown(u64),
    /// It cannot lead.
    #[error("{0}")]
    Refused(String),
    /// Ask the leader.
    #[error("this node does not lead")]
    NotLeader(Option<u64>),
    /// It was tried, and nobody took over.
    #[error("{0}")]
    Failed(String),
    /// No leader.
    #[error("{0}")]
    Unavailable(String),
}

impl Cluster {
    /// Hands leadership to a node, or to the fittest when none is named. Gives the node that leads then. A node that leads already
    /// goes on leading.
    ///
    /// # Errors
    /// [`TransferError`].
    pub async fn transfer(&self, to: Option<u64>) -> Result<u64, TransferError> {
        let until = Instant::now() + TRANSFER_TIMEOUT;
        let mut first = None;
        loop {
            let leader = self.store.status().leader;
            let moved = to.is_none() && first.is_some() && leader != first;
            if let Some(leader) = leader.filter(|leader| moved || to == Some(*leader)) {
                return Ok(leader);
            }
            first = first.or(leader);
            let outcome = match leader {
                None => Err(TransferError::Unavailable("no node leads".into())),
                Some(leader) if leader == self.node_id() => self.transfer_as_leader(to).await,
                Some(leader) => self.transfer_through(leader, to).await,
            };
            match outcome {
                // The word has gone round, or will within a heartbeat.
                Ok(()) | Err(TransferError::NotLeader(_) | TransferError::Unavailable(_))
                    if Instant::now() < until => {}
                Ok(()) | Err(TransferError::NotLeader(_)) => {
                    return Err(TransferError::Unavailable("no node leads".into()));
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    async fn transfer_through(&self, leader: u64, to: Option<u64>) -> Result<(), TransferError> {
        let address = self.store.address_of(leader);
        let address = address.ok_or(TransferError::NotLeader(None))?;
        let mut client = self.client(leader, &address);
        let request = wire::HandOverRequest {
            to: to.unwrap_or_default(),
        };
        match within(TRANSFER_TIMEOUT, client.hand_over(request)).await {
            Ok(reply) => match reply.result {
                Some(Reply::Done(_)) => Ok(()),
                Some(Reply::Refused(reason)) => Err(TransferError::Refused(reason)),
                Some(Reply::NotLeader(hint)) => {
                    Err(TransferError::NotLeader(Some(hint.leader).filter(|id| *id != 0)))
                }
                None => Err(TransferError::Unavailable("the leader's answer is empty".into())),
            },
            Err(status) if status.code() == tonic::Code::NotFound => {
                Err(TransferError::Unknown(to.unwrap_or_default()))
            }
            Err(status) if status.code() == tonic::Code::Aborted => {
                Err(TransferError::Failed(status.message().to_owned()))
            }
            Err(status) => Err(TransferError::Unavailable(self.note_refusal(&status))),
        }
    }

    /// Hands leadership over if this node has it.
    pub(crate) async fn transfer_as_leader(&self, to: Option<u64>) -> Result<(), TransferError> {
        let status = self.store.status();
        if status.leader != Some(self.node_id()) {
            return Err(TransferError::NotLeader(status.leader));
        }
        if to == Some(self.node_id()) {
            return Ok(());
        }
        let successor = self.successor(to).await?;
        let handed = self.store.hand_over(successor, HAND_OVER_TIMEOUT).await;
        handed.map_err(|error| match error {
            MembershipError::NotLeader { leader } => TransferError::NotLeader(leader),
            other => TransferError::Failed(other.to_string()),
        })
    }

    /// The voter of that number, or the one that has most of the log, among those that answer.
    pub(crate) async fn successor(&self, wanted: Option<u64>) -> Result<u64, TransferError> {
        let members = self.store.members();
        if let Some(id) = wanted {
            let member = members.iter().find(|member| member.id == id);
            let member = member.ok_or(TransferError::Unknown(id))?;
            if !member.voter {
                let reason = format!("node {id} is a learner: it follows, and does not lead");
                return Err(TransferError::Refused(reason));
            }
        }
        let me = self.node_id();
        let fits = |member: &MemberInfo| match wanted {
            Some(id) => member.id == id,
            None => member.voter && member.id != me,
        };
        let candidates: Vec<MemberInfo> = members.into_iter().filter(fits).collect();
        let answers = join_all(candidates.iter().map(|member| self.report_of(member))).await;
        let awake = candidates
            .iter()
            .zip(answers)
            .filter(|(_, answer)| answer.is_ok());
        let fittest = awake
            .map(|(member, _)| member)
            .max_by_key(|member| member.matched);
        fittest.map(|member| member.id).ok_or_else(|| {
            TransferError::Refused(match wanted {
                Some(id) => format!("node {id} does not answer: leadership stays where it is"),
                None => "there is no other voter that answers: leadership stays where it is".into(),
            })
        })
    }
}
