//! The Admin API as its clients see it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod answers;
mod book;
mod consistency;
#[path = "../support/desk.rs"]
mod desk;
mod documents;
#[path = "../support/follower.rs"]
mod follower;
#[path = "../support/lone.rs"]
mod lone;
mod openapi;
mod safe_writes;
mod sockets;
mod terms;
