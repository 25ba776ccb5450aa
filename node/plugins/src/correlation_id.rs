//! `correlation-id`: gives each request an id that the peer, and if wanted the client, can find again.

mod handler;
mod schema;

use std::sync::Arc;
use troop_plugin_api::{Handler, Misconfigured, Plugin, Setup};
use troop_schema::PluginSchema;

/// The plugin.
pub struct CorrelationId;

impl Plugin for CorrelationId {
    fn name(&self) -> &'static str {
        "correlation-id"
    }

    fn priority(&self) -> i32 {
        100_001
    }

    fn schema(&self) -> PluginSchema {
        schema::schema()
    }

    fn configure(&self, setup: &Setup<'_>) -> Result<Arc<dyn Handler>, Misconfigured> {
        Ok(Arc::new(handler::Correlator::configure(setup.config)?))
    }
}
