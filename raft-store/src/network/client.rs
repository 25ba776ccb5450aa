//! Speaking to one member.

use super::{admission::Stamp, convert};
use crate::{
    disk::{SnapshotDir, layout::file, stream},
    options::{MESSAGE_MAX_BYTES, SNAPSHOT_BLOCKS_AHEAD, STREAM_OPEN_TIMEOUT},
    step::{self, Side, Step},
    types::{
        Peer, Types,
        alias::{Snapshot, Vote},
    },
};
use futures_util::{FutureExt, Stream, StreamExt, future::BoxFuture, stream::BoxStream};
use openraft::{
    OptionalSend, RaftNetworkFactory, RaftNetworkV2,
    error::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable},
    network::RPCOption,
    raft::{
        AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult,
        TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
    },
};
use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, service::interceptor::InterceptedService, transport::Channel};
use troop_proto::peer::{self as wire, peer_client::PeerClient, snapshot_part};

/// Which connection to a member: each kind of traffic has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// The log, votes.
    Log,
    /// Heartbeats and reads' confirmations.
    Heartbeat,
    /// Snapshots.
    Snapshot,
    /// Proposals, read indexes, the cluster's own business.
    Control,
}

/// Connects to members. A channel connects when it is first used and again when it broke.
pub trait Dialer: Send + Sync + 'static {
    /// The connection for this kind of traffic to a member.
    fn channel(&self, node_id: u64, address: &str, lane: Lane) -> Channel;
}

/// A client whose calls carry the three names.
pub type Client = PeerClient<InterceptedService<Channel, Stamp>>;

/// Makes clients: what openraft asks for a connection. Clones share the addresses.
#[derive(Clone)]
pub struct Network {
    dialer: Arc<dyn Dialer>,
    cluster: String,
    me: u64,
    addresses: Arc<Mutex<BTreeMap<u64, String>>>,
}

impl Network {
    /// For node `me` of `cluster`.
    pub fn new(dialer: Arc<dyn Dialer>, cluster: String, me: u64) -> Self {
        Network {
            dialer,
            cluster,
            me,
            addresses: Arc::default(),
        }
    }

    /// A client for calls of one lane to a member.
    pub fn client(&self, node_id: u64, address: &str, lane: Lane) -> Client {
        let stamp = Stamp {
            cluster: self.cluster.clone(),
            from: self.me,
            to: node_id,
        };
        PeerClient::with_interceptor(self.dialer.channel(node_id, address, lane), stamp)
            .max_decoding_message_size(MESSAGE_MAX_BYTES)
            .max_encoding_message_size(MESSAGE_MAX_BYTES)
    }

    /// A member is at another address now. openraft keeps the connections of a member whose address alone changed, so they look
    /// here each time they are made again.
    pub fn moved(&self, node_id: u64, address: &str) {
        self.addresses().insert(node_id, address.to_owned());
    }

    fn addresses(&self) -> MutexGuard<'_, BTreeMap<u64, String>> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connection(&self, target: u64, node: &Peer, lane: Lane) -> Connection {
        self.moved(target, &node.address);
        Connection {
            network: self.clone(),
            target,
            lane,
        }
    }
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Connection;

    async fn new_client(&mut self, target: u64, node: &Peer) -> Connection {
        self.connection(target, node, Lane::Log)
    }

    async fn new_heartbeat_client(&mut self, target: u64, node: &Peer) -> Connection {
        self.connection(target, node, Lane::Heartbeat)
    }

    async fn new_snapshot_client(&mut self, target: u64, node: &Peer) -> Connection {
        self.connection(target, node, Lane::Snapshot)
    }
}

/// One lane to one member, as openraft uses it.
pub struct Connection {
    network: Network,
    target: u64,
    lane: Lane,
}

impl Connection {
    fn client(&self) -> Client {
        let address = self
            .network
            .addresses()
            .get(&self.target)
            .cloned()
            .unwrap_or_default();
        self.network.client(self.target, &address, self.lane)
    }
}

