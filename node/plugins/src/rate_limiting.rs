//! `rate-limiting`: so many requests per period, and no more.

mod handler;
mod schema;

use crate::limits::{Shelf, tally::Tally};
use std::sync::Arc;
use troop_plugin_api::{Handler, Misconfigured, Node, Plugin, Setup};
use troop_schema::PluginSchema;
use troop_telemetry::{Exposition, Kind};

/// The plugin, with the counts of all its instances: a changed configuration does not start them anew.
#[derive(Default)]
pub struct RateLimiting {
    shelf: Shelf,
}

impl RateLimiting {
    /// Whose policy `cluster` counts with the other nodes.
    pub(crate) fn with(tally: &Arc<Tally>) -> Self {
        RateLimiting {
            shelf: Shelf::with(tally),
        }
    }
}

impl Plugin for RateLimiting {
    fn name(&self) -> &'static str {
        handler::PLUGIN
    }

    fn priority(&self) -> i32 {
        910
    }

    fn schema(&self) -> PluginSchema {
        schema::schema()
    }

    /// Kong: counts live in a shared dictionary of a fixed size, and so do ours.
    fn report(&self, node: &Node, out: &mut Exposition) {
        let labels = [
            ("node_id", node.id.as_str()),
            ("shared_dict", "kong_rate_limiting_counters"),
            ("kong_subsystem", "http"),
        ];
        let (used, total) = self.shelf.memory_bytes();
        for (name, help, bytes) in [
            (
                "kong_memory_lua_shared_dict_bytes",
                "Memory that counts take up",
                used,
            ),
            (
                "kong_memory_lua_shared_dict_total_bytes",
                "Memory that counts may take up",
                total,
            ),
        ] {
            out.family(name, Kind::Gauge, help);
            out.sample(&labels, bytes);
        }
        self.shelf.tally().report(out);
    }

    fn configure(&self, setup: &Setup<'_>) -> Result<Arc<dyn Handler>, Misconfigured> {
        Ok(Arc::new(handler::Limiter::configure(setup, &self.shelf)?))
    }
}
