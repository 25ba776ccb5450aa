//! A person's word on the health of a target, on its way to every node.
//!
//! "Send nobody to counter three today." Whoever runs the market has the word passed on to all entrances, and it holds until somebody says
//! otherwise or a probe finds out for itself.
//!
//! It travels as a broadcast in the log, so all nodes hear it in the same order. It is no part of the configuration: a node that starts later
//! does not hear it. Kong: the same, a mark outlives neither a restart nor the upstream.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The upstream's id.
    pub upstream: Uuid,
    /// `host:port` of the target.
    pub target: String,
    /// One of its addresses; all of them when none.
    pub address: Option<String>,
    /// Whether it is to be picked.
    pub healthy: bool,
}

impl Mark {
    /// The channel of the broadcast.
    pub const CHANNEL: &'static str = "health_marks";

    /// As it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("invariant: strings and a flag are always JSON")
    }

    /// As it arrived.
    ///
    /// # Errors
    /// When it is none of ours.
    pub fn from_bytes(bytes: &[u8]) -> Result<Mark, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_arrives_as_it_was_sent() {
        let mark = Mark {
            upstream: Uuid::from_u128(7),
            target: "a.test:80".to_owned(),
            address: Some("10.0.0.1:80".to_owned()),
            healthy: false,
        };
        assert_eq!(Mark::from_bytes(&mark.to_bytes()).unwrap(), mark);
        assert!(Mark::from_bytes(b"{}").is_err());
    }
}
