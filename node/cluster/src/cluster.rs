//! A node among nodes: the handle that the program and the peer port's services share.

use crate::{
    authority::Authority,
    data_dir::{DataDir, Removal},
    dial::TlsDialer,
    entry::{self, Seed},
    identity::NodeIdentity,
    leadership::TransferError,
    question::Answerer,
    roster::{self, NodeRow},
    writer::{Writer, now_ms},
};
use bytes::Bytes;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::sync::watch;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use troop_proto::peer::{self as wire, cluster_client::ClusterClient};
use troop_raft_store::{Dialer, Lane, MembershipError, RaftStatus, RaftStore, network::Stamp};
use troop_txn::{Guard, Op, Revision, Store};

/// Pause between two tries to register or to found.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// Longest one call to another node about the cluster's business may take.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) type ClusterPeer = ClusterClient<InterceptedService<Channel, Stamp>>;

/// One node's view of, and part in, its cluster.
pub struct Cluster {
    pub(crate) identity: NodeIdentity,
    pub(crate) dir: DataDir,
    pub(crate) store: Arc<RaftStore>,
    pub(crate) dialer: Arc<TlsDialer>,
    pub(crate) writer: Writer,
    pub(crate) advertise: String,
    served: OnceLock<watch::Receiver<Revision>>,
    answerer: OnceLock<Arc<dyn Answerer>>,
    pub(crate) removed: watch::Sender<bool>,
}

impl Cluster {
    /// Over an opened store. The data plane may start later: a newcomer has nothing to serve yet.
    pub fn new(
        identity: NodeIdentity,
        dir: DataDir,
        store: Arc<RaftStore>,
        dialer: Arc<TlsDialer>,
        advertise: String,
    ) -> Arc<Self> {
        let port: Arc<dyn Store> = store.clone();
        let writer = Writer::new(port, format!("node {}", identity.node_id()));
        Arc::new(Cluster {
            identity,
            dir,
            store,
            dialer,
            writer,
            advertise,
            served: OnceLock::new(),
            answerer: OnceLock::new(),
            removed: watch::Sender::new(false),
        })
    }

    /// This node's number.
    pub fn node_id(&self) -> u64 {
        self.identity.node_id()
    }

    /// From now on this node's data plane serves these revisions.
    pub fn serves_by(&self, served: watch::Receiver<Revision>) {
        // Set once by the program; a second data plane would be a mistake of ours, not of anybody who waits.
        let _ = self.served.set(served);
    }

    pub(crate) fn served(&self) -> Option<&watch::Receiver<Revision>> {
        self.served.get()
    }

    /// From now on this node answers questions of others.
    pub fn answers_by(&self, answerer: Arc<dyn Answerer>) {
        // Set once by the program, as above.
        let _ = self.answerer.set(answerer);
    }

    pub(crate) fn answerer(&self) -> Option<&Arc<dyn Answerer>> {
        self.answerer.get()
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        self.identity.name()
    }

    /// Where others reach its peer port.
    pub fn advertised(&self) -> &str {
        &self.advertise
    }

    /// What this node knows of Raft now.
    pub fn raft_status(&self) -> RaftStatus {
        self.store.status()
    }

    /// Hands leadership over, if this node has it.
    ///
    /// # Errors
    /// [`TransferError`] when nobody takes it in time.
    pub async fn hand_over(&self) -> Result<(), TransferError> {
        match self.transfer_as_leader(None).await {
            Err(TransferError::NotLeader(_)) => Ok(()),
            other => other,
        }
    }

    /// Becomes `true` when this node learns that it was removed.
    pub fn removed(&self) -> watch::Receiver<bool> {
        self.removed.subscribe()
    }

    /// Takes its place: founds the cluster or registers with it, as often as it takes. The peer port must answer by now.
    pub async fn take_place(self: Arc<Self>, founding: Option<Authority>, seeds: Vec<Seed>) {
        if let Some(authority) = founding {
            self.found(&authority).await;
        }
        self.register(seeds).await;
    }

