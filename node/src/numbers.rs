//! The proxy's numbers under Kong's names, so that dashboards made for Kong go on working.

use troop_gateway::CounterSnapshot;
use troop_plugin_api::Node;
use troop_telemetry::{Exposition, Kind};

/// Writes them.
pub fn write(node: &Node, now: &CounterSnapshot, text: &mut Exposition) {
    let id = node.id.as_str();
    text.family("kong_node_info", Kind::Gauge, "This node");
    let version = ("version", env!("CARGO_PKG_VERSION"));
    text.sample(&[("node_id", id), version], 1);

    text.family(
        "kong_nginx_connections_total",
        Kind::Gauge,
        "Client connections by state",
    );
    for (state, value) in [
        ("accepted", now.connections_accepted),
        ("active", now.connections_active),
        ("handled", now.connections_accepted),
        ("reading", now.connections_reading),
        ("total", now.requests_total),
        ("waiting", now.connections_waiting),
        ("writing", now.connections_writing),
    ] {
        let labels = [("node_id", id), ("subsystem", "http"), ("state", state)];
        text.sample(&labels, value);
    }

    text.family("kong_nginx_requests_total", Kind::Gauge, "Requests that came in");
    let labels = [("node_id", id), ("subsystem", "http")];
    text.sample(&labels, now.requests_total);

    // The store is on this node's own disk, and this is the process that reads it.
    text.family(
        "kong_datastore_reachable",
        Kind::Gauge,
        "Whether the configuration can be read",
    );
    text.sample(&[], 1);
}
