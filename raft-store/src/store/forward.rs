//! Asking the leader, wherever it is.
//!
//! Like a letter that is sent again until a receipt comes: the request carries an id, so that the leader recognises the second copy
//! and answers as it did the first. Only the node the request came to sends it again; the others just say who leads.
//!
//! The catch: when time runs out it matters whether any copy may have arrived. If none can have, nothing happened and we say so. If
//! one may have, the outcome is unknown and we say that.

use super::{LocalWrite, RaftStore};
use crate::{
    network::{Lane, client::Client},
    options::{PROPOSAL_MIN_BYTES, PROPOSALS_MAX_BYTES},
    types::Types,
};
use bytes::Bytes;
use openraft::{alias::WatchReceiverOf, async_runtime::WatchReceiver, metrics::RaftServerMetrics};
use std::{error::Error, time::Duration};
use tokio::time::{Instant, timeout_at};
use tonic::Status;
use troop_proto::peer::{
    self as wire, propose_reply::Result as Proposed, read_index_reply::Result as ReadIndex,
};
use troop_txn::{Outcome, ProposeError, ReadError, Revision, Txn, codec, memory::check_size};

/// Pause between two tries when nothing new is known. Short against an election, long against a round trip.
const PAUSE: Duration = Duration::from_millis(20);
/// Longest wait for one answer before somebody else is asked; a leader that hangs is replaced within two elections.
const ATTEMPT_MAX: Duration = Duration::from_secs(2);

/// The connection was never made: no copy of the request can have arrived. The dialer's errors carry this in their chain.
#[derive(Debug, thiserror::Error)]
#[error("could not connect to {address}: {reason}")]
pub struct NotConnected {
    /// Where to.
    pub address: String,
    /// Why not.
    pub reason: String,
}

pub(super) async fn propose(
    store: &RaftStore,
    txn: Txn,
    deadline: Duration,
) -> Result<Outcome, ProposeError> {
    let packed = Bytes::from(check_size(&txn)?);
    let until = Instant::now() + deadline;
    let Ok(Ok(_room)) = timeout_at(until, store.proposals.acquire_many(weight(&packed))).await else {
        let reason = "too many writes are under way on this node".into();
        return Err(ProposeError::Unavailable(reason));
    };
    let mut perhaps_sent = false;
    let give_up = |perhaps_sent, reason: String, nothing_happened: fn(String) -> ProposeError| {
        if perhaps_sent {
            let request = txn.request;
            return ProposeError::Unknown { request, reason };
        }
        nothing_happened(reason)
    };
    loop {
        if let Some(stopped) = store.stopped_because() {
            return Err(give_up(perhaps_sent, stopped, ProposeError::Stopped));
        }
        let mut news = news(store);
        let attempt = until.min(Instant::now() + ATTEMPT_MAX);
        let tried = tokio::select! {
            tried = timeout_at(attempt, try_propose(store, packed.clone())) => tried,
            () = replaced(store) => Ok(Attempt::PerhapsSent("another node leads now".into())),
        };
        let reason = match tried.unwrap_or_else(|_| Attempt::unanswered()) {
            Attempt::Answer(outcome) => return Ok(outcome),
            // An earlier copy may still be applied, whatever became of this one.
            Attempt::Final(reason) => return Err(give_up(perhaps_sent, reason, ProposeError::Unavailable)),
            Attempt::NotSent(reason) => reason,
            Attempt::PerhapsSent(reason) => {
                perhaps_sent = true;
                reason
            }
        };
        if Instant::now() + PAUSE >= until {
            return Err(give_up(perhaps_sent, reason, ProposeError::Unavailable));
        }
        pause(&mut news).await;
    }
}

/// What a proposal takes of the room for those under way, in KiB.
pub(super) fn weight(packed: &Bytes) -> u32 {
    (packed.len().clamp(PROPOSAL_MIN_BYTES, PROPOSALS_MAX_BYTES) >> 10) as u32
}

/// What one try gave.
enum Attempt<T> {
    Answer(T),
    /// Nobody will do it.
    Final(String),
    /// It reached nobody who would do it.
    NotSent(String),
    /// It may have reached somebody.
    PerhapsSent(String),
}

impl<T> Attempt<T> {
    fn unanswered() -> Self {
        Attempt::PerhapsSent("the leader did not answer in time".into())
    }
}

