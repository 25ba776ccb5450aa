//! Everything of this node that can be read off as a number, for whoever scrapes `/metrics`.
//!
//! Kong's numbers under Kong's names (`numbers.rs`, and what plugins counted), so that dashboards made for Kong go on working; beside them what only
//! a cluster without a database has to tell, under ours. Labels are words of ours and never a client's, so the number of rows is known
//! beforehand; only the `prometheus` plugin has rows by name of entity, within a limit of its own.

use crate::numbers;
use std::sync::Arc;
use troop_cluster::cluster::Cluster;
use troop_gateway::{CounterSnapshot, Exporter, Gauges};
use troop_plugin_api::{Node, Plugin};
use troop_raft_store::RaftStore;
use troop_runtime::TaskSet;
use troop_telemetry::{Exposition, metric};
use troop_txn::Store;

/// What a node can be to Raft.
const ROLES: [&str; 4] = ["leader", "follower", "candidate", "learner"];

/// Where the numbers come from.
pub struct Meters {
    /// How plugins call this node.
    pub node: Node,
    /// The data plane's.
    pub gateway: Gauges,
    /// Raft's.
    pub cluster: Arc<Cluster>,
    /// The history's.
    pub store: Arc<RaftStore>,
    /// The program's tasks.
    pub tasks: TaskSet,
    /// Where spans go.
    pub exporter: Option<Arc<Exporter>>,
    /// Those that count.
    pub plugins: Vec<Arc<dyn Plugin>>,
}

impl Meters {
    /// The text for Prometheus.
    pub fn read(&self) -> String {
        let mut text = Exposition::default();
        let counters = self.gateway.counters();
        numbers::write(&self.node, &counters, &mut text);
        self.write_raft(&mut text);
        self.write_history(&mut text);
        self.write_pace(&mut text);
        write_proxy(&counters, &mut text);
        text.number(metric::TASK_PANICS_TOTAL, self.tasks.panics());
        if let Some(exporter) = &self.exporter {
            exporter.report(&mut text);
        }
        for plugin in &self.plugins {
            plugin.report(&self.node, &mut text);
        }
        text.finish()
    }

    fn write_raft(&self, text: &mut Exposition) {
        let raft = self.cluster.raft_status();
        text.metric(metric::RAFT_ROLE);
        for role in ROLES {
            let is = raft.role == role && raft.stopped.is_none();
            text.sample(&[("role", role)], u64::from(is));
        }
        let lag = raft.last_log_index.saturating_sub(raft.applied_index);
        text.number(metric::RAFT_LEADER_KNOWN, u64::from(raft.leader.is_some()));
        text.number(metric::RAFT_QUORUM, u64::from(raft.quorum));
        text.number(metric::RAFT_TERM, raft.term);
        text.number(metric::RAFT_LAST_LOG_INDEX, raft.last_log_index);
        text.number(metric::RAFT_APPLIED_INDEX, raft.applied_index);
        text.number(metric::RAFT_LAG_ENTRIES, lag);
    }

    fn write_history(&self, text: &mut Exposition) {
        // A store that cannot be read says so at `/status`; what is not known is not shown.
        if let Ok(notes) = self.store.notes() {
            text.number(metric::HISTORY_EVENTS, notes.events_kept);
        }
    }

    fn write_pace(&self, text: &mut Exposition) {
        let pace = self.gateway.pace();
        pace.propagation.write(metric::PROPAGATION_SECONDS, text);
        pace.build.write(metric::PLAN_BUILD_SECONDS, text);
    }
}

fn write_proxy(counters: &CounterSnapshot, text: &mut Exposition) {
    text.number(metric::PEER_CONNECTIONS_IDLE, counters.peer_connections_idle);
    text.number(metric::PEER_CONNECTS_TOTAL, counters.peer_connects_total);
    text.number(metric::RETRIES_TOTAL, counters.retries_total);
    text.number(
        metric::ACCESS_LINES_DROPPED_TOTAL,
        counters.access_lines_dropped_total,
    );
    text.number(metric::REQUESTS_SHED_TOTAL, counters.requests_shed_total);
    text.number(
        metric::CONNECTIONS_CROWDED_TOTAL,
        counters.connections_crowded_total,
    );
    text.number(metric::RECORDS_SKIPPED_TOTAL, counters.records_skipped_total);
}
