//! The one number every read, event and plan carries.
//!
//! A revision is the log index of the last applied transaction. It only rises, it has gaps (entries that
//! are not transactions take an index too), and it means the same on every node.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Log index of an applied transaction; zero before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Revision(u64);

impl Revision {
    /// Before any transaction.
    pub const ZERO: Revision = Revision(0);

    /// The revision of the transaction at this log index.
    pub const fn new(log_index: u64) -> Self {
        Revision(log_index)
    }

    /// The log index.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
