//! What the standard library lacks, without a word about gateways.
//!
//! A drawer of measuring tools: a clock that a test can set, a deadline to hold against it, a
//! patience that grows after each failure, and readers for the units people write by hand. Every
//! tool is small, and none of them looks at the world: time and randomness are given to it.
//!
//! | file | subject |
//! |---|---|
//! | `clock.rs` | [`Clock`], and one that is set by hand |
//! | `deadline.rs` | [`Deadline`]: a point in time that something must not pass |
//! | `backoff.rs` | [`Backoff`]: how long to wait before the next try |
//! | `remote.rs` | [`Remote`], [`Whereabouts`]: callers and doors, with an IP address or behind a unix socket |
//! | `units.rs` | `10s`, `500ms`, `64k` |
//!
//! The clock that shows real time is not here: it belongs to the part that runs things, so that
//! no pure part can read it by accident.

mod backoff;
mod clock;
mod deadline;
mod remote;
mod units;

pub use crate::backoff::Backoff;
pub use crate::clock::{Clock, ManualClock, UnixMillis};
pub use crate::deadline::Deadline;
pub use crate::remote::{Remote, Whereabouts};
pub use crate::units::{UnitError, parse_duration, parse_size};
