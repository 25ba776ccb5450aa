//! Names of fields in log events and spans.
//!
//! Use them as `tracing::info!({ field::NODE } = %id, "joined")`. One thing, one name, in every crate.

/// Id of a node.
pub const NODE: &str = "node";
/// Id of a cluster.
pub const CLUSTER: &str = "cluster";
/// A revision of the configuration.
pub const REVISION: &str = "revision";
/// A Raft term.
pub const TERM: &str = "term";
/// Index of a log entry.
pub const LOG_INDEX: &str = "log_index";
/// Name of a background task.
pub const TASK: &str = "task";
/// Socket address on our side of a connection.
pub const LISTEN: &str = "listen";
/// Socket address of a client.
pub const CLIENT: &str = "client";
/// Socket address of a peer.
pub const PEER: &str = "peer";
/// Id of a proxied request.
pub const REQUEST: &str = "request";
/// Name of an entity's schema.
pub const SCHEMA: &str = "schema";
/// Name of a plugin.
pub const PLUGIN: &str = "plugin";
/// Id of a route.
pub const ROUTE: &str = "route";
/// Id of a service.
pub const SERVICE: &str = "service";
/// Why something was done or refused.
pub const REASON: &str = "reason";
/// An error with its causes.
pub const ERROR: &str = "error";
/// How long something took, in milliseconds.
pub const DURATION_MS: &str = "duration_ms";
/// A file or directory.
pub const PATH: &str = "path";

/// Every name, so that a test can hold them to one spelling.
pub const ALL: [&str; 18] = [
    NODE,
    CLUSTER,
    REVISION,
    TERM,
    LOG_INDEX,
    TASK,
    LISTEN,
    CLIENT,
    PEER,
    REQUEST,
    SCHEMA,
    PLUGIN,
    ROUTE,
    SERVICE,
    REASON,
    ERROR,
    DURATION_MS,
    PATH,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_words_and_none_stands_twice() {
        for (index, name) in ALL.iter().enumerate() {
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{name}"
            );
            assert!(!ALL[..index].contains(name), "{name} twice");
        }
    }
}
