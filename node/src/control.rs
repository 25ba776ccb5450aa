//! The Admin API's telephone to the cluster.

use crate::{agreement, answers::HEALTH};
use futures_util::{FutureExt, future::BoxFuture};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::watch;
use troop_admin::{
    ClusterControl, ClusterStatus, ControlError, MemberRole, MemberStatus, NewToken, NodeRole, Opinion,
    Served, Serving, TokenInfo, TokenRequest, WaitScope,
};
use troop_cluster::{
    cluster::Cluster,
    leadership::TransferError,
    members::{ClusterPicture, RemoveError, Whom},
    question::Answered,
    token::{Role, TokenId, TokenRow},
    tokens::TokensError,
};
use troop_runtime::Shutdown;
use troop_txn::{ProposeError, Revision};
use uuid::Uuid;

/// Answers for the cluster.
pub struct Control {
    cluster: Arc<Cluster>,
    served: watch::Receiver<Revision>,
    shutdown: Shutdown,
}

impl Control {
    /// `served` is what this node's data plane serves; `shutdown` is pulled by `stop`.
    pub fn new(cluster: Arc<Cluster>, served: watch::Receiver<Revision>, shutdown: Shutdown) -> Arc<Self> {
        Arc::new(Control {
            cluster,
            served,
            shutdown,
        })
    }

    async fn ask_status(&self) -> ClusterStatus {
        let (picture, flavors) = tokio::join!(self.cluster.picture(), agreement::flavors(&self.cluster));
        let me = self.cluster.node_id();
        let served = self.served.borrow().get();
        let name = picture
            .members
            .iter()
            .find(|member| member.member.id == me)
            .map(|member| member.name.clone());
        ClusterStatus {
            id: me,
            name: name.unwrap_or_else(|| self.cluster.name().to_owned()),
            role: role_of(&picture),
            leader: picture.raft.leader,
            term: picture.raft.term,
            last_log_index: picture.raft.last_log_index,
            applied_index: picture.raft.applied_index,
            served_revision: served,
            members: members_of(&picture, flavors),
        }
    }
}

fn role_of(picture: &ClusterPicture) -> NodeRole {
    match picture.raft.role {
        _ if picture.raft.stopped.is_some() => NodeRole::Stopped,
        "leader" => NodeRole::Leader,
        "follower" => NodeRole::Follower,
        "candidate" => NodeRole::Candidate,
        "learner" => NodeRole::Learner,
        _ => NodeRole::Stopped,
    }
}

fn members_of(picture: &ClusterPicture, mut flavors: BTreeMap<u64, String>) -> Vec<MemberStatus> {
    let reports = picture.members.iter().filter_map(|member| member.report.as_ref());
    let newest = reports
        .map(|report| report.last_log_index)
        .max()
        .unwrap_or_default();
    let status = |member: &troop_cluster::members::MemberStatus| MemberStatus {
        id: member.member.id,
        name: member.name.clone(),
        address: member.member.address.clone(),
        role: if member.member.voter {
            MemberRole::Voter
        } else {
            MemberRole::Learner
        },
        served_revision: member.report.as_ref().map(|report| report.served_revision),
        lag: member
            .report
            .as_ref()
            .map(|report| newest.saturating_sub(report.applied_index)),
        router_flavor: flavors.remove(&member.member.id),
    };
    picture.members.iter().map(status).collect()
}

fn info_of(id: TokenId, row: &TokenRow) -> TokenInfo {
    TokenInfo {
        id: id.to_string(),
        role: match row.role() {
            Role::Voter => MemberRole::Voter,
            Role::Learner => MemberRole::Learner,
        },
        expires_at_ms: row.expires_at_ms(),
        uses: row.uses_left(),
    }
}

fn opinion_of(answered: Answered) -> Opinion {
    let health = answered
        .answer
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    Opinion {
        node: answered.node,
        health: health.flatten(),
    }
}

fn tokens_failed(error: TokensError) -> ControlError {
    let text = error.to_string();
    match error {
        TokensError::Invalid(_) => ControlError::Invalid(text),
        TokensError::Unknown(_) => ControlError::NotFound(text),
        TokensError::Propose(ProposeError::Unknown { .. }) => ControlError::Unknown(text),
        TokensError::Propose(_) | TokensError::Roster(_) => ControlError::Unavailable(text),
    }
}

