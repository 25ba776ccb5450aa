//! The cluster's business on the peer port: what nodes ask each other about nodes.

use crate::{cluster::Cluster, leadership::TransferError, members::RemoveError};
use std::{sync::Arc, time::Duration};
use tonic::{Request, Response, Status};
use troop_proto::peer::{self as wire, cluster_server, register_reply::Result as Reply};
use troop_raft_store::{Caller, Gate, MembershipError, network::admission};
use troop_txn::Revision;

/// Longest one node waits on behalf of another for its data plane; callers ask again if they have longer.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Answers members.
pub struct ClusterService {
    cluster: Arc<Cluster>,
    gate: Arc<dyn Gate>,
}

impl ClusterService {
    /// Ready to be added to a server.
    pub fn server(cluster: Arc<Cluster>, gate: Arc<dyn Gate>) -> cluster_server::ClusterServer<Self> {
        cluster_server::ClusterServer::new(ClusterService { cluster, gate })
    }

    fn admit<T>(&self, request: &Request<T>) -> Result<Caller, Status> {
        let me = self.cluster.identity.peer_identity();
        admission::admit(&*self.gate, &me.cluster_id.to_string(), me.node_id, request)
    }

    fn not_leader(&self, leader: Option<u64>) -> Reply {
        let address = leader
            .and_then(|id| self.cluster.store.address_of(id))
            .unwrap_or_default();
        let reason = match leader {
            Some(id) => format!("node {id} leads"),
            None => "no node leads".into(),
        };
        Reply::NotLeader(wire::NotLeader {
            leader: leader.unwrap_or_default(),
            reason,
            address,
        })
    }
}

#[tonic::async_trait]
impl cluster_server::Cluster for ClusterService {
    async fn register(
        &self,
        request: Request<wire::RegisterRequest>,
    ) -> Result<Response<wire::RegisterReply>, Status> {
        let caller = self.admit(&request)?;
        let address = request.into_inner().address;
        let result = match self.cluster.store.add_learner(caller.node_id, &address).await {
            Ok(()) => Reply::Done(wire::Empty {}),
            Err(MembershipError::NotLeader { leader }) => self.not_leader(leader),
            Err(error) => Reply::Refused(error.to_string()),
        };
        Ok(Response::new(wire::RegisterReply { result: Some(result) }))
    }

    async fn remove(
        &self,
        request: Request<wire::RemoveRequest>,
    ) -> Result<Response<wire::RegisterReply>, Status> {
        self.admit(&request)?;
        let result = match self.cluster.remove_as_leader(request.into_inner().node_id).await {
            Ok(()) => Reply::Done(wire::Empty {}),
            Err(RemoveError::NotLeader(leader)) => self.not_leader(leader),
            Err(RemoveError::Unknown(id)) => return Err(Status::not_found(format!("there is no node {id}"))),
            Err(RemoveError::Refused(reason)) => Reply::Refused(reason),
            Err(error) => return Err(Status::aborted(error.to_string())),
        };
        Ok(Response::new(wire::RegisterReply { result: Some(result) }))
    }

    async fn hand_over(
        &self,
        request: Request<wire::HandOverRequest>,
    ) -> Result<Response<wire::RegisterReply>, Status> {
        self.admit(&request)?;
        let to = Some(request.into_inner().to).filter(|id| *id != 0);
        let result = match self.cluster.transfer_as_leader(to).await {
            Ok(()) => Reply::Done(wire::Empty {}),
            Err(TransferError::NotLeader(leader)) => self.not_leader(leader),
            Err(TransferError::Refused(reason)) => Reply::Refused(reason),
            Err(error @ TransferError::Unknown(_)) => return Err(Status::not_found(error.to_string())),
            Err(error) => return Err(Status::aborted(error.to_string())),
        };
        Ok(Response::new(wire::RegisterReply { result: Some(result) }))
    }

    async fn leave(&self, request: Request<wire::LeaveNotice>) -> Result<Response<wire::Empty>, Status> {
        self.admit(&request)?;
        self.cluster.leave(&request.into_inner().reason);
        Ok(Response::new(wire::Empty {}))
    }

    async fn report(&self, request: Request<wire::Empty>) -> Result<Response<wire::NodeReport>, Status> {
        self.admit(&request)?;
        Ok(Response::new(self.cluster.report()))
    }

    async fn wait_served(
        &self,
        request: Request<wire::WaitServedRequest>,
    ) -> Result<Response<wire::NodeReport>, Status> {
        self.admit(&request)?;
        let request = request.into_inner();
        let limit = Duration::from_millis(request.timeout_ms).min(WAIT_MAX);
        // Out of time or not, the report says how far this node is.
        self.cluster.serves(Revision::new(request.revision), limit).await;
        Ok(Response::new(self.cluster.report()))
    }

    async fn ask(&self, request: Request<wire::AskRequest>) -> Result<Response<wire::AskReply>, Status> {
        self.admit(&request)?;
        let request = request.into_inner();
        let answer = self.cluster.answer(&request.subject, &request.question)?;
        Ok(Response::new(wire::AskReply { answer }))
    }
}
