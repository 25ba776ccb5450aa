//! A turn of every node's log level, on its way to them.
//!
//! "Everybody speak up for a minute." One node is told, the word goes out as a broadcast in the log, and each node turns its own dial, which
//! springs back by itself. Kong: the same. A node that starts later does not hear it.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTurn {
    /// One of Kong's words, `debug` to `emerg`.
    pub level: String,
    /// How long, from when a node hears it.
    pub span: Duration,
}

impl LogTurn {
    /// The channel of the broadcast.
    pub const CHANNEL: &'static str = "log_level";

    /// As it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("invariant: a string and a duration are always JSON")
    }

    /// As it arrived.
    ///
    /// # Errors
    /// When it is none of ours.
    pub fn from_bytes(bytes: &[u8]) -> Result<LogTurn, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_arrives_as_it_was_sent() {
        let turn = LogTurn {
            level: "debug".to_owned(),
            span: Duration::from_secs(60),
        };
        assert_eq!(LogTurn::from_bytes(&turn.to_bytes()).unwrap(), turn);
        assert!(LogTurn::from_bytes(b"{}").is_err());
    }
}
