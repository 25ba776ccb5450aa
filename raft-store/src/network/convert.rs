//! openraft's words to ours on the wire and back.

use crate::types::{
    Packed, Peer, Types,
    alias::{CommittedLeaderId, Entry, LogId, Membership, Payload, SnapshotMeta, StoredMembership, Vote},
};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, StreamAppendError, StreamAppendResult,
    TransferLeaderRequest, VoteRequest, VoteResponse,
};
use std::collections::BTreeMap;
use tonic::Status;
use troop_proto::peer::{self as wire, append_once_reply, append_reply, entry};

pub(crate) fn vote_out(vote: &Vote) -> wire::Vote {
    wire::Vote {
        term: vote.leader_id.term,
        node_id: vote.leader_id.node_id,
        committed: vote.committed,
    }
}

pub(crate) fn vote_in(vote: Option<wire::Vote>) -> Result<Vote, Status> {
    let vote = vote.ok_or_else(|| missing("vote"))?;
    Ok(if vote.committed {
        Vote::new_committed(vote.term, vote.node_id)
    } else {
        Vote::new(vote.term, vote.node_id)
    })
}

pub(crate) fn log_id_out(id: &LogId) -> wire::LogId {
    wire::LogId {
        term: id.leader_id.term,
        node_id: id.leader_id.node_id,
        index: id.index,
    }
}

pub(crate) fn log_id_in(id: wire::LogId) -> LogId {
    LogId::new(
        CommittedLeaderId {
            term: id.term,
            node_id: id.node_id,
        },
        id.index,
    )
}

fn membership_out(membership: &Membership) -> wire::Membership {
    let configs = membership.get_joint_config().iter();
    wire::Membership {
        configs: configs
            .map(|voters| wire::VoterSet {
                node_ids: voters.iter().copied().collect(),
            })
            .collect(),
        members: membership
            .nodes()
            .map(|(id, peer)| wire::Member {
                node_id: *id,
                address: peer.address.clone(),
            })
            .collect(),
    }
}

fn membership_in(membership: wire::Membership) -> Result<Membership, Status> {
    let configs = membership
        .configs
        .into_iter()
        .map(|set| set.node_ids.into_iter().collect())
        .collect();
    let nodes: BTreeMap<u64, Peer> = membership
        .members
        .into_iter()
        .map(|member| {
            (
                member.node_id,
                Peer {
                    address: member.address,
                },
            )
        })
        .collect();
    Membership::new(configs, nodes).map_err(|e| Status::invalid_argument(e.to_string()))
}

fn entry_out(entry: &Entry) -> wire::Entry {
    let payload = match &entry.payload {
        Payload::Blank => entry::Payload::Blank(wire::Empty {}),
        Payload::Normal(packed) => entry::Payload::Normal(packed.0.clone()),
        Payload::Membership(membership) => entry::Payload::Membership(membership_out(membership)),
    };
    wire::Entry {
        log_id: Some(log_id_out(&entry.log_id)),
        payload: Some(payload),
    }
}

fn entry_in(entry: wire::Entry) -> Result<Entry, Status> {
    let log_id = log_id_in(entry.log_id.ok_or_else(|| missing("log id"))?);
    let payload = match entry.payload.ok_or_else(|| missing("payload"))? {
        entry::Payload::Blank(_) => Payload::Blank,
        entry::Payload::Normal(bytes) => Payload::Normal(Packed(bytes)),
        entry::Payload::Membership(membership) => Payload::Membership(membership_in(membership)?),
    };
    Ok(Entry { log_id, payload })
}

pub(crate) fn append_out(request: &AppendEntriesRequest<Types>) -> wire::AppendRequest {
    wire::AppendRequest {
        vote: Some(vote_out(&request.vote)),
        prev: request.prev_log_id.as_ref().map(log_id_out),
        entries: request.entries.iter().map(entry_out).collect(),
        leader_commit: request.leader_commit.as_ref().map(log_id_out),
    }
}

pub(crate) fn append_in(request: wire::AppendRequest) -> Result<AppendEntriesRequest<Types>, Status> {
    Ok(AppendEntriesRequest {
        vote: vote_in(request.vote)?,
        prev_log_id: request.prev.map(log_id_in),
        entries: request
            .entries
            .into_iter()
            .map(entry_in)
            .collect::<Result<_, _>>()?,
        leader_commit: request.leader_commit.map(log_id_in),
    })
}

pub(crate) fn append_reply_out(result: &StreamAppendResult<Types>) -> wire::AppendReply {
    let result = match result {
        Ok(upto) => append_reply::Result::Flushed(wire::Flushed {
            upto: upto.as_ref().map(log_id_out),
        }),
        Err(StreamAppendError::Conflict(at)) => append_reply::Result::Conflict(log_id_out(at)),
        Err(StreamAppendError::HigherVote(vote)) => append_reply::Result::HigherVote(vote_out(vote)),
    };
    wire::AppendReply { result: Some(result) }
}

