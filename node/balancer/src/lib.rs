//! Who serves a request, and who is fit to.
//!
//! Picture the entrance of a market with several counters. Somebody hands every customer on to a
//! counter, in turn, twice as often to the one with two clerks (the [`Ring`]). Somebody else
//! listens to how customers fare and closes a counter that keeps failing ([`health`]). And
//! somebody reads the signs: what a counter is called and where it stands ([`Target`]).
//!
//! | file | subject |
//! |---|---|
//! | `target.rs` | a target's name and port |
//! | `peer.rs` | an address we may forward to |
//! | `ring.rs` | weighted round robin |
//! | `health.rs`, `health/limits.rs` | from reports to up or down |
//! | `capacity.rs` | whether enough of an upstream is left to serve at all |
//!
//! All of it is pure: names are resolved, probes are sent and time is read elsewhere.

mod capacity;
pub mod health;
mod peer;
mod ring;
mod target;

pub use crate::capacity::Capacity;
pub use crate::peer::{Peer, PeerId};
pub use crate::ring::{Cursor, Ring};
pub use crate::target::{DEFAULT_PORT, Target, TargetError};
