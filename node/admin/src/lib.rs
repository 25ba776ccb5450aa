//! The Admin API and the status API.
//!
//! A town hall. The front door ([`serve`]) lets people in; the desk ([`Admin`]) finds out what they want;
//! behind it are the offices: those every entity has, built by rule from the tables of `troop-schema`, and a
//! few of their own kind. All of them read through the catalog and write by one procedure: plan, propose,
//! wait until it is served.
//!
//! Two promises are kept here and nowhere else: a 2xx to a write means that this node's data plane serves it,
//! and a refusal ("no such service", "name taken") is never the fruit of an old copy of the state.
//!
//! What it does not do: it knows neither Raft nor RocksDB (it holds the [`Store`](troop_txn::Store) port),
//! neither membership nor the data plane (it holds the [ports](crate::ClusterControl) the program fills in),
//! and no fields of any entity.

mod admin;
mod answer;
mod batch;
mod call;
mod custom;
mod document;
mod endpoint;
mod envelope;
mod form;
mod generated;
mod idempotency;
mod log_turn;
mod multipart;
pub mod openapi;
mod options;
mod page;
mod payload;
mod ports;
mod problem;
mod query;
mod read;
pub mod reference;
mod server;
mod staging;
mod status_api;
mod terms;
mod traced;
mod write;

pub use admin::{Admin, AdminParts};
pub use answer::{Answer, Body};
pub use idempotency::stale_rows;
pub use log_turn::LogTurn;
pub use options::{FactHeaders, Options};
pub use ports::{
    AddressHealth, ClusterControl, ClusterStatus, Connections, ControlError, HostHealth, Identity, MarkError,
    MemberRole, MemberStatus, NewToken, NodeFacts, NodeId, NodeRole, Opinion, PluginFacts, Served, Serving,
    TokenInfo, TokenRequest, UpstreamHealth, WaitScope, Weights,
};
pub use problem::Failure;
pub use server::{Reception, Service, serve};
pub use status_api::{StatusApi, StatusParts};
pub use traced::Traced;