impl RaftNetworkV2<Types> for Connection {
    type SnapshotData = SnapshotDir;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        let reply = within(
            option.soft_ttl(),
            self.client().append_once(convert::append_out(&rpc)),
        )
        .await?;
        convert::append_once_in(reply).map_err(failed)
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _option: RPCOption,
    ) -> BoxFuture<
        's,
        Result<BoxStream<'s, Result<StreamAppendResult<Types>, RPCError<Types>>>, RPCError<Types>>,
    >
    where
        S: Stream<Item = AppendEntriesRequest<Types>> + OptionalSend + Unpin + 'static,
    {
        async move {
            let requests = input.map(|request| convert::append_out(&request));
            let replies = within(STREAM_OPEN_TIMEOUT, self.client().append(requests)).await?;
            let replies = replies.map(|reply| reply.and_then(convert::append_reply_in).map_err(failed));
            Ok(replies.boxed())
        }
        .boxed()
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        let reply = within(
            option.soft_ttl(),
            self.client().request_vote(convert::vote_request_out(&rpc)),
        )
        .await?;
        convert::vote_reply_in(reply).map_err(failed)
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        let reply = within(
            option.soft_ttl(),
            self.client().pre_vote(convert::vote_request_out(&rpc)),
        )
        .await?;
        convert::vote_reply_in(reply).map_err(failed)
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let header = convert::snapshot_header_out(&vote, &snapshot.meta, stream::FORMAT);
        let parts = ReceiverStream::new(read_parts(header, snapshot.snapshot));
        let mut client = self.client();
        let send = within(option.hard_ttl(), client.snapshot(parts));
        tokio::select! {
            closed = cancel => Err(StreamingError::Closed(closed)),
            sent = send => {
                let reply = sent.map_err(streaming)?;
                let vote = convert::vote_in(reply.vote).map_err(|e| streaming(failed(e)))?;
                Ok(SnapshotResponse::new(vote))
            }
        }
    }

    async fn transfer_leader(
        &mut self,
        req: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RPCError<Types>> {
        within(
            option.soft_ttl(),
            self.client().transfer(convert::transfer_out(&req)),
        )
        .await?;
        Ok(Ok(()))
    }
}

/// Reads a snapshot on a thread of its own, a few blocks ahead of the network.
fn read_parts(header: wire::SnapshotHeader, dir: SnapshotDir) -> mpsc::Receiver<wire::SnapshotPart> {
    let (parts, receiver) = mpsc::channel(SNAPSHOT_BLOCKS_AHEAD);
    let part = |part| wire::SnapshotPart { part: Some(part) };
    tokio::task::spawn_blocking(move || {
        let send = |p| parts.blocking_send(part(p)).is_ok();
        let read = || -> Result<(), crate::disk::DiskError> {
            let root = dir.path().parent().unwrap_or(dir.path());
            let reach = |side| step::reach(Step::Send, side, root).map_err(file("read out", dir.path()));
            reach(Side::Before)?;
            let mut blocks = stream::BlockReader::open(&dir)?;
            if !send(snapshot_part::Part::Header(header)) {
                return Ok(());
            }
            while let Some((ordinal, frame)) = blocks.next_block()? {
                if !send(snapshot_part::Part::Block(wire::SnapshotBlock {
                    ordinal,
                    frame: frame.into(),
                })) {
                    return Ok(());
                }
            }
            reach(Side::After)?;
            let (blocks, rows) = blocks.totals();
            send(snapshot_part::Part::End(wire::SnapshotEnd { blocks, rows }));
            Ok(())
        };
        // Without its end part the receiver refuses the snapshot, so a failed read cannot be taken for a short state.
        if let Err(error) = read() {
            tracing::error!(%error, "reading a snapshot failed");
        }
    });
    receiver
}

async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<tonic::Response<T>, Status>>,
) -> Result<T, RPCError<Types>> {
    match tokio::time::timeout(limit, call).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(failed(status)),
        Err(_) => Err(RPCError::Unreachable(Unreachable::from_string(format!(
            "no answer within {limit:?}"
        )))),
    }
}

/// A member that cannot be reached is tried again after a pause; anything else at once.
fn failed(status: Status) -> RPCError<Types> {
    match status.code() {
        Code::Unavailable
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::FailedPrecondition
        | Code::Unimplemented => RPCError::Unreachable(Unreachable::from_string(status)),
        _ => RPCError::Network(NetworkError::from_string(status)),
    }
}

fn streaming(error: RPCError<Types>) -> StreamingError<Types> {
    match error {
        RPCError::Timeout(e) => e.into(),
        RPCError::Unreachable(e) => e.into(),
        RPCError::Network(e) => e.into(),
        RPCError::RemoteError(e) => StreamingError::Network(NetworkError::from_string(e)),
    }
}