pub(crate) fn append_reply_in(reply: wire::AppendReply) -> Result<StreamAppendResult<Types>, Status> {
    Ok(match reply.result.ok_or_else(|| missing("result"))? {
        append_reply::Result::Flushed(flushed) => Ok(flushed.upto.map(log_id_in)),
        append_reply::Result::Conflict(at) => Err(StreamAppendError::Conflict(log_id_in(at))),
        append_reply::Result::HigherVote(vote) => Err(StreamAppendError::HigherVote(vote_in(Some(vote))?)),
    })
}

pub(crate) fn append_once_out(response: &AppendEntriesResponse<Types>) -> wire::AppendOnceReply {
    use append_once_reply::Result as Reply;
    let result = match response {
        AppendEntriesResponse::Success => Reply::Success(wire::Empty {}),
        AppendEntriesResponse::PartialSuccess(upto) => Reply::Partial(wire::Flushed {
            upto: upto.as_ref().map(log_id_out),
        }),
        AppendEntriesResponse::Conflict => Reply::Conflict(wire::Empty {}),
        AppendEntriesResponse::HigherVote(vote) => Reply::HigherVote(vote_out(vote)),
    };
    wire::AppendOnceReply { result: Some(result) }
}

pub(crate) fn append_once_in(reply: wire::AppendOnceReply) -> Result<AppendEntriesResponse<Types>, Status> {
    use append_once_reply::Result as Reply;
    Ok(match reply.result.ok_or_else(|| missing("result"))? {
        Reply::Success(_) => AppendEntriesResponse::Success,
        Reply::Partial(flushed) => AppendEntriesResponse::PartialSuccess(flushed.upto.map(log_id_in)),
        Reply::Conflict(_) => AppendEntriesResponse::Conflict,
        Reply::HigherVote(vote) => AppendEntriesResponse::HigherVote(vote_in(Some(vote))?),
    })
}

pub(crate) fn vote_request_out(request: &VoteRequest<Types>) -> wire::VoteRequest {
    wire::VoteRequest {
        vote: Some(vote_out(&request.vote)),
        last_log_id: request.last_log_id.as_ref().map(log_id_out),
        leadership_transfer: request.leadership_transfer,
    }
}

pub(crate) fn vote_request_in(request: wire::VoteRequest) -> Result<VoteRequest<Types>, Status> {
    let mut out = VoteRequest::new(vote_in(request.vote)?, request.last_log_id.map(log_id_in));
    out.leadership_transfer = request.leadership_transfer;
    Ok(out)
}

pub(crate) fn vote_reply_out(response: &VoteResponse<Types>) -> wire::VoteReply {
    wire::VoteReply {
        vote: Some(vote_out(&response.vote)),
        granted: response.vote_granted,
        last_log_id: response.last_log_id.as_ref().map(log_id_out),
    }
}

pub(crate) fn vote_reply_in(reply: wire::VoteReply) -> Result<VoteResponse<Types>, Status> {
    Ok(VoteResponse::new(
        vote_in(reply.vote)?,
        reply.last_log_id.map(log_id_in),
        reply.granted,
    ))
}

pub(crate) fn transfer_out(request: &TransferLeaderRequest<Types>) -> wire::TransferRequest {
    wire::TransferRequest {
        from_leader: Some(vote_out(request.from_leader())),
        to: *request.to_node_id(),
        last_log_id: request.last_log_id().map(log_id_out),
    }
}

pub(crate) fn transfer_in(request: wire::TransferRequest) -> Result<TransferLeaderRequest<Types>, Status> {
    Ok(TransferLeaderRequest::new(
        vote_in(request.from_leader)?,
        request.to,
        request.last_log_id.map(log_id_in),
    ))
}

pub(crate) fn snapshot_header_out(vote: &Vote, meta: &SnapshotMeta, format: u32) -> wire::SnapshotHeader {
    let stored = &meta.last_membership;
    wire::SnapshotHeader {
        vote: Some(vote_out(vote)),
        last_log_id: meta.last_log_id.as_ref().map(log_id_out),
        membership: Some(wire::StoredMembership {
            log_id: stored.log_id().as_ref().map(log_id_out),
            membership: Some(membership_out(stored.membership())),
        }),
        format,
    }
}

pub(crate) fn snapshot_meta_in(header: &wire::SnapshotHeader) -> Result<SnapshotMeta, Status> {
    let stored = header.membership.clone().ok_or_else(|| missing("membership"))?;
    let membership = membership_in(stored.membership.ok_or_else(|| missing("membership"))?)?;
    Ok(SnapshotMeta {
        last_log_id: header.last_log_id.map(log_id_in),
        last_membership: StoredMembership::new(stored.log_id.map(log_id_in), membership),
    })
}

pub(crate) fn missing(what: &str) -> Status {
    Status::invalid_argument(format!("message without {what}"))
}
