//! Being spoken to by members.

use super::{admission, convert};
use crate::{
    disk::{StateDb, stream},
    options::{INSTALL_WAIT, MESSAGE_MAX_BYTES, SNAPSHOT_PART_TIMEOUT},
    store::{LocalWrite, RaftStore},
    types::{
        Types,
        alias::{Raft, Snapshot},
    },
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use openraft::{
    RaftState,
    raft::{AppendEntriesResponse, StreamAppendError},
};
use std::{fmt::Display, future, pin::Pin, sync::Arc};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status, Streaming};
use troop_proto::peer::{
    self as wire, peer_server, propose_reply::Result as Proposed, read_index_reply::Result as ReadIndex,
    snapshot_part::Part,
};
use troop_txn::codec;

/// The service of the peer port that Raft and forwarding use.
pub struct PeerService {
    store: Arc<RaftStore>,
    gate: Arc<dyn admission::Gate>,
    /// Taken while a snapshot is received: a second one would only fill the disk.
    receiving: Semaphore,
}

impl PeerService {
    /// Ready to be added to a server.
    pub fn server(store: Arc<RaftStore>, gate: Arc<dyn admission::Gate>) -> peer_server::PeerServer<Self> {
        let receiving = Semaphore::new(1);
        peer_server::PeerServer::new(PeerService {
            store,
            gate,
            receiving,
        })
        .max_decoding_message_size(MESSAGE_MAX_BYTES)
        .max_encoding_message_size(MESSAGE_MAX_BYTES)
    }

    fn admit<T>(&self, request: Request<T>) -> Result<T, Status> {
        admission::admit(&*self.gate, self.store.cluster(), self.store.node_id(), &request)?;
        Ok(request.into_inner())
    }

    fn raft(&self) -> &Raft {
        self.store.raft()
    }

    /// Waits until nothing that is known to be committed is left to apply. A snapshot that overtakes an entry on its way to the state takes
    /// the entry from the log, and openraft 0.10.0-alpha.37 panics over that (databendlabs/openraft#2116).
    async fn wait_until_applied(&self) -> Result<(), Status> {
        let known = |state: &RaftState<Types>| state.local_committed().map_or(0, |id| id.index);
        let committed = self.raft().with_raft_state(known).await.map_err(stopped)?;
        let mut applied = self.store.applied_index();
        let waiting = applied.wait_for(|index| *index >= committed);
        match tokio::time::timeout(INSTALL_WAIT, waiting).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(stopped(error)),
            Err(_) => Err(Status::unavailable(format!(
                "entries up to {committed} are still being applied here"
            ))),
        }
    }

    fn not_leader(&self, leader: Option<u64>, reason: String) -> wire::NotLeader {
        let address = leader
            .and_then(|id| self.store.address_of(id))
            .unwrap_or_default();
        wire::NotLeader {
            leader: leader.unwrap_or_default(),
            reason,
            address,
        }
    }
}

type Replies = Pin<Box<dyn Stream<Item = Result<wire::AppendReply, Status>> + Send>>;

#[tonic::async_trait]
impl peer_server::Peer for PeerService {
    type AppendStream = Replies;

    async fn append(
        &self,
        request: Request<Streaming<wire::AppendRequest>>,
    ) -> Result<Response<Replies>, Status> {
        let requests = self.admit(request)?;
        // A stream that breaks or carries nonsense ends here; the leader opens another.
        let requests = requests
            .map(|request| request.and_then(convert::append_in))
            .take_while(|request| future::ready(request.is_ok()))
            .filter_map(|request| future::ready(request.ok()));
        let replies = self.raft().stream_append(requests);
        let store = Arc::clone(&self.store);
        let replies = replies.map(move |reply| match reply {
            Ok(result) => {
                if !matches!(result, Err(StreamAppendError::HigherVote(_))) {
                    store.heard_from_leader();
                }
                Ok(convert::append_reply_out(&result))
            }
            Err(fatal) => Err(stopped(fatal)),
        });
        Ok(Response::new(Box::pin(replies)))
    }

    async fn append_once(
        &self,
        request: Request<wire::AppendRequest>,
    ) -> Result<Response<wire::AppendOnceReply>, Status> {
        let request = convert::append_in(self.admit(request)?)?;
        let response = self.raft().append_entries(request).await.map_err(stopped)?;
        if !matches!(response, AppendEntriesResponse::HigherVote(_)) {
            self.store.heard_from_leader();
        }
        Ok(Response::new(convert::append_once_out(&response)))
    }

    async fn request_vote(
        &self,
        request: Request<wire::VoteRequest>,
    ) -> Result<Response<wire::VoteReply>, Status> {
        let request = convert::vote_request_in(self.admit(request)?)?;
        let response = self.raft().vote(request).await.map_err(stopped)?;
        Ok(Response::new(convert::vote_reply_out(&response)))
    }

    async fn pre_vote(
        &self,
        request: Request<wire::VoteRequest>,
    ) -> Result<Response<wire::VoteReply>, Status> {
        let request = convert::vote_request_in(self.admit(request)?)?;
        let response = self.raft().pre_vote(request).await.map_err(stopped)?;
        Ok(Response::new(convert::vote_reply_out(&response)))
    }

