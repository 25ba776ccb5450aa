//! A value with its two dates.

use crate::revision::Revision;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is stored under a key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Revision that wrote the row first since it was last absent.
    pub created: Revision,
    /// Revision that wrote it last: the entity's version for compare-and-swap.
    pub modified: Revision,
    /// The bytes the planner gave; the machine never reads them.
    pub value: Bytes,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may hold secrets: sizes are enough for a log.
        write!(
            f,
            "Row({}..{}, {} bytes)",
            self.created,
            self.modified,
            self.value.len()
        )
    }
}
