//! Who serves a request, and who is fit to.
//!
//! Picture the entrance of a market with several counters. Somebody hands every customer on to a
//! counter by the rule of the house (the [`Rota`]). Somebody else listens to how customers fare and
//! closes a counter that keeps failing ([`health`]). And somebody reads the signs: what a counter is
//! called and where it stands ([`Target`]).
//!
//! | file | subject |
//! |---|---|
//! | `target.rs` | a target's name and port |
//! | `peer.rs` | an address we may forward to |
//! | `rota.rs` | who is on duty, and who is next |
//! | `ring.rs` | … in turn, by weight |
//! | `circle.rs` | … by a key of the request |
//! | `vitals.rs` | … by load or pace: what is measured of a peer |
//! | `health.rs`, `health/` | from reports to up or down |
//! | `capacity.rs` | whether enough of an upstream is left to serve at all |
//! | `mark.rs` | a person's word against all that |
//!
//! All of it is pure: names are resolved, probes are sent and time is read elsewhere. What workers
//! share is atomic; nothing here waits for a lock.

mod capacity;
mod circle;
pub mod health;
mod mark;
mod peer;
mod ring;
mod rota;
mod target;
mod vitals;

pub use crate::capacity::Capacity;
pub use crate::circle::{Circle, hash_key};
pub use crate::mark::Mark;
pub use crate::peer::{Peer, PeerId};
pub use crate::ring::{Cursor, Ring};
pub use crate::rota::{Algorithm, Ask, Rota, Rule, Seat};
pub use crate::target::{DEFAULT_PORT, Target, TargetError};
pub use crate::vitals::{Occupied, Vitals};