    async fn transfer(
        &self,
        request: Request<wire::TransferRequest>,
    ) -> Result<Response<wire::Empty>, Status> {
        let request = convert::transfer_in(self.admit(request)?)?;
        let answer = self
            .raft()
            .handle_transfer_leader(request)
            .await
            .map_err(stopped)?;
        answer.map_err(|e| Status::aborted(e.to_string()))?;
        Ok(Response::new(wire::Empty {}))
    }

    async fn snapshot(
        &self,
        request: Request<Streaming<wire::SnapshotPart>>,
    ) -> Result<Response<wire::SnapshotReply>, Status> {
        let parts = self.admit(request)?;
        let busy = |_| Status::unavailable("another snapshot is being received here");
        let _turn = self.receiving.try_acquire().map_err(busy)?;
        let (header, snapshot) = receive(self.store.state(), parts).await?;
        self.wait_until_applied().await?;
        let vote = convert::vote_in(header.vote)?;
        let response = self
            .raft()
            .install_full_snapshot(vote, snapshot)
            .await
            .map_err(stopped)?;
        Ok(Response::new(wire::SnapshotReply {
            vote: Some(convert::vote_out(&response.vote)),
        }))
    }

    async fn propose(
        &self,
        request: Request<wire::ProposeRequest>,
    ) -> Result<Response<wire::ProposeReply>, Status> {
        let request = self.admit(request)?;
        let result = match self.store.write_here(request.txn).await {
            LocalWrite::Done(outcome) => {
                let packed = codec::pack(&outcome).map_err(|e| Status::internal(e.to_string()))?;
                Proposed::Outcome(Bytes::from(packed))
            }
            LocalWrite::NotLeader(leader, reason) => Proposed::NotLeader(self.not_leader(leader, reason)),
            LocalWrite::Refused(reason) => Proposed::Refused(reason),
            LocalWrite::Unknown(reason) => return Err(Status::aborted(reason)),
        };
        Ok(Response::new(wire::ProposeReply { result: Some(result) }))
    }

    async fn current_vote(&self, request: Request<wire::Empty>) -> Result<Response<wire::Vote>, Status> {
        self.admit(request)?;
        let vote = self.store.vote_now().await.map_err(stopped)?;
        Ok(Response::new(convert::vote_out(&vote)))
    }

    async fn read_index(
        &self,
        request: Request<wire::Empty>,
    ) -> Result<Response<wire::ReadIndexReply>, Status> {
        self.admit(request)?;
        let result = match self.store.read_index_here().await {
            Ok(index) => ReadIndex::Index(index),
            Err((leader, reason)) => ReadIndex::NotLeader(self.not_leader(leader, reason)),
        };
        Ok(Response::new(wire::ReadIndexReply { result: Some(result) }))
    }
}

/// Takes a whole snapshot into a fresh directory.
async fn receive(
    state: &StateDb,
    mut parts: Streaming<wire::SnapshotPart>,
) -> Result<(wire::SnapshotHeader, Snapshot), Status> {
    let header = match next_part(&mut parts).await? {
        Part::Header(header) => header,
        _ => return Err(convert::missing("a header first")),
    };
    if header.format != stream::FORMAT {
        let reason = format!(
            "snapshot format {} is not known here, only {}",
            header.format,
            stream::FORMAT
        );
        return Err(Status::failed_precondition(reason));
    }
    let open = || stream::BlockWriter::open(state.incoming()?);
    let mut blocks = tokio::task::block_in_place(open).map_err(failed)?;
    loop {
        match next_part(&mut parts).await? {
            Part::Block(block) => {
                // The disk may make it wait; the other tasks of this thread must not.
                let take = || blocks.take(block.ordinal, &block.frame);
                tokio::task::block_in_place(take).map_err(failed)?;
            }
            Part::End(end) => {
                let finish = move || blocks.finish(end.blocks, end.rows);
                let snapshot = tokio::task::block_in_place(finish).map_err(failed)?;
                let meta = convert::snapshot_meta_in(&header)?;
                return Ok((header, Snapshot { meta, snapshot }));
            }
            Part::Header(_) => return Err(Status::invalid_argument("a second header")),
        }
    }
}

async fn next_part(parts: &mut Streaming<wire::SnapshotPart>) -> Result<Part, Status> {
    let waiting = tokio::time::timeout(SNAPSHOT_PART_TIMEOUT, parts.message()).await;
    let part = waiting
        .map_err(|_| Status::deadline_exceeded("the next part of the snapshot did not come"))??
        .ok_or_else(|| Status::data_loss("the snapshot ended before its end"))?;
    part.part.ok_or_else(|| convert::missing("a part"))
}

fn stopped(error: impl Display) -> Status {
    Status::unavailable(format!("raft has stopped here: {error}"))
}

fn failed(error: impl Display) -> Status {
    Status::internal(error.to_string())
}
