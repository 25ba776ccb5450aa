//! Our metrics: what it counts first, the unit last, `troop_` in front.
//!
//! One row each, from which the text for Prometheus, the page of the book and this crate's constants derive. Labels are bounded by
//! construction (a role, a reason), never something a client sends.

use crate::exposition::Kind;
use std::fmt::Write;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it does over time.
    pub kind: Kind,
    /// Its labels, each with the values it may have.
    pub labels: &'static [(&'static str, &'static str)],
    text: &'static str,
}

impl Metric {
    /// What it says, in a sentence.
    pub fn help(&self) -> &'static str {
        self.text.trim()
    }
}

macro_rules! metrics {
    ($(
        $(#[doc = $text:literal])+
        $constant:ident: $kind:ident = $name:literal $([ $($label:literal: $values:literal),+ ])?;
    )+) => {
        $(
            $(#[doc = $text])+
            pub const $constant: Metric = Metric {
                name: $name,
                kind: Kind::$kind,
                labels: &[$($(($label, $values)),+)?],
                text: concat!($($text),+),
            };
        )+

        /// Every one, in the order of the page.
        pub const ALL: &[Metric] = &[$($constant),+];
    };
}

metrics! {
    /// Revision this node has applied.
    APPLIED_REVISION: Gauge = "troop_applied_revision";
    /// Revision this node's workers serve.
    SERVED_REVISION: Gauge = "troop_served_revision";
    /// From a change being applied on this node to its being served by all of its workers.
    PROPAGATION_SECONDS: Histogram = "troop_propagation_seconds";
    /// Making what the workers serve from one page of changes, or from everything at the start.
    PLAN_BUILD_SECONDS: Histogram = "troop_plan_build_seconds";
    /// Stored records of which the data plane could make nothing; what they were before goes on being served.
    RECORDS_SKIPPED_TOTAL: Counter = "troop_records_skipped_total";
    /// Events that this node keeps for those who follow changes.
    HISTORY_EVENTS: Gauge = "troop_history_events";

    /// What this node is to Raft: 1 at its role, 0 at the others; 0 at all when Raft has stopped.
    RAFT_ROLE: Gauge = "troop_raft_role" ["role": "`leader`, `follower`, `candidate`, `learner`"];
    /// Whether this node knows who leads.
    RAFT_LEADER_KNOWN: Gauge = "troop_raft_leader_known";
    /// Whether writes can be taken: a follower hears its leader, a leader its quorum.
    RAFT_QUORUM: Gauge = "troop_raft_quorum";
    /// Raft's term; it grows with every election.
    RAFT_TERM: Gauge = "troop_raft_term";
    /// Index of the last entry of this node's log.
    RAFT_LAST_LOG_INDEX: Gauge = "troop_raft_last_log_index";
    /// Index of the last entry that was applied here.
    RAFT_APPLIED_INDEX: Gauge = "troop_raft_applied_index";
    /// Entries of this node's log that are not applied yet.
    RAFT_LAG_ENTRIES: Gauge = "troop_raft_lag_entries";

    /// Requests that came in.
    REQUESTS_TOTAL: Counter = "troop_requests_total";
    /// Client connections open now.
    CLIENT_CONNECTIONS: Gauge = "troop_client_connections";
    /// Connections to peers that wait for their next request.
    PEER_CONNECTIONS_IDLE: Gauge = "troop_peer_connections_idle";
    /// Connections to peers opened because none was idle.
    PEER_CONNECTS_TOTAL: Counter = "troop_peer_connects_total";
    /// Tries beyond the first.
    RETRIES_TOTAL: Counter = "troop_retries_total";
    /// Requests turned away because a worker was overloaded.
    REQUESTS_SHED_TOTAL: Counter = "troop_requests_shed_total";
    /// Connections closed because their address had too many.
    CONNECTIONS_CROWDED_TOTAL: Counter = "troop_connections_crowded_total";

    /// Lines of the access log dropped because its queue was full.
    ACCESS_LINES_DROPPED_TOTAL: Counter = "troop_access_lines_dropped_total";
    /// Log entries of plugins that no collector got.
    LOG_ENTRIES_LOST_TOTAL: Counter = "troop_log_entries_lost_total"
        ["plugin": "a log plugin", "reason": "`queue_full`, `undelivered`"];
    /// Spans that a collector took.
    SPANS_EXPORTED_TOTAL: Counter = "troop_spans_exported_total";
    /// Spans that no collector got.
    SPANS_LOST_TOTAL: Counter = "troop_spans_lost_total" ["reason": "`queue_full`, `undelivered`"];
    /// Background tasks that panicked.
    TASK_PANICS_TOTAL: Counter = "troop_task_panics_total";

    /// Counts of rate limits told to other nodes.
    TALLY_COUNTS_TOLD_TOTAL: Counter = "troop_tally_counts_told_total";
    /// Messages about counts that another node did not take; they are told again.
    TALLY_SHEETS_UNDELIVERED_TOTAL: Counter = "troop_tally_sheets_undelivered_total";
    /// Counts of other nodes for which there was no room.
    TALLY_COUNTS_IGNORED_TOTAL: Counter = "troop_tally_counts_ignored_total";
    /// Whether no majority of the nodes tells this one what it counts.
    TALLY_CUT_OFF: Gauge = "troop_tally_cut_off";
}

const HEAD: &str = "# Metrics

`GET /metrics` on the status listener, and on the Admin API as on Kong, answers with Prometheus's text. How to scrape and what to watch is
told under [Observing troop](../observing.md).

Labels are words of the gateway or names of entities, never something a client sends, so the number of rows is known beforehand: the
plugin `prometheus` keeps at most 50,000 rows of a family, and counts in `kong_nginx_metric_errors_total` what it had to leave out.

## troop's own

Rows of `troop_tally_*` appear once a rate-limiting plugin with the policy `cluster` is configured, those of `troop_spans_*` with tracing on.

| metric | kind | labels | what it says |
|---|---|---|---|
";

const KONG: &str = "
## Under Kong's names

| metric | kind | labels | when |
|---|---|---|---|
| `kong_node_info` | gauge | `node_id`, `version` | always |
| `kong_nginx_connections_total` | gauge | `node_id`, `subsystem`, `state` | always |
| `kong_nginx_requests_total` | gauge | `node_id`, `subsystem` | always |
| `kong_datastore_reachable` | gauge | | always |
| `kong_memory_lua_shared_dict_bytes`, `kong_memory_lua_shared_dict_total_bytes` | gauge | `node_id`, `shared_dict`, `kong_subsystem` | always; of the counters of `rate-limiting` |
| `kong_nginx_metric_errors_total` | counter | | always |
| `kong_http_requests_total` | counter | `service`, `route`, `code`, `source`, `workspace`, `consumer` | `prometheus` with `status_code_metrics` |
| `kong_stream_sessions_total` | counter | `service`, `route`, `code`, `source`, `workspace` | the same, of connections and runs of datagrams |
| `kong_bandwidth_bytes` | counter | `service`, `route`, `direction`, `workspace`, and `consumer` of requests | `prometheus` with `bandwidth_metrics` |
| `kong_kong_latency_ms`, `kong_upstream_latency_ms`, `kong_request_latency_ms`, `kong_session_duration_ms` | histogram | `service`, `route`, `workspace` | `prometheus` with `latency_metrics` |

The label `consumer` is empty unless the plugin says `per_consumer`.
";

/// The page of the book.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    for metric in ALL {
        let labels: Vec<_> = metric
            .labels
            .iter()
            .map(|(label, values)| format!("`{label}`: {values}"))
            .collect();
        writeln!(
            page,
            "| `{}` | {} | {} | {} |",
            metric.name,
            metric.kind.as_str(),
            labels.join("; "),
            metric.help()
        )
        .expect("invariant: writing to a String cannot fail");
    }
    page + KONG
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_the_prefix_and_none_stands_twice() {
        for (index, Metric { name, kind, .. }) in ALL.iter().enumerate() {
            assert!(name.starts_with("troop_"), "{name}");
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{name}"
            );
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert!(
                ALL[..index].iter().all(|other| other.name != *name),
                "{name} twice"
            );
        }
    }

    #[test]
    fn the_page_of_the_book_says_what_the_table_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/reference/metrics.md");
        if std::env::var_os("WRITE_REFERENCE").is_some() {
            std::fs::write(path, reference()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(page == reference(), "{path} is out of date; run ./ci fix");
    }
}