    async fn found(&self, authority: &Authority) {
        loop {
            match self.try_found(authority).await {
                Ok(()) => break,
                Err(reason) => tracing::info!(reason, "founding the cluster goes on"),
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
        if let Err(error) = entry::founded(&self.dir) {
            tracing::warn!(%error, "the founding file could not be removed; it is no longer needed");
        }
    }

    async fn try_found(&self, authority: &Authority) -> Result<(), String> {
        self.store
            .found(&self.advertise)
            .await
            .map_err(|e| e.to_string())?;
        let row = NodeRow::founder(self.identity.name().to_owned(), now_ms());
        let row = row.to_bytes().map_err(|e| e.to_string())?;
        let authority = Bytes::copy_from_slice(authority.to_bytes().expose());
        // A guard that fails means that an earlier try came through.
        let guards = vec![Guard::Absent(roster::authority_key())];
        let ops = vec![
            Op::Put {
                key: roster::authority_key(),
                value: authority,
            },
            Op::Put {
                key: roster::founder_key(),
                value: row,
            },
        ];
        self.writer
            .write(guards, ops)
            .await
            .map(drop)
            .map_err(|e| e.to_string())
    }

    /// Makes sure that membership lists this node, at the address it has now.
    async fn register(&self, mut seeds: Vec<Seed>) {
        let mut next = 0;
        while !self.is_listed() && !*self.removed.borrow() {
            let known = self
                .store
                .members()
                .into_iter()
                .filter(|member| member.id != self.node_id());
            for member in known {
                let seed = Seed {
                    id: member.id,
                    address: member.address,
                };
                if !seeds.contains(&seed) {
                    seeds.push(seed);
                }
            }
            let outcome = match seeds.get(next % seeds.len().max(1)) {
                None => self
                    .store
                    .add_learner(self.node_id(), &self.advertise)
                    .await
                    .map_err(|e| e.to_string()),
                Some(seed) => self.register_with(seed).await,
            };
            match outcome {
                Ok(()) => tokio::time::sleep(RETRY_PAUSE).await,
                Err(reason) => {
                    tracing::info!(reason, "registering with the cluster goes on");
                    next += 1;
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
        if let Err(error) = entry::registered(&self.dir) {
            tracing::warn!(%error, "the seeds file could not be removed; it is no longer needed");
        }
    }

    fn is_listed(&self) -> bool {
        self.store
            .members()
            .iter()
            .any(|member| member.id == self.node_id() && member.address == self.advertise)
    }

    /// Registers at one node, or at the leader it names.
    async fn register_with(&self, seed: &Seed) -> Result<(), String> {
        let request = wire::RegisterRequest {
            address: self.advertise.clone(),
        };
        let leader = match self.send_register(seed, &request).await? {
            None => return Ok(()),
            Some(leader) => leader,
        };
        if leader.id == self.node_id() {
            return self
                .store
                .add_learner(leader.id, &self.advertise)
                .await
                .map_err(|e| e.to_string());
        }
        match self.send_register(&leader, &request).await? {
            None => Ok(()),
            Some(other) => Err(format!("node {} says that node {} leads", leader.id, other.id)),
        }
    }

    /// `None` when done, the leader to ask otherwise.
    async fn send_register(
        &self,
        seed: &Seed,
        request: &wire::RegisterRequest,
    ) -> Result<Option<Seed>, String> {
        use wire::register_reply::Result as Reply;
        let mut client = self.client(seed.id, &seed.address);
        let reply = within(CALL_TIMEOUT, client.register(request.clone())).await;
        let reply = reply.map_err(|status| self.note_refusal(&status))?;
        match reply.result {
            Some(Reply::Done(_)) => Ok(None),
            Some(Reply::NotLeader(hint)) if hint.leader != 0 && !hint.address.is_empty() => Ok(Some(Seed {
                id: hint.leader,
                address: hint.address,
            })),
            Some(Reply::NotLeader(hint)) => Err(hint.reason),
            Some(Reply::Refused(reason)) => Err(reason),
            None => Err("the answer is empty".into()),
        }
    }

    /// The words of a refusal; a node that is told that it was removed takes note.
    pub(crate) fn note_refusal(&self, status: &tonic::Status) -> String {
        if status.code() == tonic::Code::PermissionDenied && status.message() == crate::gate::REMOVED {
            self.leave(status.message());
        }
        status.message().to_owned()
    }

    /// This node does not belong any more: it will not start from this directory again.
    pub(crate) fn leave(&self, reason: &str) {
        let me = self.identity.peer_identity();
        let note = Removal {
            cluster_id: me.cluster_id,
            node_id: me.node_id,
            removed_at_ms: now_ms(),
        };
        if let Err(error) = self.dir.mark_removed(note) {
            tracing::error!(%error, "the removal of this node could not be written down");
        }
        if !self.removed.send_replace(true) {
            tracing::error!(reason, "this node no longer belongs to the cluster");
        }
    }

    /// A client for the cluster's business at another node.
    pub(crate) fn client(&self, id: u64, address: &str) -> ClusterPeer {
        let me = self.identity.peer_identity();
        let stamp = Stamp {
            cluster: me.cluster_id.to_string(),
            from: me.node_id,
            to: id,
        };
        ClusterClient::with_interceptor(self.dialer.channel(id, address, Lane::Control), stamp)
    }

    /// Where this node is, for others.
    pub(crate) fn report(&self) -> wire::NodeReport {
        let status = self.store.status();
        let notes = self.store.notes().unwrap_or_default();
        wire::NodeReport {
            node_id: self.node_id(),
            served_revision: self.served().map_or(0, |served| served.borrow().get()),
            applied_index: status.applied_index,
            last_log_index: status.last_log_index,
            applied_revision: notes.revision.get(),
            digest: Bytes::copy_from_slice(&notes.digest.to_le_bytes()),
            chain: Bytes::copy_from_slice(&notes.chain.to_le_bytes()),
            clock_ms: now_ms(),
        }
    }
}

/// A call with a deadline.
pub(crate) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
) -> Result<T, tonic::Status> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer.map(tonic::Response::into_inner),
        Err(_) => Err(tonic::Status::deadline_exceeded(format!(
            "no answer within {limit:?}"
        ))),
    }
}

/// What the leader alone can do was tried elsewhere.
pub(crate) fn leader_hint(error: &MembershipError) -> Option<Option<u64>> {
    match error {
        MembershipError::NotLeader { leader } => Some(*leader),
        _ => None,
    }
}