async fn try_propose(store: &RaftStore, packed: Bytes) -> Attempt<Outcome> {
    match whom_to_ask(store) {
        Target::Here => match store.write_here(packed).await {
            LocalWrite::Done(outcome) => Attempt::Answer(outcome),
            LocalWrite::Refused(reason) => Attempt::Final(reason),
            LocalWrite::NotLeader(_, reason) => Attempt::NotSent(reason),
            LocalWrite::Unknown(reason) => Attempt::PerhapsSent(reason),
        },
        Target::Node(mut client) => match client.propose(wire::ProposeRequest { txn: packed }).await {
            Ok(reply) => match reply.into_inner().result {
                Some(Proposed::Outcome(bytes)) => match codec::unpack(&bytes) {
                    Ok(outcome) => Attempt::Answer(outcome),
                    Err(e) => Attempt::PerhapsSent(format!("the leader's answer does not decode: {e}")),
                },
                Some(Proposed::Refused(reason)) => Attempt::Final(reason),
                Some(Proposed::NotLeader(hint)) => Attempt::NotSent(hint.reason),
                None => Attempt::PerhapsSent("the leader's answer is empty".into()),
            },
            Err(status) if never_connected(&status) => Attempt::NotSent(status.message().to_owned()),
            Err(status) => Attempt::PerhapsSent(status.message().to_owned()),
        },
        Target::Nobody => Attempt::NotSent("no leader is known".into()),
    }
}

pub(super) async fn linearize(store: &RaftStore, deadline: Duration) -> Result<Revision, ReadError> {
    let until = Instant::now() + deadline;
    loop {
        if let Some(stopped) = store.stopped_because() {
            return Err(ReadError::Stopped(stopped));
        }
        let mut news = news(store);
        let attempt = until.min(Instant::now() + ATTEMPT_MAX);
        let tried = tokio::select! {
            tried = timeout_at(attempt, try_read_index(store)) => tried,
            () = replaced(store) => Ok(Err("another node leads now".into())),
        };
        let reason = match tried {
            Ok(Ok(index)) => return wait_for_index(store, index, until).await,
            Ok(Err(reason)) => reason,
            Err(_) => "the leader did not answer in time".into(),
        };
        if Instant::now() + PAUSE >= until {
            return Err(ReadError::Unavailable(reason));
        }
        pause(&mut news).await;
    }
}

async fn try_read_index(store: &RaftStore) -> Result<u64, String> {
    match whom_to_ask(store) {
        Target::Here => store.read_index_here().await.map_err(|(_, reason)| reason),
        Target::Node(mut client) => match client.read_index(wire::Empty {}).await {
            Ok(reply) => match reply.into_inner().result {
                Some(ReadIndex::Index(index)) => Ok(index),
                Some(ReadIndex::NotLeader(hint)) => Err(hint.reason),
                None => Err("the leader's answer is empty".into()),
            },
            Err(status) => Err(status.message().to_owned()),
        },
        Target::Nobody => Err("no leader is known".into()),
    }
}

async fn wait_for_index(store: &RaftStore, index: u64, until: Instant) -> Result<Revision, ReadError> {
    let mut applied = store.applied_index();
    match timeout_at(until, applied.wait_for(|now| *now >= index)).await {
        Ok(Ok(_)) => Ok(*store.progress.revision.borrow()),
        Ok(Err(_)) => Err(ReadError::Stopped("it was shut down".into())),
        Err(_) => Err(ReadError::Behind {
            wanted: Revision::new(index),
            applied: *store.progress.revision.borrow(),
        }),
    }
}

/// When another node leads than at the time of this call. Whoever waits for the old one asks the new one instead: a second copy
/// of a request does no harm.
async fn replaced(store: &RaftStore) {
    let asked = store.status().leader;
    let mut metrics = store.raft().server_metrics();
    loop {
        let leads = metrics.borrow_watched().current_leader;
        if asked.is_some() && leads.is_some() && leads != asked {
            return;
        }
        if metrics.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

enum Target {
    Here,
    Node(Client),
    Nobody,
}

fn whom_to_ask(store: &RaftStore) -> Target {
    match store.status().leader {
        Some(id) if id == store.node_id() => Target::Here,
        Some(id) => match store.address_of(id) {
            Some(address) => Target::Node(store.network.client(id, &address, Lane::Control)),
            None => Target::Nobody,
        },
        None => Target::Nobody,
    }
}

type News = WatchReceiverOf<Types, RaftServerMetrics<Types>>;

/// What this node will learn about who leads, from now on. Taken before a try, so that what is learnt during it counts.
fn news(store: &RaftStore) -> News {
    let mut news = store.raft.server_metrics();
    // A fresh receiver takes what everybody knows for new.
    news.borrow_and_update();
    news
}

/// Until there is something new to know, but not for long.
async fn pause(news: &mut News) {
    // Ended or not, the caller looks again.
    let _ = tokio::time::timeout(PAUSE, news.changed()).await;
}

fn never_connected(status: &Status) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = status.source();
    while let Some(error) = cause {
        if error.is::<NotConnected>() {
            return true;
        }
        cause = error.source();
    }
    false
}
