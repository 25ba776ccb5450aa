//! What the Admin API needs from the rest of the node and must not know how to do.
//!
//! A receptionist: takes the wish at the desk, and telephones the workshop (is it running? [`Serving`]), the
//! board (who is a member? [`ClusterControl`]) and the caretaker (what is this building? [`NodeFacts`]). The
//! program plugs in the telephones; tests plug in their own.
//!
//! All traits are object-safe and answer with plain data; turning it into documents and statuses happens here.

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{net::IpAddr, time::Duration};
use thiserror::Error;
use tokio::sync::watch;
use troop_router::{RouteQuestion, RouteVerdict};
use troop_txn::Revision;
use uuid::Uuid;

/// A member's number in the cluster.
pub type NodeId = u64;

/// Which nodes a write waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitScope {
    /// More than half of the voters.
    Quorum,
    /// Every live member.
    All,
}

/// Who serves a revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Whether all nodes of the scope do.
    pub complete: bool,
    /// Nodes that serve it, in rising order.
    pub by: Vec<NodeId>,
    /// Nodes of the scope that were not seen serving it in time, in rising order.
    pub missing: Vec<NodeId>,
}

/// What data planes serve, here and elsewhere.
pub trait Serving: Send + Sync + 'static {
    /// The revision that every worker of this node serves, and each one after it.
    fn served(&self) -> watch::Receiver<Revision>;

    /// Waits until the nodes of `scope` serve `revision`, at most `within`, and says who does by then.
    fn wait(&self, revision: Revision, scope: WaitScope, within: Duration) -> BoxFuture<'_, Served>;
}

/// What a node is to Raft now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeRole {
    /// Orders the log.
    Leader,
    /// Votes and follows.
    Follower,
    /// Asks for votes.
    Candidate,
    /// Follows without a vote.
    Learner,
    /// Its Raft core has ended.
    Stopped,
}

impl NodeRole {
    /// The word in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            NodeRole::Leader => "leader",
            NodeRole::Follower => "follower",
            NodeRole::Candidate => "candidate",
            NodeRole::Learner => "learner",
            NodeRole::Stopped => "stopped",
        }
    }
}

/// What a member is by membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberRole {
    /// Counts for the quorum.
    Voter,
    /// Receives the log and does not count.
    Learner,
}

impl MemberRole {
    /// The word in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            MemberRole::Voter => "voter",
            MemberRole::Learner => "learner",
        }
    }

    /// The reverse of [`MemberRole::as_str`].
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "voter" => Some(MemberRole::Voter),
            "learner" => Some(MemberRole::Learner),
            _ => None,
        }
    }
}

/// The cluster as one node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterStatus {
    /// This node.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// What it is to Raft.
    pub role: NodeRole,
    /// Who leads, if known.
    pub leader: Option<NodeId>,
    /// Raft's term.
    pub term: u64,
    /// Index of the last entry in this node's log.
    pub last_log_index: u64,
    /// Index of the last entry applied here.
    pub applied_index: u64,
    /// Revision this node's data plane serves.
    pub served_revision: u64,
    /// Everybody in the membership, this node included.
    pub members: Vec<MemberStatus>,
}

/// One member as another sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberStatus {
    /// Its number.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// Where its peers reach it.
    pub address: String,
    /// By membership.
    pub role: MemberRole,
    /// What it serves, when that is known.
    pub served_revision: Option<u64>,
    /// Entries it is behind the leader's log, when that is known.
    pub lag: Option<u64>,
    /// How it reads routes, when that is known.
    pub router_flavor: Option<String>,
}

/// A wish for a join token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// What the joining node becomes.
    pub role: MemberRole,
    /// How long the token is good.
    pub ttl: Duration,
    /// How many nodes may join with it.
    pub uses: u32,
}

/// What is known of a token; never the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    /// Names it without revealing it.
    pub id: String,
    /// What the joining node becomes.
    pub role: MemberRole,
    /// When it ends, milliseconds since 1970.
    pub expires_at_ms: u64,
    /// How many more nodes may join with it.
    pub uses: u32,
}

/// A token on the only occasion it is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct NewToken {
    /// What stays known of it.
    pub info: TokenInfo,
    /// The secret.
    pub token: String,
    /// The command to run on the joining machine.
    pub join: String,
}

/// Why the cluster did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ControlError {
    /// The wish makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// What it names does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The cluster is in a state in which it must not be done.
    #[error("{0}")]
    Conflict(String),
    /// No quorum, or this node is stopping; nothing happened.
    #[error("{0}")]
    Unavailable(String),
    /// It may have happened.
    #[error("{0}")]
    Unknown(String),
}