fn removal_failed(error: RemoveError) -> ControlError {
    let text = error.to_string();
    match error {
        RemoveError::Unknown(_) => ControlError::NotFound(text),
        RemoveError::Refused(_) => ControlError::Conflict(text),
        RemoveError::NotLeader(_) | RemoveError::Unavailable(_) => ControlError::Unavailable(text),
        RemoveError::Unconfirmed(_) => ControlError::Unknown(text),
    }
}

fn transfer_failed(error: TransferError) -> ControlError {
    let text = error.to_string();
    match error {
        TransferError::Unknown(_) => ControlError::NotFound(text),
        TransferError::Refused(_) => ControlError::Conflict(text),
        TransferError::NotLeader(_) | TransferError::Failed(_) | TransferError::Unavailable(_) => {
            ControlError::Unavailable(text)
        }
    }
}

impl ClusterControl for Control {
    fn status(&self) -> BoxFuture<'_, Result<ClusterStatus, ControlError>> {
        self.ask_status().map(Ok).boxed()
    }

    fn create_token(&self, wish: TokenRequest) -> BoxFuture<'_, Result<NewToken, ControlError>> {
        let role = match wish.role {
            MemberRole::Voter => Role::Voter,
            MemberRole::Learner => Role::Learner,
        };
        async move {
            let (token, row) = self
                .cluster
                .create_token(role, wish.ttl, wish.uses)
                .await
                .map_err(tokens_failed)?;
            let text = token.to_text().into_inner();
            let join = format!("troop start --join {} --token {text}", self.cluster.advertised());
            Ok(NewToken {
                info: info_of(token.id(), &row),
                token: text,
                join,
            })
        }
        .boxed()
    }

    fn tokens(&self) -> BoxFuture<'_, Result<Vec<TokenInfo>, ControlError>> {
        let tokens = self.cluster.tokens().map_err(tokens_failed);
        let infos = tokens.map(|all| all.iter().map(|(id, row)| info_of(*id, row)).collect());
        async move { infos }.boxed()
    }

    fn revoke_token(&self, id: String) -> BoxFuture<'_, Result<(), ControlError>> {
        async move {
            let id: TokenId = id
                .parse()
                .map_err(|_| ControlError::NotFound(format!("there is no token {id}")))?;
            self.cluster.revoke_token(id).await.map_err(tokens_failed)
        }
        .boxed()
    }

    fn upstream_health(&self, upstream: Uuid) -> BoxFuture<'_, Vec<Opinion>> {
        async move {
            let answers = self.cluster.ask_all(HEALTH, upstream.as_bytes()).await;
            answers.into_iter().map(opinion_of).collect()
        }
        .boxed()
    }

    fn remove_node(&self, id: u64) -> BoxFuture<'_, Result<(), ControlError>> {
        async move { self.cluster.remove(id).await.map_err(removal_failed) }.boxed()
    }

    fn transfer_leader(&self, to: Option<u64>) -> BoxFuture<'_, Result<u64, ControlError>> {
        async move { self.cluster.transfer(to).await.map_err(transfer_failed) }.boxed()
    }

    fn health(&self) -> BoxFuture<'_, Result<(), String>> {
        let raft = self.cluster.raft_status();
        let health = match (raft.stopped, raft.leader) {
            _ if self.shutdown.is_draining() => Err("this node is draining".to_owned()),
            (Some(reason), _) => Err(format!(
                "the store has stopped: {reason}; the proxy serves what it has. Restart the node once the cause is gone"
            )),
            (None, None) => Err("no leader is known; the proxy serves what it has".to_owned()),
            (None, Some(_)) if !raft.quorum => {
                Err("this node leads and hears no quorum; the proxy serves what it has".to_owned())
            }
            (None, Some(_)) => Ok(()),
        };
        async move { health }.boxed()
    }

    fn stop(&self) {
        self.shutdown.drain("asked to stop");
    }
}

impl Serving for Control {
    fn served(&self) -> watch::Receiver<Revision> {
        self.served.clone()
    }

    fn wait(&self, revision: Revision, scope: WaitScope, within: Duration) -> BoxFuture<'_, Served> {
        let whom = match scope {
            WaitScope::Quorum => Whom::Majority,
            WaitScope::All => Whom::Everybody,
        };
        async move {
            let mut found = self.cluster.served_by(revision, whom, within).await;
            let mut missing = found.behind;
            missing.append(&mut found.silent);
            found.by.sort_unstable();
            missing.sort_unstable();
            Served {
                complete: found.complete,
                by: found.by,
                missing,
            }
        }
        .boxed()
    }
}
