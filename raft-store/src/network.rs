//! What members say to each other.
//!
//! One long-lived stream per follower carries the log; heartbeats and snapshots have connections of their own, so that
//! neither waits behind the other. Every call names the cluster, who speaks and who is spoken to, and is checked against the
//! caller's certificate before Raft hears of it: a node that got another's address, or was removed, is refused at the door.

pub mod admission;
pub mod client;
pub mod convert;
pub(crate) mod hearing;
pub mod server;

pub use admission::{Caller, Gate, Stamp};
pub use client::{Dialer, Lane, Network};
pub use server::PeerService;
