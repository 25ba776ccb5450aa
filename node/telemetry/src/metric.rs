//! Names of metrics: what it counts first, the unit last, `troop_` in front.
//!
//! Labels are bounded by construction (a status class, a phase), never something a client sends.

/// Requests that came in, by class of status.
pub const REQUESTS_TOTAL: &str = "troop_requests_total";
/// Client connections open now.
pub const CLIENT_CONNECTIONS: &str = "troop_client_connections";
/// Connections to peers opened because none was idle.
pub const PEER_CONNECTS_TOTAL: &str = "troop_peer_connects_total";
/// Tries beyond the first.
pub const RETRIES_TOTAL: &str = "troop_retries_total";
/// Lines of the access log dropped because its queue was full.
pub const ACCESS_LINES_DROPPED_TOTAL: &str = "troop_access_lines_dropped_total";
/// Revision the workers of this node serve.
pub const SERVED_REVISION: &str = "troop_served_revision";
/// Revision this node has applied.
pub const APPLIED_REVISION: &str = "troop_applied_revision";
/// Background tasks that panicked.
pub const TASK_PANICS_TOTAL: &str = "troop_task_panics_total";

/// Log entries that no collector got, by plugin and reason.
pub const LOG_ENTRIES_LOST_TOTAL: &str = "troop_log_entries_lost_total";

/// Every name, so that a test can hold them to one spelling.
pub const ALL: [&str; 9] = [
    REQUESTS_TOTAL,
    CLIENT_CONNECTIONS,
    PEER_CONNECTS_TOTAL,
    RETRIES_TOTAL,
    ACCESS_LINES_DROPPED_TOTAL,
    SERVED_REVISION,
    APPLIED_REVISION,
    TASK_PANICS_TOTAL,
    LOG_ENTRIES_LOST_TOTAL,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_the_prefix_and_none_stands_twice() {
        for (index, name) in ALL.iter().enumerate() {
            assert!(name.starts_with("troop_"), "{name}");
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{name}"
            );
            assert!(!ALL[..index].contains(name), "{name} twice");
        }
    }
}
