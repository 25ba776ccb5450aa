//! Proof of the store: nodes in one process that talk over real connections, and what they leave on disk.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod admission;
mod chaos;
mod cluster;
mod crash;
mod damage;
mod dialer;
mod failover;
mod golden;
mod restarts;
mod snapshots;
mod staging;
mod stopped;
mod stumbling;
mod suite;
mod until;
mod writes;
