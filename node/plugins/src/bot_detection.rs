//! `bot-detection`: known robots are turned away by what they call themselves.

mod handler;
mod known;
mod schema;

use std::sync::Arc;
use troop_plugin_api::{Handler, Misconfigured, Plugin, Setup};
use troop_schema::PluginSchema;

/// The plugin.
pub struct BotDetection;

impl Plugin for BotDetection {
    fn name(&self) -> &'static str {
        "bot-detection"
    }

    fn priority(&self) -> i32 {
        2500
    }

    fn schema(&self) -> PluginSchema {
        schema::schema()
    }

    fn configure(&self, setup: &Setup<'_>) -> Result<Arc<dyn Handler>, Misconfigured> {
        Ok(Arc::new(handler::BotCheck::configure(setup.config)?))
    }
}
