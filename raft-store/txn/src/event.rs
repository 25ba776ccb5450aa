//! What an applied transaction did.
//!
//! The minutes of the meeting: one line per changed record and one per broadcast, in the order of the ops,
//! kept as long as the history is not compacted. Every node writes the same minutes.

use crate::revision::Revision;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What happened to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// It was absent before.
    Create,
    /// It was written over.
    Update,
    /// It is gone.
    Delete,
}

impl Operation {
    /// The word used in channel names and in event streams.
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Create => "create",
            Operation::Update => "update",
            Operation::Delete => "delete",
        }
    }
}

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The transaction it belongs to.
    pub revision: Revision,
    /// Its place among the events of that transaction, from zero.
    pub ordinal: u32,
    /// What it says.
    pub body: EventBody,
}

/// What an event says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventBody {
    /// A record changed.
    Crud {
        /// Its schema.
        schema: String,
        /// How.
        operation: Operation,
        /// Its primary key, raw.
        id: Bytes,
        /// The stored value now; none after a delete.
        entity: Option<Bytes>,
        /// The stored value before; none at a create.
        old_entity: Option<Bytes>,
    },
    /// Somebody spoke on a channel.
    Broadcast {
        /// The channel's name.
        channel: String,
        /// Opaque.
        data: Bytes,
        /// Deliver no sooner than this wall-clock time (milliseconds since 1970).
        not_before_ms: Option<u64>,
    },
}

impl EventBody {
    /// Whether a subscriber of `channel` hears this. Record changes are heard on `crud`, `crud:<schema>` and
    /// `crud:<schema>:<operation>`; broadcasts on their own name.
    pub fn is_heard_on(&self, channel: &str) -> bool {
        match self {
            EventBody::Broadcast { channel: own, .. } => own == channel,
            EventBody::Crud {
                schema, operation, ..
            } => {
                let mut parts = channel.split(':');
                parts.next() == Some("crud")
                    && parts.next().is_none_or(|s| s == schema)
                    && parts.next().is_none_or(|o| o == operation.as_str())
                    && parts.next().is_none()
            }
        }
    }
}

impl fmt::Debug for EventBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Entities may hold secrets: the log gets names only.
        match self {
            EventBody::Crud {
                schema, operation, ..
            } => write!(f, "crud:{schema}:{}", operation.as_str()),
            EventBody::Broadcast { channel, data, .. } => write!(f, "{channel} ({} bytes)", data.len()),
        }
    }
}

/// Key of an event in its table: in order of revision, then ordinal.
pub fn event_key(revision: Revision, ordinal: u32) -> [u8; 12] {
    let mut out = [0; 12];
    out[..8].copy_from_slice(&revision.get().to_be_bytes());
    out[8..].copy_from_slice(&ordinal.to_be_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_change_is_heard_on_its_three_channels_only() {
        let body = EventBody::Crud {
            schema: "routes".into(),
            operation: Operation::Update,
            id: Bytes::new(),
            entity: None,
            old_entity: None,
        };
        for (channel, heard) in [
            ("crud", true),
            ("crud:routes", true),
            ("crud:routes:update", true),
            ("crud:routes:delete", false),
            ("crud:services", false),
            ("crud:routes:update:x", false),
            ("routes", false),
        ] {
            assert_eq!(body.is_heard_on(channel), heard, "{channel}");
        }
    }
}
