//! What nodes say to each other.
//!
//! The `.proto` beside this crate is the definition; everything here is generated from it at build time. No logic:
//! who may say what, and what it does, is written in `raft-store` (Raft's words) and `cluster` (the rest).

/// Messages, clients and servers of the peer port.
#[allow(missing_docs, clippy::all, clippy::unwrap_used, unreachable_pub)]
pub mod peer {
    tonic::include_proto!("troop.peer.v1");
}
