//! `redirect`: the client is sent elsewhere.

mod handler;
mod schema;

use std::sync::Arc;
use troop_plugin_api::{Handler, Misconfigured, Plugin, Setup};
use troop_schema::PluginSchema;

/// The plugin.
pub struct Redirect;

impl Plugin for Redirect {
    fn name(&self) -> &'static str {
        "redirect"
    }

    fn priority(&self) -> i32 {
        779
    }

    fn schema(&self) -> PluginSchema {
        schema::schema()
    }

    fn configure(&self, setup: &Setup<'_>) -> Result<Arc<dyn Handler>, Misconfigured> {
        Ok(Arc::new(handler::Redirector::configure(setup.config)?))
    }
}
