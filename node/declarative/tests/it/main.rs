//! Documents in, records out, and back.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod changes;
mod dialect;
mod faults;
mod fixture;
mod ids;
mod loading;
mod properties;
mod scopes;
