//! The catalog over the in-memory store: the same machine as in a cluster, in milliseconds.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod bulk;
mod deletes;
mod desk;
mod expiry;
mod names;
mod pages;
mod plugins;
mod properties;
mod races;
mod references;
mod writes;
