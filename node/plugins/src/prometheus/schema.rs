//! The configuration of `prometheus`.

use troop_schema::{Field, PluginSchema, typedef};

/// Kong's fields and defaults.
pub(super) fn schema() -> PluginSchema {
    let switch = |name| (name, Field::boolean().default(false));
    PluginSchema::new(
        "prometheus",
        [
            "per_consumer",
            "status_code_metrics",
            "ai_metrics",
            "latency_metrics",
            "bandwidth_metrics",
            "upstream_health_metrics",
        ]
        .map(switch)
        .to_vec(),
    )
    .protocols(typedef::PROTOCOLS)
}
