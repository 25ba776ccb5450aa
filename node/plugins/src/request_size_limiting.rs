//! `request-size-limiting`: bodies above a size are refused.

mod handler;
mod schema;

use std::sync::Arc;
use troop_plugin_api::{Handler, Misconfigured, Plugin, Setup};
use troop_schema::PluginSchema;

/// The plugin.
pub struct RequestSizeLimiting;

impl Plugin for RequestSizeLimiting {
    fn name(&self) -> &'static str {
        "request-size-limiting"
    }

    fn priority(&self) -> i32 {
        951
    }

    fn schema(&self) -> PluginSchema {
        schema::schema()
    }

    fn configure(&self, setup: &Setup<'_>) -> Result<Arc<dyn Handler>, Misconfigured> {
        Ok(Arc::new(handler::SizeCheck::configure(setup.config)?))
    }
}