/// Membership, tokens, and this node's place among the others.
pub trait ClusterControl: Send + Sync + 'static {
    /// The cluster as this node sees it. Answers without a quorum too.
    fn status(&self) -> BoxFuture<'_, Result<ClusterStatus, ControlError>>;

    /// Makes a token.
    fn create_token(&self, wish: TokenRequest) -> BoxFuture<'_, Result<NewToken, ControlError>>;

    /// Tokens that are still good.
    fn tokens(&self) -> BoxFuture<'_, Result<Vec<TokenInfo>, ControlError>>;

    /// Ends a token; [`ControlError::NotFound`] when there is none of that id.
    fn revoke_token(&self, id: String) -> BoxFuture<'_, Result<(), ControlError>>;

    /// Health of an upstream as every member sees it, this node included.
    fn upstream_health(&self, upstream: Uuid) -> BoxFuture<'_, Vec<Opinion>>;

    /// Takes a node out of the cluster, the leader and this one included.
    fn remove_node(&self, id: NodeId) -> BoxFuture<'_, Result<(), ControlError>>;

    /// Hands leadership to a node, or to the fittest when none is named; gives the node that leads then.
    fn transfer_leader(&self, to: Option<NodeId>) -> BoxFuture<'_, Result<NodeId, ControlError>>;

    /// Whether this node does its job; the reason when it does not.
    fn health(&self) -> BoxFuture<'_, Result<(), String>>;

    /// Starts to drain and then ends the process; returns at once.
    fn stop(&self);
}

/// What names this node and its processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Kong's `node_id`.
    pub node_id: Uuid,
    /// The machine's name.
    pub hostname: String,
    /// The process.
    pub pid: u32,
    /// Its data plane workers, as far as they have numbers of their own.
    pub worker_pids: Vec<u32>,
}

/// A plugin this build offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginFacts {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it stands in a phase; higher runs earlier.
    pub priority: i64,
}

/// Counters of the proxy listeners, as nginx names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // nginx's own words, documented by nginx
pub struct Connections {
    pub active: u64,
    pub reading: u64,
    pub writing: u64,
    pub waiting: u64,
    pub accepted: u64,
    pub handled: u64,
    pub total_requests: u64,
}

/// Weight of a group of addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights {
    /// All of it.
    pub total: u64,
    /// That of unhealthy addresses.
    pub unavailable: u64,
}

/// One address of a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressHealth {
    /// Resolved.
    pub ip: IpAddr,
    /// Port.
    pub port: u16,
    /// Its share.
    pub weight: u64,
    /// Whether it gets traffic.
    pub healthy: bool,
}

/// One target as the balancer holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostHealth {
    /// Its host, as configured.
    pub host: String,
    /// Its port, as configured.
    pub port: u16,
    /// Kind of DNS record its addresses come from, or why there are none.
    pub dns: Result<String, String>,
    /// Its weight, as configured.
    pub node_weight: u64,
    /// Weight of its addresses.
    pub weight: Weights,
    /// Its addresses.
    pub addresses: Vec<AddressHealth>,
}

/// An upstream as this node's balancer sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamHealth {
    /// Whether active or passive checks run for it.
    pub checks_on: bool,
    /// Whether enough of it is healthy to be used.
    pub healthy: bool,
    /// Weight of its targets.
    pub weight: Weights,
    /// Its targets.
    pub hosts: Vec<HostHealth>,
}

/// What one node's balancer says of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// The node.
    pub node: NodeId,
    /// Its opinion; none when it does not answer or has no such balancer.
    pub health: Option<UpstreamHealth>,
}

/// Why a mark was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MarkError {
    /// This node balances no such upstream.
    #[error("no balancer")]
    NoBalancer,
    /// The upstream has no health checks.
    #[error("no healthchecker")]
    NoChecker,
}

/// What this node is and how it runs.
pub trait NodeFacts: Send + Sync + 'static {
    /// Names and numbers.
    fn identity(&self) -> Identity;

    /// Every effective setting by its Kong name where it has one; secrets already replaced by `******`.
    fn configuration(&self) -> Map<String, Value>;

    /// Plugins this build offers and the settings allow.
    fn plugins(&self) -> Vec<PluginFacts>;

    /// Counters of the proxy listeners.
    fn connections(&self) -> Connections;

    /// What proxy and plugins have counted, in Prometheus's text format.
    fn metrics(&self) -> String;

    /// Whether traffic may be sent here; the reason when it may not.
    fn ready(&self) -> Result<(), String>;

    /// Health of an upstream; none when no balancer exists for it on this node.
    fn upstream_health(&self, upstream: Uuid) -> Option<UpstreamHealth>;

    /// Routes by how well they fit a request; the first that misses nothing is the one it finds.
    ///
    /// # Errors
    /// A sentence, when the question is no request.
    fn explain_route(&self, question: &RouteQuestion) -> Result<Vec<RouteVerdict>, String>;

    /// Whether a person's word on the health of an upstream's targets would be heard. The word itself goes to all nodes, as a broadcast.
    ///
    /// # Errors
    /// [`MarkError`].
    fn may_mark(&self, upstream: Uuid) -> Result<(), MarkError>;

    /// The level of the log: one of Kong's words, `debug` to `emerg`.
    fn log_level(&self) -> String;

    /// Changes the level of the log for a while.
    ///
    /// # Errors
    /// A sentence, when this process cannot.
    fn set_log_level(&self, level: &str, span: Duration) -> Result<(), String>;
}
